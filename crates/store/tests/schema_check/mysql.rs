use mika_store::schema::Dialect;
use mika_store::sql::check::{Grade, Report};
use mika_store::{MysqlStore, Store};
use mika_test_servers::fixtures::{self, Fixture};
use mika_test_servers::{Database, need};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, Row};

use super::support::{NOW, as_user, fault, faulty, new_database, of, schema};

async fn run(url: &str, statements: &str) {
    let mut connection = MySqlConnection::connect(url).await.unwrap();
    connection.execute(AssertSqlSafe(statements.to_owned())).await.unwrap();
    connection.close().await.unwrap();
}

fn made(database: &Database, fixture: &Fixture) -> String {
    fixture.load(database).unwrap();
    database.url()
}

async fn check(url: &str, preset: &str, changes: &[(&str, Option<&str>)]) -> Report {
    let store = MysqlStore::connect(url, schema(preset, Dialect::Mysql, changes)).unwrap();
    let report = store.check(NOW).await.unwrap();
    store.close().await;
    report
}

/// Every table with a checksum of its rows.
async fn contents(url: &str) -> Vec<(String, i64)> {
    let mut connection = MySqlConnection::connect(url).await.unwrap();
    let tables: Vec<String> =
        sqlx::query_scalar("SHOW TABLES").fetch_all(&mut connection).await.unwrap();
    let mut found = Vec::new();
    for table in tables {
        let query = AssertSqlSafe(format!("CHECKSUM TABLE `{table}` EXTENDED"));
        found.push((table, connection.fetch_one(query).await.unwrap().get(1)));
    }
    found
}

#[tokio::test]
async fn every_preset_passes_on_the_tables_of_its_site_which_stay_as_they_were() {
    for (preset, fixture) in [
        ("unit3d", fixtures::UNIT3D),
        ("gazelle", fixtures::GAZELLE_OPS),
        ("gazelle-wcd", fixtures::GAZELLE_WCD),
        ("xbt", fixtures::XBT_G3),
        ("xbt-files", fixtures::XBT_G2),
    ] {
        let database = need!(new_database(Dialect::Mysql));
        let url = made(&database, &fixture);
        let before = contents(&url).await;
        assert!(!before.is_empty());
        let report = check(&url, preset, &[]).await;
        assert_eq!(faulty(&report), Vec::<&str>::new(), "{preset}: {report:#?}");
        let users = &of(&report, "users.flush.sql").remarks;
        assert_eq!(users[0].text, "tried with user 1", "{preset}");
        assert_eq!(contents(&url).await, before, "{preset}");
    }
}

#[tokio::test]
async fn mikas_own_tables_pass_on_mariadb_before_and_after_they_are_made() {
    let database = need!(new_database(Dialect::Mysql));
    let url = database.url();
    let report = check(&url, "mika", &[]).await;
    assert_eq!(report.grade(), Grade::Note, "{report:#?}");
    assert_eq!(contents(&url).await, []);
    let schema = schema("mika", Dialect::Mysql, &[]);
    MysqlStore::open(&url, schema).await.unwrap().close().await;
    let before = contents(&url).await;
    assert_eq!(faulty(&check(&url, "mika", &[]).await), Vec::<&str>::new());
    assert_eq!(contents(&url).await, before);
}

#[tokio::test]
async fn a_table_without_transactions_is_named_and_not_written() {
    let database = need!(new_database(Dialect::Mysql));
    let url = made(&database, &fixtures::GAZELLE_OPS);
    run(&url, "ALTER TABLE xbt_files_users ENGINE = MyISAM").await;
    let before = contents(&url).await;
    let report = check(&url, "gazelle", &[]).await;
    assert_eq!(faulty(&report), ["sessions.flush.sql"]);
    let (text, hint) = fault(&report, "sessions.flush.sql");
    assert_eq!(text, "xbt_files_users is MyISAM, which knows no transactions: it was not run");
    assert!(hint.ends_with("ALTER TABLE xbt_files_users ENGINE=InnoDB"), "{hint}");
    let table = ("xbt_files_users".to_owned(), "MyISAM".to_owned());
    assert_eq!(report.without_transactions, [table]);
    assert_eq!(contents(&url).await, before);
}

