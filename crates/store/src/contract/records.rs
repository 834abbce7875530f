//! Promises about single records: each is a function that panics if it is not kept.

use std::sync::Arc;

use mika_core::batch::{Batch, RegisteredRow};
use mika_core::registry::{TorrentStatus, TorrentTerms, UserTerms};
use mika_protocol::InfoHash;

use super::{CatalogDatabase, model};
use crate::catalog::{
    Catalog, NewTorrent, NewUser, TorrentPast, TorrentPatch, UserKey, UserPast, UserPatch,
};
use crate::record::{
    ClientRuleRecord, EventRecord, PeerRecord, RoleRecord, TokenRecord, TorrentRecord, UserRecord,
};
use crate::{LoadSink, StoreError};

/// Everything that a store loads.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// By id, or by name.
    pub roles: Vec<RoleRecord>,
    /// By id, or by name.
    pub users: Vec<UserRecord>,
    /// By id, or by name.
    pub torrents: Vec<TorrentRecord>,
    /// By id, or by name.
    pub client_rules: Vec<ClientRuleRecord>,
    /// By id, or by name.
    pub tokens: Vec<TokenRecord>,
    /// By id, or by name.
    pub events: Vec<EventRecord>,
    /// Table and reason.
    pub bad_rows: Vec<(&'static str, String)>,
}

impl LoadSink for Loaded {
    fn role(&mut self, role: RoleRecord) {
        self.roles.push(role);
    }
    fn user(&mut self, user: UserRecord) {
        self.users.push(user);
    }
    fn torrent(&mut self, torrent: TorrentRecord) {
        self.torrents.push(torrent);
    }
    fn client_rule(&mut self, rule: ClientRuleRecord) {
        self.client_rules.push(rule);
    }
    fn token(&mut self, token: TokenRecord) {
        self.tokens.push(token);
    }
    fn event(&mut self, event: EventRecord) {
        self.events.push(event);
    }
    fn peer(&mut self, peer: PeerRecord) {
        panic!("a peer of nobody: {peer:?}");
    }

    fn bad_row(&mut self, table: &'static str, reason: String) {
        self.bad_rows.push((table, reason));
    }
}

/// Loads everything from a store, which may tell it in any order.
pub async fn load(store: &dyn Catalog) -> Loaded {
    let mut loaded = Loaded::default();
    store.load(&mut loaded).await.unwrap();
    loaded.roles.sort_by_key(|role| role.id);
    loaded.users.sort_by_key(|user| user.id);
    loaded.torrents.sort_by_key(|torrent| torrent.id);
    loaded.client_rules.sort_by(|a, b| a.prefix.cmp(&b.prefix));
    loaded.tokens.sort_by_key(|token| (token.user_id, token.torrent_id));
    loaded.events.sort_by(|a, b| a.name.cmp(&b.name));
    loaded
}

pub(super) fn new_user(name: &str, role_id: u16) -> NewUser {
    NewUser {
        name: name.into(),
        passkey: format!("passkey-of-{name}"),
        site_id: Some(-7),
        role_id,
        download_enabled: true,
        created_at_seconds: 1_700_000_001,
        terms: USER_TERMS,
        past: UserPast::default(),
    }
}

const USER_TERMS: UserTerms = UserTerms {
    upload_percent: Some(150),
    download_percent: None,
    immune: Some(true),
    address_hidden: true,
    wait_seconds: 3600,
    peers_max: Some(0),
    pass_version: 0,
};

pub(super) fn new_torrent(byte: u8, second: Option<u8>) -> NewTorrent {
    NewTorrent {
        info_hash: InfoHash([byte; 20]),
        info_hash_v2: second.map(|byte| InfoHash([byte; 20])),
        title: format!("torrent {byte}"),
        upload_percent: 200,
        download_percent: 50,
        created_at_seconds: 1_700_000_002,
        terms: TorrentTerms {
            status: TorrentStatus::Postponed,
            featured: true,
            created_at_seconds: 1_700_000_002,
        },
        past: TorrentPast::default(),
    }
}

