//! A site as a process of its own, and a tracker with one worker in front of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mika_core::registry::UserSpec;
use mika_core::{Mode, Settings, Tracker};
use mika_protocol::Passkey;
use mika_server::clock::Clock;
use mika_server::control::{AnnounceUrls, Control};
use mika_server::listen::bind::{bind_http, bind_udp};
use mika_server::listen::http::{self, WorkerListeners};
use mika_server::listen::udp::{self, UdpSettings};
use mika_server::listen::{HttpSettings, ListenContext, LiveSettings, Shutdown, Workers};
use mika_server::lookup::{LookupSettings, StoreLookup};
use mika_server::metrics::Metrics;
use mika_store::http::{HttpOptions, HttpStore};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Long enough never to be reached on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const PASSKEY: &str = "passkey-of-the-user-1";
const SECRET: &str = "secret";

pub struct Site {
    folder: TempDir,
    pub url: String,
    process: Child,
}

impl Site {
    pub fn start() -> Self {
        Self::spawn(None)
    }

    /// A site that never answers a look-up.
    pub fn hangs() -> Self {
        Self::spawn(Some("hangs"))
    }

    fn spawn(broken: Option<&str>) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let script = match broken {
            None => "examples/http-store/site.py",
            Some(_) => "crates/store/tests/support/http/broken_site.py",
        };
        let folder = TempDir::new().unwrap();
        let mut process = Command::new("python3")
            .arg(root.join(script))
            .args(["--port", "0", "--secret", SECRET, "--db"])
            .arg(folder.path().join("site.db"))
            .env("BROKEN", broken.unwrap_or_default())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 has to be there");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("the site starts").to_owned();
        Self { folder, url, process }
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("site.db")
    }

    /// Changes the site's tables, as the site itself would.
    pub fn execute(&self, sql: &str) {
        const SCRIPT: &str = "import sqlite3, sys\n\
                              db = sqlite3.connect(sys.argv[1], timeout=30)\n\
                              db.executescript(sys.argv[2])";
        let database = self.database();
        let arguments = ["-c", SCRIPT, database.to_str().unwrap(), sql];
        assert!(Command::new("python3").args(arguments).status().unwrap().success());
    }

    pub fn add_user(&self, id: u32, passkey: &str) {
        self.execute(&format!(
            "INSERT INTO users (id, name, passkey) VALUES ({id}, 'user{id}', '{passkey}')"
        ));
    }

    /// A torrent whose hash is 20 times the same letter.
    pub fn add_torrent(&self, id: u32, letter: char) {
        let hash = letter.to_string().repeat(20);
        self.execute(&format!(
            "INSERT INTO torrents (id, info_hash) VALUES ({id}, CAST('{hash}' AS BLOB))"
        ));
    }

    pub fn store(&self) -> Arc<HttpStore> {
        let options = HttpOptions {
            url: self.url.clone(),
            secret: SECRET.to_owned(),
            lookup_timeout: PATIENCE,
            ..HttpOptions::default()
        };
        Arc::new(HttpStore::new(options).unwrap())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn settings() -> LookupSettings {
    LookupSettings {
        wait: PATIENCE,
        parked_max: 1000,
        concurrent: 8,
        unknown: PATIENCE,
        known: Duration::ZERO,
        remembered_max: 1000,
    }
}

/// A tracker with one worker for HTTP and one for UDP.
pub struct Server {
    pub tracker: Arc<Tracker>,
    pub control: Control,
    pub lookup: StoreLookup,
    store: Arc<HttpStore>,
    pub http: SocketAddr,
    pub udp: SocketAddr,
    pub runtime: Runtime,
    shutdown: Shutdown,
    workers: Option<Workers>,
}

impl Server {
    pub fn start(site: &Site, settings: LookupSettings) -> Self {
        let runtime = Runtime::new().unwrap();
        let mut rules = Settings::default();
        Arc::make_mut(&mut rules.site).record_unregistered = true;
        let tracker = Arc::new(Tracker::new(Mode::Private, rules, [7; 16]));
        let store = site.store();
        let control = Control::new(Arc::clone(&tracker), store.clone(), AnnounceUrls::default());
        let lookup = {
            let _entered = runtime.enter();
            StoreLookup::new(control.clone(), store.clone(), settings)
        };
        let live = LiveSettings::default();
        let context = ListenContext::new(Arc::clone(&tracker), Clock::test(1_800_000_000), live);
        let context = Arc::new(context.with_lookup(Some(Arc::new(lookup.clone()))));
        let (shutdown, signal) = Shutdown::new();
        let any = ["127.0.0.1:0".parse().unwrap()];
        let listeners = bind_http(&any, 1).unwrap();
        let http = listeners[0][0].local_addr().unwrap();
        let listeners = WorkerListeners::zip(listeners, Vec::new());
        let mut workers =
            http::serve(listeners, None, &HttpSettings::default(), &context, &signal).unwrap();
        let sockets = bind_udp(&any, 1, 1 << 20).unwrap();
        let udp = sockets[0][0].local_addr().unwrap();
        let settings = UdpSettings::new().unwrap();
        workers.extend(udp::serve(sockets, &settings, &context, &signal).unwrap());
        let workers = Some(workers);
        Self { tracker, control, lookup, store, http, udp, runtime, shutdown, workers }
    }

    /// The tracker knows this user already.
    pub fn know_user(&self) {
        let passkey = Passkey::new(PASSKEY.as_bytes()).unwrap();
        self.tracker.put_user(UserSpec::new(1, passkey, 1)).unwrap();
    }

    /// Who was noted since the last time for announcing what: the first byte of each hash.
    pub fn unregistered(&self) -> Vec<(u32, char)> {
        let rows = self.tracker.drain(1_800_000_000, 0, usize::MAX).batch.unregistered;
        rows.iter().map(|row| (row.user_id, row.info_hash.0[0].into())).collect()
    }

    pub fn client(&self) -> Client {
        Client::connect(self.http)
    }

    /// The lines of the metrics that are about look-ups.
    pub fn metrics(&self) -> Vec<String> {
        let metrics = Metrics::new(Arc::clone(&self.tracker), Arc::default(), Arc::default());
        let metrics = metrics.with_lookup(self.lookup.status(), Some(Arc::clone(&self.store)));
        let text = metrics.render().unwrap();
        text.lines()
            .filter_map(|line| line.strip_prefix("mika_lookup").map(str::to_owned))
            .collect()
    }

    pub fn wait_until(&self, reached: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !reached(self) {
            assert!(begun.elapsed() < PATIENCE, "never reached: {:?}", self.lookup);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Stops, and fails the test if a worker has panicked.
    pub fn stop(mut self) {
        self.shutdown.trigger();
        self.workers.take().unwrap().join().unwrap();
    }
}

/// One HTTP connection.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub fn send(&mut self, targets: &[String]) {
        let text: String =
            targets.iter().map(|it| format!("GET {it} HTTP/1.1\r\nHost: t\r\n\r\n")).collect();
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The body of the next response.
    pub fn receive(&mut self) -> String {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert_ne!(self.stream.read_line(&mut line).unwrap(), 0, "closed, not answered");
            if let Some(text) = line.strip_prefix("Content-Length: ") {
                length = text.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        body.escape_ascii().to_string()
    }

    pub fn get(&mut self, target: String) -> String {
        self.send(&[target]);
        self.receive()
    }
}

/// The target of an announce of the torrent of a letter.
pub fn announce(passkey: &str, letter: char, port: u16) -> String {
    let hash = letter.to_string().repeat(20);
    format!(
        "/{passkey}/announce?info_hash={hash}&peer_id=-XX0001-{port:012}&port={port}&uploaded=0\
         &downloaded=0&left=100&compact=1"
    )
}

pub fn is_accepted(body: &str) -> bool {
    body.contains("8:intervali1800e") && !body.contains("failure")
}
