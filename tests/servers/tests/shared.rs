//! Servers that processes share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use mika_test_servers::{Options, need, shared};

#[test]
fn every_test_gets_a_database_of_its_own() {
    for options in [
        Options::postgresql(),
        Options::mariadb(),
        Options::mysql(),
        Options::redis(),
        Options::valkey(),
    ] {
        let Some(server) = mika_test_servers::found(shared(&options)) else { continue };
        let one = server.create_database();
        let other = server.create_database();
        assert_ne!(one.name(), other.name());
        let (write, read) = if server.kind().speaks_sql() {
            ("CREATE TABLE t (a INT); INSERT INTO t VALUES (7)", "SELECT a FROM t")
        } else {
            ("SET t 7", "GET t")
        };
        one.query(write).unwrap();
        assert_eq!(one.query(read).unwrap(), "7");
        if server.kind().speaks_sql() {
            assert!(other.query(read).is_err());
        } else {
            assert_eq!(other.query(read).unwrap(), "");
        }
        assert_eq!(one.url(), format!("{}{}", server.url(""), one.name()));

        let name = one.name().to_owned();
        drop(one);
        let left = server.query(&name, read);
        if server.kind().speaks_sql() {
            assert!(left.is_err(), "{name} is still there");
        } else {
            assert_eq!(left.unwrap(), "");
        }
    }
}

#[test]
fn the_same_options_give_the_same_server_and_others_another() {
    let server = need!(shared(&Options::redis()));
    let again = need!(shared(&Options::redis()));
    assert_eq!(server.address(), again.address());
    let other = need!(shared(&Options::redis().durable()));
    assert_ne!(server.address(), other.address());
}

/// A process that holds the shared Redis of these tests.
struct Holder {
    child: Child,
    url: String,
}

impl Holder {
    fn start(kind: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mika-test-server"))
            .args([kind, "--shared"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = output.next().unwrap().unwrap();
        // The directory; not read, it would break the pipe.
        output.next().unwrap().unwrap();
        Self { child, url }
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn processes_that_come_at_once_share_one_server() {
    for kind in ["postgresql", "mariadb", "redis"] {
        need!(shared(&Options::new(kind.parse().unwrap())));
        let holders: Vec<_> = thread::scope(|scope| {
            let starts: Vec<_> = (0..4).map(|_| scope.spawn(|| Holder::start(kind))).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        let server = |holder: &Holder| holder.url.rsplit_once('/').unwrap().0.to_owned();
        let mut servers: Vec<_> = holders.iter().map(server).collect();
        servers.dedup();
        assert_eq!(servers.len(), 1, "{servers:?}");
        let mut databases: Vec<_> = holders.iter().map(|holder| holder.url.clone()).collect();
        databases.sort();
        databases.dedup();
        assert_eq!(databases.len(), 4);
        holders.into_iter().for_each(Holder::end);
    }
}

fn process_id(directory: &Path, name: &str) -> Option<u32> {
    fs::read_to_string(directory.join(name)).ok()?.trim().parse().ok()
}

fn is_there(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Runs this test alone in another process, which shares a server of its own, so that the server
/// may be used no more afterwards. Returns the directory and the process ids.
fn in_another_process(test: &str, options: &str) -> Option<(PathBuf, u32, u32)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("MIKA_SHARED_CHILD", options)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = String::new();
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert!(child.wait().unwrap().success(), "{output}");
    let line = output.lines().find_map(|line| line.split_once("directory: "))?.1;
    let directory = PathBuf::from(line);
    let server = process_id(&directory, "pid")?;
    let watchdog = process_id(&directory, "watchdog")?;
    Some((directory, server, watchdog))
}

/// The other process's part: uses the server and tells where it is.
fn as_another_process(options: &Options) -> bool {
    if std::env::var_os("MIKA_SHARED_CHILD").is_none() {
        return false;
    }
    let server = shared(options).unwrap();
    let database = server.create_database();
    database.query("SELECT 1").unwrap_or_default();
    println!("\ndirectory: {}", server.directory().display());
    true
}

#[test]
fn a_server_that_nobody_uses_goes_away_with_everything() {
    let options = Options::redis().set("timeout", "301").idle_seconds(1);
    if as_another_process(&options) {
        return;
    }
    need!(shared(&Options::redis()));
    let name = "a_server_that_nobody_uses_goes_away_with_everything";
    // It may have gone before we look.
    let Some((directory, server, watchdog)) = in_another_process(name, "idle") else { return };
    // The test runner's time limit ends it if that never comes.
    let lock = directory.with_extension("lock");
    while is_there(server) || is_there(watchdog) || directory.exists() || lock.exists() {
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_server_in_use_stays_beyond_the_idle_time() {
    let options = Options::redis().set("timeout", "302").idle_seconds(1);
    let server = need!(shared(&options));
    let database = server.create_database();
    database.query("SET a 1").unwrap();
    thread::sleep(Duration::from_secs(4));
    assert_eq!(database.query("GET a").unwrap(), "1");
}

#[test]
fn a_killed_server_is_replaced() {
    let options = Options::redis().set("timeout", "303");
    if as_another_process(&options) {
        return;
    }
    need!(shared(&Options::redis()));
    let name = "a_killed_server_is_replaced";
    let (directory, server, _) = in_another_process(name, "killed").unwrap();
    kill(server);
    let (again, new, _) = in_another_process(name, "killed").unwrap();
    assert_eq!(again, directory);
    assert_ne!(new, server);
    assert!(is_there(new));
}

#[test]
fn a_server_whose_watchdog_was_killed_is_replaced() {
    let options = Options::mariadb().set("wait_timeout", "304");
    if as_another_process(&options) {
        return;
    }
    need!(shared(&Options::mariadb()));
    let name = "a_server_whose_watchdog_was_killed_is_replaced";
    let (_, server, watchdog) = in_another_process(name, "watchdog").unwrap();
    kill(watchdog);
    assert!(is_there(server));
    let (_, new, _) = in_another_process(name, "watchdog").unwrap();
    assert_ne!(new, server);
    assert!(!is_there(server), "the old one still runs");
}

fn kill(process: u32) {
    let status = Command::new("kill").args(["-9", &process.to_string()]).status().unwrap();
    assert!(status.success());
    while is_there(process) {
        thread::sleep(Duration::from_millis(10));
    }
}
