use super::support::{Tracker, mika, mika_in};

const HASH: &str = "abababababababababababababababababababab";

#[test]
fn the_first_start_says_what_to_do_next() {
    let tracker = Tracker::start();
    assert_eq!(tracker.welcome[0], "announce URL   http://t.example/PASSKEY/announce");
    assert!(tracker.welcome[1].ends_with("udp://t.example:0/PASSKEY/announce"));
    let user = "add a user     mika client --config mika.toml user add NAME";
    let torrent = "add a torrent  mika client --config mika.toml torrent add FILE.torrent";
    assert_eq!(tracker.welcome[tracker.welcome.len() - 2..], [user, torrent]);
}

#[test]
fn a_user_is_added_shown_changed_and_closed() {
    let tracker = Tracker::start();
    let run = tracker.client(&["user", "add", "alice", "--passkey", "key_1"]);
    let expected = "user          alice\nid            1\npasskey       key_1\n\
                    announce URL  http://t.example/key_1/announce\n\
                    \u{20}             udp://t.example:0/key_1/announce\n";
    assert_eq!(run.output, expected);
    assert_eq!(tracker.client(&["user", "add", "alice"]).code, 4);
    assert_eq!(tracker.client(&["user", "get", "bob"]).code, 3);
    assert_eq!(tracker.client(&["user", "add", "bob", "--role", "king"]).code, 1);
    let user = tracker.json(&["user", "get", "key_1"]);
    assert_eq!((user["id"].as_u64(), user["role"].as_str()), (Some(1), Some("user")));
    let urls = |passkey: &str| {
        format!(
            "announce URL    http://t.example/{passkey}/announce\n\
             {:16}udp://t.example:0/{passkey}/announce\n",
            ""
        )
    };
    let shown = tracker.client(&["user", "get", "alice"]).output;
    assert!(shown.contains(&urls("key_1")), "{shown}");
    let shown = tracker.client(&["user", "set", "alice", "--passkey", "key_2"]).output;
    assert!(shown.contains(&urls("key_2")), "{shown}");
    let user = tracker.json(&["user", "set", "alice", "--uploaded", "2048", "--site-id", "-7"]);
    assert_eq!((user["uploaded"].as_u64(), user["site_id"].as_i64()), (Some(2048), Some(-7)));
    let user = tracker.json(&["user", "set", "1", "--new-passkey"]);
    assert_eq!(user["passkey"].as_str().unwrap().len(), 32);
    let run = tracker.client(&["user", "delete", "alice"]);
    assert_eq!(run.output, "the account of alice is closed\n");
    let list = tracker.client(&["user", "list"]).output;
    let line = " 1  alice  user  2.00 KiB         0 B      -  never          closed";
    assert_eq!(list.lines().nth(1), Some(line), "{list}");
    let user = tracker.json(&["user", "set", "alice", "--restore"]);
    assert_eq!(user["deleted"].as_bool(), Some(false));
}

#[test]
fn json_may_be_asked_for_anywhere_on_the_line() {
    let tracker = Tracker::start();
    tracker.client(&["user", "add", "alice"]);
    let after = tracker.client(&["user", "list", "--json"]).output;
    assert_eq!(tracker.client(&["--json", "user", "list"]).output, after);
    assert_eq!(tracker.client(&["user", "--json", "list"]).output, after);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&after).unwrap()[0]["name"], "alice");
}

#[test]
fn a_torrent_is_added_by_info_hash_changed_and_deleted_with_a_reason() {
    let tracker = Tracker::start();
    let added = tracker.json(&[
        "torrent",
        "add",
        "--info-hash",
        HASH,
        "--title",
        "A title",
        "--download-percent",
        "0",
    ]);
    assert_eq!(added["info_hash"], HASH);
    assert_eq!(
        (added["title"].as_str(), added["download_percent"].as_u64()),
        (Some("A title"), Some(0))
    );
    assert_eq!(tracker.client(&["torrent", "add", "--info-hash", HASH]).code, 4);
    let set = tracker.json(&["torrent", "set", HASH, "--enabled", "false", "--reason", "later"]);
    assert_eq!((set["enabled"].as_bool(), set["reason"].as_str()), (Some(false), Some("later")));
    assert_eq!(tracker.client(&["torrent", "delete", HASH, "--reason", "a dupe"]).code, 0);
    let list = tracker.client(&["torrent", "list"]).output;
    assert!(list.lines().nth(1).unwrap().ends_with("deleted: a dupe"), "{list}");
    assert_eq!(tracker.client(&["torrent", "get", &"0".repeat(40)]).code, 3);
}

