use mika_store::schema::Dialect;
use mika_store::sql::check::{Grade, Report};
use mika_store::{SqliteStore, Store};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use tempfile::TempDir;

use super::support::{NOW, fault, faulty, of, schema};

const ALICE: &str = "INSERT INTO users (id, name, passkey, role_id) VALUES (7, 'alice', 'key', 1);
    INSERT INTO torrents (id, info_hash) VALUES (9, CAST('aaaaaaaaaaaaaaaaaaaa' AS BLOB));
    INSERT INTO tokens VALUES (7, 9, 100, 0, NULL);
    INSERT INTO history VALUES (7, 9, 1, 2, 3, 4, 5, 6, 0, 1, 8, 9);";

/// A file with mika's own tables, and what some statements made of them.
async fn file(statements: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("site.sqlite");
    SqliteStore::open(&path).await.unwrap().close().await;
    let mut connection = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    connection.execute(AssertSqlSafe(statements.to_owned())).await.unwrap();
    connection.close().await.unwrap();
    directory
}

async fn check(directory: &TempDir, changes: &[(&str, Option<&str>)]) -> Report {
    let schema = schema("mika", Dialect::Sqlite, changes);
    let store = SqliteStore::connect(&directory.path().join("site.sqlite"), schema).unwrap();
    let report = store.check(NOW).await.unwrap();
    store.close().await;
    report
}

#[tokio::test]
async fn mikas_own_tables_pass_and_the_file_stays_as_it_was() {
    let directory = file(ALICE).await;
    let path = directory.path().join("site.sqlite");
    let before = std::fs::read(&path).unwrap();
    let report = check(&directory, &[]).await;
    assert_eq!(report.grade(), Grade::Ok, "{report:#?}");
    assert_eq!(of(&report, "users.load.sql").remarks.len(), 1, "{report:#?}");
    assert_eq!(of(&report, "history.flush.sql").remarks[0].text, "tried with user 7 on torrent 9");
    assert!(std::fs::read(&path).unwrap() == before, "the file was changed");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("site.sqlite");
    let error = SqliteStore::connect(&path, schema("mika", Dialect::Sqlite, &[])).unwrap_err();
    assert!(error.to_string().contains("`mika serve` makes it"), "{error}");
    assert!(!path.exists());
}

#[tokio::test]
async fn an_empty_site_is_said_to_be_empty() {
    let report = check(&file("").await, &[]).await;
    assert_eq!(faulty(&report), Vec::<&str>::new());
    let users = of(&report, "users.flush.sql");
    assert_eq!(users.remarks[0].text, "tried with a made-up id, for no user was loaded");
    let history = &of(&report, "history.flush.sql").remarks[0];
    assert_eq!(history.grade, Grade::Note);
    assert!(history.text.ends_with("for no user was loaded"), "{history:?}");
}

#[tokio::test]
async fn a_renamed_column_is_named_with_those_that_there_are() {
    let renamed = format!("{ALICE} ALTER TABLE users RENAME COLUMN uploaded TO bytes_up;");
    let report = check(&file(&renamed).await, &[]).await;
    assert_eq!(faulty(&report), ["users.load.sql", "users.flush.sql"]);
    for file in faulty(&report) {
        let (text, hint) = fault(&report, file);
        assert!(text.ends_with("uploaded"), "{text}");
        assert!(
            hint.contains("users has id, site_id, name") && hint.contains("bytes_up"),
            "{hint}"
        );
    }
}

#[tokio::test]
async fn a_missing_table_is_named_with_one_that_is_like_it() {
    let renamed = format!("{ALICE} ALTER TABLE client_rules RENAME TO forum_client_rules;");
    let report = check(&file(&renamed).await, &[]).await;
    let (text, hint) = fault(&report, "client_rules.load.sql");
    assert_eq!(text, "no such table: client_rules");
    assert_eq!(hint, "there are forum_client_rules");
}

