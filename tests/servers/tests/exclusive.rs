//! Servers of one test: each starts, answers, is killed and restarted, and leaves nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mika_test_servers::{Database, Kind, Options, Server, SqlMode, need};

const WRITE_SQL: &str = "CREATE TABLE t (a INT PRIMARY KEY); INSERT INTO t VALUES (41), (42);";

fn write(database: &Database) {
    let statements =
        if database.endpoint().kind().speaks_sql() { WRITE_SQL } else { "RPUSH t 41 42" };
    database.query(statements).unwrap();
}

fn read(database: &Database) -> String {
    let sql = database.endpoint().kind().speaks_sql();
    let statement = if sql { "SELECT a FROM t ORDER BY a" } else { "LRANGE t 0 -1" };
    database.query(statement).unwrap()
}

/// All processes that were started with a path below the directory.
fn processes_of(directory: &Path) -> Vec<String> {
    let wanted = directory.to_str().unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        if arguments.contains(wanted) {
            found.push(arguments);
        }
    }
    found
}

fn wait_until_nothing_is_left_of(directory: &Path) {
    // The test runner's time limit ends it if that never comes.
    while directory.exists() || !processes_of(directory).is_empty() {
        thread::sleep(Duration::from_millis(20));
    }
}

fn survives_kills_and_stops(options: &Options) {
    let mut server = need!(Server::start(options));
    let database = server.create_database();
    write(&database);
    let first = server.process_id().unwrap();

    server.kill_9();
    assert_eq!(server.process_id(), None);
    assert!(database.query("SELECT 1").is_err(), "a killed server has answered");
    server.restart();
    assert_ne!(server.process_id(), Some(first));
    assert_eq!(read(&database), "41\n42", "after a kill");

    let status = server.stop();
    assert!(status.success(), "{status}: {}", server.log());
    server.restart();
    assert_eq!(read(&database), "41\n42", "after a stop");

    server.restart();
    assert_eq!(read(&database), "41\n42", "after a restart");

    let directory = server.directory().to_owned();
    assert!(directory.is_dir());
    drop(database);
    drop(server);
    assert!(!directory.exists());
    assert_eq!(processes_of(&directory), Vec::<String>::new());
}

#[test]
fn postgresql_keeps_its_data_over_kills_and_stops() {
    survives_kills_and_stops(&Options::postgresql().durable());
}

#[test]
fn mariadb_keeps_its_data_over_kills_and_stops() {
    survives_kills_and_stops(&Options::mariadb().durable());
}

#[test]
fn mysql_keeps_its_data_over_kills_and_stops() {
    survives_kills_and_stops(&Options::mysql().durable());
}

#[test]
fn redis_keeps_its_data_over_kills_and_stops() {
    survives_kills_and_stops(&Options::redis().durable());
}

#[test]
fn valkey_keeps_its_data_over_kills_and_stops() {
    survives_kills_and_stops(&Options::valkey().durable());
}

fn answers_only_after_a_pause(options: &Options) {
    let server = need!(Server::start(options));
    let database = server.create_database();
    write(&database);
    server.pause();
    let (said, answer) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| said.send(read(&database)));
        // Long enough for an answer; a slow machine makes this test weaker, never wrong.
        let early = answer.recv_timeout(Duration::from_millis(500));
        assert_eq!(early, Err(mpsc::RecvTimeoutError::Timeout));
        server.resume();
        assert_eq!(answer.recv().unwrap(), "41\n42");
    });
}

#[test]
fn a_paused_postgresql_answers_when_it_goes_on() {
    answers_only_after_a_pause(&Options::postgresql());
}

#[test]
fn a_paused_mariadb_answers_when_it_goes_on() {
    answers_only_after_a_pause(&Options::mariadb());
}

#[test]
fn a_paused_redis_answers_when_it_goes_on() {
    answers_only_after_a_pause(&Options::redis());
}

#[test]
fn a_server_that_is_dropped_while_paused_leaves_nothing() {
    for options in [Options::postgresql(), Options::mariadb(), Options::redis()] {
        let server = need!(Server::start(&options));
        let directory = server.directory().to_owned();
        server.pause();
        drop(server);
        assert!(!directory.exists());
        assert_eq!(processes_of(&directory), Vec::<String>::new());
    }
}

/// The segments of shared memory that no process uses.
fn unused_shared_memory() -> Vec<String> {
    let output = Command::new("ipcs").arg("-m").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let fields = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let unused = text.lines().map(fields).filter(|line| line.get(5).is_some_and(|n| n == "0"));
    unused.map(|line| line[1].clone()).collect()
}

#[test]
fn a_killed_postgresql_leaves_no_shared_memory() {
    let mut server = need!(Server::start(&Options::postgresql()));
    let state = fs::read_to_string(server.directory().join("data/postmaster.pid")).unwrap();
    let id = state.lines().nth(6).unwrap().split_whitespace().nth(1).unwrap().to_owned();
    server.kill_9();
    assert!(unused_shared_memory().contains(&id), "the test looks at the wrong segment");
    drop(server);
    assert!(!unused_shared_memory().contains(&id));
}

#[test]
fn a_redis_without_durability_forgets_what_it_had() {
    let mut server = need!(Server::start(&Options::redis()));
    let database = server.create_database();
    write(&database);
    server.kill_9();
    server.restart();
    assert_eq!(read(&database), "");
}

