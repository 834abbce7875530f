//! What the HTTP store reads, what it makes of a site that does something wrong, and what it never
//! tells.
#![cfg(all(feature = "http", feature = "sqlite"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

#[path = "support/site.rs"]
mod site;
#[path = "support/file.rs"]
mod support;

use std::time::Duration;

use mika_core::batch::{Batch, HistoryRow, RegisteredRow, SessionRow, TorrentRow, Traffic};
use mika_core::registry::{TorrentStatus, TorrentTerms, UserTerms};
use mika_protocol::{InfoHash, Passkey, PeerId};
use mika_store::catalog::{NewUser, UserKey};
use mika_store::http::{ChangeSink, HttpOptions, HttpStore};
use mika_store::record::{
    ClientRuleRecord, EventRecord, RoleRecord, TokenRecord, TorrentRecord, UserRecord,
};
use mika_store::{Catalog, LoadSink, Store, StoreError};
use site::{SECRET, Site, TOKEN};
use sqlx::Row;

/// Everything that came, as text.
#[derive(Default, Debug)]
struct Seen(Vec<String>);

impl LoadSink for Seen {
    fn role(&mut self, role: RoleRecord) {
        self.0.push(format!("role {} {} {:?}", role.id, role.name, role.download_slots));
    }

    fn user(&mut self, user: UserRecord) {
        let (id, download, deleted) = (user.id, user.download_enabled, user.deleted);
        self.0.push(format!("user {id} {} {download} {deleted}", user.passkey));
    }

    fn torrent(&mut self, torrent: TorrentRecord) {
        let (id, second) = (torrent.id, torrent.info_hash_v2.is_some());
        self.0.push(format!("torrent {id} {} {second} {}", torrent.info_hash, torrent.reason));
    }

    fn client_rule(&mut self, rule: ClientRuleRecord) {
        self.0.push(format!("rule {} {}", rule.prefix, rule.allowed));
    }

    fn token(&mut self, token: TokenRecord) {
        let (user, torrent, end) = (token.user_id, token.torrent_id, token.ends_at_seconds);
        self.0.push(format!("token {user} {torrent} {end:?}"));
    }

    fn event(&mut self, event: EventRecord) {
        self.0.push(format!("event {} {}", event.name, event.download_percent));
    }

    fn peer(&mut self, _: mika_store::record::PeerRecord) {}

    fn bad_row(&mut self, table: &'static str, reason: String) {
        self.0.push(format!("bad {table}: {reason}"));
    }
}

impl ChangeSink for Seen {
    fn client_rules_begin(&mut self) {
        self.0.push("rules:".to_owned());
    }

    fn events_begin(&mut self) {
        self.0.push("events:".to_owned());
    }

    fn page_end(&mut self) {
        self.0.push("end".to_owned());
    }
}

async fn load(store: &HttpStore) -> Result<Vec<String>, StoreError> {
    let mut seen = Seen::default();
    store.load(&mut seen).await?;
    Ok(seen.0)
}

fn hash(id: u32) -> InfoHash {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(format!("{id:020}").as_bytes());
    InfoHash(bytes)
}

/// Three users, torrents, a role more, and one of everything else.
const RECORDS: &str = "
    INSERT INTO roles (id, name, download_slots) VALUES (2, 'small', 1);
    INSERT INTO users (id, name, passkey, deleted, download_enabled) VALUES
        (1, 'a', 'key-a', 0, 1), (2, 'b', 'key-b', 1, 1), (4294967295, 'c', 'key-c', 0, 0);
    INSERT INTO torrents (id, info_hash, info_hash_v2, reason) VALUES
        (1, CAST('00000000000000000001' AS BLOB), NULL, ''),
        (2, CAST('00000000000000000002' AS BLOB), CAST('00000000000000000003' AS BLOB), 'why'),
        (7, CAST('00000000000000000007' AS BLOB), NULL, '');
    INSERT INTO client_rules VALUES ('-UT', 0, ''), ('-qB', 1, '');
    INSERT INTO tokens (user_id, torrent_id, ends_at_seconds) VALUES (1, 1, NULL), (1, 2, 99);
    INSERT INTO events VALUES ('freeleech', 100, 0, 5, 6);";

