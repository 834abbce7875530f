//! What is said of a URL that is no database's, and of a database that does not answer.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, which may fail")]

use std::net::TcpListener;

use mika_store::schema::{Dialect, Schema};
use mika_store::{MysqlStore, PostgresStore, RedisStore, Store, StoreError};

/// What no text may have.
const PASSWORD: &str = "s3cret";

fn schema(dialect: Dialect) -> Schema {
    Schema::open("mika", dialect, &Default::default()).unwrap()
}

fn broken(looked_at: Result<(), StoreError>) -> String {
    match looked_at {
        Err(StoreError::Broken(text)) => {
            for part in [PASSWORD, "12/34", "pa@"] {
                assert!(!text.contains(part), "{text}");
            }
            text
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_url_of_another_kind_is_told_what_it_must_begin_with() {
    let schemes = ["", "http://", "redis://", "ftp://", "s3cret://"];
    for scheme in schemes.into_iter().chain(["postgres://", "postgresql://"]) {
        let url = format!("{scheme}user:{PASSWORD}@localhost/site");
        let text = broken(MysqlStore::check_url(&url));
        assert!(text.contains("must begin with mysql:// or mariadb://"), "{text}");
        assert!(text.contains("as in mysql://user:password@localhost/site"), "{text}");
    }
    for scheme in schemes.into_iter().chain(["mysql://", "mariadb://"]) {
        let url = format!("{scheme}user:{PASSWORD}@localhost/site");
        let text = broken(PostgresStore::check_url(&url));
        assert!(text.contains("must begin with postgres:// or postgresql://"), "{text}");
        assert!(text.contains("as in postgres://user:password@localhost/site"), "{text}");
    }
    let text = broken(MysqlStore::check_url("postgres://localhost/site"));
    assert!(text.contains("mariadb://, not with postgres://, as in"), "{text}");
    for url in [PASSWORD, "", "mysql:user", "mysql/user"] {
        let text = broken(MysqlStore::check_url(url));
        assert!(text.contains("must begin with mysql:// or mariadb://, as in"), "{text}");
        assert!(text.contains("percent-encode special characters in the password"), "{text}");
    }
    broken(RedisStore::check_url("http://:s3cret@localhost"));
}

#[test]
fn a_password_that_was_not_encoded_is_told_how_to_be_written_and_not_shown() {
    for (password, what) in [
        ("s3cret/word", "invalid port number"),
        ("12/34", "an @ behind the host"),
        ("12#s3cret", "an @ behind the host"),
        ("12?s3cret", "an @ behind the host"),
        ("pa@ss/s3cret", "an @ behind the host"),
    ] {
        let rest = format!("://user:{password}@localhost/site");
        for text in [
            broken(MysqlStore::check_url(&format!("mysql{rest}"))),
            broken(PostgresStore::check_url(&format!("postgres{rest}"))),
        ] {
            assert!(text.contains("percent-encode special characters in the password"), "{text}");
            assert!(text.contains("user:pass%2Fword@localhost/site"), "{text}");
            assert!(text.contains(what) || password.contains("s3cret/"), "{text}");
        }
    }
}

#[test]
fn a_url_without_a_database_is_told_where_to_put_it() {
    for url in ["mysql://user:s3cret@localhost", "mariadb://user:s3cret@localhost:3306/"] {
        let text = broken(MysqlStore::check_url(url));
        assert_eq!(
            text,
            "store.url names no database: put it at the end, as in \
             mysql://user:password@localhost/site"
        );
    }
}

#[test]
fn good_urls_are_good() {
    for url in [
        "mysql://user:pass%2Fword@localhost/site",
        "mysql://user:p@ss@localhost:3306/site",
        "MariaDB://user@[::1]/site?ssl-mode=REQUIRED",
        "mysql:///site?socket=/run/mysqld/mysqld.sock",
    ] {
        MysqlStore::check_url(url).unwrap();
    }
    for url in [
        "postgres://user:pass%2Fword@localhost/site",
        "postgresql:///site?host=/run/postgresql&user=mika",
        " postgres://%2Frun%2Fpostgresql/site\n",
    ] {
        PostgresStore::check_url(url).unwrap();
    }
    RedisStore::check_url("redis+unix:///run/redis.sock").unwrap();
}

/// A port that nobody listens on.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn refused(asked: Result<(), StoreError>) {
    match asked {
        Err(StoreError::Unavailable(text)) => {
            assert!(text.contains("Connection refused"), "{text}");
            assert!(text.contains("is the server running") && !text.contains(PASSWORD), "{text}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_told_with_its_reason() {
    let rest = format!("://user:{PASSWORD}@{}/site", nobody());
    let mysql = MysqlStore::connect(&format!("mysql{rest}"), schema(Dialect::Mysql)).unwrap();
    let postgres =
        PostgresStore::connect(&format!("postgres{rest}"), schema(Dialect::Postgres)).unwrap();
    refused(mysql.check(1_700_000_000).await.map(drop));
    refused(postgres.check(1_700_000_000).await.map(drop));
    // These wait for a connection of the pool, which may come.
    let (one, other) = tokio::join!(mysql.checkpoint(), postgres.checkpoint());
    refused(one.map(drop));
    refused(other.map(drop));
}