#[test]
fn settings_reach_the_servers() {
    let postgresql = Options::postgresql().set("max_connections", "17");
    let server = need!(Server::start(&postgresql));
    let settings = "SHOW fsync; SHOW synchronous_commit; SHOW max_connections";
    assert_eq!(server.query("postgres", settings).unwrap(), "off\noff\n17");
    drop(server);
    let server = need!(Server::start(&Options::postgresql().durable()));
    assert_eq!(server.query("postgres", settings).unwrap(), "on\non\n200");
    drop(server);

    let commit = "SELECT @@innodb_flush_log_at_trx_commit";
    for (options, value) in [
        (Options::mariadb(), "0"),
        (Options::mariadb().durable(), "1"),
        (Options::mariadb().durable().flush_log_at_commit(2), "2"),
    ] {
        let server = need!(Server::start(&options));
        assert_eq!(server.query("mysql", commit).unwrap(), value);
    }

    let server = need!(Server::start(&Options::redis().durable().set("appendfsync", "everysec")));
    assert_eq!(server.query("0", "CONFIG GET appendfsync").unwrap(), "appendfsync\neverysec");
}

fn long_name_in(mode: SqlMode) -> Option<Result<String, String>> {
    let server = mika_test_servers::found(Server::start(&Options::mariadb().sql_mode(mode)))?;
    let database = server.create_database();
    database.query("CREATE TABLE t (a VARCHAR(3), b DATETIME)").unwrap();
    let insert = "INSERT INTO t VALUES ('abcd', '0000-00-00 00:00:00'); SELECT a, b FROM t";
    Some(database.query(insert).map_err(|error| error.message))
}

#[test]
fn strict_mode_refuses_what_another_mode_cuts() {
    let Some(strict) = long_name_in(SqlMode::Strict) else { return };
    assert!(strict.unwrap_err().contains("ERROR 1406"));
    let not_strict = long_name_in(SqlMode::NotStrict).unwrap();
    assert_eq!(not_strict.unwrap(), "abc\t0000-00-00 00:00:00");
}

#[test]
fn only_strict_mode_refuses_dates_of_zero() {
    let zero = "CREATE TABLE t (a DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00')";
    let server = need!(Server::start(&Options::mariadb()));
    let refused = server.create_database().query(zero).unwrap_err();
    assert!(refused.message.contains("ERROR 1067"), "{refused}");
    drop(server);
    let options = Options::mariadb().sql_mode(SqlMode::StrictButZeroDates);
    let server = need!(Server::start(&options));
    assert_eq!(server.create_database().query(zero).unwrap(), "");
}

#[test]
fn without_the_password_nobody_gets_in_unless_told_otherwise() {
    let server = need!(Server::start(&Options::postgresql()));
    assert_eq!(psql(&server, "wrong").0, "");
    assert!(psql(&server, "wrong").1.contains("password authentication failed"));
    assert_eq!(psql(&server, server.password()).0, "1\n");
    assert!(server.url("x").contains(&format!("mika:{}@127.0.0.1:", server.password())));
    drop(server);
    let server = need!(Server::start(&Options::postgresql().without_password()));
    assert_eq!(psql(&server, "").0, "1\n");
    assert!(server.url("x").starts_with("postgres://mika@127.0.0.1:"));
    drop(server);

    let server = need!(Server::start(&Options::redis()));
    assert!(server.url("3").starts_with(&format!("redis://:{}@", server.password())));
    drop(server);
    let server = need!(Server::start(&Options::redis().without_password()));
    assert!(server.url("3").starts_with("redis://127.0.0.1:"));
    assert!(!format!("{server:?}").contains(server.password()) || server.password().is_empty());
}

/// What psql prints, over TCP.
fn psql(server: &Server, password: &str) -> (String, String) {
    let output = Command::new("psql")
        .args(["-X", "-A", "-t", "-w", "-c", "SELECT 1", "-h", "127.0.0.1", "-d", "postgres"])
        .args(["-U", server.user(), "-p", &server.address().port().to_string()])
        .env("PGPASSWORD", password)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

#[test]
fn the_debug_form_of_a_server_does_not_tell_its_password() {
    let server = need!(Server::start(&Options::redis()));
    assert!(!server.password().is_empty());
    let shown = format!("{server:?} {:?} {:?}", &*server, server.create_database());
    assert!(!shown.contains(server.password()), "{shown}");
}

#[test]
fn two_servers_of_a_test_know_nothing_of_each_other() {
    let one = need!(Server::start(&Options::mariadb()));
    let other = need!(Server::start(&Options::mariadb()));
    assert_ne!(one.address(), other.address());
    let database = one.create_database();
    write(&database);
    assert!(other.query(database.name(), "SELECT 1").is_err());
}

/// A process that starts a server and waits; and the server's directory.
fn holder(kind: Kind) -> Option<(Child, PathBuf)> {
    mika_test_servers::found(Server::start(&Options::new(kind)))?;
    let mut child = Command::new(env!("CARGO_BIN_EXE_mika-test-server"))
        .arg(kind.name())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines: Vec<_> = lines.take(2).map(Result::unwrap).collect();
    Some((child, PathBuf::from(&lines[1])))
}

#[test]
fn a_server_whose_test_is_killed_goes_away() {
    for kind in [Kind::PostgreSql, Kind::MariaDb, Kind::Redis] {
        let Some((mut child, directory)) = holder(kind) else { return };
        assert!(!processes_of(&directory).is_empty());
        child.kill().unwrap();
        child.wait().unwrap();
        wait_until_nothing_is_left_of(&directory);
    }
}