async fn everything_is_loaded(site: Site) {
    site.file.execute(RECORDS).await;
    let expected = [
        "role 1 user None".to_owned(),
        "role 2 small Some(1)".to_owned(),
        "user 1 key-a true false".to_owned(),
        "user 2 key-b true true".to_owned(),
        "user 4294967295 key-c false false".to_owned(),
        format!("torrent 1 {} false ", hash(1)),
        format!("torrent 2 {} true why", hash(2)),
        format!("torrent 7 {} false ", hash(7)),
        "rule -UT false".to_owned(),
        "rule -qB true".to_owned(),
        "token 1 1 None".to_owned(),
        "token 1 2 Some(99)".to_owned(),
        "event freeleech 0".to_owned(),
    ];
    for page_rows in [1, 2, 5000] {
        let store = HttpStore::new(HttpOptions { page_rows, ..site.options() }).unwrap();
        assert_eq!(load(&store).await.unwrap(), expected, "in pages of {page_rows}");
    }
}

#[tokio::test]
async fn everything_is_loaded_in_pages_of_any_size() {
    everything_is_loaded(Site::start()).await;
}

#[tokio::test]
async fn everything_is_loaded_in_messagepack() {
    everything_is_loaded(Site::with_message_pack()).await;
}

#[tokio::test]
async fn changes_begin_where_the_load_began_and_come_in_pages() {
    let site = Site::start();
    site.file.execute(RECORDS).await;
    let store = HttpStore::new(HttpOptions { page_rows: 2, ..site.options() }).unwrap();
    assert!(!store.tells_changes());
    let mut seen = Seen::default();
    assert!(!store.changes(&mut seen).await.unwrap(), "nothing was loaded yet");
    load(&store).await.unwrap();
    assert!(store.tells_changes());
    assert!(store.changes(&mut seen).await.unwrap());
    assert_eq!(seen.0, ["end"]);

    site.file
        .execute(
            "UPDATE users SET deleted = 1 WHERE id = 1;
             UPDATE torrents SET reason = 'dup' WHERE id = 7;
             DELETE FROM client_rules WHERE prefix = '-UT';",
        )
        .await;
    let mut seen = Seen::default();
    store.changes(&mut seen).await.unwrap();
    let torrent = format!("torrent 7 {} false dup", hash(7));
    let expected = ["user 1 key-a true true", &torrent, "end", "rules:", "rule -qB true", "end"];
    assert_eq!(seen.0, expected);
    let mut seen = Seen::default();
    store.changes(&mut seen).await.unwrap();
    assert_eq!(seen.0, ["end"], "each change comes once");
    // What batches add is no change.
    let applied = store.apply(&Batch { number: 1, ..Batch::default() }).await.unwrap();
    assert!(!applied.repeated);
    let mut seen = Seen::default();
    store.changes(&mut seen).await.unwrap();
    assert_eq!(seen.0, ["end"]);
}

#[tokio::test]
async fn changes_can_come_with_the_short_lists_as_a_whole() {
    let site = Site::start();
    site.file.execute(RECORDS).await;
    let store = site.store();
    let mut seen = Seen::default();
    assert!(!store.load_since_last(&mut seen).await.unwrap(), "nothing was loaded yet");
    load(&store).await.unwrap();
    site.file.execute("UPDATE users SET deleted = 1 WHERE id = 1; DELETE FROM events;").await;
    let short = ["rule -UT false", "rule -qB true", "token 1 1 None", "token 1 2 Some(99)"];
    for changed in [Some("user 1 key-a true true"), None] {
        let mut seen = Seen::default();
        assert!(store.load_since_last(&mut seen).await.unwrap());
        let mut expected = vec!["role 1 user None", "role 2 small Some(1)"];
        expected.extend(changed);
        expected.extend(short);
        assert_eq!(seen.0, expected);
    }
}