pub(super) fn role(name: &str) -> RoleRecord {
    RoleRecord {
        id: 0,
        name: name.into(),
        priority: -5,
        upload_percent: 150,
        download_percent: 0,
        upload_enabled: false,
        download_enabled: true,
        download_slots: Some(3),
        immune: true,
        enabled: false,
    }
}

fn rule(prefix: &str) -> ClientRuleRecord {
    ClientRuleRecord { prefix: prefix.into(), allowed: true, name: "Transmission 3.x".into() }
}

fn event(name: &str) -> EventRecord {
    EventRecord {
        name: name.into(),
        upload_percent: 100,
        download_percent: 0,
        starts_at_seconds: 100,
        ends_at_seconds: u32::MAX,
    }
}

pub(super) fn token(user_id: u32, torrent_id: u32) -> TokenRecord {
    TokenRecord {
        user_id,
        torrent_id,
        upload_percent: 65535,
        download_percent: 0,
        ends_at_seconds: None,
    }
}

/// Adds one record of each kind; returns what should be loaded, the default role excepted.
async fn fill(store: &dyn Catalog) -> Loaded {
    let role = store.put_role(&role("vip")).await.unwrap();
    let user = store.add_user(&new_user("bob", role.id)).await.unwrap();
    let torrent = store.add_torrent(&new_torrent(1, Some(2))).await.unwrap();
    store.put_client_rule(&rule("-TR3")).await.unwrap();
    store.put_token(&token(user.id, torrent.id)).await.unwrap();
    store.put_event(&event("weekend")).await.unwrap();
    Loaded {
        tokens: vec![token(user.id, torrent.id)],
        roles: vec![role],
        users: vec![user],
        torrents: vec![torrent],
        client_rules: vec![rule("-TR3")],
        events: vec![event("weekend")],
        bad_rows: Vec::new(),
    }
}

/// What was added is loaded, field by field, also by a store that was opened later.
pub async fn what_was_added_is_loaded(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    let defaults = load(&*store).await;
    assert_eq!(defaults.users, []);
    assert_eq!(defaults.torrents, []);
    let mut wanted = fill(&*store).await;

    let (user, new) = (&wanted.users[0], new_user("bob", wanted.roles[0].id));
    assert!(user.passkey == new.passkey);
    assert_eq!((&user.name, user.site_id, user.role_id), (&new.name, new.site_id, new.role_id));
    assert_eq!((user.download_enabled, user.deleted), (true, false));
    assert_eq!((user.uploaded, user.downloaded, user.announced_at_seconds), (0, 0, 0));
    assert_eq!((user.created_at_seconds, user.terms), (1_700_000_001, USER_TERMS));
    let torrent = &wanted.torrents[0];
    assert_eq!(torrent.info_hash, InfoHash([1; 20]));
    assert_eq!(torrent.info_hash_v2, Some(InfoHash([2; 20])));
    assert_eq!((torrent.title.as_str(), torrent.reason.as_str()), ("torrent 1", ""));
    assert_eq!((torrent.upload_percent, torrent.download_percent), (200, 50));
    assert_eq!((torrent.enabled, torrent.deleted), (true, false));
    assert_eq!(torrent.created_at_seconds, 1_700_000_002);
    assert_eq!(torrent.terms, new_torrent(1, None).terms);

    wanted.roles.splice(0..0, defaults.roles);
    assert_eq!(load(&*store).await, wanted);
    store.close().await;
    let store = database.open_catalog().await;
    assert_eq!(load(&*store).await, wanted);
    store.close().await;
}

