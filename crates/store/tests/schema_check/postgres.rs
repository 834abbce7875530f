use mika_store::schema::Dialect;
use mika_store::sql::check::{Grade, Report};
use mika_store::{PostgresStore, Store};
use mika_test_servers::{Database, need};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use super::support::{NOW, as_user, fault, faulty, new_database, of, schema};

const ALICE: &str = "INSERT INTO users (id, name, passkey, role_id) VALUES (7, 'alice', 'key', 1);
    INSERT INTO torrents (id, info_hash) VALUES (9, 'aaaaaaaaaaaaaaaaaaaa');
    INSERT INTO history VALUES (7, 9, 1, 2, 3, 4, 5, 6, 0, 1, 8, 9);";
const TABLES: [&str; 9] = [
    "client_rules",
    "events",
    "history",
    "mika_checkpoint",
    "mika_schema",
    "roles",
    "tokens",
    "torrents",
    "users",
];

async fn run(url: &str, statements: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(AssertSqlSafe(statements.to_owned())).await.unwrap();
    connection.close().await.unwrap();
}

/// A database with mika's own tables.
async fn made(database: &Database) -> String {
    let url = database.url();
    let schema = schema("mika", Dialect::Postgres, &[]);
    PostgresStore::open(&url, schema).await.unwrap().close().await;
    run(&url, ALICE).await;
    url
}

async fn check(url: &str, changes: &[(&str, Option<&str>)]) -> Report {
    let store = PostgresStore::connect(url, schema("mika", Dialect::Postgres, changes)).unwrap();
    let report = store.check(NOW).await.unwrap();
    store.close().await;
    report
}

async fn contents(url: &str) -> Vec<String> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let mut found = Vec::new();
    for table in TABLES {
        let query = format!("SELECT string_agg(t::text, ';' ORDER BY t::text) FROM {table} AS t");
        let row = connection.fetch_one(AssertSqlSafe(query)).await.unwrap();
        found.push(format!("{table}: {:?}", row.get::<Option<String>, _>(0)));
    }
    found
}

#[tokio::test]
async fn mikas_own_tables_pass_on_postgresql_and_stay_as_they_were() {
    let database = need!(new_database(Dialect::Postgres));
    let url = made(&database).await;
    let before = contents(&url).await;
    let report = check(&url, &[]).await;
    assert_eq!(report.grade(), Grade::Ok, "{report:#?}");
    assert_eq!(of(&report, "users.flush.sql").remarks[0].text, "tried with user 7");
    assert_eq!(contents(&url).await, before);
    assert!(report.facts.version.starts_with(char::is_numeric), "{:?}", report.facts.version);
}

#[tokio::test]
async fn an_empty_database_of_postgresql_stays_empty() {
    let database = need!(new_database(Dialect::Postgres));
    let url = database.url();
    let report = check(&url, &[]).await;
    assert_eq!(report.grade(), Grade::Note, "{report:#?}");
    let tables = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'";
    let mut connection = PgConnection::connect(&url).await.unwrap();
    assert_eq!(connection.fetch_one(tables).await.unwrap().get::<i64, _>(0), 0);
}

#[tokio::test]
async fn a_missing_grant_on_postgresql_is_told_as_the_statement_that_gives_it() {
    let database = need!(new_database(Dialect::Postgres));
    let url = made(&database).await;
    let user = format!("{}_user", database.name());
    let grants = format!(
        "CREATE ROLE {user} LOGIN PASSWORD 'secret';
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user};
         GRANT INSERT, UPDATE ON history, mika_checkpoint TO {user};
         GRANT INSERT, UPDATE ON torrents TO {user}"
    );
    run(&url, &grants).await;
    let theirs = as_user(&url, &format!("{user}:secret"));
    let report = check(&theirs, &[]).await;
    assert_eq!(faulty(&report), ["users.flush.sql"]);
    let (text, hint) = fault(&report, "users.flush.sql");
    assert_eq!(text, "permission denied for table users");
    assert_eq!(hint, format!("GRANT SELECT, UPDATE ON users TO {user};"));
    run(&url, &hint).await;
    assert_eq!(check(&theirs, &[]).await.grade(), Grade::Ok);
    run(&url, &format!("DROP OWNED BY {user}; DROP ROLE {user}")).await;
}

#[tokio::test]
async fn a_renamed_column_on_postgresql_is_named_with_those_that_there_are() {
    let database = need!(new_database(Dialect::Postgres));
    let url = made(&database).await;
    run(&url, "ALTER TABLE users RENAME COLUMN uploaded TO bytes_up").await;
    let report = check(&url, &[]).await;
    assert_eq!(faulty(&report), ["users.load.sql", "users.flush.sql"]);
    let (text, hint) = fault(&report, "users.load.sql");
    assert_eq!(text, "column \"uploaded\" does not exist");
    assert!(hint.contains("users has id, site_id, name") && hint.contains("bytes_up"), "{hint}");
}

#[tokio::test]
async fn a_reference_that_is_checked_at_the_commit_is_checked_here_too() {
    let database = need!(new_database(Dialect::Postgres));
    let url = made(&database).await;
    let other = "DELETE FROM history; CREATE TABLE other (id bigint PRIMARY KEY);
        ALTER TABLE history ADD CONSTRAINT late FOREIGN KEY (torrent_id) REFERENCES other (id)
        DEFERRABLE INITIALLY DEFERRED NOT VALID";
    run(&url, other).await;
    let report = check(&url, &[]).await;
    let (text, _) = fault(&report, "history.flush.sql");
    assert!(text.contains("violates foreign key constraint \"late\""), "{text}");
}
