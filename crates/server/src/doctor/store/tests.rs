use mika_test_servers::fixtures;
use mika_test_servers::{Database, Options, SqlMode, need};

use super::*;
use crate::config::Secret;

fn config(kind: StoreKind, schema: &str, database: &Database) -> Config {
    let mut config = Config::default();
    config.store.kind = kind;
    config.store.schema = schema.to_owned();
    config.store.url = Secret::new(database.url());
    config
}

/// Those that are not simply good.
fn remarkable(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|finding| finding.grade != Grade::Ok).collect()
}

fn has(findings: &[Finding], grade: Grade, words: &str) -> bool {
    findings.iter().any(|finding| finding.grade == grade && finding.text.contains(words))
}

#[tokio::test]
async fn a_site_on_mariadb_is_well_and_told_so() {
    let database = need!(mika_test_servers::shared(&Options::mariadb())).create_database();
    fixtures::UNIT3D.load(&database).unwrap();
    let config = config(StoreKind::Mysql, "unit3d", &database);
    let found = store_findings(&config).await;
    let note = "the checkpoint's table is made when `mika serve` starts";
    let others = remarkable(&found);
    let others: Vec<_> = others.iter().filter(|finding| finding.text != note).collect();
    // The zone of the machine that the test runs on.
    assert!(others.iter().all(|finding| finding.text.contains("time zone")), "{found:#?}");
    assert!(has(&found, Grade::Ok, "answers, as mika@"), "{found:#?}");
    assert!(has(&found, Grade::Ok, "statements of schema unit3d work"), "{found:#?}");
    assert!(has(&found, Grade::Ok, "sql_mode is strict"), "{found:#?}");
    assert!(has(&found, Grade::Ok, "at most 1801 seconds old"), "{found:#?}");
}

#[tokio::test]
async fn what_an_old_site_on_mariadb_risks_is_told() {
    let options =
        Options::mariadb().sql_mode(SqlMode::NotStrict).set("default_time_zone", "+02:00");
    let database = need!(mika_test_servers::shared(&options)).create_database();
    fixtures::GAZELLE_WCD.load(&database).unwrap();
    database.query("ALTER TABLE xbt_files_users ENGINE=Aria").unwrap();
    let mut config = config(StoreKind::Mysql, "gazelle-wcd", &database);
    config.tracker.interval_seconds = 3000;
    config.site.jitter_seconds = 700;
    let found = store_findings(&config).await;
    assert!(has(&found, Grade::Note, "time zone is +02:00, 7200 seconds ahead"), "{found:#?}");
    assert!(has(&found, Grade::Note, "sql_mode is not strict"), "{found:#?}");
    assert!(has(&found, Grade::Bad, "xbt_files_users is Aria"), "{found:#?}");
    let late = "older than 3600 seconds; the rows of live peers are at most 3701 seconds old";
    assert!(has(&found, Grade::Bad, late), "{found:#?}");
}

#[tokio::test]
async fn a_site_on_postgresql_is_looked_at_too() {
    let database = need!(mika_test_servers::shared(&Options::postgresql())).create_database();
    let config = config(StoreKind::Postgres, "mika", &database);
    let found = store_findings(&config).await;
    assert!(has(&found, Grade::Ok, "PostgreSQL "), "{found:#?}");
    assert!(has(&found, Grade::Note, "made when `mika serve` starts"), "{found:#?}");
    assert!(!found.iter().any(|finding| finding.grade == Grade::Bad), "{found:#?}");
}

#[tokio::test]
async fn a_database_that_is_not_there_and_a_schema_that_is_none_are_told_without_the_password() {
    let database = need!(mika_test_servers::shared(&Options::postgresql())).create_database();
    let mut config = config(StoreKind::Postgres, "mika", &database);
    let url = database.url().replace(database.name(), "no_such_database");
    config.store.url = Secret::new(url);
    let found = store_findings(&config).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(has(&found, Grade::Bad, "\"no_such_database\" does not exist"), "{found:#?}");
    assert!(!found[0].text.contains(database.endpoint().password()), "{found:#?}");
    config.store.schema = "phpbb".to_owned();
    let found = store_findings(&config).await;
    assert!(has(&found, Grade::Bad, "there is no schema phpbb"), "{found:#?}");
}

#[tokio::test]
async fn a_store_in_a_file_has_no_server_to_look_at() {
    assert_eq!(store_findings(&Config::default()).await, []);
}
