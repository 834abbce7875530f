//! Which files are opened, and what is said of those that are not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, which may fail")]

#[path = "support/file.rs"]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use mika_store::contract::records;
use mika_store::record::RoleRecord;
use mika_store::{SqliteStore, Store, StoreError};
use support::File;

async fn broken(path: &Path) -> String {
    match SqliteStore::open(path).await {
        Err(StoreError::Broken(text)) => {
            assert!(text.contains(path.to_str().unwrap()), "does not name the file: {text}");
            text
        }
        other => panic!("not broken: {other:?}"),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_new_file_is_for_its_owner_only_and_so_is_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("some/where/mika.db");
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(&path.with_extension("db-wal")), 0o600);
    store.close().await;
}

#[tokio::test]
async fn a_new_file_has_the_role_user() {
    let file = File::new();
    let store = file.open().await;
    let loaded = records::load(&store).await;
    let user = RoleRecord {
        id: 1,
        name: "user".into(),
        priority: 0,
        upload_percent: 100,
        download_percent: 100,
        upload_enabled: true,
        download_enabled: true,
        download_slots: None,
        immune: false,
        enabled: true,
    };
    assert_eq!(loaded, records::Loaded { roles: vec![user], ..records::Loaded::default() });
    store.close().await;
}

#[tokio::test]
async fn closing_leaves_one_file() {
    let file = File::new();
    let store = file.open().await;
    store.checkpoint().await.unwrap();
    store.close().await;
    let left: Vec<_> = fs::read_dir(file.path().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["mika.db"]);
}

#[tokio::test]
async fn a_path_is_never_taken_for_a_special_name() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["file:mika.db?mode=memory", ":memory:", "mika db%20?#.sqlite"] {
        let path = directory.path().join(name);
        SqliteStore::open(&path).await.unwrap().close().await;
        assert!(fs::metadata(&path).unwrap().len() > 0, "{name}");
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let text = broken(Path::new("/proc/nowhere/mika.db")).await;
    assert!(text.starts_with("cannot create the directory of /proc/nowhere/mika.db: "), "{text}");
    assert!(text.contains("create it yourself"), "{text}");
}

#[tokio::test]
async fn a_file_that_cannot_be_made_is_named() {
    let text = broken(Path::new("/proc/mika.db")).await;
    assert!(text.starts_with("cannot create the database /proc/mika.db: "), "{text}");
    assert!(text.contains("make its directory writable"), "{text}");
}

#[tokio::test]
async fn a_directory_is_not_a_database() {
    let directory = tempfile::tempdir().unwrap();
    let text = broken(directory.path()).await;
    assert!(text.ends_with("is not a file: name the database file itself"), "{text}");
}

#[tokio::test]
async fn a_read_only_file_is_refused() {
    let file = File::new();
    file.open().await.close().await;
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o400)).unwrap();
    let text = broken(&file.path()).await;
    assert!(text.contains("is read-only: make it writable"), "{text}");
    assert!(text.contains("chmod u+w"), "{text}");
}

#[tokio::test]
async fn another_kind_of_file_is_refused() {
    let file = File::new();
    fs::write(file.path(), "these are my notes, not a database. ".repeat(200)).unwrap();
    let text = broken(&file.path()).await;
    assert!(text.contains("is not a SQLite database"), "{text}");
    assert!(text.contains("name another file"), "{text}");
    assert!(fs::read_to_string(file.path()).unwrap().starts_with("these are my notes"));
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let file = File::new();
    file.open().await.close().await;
    let mut bytes = fs::read(file.path()).unwrap();
    // The header stays, the root of the table of tables does not.
    bytes[100..4096].fill(0xa5);
    fs::write(file.path(), bytes).unwrap();
    let text = broken(&file.path()).await;
    assert!(text.contains("is damaged"), "{text}");
    assert!(text.contains("restore it from a backup"), "{text}");
}

#[tokio::test]
async fn a_database_of_another_program_is_left_alone() {
    let file = File::new();
    fs::write(file.path(), "").unwrap();
    file.execute("CREATE TABLE users (id INTEGER PRIMARY KEY); INSERT INTO users VALUES (7)").await;
    let text = broken(&file.path()).await;
    assert!(text.contains("holds tables of another program"), "{text}");
    file.execute("INSERT INTO users VALUES (8)").await;
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let file = File::new();
    file.open().await.close().await;
    file.execute("UPDATE mika_schema SET version = 7").await;
    let text = broken(&file.path()).await;
    assert!(text.contains("schema 7, this one knows 2"), "{text}");
}

#[tokio::test]
async fn a_locked_database_is_unavailable_and_opens_later() {
    let file = File::new();
    file.open().await.close().await;
    let store = file.open().await;
    let mut other = file.connect().await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let batch = mika_store::contract::model::batch(1, 0, 1);
    let error = store.apply(&batch).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(text) if text.contains("mika.db")), "{error}");
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    assert!(!store.apply(&batch).await.unwrap().repeated);
    store.close().await;
}

#[tokio::test]
async fn a_bad_row_is_skipped_and_named_and_its_passkey_is_not() {
    let file = File::new();
    let store = file.open().await;
    file.seed(4, 3).await;
    file.execute(
        "PRAGMA ignore_check_constraints = ON;
         UPDATE users SET passkey = 'se cret' WHERE id = 2;
         UPDATE users SET uploaded = -1 WHERE id = 3;
         UPDATE torrents SET info_hash = x'abcd' WHERE id = 1;
         UPDATE torrents SET upload_percent = 65536, title = 'x' WHERE id = 2;
         UPDATE torrents SET title = CAST(x'ff' AS TEXT) WHERE id = 3;
         INSERT INTO events VALUES ('e', 100, 100, 5, 4294967296)",
    )
    .await;
    let loaded = records::load(&store).await;
    assert_eq!(loaded.users.iter().map(|user| user.id).collect::<Vec<_>>(), [1, 4]);
    assert_eq!(loaded.torrents, []);
    let bad: Vec<_> =
        loaded.bad_rows.iter().map(|(table, reason)| (*table, reason.as_str())).collect();
    assert_eq!(
        bad[..4],
        [
            ("users", "user 2: a passkey has 1 to 64 characters: letters, digits, `_` and `-`"),
            ("users", "user 3: uploaded: -1 is out of range"),
            ("torrents", "torrent 1: info_hash: 2 bytes, not 20"),
            ("torrents", "torrent 2: upload_percent: 65536 is out of range"),
        ]
    );
    assert!(bad[4].1.starts_with("torrent 3: title: "), "{bad:?}");
    assert_eq!(bad[5], ("events", "ends_at_seconds: 4294967296 is out of range"));
    store.close().await;
}

#[tokio::test]
async fn a_total_is_never_anything_but_an_integer() {
    let file = File::new();
    let store = file.open().await;
    file.seed(1, 1).await;
    let mut connection = file.connect().await;
    for wrong in [
        "UPDATE users SET uploaded = 1.5",
        "UPDATE users SET uploaded = 'many'",
        "UPDATE users SET uploaded = 9223372036854775807 + 1",
        "UPDATE users SET uploaded = NULL",
        "UPDATE users SET uploaded = -1",
        "UPDATE torrents SET info_hash_v2 = info_hash",
        "UPDATE torrents SET info_hash = x'00'",
        "UPDATE users SET role_id = 9",
        "DELETE FROM roles",
    ] {
        let result = sqlx::raw_sql(wrong).execute(&mut connection).await;
        assert!(result.is_err(), "{wrong}");
    }
    store.close().await;
}
