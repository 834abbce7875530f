//! A change is in force for the next announce after it was answered.

use std::future::Future;

use mika_client::types::{
    ClientRuleChange, NewClientRule, NewRole, NewTorrent, NewUser, RoleChange, TorrentChange,
    UserChange,
};
use mika_core::{Mode, Refusal, Settings};
use mika_protocol::InfoHash;

use super::support::{HASH, HASH_V2, Server, problem, refused};

async fn with_user_and_torrent() -> (Server, String) {
    let server = Server::start().await;
    let user = server.client.add_user(&NewUser::named("alice")).await.unwrap();
    let hybrid = NewTorrent { info_hash_v2: Some(HASH_V2), ..NewTorrent::new(HASH) };
    server.client.add_torrent(&hybrid).await.unwrap();
    (server, user.passkey)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_new_user_announces_a_new_torrent_by_either_hash() {
    let (server, passkey) = with_user_and_torrent().await;
    assert_eq!(server.announce(&passkey, HASH).unwrap().leechers, 1);
    assert_eq!(server.announce(&passkey, HASH_V2).unwrap().leechers, 1);
    let torrent = server.client.torrent(HASH).await.unwrap();
    assert_eq!((torrent.seeders, torrent.leechers, torrent.snatches), (0, 1, 0));
    let stats = server.client.stats().await.unwrap();
    assert_eq!((stats.users, stats.torrents, stats.swarms, stats.leechers), (1, 1, 1, 1));
    assert!(stats.flush.pending_rows > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_closed_account_is_refused_until_it_is_opened_again() {
    let (server, passkey) = with_user_and_torrent().await;
    assert!(server.client.delete_user("alice").await.unwrap().deleted);
    let refusal = server.announce(&passkey, HASH).unwrap_err();
    assert_eq!(server.tracker.explain(refusal).text, "this account is closed");
    let restore = UserChange { deleted: Some(false), ..UserChange::default() };
    server.client.update_user("alice", &restore).await.unwrap();
    assert!(server.announce(&passkey, HASH).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn clients_are_told_why_a_torrent_is_deleted_or_disabled() {
    let (server, passkey) = with_user_and_torrent().await;
    let told = || server.tracker.explain(server.announce(&passkey, HASH).unwrap_err()).text;
    server.client.delete_torrent(HASH, "dupe of 17").await.unwrap();
    assert!(told().starts_with("torrent deleted") && told().ends_with("dupe of 17"), "{}", told());
    let disable = TorrentChange {
        deleted: Some(false),
        enabled: Some(false),
        reason: Some("being moderated".to_owned()),
        ..TorrentChange::default()
    };
    server.client.update_torrent(HASH_V2, &disable).await.unwrap();
    assert!(told().starts_with("torrent disabled") && told().ends_with("being moderated"));
    let enable = TorrentChange { enabled: Some(true), ..TorrentChange::default() };
    assert_eq!(server.client.update_torrent(HASH, &enable).await.unwrap().reason, "");
    assert!(server.announce(&passkey, HASH).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_user_who_may_not_download_may_still_seed() {
    let (server, passkey) = with_user_and_torrent().await;
    let change = UserChange { download_enabled: Some(false), ..UserChange::default() };
    server.client.update_user("alice", &change).await.unwrap();
    assert_eq!(server.announce(&passkey, HASH), Err(Refusal::DownloadDisabled));
    assert!(server.announce_as(&passkey, HASH, *b"-TR4060-0123456789ab", 0).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_changed_role_counts_for_its_members() {
    let (server, passkey) = with_user_and_torrent().await;
    let new =
        NewRole { name: "banned".to_owned(), download_enabled: Some(false), ..NewRole::default() };
    server.client.add_role(&new).await.unwrap();
    let change = UserChange { role: Some("banned".to_owned()), ..UserChange::default() };
    server.client.update_user("alice", &change).await.unwrap();
    assert_eq!(server.announce(&passkey, HASH), Err(Refusal::RoleDownloadDisabled));
    let change = RoleChange { download_enabled: Some(true), ..RoleChange::default() };
    server.client.update_role("banned", &change).await.unwrap();
    assert!(server.announce(&passkey, HASH).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_client_rule_counts_and_stops_counting() {
    let (server, passkey) = with_user_and_torrent().await;
    let new = NewClientRule { prefix: "-TR".to_owned(), allowed: Some(false), name: String::new() };
    server.client.add_client_rule(&new).await.unwrap();
    assert_eq!(server.announce(&passkey, HASH), Err(Refusal::ClientNotAllowed));
    let allow = ClientRuleChange { allowed: Some(true), name: None };
    server.client.update_client_rule("-TR", &allow).await.unwrap();
    assert!(server.announce(&passkey, HASH).is_ok());
    let deny = ClientRuleChange { allowed: Some(false), name: None };
    server.client.update_client_rule("-TR", &deny).await.unwrap();
    assert_eq!(server.announce(&passkey, HASH), Err(Refusal::ClientNotAllowed));
    server.client.delete_client_rule("-TR").await.unwrap();
    assert!(server.announce(&passkey, HASH).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_memory_has_no_room_for_is_stored_and_said_not_to_be_in_force() {
    let settings = Settings { torrents_max: 1, ..Settings::default() };
    let server = Server::start_in(Mode::Private, settings).await;
    server.client.add_torrent(&NewTorrent::new(HASH)).await.unwrap();
    let second = server.client.add_torrent(&NewTorrent::new(InfoHash([1; 20]))).await;
    assert_eq!(refused(second), problem(503, "not_in_force"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_store_that_is_away_is_a_503_and_changes_nothing() {
    let (server, passkey) = with_user_and_torrent().await;
    server.lose_store().await;
    let change = UserChange { deleted: Some(true), ..UserChange::default() };
    let (status, code) = refused(server.client.update_user("alice", &change).await);
    assert_eq!(status, 503);
    assert!(code.starts_with("store_"), "{code}");
    assert!(server.announce(&passkey, HASH).is_ok());
}

#[tokio::test]
async fn a_change_whose_caller_has_gone_still_reaches_store_and_tracker() {
    let server = Server::start().await;
    let mut change = std::pin::pin!(server.control.add_user(NewUser::named("alice")));
    let first = std::future::poll_fn(|context| {
        std::task::Poll::Ready(change.as_mut().poll(context).is_pending())
    });
    assert!(first.await);
    // Nobody waits for the first change any more; the second comes after it.
    server.control.add_user(NewUser::named("bob")).await.unwrap();
    let alice = server.client.user("alice").await.unwrap();
    assert_eq!(server.announce(&alice.passkey, HASH), Err(Refusal::TorrentUnknown));
}
