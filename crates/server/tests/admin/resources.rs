//! Sessions, swarms, bulk calls, filters, versions, keys of requests, and the whole state.

use mika_client::types::{
    AddressQuery, Bulk, BulkList, BulkToken, BulkTorrent, BulkUser, CursorQuery, NameKey,
    NewClientRule, NewEvent, NewRole, NewTorrent, NewUser, PrefixKey, SwarmChangesQuery,
    SwarmQuery, TokenKey, TorrentKey, TorrentQuery, TorrentStatus, UserChange, UserKey, UserQuery,
};
use mika_core::{Mode, Refusal, Settings};
use mika_protocol::InfoHash;

use super::support::{HASH, HASH_V2, Server, TOKEN, problem, refused};

fn hash(number: u16) -> InfoHash {
    let mut hash = [0x5a; 20];
    hash[..2].copy_from_slice(&number.to_be_bytes());
    InfoHash(hash)
}

fn peer(number: u8) -> [u8; 20] {
    let mut id = *b"-TR4060-0123456789ab";
    id[19] = number;
    id
}

/// A server with users `alice`, `bob` and `zoe` and two torrents.
async fn server() -> Server {
    let server = Server::start().await;
    for name in ["alice", "bob", "zoe"] {
        let user = NewUser { passkey: Some(format!("key-{name}")), ..NewUser::named(name) };
        server.client.add_user(&user).await.unwrap();
    }
    for torrent in [HASH, HASH_V2] {
        server.client.add_torrent(&NewTorrent::new(torrent)).await.unwrap();
    }
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn sessions_are_listed_by_torrent_user_and_address_in_pages() {
    let server = server().await;
    for (user, torrent, number, left) in
        [("alice", HASH, 1, 0), ("zoe", HASH, 2, 9), ("bob", HASH, 1, 7), ("bob", HASH_V2, 1, 7)]
    {
        server.announce_as(&format!("key-{user}"), torrent, peer(number), left).unwrap();
    }
    let all = server.client.torrent_sessions(HASH, &CursorQuery::default()).await.unwrap();
    assert_eq!((all.items.len(), all.next_cursor), (3, None));
    assert_eq!(all.items.iter().filter(|it| it.seeder).count(), 1);
    let of_alice = all.items.iter().filter(|it| it.user_id == Some(1));
    assert!(of_alice.clone().all(|it| it.address_v4.as_deref() == Some("198.51.100.7:6881")));
    assert_eq!(of_alice.count(), 1);

    let (mut paged, mut cursor) = (Vec::new(), None);
    loop {
        let page = CursorQuery { cursor, limit: Some(1) };
        let page = server.client.torrent_sessions(HASH, &page).await.unwrap();
        paged.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, all.items);
    let of_bob = server.client.user_sessions("bob", &CursorQuery::default()).await.unwrap();
    assert_eq!(of_bob.items.len(), 2);
    let address =
        |address: &str| AddressQuery { address: address.to_owned(), cursor: None, limit: None };
    let at = server.client.address_sessions(&address("198.51.100.7")).await.unwrap();
    assert_eq!(at.items.len(), 4);
    let at = server.client.address_sessions(&address("198.51.100.8")).await.unwrap();
    assert_eq!(at.items.len(), 0);

    let page = CursorQuery { cursor: Some("zz".to_owned()), limit: None };
    let wrong = server.client.torrent_sessions(HASH, &page).await;
    assert_eq!(refused(wrong), problem(422, "invalid_value"));
    let unknown = server.client.torrent_sessions(hash(1), &CursorQuery::default()).await;
    assert_eq!(refused(unknown), problem(404, "torrent_not_found"));
    let nobody = server.client.user_sessions("carol", &CursorQuery::default()).await;
    assert_eq!(refused(nobody), problem(404, "user_not_found"));
    let nowhere = server.client.address_sessions(&address("here")).await;
    assert_eq!(refused(nowhere), problem(422, "invalid_value"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn counts_are_read_once_and_then_followed() {
    let server = server().await;
    server.announce("key-alice", HASH).unwrap();
    let all = server.client.swarms(&SwarmQuery::default()).await.unwrap();
    assert_eq!(all.items.len(), 1);
    assert_eq!((all.items[0].info_hash, all.items[0].leechers), (HASH, 1));
    let with_empty = SwarmQuery { empty: true, limit: Some(1), ..SwarmQuery::default() };
    let first = server.client.swarms(&with_empty).await.unwrap();
    let next = SwarmQuery { cursor: first.next_cursor.clone(), ..with_empty };
    let second = server.client.swarms(&next).await.unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next_cursor), (1, 1, None));
    assert_ne!(first.items[0].info_hash, second.items[0].info_hash);
    assert!(second.changes_cursor.is_none());

    server.announce_as("key-bob", HASH, peer(1), 0).unwrap();
    server.announce("key-bob", HASH_V2).unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    server.tracker.drain(now.try_into().unwrap(), 0, usize::MAX);
    let since = SwarmChangesQuery { since: all.changes_cursor.unwrap(), limit: None };
    let changes = server.client.swarm_changes(&since).await.unwrap();
    assert_eq!((changes.items.len(), changes.more), (2, false));
    let one = changes.items.iter().find(|it| it.info_hash == HASH).unwrap();
    assert_eq!((one.seeders, one.leechers), (1, 1));
    let since = SwarmChangesQuery { since: changes.next_cursor, limit: None };
    assert_eq!(server.client.swarm_changes(&since).await.unwrap().items.len(), 0);
    let since = SwarmChangesQuery { since: "0".repeat(32), limit: None };
    let expired = server.client.swarm_changes(&since).await;
    assert_eq!(refused(expired), problem(410, "cursor_expired"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn many_torrents_are_in_force_and_durable_and_errors_are_told_one_by_one() {
    let server = server().await;
    let mut torrents: Vec<BulkTorrent> = (0..3000).map(|it| BulkTorrent::new(hash(it))).collect();
    torrents.push(BulkTorrent::new(hash(7)));
    torrents.push(BulkTorrent { upload_percent: Some(20_000), ..BulkTorrent::new(hash(5000)) });
    let freeleech = BulkTorrent { download_percent: Some(0), ..BulkTorrent::new(HASH) };
    torrents.push(freeleech);
    let clash = BulkTorrent { info_hash_v2: Some(HASH), ..BulkTorrent::new(hash(5001)) };
    torrents.push(clash);
    let keys = [
        TorrentKey { info_hash: HASH_V2, reason: Some("dupe".to_owned()) },
        TorrentKey { info_hash: hash(9999), reason: None },
    ];
    let report = server.client.bulk_torrents(&Bulk::new(torrents, keys)).await.unwrap();
    assert_eq!((report.created, report.updated, report.deleted), (3000, 1, 1));
    let mut errors: Vec<_> = report
        .errors
        .iter()
        .map(|error| (error.list, error.index, error.status, error.code.as_str()))
        .collect();
    errors.sort_by_key(|error| (error.0 == BulkList::Delete, error.1));
    assert_eq!(
        errors,
        [
            (BulkList::Upsert, 3000, 409, "repeated_item"),
            (BulkList::Upsert, 3001, 422, "invalid_value"),
            (BulkList::Upsert, 3003, 409, "info_hash_taken"),
            (BulkList::Delete, 1, 404, "torrent_not_found"),
        ]
    );
    assert_eq!(report.ids.len(), 3004);
    assert_eq!((report.ids[0], report.ids[3000], report.ids[3002]), (Some(3), None, Some(1)));
    server.announce("key-alice", hash(2999)).unwrap();
    let refusal = server.announce("key-alice", HASH_V2).unwrap_err();
    assert!(matches!(refusal, Refusal::TorrentDeleted(_)), "{refusal:?}");
    let stored = server.client.torrent(HASH).await.unwrap();
    assert_eq!((stored.id, stored.download_percent), (1, 0));
    // Again: nothing is new.
    let again = (0..3000).map(|it| BulkTorrent::new(hash(it)));
    let again = server.client.bulk_torrents(&Bulk::new(again, [])).await.unwrap();
    assert_eq!((again.created, again.updated, again.errors.len()), (0, 3000, 0));
    let many = (0..10_001).map(|it| BulkTorrent::new(hash(it)));
    let many = server.client.bulk_torrents(&Bulk::new(many, [])).await;
    assert_eq!(refused(many), problem(422, "invalid_value"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_item_that_cannot_be_read_does_not_spoil_the_others() {
    let server = server().await;
    let (one, two) = (hash(1), hash(2));
    let good = format!(r#"{{"info_hash":"{one}"}},{{"info_hash":"x"}}"#);
    let bad = format!(r#"{{"info_hash":"{two}","size":1}},7"#);
    let body = format!(r#"{{"upsert":[{good},{bad}]}}"#);
    let response = server.request("POST", "/api/v1/bulk/torrents", &body);
    assert_eq!(response.status, 200, "{}", response.body);
    let report: serde_json::Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!(report["created"], 1);
    let errors: Vec<_> =
        report["errors"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
    assert_eq!(errors, ["invalid_body"; 3]);
    let response = server.request("POST", "/api/v1/bulk/torrents", r#"{"upserts":[]}"#);
    assert_eq!(response.code(), problem(422, "invalid_body"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn many_users_are_added_changed_and_closed() {
    let server = server().await;
    let named = |name: &str| BulkUser { name: Some(name.to_owned()), ..BulkUser::default() };
    let upsert = [
        BulkUser { passkey: Some("key-carol".to_owned()), ..named("carol") },
        BulkUser { uploaded_add: Some(5), wait_seconds: Some(60), ..named("alice") },
        BulkUser { id: Some(2), ..named("robert") },
        BulkUser { passkey: Some("key-alice".to_owned()), ..named("dave") },
        BulkUser { role: Some("king".to_owned()), ..named("eve") },
        BulkUser { id: Some(99), ..BulkUser::default() },
        named("carol"),
        BulkUser::default(),
    ];
    let delete = [UserKey { id: None, name: Some("nobody".to_owned()) }];
    let report = server.client.bulk_users(&Bulk::new(upsert, delete)).await.unwrap();
    assert_eq!((report.created, report.updated, report.deleted), (1, 2, 0));
    let codes: Vec<_> = report.errors.iter().map(|it| (it.index, it.code.as_str())).collect();
    assert_eq!(
        codes,
        [
            (3, "passkey_taken"),
            (4, "invalid_value"),
            (5, "user_not_found"),
            (6, "repeated_item"),
            (7, "invalid_value"),
            (0, "user_not_found"),
        ]
    );
    assert_eq!(server.client.user("robert").await.unwrap().id, 2);
    let alice = server.client.user("alice").await.unwrap();
    assert_eq!((alice.uploaded, alice.wait_seconds), (5, 60));
    server.announce("key-carol", HASH).unwrap();
    let key = UserKey { id: None, name: Some("carol".to_owned()) };
    let none: [BulkUser; 0] = [];
    let report = server.client.bulk_users(&Bulk::new(none, [key])).await.unwrap();
    assert_eq!(report.deleted, 1);
    assert_eq!(server.announce("key-carol", HASH).unwrap_err(), Refusal::UserDeleted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn many_tokens_roles_rules_and_events_are_put_and_deleted() {
    let server = server().await;
    let token = |user_id, info_hash| BulkToken {
        user_id,
        info_hash,
        upload_percent: None,
        download_percent: None,
        ends_at: None,
    };
    let upsert = [token(1, HASH), token(2, HASH_V2), token(99, HASH), token(1, hash(1))];
    let delete = [TokenKey { user_id: 2, info_hash: HASH }];
    let report = server.client.bulk_tokens(&Bulk::new(upsert, delete)).await.unwrap();
    let codes: Vec<_> = report.errors.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(codes, ["user_not_found", "torrent_not_found", "token_not_found"]);
    assert_eq!((report.updated, server.client.tokens(None).await.unwrap().len()), (2, 2));

    let roles = [NewRole { name: "vip".to_owned(), immune: Some(true), ..NewRole::default() }];
    let delete = [NameKey { name: "nobility".to_owned() }];
    let report = server.client.bulk_roles(&Bulk::new(roles, delete)).await.unwrap();
    assert_eq!((report.created, report.errors[0].code.as_str()), (1, "role_not_found"));
    assert!(server.client.role("vip").await.unwrap().immune);

    let rule = |prefix: &str| NewClientRule {
        prefix: prefix.to_owned(),
        allowed: Some(false),
        name: String::new(),
    };
    let report = server.client.bulk_client_rules(&Bulk::new([rule("-TR"), rule("")], [])).await;
    let report = report.unwrap();
    assert_eq!((report.created, report.errors.len()), (1, 1));
    server.announce("key-alice", HASH).unwrap_err();
    let none: [NewClientRule; 0] = [];
    let key = PrefixKey { prefix: "-TR".to_owned() };
    server.client.bulk_client_rules(&Bulk::new(none, [key])).await.unwrap();
    server.announce("key-alice", HASH).unwrap();

    let event = NewEvent {
        name: "always".to_owned(),
        upload_percent: None,
        download_percent: None,
        starts_at: None,
        ends_at: u32::MAX,
    };
    let report = server.client.bulk_events(&Bulk::new([event], [])).await.unwrap();
    assert_eq!((report.created, server.client.events().await.unwrap().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn terms_of_users_torrents_and_roles_are_set_and_in_force() {
    let server = server().await;
    let change = UserChange {
        upload_percent: Some(Some(150)),
        immune: Some(Some(false)),
        peers_max: Some(Some(0)),
        ..UserChange::default()
    };
    let alice = server.client.update_user("alice", &change).await.unwrap();
    assert_eq!((alice.upload_percent, alice.immune), (Some(150), Some(false)));
    let change = UserChange { peers_max: Some(None), ..UserChange::default() };
    let alice = server.client.update_user("alice", &change).await.unwrap();
    assert_eq!((alice.peers_max, alice.upload_percent), (None, Some(150)));
    let body = r#"{"status":"pending","featured":true}"#;
    let response = server.request("PATCH", &format!("/api/v1/torrents/{HASH}"), body);
    assert_eq!(response.status, 200, "{}", response.body);
    let torrent = server.client.torrent(HASH).await.unwrap();
    assert_eq!((torrent.status, torrent.featured), (TorrentStatus::Pending, true));
    server.announce("key-bob", HASH).unwrap_err();
    let response = server.request("PATCH", "/api/v1/roles/user", r#"{"enabled":false}"#);
    assert_eq!(response.status, 200, "{}", response.body);
    let refusal = server.announce("key-bob", HASH_V2).unwrap_err();
    assert!(matches!(refusal, Refusal::RoleDisabled(_)), "{refusal:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn lists_are_filtered() {
    let server = server().await;
    server.client.delete_user("bob").await.unwrap();
    let names = async |query: UserQuery| {
        let page = server.client.users_where(&query).await.unwrap();
        page.items.into_iter().map(|user| user.name).collect::<Vec<_>>()
    };
    assert_eq!(names(UserQuery { deleted: Some(true), ..UserQuery::default() }).await, ["bob"]);
    let query = UserQuery { name: Some("LIC".to_owned()), ..UserQuery::default() };
    assert_eq!(names(query).await, ["alice"]);
    let query = UserQuery { role: Some("none".to_owned()), ..UserQuery::default() };
    assert!(names(query).await.is_empty());
    server.client.delete_torrent(HASH, "dupe").await.unwrap();
    let query = TorrentQuery { deleted: Some(false), ..TorrentQuery::default() };
    let page = server.client.torrents_where(&query).await.unwrap();
    assert_eq!((page.items.len(), page.items[0].info_hash), (1, HASH_V2));
    let query = TorrentQuery { limit: Some(1), deleted: Some(false), ..TorrentQuery::default() };
    let page = server.client.torrents_where(&query).await.unwrap();
    let rest = TorrentQuery { after_id: page.next_after_id.unwrap(), ..query };
    assert_eq!(server.client.torrents_where(&rest).await.unwrap().items.len(), 0);
    let response = server.request("GET", "/api/v1/users?color=red", "");
    assert_eq!(response.code(), problem(400, "invalid_query"));
}

fn tag(head: &str) -> String {
    let line = head.lines().find(|line| line.starts_with("etag: ")).unwrap();
    line.trim_start_matches("etag: ").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_change_is_made_to_the_version_that_its_author_has_seen() {
    let server = server().await;
    let auth = format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n");
    let paths = [
        ("/api/v1/users/alice", r#"{"download_enabled":false}"#),
        (&format!("/api/v1/torrents/{HASH}"), r#"{"title":"new"}"#),
        ("/api/v1/roles/user", r#"{"priority":7}"#),
    ];
    for (path, body) in paths {
        let seen = tag(&server.request("GET", path, "").head);
        // An announce changes counters, and no version.
        server.announce("key-zoe", HASH_V2).unwrap();
        assert_eq!(tag(&server.request("GET", path, "").head), seen);
        let with_tag = format!("{auth}If-Match: {seen}\r\n");
        let first = server.request_with("PATCH", path, &with_tag, body);
        assert_eq!(first.status, 200, "{path}: {}", first.body);
        assert_ne!(tag(&first.head), seen);
        let second = server.request_with("PATCH", path, &with_tag, body);
        assert_eq!(second.code(), problem(412, "changed_meanwhile"), "{path}");
        let delete = server.request_with("DELETE", path, &with_tag, "");
        assert_eq!(delete.code(), problem(412, "changed_meanwhile"), "{path}");
        let any = format!("{auth}If-Match: *\r\n");
        assert_eq!(server.request_with("PATCH", path, &any, body).status, 200);
        let wrong = format!("{auth}If-Match: 7\r\n");
        let wrong = server.request_with("PATCH", path, &wrong, body);
        assert_eq!(wrong.code(), problem(400, "invalid_if_match"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_post_with_a_key_is_done_once() {
    let server = server().await;
    let headers = |key: &str| {
        format!(
            "Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n\
             Idempotency-Key: {key}\r\n"
        )
    };
    let body = r#"{"upsert":[{"name":"alice","uploaded_add":100}]}"#;
    let path = "/api/v1/bulk/users";
    let first = server.request_with("POST", path, &headers("one"), body);
    assert_eq!(first.status, 200, "{}", first.body);
    assert!(!first.head.contains("idempotency-replayed"));
    let again = server.request_with("POST", path, &headers("one"), body);
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert!(again.head.contains("idempotency-replayed: true"), "{}", again.head);
    assert_eq!(server.client.user("alice").await.unwrap().uploaded, 100);
    let other = server.request_with("POST", path, &headers("one"), r#"{"upsert":[]}"#);
    assert_eq!(other.code(), problem(422, "idempotency_key_reused"));
    server.request_with("POST", path, &headers("two"), body);
    assert_eq!(server.client.user("alice").await.unwrap().uploaded, 200);
    // What was refused may be tried again with the same key.
    let refused = server.request_with("POST", "/api/v1/users", &headers("three"), r#"{"name":""}"#);
    assert_eq!(refused.status, 422);
    let added = r#"{"name":"dave"}"#;
    let added = server.request_with("POST", "/api/v1/users", &headers("three"), added);
    assert_eq!(added.status, 201, "{}", added.body);
    let long = "k".repeat(256);
    let long = server.request_with("POST", path, &headers(&long), body);
    assert_eq!(long.code(), problem(400, "invalid_idempotency_key"));
}

async fn exported(server: &Server) -> Vec<u8> {
    let mut export = server.client.export().await.unwrap();
    let mut lines = Vec::new();
    while let Some(bytes) = export.next().await.unwrap() {
        lines.extend(bytes);
    }
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_export_brought_into_an_empty_server_makes_it_the_same() {
    let server = server().await;
    server
        .client
        .bulk_torrents(&Bulk::new((0..2500).map(|it| BulkTorrent::new(hash(it))), []))
        .await
        .unwrap();
    let hybrid =
        NewTorrent { info_hash_v2: Some(InfoHash([9; 20])), ..NewTorrent::new(InfoHash([8; 20])) };
    server.client.add_torrent(&hybrid).await.unwrap();
    server.client.delete_torrent(HASH_V2, "dupe").await.unwrap();
    let change = UserChange {
        uploaded: Some(1 << 40),
        upload_percent: Some(Some(120)),
        peers_max: Some(Some(3)),
        ..UserChange::default()
    };
    server.client.update_user("alice", &change).await.unwrap();
    server.client.put_token("alice", HASH, &Default::default()).await.unwrap();
    let rule = NewClientRule { prefix: "-TR".to_owned(), allowed: None, name: "T".to_owned() };
    server.client.add_client_rule(&rule).await.unwrap();
    let lines = exported(&server).await;
    let text = String::from_utf8(lines.clone()).unwrap();
    assert!(text.starts_with("{\"kind\":\"meta\",\"version\":1,"), "{}", &text[..80]);
    assert!(text.trim_end().lines().last().unwrap().starts_with("{\"kind\":\"end\","));

    let copy = Server::start().await;
    let report = copy.client.import(lines.clone()).await.unwrap();
    assert_eq!(report.errors, []);
    // The role `user` is there from the beginning.
    assert_eq!((report.updated, report.failed), (2, 0));
    assert_eq!(report.created, 1 + 3 + 2503);
    let without_times = |lines: &[u8]| {
        let text = std::str::from_utf8(lines).unwrap();
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_times(&exported(&copy).await), without_times(&lines));
    copy.announce("key-alice", hash(7)).unwrap();
    // Once more changes nothing; half of it says so.
    let again = copy.client.import(lines.clone()).await.unwrap();
    assert_eq!((again.created, again.failed), (0, 0));
    let half = copy.client.import(lines[..lines.len() / 2].to_vec()).await.unwrap();
    assert!(half.errors.iter().any(|error| error.code == "export_incomplete"));
    let nonsense = copy.client.import(b"id,name\n1,alice\n".to_vec()).await;
    assert_eq!(refused(nonsense), problem(422, "invalid_value"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_public_tracker_lists_addresses_and_has_no_tokens() {
    let settings = Settings { auto_register_torrents: true, ..Settings::default() };
    let server = Server::start_in(Mode::Public, settings).await;
    server.announce("", HASH).unwrap();
    let page = server.client.torrent_sessions(HASH, &CursorQuery::default()).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!((page.items[0].user_id, page.items[0].left), (None, None));
    let token = BulkToken {
        user_id: 1,
        info_hash: HASH,
        upload_percent: None,
        download_percent: None,
        ends_at: None,
    };
    let refusal = server.client.bulk_tokens(&Bulk::new([token], [])).await;
    assert_eq!(refused(refusal), problem(409, "public_mode"));
}
