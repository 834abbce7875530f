use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::support::{Tracker, mika_in};

#[test]
fn the_token_is_found_in_the_default_data_directory() {
    let tracker = Tracker::start();
    assert_eq!(tracker.client(&["stats"]).code, 0);
}

#[test]
fn the_token_is_found_by_every_documented_way() {
    let tracker = Tracker::start();
    let file = tracker.folder.path().join("mika-data/admin.token");
    let token = std::fs::read_to_string(&file).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let data_dir = tracker.folder.path().join("mika-data");
    let (file, data_dir) = (file.to_str().unwrap(), data_dir.to_str().unwrap());
    let stats = |variables: &[(&str, &str)], arguments: &[&str]| {
        let arguments = [&["client", "--url", &tracker.url, "stats"], arguments].concat();
        mika_in(elsewhere.path(), variables, &arguments).code
    };
    assert_eq!(stats(&[], &["--token", token.trim()]), 0);
    assert_eq!(stats(&[], &["--token-file", file]), 0);
    assert_eq!(stats(&[("MIKA_TOKEN", token.trim())], &[]), 0);
    assert_eq!(stats(&[], &["--data-dir", data_dir]), 0);
    assert_eq!(
        stats(&[("MIKA_TOKEN", "wrong-token-of-this-tracker")], &["--data-dir", data_dir]),
        6
    );
    assert_eq!(stats(&[], &[]), 6);
    let arguments = ["client", "--url", &tracker.url, "--config", "mika.toml", "stats"];
    assert_eq!(mika_in(tracker.folder.path(), &[], &arguments).code, 0);
}

#[test]
fn a_refused_token_is_traced_to_where_it_came_from() {
    let tracker = Tracker::start();
    let path = tracker.folder.path().join("old.token");
    std::fs::write(&path, "the-token-of-another-tracker\n").unwrap();
    let run = tracker.client(&["stats", "--token-file", "old.token"]);
    assert_eq!(run.code, 6);
    assert!(run.errors.contains("the token in old.token"), "{}", run.errors);
    assert!(!run.errors.contains("the-token-of-another-tracker"));
    let run = tracker.client(&["stats", "--data-dir", "nowhere"]);
    assert!(run.errors.contains("there is no nowhere/admin.token"), "{}", run.errors);
    let run = tracker.client(&["stats", "--token-file", "nowhere"]);
    assert_eq!((run.code, run.errors.trim()), (1, "mika: there is no file nowhere"));
}

#[test]
fn without_a_tracker_the_exit_code_is_5_and_the_advice_is_to_start_one() {
    let folder = tempfile::tempdir().unwrap();
    // Port 1 of the loopback is privileged and unused.
    let run = mika_in(folder.path(), &[], &["client", "--url", "http://127.0.0.1:1", "stats"]);
    assert_eq!(run.code, 5);
    let expected = "mika: no answer from http://127.0.0.1:1: Connection refused (os error 111)\n\
                    start the tracker with `mika serve`, or say with --url where it runs\n";
    assert_eq!(run.errors, expected);
}

#[test]
fn health_needs_no_token() {
    let tracker = Tracker::start();
    let run = tracker.client(&["health", "--data-dir", "nowhere"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.output.contains("registry  ok"), "{}", run.output);
}

#[test]
fn a_token_that_others_may_read_is_warned_of() {
    let warned = "others may read the admin token: chmod 600 this file";
    let mut tracker = Tracker::start();
    assert!(!tracker.log().contains(warned), "{}", tracker.log());
    let default = tracker.folder.path().join("mika-data/admin.token");
    let chmod = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod(&default, 0o644);
    tracker.kill_and_start();
    assert!(tracker.log().contains(warned), "{}", tracker.log());
    assert!(tracker.log().contains("mika-data/admin.token"), "{}", tracker.log());
    let other = tracker.folder.path().join("at.txt");
    std::fs::copy(&default, &other).unwrap();
    chmod(&other, 0o644);
    let path = tracker.folder.path().join("mika.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let with_file = config.replace("[admin]\n", "[admin]\ntoken_file = \"at.txt\"\n");
    std::fs::write(&path, with_file).unwrap();
    tracker.kill_and_start();
    assert!(tracker.log().contains(warned), "{}", tracker.log());
    assert!(tracker.log().contains("at.txt"), "{}", tracker.log());
    chmod(&other, 0o600);
    tracker.kill_and_start();
    assert!(!tracker.log().contains(warned), "{}", tracker.log());
}