#[tokio::test]
async fn single_records_are_found_and_the_site_owns_them() {
    let site = Site::start();
    site.file.execute(RECORDS).await;
    let store = site.store();
    for (asked, id) in [(hash(2), Some(2)), (hash(3), Some(2)), (hash(9), None)] {
        let found = store.find_torrent(asked).await.unwrap();
        assert_eq!(found.map(|torrent| torrent.id), id, "{asked}");
    }
    let user = store.find_user(&Passkey::new(b"key-b").unwrap()).await.unwrap().unwrap();
    assert_eq!((user.id, user.deleted), (2, true));
    assert!(store.find_user(&Passkey::new(b"nobody").unwrap()).await.unwrap().is_none());

    let id = |user: Option<UserRecord>| user.map(|user| user.id);
    let by_id = |id| UserKey::Id(id);
    assert_eq!(id(store.user(&by_id(u32::MAX)).await.unwrap()), Some(u32::MAX));
    assert_eq!(id(store.user(&by_id(3)).await.unwrap()), None);
    assert_eq!(id(store.user(&by_id(0)).await.unwrap()), None);
    let ids: Vec<_> = store.users(1, 10).await.unwrap().iter().map(|user| user.id).collect();
    assert_eq!(ids, [2, u32::MAX]);
    assert_eq!(store.torrents(0, 2).await.unwrap().len(), 2);
    let lists = (
        store.roles().await.unwrap().len(),
        store.client_rules().await.unwrap().len(),
        store.tokens(Some(1), 9).await.unwrap().len(),
        store.tokens(Some(2), 9).await.unwrap().len(),
        store.events().await.unwrap().len(),
    );
    assert_eq!(lists, (2, 2, 2, 0, 1));
    let error = store.add_user(&NewUser::default()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unsupported(_)), "{error}");
}

#[tokio::test]
async fn a_bad_row_is_left_out_and_its_passkey_is_not_told() {
    let site = Site::broken("bad-rows");
    site.file.execute(RECORDS).await;
    let rows = load(&site.store()).await.unwrap();
    let bad: Vec<_> = rows.iter().filter(|row| row.starts_with("bad")).collect();
    assert_eq!(bad.len(), 2, "{bad:?}");
    assert_eq!(bad[0], "bad users: id 2: `passkey` is missing, or no text");
    assert!(bad[1].starts_with("bad users: id 4294967295: invalid value: integer `-1`"), "{bad:?}");
    assert!(rows.contains(&"user 1 key-a true false".to_owned()));
    assert!(rows.iter().any(|row| row.starts_with("event")), "the load goes on");
}

/// The error of a load from a site that is broken in some way.
async fn error_of(how: &str) -> StoreError {
    let site = Site::broken(how);
    site.file.execute(RECORDS).await;
    let options = HttpOptions { page_rows: 2, ..site.options() };
    let error = load(&HttpStore::new(options).unwrap()).await.unwrap_err();
    let text = error.to_string();
    assert!(!text.contains(TOKEN) && !text.contains(SECRET), "{text}");
    error
}

#[tokio::test]
async fn what_will_not_work_until_somebody_changes_something_is_broken() {
    for (how, what) in [
        ("redirects", "a redirection is not followed"),
        ("wrong-form", "cannot be read"),
        ("endless", "`next` is not beyond `after`"),
    ] {
        let error = error_of(how).await;
        assert!(matches!(&error, StoreError::Broken(text) if text.contains(what)), "{error}");
    }
    let site = Site::start();
    let options = HttpOptions { token: "wrong".to_owned(), ..site.options() };
    let error = HttpStore::new(options).unwrap().checkpoint().await.unwrap_err();
    let told = matches!(&error, StoreError::Broken(text) if text.contains("401"));
    assert!(told && error.to_string().contains("store_http.token"), "{error}");
    let options = HttpOptions { url: format!("{}/elsewhere", site.url), ..site.options() };
    let error = HttpStore::new(options).unwrap().checkpoint().await.unwrap_err();
    assert!(matches!(&error, StoreError::Broken(text) if text.contains("404")), "{error}");
}