#[tokio::test]
async fn columns_that_a_load_lacks_misnames_or_has_twice_are_named() {
    let load = "SELECT id, passkey AS pass_key, name, name FROM users";
    let report = check(&file(ALICE).await, &[("users.load.sql", Some(load))]).await;
    let texts: Vec<_> =
        of(&report, "users.load.sql").remarks.iter().map(|remark| remark.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "it returns no column passkey",
            "nothing reads pass_key: is a name mistyped?",
            "it returns two columns name",
        ]
    );
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_told() {
    let load = "SELECT id, CASE id WHEN 8 THEN 'a b' ELSE passkey END AS passkey FROM users";
    let bob = format!(
        "{ALICE} INSERT INTO users (id, name, passkey, role_id) VALUES (8, 'bob', 'bobs', 1);"
    );
    let directory = file(&bob).await;
    let report = check(&directory, &[("users.load.sql", Some(load))]).await;
    let remark = &of(&report, "users.load.sql").remarks[0];
    assert_eq!(remark.grade, Grade::Note);
    assert!(remark.text.starts_with("2 rows, 1 of which would be left out: user 8: a passkey"));
    let load = "SELECT name AS id, passkey FROM users";
    let report = check(&directory, &[("users.load.sql", Some(load))]).await;
    let (text, _) = fault(&report, "users.load.sql");
    assert_eq!(
        text,
        "2 rows, none of which can be read: id: its text is not a whole number; id: its text is \
         not a whole number"
    );
}

#[tokio::test]
async fn a_column_that_the_rows_do_not_have_is_named_with_theirs() {
    let flush = "UPDATE users SET uploaded = uploaded + d.upload FROM {{rows}} AS d
                 WHERE users.id = d.user_id";
    let report = check(&file(ALICE).await, &[("users.flush.sql", Some(flush))]).await;
    let (text, hint) = fault(&report, "users.flush.sql");
    assert_eq!(text, "no such column: d.upload");
    assert!(hint.starts_with("{{rows}} has user_id, uploaded_raw"), "{hint}");
}

#[tokio::test]
async fn a_flush_that_finds_no_record_of_a_user_that_there_is_is_bad() {
    let flush = "UPDATE users SET uploaded = uploaded + d.uploaded_credited FROM {{rows}} AS d
                 WHERE users.site_id = d.user_id";
    let report = check(&file(ALICE).await, &[("users.flush.sql", Some(flush))]).await;
    let (text, _) = fault(&report, "users.flush.sql");
    assert_eq!(text, "it changes nothing for user 7");
}

#[tokio::test]
async fn a_row_that_the_database_refuses_is_bad_if_user_and_torrent_are_there() {
    let flush = "INSERT INTO history (user_id, torrent_id)
                 SELECT d.user_id, d.torrent_id FROM {{rows}} AS d";
    let statements = format!("{ALICE} DELETE FROM history;");
    let report = check(&file(&statements).await, &[("history.flush.sql", Some(flush))]).await;
    let (text, _) = fault(&report, "history.flush.sql");
    assert!(text.starts_with("the database refuses an ordinary row: NOT NULL"), "{text}");
}

#[tokio::test]
async fn what_would_end_the_transaction_is_not_run() {
    let directory = file(ALICE).await;
    let several = "INSERT INTO events SELECT 'x', 1, 1, 1, 2 FROM {{rows}}; COMMIT";
    let drop = "DROP TABLE events";
    let report = check(
        &directory,
        &[("snatches.flush.sql", Some(several)), ("history.start.sql", Some(drop))],
    )
    .await;
    assert_eq!(fault(&report, "snatches.flush.sql").0, "it holds several statements");
    assert!(fault(&report, "history.start.sql").0.starts_with("it begins with DROP"));
    assert_eq!(of(&report, "events.load.sql").remarks[0].text, "0 rows");
    assert_eq!(check(&directory, &[]).await.grade(), Grade::Ok);
}

#[tokio::test]
async fn placeholders_are_counted() {
    let changes = "SELECT id, passkey FROM users";
    let checkpoint = "UPDATE mika_checkpoint SET number = 1";
    let report = check(
        &file(ALICE).await,
        &[("users.changes.sql", Some(changes)), ("checkpoint.flush.sql", Some(checkpoint))],
    )
    .await;
    assert_eq!(fault(&report, "users.changes.sql").0, "it has 0 placeholders, and should have 1");
    assert_eq!(
        fault(&report, "checkpoint.flush.sql").0,
        "it has 0 placeholders, and should have one"
    );
}

#[tokio::test]
async fn a_checkpoint_without_its_row_is_bad() {
    let report = check(&file("DELETE FROM mika_checkpoint").await, &[]).await;
    assert_eq!(faulty(&report), ["checkpoint.load.sql", "checkpoint.flush.sql"]);
    let (text, _) = fault(&report, "checkpoint.flush.sql");
    assert_eq!(text, "it changes 0 rows, and has to change one");
}

#[tokio::test]
async fn a_migration_that_cannot_run_is_found_before_it_runs() {
    let statements = "UPDATE mika_schema SET version = 0";
    let report = check(&file(statements).await, &[]).await;
    assert_eq!(faulty(&report), ["migrations"]);
    assert_eq!(fault(&report, "migrations").0, "table mika_schema already exists");
}
