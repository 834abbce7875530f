//! What changes in a running tracker, seen from a client: over its HTTP port.

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use super::support::Tracker;

const HASH: &str = "0102030405060708090a0b0c0d0e0f1011121314";

/// A port that is free, below those that the system gives to clients of its own choice.
pub fn free_port() -> u16 {
    loop {
        let random = RandomState::new().hash_one(std::process::id());
        let port = 21_000 + u16::try_from(random % 10_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

pub fn config(port: u16, tracker: &str) -> String {
    format!(
        "[http]\nlisten = [\"127.0.0.1:{port}\"]\nworkers = 1\n[udp]\nlisten = []\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n[tracker]\n{tracker}"
    )
}

pub fn get(port: u16, target: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    String::from_utf8_lossy(&reply).into_owned()
}

fn announce(port: u16, passkey: &str) -> String {
    announce_with(port, passkey, 0)
}

/// A seeder's announce, of a client whose requests have no shape that they should have.
pub fn announce_with(port: u16, passkey: &str, uploaded: u64) -> String {
    let escaped: String = (1..=20).map(|byte| format!("%{byte:02x}")).collect();
    get(
        port,
        &format!(
            "{passkey}/announce?info_hash={escaped}&peer_id=-XX3000-abcdefghijkl&port=6881\
             &uploaded={uploaded}&downloaded=0&left=0"
        ),
    )
}

#[test]
fn a_reload_by_signal_or_command_counts_for_the_next_announce() {
    let port = free_port();
    let tracker = Tracker::start_with(&config(port, "interval_seconds = 900\n"));
    let passkey = tracker.json(&["user", "add", "alice"])["passkey"].as_str().unwrap().to_owned();
    tracker.json(&["torrent", "add", "--info-hash", HASH]);
    let path = format!("/{passkey}");
    assert!(announce(port, &path).contains("8:intervali900e"), "{}", announce(port, &path));

    let mode = "mode = \"public\"\ninterval_seconds = 1200\nnotice = \"moving tonight\"\n";
    std::fs::write(tracker.folder.path().join("mika.toml"), config(port, mode)).unwrap();
    let change = tracker.json(&["config", "reload"]);
    let keys = |part: &str| -> Vec<String> {
        let keys = change[part].as_array().unwrap().iter();
        keys.map(|change| change["key"].as_str().unwrap().to_owned()).collect()
    };
    let live = ["tracker.interval_seconds", "tracker.notice", "tracker.peer_timeout_seconds"];
    assert_eq!(keys("applied").iter().filter(|key| live.contains(&key.as_str())).count(), 3);
    assert_eq!(keys("needs_restart"), ["tracker.mode"]);
    let reply = announce(port, &path);
    assert!(reply.contains("8:intervali1200e"), "{reply}");
    assert!(reply.contains("15:warning message14:moving tonight"), "{reply}");
    assert!(announce(port, "").contains("passkey missing"), "the mode must not have changed");
    let again = tracker.json(&["config", "reload"]);
    assert_eq!(again["applied"].as_array().unwrap().len(), 0, "{again}");
    assert_eq!(again["needs_restart"][0]["key"], "tracker.mode", "{again}");

    let id = "tracker_id = \"t1\"\n";
    std::fs::write(tracker.folder.path().join("mika.toml"), config(port, id)).unwrap();
    let sent = Command::new("kill").args(["-HUP", &tracker.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut reply = announce(port, &path);
    while !reply.contains("10:tracker id2:t1") && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
        reply = announce(port, &path);
    }
    assert!(reply.contains("10:tracker id2:t1"), "{reply}");
    assert!(reply.contains("8:intervali1800e"), "{reply}");
}

#[test]
fn an_open_tracker_needs_no_passkey_and_takes_any_torrent() {
    let port = free_port();
    let config = config(port, "");
    let tracker = Tracker::start_with_arguments(&config, &["--public"], "data");
    let first = announce(port, "");
    assert!(first.contains("8:completei1e"), "{first}");
    assert_eq!(tracker.json(&["stats"])["seeders"], 1);
    let scrape: String = (2..=21).map(|byte| format!("%{byte:02x}")).collect();
    let unknown = get(port, &format!("/scrape?info_hash={scrape}"));
    assert!(unknown.contains("8:completei0e10:downloadedi0e"), "{unknown}");
}

#[test]
fn no_passkey_and_no_token_reaches_the_log_even_when_everything_is_logged() {
    let port = free_port();
    let everything = format!("{}[log]\nfilter = \"trace\"\n", config(port, ""));
    let tracker = Tracker::start_with(&everything);
    let passkey = tracker.json(&["user", "add", "alice"])["passkey"].as_str().unwrap().to_owned();
    tracker.json(&["torrent", "add", "--info-hash", HASH]);
    announce(port, &format!("/{passkey}"));
    get(port, &format!("/announce/{passkey}?info_hash=too-short"));
    get(port, &format!("/announce?passkey={passkey}&port=x"));
    get(port, &format!("/{passkey}/nothing-here"));
    tracker.json(&["user", "get", &passkey]);
    let again = tracker.json(&["user", "set", "alice", "--new-passkey"]);
    let second = again["passkey"].as_str().unwrap().to_owned();
    announce(port, &format!("/{passkey}"));
    announce(port, &format!("/{second}"));
    tracker.json(&["flush"]);
    let token = std::fs::read_to_string(tracker.folder.path().join("mika-data/admin.token"));
    let log = tracker.log();
    assert!(log.contains("listening for HTTP"), "{log}");
    for secret in [&passkey, &second, token.unwrap().trim()] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "a secret was logged");
    }
}

#[test]
fn a_secret_key_is_said_to_change_with_the_file_only() {
    let tracker = Tracker::start();
    let live = |key: &str| {
        let run = tracker.client(&["config", "get", key]);
        let line = run.output.lines().find_map(|line| line.strip_prefix("changes live"));
        line.unwrap_or_default().trim().to_owned()
    };
    assert_eq!(live("site.torrent_pass_private_key"), "not over the API");
    assert_eq!(live("tracker.interval_seconds"), "yes");
    assert_eq!(live("store.url"), "no");
    let run = tracker.client(&["config", "set", "tracker.interval=5"]);
    let expected = "did you mean `tracker.interval_seconds`?";
    assert!(run.errors.contains(expected), "{}", run.errors);
}
