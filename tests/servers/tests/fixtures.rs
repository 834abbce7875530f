//! The tables of the sites: every server and mode that can take them does, and they behave as those
//! of the sites do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use mika_test_servers::fixtures::{ALL, Fixture, GAZELLE_OPS, GAZELLE_WCD, UNIT3D, XBT_G2, XBT_G3};
use mika_test_servers::{Database, Options, SqlMode, found, shared};

/// A database with the fixture in it, if the server is installed.
fn loaded(fixture: Fixture, options: Options) -> Option<Database> {
    let database = found(shared(&options))?.create_database();
    fixture.load(&database).unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
    Some(database)
}

fn modes(strictest: SqlMode) -> &'static [SqlMode] {
    match strictest {
        SqlMode::Strict => &[SqlMode::Strict],
        SqlMode::StrictButZeroDates => &[SqlMode::StrictButZeroDates, SqlMode::NotStrict],
        SqlMode::NotStrict => &[SqlMode::NotStrict],
    }
}

/// The tables by name, each with its number of rows.
fn row_counts(database: &Database) -> Vec<(String, usize)> {
    let tables = database.query("SHOW TABLES").unwrap();
    let count = |table: &str| {
        let rows = database.query(&format!("SELECT COUNT(*) FROM `{table}`")).unwrap();
        (table.to_owned(), rows.parse().unwrap())
    };
    let mut counts: Vec<_> = tables.lines().map(count).collect();
    counts.sort();
    counts
}

fn assert_counts(fixture: Fixture, expected: &[(&str, usize)]) {
    let expected: Vec<_> =
        expected.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect();
    for mode in modes(fixture.strictest) {
        for options in [Options::mariadb(), Options::mysql()] {
            let options = options.sql_mode(*mode);
            if let Some(database) = loaded(fixture, options) {
                assert_eq!(row_counts(&database), expected, "{database:?} {mode:?}");
            }
        }
    }
}

#[test]
fn unit3d_has_its_tables_and_rows() {
    let expected = [
        ("announces", 0),
        ("blacklist_clients", 1),
        ("categories", 0),
        ("featured_torrents", 1),
        ("freeleech_tokens", 1),
        ("groups", 6),
        ("history", 2),
        ("peers", 3),
        ("personal_freeleeches", 1),
        ("resolutions", 0),
        ("torrents", 12),
        ("types", 0),
        ("unregistered_info_hashes", 0),
        ("users", 11),
    ];
    assert_counts(UNIT3D, &expected);
}

#[test]
fn gazelle_of_orpheus_has_its_tables_and_rows() {
    let expected = [
        ("torrents", 4),
        ("torrents_group", 1),
        ("torrents_leech_stats", 4),
        ("users_freeleeches", 1),
        ("users_leech_stats", 5),
        ("users_main", 5),
        ("xbt_client_whitelist", 2),
        ("xbt_files_history", 0),
        ("xbt_files_users", 0),
        ("xbt_snatched", 0),
    ];
    assert_counts(GAZELLE_OPS, &expected);
}

#[test]
fn gazelle_of_what_cd_has_its_tables_and_rows_in_modes_with_dates_of_zero() {
    let expected = [
        ("torrents", 4),
        ("users_freeleeches", 1),
        ("users_main", 5),
        ("xbt_client_whitelist", 2),
        ("xbt_files_users", 0),
        ("xbt_snatched", 0),
    ];
    assert_counts(GAZELLE_WCD, &expected);
}

#[test]
fn both_xbt_have_their_tables_and_rows() {
    let g2 = [
        ("xbt_announce_log", 0),
        ("xbt_config", 0),
        ("xbt_files", 2),
        ("xbt_files_users", 0),
        ("xbt_scrape_log", 0),
        ("xbt_users", 4),
    ];
    assert_counts(XBT_G2, &g2);
    let g3 = [
        ("xbt_announce_log", 0),
        ("xbt_config", 0),
        ("xbt_peers", 0),
        ("xbt_scrape_log", 0),
        ("xbt_torrents", 2),
        ("xbt_users", 4),
    ];
    assert_counts(XBT_G3, &g3);
}

#[test]
fn only_gazelle_of_what_cd_is_refused_in_strict_mode() {
    for fixture in ALL {
        let Some(server) = found(shared(&Options::mariadb())) else { return };
        let result = server.create_database().query(fixture.tables);
        if fixture == GAZELLE_WCD {
            assert!(result.unwrap_err().message.contains("ERROR 1067"));
        } else {
            assert_eq!(result.unwrap(), "", "{}", fixture.name);
        }
    }
}

fn error_of(database: &Database, statement: &str) -> String {
    database.query(statement).unwrap_err().message
}

#[test]
fn the_rows_of_unit3d_are_those_of_its_description() {
    let Some(database) = loaded(UNIT3D, Options::mariadb()) else { return };
    let ask = |statement: &str| database.query(statement).unwrap();
    assert_eq!(
        ask("SELECT HEX(info_hash), seeders, leechers, times_completed FROM torrents WHERE id=101"),
        "0000000000000000000000000000000000000065\t7\t7\t3"
    );
    assert_eq!(
        ask("SELECT passkey, group_id, uploaded FROM users WHERE id=13"),
        "00000000000000000000000000000013\t15\t1000"
    );
    assert_eq!(ask("SELECT id FROM users WHERE can_download=0 ORDER BY id"), "14\n17");
    assert_eq!(ask("SELECT id FROM users WHERE is_donor=1"), "18");
    assert_eq!(ask("SELECT id FROM torrents WHERE deleted_at IS NOT NULL"), "107");
    assert_eq!(
        ask("SELECT id, status FROM torrents WHERE status<>1 ORDER BY id"),
        "104\t0\n105\t2\n106\t3"
    );
    assert_eq!(
        ask("SELECT user_id, LENGTH(ip), INET6_NTOA(ip), active FROM peers ORDER BY user_id"),
        "11\t4\t10.0.0.1\t1\n15\t4\t10.0.0.3\t0\n19\t16\t2001:db8::1\t1"
    );
    let age = "SELECT user_id, TIMESTAMPDIFF(SECOND, updated_at, NOW()) DIV 1000 FROM history \
               ORDER BY user_id";
    assert_eq!(ask(age), "11\t2\n19\t20");
}

