//! What `mika doctor` says of a configuration and of the machine.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::support::{Tracker, mika_in};

/// What every machine has: ports that no other program uses, and a few open files.
const MODEST: [(&str, &str); 4] = [
    ("MIKA__LIMITS__CONNECTIONS", "10"),
    ("MIKA__HTTP__LISTEN", "127.0.0.1:0"),
    ("MIKA__UDP__LISTEN", "127.0.0.1:0"),
    ("MIKA__ADMIN__LISTEN", "127.0.0.1:0"),
];

#[test]
fn doctor_adds_up_what_the_limits_allow() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mika.toml");
    std::fs::write(&path, "[limits]\nsessions = 1000000\nconnections = 10\n").unwrap();
    let run = mika_in(folder.path(), &MODEST, &["doctor", "--config", path.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{run:?}");
    let sessions = run.output.lines().find(|line| line.starts_with("limits.sessions")).unwrap();
    let cells: Vec<&str> = sessions.split_whitespace().collect();
    assert_eq!(cells, ["limits.sessions", "1000000", "61.04", "MiB"]);
    assert!(run.output.contains("ok  "), "{}", run.output);
}

/// Runs the doctor as somebody who may not write everywhere.
fn doctor_as_nobody(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mika"));
    command.arg("doctor").args(arguments).current_dir(folder).envs(MODEST);
    if nix::unistd::getuid().is_root() {
        command.uid(65534).gid(65534);
    }
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn doctor_finds_a_directory_that_cannot_be_written_or_made() {
    let folder = tempfile::tempdir().unwrap();
    let may = |mode| {
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    may(0o555);
    for (dir, told) in [(".", "BAD  . cannot be written: "), ("x/y", "BAD  x/y is not there and")] {
        let (code, text) = doctor_as_nobody(folder.path(), &["--data-dir", dir]);
        assert_eq!(code, 1, "{text}");
        let line = text.lines().find(|line| line.starts_with(told)).unwrap_or_else(|| {
            panic!("{told}: {text}");
        });
        assert!(line.contains("Permission denied") && line.contains("chown"), "{line}");
    }
    may(0o777);
    let (code, text) = doctor_as_nobody(folder.path(), &["--public", "--data-dir", "x/y"]);
    assert!(text.contains("ok   x/y is made at the first start"), "{text}");
    assert!(text.contains("ok   free to listen on: TCP 127.0.0.1:0, "), "{text}");
    assert_eq!(code, 0, "{text}");
}

#[test]
fn doctor_sees_that_the_tracker_runs_and_leaves_its_ports_alone() {
    let tracker = Tracker::start();
    let port = tracker.url.rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    let address = format!("127.0.0.1:{port}");
    let variables =
        [("MIKA__ADMIN__LISTEN", address.as_str()), ("MIKA__LIMITS__CONNECTIONS", "10")];
    let doctor = |arguments: &[&str]| {
        let arguments = [&["doctor", "--config", "mika.toml"], arguments].concat();
        mika_in(tracker.folder.path(), &variables, &arguments)
    };
    let run = doctor(&[]);
    assert!(run.output.contains("ok   a tracker runs with "), "{run:?}");
    assert_eq!(run.code, 0, "{run:?}");
    let run = doctor(&["--data-dir", "other"]);
    let told = format!("BAD  admin.listen: cannot listen on TCP 127.0.0.1:{port}: port {port} is");
    assert!(run.output.contains(&told), "{run:?}");
    assert_eq!(run.code, 1, "{run:?}");
}