/// What was changed is returned as it is now, and loaded so.
pub async fn what_was_changed_is_loaded(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    let mut wanted = load(&*store).await;
    let added = fill(&*store).await;

    let patch = UserPatch {
        name: Some("robert".into()),
        passkey: Some("another".into()),
        site_id: Some(None),
        role_id: Some(1),
        download_enabled: Some(false),
        deleted: Some(true),
        uploaded: Some(12),
        downloaded: Some(i64::MAX as u64),
        uploaded_add: 0,
        downloaded_add: 0,
        terms: Some(UserTerms { download_percent: Some(7), ..UserTerms::default() }),
    };
    let user = UserRecord {
        terms: UserTerms { download_percent: Some(7), ..UserTerms::default() },
        name: "robert".into(),
        passkey: "another".into(),
        site_id: None,
        role_id: 1,
        download_enabled: false,
        deleted: true,
        uploaded: 12,
        downloaded: i64::MAX as u64,
        ..added.users[0].clone()
    };
    assert_eq!(store.update_user(user.id, &patch).await.unwrap(), Some(user.clone()));
    assert_eq!(
        store.update_user(user.id, &UserPatch::default()).await.unwrap(),
        Some(user.clone())
    );

    let patch = TorrentPatch {
        title: Some("new title".into()),
        upload_percent: Some(0),
        download_percent: Some(65535),
        enabled: Some(false),
        deleted: Some(true),
        reason: Some("a better one is there".into()),
        terms: Some(TorrentTerms { status: TorrentStatus::Rejected, ..TorrentTerms::default() }),
    };
    let torrent = TorrentRecord {
        terms: TorrentTerms {
            status: TorrentStatus::Rejected,
            featured: false,
            created_at_seconds: 1_700_000_002,
        },
        title: "new title".into(),
        upload_percent: 0,
        download_percent: 65535,
        enabled: false,
        deleted: true,
        reason: "a better one is there".into(),
        ..added.torrents[0].clone()
    };
    assert_eq!(store.update_torrent(torrent.id, &patch).await.unwrap(), Some(torrent.clone()));

    let role = RoleRecord { download_slots: None, ..added.roles[0].clone() };
    assert_eq!(store.put_role(&role).await.unwrap(), role);
    let rule = ClientRuleRecord { allowed: false, ..rule("-TR3") };
    store.put_client_rule(&rule).await.unwrap();
    let token = TokenRecord { ends_at_seconds: Some(9), ..added.tokens[0] };
    store.put_token(&token).await.unwrap();
    let event = EventRecord { download_percent: 75, ..event("weekend") };
    store.put_event(&event).await.unwrap();

    wanted.roles.push(role);
    wanted.users.push(user);
    wanted.torrents.push(torrent);
    wanted.client_rules.push(rule);
    wanted.tokens.push(token);
    wanted.events.push(event);
    assert_eq!(load(&*store).await, wanted);
    store.close().await;
}

/// What can be deleted is gone, and a second deletion says that there was nothing.
pub async fn what_was_deleted_is_not_loaded(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    let defaults = load(&*store).await;
    let added = fill(&*store).await;
    let spare = store.put_role(&role("spare")).await.unwrap();
    let token = added.tokens[0];
    for there in [true, false] {
        assert_eq!(store.delete_role(spare.id).await.unwrap(), there);
        assert_eq!(store.delete_client_rule("-TR3").await.unwrap(), there);
        assert_eq!(store.delete_token(token.user_id, token.torrent_id).await.unwrap(), there);
        assert_eq!(store.delete_event("weekend").await.unwrap(), there);
    }
    let left = load(&*store).await;
    assert_eq!(left.roles, [defaults.roles, added.roles].concat());
    assert_eq!(left.client_rules, []);
    assert_eq!(left.tokens, []);
    assert_eq!(left.events, []);
    store.close().await;
}

/// Users are found by id, name and passkey, torrents by both hashes, deleted ones too.
pub async fn a_record_is_found_by_each_of_its_names(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    let added = fill(&*store).await;
    store.add_user(&new_user("alice", 1)).await.unwrap();
    store.add_torrent(&new_torrent(3, None)).await.unwrap();
    let delete = UserPatch { deleted: Some(true), ..UserPatch::default() };
    let user = store.update_user(added.users[0].id, &delete).await.unwrap();
    let keys = [
        UserKey::Id(added.users[0].id),
        UserKey::Name("bob".into()),
        UserKey::Passkey("passkey-of-bob".into()),
    ];
    for key in keys {
        assert_eq!(store.user(&key).await.unwrap(), user);
    }
    assert_eq!(store.user(&UserKey::Name("carol".into())).await.unwrap(), None);

    let delete = TorrentPatch { deleted: Some(true), ..TorrentPatch::default() };
    let torrent = store.update_torrent(added.torrents[0].id, &delete).await.unwrap();
    assert_eq!(store.torrent(InfoHash([1; 20])).await.unwrap(), torrent);
    assert_eq!(store.torrent(InfoHash([2; 20])).await.unwrap(), torrent);
    assert_eq!(store.torrent(InfoHash([9; 20])).await.unwrap(), None);
    store.close().await;
}

