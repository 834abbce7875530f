use std::collections::BTreeMap;

use mika_core::batch::{
    HistoryRow, RegisteredRow, SessionRow, SnatchRow, TokenUseRow, TorrentRow, Traffic,
    UnregisteredRow, UserRow,
};
use mika_protocol::InfoHash;

use super::*;

#[test]
fn a_flush_statement_names_the_columns_of_its_rows() {
    let statement = FlushStatement::new(
        "-- {{rows}} in a comment\nSELECT d.b FROM {{rows}} AS d",
        Dialect::Sqlite,
    );
    assert_eq!(
        statement.text(&[Column::integer("a"), Column::integer("b")], 2),
        "SELECT d.b FROM (SELECT column1 AS a,column2 AS b FROM (VALUES (?,?),(?,?))) AS d"
    );
}

#[test]
fn comments_are_not_sent() {
    assert_eq!(Statement::new("-- one\nSELECT 1\n  -- two\nFROM t\n").text(), "SELECT 1\nFROM t");
}

#[test]
fn a_row_has_one_value_per_column() {
    fn count<R: FlushRow>(row: &R) -> usize {
        let mut values = Vec::new();
        row.values(&mut values);
        values.len()
    }
    let traffic = Traffic::default();
    let user =
        UserRow { user_id: 1, traffic, seed_seconds: 0, snatches: 0, announced_at_seconds: 0 };
    let (torrent, history) = (TorrentRow::default(), HistoryRow::default());
    let registered =
        RegisteredRow { torrent_id: 1, info_hash: InfoHash([7; 20]), registered_at_seconds: 0 };
    let session = SessionRow::new(1, InfoHash([7; 20]), 1, 1);
    let snatch = SnatchRow { user_id: 1, torrent_id: 1, snatched_at_seconds: 1, address: None };
    let token_use = TokenUseRow { user_id: 1, torrent_id: 1, downloaded_raw: 1, finished: true };
    let unregistered =
        UnregisteredRow { user_id: 1, info_hash: InfoHash([7; 20]), announced_at_seconds: 1 };
    assert_eq!(count(&registered), RegisteredRow::COLUMNS.len());
    assert_eq!(count(&session), SessionRow::COLUMNS.len());
    assert_eq!(count(&snatch), SnatchRow::COLUMNS.len());
    assert_eq!(count(&token_use), TokenUseRow::COLUMNS.len());
    assert_eq!(count(&unregistered), UnregisteredRow::COLUMNS.len());
    assert_eq!(count(&user), UserRow::COLUMNS.len());
    assert_eq!(count(&torrent), TorrentRow::COLUMNS.len());
    assert_eq!(count(&history), HistoryRow::COLUMNS.len());
}

#[test]
fn a_row_ends_at_the_largest_integer() {
    let traffic = Traffic { uploaded_raw: u64::MAX, ..Traffic::default() };
    let row = UserRow {
        user_id: 7,
        traffic,
        seed_seconds: u64::MAX,
        snatches: 2,
        announced_at_seconds: 3,
    };
    let mut values = Vec::new();
    row.values(&mut values);
    assert_eq!(values, [7, i64::MAX, 0, 0, 0, i64::MAX, 2, 3].map(Value::Integer));
}

#[test]
fn each_dialect_expands_the_rows_its_own_way() {
    let columns = [Column::integer("a"), Column::bytes("b"), Column::text("c")];
    let text = |dialect| FlushStatement::new("{{rows}}", dialect).text(&columns, 2);
    assert_eq!(
        text(Dialect::Postgres),
        "(SELECT * FROM unnest($1::bigint[],$2::bytea[],$3::text[]) AS batch (a,b,c))"
    );
    assert_eq!(
        text(Dialect::Mysql),
        "(SELECT a,UNHEX(b) AS b,c FROM JSON_TABLE(?, '$[*]' COLUMNS (a BIGINT PATH '$[0]',\
         b VARCHAR(64) CHARACTER SET ascii PATH '$[1]',\
         c VARCHAR(255) CHARACTER SET utf8mb4 PATH '$[2]')) AS batch)"
    );
}

#[test]
fn values_are_numbered_where_the_dialect_wants_it() {
    let text = "SELECT a FROM t WHERE a = ? AND b = ?";
    assert_eq!(
        Statement::portable(text, Dialect::Postgres).text(),
        "SELECT a FROM t WHERE a = $1 AND b = $2"
    );
    assert_eq!(Statement::portable(text, Dialect::Mysql).text(), text);
}

#[test]
fn every_preset_is_whole_in_each_of_its_dialects() {
    let mut seen = 0;
    for (preset, dialects) in folder::presets() {
        assert!(!dialects.is_empty(), "{preset}");
        for dialect in dialects {
            Schema::open(&preset, dialect, &BTreeMap::new()).unwrap();
            seen += 1;
        }
    }
    assert!(seen >= 3, "{seen}");
}

fn files(changes: &[(&str, Option<&str>)]) -> Files {
    let mut files = folder::embedded("mika", Dialect::Sqlite).unwrap();
    for (name, text) in changes {
        match text {
            Some(text) => files.0.insert((*name).to_owned(), (*text).to_owned()),
            None => files.0.remove(*name),
        };
    }
    files
}

fn error_of(changes: &[(&str, Option<&str>)]) -> String {
    let schema = Schema::from_files("odd", Dialect::Sqlite, &files(changes), &BTreeMap::new());
    schema.unwrap_err().to_string()
}

#[test]
fn what_is_wrong_with_a_folder_is_said() {
    assert_eq!(
        error_of(&[("users.load.sql", None)]),
        "schema odd has no users.load.sql: every schema needs it"
    );
    assert_eq!(
        error_of(&[("user.flush.sql", Some("SELECT 1"))]),
        "schema odd: nothing reads user.flush.sql; the names are listed in docs/schema.md"
    );
    assert_eq!(
        error_of(&[("users.flush.sql", Some("UPDATE users SET uploaded = 1"))]),
        "schema odd: users.flush.sql: {{rows}} stands in it 0 times, not 1"
    );
    assert_eq!(
        error_of(&[("users.load.sql", Some("SELECT * FROM {{people}}"))]),
        "schema odd: users.load.sql: nothing is known to put in place of {{people}}"
    );
    assert_eq!(
        error_of(&[("schema.toml", Some("dialect = \"mysql\"\ntitle = \"x\""))]),
        "schema odd is written for mysql, and the store is sqlite"
    );
}

#[test]
fn a_name_can_be_given_by_the_configuration() {
    let manifest = "dialect = \"sqlite\"\ntitle = \"x\"\n[names]\npeople = \"users\"\n";
    let files = files(&[
        ("schema.toml", Some(manifest)),
        ("users.load.sql", Some("SELECT * FROM {{people}}")),
    ]);
    let open = |names: &[(&str, &str)]| {
        let names = names.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Schema::from_files("odd", Dialect::Sqlite, &files, &names)
    };
    assert_eq!(open(&[]).unwrap().loads.users.text(), "SELECT * FROM users");
    let other = open(&[("people", "bb_users")]).unwrap();
    assert_eq!(other.loads.users.text(), "SELECT * FROM bb_users");
    assert!(open(&[("people", "users; DROP TABLE x")]).is_err());
    assert!(open(&[("person", "users")]).is_err());
}
