//! Many records at once, and the whole state.

use serde_json::json;

use super::support::Tracker;

fn write(tracker: &Tracker, name: &str, text: &str) {
    std::fs::write(tracker.folder.path().join(name), text).unwrap();
}

#[test]
fn what_is_wrong_with_a_line_is_told_of_that_line() {
    let tracker = Tracker::start();
    let text = "{\"name\": \"alice\", \"uploaded_add\": 100}\n\nno json\n\
                {\"name\": \"bob\", \"role\": \"nobody\"}\n{\"nam\": \"carol\"}\n\
                {\"name\": \"dave\"}\n";
    write(&tracker, "users", text);
    let run = tracker.client(&["bulk", "upsert", "user", "users", "--json"]);
    assert_eq!(run.code, 1, "{run:?}");
    let summary: serde_json::Value = serde_json::from_str(&run.output).unwrap();
    assert_eq!((&summary["created"], &summary["failed"]), (&json!(2), &json!(3)));
    let mut lines: Vec<_> =
        summary["errors"].as_array().unwrap().iter().map(|error| error["line"].clone()).collect();
    lines.sort_by_key(|line| line.as_u64());
    assert_eq!(lines, [3, 4, 5]);
    assert_eq!(tracker.json(&["user", "get", "alice"])["uploaded"], json!(100));
    let run = tracker.client(&["bulk", "upsert", "user", "users"]);
    assert!(run.output.contains("updated  2\n"), "{run:?}");
    assert!(run.output.contains("\nline 4: "), "{run:?}");

    write(&tracker, "gone", "{\"name\": \"dave\"}\n");
    let run = tracker.client(&["bulk", "delete", "user", "gone", "--json"]);
    assert_eq!(run.json()["deleted"], json!(1));
    assert_eq!(tracker.json(&["user", "get", "dave"])["deleted"], json!(true));
}

#[test]
fn more_records_than_fit_into_a_call_are_sent_in_several() {
    let tracker = Tracker::start();
    let lines: String =
        (0..10_050).map(|number| format!("{{\"info_hash\": \"{number:040x}\"}}\n")).collect();
    write(&tracker, "torrents", &lines);
    let summary = tracker.json(&["bulk", "upsert", "torrent", "torrents"]);
    assert_eq!((&summary["created"], &summary["failed"]), (&json!(10_050), &json!(0)));
    assert_eq!(tracker.json(&["stats"])["torrents"], json!(10_050));
    let summary = tracker.json(&["bulk", "delete", "torrent", "torrents"]);
    assert_eq!(summary["deleted"], json!(10_050));
}

#[test]
fn an_export_of_one_tracker_is_the_import_of_another() {
    let (from, to) = (Tracker::start(), Tracker::start());
    from.json(&["role", "add", "vip"]);
    let alice = from.json(&["user", "add", "alice", "--role", "vip"]);
    from.json(&["torrent", "add", "--info-hash", &"ab".repeat(20), "--title", "Film"]);
    let text = from.client(&["export"]).output;
    assert!(text.lines().last().unwrap().starts_with("{\"kind\":\"end\""), "{text}");
    assert_eq!(from.client(&["export", "state"]).code, 0);
    let file = from.folder.path().join("state");
    let kinds = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(kinds(&std::fs::read_to_string(&file).unwrap()), kinds(&text));
    let mode = std::fs::metadata(&file).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);

    let report = to.json(&["import", file.to_str().unwrap()]);
    assert_eq!(report["failed"], json!(0), "{report}");
    assert_eq!(to.json(&["user", "get", "alice"])["passkey"], alice["passkey"]);
    assert_eq!(to.json(&["torrent", "list"])[0]["title"], json!("Film"));
    write(&to, "broken", "{\"kind\":\"meta\",\"version\":1,\"exported_at\":1,\"mika\":\"0\"}\nx\n");
    let run = to.client(&["import", "broken"]);
    assert_eq!(run.code, 1, "{run:?}");
}

#[test]
fn an_import_comes_from_standard_input() {
    let tracker = Tracker::start();
    let line = "{\"kind\":\"client_rule\",\"prefix\":\"-TR\",\"allowed\":true,\"name\":\"T\"}\n";
    let text = format!(
        "{{\"kind\":\"meta\",\"version\":1,\"exported_at\":1,\"mika\":\"0\"}}\n{line}\
         {{\"kind\":\"end\",\"lines\":2}}\n"
    );
    let run = tracker.client_with_input(&["import", "--json"], &text);
    assert_eq!((run.code, &run.json()["created"]), (0, &json!(1)), "{run:?}");
    let input = "{\"prefix\": \"-UT\"}\n";
    let run = tracker.client_with_input(&["bulk", "upsert", "client-rule", "--json"], input);
    assert_eq!(run.json()["created"], json!(1));
    assert_eq!(tracker.json(&["client-rule", "list"]).as_array().unwrap().len(), 2);
}

#[test]
fn rows_that_the_store_refused_are_tried_again_or_dropped_all_at_once() {
    let tracker = Tracker::start();
    let id = tracker.json(&["user", "add", "alice"])["id"].as_u64().unwrap();
    let row = |uploaded: u64| {
        format!(
            "{{\"batch\":1,\"at_seconds\":5,\"table\":\"users\",\"reason\":\"no such user\",\
             \"row\":{{\"user_id\":{id},\"traffic\":{{\"uploaded_raw\":{uploaded},\
             \"downloaded_raw\":0,\"uploaded_credited\":{uploaded},\"downloaded_credited\":0}},\
             \"seed_seconds\":1,\"snatches\":0,\"announced_at_seconds\":9}}}}\n"
        )
    };
    write(&tracker, "mika-data/dead-letters.jsonl", &[row(7), row(8)].concat());
    let list = tracker.client(&["dead-letter", "list"]).output;
    assert_eq!(list.lines().count(), 3, "{list}");
    assert!(list.lines().nth(1).unwrap().ends_with("users  no such user"), "{list}");
    let first = tracker.json(&["dead-letter", "list"])[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(tracker.json(&["dead-letter", "drop", &first])["done"], json!(1));
    assert_eq!(tracker.json(&["dead-letter", "retry", "--all"])["done"], json!(1));
    tracker.json(&["flush"]);
    assert_eq!(tracker.json(&["user", "get", "alice"])["uploaded"], json!(8));
    let run = tracker.client(&["dead-letter", "retry", "none"]);
    assert_eq!((run.code, run.output.lines().nth(1)), (1, Some("none: there is none of this id")));
    assert_eq!(tracker.client(&["dead-letter", "drop"]).code, 2);
}