/// A page begins after an id and ends at the limit.
pub async fn records_are_listed_by_id_in_pages(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    let (mut users, mut torrents) = (Vec::new(), Vec::new());
    for number in 1..=5u8 {
        users.push(store.add_user(&new_user(&format!("user{number}"), 1)).await.unwrap());
        torrents.push(store.add_torrent(&new_torrent(number, None)).await.unwrap());
    }
    assert_eq!(store.users(0, 2).await.unwrap(), users[..2]);
    assert_eq!(store.users(users[1].id, 2).await.unwrap(), users[2..4]);
    assert_eq!(store.users(users[3].id, 100).await.unwrap(), users[4..]);
    assert_eq!(store.users(users[4].id, 100).await.unwrap(), []);
    assert_eq!(store.torrents(torrents[1].id, 2).await.unwrap(), torrents[2..4]);

    for torrent in &torrents {
        store.put_token(&token(users[0].id, torrent.id)).await.unwrap();
    }
    store.put_token(&token(users[1].id, torrents[0].id)).await.unwrap();
    let of_first: Vec<_> = torrents.iter().map(|torrent| token(users[0].id, torrent.id)).collect();
    assert_eq!(store.tokens(Some(users[0].id), 3).await.unwrap(), of_first[..3]);
    assert_eq!(store.tokens(Some(users[1].id), 9).await.unwrap().len(), 1);
    assert_eq!(store.tokens(None, 9).await.unwrap().len(), 6);
    store.close().await;
}

pub(super) fn conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Conflict(text)) => text,
        other => panic!("not a conflict: {other:?}"),
    }
}

pub(super) fn invalid<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Invalid(text)) => text,
        other => panic!("not invalid: {other:?}"),
    }
}

/// Names and passkeys are one user's, deleted or not; the error does not repeat the passkey.
pub async fn a_taken_name_is_a_conflict(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    let bob = store.add_user(&new_user("bob", 1)).await.unwrap();
    let delete = UserPatch { deleted: Some(true), ..UserPatch::default() };
    store.update_user(bob.id, &delete).await.unwrap();
    let alice = store.add_user(&new_user("alice", 1)).await.unwrap();

    let namesake = NewUser { passkey: "other".into(), ..new_user("bob", 1) };
    assert!(conflict(store.add_user(&namesake).await).contains("bob"));
    let thief = NewUser { passkey: bob.passkey.clone(), ..new_user("carol", 1) };
    assert!(!conflict(store.add_user(&thief).await).contains(&bob.passkey));
    let patch = UserPatch { name: Some("bob".into()), ..UserPatch::default() };
    assert!(conflict(store.update_user(alice.id, &patch).await).contains("bob"));
    let patch = UserPatch { passkey: Some(bob.passkey.clone()), ..UserPatch::default() };
    assert!(!conflict(store.update_user(alice.id, &patch).await).contains(&bob.passkey));
    assert_eq!(store.user(&UserKey::Id(alice.id)).await.unwrap(), Some(alice.clone()));
    // One's own name is not taken.
    let patch = UserPatch { name: Some("alice".into()), ..UserPatch::default() };
    assert_eq!(store.update_user(alice.id, &patch).await.unwrap(), Some(alice));

    store.put_role(&role("vip")).await.unwrap();
    assert!(conflict(store.put_role(&role("vip")).await).contains("vip"));
    store.close().await;
}

/// A hash names one torrent, whether as its first or its second one.
pub async fn a_taken_info_hash_is_a_conflict_in_either_place(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    store.add_torrent(&new_torrent(1, Some(2))).await.unwrap();
    for (first, second) in [(1, None), (2, None), (3, Some(1)), (3, Some(2))] {
        let text = conflict(store.add_torrent(&new_torrent(first, second)).await);
        let taken = if first == 3 { second.unwrap() } else { first };
        assert!(text.contains(&InfoHash([taken; 20]).to_string()), "{text}");
    }
    invalid(store.add_torrent(&new_torrent(4, Some(4))).await);
    assert_eq!(store.torrents(0, 10).await.unwrap().len(), 1);
    store.close().await;
}