#[test]
fn unit3d_refuses_peers_of_nobody_and_deletes_those_of_a_deleted_torrent() {
    let Some(database) = loaded(UNIT3D, Options::mariadb()) else { return };
    let orphan = "INSERT INTO peers SELECT peer_id, ip, port, agent, uploaded, downloaded, `left`, \
                  seeder, created_at, updated_at, 999, user_id, connectable, active, visible \
                  FROM peers LIMIT 1";
    assert!(error_of(&database, orphan).contains("ERROR 1452"));
    database.query("DELETE FROM torrents WHERE id=101").unwrap();
    assert_eq!(database.query("SELECT COUNT(*) FROM peers").unwrap(), "0");
    assert_eq!(database.query("SELECT COUNT(*) FROM history").unwrap(), "0");
}

#[test]
fn gazelle_of_orpheus_refuses_what_strict_mode_and_its_keys_refuse() {
    let Some(database) = loaded(GAZELLE_OPS, Options::mariadb()) else { return };
    let error = |statement| error_of(&database, statement);
    // No default for Time.
    let token = "INSERT INTO users_freeleeches (UserID, TorrentID, Downloaded) VALUES (1, 11, 5)";
    assert!(error(token).contains("ERROR 1364"));
    let stats = "INSERT INTO torrents_leech_stats (TorrentID) VALUES (99)";
    assert!(error(stats).contains("ERROR 1452"));
    let agent = "INSERT INTO xbt_files_users (uid, fid, useragent) VALUES (1, 10, REPEAT('x', 52))";
    assert!(error(agent).contains("ERROR 1406"));
    assert!(error("DELETE FROM torrents WHERE ID=10").contains("ERROR 1451"));
    database.query("DELETE FROM users_leech_stats WHERE UserID=4").unwrap();
    // A number compares with the index of an enum, a text with its value.
    assert_eq!(database.query("SELECT COUNT(*) FROM users_main WHERE Enabled=2").unwrap(), "4");
    assert_eq!(database.query("SELECT COUNT(*) FROM users_main WHERE Enabled='2'").unwrap(), "1");
    let hash = "SELECT TorrentID, Snatched, Balance FROM torrents JOIN torrents_leech_stats \
                ON TorrentID=ID WHERE info_hash=REPEAT('A', 20)";
    assert_eq!(database.query(hash).unwrap(), "10\t7\t555");
}

#[test]
fn gazelle_of_what_cd_makes_phantom_rows_unless_strict() {
    let insert = "INSERT INTO users_main (ID, Uploaded) VALUES (77, 5)";
    let options = Options::mariadb().sql_mode(SqlMode::StrictButZeroDates);
    let Some(strict) = loaded(GAZELLE_WCD, options) else { return };
    assert!(error_of(&strict, insert).contains("ERROR 1364"));
    let options = Options::mariadb().sql_mode(SqlMode::NotStrict);
    let not_strict = loaded(GAZELLE_WCD, options).unwrap();
    not_strict.query(insert).unwrap();
    let phantom = "SELECT Username, Uploaded, LastLogin FROM users_main WHERE ID=77";
    assert_eq!(not_strict.query(phantom).unwrap(), "\t5\t0000-00-00 00:00:00");
    // The enum's order: '1' comes first.
    assert_eq!(not_strict.query("SELECT Visible+0 FROM users_main WHERE ID=5").unwrap(), "2");
}

#[test]
fn xbt_knows_a_peer_by_torrent_and_user() {
    let insert = |table: &str, extra: &str| {
        format!("INSERT INTO {table} VALUES (1, 2, 1, {extra} 0, 10, 20, 30, UNIX_TIMESTAMP())")
    };
    let Some(g2) = loaded(XBT_G2, Options::mariadb()) else { return };
    g2.query(&insert("xbt_files_users", "0,")).unwrap();
    assert!(error_of(&g2, &insert("xbt_files_users", "0,")).contains("ERROR 1062"));
    let g3 = loaded(XBT_G3, Options::mariadb()).unwrap();
    g3.query(&insert("xbt_peers", "")).unwrap();
    assert!(error_of(&g3, &insert("xbt_peers", "")).contains("ERROR 1062"));
    let of_user = "SELECT downloaded, `left`, uploaded FROM xbt_peers WHERE uid=2";
    assert_eq!(g3.query(of_user).unwrap(), "10\t20\t30");
    let limits = "SELECT uid, can_leech, wait_time, peers_limit FROM xbt_users";
    assert_eq!(g2.query(limits).unwrap(), g3.query(limits).unwrap());
    assert_eq!(g3.query(limits).unwrap(), "1\t1\t0\t0\n2\t0\t0\t0\n3\t1\t3600\t0\n4\t1\t0\t1");
}
