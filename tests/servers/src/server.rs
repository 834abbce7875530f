//! A server of one test.

use std::fs::{self, File};
use std::ops::Deref;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::account::Account;
use crate::directory::Directory;
use crate::endpoint::Endpoint;
use crate::guard::Guard;
use crate::launch::Launch;
use crate::options::Options;
use crate::port::Port;
use crate::processes;
use crate::programs::Missing;

const START_TIMEOUT: Duration = Duration::from_secs(120);
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);
/// Somebody else may take a port between its choice and the server's start.
const START_ATTEMPTS: u32 = 3;

/// A server of one test, that may be paused, killed and restarted. It keeps its address and its
/// data over all of that, and goes away with the value or, at the latest, with the process.
#[derive(Debug)]
pub struct Server {
    endpoint: Endpoint,
    launch: Launch,
    process: Option<Child>,
    // Dropped in this order: the guard finds nothing left to do.
    directory: Directory,
    _guard: Guard,
    port: Port,
}

impl Server {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    ///
    /// If it is not installed. [`need!`](crate::need) takes care of that.
    ///
    /// # Panics
    ///
    /// If it is installed and does not start, with its log.
    pub fn start(options: &Options) -> Result<Self, Missing> {
        let launch = Launch::new(options)?;
        let directory = Directory::new(launch.kind().name(), launch.account);
        launch.make_data(directory.path());
        let port = Port::reserve();
        let mut server = Self {
            endpoint: launch.endpoint(directory.path(), port.number, false),
            process: None,
            _guard: Guard::start(directory.path(), launch.discard_signal()),
            launch,
            directory,
            port,
        };
        for attempt in 1.. {
            match server.try_start() {
                Ok(()) => break,
                Err(said) => assert!(attempt < START_ATTEMPTS, "{said}"),
            }
            server.port = Port::reserve();
            server.endpoint.port = server.port.number;
        }
        Ok(server)
    }

    fn try_start(&mut self) -> Result<(), String> {
        let directory = self.directory.path();
        let line = self.launch.prepare(directory, self.port.number);
        let log = File::options().append(true).create(true).open(directory.join("log"));
        let log = log.expect("a log for a server");
        let mut child = Account::command(self.launch.account, Path::new(&line[0]))
            .args(&line[1..])
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log)
            // What ends the tests with their group is not what ends it.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", line[0]));
        fs::write(directory.join("port"), self.port.number.to_string()).expect("a file");
        fs::write(directory.join("pid"), child.id().to_string()).expect("a file");
        let ended = || child.try_wait().expect("a child can be asked").is_some();
        let answers = wait_for_answer(&self.endpoint, ended);
        self.process = Some(child);
        if let Err(reason) = answers {
            let said = format!("{} {reason}:\n{}", self.launch.kind(), log_tail(directory));
            self.discard();
            return Err(said);
        }
        Ok(())
    }

    /// Starts it again, after [`kill_9`](Self::kill_9) or [`stop`](Self::stop); if it runs, it is
    /// stopped first.
    ///
    /// # Panics
    ///
    /// If it does not start, with its log.
    pub fn restart(&mut self) {
        if self.process.is_some() {
            self.stop();
        }
        if let Err(said) = self.try_start() {
            panic!("{said}");
        }
    }

    /// Ends it as its service would: what it has taken is safe, whoever is connected is not.
    ///
    /// # Panics
    ///
    /// If it does not end within a minute, with its log.
    pub fn stop(&mut self) -> ExitStatus {
        let Some(mut child) = self.process.take() else {
            return ExitStatus::from_raw(0);
        };
        let family = processes::family(child.id());
        processes::send(child.id(), self.launch.stop_signal());
        for member in &family {
            processes::send(*member, Signal::SIGCONT);
        }
        let deadline = Instant::now() + STOP_TIMEOUT;
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child can be asked") {
                break status;
            }
            let log = || log_tail(self.directory.path());
            assert!(Instant::now() < deadline, "{} does not end:\n{}", self.launch.kind(), log());
            thread::sleep(Duration::from_millis(5));
        };
        processes::wait_for_end(&family);
        status
    }

    /// Kills all its processes at once, as a crash of the server does. What it had handed to the
    /// system stays, as it does in any crash but that of the machine.
    pub fn kill_9(&mut self) {
        let Some(mut child) = self.process.take() else { return };
        let family = processes::send_to_family(child.id(), Signal::SIGKILL);
        child.wait().expect("a killed child ends");
        processes::wait_for_end(&family);
    }

    /// Stops all its processes where they are: connections stay open, and nothing is answered.
    pub fn pause(&self) {
        if let Some(child) = &self.process {
            processes::send_to_family(child.id(), Signal::SIGSTOP);
        }
    }

    /// Lets it go on after a [`pause`](Self::pause).
    pub fn resume(&self) {
        if let Some(child) = &self.process {
            for member in processes::family(child.id()) {
                processes::send(member, Signal::SIGCONT);
            }
        }
    }

    /// The id of its main process, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// The last lines of its log.
    pub fn log(&self) -> String {
        log_tail(self.directory.path())
    }

    /// Ends it in whatever state it is, without regard for its data.
    fn discard(&mut self) {
        let Some(mut child) = self.process.take() else { return };
        let family = processes::send_to_family(child.id(), Signal::SIGSTOP);
        processes::send(child.id(), self.launch.discard_signal());
        for member in &family {
            processes::send(*member, Signal::SIGCONT);
        }
        let deadline = Instant::now() + DISCARD_TIMEOUT;
        while !matches!(child.try_wait(), Ok(Some(_)) | Err(_)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
        for member in &family {
            processes::send(*member, Signal::SIGKILL);
        }
        if child.wait().is_err() || !processes::have_ended(&family, STOP_TIMEOUT) {
            eprintln!("processes that do not end: {family:?}");
        }
    }
}

impl Deref for Server {
    type Target = Endpoint;

    fn deref(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.discard();
        self.launch.remove_traces(self.directory.path());
    }
}

/// Waits until a server answers. `has_ended` says when there is nothing to wait for.
pub(crate) fn wait_for_answer(
    endpoint: &Endpoint,
    mut has_ended: impl FnMut() -> bool,
) -> Result<(), String> {
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        // Asked first: one that ends after its answer is none that started.
        let ended = has_ended();
        match endpoint.answers() {
            Ok(()) if !ended => return Ok(()),
            _ if ended => return Err("has ended at its start".to_owned()),
            Err(error) if Instant::now() > deadline => {
                return Err(format!("does not answer: {error}"));
            }
            _ => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// The end of a server's log.
pub(crate) fn log_tail(directory: &Path) -> String {
    const LINES: usize = 30;
    let text = fs::read(directory.join("log")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