/// Users keep their role.
pub async fn a_role_in_use_is_not_deleted(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    let vip = store.put_role(&role("vip")).await.unwrap();
    let bob = store.add_user(&new_user("bob", vip.id)).await.unwrap();
    conflict(store.delete_role(vip.id).await);
    let patch = UserPatch { role_id: Some(1), ..UserPatch::default() };
    store.update_user(bob.id, &patch).await.unwrap();
    assert!(store.delete_role(vip.id).await.unwrap());
    store.close().await;
}

/// Roles, users and torrents that a record names exist.
pub async fn what_refers_to_nothing_is_invalid(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    assert!(invalid(store.add_user(&new_user("bob", 777)).await).contains("777"));
    let bob = store.add_user(&new_user("bob", 1)).await.unwrap();
    let patch = UserPatch { role_id: Some(778), ..UserPatch::default() };
    assert!(invalid(store.update_user(bob.id, &patch).await).contains("778"));
    let torrent = store.add_torrent(&new_torrent(1, None)).await.unwrap();
    assert!(invalid(store.put_token(&token(779, torrent.id)).await).contains("779"));
    assert!(invalid(store.put_token(&token(bob.id, 780)).await).contains("780"));
    store.close().await;
}

/// What is given and taken is added by the store, so that a flush in between is not overwritten;
/// a total goes neither below 0 nor above the largest.
pub async fn bonus_and_flush_add_up(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    let bob = store.add_user(&new_user("bob", 1)).await.unwrap();
    let add = |uploaded_add, downloaded_add| UserPatch {
        uploaded_add,
        downloaded_add,
        ..UserPatch::default()
    };
    store.update_user(bob.id, &add(50, 7)).await.unwrap();
    let batch = Batch { number: 1, users: vec![model::user(bob.id, 1000)], ..Batch::default() };
    assert!(store.apply(&batch).await.unwrap().dead_letters.is_empty());
    let credited = batch.users[0].traffic;
    let totals = async |patch| {
        let user = store.update_user(bob.id, &patch).await.unwrap().unwrap();
        (user.uploaded, user.downloaded)
    };
    let expected = (credited.uploaded_credited + 50, credited.downloaded_credited + 7);
    assert_eq!(totals(add(0, 0)).await, expected);
    assert_eq!(totals(add(-30, -7)).await, (expected.0 - 30, expected.1 - 7));
    assert_eq!(totals(add(i64::MIN, i64::MIN)).await, (0, 0));
    assert_eq!(totals(add(i64::MAX, 5)).await, (i64::MAX as u64, 5));
    assert_eq!(totals(add(i64::MAX, -2)).await, (i64::MAX as u64, 3));
    store.close().await;
}

/// Texts are checked before they are written.
pub async fn what_nobody_should_type_is_invalid(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    invalid(store.add_user(&new_user("b\0b", 1)).await);
    invalid(store.add_user(&new_user("", 1)).await);
    let secret = NewUser { passkey: "two words".into(), ..new_user("bob", 1) };
    assert!(!invalid(store.add_user(&secret).await).contains("two words"));
    let bob = store.add_user(&new_user("bob", 1)).await.unwrap();
    let patch = UserPatch { uploaded: Some(u64::MAX), ..UserPatch::default() };
    invalid(store.update_user(bob.id, &patch).await);
    invalid(store.put_client_rule(&rule("")).await);
    invalid(store.put_client_rule(&rule("-TR34567890123456789-")).await);
    invalid(store.put_role(&role("line\nbreak")).await);
    invalid(store.put_event(&EventRecord { ends_at_seconds: 100, ..event("never") }).await);
    assert_eq!(store.users(0, 10).await.unwrap(), [bob]);
    store.close().await;
}

