//! What the tracker tells by itself: notifications, webhooks, and traced announces.

use std::io::{BufRead, BufReader};

use serde_json::{Value, json};

use super::live;
use super::support::Tracker;

/// What happens is told from the start on, and not from the first listener on.
const NOTIFY: &str = "[notify]\nalways = true\n";
const HASH: &str = "0102030405060708090a0b0c0d0e0f1011121314";

fn with_alice() -> (Tracker, u16) {
    let port = live::free_port();
    let tracker = Tracker::start_with(&live::config(port, NOTIFY));
    tracker.json(&["user", "add", "alice", "--passkey", "alice-key"]);
    tracker.json(&["torrent", "add", "--info-hash", HASH]);
    (tracker, port)
}

#[test]
fn what_happens_is_printed_as_it_happens() {
    let (tracker, port) = with_alice();
    let mut follow =
        tracker.spawn(&["events", "follow", "--after-id", "0", "--limit", "2", "--json"]);
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    live::announce_with(port, "/alice-key", 0);
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&first["kind"], &first["info_hash"]), (&json!("first_seed"), &json!(HASH)));
    let escaped: String = (1..=20).map(|byte| format!("%{byte:02x}")).collect();
    live::get(
        port,
        &format!(
            "/alice-key/announce?info_hash={escaped}&peer_id=-XX3000-abcdefghijkl&port=6881\
             &uploaded=0&downloaded=0&left=0&event=stopped"
        ),
    );
    let second: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(second["kind"], json!("no_seeders"));
    assert!(follow.wait().unwrap().success());

    let list = tracker.client(&["notification", "list", "--kind", "no_seeders"]).output;
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(list.contains("no_seeders  torrent 1, "), "{list}");
    assert_eq!(tracker.client(&["notification", "list", "--kind", "party"]).code, 2);
}

#[test]
fn who_follows_goes_on_after_a_restart_of_the_tracker() {
    let port = live::free_port();
    let admin = live::free_port();
    let config = live::config(port, NOTIFY).replace("127.0.0.1:0", &format!("127.0.0.1:{admin}"));
    let mut tracker = Tracker::start_with(&config);
    tracker.json(&["user", "add", "alice", "--passkey", "alice-key"]);
    tracker.json(&["torrent", "add", "--info-hash", HASH]);
    let mut follow = tracker.spawn(&["events", "follow", "--kind", "first_seed", "--limit", "1"]);
    let mut errors = BufReader::new(follow.stderr.take().unwrap()).lines();
    assert_eq!(errors.next().unwrap().unwrap(), "mika: note: following; it ends with Ctrl-C");
    tracker.kill_and_start();
    assert!(errors.next().unwrap().unwrap().contains("the tracker has gone"));
    live::announce_with(port, "/alice-key", 0);
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("first_seed  torrent 1")));
    assert!(follow.wait().unwrap().success());
}

#[test]
fn announces_of_a_user_are_traced_as_they_come() {
    let (tracker, port) = with_alice();
    let mut trace = tracker.spawn(&["trace", "user", "alice", "--limit", "2", "--json"]);
    let lines = BufReader::new(trace.stdout.take().unwrap()).lines();
    while tracker.json(&["trace", "list"]).as_array().unwrap().is_empty() {
        std::thread::yield_now();
    }
    live::announce_with(port, "/alice-key", 0);
    live::announce_with(port, "/alice-key", 700);
    let announces: Vec<Value> =
        lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert_eq!(announces.len(), 2);
    assert_eq!((&announces[1]["uploaded"], &announces[1]["number"]), (&json!(700), &json!(2)));
    assert_eq!(announces[1]["uploaded_counted"], json!(700));
    assert!(trace.wait().unwrap().success());
    // What was switched on for it is off again.
    assert_eq!(tracker.json(&["trace", "list"]), json!([]));
    assert_eq!(tracker.client(&["trace", "show", "user", "alice"]).code, 3);
    assert_eq!(tracker.client(&["trace", "user", "nobody"]).code, 3);

    // What somebody else has switched on stays on.
    tracker.json(&["trace", "start", "torrent", HASH, "--keep", "5"]);
    live::announce_with(port, "/alice-key", 800);
    let run = tracker.client(&["trace", "torrent", HASH, "--limit", "1"]);
    assert_eq!(run.output.lines().count(), 2, "{run:?}");
    assert!(run.output.contains("  answered\n"), "{run:?}");
    assert_eq!(tracker.json(&["trace", "list"])[0]["keep"], json!(5));
    let shown = tracker.json(&["trace", "show", "torrent", HASH]);
    assert_eq!(shown["items"].as_array().unwrap().len(), 1);
    assert_eq!(tracker.client(&["trace", "stop", "torrent", HASH]).code, 0);
}

#[test]
fn an_interrupted_trace_is_switched_off() {
    let (tracker, _) = with_alice();
    let mut trace = tracker.spawn(&["trace", "address", "127.0.0.1"]);
    while tracker.json(&["trace", "list"]).as_array().unwrap().is_empty() {
        std::thread::yield_now();
    }
    // It says so when it listens for signals.
    let mut note = String::new();
    BufReader::new(trace.stderr.take().unwrap()).read_line(&mut note).unwrap();
    assert_eq!(note, "mika: note: recording; it ends with Ctrl-C\n");
    let id = trace.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert!(trace.wait().unwrap().success());
    assert_eq!(tracker.json(&["trace", "list"]), json!([]));
}

#[test]
fn a_webhook_has_its_commands() {
    let (tracker, _) = with_alice();
    std::fs::write(tracker.folder.path().join("secret"), "a-secret-of-this-test\n").unwrap();
    let added = tracker.json(&[
        "webhook",
        "add",
        "http://127.0.0.1:1/hook",
        "--disabled",
        "--kind",
        "snatch,first_seed",
        "--user-id",
        "1",
        "--secret-file",
        "secret",
    ]);
    assert_eq!(
        (&added["secret"], &added["enabled"]),
        (&json!("a-secret-of-this-test"), &json!(false))
    );
    assert_eq!(added["filter"]["kinds"], json!(["snatch", "first_seed"]));
    assert_eq!(added["filter"]["user_ids"], json!([1]));
    let set = tracker.json(&["webhook", "set", "1", "--everything", "--batch-max", "7"]);
    assert_eq!((&set["filter"]["kinds"], &set["batch_max"]), (&json!([]), &json!(7)));
    let set = tracker.json(&["webhook", "set", "1", "--new-secret"]);
    assert_ne!(set["secret"], added["secret"]);
    assert_eq!(set["batch_max"], json!(7));
    let list = tracker.client(&["webhook", "list"]).output;
    assert!(list.lines().nth(1).unwrap().contains("http://127.0.0.1:1/hook  no"), "{list}");
    assert_eq!(tracker.client(&["webhook", "set", "1"]).code, 2);
    let set = tracker.json(&["webhook", "set", "1", "--to", "http://127.0.0.1:2/"]);
    assert_eq!(set["url"], json!("http://127.0.0.1:2/"));
    assert_eq!(tracker.json(&["webhook", "dead-letter", "list", "1", "--limit", "5"]), json!([]));
    assert_eq!(tracker.json(&["webhook", "dead-letter", "retry", "1"])["dead_letters"], json!(0));
    assert_eq!(tracker.client(&["webhook", "delete", "1"]).code, 0);
    assert_eq!(tracker.client(&["webhook", "get", "1"]).code, 3);
}