#[tokio::test]
async fn a_site_that_fails_is_unavailable_and_after_some_failures_left_alone() {
    let site = Site::broken("fails");
    let store = HttpStore::new(HttpOptions { breaker_failures: 2, ..site.options() }).unwrap();
    let passkey = Passkey::new(b"a-passkey-that-is-secret").unwrap();
    let mut texts = Vec::new();
    for _ in 0..3 {
        let error = store.find_user(&passkey).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
        texts.push(error.to_string());
    }
    assert!(texts[0].contains("GET /api/user/…: the site answered 500"), "{texts:?}");
    assert!(texts[2].contains("left alone for"), "{texts:?}");
    for text in &texts {
        assert!(!text.contains(TOKEN) && !text.contains("is-secret"), "{text}");
    }
}

#[tokio::test]
async fn a_site_that_is_not_there_is_unavailable_and_no_passkey_is_told() {
    let site = Site::start();
    let store = site.store();
    drop(site);
    let error = store.find_user(&Passkey::new(b"is-secret").unwrap()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(!error.to_string().contains("is-secret"), "{error}");
    let debug = format!("{store:?}");
    assert!(!debug.contains(TOKEN) && !debug.contains(SECRET), "{debug}");
}

#[tokio::test]
async fn a_site_that_hangs_is_unavailable_when_the_time_is_up() {
    let site = Site::broken("hangs");
    let lookup_timeout = Duration::from_millis(200);
    let store = HttpStore::new(HttpOptions { lookup_timeout, ..site.options() }).unwrap();
    let error = store.find_torrent(hash(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert_eq!(store.checkpoint().await.unwrap(), 0, "the others are answered");
}

fn session(torrent_id: u32, user_id: u32, key: u64, gone: bool) -> SessionRow {
    SessionRow {
        peer_id: Some(PeerId([b'-'; 20])),
        address_v4: Some("192.0.2.1:6881".parse().unwrap()),
        gone,
        ..SessionRow::new(torrent_id, hash(torrent_id), user_id, key)
    }
}

#[tokio::test]
async fn counts_and_peers_are_pushed_torrent_by_torrent() {
    let site = Site::start();
    site.file.execute(RECORDS).await;
    let options = HttpOptions { push_counts: true, push_peers: true, ..site.options() };
    let store = HttpStore::new(options).unwrap();
    let torrent = |torrent_id, seeders| TorrentRow {
        torrent_id,
        seeders,
        leechers: seeders + 1,
        ..TorrentRow::default()
    };
    let batch = Batch {
        number: 1,
        torrents: vec![torrent(1, 4), torrent(7, 2)],
        sessions: vec![session(1, 1, u64::MAX, false), session(7, 1, 2, true)],
        ..Batch::default()
    };
    store.apply(&batch).await.unwrap();
    // The tables are those of a site that forgot what the batch said.
    site.file.execute("UPDATE torrents SET seeders = 0, leechers = 0").await;
    store.apply(&Batch { number: 2, ..batch.clone() }).await.unwrap();
    store.close().await;
    let mut connection = site.file.connect().await;
    let rows = sqlx::query(
        "SELECT t.id, t.seeders, t.leechers, p.key, p.gone FROM torrents t
         JOIN peers p ON p.info_hash = t.info_hash ORDER BY t.id",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let rows: Vec<(i64, i64, i64, String, i64)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4)))
        .collect();
    assert_eq!(rows, [(1, 4, 5, u64::MAX.to_string(), 0), (7, 2, 3, "2".to_owned(), 1)]);

    store.forget_peers().await.unwrap();
    let sum: i64 =
        sqlx::query("SELECT SUM(seeders + leechers) + (SELECT COUNT(*) FROM peers) FROM torrents")
            .fetch_one(&mut connection)
            .await
            .unwrap()
            .get(0);
    assert_eq!(sum, 0);
}

#[tokio::test]
async fn look_ups_that_fail_do_not_stop_batches() {
    let site = Site::broken("hangs");
    let options = HttpOptions {
        lookup_timeout: Duration::from_millis(100),
        breaker_failures: 1,
        breaker_pause: Duration::from_secs(3600),
        ..site.options()
    };
    let store = HttpStore::new(options).unwrap();
    let error = store.find_torrent(hash(1)).await.unwrap_err();
    assert!(error.to_string().contains("GET /api/torrent/"), "{error}");
    let error = store.find_torrent(hash(1)).await.unwrap_err();
    assert!(error.to_string().contains("left alone"), "{error}");
    let applied = store.apply(&Batch { number: 1, ..Batch::default() }).await.unwrap();
    assert!(!applied.repeated);
}

/// A batch in which the user 1 announces torrents under ids of the tracker's.
fn registered(number: u64, torrents: &[(u32, InfoHash)]) -> Batch {
    let history = |torrent_id| HistoryRow {
        user_id: 1,
        torrent_id,
        traffic: Traffic { uploaded_raw: 10, uploaded_credited: 10, ..Traffic::default() },
        ..HistoryRow::default()
    };
    let row =
        |torrent_id, info_hash| RegisteredRow { torrent_id, info_hash, registered_at_seconds: 5 };
    let announced = |torrent_id, info_hash| SessionRow {
        info_hash,
        ..session(torrent_id, 1, torrent_id.into(), false)
    };
    Batch {
        number,
        registered: torrents.iter().map(|(id, hash)| row(*id, *hash)).collect(),
        torrents: torrents
            .iter()
            .map(|(torrent_id, _)| TorrentRow { torrent_id: *torrent_id, ..TorrentRow::default() })
            .collect(),
        history: torrents.iter().map(|(id, _)| history(*id)).collect(),
        sessions: torrents.iter().map(|(id, hash)| announced(*id, *hash)).collect(),
        ..Batch::default()
    }
}

#[tokio::test]
async fn a_torrent_that_the_site_added_meanwhile_gets_what_was_announced_under_another_id() {
    const FIRST: u32 = RegisteredRow::FIRST_ID;
    let site = Site::start();
    site.file.execute(RECORDS).await;
    let store = site.store();
    // The site has the first two as one hybrid torrent, and not the third.
    let torrents = [(FIRST, hash(2)), (FIRST + 1, hash(3)), (FIRST + 2, hash(9))];
    let applied = store.apply(&registered(1, &torrents)).await.unwrap();
    assert_eq!(applied.dead_letters, []);
    // Later batches register nothing any more, and may name the right id too.
    let mut second = registered(2, &[(2, hash(2)), (FIRST, hash(2)), (FIRST + 2, hash(9))]);
    second.registered.clear();
    let applied = store.apply(&second).await.unwrap();
    assert_eq!(applied.dead_letters, []);
    assert!(store.apply(&second).await.unwrap().repeated);

    let totals = site.file.totals().await;
    assert_eq!(totals.torrents.keys().copied().collect::<Vec<_>>(), [1, 2, 7, FIRST + 2]);
    let uploaded: Vec<_> =
        totals.history.iter().map(|(key, row)| (*key, row.traffic.uploaded_raw)).collect();
    assert_eq!(uploaded, [((1, 2), 40), ((1, FIRST + 2), 20)]);
}

#[tokio::test]
async fn a_batch_waits_if_the_site_cannot_say_whether_it_has_a_torrent() {
    let site = Site::broken("torrents-fail");
    site.file.execute(RECORDS).await;
    let store = site.store();
    let batch = registered(1, &[(RegisteredRow::FIRST_ID, hash(9))]);
    let error = store.apply(&batch).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert_eq!(store.checkpoint().await.unwrap(), 0);
    // Those that have the site's ids need no answer.
    let batch = Batch { registered: Vec::new(), ..registered(1, &[(1, hash(1))]) };
    store.apply(&batch).await.unwrap();
}

#[tokio::test]
async fn addresses_that_are_hidden_never_reach_the_site() {
    let site = Site::broken("keeps-sessions");
    site.file.execute(RECORDS).await;
    let store = site.store();
    let hidden = SessionRow { address_hidden: true, ..session(1, 1, 5, false) };
    let sessions = vec![hidden, session(1, 1, 6, false)];
    store.apply(&Batch { number: 1, sessions, ..Batch::default() }).await.unwrap();
    let mut connection = site.file.connect().await;
    let rows = sqlx::query("SELECT key, address FROM kept_sessions ORDER BY key")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let rows: Vec<(String, Option<String>)> =
        rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(rows, [("5".into(), None), ("6".into(), Some("192.0.2.1:6881".into()))]);
}

#[tokio::test]
async fn a_load_that_fails_loses_no_change() {
    let site = Site::start();
    site.file.execute(RECORDS).await;
    let store = site.store();
    load(&store).await.unwrap();
    site.file
        .execute(
            "UPDATE users SET deleted = 1 WHERE id = 1;
             ALTER TABLE torrents RENAME TO torrents_away;",
        )
        .await;
    load(&store).await.unwrap_err();
    site.file.execute("ALTER TABLE torrents_away RENAME TO torrents;").await;
    let mut seen = Seen::default();
    store.changes(&mut seen).await.unwrap();
    assert_eq!(seen.0, ["user 1 key-a true true", "end"]);
}

#[tokio::test]
async fn changes_are_loaded_since_the_last_ones_or_not_at_all() {
    let site = Site::start();
    site.file.execute(RECORDS).await;
    let store = site.store();
    let mut seen = Seen::default();
    let error = store.load_changes(0, &mut seen).await.unwrap_err();
    assert!(matches!(error, StoreError::Unsupported(_)), "{error}");
    assert_eq!(seen.0, [""; 0]);
    load(&store).await.unwrap();
    site.file.execute("UPDATE users SET deleted = 1 WHERE id = 1; DELETE FROM tokens;").await;
    store.load_changes(0, &mut seen).await.unwrap();
    let expected = [
        "role 1 user None",
        "role 2 small Some(1)",
        "user 1 key-a true true",
        "rule -UT false",
        "rule -qB true",
        "event freeleech 0",
    ];
    assert_eq!(seen.0, expected);
}

#[tokio::test]
async fn what_is_different_for_single_users_and_torrents_is_read() {
    let site = Site::start();
    site.file.execute(RECORDS).await;
    site.file
        .execute(
            "UPDATE users SET download_percent = 0, immune = 1, address_hidden = 1,
                 wait_seconds = 60, peers_max = 2 WHERE id = 1;
             UPDATE torrents SET status = 2, featured = 1, created_at_seconds = 9 WHERE id = 7;
             UPDATE roles SET enabled = 0, immune = 1 WHERE id = 2;",
        )
        .await;
    let store = site.store();
    let users = store.users(0, 2).await.unwrap();
    let terms = UserTerms {
        upload_percent: None,
        download_percent: Some(0),
        immune: Some(true),
        address_hidden: true,
        wait_seconds: 60,
        peers_max: Some(2),
        pass_version: 0,
    };
    assert_eq!(
        users.iter().map(|user| user.terms).collect::<Vec<_>>(),
        [terms, UserTerms::default()]
    );
    let terms =
        TorrentTerms { status: TorrentStatus::Rejected, featured: true, created_at_seconds: 9 };
    assert_eq!(store.find_torrent(hash(7)).await.unwrap().unwrap().terms, terms);
    let first = store.find_torrent(hash(1)).await.unwrap().unwrap().terms;
    assert_eq!(first, TorrentTerms::default());
    let roles = store.roles().await.unwrap();
    let switches: Vec<_> = roles.iter().map(|role| (role.enabled, role.immune)).collect();
    assert_eq!(switches, [(true, false), (false, true)]);
}
