use mika_core::batch::{HistoryRow, RegisteredRow, TorrentRow, Traffic, UserRow};
use mika_protocol::InfoHash;

use super::*;

#[test]
fn a_flush_statement_names_the_columns_of_its_rows() {
    let statement = FlushStatement::new(
        "-- {{rows}} in a comment\nSELECT d.b FROM {{rows}} AS d",
        Dialect::Sqlite,
    );
    assert_eq!(
        statement.text(&["a", "b"], 2),
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
    let torrent = TorrentRow {
        torrent_id: 1,
        traffic,
        snatches: 0,
        seeders: 0,
        leechers: 0,
        announced_at_seconds: 0,
        ..TorrentRow::default()
    };
    let history = HistoryRow {
        user_id: 1,
        torrent_id: 1,
        traffic,
        seed_seconds: 0,
        snatches: 0,
        left_bytes: 0,
        active: false,
        announced_at_seconds: 0,
        ..HistoryRow::default()
    };
    let registered =
        RegisteredRow { torrent_id: 1, info_hash: InfoHash([7; 20]), registered_at_seconds: 0 };
    assert_eq!(count(&registered), RegisteredRow::COLUMNS.len());
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
fn every_embedded_flush_statement_has_its_rows_once() {
    let schema = Schema::mika_sqlite();
    let statements = [
        &schema.registered_flush,
        &schema.users_flush,
        &schema.torrents_flush,
        &schema.history_flush,
    ];
    for statement in statements {
        let text = statement.text(&["only"], 1);
        assert_eq!(text.matches("(VALUES (?))").count(), 1, "{text}");
        assert!(!text.contains("{{"), "{text}");
    }
}
