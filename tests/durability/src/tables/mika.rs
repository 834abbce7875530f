//! The tracker's own tables.

use mika_protocol::InfoHash;
use mika_test_servers::{Database, Kind};

use crate::driver::Probe;
use crate::model::{Amounts, HistoryTotals, TorrentTotals, Totals};

const AMOUNTS: &str = "uploaded, downloaded, uploaded_raw, downloaded_raw, snatches";

/// Everything that they say.
pub(super) fn totals(database: &Database) -> Totals {
    let probe = Probe::USER;
    let hash = match database.endpoint().kind() {
        Kind::PostgreSql => "encode(t.info_hash, 'hex')",
        _ => "LOWER(HEX(t.info_hash))",
    };
    let mut totals = Totals::default();
    for row in rows(database, &format!("SELECT name, {AMOUNTS} FROM users WHERE name <> '{probe}'"))
    {
        totals.users.insert(row[0].clone(), amounts(&row[1..]));
    }
    let torrents = format!("SELECT {hash}, {AMOUNTS}, seeders, leechers FROM torrents AS t");
    for row in rows(database, &torrents) {
        let (seeders, leechers) = (number(&row[6]), number(&row[7]));
        let torrent = TorrentTotals { amounts: amounts(&row[1..]), seeders, leechers };
        totals.torrents.insert(info_hash(&row[0]), torrent);
    }
    let columns = AMOUNTS.replace(", ", ", h.");
    let history = format!(
        "SELECT u.name, {hash}, h.{columns}, h.active FROM history AS h
         JOIN users AS u ON u.id = h.user_id JOIN torrents AS t ON t.id = h.torrent_id
         WHERE u.name <> '{probe}'"
    );
    for row in rows(database, &history) {
        let history = HistoryTotals { amounts: amounts(&row[2..]), active: number(&row[7]) == 1 };
        totals.history.insert((row[0].clone(), info_hash(&row[1])), history);
    }
    totals
}

fn rows(database: &Database, query: &str) -> Vec<Vec<String>> {
    let text = database.query(query).expect("the tables can be read");
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn amounts(columns: &[String]) -> Amounts {
    Amounts {
        uploaded: number(&columns[0]),
        downloaded: number(&columns[1]),
        uploaded_raw: number(&columns[2]),
        downloaded_raw: number(&columns[3]),
        snatches: number(&columns[4]),
    }
}

fn number(text: &str) -> u64 {
    text.parse().expect("no total is negative")
}

fn info_hash(hexadecimal: &str) -> InfoHash {
    InfoHash(std::array::from_fn(|at| {
        u8::from_str_radix(&hexadecimal[2 * at..2 * at + 2], 16).expect("hexadecimal digits")
    }))
}