#[test]
fn a_torrent_file_is_added_with_its_name() {
    let tracker = Tracker::start();
    let info = "d6:lengthi1e4:name5:a.iso12:piece lengthi16384e\
                6:pieces20:aaaaaaaaaaaaaaaaaaaa7:privatei1ee";
    let path = tracker.folder.path().join("a.torrent");
    std::fs::write(&path, format!("d4:info{info}e")).unwrap();
    let run = tracker.client(&["torrent", "add", "a.torrent", "--json"]);
    assert_eq!(run.errors, "");
    assert_eq!(run.json()["title"], "a.iso");
    assert_eq!(run.json()["info_hash"], "09dca8333736753d957b9e280a01998355728e40");
    assert_eq!(tracker.client(&["torrent", "add", "a.torrent"]).code, 4);
    std::fs::write(&path, "no torrent").unwrap();
    let run = tracker.client(&["torrent", "add", "a.torrent"]);
    assert_eq!(run.code, 1);
    assert!(run.errors.starts_with("mika: a.torrent was not added: not a torrent file"), "{run:?}");
    let run = tracker.client(&["torrent", "add", "b.torrent"]);
    assert!(run.errors.starts_with("mika: b.torrent was not added: No such file"), "{run:?}");
}

#[test]
fn an_open_torrent_is_added_with_a_note() {
    let tracker = Tracker::start();
    let info = "d6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae";
    std::fs::write(tracker.folder.path().join("a.torrent"), format!("d4:info{info}e")).unwrap();
    let run = tracker.client(&["torrent", "add", "a.torrent"]);
    assert_eq!(run.code, 0);
    assert!(run.errors.contains("not marked private"), "{run:?}");
}

#[test]
fn roles_rules_tokens_and_events_have_their_commands() {
    let tracker = Tracker::start();
    let ok = |arguments: &[&str]| {
        let run = tracker.client(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {run:?}");
        run.output
    };
    ok(&["role", "add", "vip", "--download-slots", "3", "--priority", "-2"]);
    let role = tracker.json(&["role", "set", "vip", "--download-slots", "none", "--name", "VIP"]);
    assert_eq!((role["priority"].as_i64(), role["download_slots"].as_u64()), (Some(-2), None));
    assert!(ok(&["role", "list"]).contains("VIP"));
    ok(&["role", "get", "VIP"]);
    assert_eq!(ok(&["role", "delete", "VIP"]), "the role VIP is deleted\n");
    assert_eq!(tracker.client(&["role", "delete", "VIP"]).code, 3);

    ok(&["whitelist", "add", "-TR3", "--deny", "--name", "Transmission 3"]);
    assert_eq!(tracker.json(&["whitelist", "get", "-TR3"])["allowed"], false);
    assert_eq!(tracker.json(&["whitelist", "set", "-TR3", "--allow"])["allowed"], true);
    let list = "PREFIX  RULE   NAME\n-TR3    allow  Transmission 3\n";
    assert_eq!(ok(&["whitelist", "list"]), list);
    ok(&["whitelist", "delete", "-TR3"]);
    assert_eq!(ok(&["whitelist", "list"]), "no rules\n");

    ok(&["user", "add", "alice"]);
    ok(&["torrent", "add", "--info-hash", HASH]);
    let token = tracker.json(&["token", "add", "alice", HASH, "--ends", "2100-01-01"]);
    assert_eq!(
        (token["download_percent"].as_u64(), token["ends_at"].as_u64()),
        (Some(0), Some(4_102_444_800))
    );
    assert!(ok(&["token", "list", "alice"]).contains("2100-01-01 00:00:00 UTC"));
    ok(&["token", "delete", "alice", HASH]);
    assert_eq!(ok(&["token", "list"]), "no tokens\n");

    ok(&["event", "add", "summer", "--ends", "+7d", "--upload-percent", "200"]);
    assert_eq!(tracker.json(&["event", "list"])[0]["upload_percent"], 200);
    assert_eq!(tracker.client(&["event", "add", "summer", "--ends", "+7d"]).code, 4);
    ok(&["event", "delete", "summer"]);
    assert_eq!(ok(&["event", "list"]), "no events\n");
}

#[test]
fn the_running_tracker_flushes_and_reads_its_configuration_on_command() {
    let tracker = Tracker::start();
    assert!(tracker.json(&["flush"])["applied_batch_number"].is_u64());
    let path = tracker.folder.path().join("mika.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{config}interval_seconds = 900\n")).unwrap();
    let change = tracker.json(&["config", "reload"]);
    let keys: Vec<_> = change["applied"].as_array().unwrap().iter().map(|c| &c["key"]).collect();
    assert!(keys.contains(&&serde_json::json!("tracker.interval_seconds")), "{change}");
    std::fs::write(&path, format!("{config}interval_seconds = 0\n")).unwrap();
    let run = tracker.client(&["config", "reload"]);
    assert_eq!(run.code, 1);
    assert!(run.errors.contains("mika.toml:11:20"), "{}", run.errors);
}

