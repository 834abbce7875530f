//! One server for all tests with the same options, whatever process they run in.
//!
//! The directory of a shared server has a name made of its options. Beside it is a lock, held while
//! the server is started, found, or removed. In it are
//!
//! * `users`, on which every process that uses the server holds a shared lock as long as it lives,
//! * `watchdog`, on which the watchdog holds a lock: without it, all of this is what a crash left,
//! * `pid` and `port`, of the server.
//!
//! The watchdog is the server's parent. It waits until nobody has held `users` for a while, then
//! ends the server and removes the directory.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use nix::sys::signal::Signal;
use parking_lot::Mutex;

use crate::directory;
use crate::endpoint::Endpoint;
use crate::launch::Launch;
use crate::options::Options;
use crate::port::{Port, is_still_at};
use crate::processes;
use crate::programs::Missing;
use crate::server::{log_tail, wait_for_answer};

/// A server that was there does not answer: how often it is asked again.
const QUESTIONS: u32 = 50;
const START_ATTEMPTS: u32 = 3;

/// The servers that this process uses, with the locks that keep them.
static USED: Mutex<BTreeMap<PathBuf, (Endpoint, File)>> = Mutex::new(BTreeMap::new());

/// The server that all tests with these options share. It is started if it does not run, and stays
/// at least as long as this process.
///
/// # Errors
///
/// If it is not installed. [`need!`](crate::need) takes care of that.
///
/// # Panics
///
/// If it is installed and does not start, with its log.
pub fn shared(options: &Options) -> Result<Endpoint, Missing> {
    let launch = Launch::new(options)?;
    let directory = directory::base().join(name(&launch));
    let mut used = USED.lock();
    if let Some((endpoint, _)) = used.get(&directory) {
        return Ok(endpoint.clone());
    }
    let lock_path = directory.with_extension("lock");
    let lock = lock(&lock_path);
    let endpoint = find(&launch, &directory).unwrap_or_else(|| {
        remove_rest(&launch, &directory);
        start(&launch, &directory, &lock_path)
    });
    let users = File::options().write(true).open(directory.join("users"));
    let users = users.expect("a running server has a file for its users");
    users.lock_shared().expect("a lock on the users");
    users.set_modified(SystemTime::now()).expect("the time of a file of our own");
    drop(lock);
    used.insert(directory, (endpoint.clone(), users));
    Ok(endpoint)
}

fn name(launch: &Launch) -> String {
    let mut hasher = DefaultHasher::new();
    launch.options.hash(&mut hasher);
    launch.programs.server.hash(&mut hasher);
    // Another checkout may have another version of this file.
    env!("CARGO_MANIFEST_DIR").hash(&mut hasher);
    format!("shared-{}-{:016x}", launch.kind().name(), hasher.finish())
}

fn lock(path: &Path) -> File {
    loop {
        let lock = File::create(path).expect("a lock for a server");
        lock.lock().expect("a lock for a server");
        if is_still_at(&lock, path) {
            return lock;
        }
    }
}

/// The server, if it runs and is watched.
fn find(launch: &Launch, directory: &Path) -> Option<Endpoint> {
    if !is_watched(directory) {
        return None;
    }
    let port = number(&directory.join("port"))?;
    let endpoint = launch.endpoint(directory, u16::try_from(port).ok()?, true);
    for _ in 0..QUESTIONS {
        if endpoint.answers().is_ok() {
            return Some(endpoint);
        }
        if !is_watched(directory) {
            return None;
        }
        thread::sleep(Duration::from_millis(100));
    }
    None
}

fn is_watched(directory: &Path) -> bool {
    let watchdog = File::open(directory.join("watchdog"));
    watchdog.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Removes what a crash left, and a server that does not answer.
fn remove_rest(launch: &Launch, directory: &Path) {
    for name in ["watchdog", "pid"] {
        let Some(process) = number(&directory.join(name)) else { continue };
        if processes::was_started_with(process, directory) {
            let family = processes::send_to_family(process, Signal::SIGKILL);
            processes::wait_for_end(&family);
        }
    }
    launch.remove_traces(directory);
    directory::remove(directory);
}

fn number(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn start(launch: &Launch, directory: &Path, lock_path: &Path) -> Endpoint {
    for attempt in 1.. {
        let port = Port::reserve();
        directory::make(directory, launch.account);
        launch.make_data(directory);
        File::create(directory.join("users")).expect("a file for the users");
        fs::write(directory.join("port"), port.number.to_string()).expect("a file for the port");
        let endpoint = launch.endpoint(directory, port.number, true);
        let mut watchdog = watch(launch, directory, lock_path, port.number);
        let ended = || watchdog.try_wait().expect("a child can be asked").is_some();
        let Err(reason) = wait_for_answer(&endpoint, ended) else {
            return endpoint;
        };
        let said = format!("{} {reason}:\n{}", launch.kind(), log_tail(directory));
        assert!(attempt < START_ATTEMPTS, "{said}");
        remove_rest(launch, directory);
    }
    unreachable!("the loop has no end")
}

fn watch(launch: &Launch, directory: &Path, lock: &Path, port: u16) -> std::process::Child {
    let log = File::create(directory.join("log")).expect("a log for a server");
    // In a session of its own, so that nothing that ends the tests ends it.
    let mut command = Command::new("setsid");
    command
        .args(["sh", "-c", include_str!("watchdog.sh"), "watchdog"])
        .arg(directory)
        .arg(lock)
        .arg(launch.options.idle_seconds.to_string())
        .arg(launch.stop_signal().as_str().trim_start_matches("SIG"));
    if let Some(account) = launch.account {
        command
            .arg("setpriv")
            .arg(format!("--reuid={}", account.user))
            .arg(format!("--regid={}", account.group))
            .arg("--clear-groups");
    }
    command
        .args(launch.prepare(directory, port))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle of the log"))
        .stderr(log)
        .spawn()
        .expect("setsid of util-linux")
}
