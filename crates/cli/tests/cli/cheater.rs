//! Findings, at the command line and over the end of a process.

use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::live;
use super::support::Tracker;

const HASH: &str = "0102030405060708090a0b0c0d0e0f1011121314";
const DETECTION: &str = "[detection]\nsave_interval_seconds = 1\n";
/// More than any line carries between two announces.
const TERABYTE: u64 = 1_000_000_000_000;

/// A tracker on which alice has reported a terabyte within a moment.
fn tracker() -> Tracker {
    let port = live::free_port();
    let tracker = Tracker::start_with(&live::config(port, DETECTION));
    let passkey = "alice-passkey-of-this-test";
    tracker.json(&["user", "add", "alice", "--passkey", passkey]);
    tracker.json(&["torrent", "add", "--info-hash", HASH]);
    for uploaded in [0, TERABYTE] {
        let reply = live::announce_with(port, &format!("/{passkey}"), uploaded);
        assert!(reply.contains("8:interval"), "{reply}");
    }
    wait_until(|| !findings(&tracker).is_empty());
    tracker
}

fn findings(tracker: &Tracker) -> Vec<Value> {
    tracker.json(&["cheater", "list"]).as_array().unwrap().clone()
}

fn wait_until(reached: impl Fn() -> bool) {
    let begun = Instant::now();
    while !reached() {
        assert!(begun.elapsed() < Duration::from_secs(30), "never reached");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn findings_survive_a_kill_once_the_interval_of_saving_is_over() {
    let mut tracker = tracker();
    let found = findings(&tracker);
    let state = tracker.folder.path().join("mika-data/detection.state");
    let seen = SystemTime::now();
    let saved = || state.metadata().and_then(|file| file.modified()).is_ok_and(|at| at > seen);
    wait_until(saved);
    let suspect = tracker.json(&["cheater", "suspect", "alice"]);
    tracker.kill_and_start();
    assert_eq!(findings(&tracker), found);
    let again = tracker.json(&["cheater", "suspect", "alice"]);
    let score = |of: &Value| of["score"].as_f64().unwrap();
    assert!((score(&again) - score(&suspect)).abs() < 1e-3, "{suspect} {again}");
    assert!((score(&again) - 3.0).abs() < 0.01, "{again}");

    // What a person decides is on the disk at once.
    tracker.json(&["cheater", "dismiss", "1", "--reason", "a new line"]);
    tracker.kill_and_start();
    assert_eq!(findings(&tracker)[0]["verdict_text"], "a new line");
}

#[test]
fn a_finding_is_shown_with_all_that_it_takes_to_recompute_it() {
    let tracker = tracker();
    let finding = tracker.json(&["cheater", "show", "1"]);
    let inputs = finding["inputs"].as_array().unwrap();
    let fastest = inputs.iter().find(|input| input["name"] == "fastest").unwrap();
    let fastest = fastest["value"].as_f64().unwrap();
    // The moment may lie in two of the five minutes that are summed up.
    assert!((TERABYTE as f64 * 0.49..TERABYTE as f64 * 1.01).contains(&fastest), "{finding}");
    let observed = finding["observed"].as_f64().unwrap();
    assert!((observed / (fastest / 300.0) - 1.0).abs() < 1e-6, "{finding}");
    let run = tracker.client(&["cheater", "show", "1"]);
    assert_eq!(run.code, 0, "{run:?}");
    let gibibytes = |bytes: f64| format!("{:.2} GiB", bytes / f64::from(1 << 30));
    for part in [
        "detector          speed 1",
        "says              reported more than any line carries",
        &format!("observed          {}/s", gibibytes(observed)),
        "bound             1.16 GiB/s",
        "formula           observed = fastest / 300 s > bound, and above ≥ least; llr = ",
        &format!("  fastest: {}", gibibytes(fastest)),
        "verdict           open",
    ] {
        assert!(run.output.contains(part), "{part}: {}", run.output);
    }
    let run = tracker.client(&["cheater", "list", "--detector", "speed"]);
    assert!(run.output.contains("speed"), "{run:?}");
    assert!(tracker.client(&["cheater", "list", "--user", "nobody"]).code == 3);
    let exported = tracker.client(&["cheater", "export"]);
    let line: Value = serde_json::from_str(exported.output.lines().next().unwrap()).unwrap();
    assert_eq!((line["detector"].as_str(), line["user_id"].as_u64()), (Some("speed"), Some(1)));
}
