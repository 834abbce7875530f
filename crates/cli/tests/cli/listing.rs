//! Long lists, filters, and `--watch`.

use serde_json::json;

use super::support::Tracker;

const HASH: &str = "0102030405060708090a0b0c0d0e0f1011121314";

#[test]
fn users_and_torrents_are_listed_by_what_they_are() {
    let tracker = Tracker::start();
    tracker.json(&["role", "add", "vip"]);
    tracker.json(&["user", "add", "Alice", "--role", "vip", "--download-percent", "0"]);
    tracker.json(&["user", "add", "bob", "--download-enabled", "false", "--immune", "true"]);
    let names = |filter: &[&str]| -> Vec<String> {
        let list = tracker.json(&[&["user", "list"], filter].concat());
        let names = list.as_array().unwrap().iter();
        names.map(|user| user["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&["--role", "vip"]), ["Alice"]);
    assert_eq!(names(&["--name", "ALI"]), ["Alice"]);
    assert_eq!(names(&["--download-enabled", "false"]), ["bob"]);
    tracker.json(&["user", "delete", "bob"]);
    assert_eq!(names(&["--deleted", "false"]), ["Alice"]);

    tracker.json(&["torrent", "add", "--info-hash", HASH, "--status", "pending"]);
    let count = |filter: &[&str]| {
        let list = tracker.json(&[&["torrent", "list"], filter].concat());
        list.as_array().unwrap().len()
    };
    assert_eq!((count(&["--status", "pending"]), count(&["--status", "approved"])), (1, 0));
    let list = tracker.client(&["torrent", "list"]).output;
    assert!(list.ends_with("  pending\n"), "{list}");
    tracker.json(&["torrent", "set", HASH, "--status", "approved", "--featured", "true"]);
    assert_eq!((count(&["--featured", "true"]), count(&["--featured", "false"])), (1, 0));
}

#[test]
fn a_value_of_a_user_is_set_and_taken_away() {
    let tracker = Tracker::start();
    tracker.json(&["user", "add", "alice", "--site-id", "7", "--peers-max", "2"]);
    let set = |option: &str, value: &str, field: &str| {
        tracker.json(&["user", "set", "alice", option, value])[field].clone()
    };
    assert_eq!(set("--upload-percent", "150", "upload_percent"), json!(150));
    assert_eq!(set("--upload-percent", "none", "upload_percent"), json!(null));
    assert_eq!(set("--immune", "true", "immune"), json!(true));
    assert_eq!(set("--immune", "none", "immune"), json!(null));
    assert_eq!(set("--site-id", "none", "site_id"), json!(null));
    assert_eq!(set("--peers-max", "none", "peers_max"), json!(null));
    assert_eq!(set("--wait-seconds", "60", "wait_seconds"), json!(60));
    assert_eq!(set("--address-hidden", "true", "address_hidden"), json!(true));
}

#[test]
fn a_list_that_was_cut_says_how_it_goes_on() {
    let tracker = Tracker::start();
    for name in ["a", "b", "c"] {
        tracker.json(&["user", "add", name]);
    }
    let run = tracker.client(&["user", "list", "--limit", "2", "--json"]);
    assert_eq!(run.json().as_array().unwrap().len(), 2);
    assert_eq!(run.errors, "mika: note: there may be more, with --after-id 2\n");
    assert_eq!(tracker.json(&["user", "list", "--after-id", "2"])[0]["name"], json!("c"));
    for number in 0..3 {
        tracker.json(&["torrent", "add", "--info-hash", &format!("{number}").repeat(40)]);
    }
    let run = tracker.client(&["swarm", "list", "--empty", "--limit", "2"]);
    assert_eq!(run.output.lines().count(), 3, "{run:?}");
    let cursor = run.errors.trim().split(' ').next_back().unwrap();
    let rest = tracker.json(&["swarm", "list", "--empty", "--cursor", cursor]);
    assert_eq!(rest.as_array().unwrap().len(), 1);
}

#[test]
fn what_has_changed_of_swarms_is_told_from_a_cursor_on() {
    let tracker = Tracker::start();
    let start = tracker.json(&["swarm", "changes"]);
    assert_eq!((&start["items"], &start["more"]), (&json!([]), &json!(false)));
    let cursor = start["next_cursor"].as_str().unwrap();
    let run = tracker.client(&["swarm", "changes", "--since", cursor]);
    assert!(run.output.starts_with("no changes\ngo on: mika client swarm changes --since "));
    let run = tracker.client(&["swarm", "changes", "--since", "yesterday"]);
    assert_eq!(run.code, 1, "{run:?}");
}

#[test]
fn stats_are_printed_again_and_again_when_they_are_watched() {
    let tracker = Tracker::start();
    let run = tracker.client(&["stats", "--watch", "1", "--times", "2", "--json"]);
    let mut values = serde_json::Deserializer::from_str(&run.output).into_iter();
    for _ in 0..2 {
        let stats: serde_json::Value = values.next().unwrap().unwrap();
        assert_eq!(stats["mode"], json!("private"));
    }
    assert!(values.next().is_none());
    assert_eq!(tracker.client(&["user", "list", "--watch", "0"]).code, 2);
    assert_eq!(tracker.client(&["user", "list", "--times", "2"]).code, 2);
    let run = tracker.client(&["user", "list", "--watch", "--times", "1"]);
    assert_eq!(
        (run.code, run.output.as_str()),
        (0, "no users; add one with `mika client user add NAME`\n")
    );
}

#[test]
fn the_audit_log_is_read_from_a_time_on() {
    let tracker = Tracker::start();
    tracker.json(&["user", "add", "alice", "--passkey", "alice-key"]);
    tracker.json(&["role", "add", "vip"]);
    let entries = |filter: &[&str]| -> Vec<String> {
        let list = tracker.json(&[&["audit"], filter].concat());
        let paths = list.as_array().unwrap().iter().map(|entry| entry["path"].as_str().unwrap());
        paths.map(str::to_owned).collect()
    };
    assert_eq!(entries(&["--since", "-1h"]), ["/api/v1/users", "/api/v1/roles"]);
    assert_eq!(entries(&["--since", "2100-01-01"]), [""; 0]);
    assert_eq!(entries(&["--actor", "admin", "--after-id", "1"]), ["/api/v1/roles"]);
    assert_eq!(entries(&["--actor", "nobody"]), [""; 0]);
    let words = tracker.client(&["audit", "--path", "/api/v1/users"]).output;
    assert!(words.contains("POST    /api/v1/users     201  {\"name\":\"alice\""), "{words}");
    assert!(!words.contains("alice-key"), "{words}");
    assert_eq!(tracker.client(&["audit", "--since", "-soon"]).code, 2);
}

#[test]
fn keys_of_the_configuration_are_read_set_and_taken_back() {
    let tracker = Tracker::start();
    let value = |name: &str| tracker.json(&["config", "get", name])[0]["value"].clone();
    assert_eq!(value("tracker.interval_seconds"), json!("1800"));
    let set = ["config", "set", "tracker.interval_seconds=900", "tracker.notice=moving tonight"];
    let change = tracker.json(&set);
    assert_eq!(change["applied"].as_array().unwrap().len(), 2, "{change}");
    assert_eq!(value("tracker.interval_seconds"), json!("900"));
    assert_eq!(value("tracker.notice"), json!("\"moving tonight\""));
    let by_api = tracker.json(&["config", "get", "--set-by-api"]);
    assert_eq!(by_api.as_array().unwrap().len(), 2);
    tracker.json(&["config", "unset", "tracker.interval_seconds", "tracker.notice"]);
    assert_eq!(value("tracker.interval_seconds"), json!("1800"));
    let words = tracker.client(&["config", "get", "tracker.interval_seconds"]).output;
    assert!(words.contains("\nset by        file or default\n"), "{words}");
    let run = tracker.client(&["config", "get", "tracker.intervall"]);
    assert_eq!(run.code, 1);
    assert_eq!(run.errors, "mika: there is no key and no section `tracker.intervall`\n");
    assert_eq!(tracker.client(&["config", "set", "tracker.interval_seconds=soon"]).code, 1);
}
