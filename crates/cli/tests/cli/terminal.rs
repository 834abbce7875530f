//! The command line on a terminal: questions, and a screen of its own.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use nix::pty::{Winsize, openpty};
use serde_json::json;

use super::support::Tracker;

/// Runs a command with a terminal for everything, types an answer, and returns the exit code and
/// what was on the terminal.
fn on_terminal(tracker: &Tracker, arguments: &[&str], answer: &str) -> (i32, String) {
    let size = Winsize { ws_row: 5, ws_col: 30, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(Some(&size), None).unwrap();
    let terminal = || Stdio::from(pty.slave.try_clone().unwrap());
    let mut process = Command::new(env!("CARGO_BIN_EXE_mika"))
        .args(["client", "--url", &tracker.url])
        .args(arguments)
        .current_dir(tracker.folder.path())
        .stdin(terminal())
        .stdout(terminal())
        .stderr(terminal())
        .spawn()
        .unwrap();
    drop(pty.slave);
    let mut master = File::from(pty.master);
    master.write_all(answer.as_bytes()).unwrap();
    let mut seen = Vec::new();
    let mut bytes = [0; 1000];
    // The terminal ends with an error when nobody is there any more.
    while let Ok(length @ 1..) = master.read(&mut bytes) {
        seen.extend_from_slice(&bytes[..length]);
    }
    let code = process.wait().unwrap().code().unwrap();
    (code, String::from_utf8_lossy(&seen).into_owned())
}

#[test]
fn a_person_is_asked_before_something_is_gone_for_good() {
    let tracker = Tracker::start();
    for name in ["a", "b", "c"] {
        tracker.json(&["api-token", "create", name, "--scope", "read"]);
    }
    let tokens = || tracker.json(&["api-token", "list"]).as_array().unwrap().len();
    let (code, seen) = on_terminal(&tracker, &["api-token", "revoke", "1"], "n\n");
    assert_eq!((code, tokens()), (1, 3), "{seen}");
    assert!(seen.contains("Revoke the API token 1, for good? [y/N]"), "{seen}");
    assert!(seen.contains("nothing was done"), "{seen}");
    let (code, seen) = on_terminal(&tracker, &["api-token", "revoke", "1"], "y\n");
    assert_eq!((code, tokens()), (0, 2), "{seen}");
    let (code, seen) = on_terminal(&tracker, &["api-token", "revoke", "2", "--yes"], "");
    assert_eq!((code, tokens()), (0, 1), "{seen}");
    assert!(!seen.contains("[y/N]"), "{seen}");
    // A program is not asked.
    assert_eq!(tracker.json(&["api-token", "revoke", "3"]), json!({ "revoked": 3 }));
}

#[test]
fn a_watched_list_is_as_large_as_the_screen() {
    let tracker = Tracker::start();
    for number in 0..20 {
        tracker.json(&["user", "add", &format!("user-with-a-long-name-{number}")]);
    }
    let arguments = ["user", "list", "--watch", "1", "--times", "2"];
    let (code, seen) = on_terminal(&tracker, &arguments, "");
    assert_eq!(code, 0, "{seen:?}");
    let frames: Vec<_> = seen.split("\u{1b}[H").skip(1).collect();
    assert_eq!(frames.len(), 2, "{seen:?}");
    for frame in frames {
        let lines: Vec<_> = frame.trim_end().split("\r\n").collect();
        assert_eq!(lines.len(), 5, "{frame:?}");
        assert!(lines[0].starts_with("every 1 s, "), "{frame:?}");
        assert!(lines[2].starts_with(" 1  user-with-a-long-name-0"), "{frame:?}");
        let width =
            |line: &str| line.replace("\u{1b}[K", "").replace("\u{1b}[J", "").chars().count();
        assert!(lines.iter().all(|line| width(line) <= 30), "{frame:?}");
    }
}
