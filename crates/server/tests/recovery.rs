//! Starts from data directories that are not what the last process left.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[path = "support/running.rs"]
mod running;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use mika_core::batch::{Batch, WithheldRow};
use mika_core::{Mode, Settings, Tracker};
use mika_protocol::InfoHash;
use mika_server::config::{Config, FlushConfig};
use mika_server::flush::Applier;
use mika_server::journal::{Journal, JournalReader};
use mika_server::loading::LoadProgress;
use mika_server::recovery::{self, Circumstances};
use mika_server::serve::ServeError;
use mika_store::Catalog;
use mika_store::catalog::{NewTorrent, NewUser, UserKey};
use mika_store::sqlite::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};
use tempfile::TempDir;

use running::Running;

const PASSKEY: &str = "alicealice";
/// One client on one torrent: passkey, port, info-hash.
type Client = (&'static str, u16, char);
const ALICE: Client = (PASSKEY, 6881, 'a');
const ALICE_ELSEWHERE: Client = (PASSKEY, 6882, 'a');
const BOB: Client = ("bobbob", 6881, 'a');

/// A whole server within the test.
struct Server(Running);

async fn start(dir: &Path) -> Result<Server, ServeError> {
    let keys = [("flush.interval_milliseconds", "10"), ("tracker.auto_register_torrents", "true")];
    Ok(Server(Running::start(dir, &keys).await?))
}

impl Server {
    /// Announces as a seeder; returns the reply.
    async fn announce(&self, uploaded: u64) -> String {
        self.announce_as(ALICE, uploaded).await
    }

    async fn announce_as(&self, (passkey, at, hash): Client, uploaded: u64) -> String {
        let hash = hash.to_string().repeat(20);
        let target = format!(
            "/{passkey}/announce?info_hash={hash}&peer_id=-TR3000-abcdefghijkl\
             &port={at}&uploaded={uploaded}&downloaded=0&left=0"
        );
        let reply = self.0.get(&target).await;
        assert!(reply.contains("8:intervali"), "{reply}");
        reply
    }

    async fn stop(self) {
        self.0.stop().await;
    }
}

async fn site(dir: &Path) {
    let store = SqliteStore::open(&dir.join("mika.sqlite")).await.unwrap();
    let user = NewUser {
        name: "alice".to_owned(),
        passkey: PASSKEY.to_owned(),
        role_id: 1,
        download_enabled: true,
        ..NewUser::default()
    };
    store.add_user(&user).await.unwrap();
    let bob = NewUser { name: "bob".to_owned(), passkey: BOB.0.to_owned(), ..user };
    store.add_user(&bob).await.unwrap();
    let torrent = NewTorrent {
        info_hash: InfoHash([b'a'; 20]),
        info_hash_v2: None,
        title: "a".to_owned(),
        upload_percent: 100,
        download_percent: 100,
        created_at_seconds: 0,
        ..NewTorrent::new(InfoHash([b'a'; 20]))
    };
    store.add_torrent(&torrent).await.unwrap();
    mika_store::Store::close(&store).await;
}

async fn uploaded(dir: &Path) -> u64 {
    let store = SqliteStore::open(&dir.join("mika.sqlite")).await.unwrap();
    let alice = store.user(&UserKey::Name("alice".to_owned())).await.unwrap().unwrap();
    mika_store::Store::close(&store).await;
    alice.uploaded
}

async fn connect(dir: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(dir.join("mika.sqlite"));
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// Seeders of the torrent, and who is active on it.
async fn peers_in_store(dir: &Path) -> (u32, String) {
    let statement = "SELECT t.seeders, GROUP_CONCAT(u.name) AS names FROM torrents t
        LEFT JOIN history h ON h.torrent_id = t.id AND h.active = 1
        LEFT JOIN users u ON u.id = h.user_id";
    let mut store = connect(dir).await;
    let row = sqlx::query(statement).fetch_one(&mut store).await.unwrap();
    store.close().await.unwrap();
    (row.get("seeders"), row.get::<Option<String>, _>("names").unwrap_or_default())
}

/// Waits until the journal has so many batches.
async fn journalled(dir: &Path, batches: u64) {
    let journal = dir.join("journal");
    loop {
        let mut reader = JournalReader::all(&journal);
        while reader.next_batch().unwrap().is_some() {}
        if reader.last_number() >= batches {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn copy(dir: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(dir).unwrap() {
        let from: PathBuf = entry.unwrap().path();
        let target = to.join(from.file_name().unwrap());
        if from.is_dir() {
            copy(&from, &target)
        } else {
            fs::copy(&from, &target).map(drop).unwrap()
        }
    }
}

fn empty_journal(dir: &Path) {
    for entry in fs::read_dir(dir.join("journal")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
}

/// Announces `totals` one run of the server each; the last is alice's total.
async fn run(dir: &Path, totals: &[u64]) {
    for total in totals {
        let server = start(dir).await.unwrap();
        server.announce(*total).await;
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credit_goes_on_over_orderly_restarts() {
    let dir = TempDir::new().unwrap();
    site(dir.path()).await;
    run(dir.path(), &[0, 1000, 5000]).await;
    assert_eq!(uploaded(dir.path()).await, 5000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_snapshot_in_a_newer_directory_counts_nothing_twice() {
    let (dir, old) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    site(dir.path()).await;
    run(dir.path(), &[0]).await;
    copy(dir.path(), old.path());
    run(dir.path(), &[5000, 6000]).await;
    fs::copy(old.path().join("snapshot"), dir.path().join("snapshot")).unwrap();
    run(dir.path(), &[6000, 6500]).await;
    assert_eq!(uploaded(dir.path()).await, 6500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_snapshot_costs_one_report_and_counts_nothing_twice() {
    let dir = TempDir::new().unwrap();
    site(dir.path()).await;
    run(dir.path(), &[0, 5000]).await;
    fs::remove_file(dir.path().join("snapshot")).unwrap();
    empty_journal(dir.path());
    run(dir.path(), &[6000, 6500]).await;
    assert_eq!(uploaded(dir.path()).await, 5500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_store_is_refused_and_says_what_to_do() {
    let (dir, old) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    site(dir.path()).await;
    run(dir.path(), &[0]).await;
    copy(dir.path(), old.path());
    run(dir.path(), &[5000, 6000]).await;
    fs::copy(old.path().join("mika.sqlite"), dir.path().join("mika.sqlite")).unwrap();
    empty_journal(dir.path());
    let error = start(dir.path()).await.err().unwrap().to_string();
    assert!(error.contains("older copy than"), "{error}");
    assert!(error.contains("Put the right one back"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_store_catches_up_with_the_journal() {
    let (dir, old) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    site(dir.path()).await;
    run(dir.path(), &[0]).await;
    copy(dir.path(), old.path());
    run(dir.path(), &[5000]).await;
    fs::copy(old.path().join("mika.sqlite"), dir.path().join("mika.sqlite")).unwrap();
    run(dir.path(), &[6000]).await;
    assert_eq!(uploaded(dir.path()).await, 6000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_the_same_directory_is_refused() {
    let dir = TempDir::new().unwrap();
    site(dir.path()).await;
    let first = start(dir.path()).await.unwrap();
    let error = start(dir.path()).await.err().unwrap().to_string();
    assert!(error.contains("in use by another mika"), "{error}");
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_a_lost_snapshot_held_are_taken_from_the_store() {
    let dir = TempDir::new().unwrap();
    site(dir.path()).await;
    let server = start(dir.path()).await.unwrap();
    server.announce(0).await;
    server.announce_as(BOB, 0).await;
    server.stop().await;
    assert_eq!(peers_in_store(dir.path()).await, (2, "alice,bob".to_owned()));
    fs::remove_file(dir.path().join("snapshot")).unwrap();
    empty_journal(dir.path());
    let server = start(dir.path()).await.unwrap();
    server.announce(0).await;
    server.stop().await;
    assert_eq!(peers_in_store(dir.path()).await, (1, "alice".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_an_older_snapshot_lacks_are_taken_from_the_store_and_no_others() {
    let (dir, old) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    site(dir.path()).await;
    run(dir.path(), &[0]).await;
    copy(dir.path(), old.path());
    let server = start(dir.path()).await.unwrap();
    server.announce_as(BOB, 0).await;
    server.stop().await;
    assert_eq!(peers_in_store(dir.path()).await, (2, "alice,bob".to_owned()));
    fs::copy(old.path().join("snapshot"), dir.path().join("snapshot")).unwrap();
    empty_journal(dir.path());
    start(dir.path()).await.unwrap().stop().await;
    assert_eq!(peers_in_store(dir.path()).await, (1, "alice".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_hash_key_is_no_start_and_without_the_snapshot_nobody_is_doubled() {
    let dir = TempDir::new().unwrap();
    site(dir.path()).await;
    run(dir.path(), &[0, 5000]).await;
    fs::remove_file(dir.path().join("hash.key")).unwrap();
    let error = start(dir.path()).await.err().unwrap().to_string();
    assert!(error.contains("hash.key is missing"), "{error}");
    assert!(error.contains("put it back") && error.contains("move"), "{error}");
    assert!(!dir.path().join("hash.key").exists());

    fs::remove_file(dir.path().join("snapshot")).unwrap();
    for uploaded in [6000, 6500] {
        let server = start(dir.path()).await.unwrap();
        let reply = server.announce_as(ALICE_ELSEWHERE, uploaded).await;
        assert!(reply.contains("8:completei1e"), "{reply}");
        server.stop().await;
        assert_eq!(peers_in_store(dir.path()).await, (1, "alice".to_owned()));
    }
    assert_eq!(uploaded(dir.path()).await, 5500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_of_a_lost_hash_key_counts_and_doubles_nobody() {
    let (dir, copied) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    site(dir.path()).await;
    site(copied.path()).await;
    let server = start(dir.path()).await.unwrap();
    server.announce(0).await;
    journalled(dir.path(), 1).await;
    server.announce(5000).await;
    journalled(dir.path(), 2).await;
    // As a crash would leave it, with a store that has nothing of it yet.
    copy(&dir.path().join("journal"), &copied.path().join("journal"));
    server.stop().await;
    for uploaded in [6000, 6500] {
        let server = start(copied.path()).await.unwrap();
        let reply = server.announce_as(ALICE_ELSEWHERE, uploaded).await;
        assert!(reply.contains("8:completei1e"), "{reply}");
        server.stop().await;
        assert_eq!(peers_in_store(copied.path()).await, (1, "alice".to_owned()));
    }
    assert_eq!(uploaded(copied.path()).await, 5500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_announced_while_the_site_adds_the_torrent_counts_for_it() {
    const ADD: &str = "INSERT INTO torrents (id, info_hash) VALUES (7, ?)";
    const NEW: Client = (PASSKEY, 6881, 'n');
    let (dir, copied) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    site(dir.path()).await;
    copy(dir.path(), copied.path());
    let server = start(dir.path()).await.unwrap();
    let mut store = connect(dir.path()).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut store).await.unwrap();
    sqlx::query(ADD).bind(&[b'n'; 20][..]).execute(&mut store).await.unwrap();
    for (batch, uploaded) in (1..).zip([0, 3000, 5000]) {
        server.announce_as(NEW, uploaded).await;
        journalled(dir.path(), batch).await;
    }
    // The process dies here, and the site adds the torrent before the next start.
    for name in ["journal", "hash.key", "mode"] {
        let (from, to) = (dir.path().join(name), copied.path().join(name));
        if from.is_dir() { copy(&from, &to) } else { fs::copy(from, to).map(drop).unwrap() }
    }
    let mut other = connect(copied.path()).await;
    sqlx::query(ADD).bind(&[b'n'; 20][..]).execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    // Or it lives, and the site has added it meanwhile.
    sqlx::raw_sql("COMMIT").execute(&mut store).await.unwrap();
    store.close().await.unwrap();
    server.announce_as(NEW, 5500).await;
    server.stop().await;
    for dir in [&dir, &copied] {
        let server = start(dir.path()).await.unwrap();
        server.announce_as(NEW, 6000).await;
        server.stop().await;
        let mut store = connect(dir.path()).await;
        let statement = "SELECT t.id, t.uploaded, h.uploaded AS of_alice, t.seeders
            FROM torrents t JOIN history h ON h.torrent_id = t.id";
        let rows = sqlx::query(statement).fetch_all(&mut store).await.unwrap();
        store.close().await.unwrap();
        let rows: Vec<(u32, u32, u32, u32)> = rows
            .iter()
            .map(|row| {
                (row.get("id"), row.get("uploaded"), row.get("of_alice"), row.get("seeders"))
            })
            .collect();
        assert_eq!(rows, [(7, 6000, 6000, 1)]);
        assert_eq!(uploaded(dir.path()).await, 6000);
        assert!(!dir.path().join("dead-letters.jsonl").exists());
    }
}

/// What is withheld after a start from a journal of three batches and no snapshot.
async fn withheld_after_a_start(key_is_new: bool) -> u64 {
    let dir = TempDir::new().unwrap();
    site(dir.path()).await;
    let store = SqliteStore::open(&dir.path().join("mika.sqlite")).await.unwrap();
    let catalog: Arc<dyn Catalog> = Arc::new(store);
    let journal_path = dir.path().join("journal");
    let (mut journal, _) = Journal::open(&journal_path).unwrap();
    for (number, uploaded_bytes) in [(1, 300), (2, 500), (3, 700)] {
        let withheld = vec![WithheldRow { user_id: 1, uploaded_bytes }];
        let batch = Batch { number, withheld, ..Batch::default() };
        journal.append(&batch, &FlushConfig::default(), u64::MAX).unwrap();
    }
    let config = Arc::new(ArcSwap::from_pointee(Config::default()));
    let dead_letters = dir.path().join("dead-letters.jsonl");
    let mut applier =
        Applier::new(Arc::clone(&catalog), &journal_path, 0, &dead_letters, Arc::default(), config);
    let tracker = Tracker::new(Mode::Private, Settings::default(), [3; 16]);
    let circumstances = Circumstances {
        snapshot_path: &dir.path().join("snapshot"),
        now_seconds: 1_800_000_000,
        key_is_new,
        progress: &LoadProgress::default(),
    };
    let recovered = recovery::recover(&tracker, &catalog, &mut applier, &journal, &circumstances);
    assert_eq!(recovered.await.unwrap().next_number, 4);
    tracker.withheld(1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_journal_says_is_withheld_is_withheld_after_a_start() {
    assert_eq!(withheld_after_a_start(false).await, 700);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_withheld_survives_the_loss_of_the_hash_key() {
    assert_eq!(withheld_after_a_start(true).await, 700);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_leaves_the_directory_to_either_mode() {
    let dir = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let no_port = Running::start(dir.path(), &[("admin.listen", &address)]).await;
    assert!(matches!(no_port.err().unwrap(), ServeError::AdminListen(_)));
    let mysql = [("store.kind", "mysql"), ("store.url", &format!("mysql://{address}/site"))];
    drop(taken);
    let no_store = Running::start(dir.path(), &mysql).await;
    assert!(matches!(no_store.err().unwrap(), ServeError::Store(_)));
    assert!(!dir.path().join("mode").exists());

    let public = [("tracker.mode", "public"), ("tracker.auto_register_torrents", "true")];
    Running::start(dir.path(), &public).await.unwrap().stop().await;
    // One that succeeded does not.
    let private = Running::start(dir.path(), &[]).await.err().unwrap();
    assert!(matches!(private, ServeError::DataDir(_)), "{private}");
}