#[test]
fn credit_is_given_and_taken_without_overwriting() {
    let tracker = Tracker::start();
    tracker.json(&["user", "add", "alice"]);
    let set = |change: &str, bytes: &str| {
        let user = tracker.json(&["user", "set", "alice", change, bytes]);
        (user["uploaded"].as_u64().unwrap(), user["downloaded"].as_u64().unwrap())
    };
    assert_eq!(set("--uploaded-add", "100"), (100, 0));
    assert_eq!(set("--downloaded-add", "30"), (100, 30));
    assert_eq!(set("--uploaded-add", "-40"), (60, 30));
    assert_eq!(set("--downloaded-add", "-31"), (60, 0));
}

#[test]
fn a_configuration_is_checked_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        std::fs::write(folder.path().join("mika.toml"), text).unwrap();
        mika_in(folder.path(), &[], &["config", "check", "--config", "mika.toml"])
    };
    let run = check("[tracker]\ninterval_seconds = 900\n");
    assert_eq!(run.code, 0);
    assert!(run.output.starts_with("the configuration is fine\n"), "{}", run.output);
    assert!(run.output.contains("tracker.interval_seconds = 900\n"), "{}", run.output);
    let run = check("[tracker]\nintervall_seconds = 900\n");
    assert_eq!(run.code, 78);
    assert!(
        run.errors.starts_with("mika.toml:2:1: unknown key `intervall_seconds`"),
        "{}",
        run.errors
    );
    let run = mika_in(folder.path(), &[], &["serve", "--config", "mika.toml"]);
    assert_eq!(run.code, 78);
    let example = mika(&["config", "example"]).output;
    assert!(example.contains("[tracker]\n") && example.contains("#interval_seconds = 1800\n"));
    assert_eq!(check(&example).output, "the configuration is fine\nevery value is the default\n");
}

#[test]
fn an_empty_list_says_what_to_do_and_a_long_one_can_be_cut() {
    let tracker = Tracker::start();
    let nothing = "no users; add one with `mika client user add NAME`\n";
    assert_eq!(tracker.client(&["user", "list"]).output, nothing);
    assert_eq!(tracker.client(&["user", "list", "--json"]).output, "[]\n");
    for name in ["a", "b", "c"] {
        tracker.client(&["user", "add", name]);
    }
    let list = tracker.json(&["user", "list", "--after-id", "1", "--limit", "1"]);
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["name"], "b");
    assert_eq!(tracker.json(&["user", "list", "--limit", "2"]).as_array().unwrap().len(), 2);
}
