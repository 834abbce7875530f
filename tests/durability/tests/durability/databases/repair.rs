//! What goes wrong with a database while the tracker runs, and is put right by somebody.

use std::thread;
use std::time::Duration;

use mika_durability::tables::Tables;
use mika_test_servers::{Database, Kind, Options, Server, need};

use super::SMALL;
use crate::support::Stage;

const PASSWORD: &str = "secret-of-the-tracker";

/// A mishap: what somebody does, what the log says about it, and what puts it right.
struct Mishap {
    does: String,
    says: &'static [&'static str],
    repair: String,
}

#[test]
fn what_goes_wrong_with_postgresql_is_told_and_once_put_right_nothing_is_lost() {
    let server = need!(Server::start(&Options::postgresql()));
    prove(18, &server, "CREATE ROLE tracker LOGIN PASSWORD 'secret-of-the-tracker'", &|name| {
        let kill = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tracker'
             AND datname = '{name}';"
        );
        let password = |password: &str| format!("ALTER ROLE tracker PASSWORD '{password}';{kill}");
        vec![
            Mishap {
                does: password("another"),
                says: &["password authentication failed", "look at the user and password"],
                repair: password(PASSWORD),
            },
            Mishap {
                does: "REVOKE UPDATE ON users FROM tracker".to_owned(),
                says: &["permission denied for table users", "GRANT it"],
                repair: "GRANT UPDATE ON users TO tracker".to_owned(),
            },
            Mishap {
                does: "ALTER TABLE history RENAME TO historia".to_owned(),
                says: &["relation \"history\" does not exist"],
                repair: "ALTER TABLE historia RENAME TO history".to_owned(),
            },
            Mishap {
                does: "ALTER TABLE torrents RENAME COLUMN leechers TO leeches".to_owned(),
                says: &["column \"leechers\"", "does not exist"],
                repair: "ALTER TABLE torrents RENAME COLUMN leeches TO leechers".to_owned(),
            },
        ]
    });
}

#[test]
fn what_goes_wrong_with_mariadb_is_told_and_once_put_right_nothing_is_lost() {
    let server = need!(Server::start(&Options::mariadb()));
    let create = "CREATE USER tracker@'%' IDENTIFIED BY 'secret-of-the-tracker'";
    prove(19, &server, create, &|name| {
        let kill = "KILL USER tracker;";
        let password = |password: &str| {
            format!("SET PASSWORD FOR tracker@'%' = PASSWORD('{password}');{kill}")
        };
        vec![
            Mishap {
                does: password("another"),
                says: &["Access denied for user 'tracker'", "look at the user and password"],
                repair: password(PASSWORD),
            },
            Mishap {
                does: format!("REVOKE UPDATE ON {name}.* FROM tracker@'%';{kill}"),
                says: &["UPDATE command denied to user 'tracker'", "GRANT it"],
                repair: format!("GRANT UPDATE ON {name}.* TO tracker@'%';{kill}"),
            },
            Mishap {
                does: "RENAME TABLE history TO historia".to_owned(),
                says: &[".history' doesn't exist"],
                repair: "RENAME TABLE historia TO history".to_owned(),
            },
            Mishap {
                does: "ALTER TABLE torrents RENAME COLUMN leechers TO leeches".to_owned(),
                says: &["Unknown column 'torrents.leechers'"],
                repair: "ALTER TABLE torrents RENAME COLUMN leeches TO leechers".to_owned(),
            },
        ]
    });
}

fn prove(number: u16, server: &Server, create: &str, mishaps: &dyn Fn(&str) -> Vec<Mishap>) {
    let url = |database: &Database| {
        database.query(create).unwrap();
        let grant = match server.kind() {
            Kind::PostgreSql => format!(
                "GRANT ALL ON DATABASE {0} TO tracker; GRANT ALL ON SCHEMA public TO tracker",
                database.name()
            ),
            _ => format!("GRANT ALL ON {}.* TO tracker@'%'", database.name()),
        };
        database.query(&grant).unwrap();
        limited(&database.url())
    };
    let (stage, machines) = Stage::on_server(number, server, Tables::Mika, SMALL, url);
    let database = stage.database();
    let mut fleet = stage.fleet(machines);
    let tracker = stage.start();
    stage.announce_while(&mut fleet, || {
        for mishap in mishaps(database.name()) {
            thread::sleep(Duration::from_millis(300));
            let (before, answered) = (stage.site.log().len(), stage.clock.answered());
            database.query(&mishap.does).unwrap();
            for words in mishap.says {
                stage.wait_for_log(before, words);
            }
            stage.site.admin().wait_for("a lag that grows", |admin| {
                admin.stats().flush.lag_seconds > 0 && !admin.ready().ready
            });
            assert!(stage.clock.answered() > answered + 50, "announces have to go on");
            let told = stage.site.log().split_off(before);
            let told = told.lines().find(|line| line.contains(mishap.says[0]));
            println!("{}", told.unwrap_or_default());
            database.query(&mishap.repair).unwrap();
            stage.site.admin().wait_for("a store that takes batches", |admin| {
                let flush = admin.stats().flush;
                admin.ready().ready && flush.applied_batch_number + 3 > flush.last_batch_number
            });
        }
    });
    assert_eq!(stage.clock.lost(), 0, "no announce may fail");
    stage.assert_exact(&mut fleet, "after the repairs");
    assert!(!stage.site.log().contains(PASSWORD), "a password is in the log");
    stage.terminate(tracker);
}

/// The URL of the user that has only what it needs.
fn limited(url: &str) -> String {
    url.replace("mika:pass-of-the-test-servers", &format!("tracker:{PASSWORD}"))
}

#[test]
fn a_user_that_may_only_read_is_told_what_to_grant() {
    for options in [Options::postgresql(), Options::mariadb()] {
        let server = need!(Server::start(&options));
        let (stage, _) = Stage::on_server(20, &server, Tables::Mika, SMALL, Database::url);
        let database = stage.database();
        let grant = match server.kind() {
            Kind::PostgreSql => format!(
                "CREATE ROLE tracker LOGIN PASSWORD '{PASSWORD}';
                 GRANT SELECT ON ALL TABLES IN SCHEMA public TO tracker"
            ),
            _ => format!(
                "CREATE USER tracker@'%' IDENTIFIED BY '{PASSWORD}';
                 GRANT SELECT ON {}.* TO tracker@'%'",
                database.name()
            ),
        };
        database.query(&grant).unwrap();
        stage.site.change_config(&database.url(), &limited(&database.url()));
        let (status, words) = stage.site.start_that_fails();
        println!("{status}: {words}");
        assert_eq!(status.code(), Some(1), "{words}");
        assert!(words.contains("GRANT it"), "{words}");
        let table = if server.kind() == Kind::PostgreSql { "mika_checkpoint" } else { "torrents" };
        assert!(words.contains(table), "{words}");
        assert!(!words.contains(PASSWORD), "a password is in the log");
    }
}