#[tokio::test]
async fn a_missing_grant_on_mariadb_is_told_as_the_statement_that_gives_it() {
    let database = need!(new_database(Dialect::Mysql));
    let url = made(&database, &fixtures::GAZELLE_OPS);
    let site = database.name();
    let user = format!("{site}_user");
    run(
        &url,
        &format!(
            "CREATE USER '{user}'@'%' IDENTIFIED BY 'secret';
             GRANT SELECT ON {site}.* TO '{user}'@'%';
             GRANT INSERT, UPDATE ON {site}.users_leech_stats TO '{user}'@'%';
             GRANT INSERT, UPDATE ON {site}.torrents_leech_stats TO '{user}'@'%';
             GRANT INSERT, UPDATE ON {site}.xbt_files_users TO '{user}'@'%';
             GRANT INSERT, UPDATE ON {site}.users_freeleeches TO '{user}'@'%'"
        ),
    )
    .await;
    let theirs = as_user(&url, &format!("{user}:secret"));
    let report = check(&theirs, "gazelle", &[]).await;
    assert_eq!(faulty(&report), ["migrations", "snatches.flush.sql", "checkpoint.flush.sql"]);
    let (text, snatches) = fault(&report, "snatches.flush.sql");
    assert!(text.starts_with("INSERT command denied to user"), "{text}");
    assert_eq!(snatches, format!("GRANT SELECT, INSERT ON {site}.xbt_snatched TO '{user}'@'%';"));
    let (_, tables) = fault(&report, "migrations");
    assert_eq!(
        tables,
        ["mika_schema", "mika_checkpoint"]
            .map(|table| format!(
                "GRANT CREATE, SELECT, INSERT, UPDATE, DELETE ON {site}.{table} TO '{user}'@'%';"
            ))
            .join(" ")
    );
    assert_eq!(fault(&report, "checkpoint.flush.sql").1, tables);
    run(&url, &format!("{snatches} {tables}")).await;
    let report = check(&theirs, "gazelle", &[]).await;
    assert_eq!(faulty(&report), Vec::<&str>::new(), "{report:#?}");
    let schema = schema("gazelle", Dialect::Mysql, &[]);
    MysqlStore::open(&theirs, schema).await.unwrap().close().await;
    assert_eq!(faulty(&check(&theirs, "gazelle", &[]).await), Vec::<&str>::new());
    run(&url, &format!("DROP USER '{user}'@'%'")).await;
}

#[tokio::test]
async fn missing_tables_and_columns_on_mariadb_are_named_with_those_that_there_are() {
    let database = need!(new_database(Dialect::Mysql));
    let url = made(&database, &fixtures::UNIT3D);
    run(
        &url,
        "ALTER TABLE users CHANGE passkey announce_key varchar(255) NOT NULL;
         RENAME TABLE peers TO site_peers",
    )
    .await;
    let report = check(&url, "unit3d", &[]).await;
    let (text, hint) = fault(&report, "users.load.sql");
    assert!(text.starts_with("Unknown column") && text.contains("passkey"), "{text}");
    assert!(hint.contains("users has id, username") && hint.contains("announce_key"), "{hint}");
    let (text, hint) = fault(&report, "sessions.flush.sql");
    assert!(text.ends_with("peers' doesn't exist"), "{text}");
    assert_eq!(hint, "there are site_peers");
    // Without users the other statements are still looked at.
    assert_eq!(of(&report, "history.flush.sql").grade(), Grade::Note, "{report:#?}");
}

#[tokio::test]
async fn a_column_that_is_too_small_is_found() {
    let database = need!(new_database(Dialect::Mysql));
    let url = made(&database, &fixtures::UNIT3D);
    run(&url, "ALTER TABLE history MODIFY client_uploaded int unsigned NOT NULL").await;
    let report = check(&url, "unit3d", &[]).await;
    let (text, _) = fault(&report, "history.flush.sql");
    assert!(text.contains("Out of range value for column 'client_uploaded'"), "{text}");
}

#[tokio::test]
async fn the_server_says_its_mode_and_time_zone() {
    let database = need!(new_database(Dialect::Mysql));
    let url = database.url();
    let report = check(&url, "mika", &[]).await;
    assert_eq!(report.facts.is_strict(), Some(true));
    assert!(report.facts.time_zone.is_some());
    assert!(report.facts.utc_offset_seconds.is_some());
    assert_eq!(report.facts.too_old, None);
    assert!(report.facts.user.starts_with("mika@"), "{}", report.facts.user);
}
