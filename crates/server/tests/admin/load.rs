//! What was stored is in the tracker after a restart.

use mika_client::types::{NewClientRule, NewEvent, NewRole, NewToken, NewTorrent, NewUser};
use mika_core::{Mode, Settings, Tracker};
use mika_protocol::InfoHash;
use mika_server::control::{LoadReport, load};

use super::support::{HASH, HASH_V2, NOW_SECONDS, Server};

const FAR_SECONDS: u32 = 4_000_000_000;

async fn filled() -> Server {
    let server = Server::start().await;
    let client = &server.client;
    client.add_role(&NewRole { name: "vip".to_owned(), ..NewRole::default() }).await.unwrap();
    client.add_user(&NewUser::named("alice")).await.unwrap();
    client.add_user(&NewUser::named("bob")).await.unwrap();
    let hybrid = NewTorrent { info_hash_v2: Some(HASH_V2), ..NewTorrent::new(HASH) };
    client.add_torrent(&hybrid).await.unwrap();
    client.add_torrent(&NewTorrent::new(InfoHash([1; 20]))).await.unwrap();
    let rule =
        NewClientRule { prefix: "-XX".to_owned(), allowed: Some(false), name: String::new() };
    client.add_client_rule(&rule).await.unwrap();
    client.put_token("alice", HASH, &NewToken::default()).await.unwrap();
    client.put_token("alice", InfoHash([1; 20]), &NewToken::default()).await.unwrap();
    let ends_at = Some(FAR_SECONDS);
    client.put_token("bob", HASH, &NewToken { ends_at, ..NewToken::default() }).await.unwrap();
    let event = NewEvent {
        name: "summer".to_owned(),
        upload_percent: None,
        download_percent: None,
        starts_at: None,
        ends_at: FAR_SECONDS,
    };
    client.add_event(&event).await.unwrap();
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_restart_knows_what_was_there() {
    let server = filled().await;
    let tracker = Tracker::new(Mode::Private, Settings::default(), [9; 16]);
    let report = load(server.store.as_ref(), &tracker, NOW_SECONDS).await.unwrap();
    let expected = LoadReport {
        roles: 2,
        users: 2,
        torrents: 2,
        client_rules: 1,
        tokens: 3,
        events: 1,
        bad_rows: 0,
    };
    assert_eq!(report, expected);
    assert_eq!((tracker.stats().users, tracker.stats().torrents), (2, 2));
    assert!(tracker.remove_token(HASH_V2, 1));
    assert!(tracker.remove_token(InfoHash([1; 20]), 1));
    assert!(tracker.remove_token(HASH, 2));
    assert!(!tracker.remove_token(InfoHash([1; 20]), 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_has_ended_is_left_out() {
    let server = filled().await;
    let tracker = Tracker::new(Mode::Private, Settings::default(), [9; 16]);
    let report = load(server.store.as_ref(), &tracker, FAR_SECONDS).await.unwrap();
    assert_eq!((report.tokens, report.events, report.bad_rows), (2, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rows_over_a_limit_are_left_out_and_counted() {
    let server = filled().await;
    let settings = Settings { users_max: 1, torrents_max: 1, ..Settings::default() };
    let tracker = Tracker::new(Mode::Private, settings, [9; 16]);
    let report = load(server.store.as_ref(), &tracker, NOW_SECONDS).await.unwrap();
    assert_eq!((report.users, report.torrents, report.tokens), (1, 1, 1));
    assert_eq!(report.bad_rows, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_public_tracker_leaves_tokens_out_without_complaint() {
    let server = filled().await;
    let tracker = Tracker::new(Mode::Public, Settings::default(), [9; 16]);
    let report = load(server.store.as_ref(), &tracker, NOW_SECONDS).await.unwrap();
    assert_eq!((report.torrents, report.tokens, report.bad_rows), (2, 0, 0));
}
