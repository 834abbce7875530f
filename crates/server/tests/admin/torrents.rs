use mika_client::types::{NewTorrent, PageQuery, TorrentChange};
use mika_protocol::InfoHash;

use super::support::{HASH, HASH_V2, Server, problem, refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_torrent_is_added_with_the_documented_defaults() {
    let server = Server::start().await;
    let body = format!(r#"{{"info_hash":"{HASH}","title":"A title"}}"#);
    let response = server.request("POST", "/api/v1/torrents", &body);
    assert_eq!(response.status, 201);
    let json: serde_json::Value = serde_json::from_str(&response.body).unwrap();
    let mut names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let mut expected = [
        "id",
        "info_hash",
        "info_hash_v2",
        "title",
        "seeders",
        "leechers",
        "snatches",
        "uploaded",
        "downloaded",
        "uploaded_raw",
        "downloaded_raw",
        "upload_percent",
        "download_percent",
        "enabled",
        "deleted",
        "reason",
        "status",
        "featured",
        "strategies",
        "announced_at",
        "created_at",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
    let torrent = server.client.torrent(HASH).await.unwrap();
    assert_eq!((torrent.id, torrent.title.as_str()), (1, "A title"));
    assert_eq!((torrent.upload_percent, torrent.download_percent), (100, 100));
    assert!(torrent.enabled && !torrent.deleted && torrent.reason.is_empty());
    assert_eq!((torrent.announced_at, torrent.info_hash_v2), (None, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_hybrid_is_found_by_either_hash_and_neither_can_be_added_again() {
    let server = Server::start().await;
    let hybrid = NewTorrent { info_hash_v2: Some(HASH_V2), ..NewTorrent::new(HASH) };
    let added = server.client.add_torrent(&hybrid).await.unwrap();
    assert_eq!(server.client.torrent(HASH_V2).await.unwrap(), added);
    for hash in [HASH, HASH_V2] {
        let again = server.client.add_torrent(&NewTorrent::new(hash)).await;
        assert_eq!(refused(again), problem(409, "info_hash_taken"));
    }
    let other = InfoHash([1; 20]);
    let crossed = NewTorrent { info_hash_v2: Some(HASH), ..NewTorrent::new(other) };
    let crossed = server.client.add_torrent(&crossed).await;
    assert_eq!(refused(crossed), problem(409, "info_hash_taken"));
    assert_eq!(refused(server.client.torrent(other).await), problem(404, "torrent_not_found"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_v2_hash_is_taken_in_full_and_truncated() {
    let server = Server::start().await;
    let full = "AB".repeat(32);
    let body = format!(r#"{{"info_hash":"{full}"}}"#);
    assert_eq!(server.request("POST", "/api/v1/torrents", &body).status, 201);
    assert_eq!(server.client.torrent(HASH).await.unwrap().info_hash, HASH);
    let path = format!("/api/v1/torrents/{full}");
    assert_eq!(server.request("GET", &path, "").status, 200);
    for hash in ["", "ab", &"g".repeat(40), &"a".repeat(41), &"é".repeat(20)] {
        let body = format!(r#"{{"info_hash":"{hash}"}}"#);
        let response = server.request("POST", "/api/v1/torrents", &body);
        assert_eq!(response.code(), problem(422, "invalid_body"), "{hash}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn values_that_no_torrent_can_have_are_refused() {
    let server = Server::start().await;
    let add = async |new: NewTorrent| refused(server.client.add_torrent(&new).await);
    let invalid = problem(422, "invalid_value");
    let new = NewTorrent::new(HASH);
    assert_eq!(add(NewTorrent { upload_percent: Some(10_001), ..new.clone() }).await, invalid);
    assert_eq!(add(NewTorrent { download_percent: Some(10_001), ..new.clone() }).await, invalid);
    assert_eq!(add(NewTorrent { title: "é".repeat(256), ..new.clone() }).await, invalid);
    assert_eq!(add(NewTorrent { title: "a\tb".to_owned(), ..new }).await, invalid);
    for percent in ["-1", "65536", "1.5", "\"1\""] {
        let body = format!(r#"{{"info_hash":"{HASH}","upload_percent":{percent}}}"#);
        let response = server.request("POST", "/api/v1/torrents", &body);
        assert_eq!(response.code(), problem(422, "invalid_body"), "{percent}");
    }
    server.client.add_torrent(&NewTorrent::new(HASH)).await.unwrap();
    let long = TorrentChange { reason: Some("x".repeat(201)), ..TorrentChange::default() };
    assert_eq!(refused(server.client.update_torrent(HASH, &long).await), invalid);
    let path = format!("/api/v1/torrents/{HASH}?reason=a%0Ab");
    assert_eq!(server.request("DELETE", &path, "").code(), invalid);
    assert!(!server.client.torrent(HASH).await.unwrap().deleted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_deleted_torrent_keeps_its_row_and_its_reason_until_it_is_restored() {
    let server = Server::start().await;
    server.client.add_torrent(&NewTorrent::new(HASH)).await.unwrap();
    let deleted = server.client.delete_torrent(HASH, "a dupe & more").await.unwrap();
    assert_eq!((deleted.deleted, deleted.reason.as_str()), (true, "a dupe & more"));
    let again = server.client.delete_torrent(HASH, "").await.unwrap();
    assert_eq!(again.reason, "a dupe & more");
    let readded = server.client.add_torrent(&NewTorrent::new(HASH)).await;
    assert_eq!(refused(readded), problem(409, "info_hash_taken"));
    let restore = TorrentChange { deleted: Some(false), ..TorrentChange::default() };
    let restored = server.client.update_torrent(HASH, &restore).await.unwrap();
    assert_eq!((restored.deleted, restored.reason.as_str()), (false, ""));
    let missing = server.client.delete_torrent(HASH_V2, "").await;
    assert_eq!(refused(missing), problem(404, "torrent_not_found"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_torrent_has_strategies_of_its_own_until_it_is_given_those_of_the_configuration_again() {
    let server = Server::start().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("torrent-strategies.json");
    server.control.keep_torrent_strategies(file.clone()).unwrap();
    let new = server.client.add_torrent(&NewTorrent::new(HASH)).await.unwrap();
    assert_eq!(new.strategies, None);
    let named = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let change = async |strategies: Option<&[&str]>| {
        let strategies = Some(strategies.map(named));
        let change = TorrentChange { strategies, ..TorrentChange::default() };
        server.client.update_torrent(HASH, &change).await
    };
    let changed = change(Some(&["fast", "location"])).await.unwrap();
    assert_eq!(changed.strategies, Some(named(&["location", "fast"])));
    let kept = std::fs::read_to_string(&file).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept[HASH.to_string()], serde_json::json!(["fast", "location"]));

    let invalid = problem(422, "invalid_value");
    assert_eq!(refused(change(Some(&["near"])).await), invalid);
    assert_eq!(refused(change(Some(&["fast", "slow"])).await), invalid);
    let title = TorrentChange { title: Some("a".to_owned()), ..TorrentChange::default() };
    let changed = server.client.update_torrent(HASH, &title).await.unwrap();
    assert_eq!(changed.strategies, Some(named(&["location", "fast"])), "what is absent stays");

    // Another process reads them before it knows the torrent.
    let next = Server::start().await;
    next.control.keep_torrent_strategies(file.clone()).unwrap();
    let new = next.client.add_torrent(&NewTorrent::new(HASH)).await.unwrap();
    assert_eq!(new.strategies, Some(named(&["location", "fast"])));

    assert_eq!(change(Some(&[])).await.unwrap().strategies, Some(Vec::new()));
    assert_eq!(change(None).await.unwrap().strategies, None);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{}");
    std::fs::write(&file, "[1]").unwrap();
    let broken = next.control.keep_torrent_strategies(file).unwrap_err().to_string();
    assert!(broken.contains("torrent-strategies.json"), "{broken}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn torrents_are_listed_by_id() {
    let server = Server::start().await;
    for byte in [9, 3, 5] {
        server.client.add_torrent(&NewTorrent::new(InfoHash([byte; 20]))).await.unwrap();
    }
    let page = PageQuery { after_id: 1, limit: Some(1) };
    let page = server.client.torrents(page).await.unwrap();
    assert_eq!(page.items[0].info_hash, InfoHash([3; 20]));
    assert_eq!(page.next_after_id, Some(2));
}
