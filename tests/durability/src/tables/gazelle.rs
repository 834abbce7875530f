//! The tables of Orpheus' Gazelle.

use super::{BEFORE_BYTES, FIRST_ID, PROBE_PASSKEY, Rows, live, peer};
use crate::model::{Machine, Percents, Population, Terms};

pub(super) const TERMS: Terms = Terms {
    roles: &[("user", Percents::NORMAL)],
    torrents: &[
        Percents::NORMAL,
        Percents { upload: 100, download: 0 },
        Percents { upload: 0, download: 0 },
    ],
    token: Percents { upload: 100, download: 0 },
    has_hybrids: false,
};

pub(super) const QUERIES: [&str; 5] = [
    "SELECT CONCAT('user ', UserID), CONCAT_WS(' ', Uploaded, Downloaded)
     FROM users_leech_stats WHERE UserID >= 1000",
    "SELECT CONCAT('torrent ', TorrentID), CONCAT_WS(' ', Seeders, Leechers, Snatched, Balance)
     FROM torrents_leech_stats WHERE TorrentID >= 1000",
    "SELECT CONCAT('snatched ', uid, ' ', fid), COUNT(*)
     FROM xbt_snatched WHERE uid >= 1000 GROUP BY uid, fid",
    "SELECT CONCAT('token ', UserID, ' ', TorrentID), Downloaded
     FROM users_freeleeches WHERE UserID >= 1000",
    "SELECT CONCAT('peer ', uid, ' ', fid, ' ', LOWER(HEX(peer_id))),
         CONCAT_WS(' ', uploaded, downloaded, remaining, active)
     FROM xbt_files_users WHERE uid >= 1000",
];

/// The statements that add everybody.
pub(super) fn rows(population: &Population) -> String {
    let user = |id: usize, name: &str, passkey: &str, before: u64| {
        format!(
            "INSERT INTO users_main (ID, Username, Email, PassHash, Enabled, Visible, PermissionID,
                 torrent_pass, auth_key, stylesheet_id)
             VALUES ({id}, '{name}', '', '', '1', '1', 2, '{passkey}', '', 1);
             INSERT INTO users_leech_stats VALUES ({id}, {before}, {before});"
        )
    };
    let mut sql = user(999, "probe", PROBE_PASSKEY, 0);
    sql += "INSERT INTO xbt_client_whitelist (peer_id, vstring) VALUES ('-MK', 'probe');";
    for (number, person) in population.users.iter().enumerate() {
        sql += &user(number + FIRST_ID, &person.name, &person.passkey, BEFORE_BYTES);
    }
    for (number, torrent) in population.torrents.iter().enumerate() {
        let id = number + FIRST_ID;
        let free = match (torrent.percents.upload, torrent.percents.download) {
            (0, _) => 2,
            (_, 0) => 1,
            _ => 0,
        };
        sql += &format!(
            "INSERT INTO torrents (ID, GroupID, UserID, info_hash, FileCount, FileList, Size,
                 FreeTorrent)
             VALUES ({id}, 1, 1, x'{}', 1, 't', 1, '{free}');
             INSERT INTO torrents_leech_stats (TorrentID) VALUES ({id});",
            torrent.info_hash
        );
    }
    for (user, torrent, _) in &population.tokens {
        let (user, torrent) = (user + FIRST_ID, torrent + FIRST_ID);
        sql += &format!(
            "INSERT INTO users_freeleeches (UserID, TorrentID, Time)
             VALUES ({user}, {torrent}, NOW());"
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
            let snatches = totals.history.get(&key).map_or(0, |history| history.amounts.snatches);
            if snatches > 0 {
                let of = format!("snatched {} {}", number + FIRST_ID, at + FIRST_ID);
                rows.insert(of, snatches.to_string());
            }
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
    for (user, torrent, _) in &population.tokens {
        let key = (population.users[*user].name.clone(), population.torrents[*torrent].info_hash);
        let history = totals.history.get(&key).map(|history| history.amounts);
        let downloaded = history.unwrap_or_default().downloaded_raw;
        let of = format!("token {} {}", user + FIRST_ID, torrent + FIRST_ID);
        rows.insert(of, downloaded.to_string());
    }
    rows.extend(live(machines).map(|(user, torrent, seat)| {
        let is = format!("{} {} {} 1", seat.uploaded, seat.downloaded, seat.left);
        (peer(user, torrent, seat), is)
    }));
    rows
}