/// A change to an unknown id is no error and makes nothing.
pub async fn there_is_no_change_to_what_is_not_there(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    assert_eq!(store.update_user(5, &UserPatch::default()).await.unwrap(), None);
    assert_eq!(store.update_torrent(5, &TorrentPatch::default()).await.unwrap(), None);
    assert_eq!(store.users(0, 10).await.unwrap(), []);
    assert_eq!(store.torrents(0, 10).await.unwrap(), []);
    store.close().await;
}

/// A torrent that the tracker registered is found, listed and loaded; one that is added afterwards
/// does not get an id that the tracker might choose next.
pub async fn a_registered_torrent_is_a_record_like_others(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    let first = store.add_torrent(&new_torrent(1, Some(2))).await.unwrap();
    let registered = |offset: u32, byte: u8| RegisteredRow {
        torrent_id: RegisteredRow::FIRST_ID + offset,
        info_hash: InfoHash([byte; 20]),
        registered_at_seconds: 1_700_000_003,
    };
    let batch = Batch {
        number: 1,
        // The second one is known already, under another id.
        registered: vec![registered(0, 3), registered(1, 2)],
        ..Batch::default()
    };
    assert_eq!(store.apply(&batch).await.unwrap().dead_letters, []);
    let torrent = store.torrent(InfoHash([3; 20])).await.unwrap().unwrap();
    assert_eq!(torrent.id, RegisteredRow::FIRST_ID);
    assert_eq!(torrent.created_at_seconds, 1_700_000_003);
    assert_eq!((torrent.upload_percent, torrent.download_percent), (100, 100));
    assert_eq!((torrent.enabled, torrent.deleted), (true, false));
    let second = store.add_torrent(&new_torrent(4, None)).await.unwrap();
    assert!(second.id < RegisteredRow::FIRST_ID, "{}", second.id);
    assert_eq!(load(&*store).await.torrents, [first, second, torrent]);
    store.close().await;
}

/// People and batches write the same rows at the same time, and both are found afterwards.
pub async fn writes_during_batches_lose_nothing(database: &dyn CatalogDatabase) {
    const ROUNDS: u32 = 40;
    let store = database.open_catalog().await;
    let user = store.add_user(&new_user("bob", 1)).await.unwrap();
    let torrent = store.add_torrent(&new_torrent(1, None)).await.unwrap();
    let writer = Arc::clone(&store);
    let batches = tokio::spawn(async move {
        for number in 1..=ROUNDS {
            let batch = Batch {
                number: number.into(),
                users: vec![model::user(user.id, 1)],
                torrents: vec![model::torrent(torrent.id, 1)],
                history: vec![model::history(user.id, torrent.id, 1)],
                ..Batch::default()
            };
            assert!(!writer.apply(&batch).await.unwrap().repeated);
        }
    });
    for round in 1..=ROUNDS {
        let name = format!("bob{round}");
        let patch = UserPatch { name: Some(name.clone()), ..UserPatch::default() };
        assert_eq!(store.update_user(user.id, &patch).await.unwrap().unwrap().name, name);
        let title = format!("title {round}");
        let patch = TorrentPatch { title: Some(title), ..TorrentPatch::default() };
        store.update_torrent(torrent.id, &patch).await.unwrap();
        store.add_user(&new_user(&format!("other{round}"), 1)).await.unwrap();
    }
    batches.await.unwrap();
    let user = store.user(&UserKey::Id(user.id)).await.unwrap().unwrap();
    assert_eq!(user.name, format!("bob{ROUNDS}"));
    let sum = model::traffic(ROUNDS.into());
    assert_eq!((user.uploaded, user.downloaded), (sum.uploaded_credited, sum.downloaded_credited));
    assert_eq!((user.uploaded_raw, user.downloaded_raw), (sum.uploaded_raw, sum.downloaded_raw));
    assert_eq!(user.snatches, u64::from(ROUNDS));
    let torrent = store.torrent(InfoHash([1; 20])).await.unwrap().unwrap();
    assert_eq!(torrent.title, format!("title {ROUNDS}"));
    assert_eq!((torrent.uploaded, torrent.snatches), (sum.uploaded_credited, ROUNDS));
    assert_eq!(store.users(0, 1000).await.unwrap().len() as u32, ROUNDS + 1);
    store.close().await;
}
