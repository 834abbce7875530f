//! A tracker process with ports and a directory of its own.

mod admin;
mod binary;
mod ports;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub use admin::Admin;
pub use binary::mika;
use ports::Ports;

/// The token of every admin API here.
pub const TOKEN: &str = "durability-0123456789abcdef0123456789abcdef";

/// How long a start, a stop or an answer may take, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What is written to the configuration file beside ports and paths.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// Milliseconds between two batches.
    pub flush_milliseconds: u32,
    /// Seconds between two snapshots.
    pub snapshot_seconds: u32,
    /// Where the SQLite file is, if not in the data directory.
    pub store_path: Option<PathBuf>,
    /// The lines of `[store]` for another store than a SQLite file.
    pub store: Option<String>,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { flush_milliseconds: 50, snapshot_seconds: 1, store_path: None, store: None }
    }
}

/// Where a tracker lives: its configuration, its data, its ports. Processes come and go in it.
#[derive(Debug)]
pub struct Site {
    dir: PathBuf,
    data: PathBuf,
    store: PathBuf,
    ports: Ports,
}

impl Site {
    /// Writes a configuration into `dir`; the data goes to `data`. `number` differs from test to
    /// test, so that tests at the same time find ports at once.
    pub fn new(dir: &Path, data: &Path, number: u16, tuning: &Tuning) -> Self {
        let ports = Ports::find(number);
        let store = tuning.store_path.clone().unwrap_or_else(|| data.join("mika.sqlite"));
        let site = Self { dir: dir.to_owned(), data: data.to_owned(), store, ports };
        let (announce, admin) = (site.ports.announce, site.ports.admin);
        let listen = format!("listen = [\"127.0.0.1:{announce}\", \"[::1]:{announce}\"]");
        let text = format!(
            "[tracker]\nnumwant_max = 500\nsessions_per_user_and_torrent_max = 8\n\
             [http]\n{listen}\nworkers = 2\n[udp]\n{listen}\nworkers = 2\n\
             [admin]\nlisten = \"127.0.0.1:{admin}\"\ntoken = \"{TOKEN}\"\n\
             [data]\ndir = {data:?}\n[store]\n{store}\n\
             [flush]\ninterval_milliseconds = {}\n[snapshot]\ninterval_seconds = {}\n",
            tuning.flush_milliseconds,
            tuning.snapshot_seconds,
            data = site.data,
            store = tuning.store.clone().unwrap_or_else(|| format!("path = {:?}", site.store)),
        );
        fs::write(site.config(), text).expect("the configuration");
        site
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.dir.join("mika.toml")
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The SQLite file.
    pub fn store(&self) -> &Path {
        &self.store
    }

    /// Where clients with IPv4 announce, over TCP and UDP.
    pub fn announce_v4(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.announce).into()
    }

    /// Where clients with IPv6 announce.
    pub fn announce_v6(&self) -> SocketAddr {
        (Ipv6Addr::LOCALHOST, self.ports.announce).into()
    }

    /// The port of the admin API.
    pub fn admin_port(&self) -> u16 {
        self.ports.admin
    }

    /// The admin API.
    pub fn admin(&self) -> Admin {
        Admin::new(self.ports.admin, TOKEN)
    }

    /// Everything that the processes have logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.dir.join("mika.log")
    }

    /// The journal's segments, in order.
    pub fn segments(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.data.join("journal")).expect("the journal's directory");
        let mut segments: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        segments.retain(|path| path.extension().is_some_and(|name| name == "journal"));
        segments.sort();
        segments
    }

    /// Writes something else in the configuration.
    pub fn change_config(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.config()).expect("the configuration");
        assert!(text.contains(from), "the configuration lacks what is to be changed");
        fs::write(self.config(), text.replace(from, to)).expect("the configuration");
    }

    /// Starts a process and does not wait for it.
    pub fn spawn(&self) -> Server {
        let log = File::options().create(true).append(true).open(self.log_path());
        let mut child = Command::new(mika())
            .args(["serve", "--config"])
            .arg(self.config())
            .current_dir(&self.dir)
            .env_remove("MIKA_TOKEN")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.expect("the log"))
            .spawn()
            .expect("mika serve");
        let ready = Arc::new(AtomicBool::new(false));
        let (output, told) = (child.stdout.take().expect("its output"), Arc::clone(&ready));
        // It prints its welcome once clients are answered; the rest is read so that it never
        // blocks. The thread ends with the process.
        thread::spawn(move || {
            let mut line = String::new();
            let mut output = BufReader::new(output);
            while output.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                told.store(true, Ordering::SeqCst);
                line.clear();
            }
        });
        Server { child, ready, spawned: Instant::now(), log: self.log_path() }
    }

    /// Starts a process and waits until it answers.
    pub fn start(&self) -> Server {
        let mut server = self.spawn();
        server.wait_until_ready();
        server
    }

    /// Starts a process that is to end by itself; returns how, and what it said about it.
    pub fn start_that_fails(&self) -> (ExitStatus, String) {
        let before = self.log().len();
        let mut server = self.spawn();
        let status = server.wait();
        (status, self.log().get(before..).unwrap_or_default().to_owned())
    }

    /// Runs `mika client …`; returns what it printed.
    pub fn client(&self, arguments: &[&str]) -> io::Result<String> {
        let mut command = Command::new(mika());
        command.arg("client").arg("--config").arg(self.config()).args(arguments);
        let output = command.output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

/// A running process; it is killed when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    ready: Arc<AtomicBool>,
    spawned: Instant,
    log: PathBuf,
}

impl Server {
    /// Whether it has said that it answers clients.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::SeqCst)
    }

    /// Waits until it answers clients; returns how long the start took.
    pub fn wait_until_ready(&mut self) -> Duration {
        while !self.is_ready() {
            if let Some(status) = self.child.try_wait().expect("its status") {
                panic!("mika has ended with {status}:\n{}", self.last_words());
            }
            assert!(self.spawned.elapsed() < PATIENCE, "no start:\n{}", self.last_words());
            thread::sleep(Duration::from_millis(1));
        }
        self.spawned.elapsed()
    }

    /// `kill -9`: when this returns the process is gone, and its sockets with it.
    pub fn kill(mut self) {
        self.child.kill().expect("kill -9");
        self.child.wait().expect("its end");
    }

    /// SIGTERM; returns how it ended.
    pub fn terminate(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.wait()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("its status").is_some()
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "it does not end:\n{}", self.last_words());
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("a signal");
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
