//! UNIT3D's tables.

use super::{BEFORE_BYTES, FIRST_ID, PROBE_PASSKEY, Rows, live, peer};
use crate::model::{Machine, Percents, Population, Terms};

pub(super) const TERMS: Terms = Terms {
    roles: &[("user", Percents::NORMAL), ("internal", Percents { upload: 200, download: 0 })],
    torrents: &[
        Percents::NORMAL,
        Percents { upload: 200, download: 100 },
        Percents { upload: 100, download: 0 },
        Percents { upload: 100, download: 50 },
    ],
    token: Percents { upload: 100, download: 0 },
    has_hybrids: false,
};

pub(super) const QUERIES: [&str; 4] = [
    "SELECT CONCAT('user ', id), CONCAT_WS(' ', uploaded, downloaded)
     FROM users WHERE id >= 1000",
    "SELECT CONCAT('torrent ', id), CONCAT_WS(' ', seeders, leechers, times_completed, balance)
     FROM torrents WHERE id >= 1000",
    "SELECT CONCAT('history ', user_id, ' ', torrent_id), CONCAT_WS(' ', uploaded, downloaded,
         actual_uploaded, actual_downloaded, active, completed_at IS NOT NULL)
     FROM history WHERE user_id >= 1000",
    "SELECT CONCAT('peer ', user_id, ' ', torrent_id, ' ', LOWER(HEX(peer_id))),
         CONCAT_WS(' ', uploaded, downloaded, `left`, active) FROM peers WHERE user_id >= 1000",
];

/// The statements that add everybody.
pub(super) fn rows(population: &Population) -> String {
    let mut sql = format!(
        "INSERT INTO users (id, username, email, password, passkey, rsskey, group_id) VALUES
         (999, 'probe', 'probe', '', '{PROBE_PASSKEY}', 'probe', 3);"
    );
    for (number, user) in population.users.iter().enumerate() {
        let group = [3, 19][user.role];
        sql += &format!(
            "INSERT INTO users (id, username, email, password, passkey, rsskey, group_id,
                 uploaded, downloaded)
             VALUES ({id}, '{name}', '{name}', '', '{passkey}', '{name}', {group}, {BEFORE_BYTES},
                 {BEFORE_BYTES});",
            id = number + FIRST_ID,
            name = user.name,
            passkey = user.passkey
        );
    }
    for (number, torrent) in population.torrents.iter().enumerate() {
        sql += &format!(
            "INSERT INTO torrents (id, name, description, file_name, num_file, size, user_id,
                 info_hash, status, free, doubleup)
             VALUES ({}, 't', '', 't', 1, 1, 1, x'{}', 1, {}, {});",
            number + FIRST_ID,
            torrent.info_hash,
            100 - torrent.percents.download,
            u8::from(torrent.percents.upload == 200),
        );
    }
    for (user, torrent, _) in &population.tokens {
        let (user, torrent) = (user + FIRST_ID, torrent + FIRST_ID);
        sql += &format!(
            "INSERT INTO freeleech_tokens (user_id, torrent_id) VALUES ({user}, {torrent});"
        );
    }
    sql
}

/// What the tables have to say.
pub(super) fn expected(population: &Population, machines: &[&Machine]) -> Rows {
    let totals = population.totals(machines.iter().copied());
    let mut rows = Rows::new();
    for (number, user) in population.users.iter().enumerate() {
        let amounts = totals.users[&user.name];
        let (up, down) = (BEFORE_BYTES + amounts.uploaded, BEFORE_BYTES + amounts.downloaded);
        rows.insert(format!("user {}", number + FIRST_ID), format!("{up} {down}"));
        for (at, torrent) in population.torrents.iter().enumerate() {
            let key = (user.name.clone(), torrent.info_hash);
            let Some(history) = totals.history.get(&key) else { continue };
            let sum = history.amounts;
            let (active, complete) = (u8::from(history.active), u8::from(sum.snatches > 0));
            rows.insert(
                format!("history {} {}", number + FIRST_ID, at + FIRST_ID),
                format!(
                    "{} {} {} {} {active} {complete}",
                    sum.uploaded, sum.downloaded, sum.uploaded_raw, sum.downloaded_raw
                ),
            );
        }
    }
    for (number, torrent) in population.torrents.iter().enumerate() {
        let totals = totals.torrents[&torrent.info_hash];
        let sum = totals.amounts;
        let balance = i128::from(sum.uploaded_raw) - i128::from(sum.downloaded_raw);
        let (seeders, leechers) = (totals.seeders, totals.leechers);
        rows.insert(
            format!("torrent {}", number + FIRST_ID),
            format!("{seeders} {leechers} {} {balance}", sum.snatches),
        );
    }
    rows.extend(live(machines).map(|(user, torrent, seat)| {
        let is = format!("{} {} {} 1", seat.uploaded, seat.downloaded, seat.left);
        (peer(user, torrent, seat), is)
    }));
    rows
}
