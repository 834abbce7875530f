//! What the admin API says is done lasts, also if the process is killed at once.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::support::Tracker;

const HASH: &str = "0102030405060708090a0b0c0d0e0f1011121314";

pub struct Answer {
    pub status: u16,
    head: String,
    pub json: serde_json::Value,
}

/// A request with the admin token and one more header.
pub fn request(tracker: &Tracker, method: &str, path: &str, header: &str, body: &str) -> Answer {
    let token = tracker.folder.path().join("mika-data/admin.token");
    let token = std::fs::read_to_string(token).unwrap();
    let address = tracker.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let (token, length) = (token.trim(), body.len());
    let text = format!(
        "{method} /api/v1{path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{header}\r\n{body}"
    );
    stream.write_all(text.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_ascii_lowercase(),
        json: serde_json::from_str(body).unwrap_or_default(),
    }
}

fn value(tracker: &Tracker, key: &str) -> (String, bool) {
    let all = request(tracker, "GET", "/config", "", "").json;
    let item = all["items"].as_array().unwrap().iter().find(|item| item["key"] == key).unwrap();
    (item["value"].as_str().unwrap().to_owned(), item["set_by_api"].as_bool().unwrap())
}

#[test]
fn what_was_answered_survives_a_kill() {
    let mut tracker = Tracker::start();
    let key = "Idempotency-Key: one\r\n";
    let body = r#"{"upsert":[{"name":"alice","uploaded_add":100}]}"#;
    let first = request(&tracker, "POST", "/bulk/users", key, body);
    assert_eq!((first.status, &first.json["created"]), (200, &1.into()));
    let torrent = format!(r#"{{"upsert":[{{"info_hash":"{HASH}","download_percent":0}}]}}"#);
    assert_eq!(request(&tracker, "POST", "/bulk/torrents", "", &torrent).status, 200);
    let interval = "tracker.interval_seconds";
    let (before, _) = value(&tracker, interval);
    let patch = format!(r#"{{"{interval}":1234}}"#);
    let changed = request(&tracker, "PATCH", "/config", "", &patch);
    assert_eq!(changed.status, 200, "{}", changed.json);
    assert_eq!(changed.json["applied"][0]["to"], "1234");

    tracker.kill_and_start();
    assert_eq!(value(&tracker, interval), ("1234".to_owned(), true));
    let again = request(&tracker, "POST", "/bulk/users", key, body);
    assert_eq!((again.status, &again.json), (200, &first.json));
    assert!(again.head.contains("idempotency-replayed: true"), "{}", again.head);
    let alice = request(&tracker, "GET", "/users/alice", "", "").json;
    assert_eq!(alice["uploaded"], 100);
    let torrent = request(&tracker, "GET", &format!("/torrents/{HASH}"), "", "").json;
    assert_eq!(torrent["download_percent"], 0);

    let back = format!(r#"{{"{interval}":null}}"#);
    assert_eq!(request(&tracker, "PATCH", "/config", "", &back).status, 200);
    assert_eq!(value(&tracker, interval), (before, false));
}

#[test]
fn a_configuration_that_cannot_be_is_refused_and_changes_nothing() {
    let tracker = Tracker::start();
    let before = value(&tracker, "tracker.interval_seconds");
    for patch in [
        r#"{"tracker.interval_seconds":"soon"}"#,
        r#"{"tracker.interval_seconds":0}"#,
        r#"{"data.dir":"/tmp"}"#,
        r#"{"admin.token":"0123456789abcdef"}"#,
        r#"{"no.such":1}"#,
    ] {
        let refused = request(&tracker, "PATCH", "/config", "", patch);
        assert_eq!((refused.status, refused.json["code"].as_str()), (422, Some("invalid_value")));
    }
    assert_eq!(value(&tracker, "tracker.interval_seconds"), before);
    let tag = request(&tracker, "GET", "/config", "", "").head;
    let tag = tag.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    let patch = r#"{"tracker.interval_seconds":900}"#;
    let header = format!("If-Match: {tag}\r\n");
    assert_eq!(request(&tracker, "PATCH", "/config", &header, patch).status, 200);
    assert_eq!(request(&tracker, "PATCH", "/config", &header, patch).status, 412);
}

#[test]
fn rows_that_the_store_refused_are_listed_tried_again_and_dropped() {
    let mut tracker = Tracker::start();
    let user = request(&tracker, "POST", "/users", "", r#"{"name":"alice"}"#).json;
    let id = user["id"].as_u64().unwrap();
    let row = |id: u64| {
        format!(
            "{{\"batch\":1,\"at_seconds\":5,\"table\":\"users\",\"reason\":\"no such user\",\
             \"row\":{{\"user_id\":{id},\"traffic\":{{\"uploaded_raw\":7,\"downloaded_raw\":0,\
             \"uploaded_credited\":7,\"downloaded_credited\":0}},\"seed_seconds\":1,\
             \"snatches\":0,\"announced_at_seconds\":9}}}}\n"
        )
    };
    let text = [row(id), row(id + 1000)].concat();
    std::fs::write(tracker.folder.path().join("mika-data/dead-letters.jsonl"), text).unwrap();
    let all = request(&tracker, "GET", "/dead-letters", "", "").json;
    let ids: Vec<_> =
        all["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    assert_eq!(ids.len(), 2, "{all}");
    let body = serde_json::json!({ "ids": ids }).to_string();
    let again = request(&tracker, "POST", "/dead-letters/retry", "", &body);
    assert_eq!((again.status, &again.json["done"]), (200, &2.into()), "{}", again.json);
    assert_eq!(request(&tracker, "POST", "/flush", "", "").status, 200);
    let alice = request(&tracker, "GET", "/users/alice", "", "").json;
    assert_eq!(alice["uploaded"], 7);
    // The one that was refused again has another name.
    let left = request(&tracker, "GET", "/dead-letters", "", "").json;
    let left = left["items"].as_array().unwrap();
    assert_eq!(left.len(), 1);
    assert_ne!(left[0]["id"], ids[1]);
    tracker.kill_and_start();
    assert_eq!(request(&tracker, "GET", "/users/alice", "", "").json["uploaded"], 7);
    let body = serde_json::json!({ "ids": [left[0]["id"], "none"] }).to_string();
    let dropped = request(&tracker, "POST", "/dead-letters/drop", "", &body).json;
    assert_eq!((&dropped["done"], &dropped["unknown"][0]), (&1.into(), &"none".into()));
    let left = request(&tracker, "GET", "/dead-letters", "", "").json;
    assert!(left["items"].as_array().unwrap().is_empty());
}
