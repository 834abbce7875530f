//! Gazelle: Orpheus' tables, and What.CD's.

use mika_core::site::Preset;
use mika_protocol::Event;
use mika_test_servers::{SqlMode, fixtures};

use super::site::{Client, Report, Setup, Site};

pub(super) const OPS: Setup = Setup {
    fixture: fixtures::GAZELLE_OPS,
    mode: SqlMode::Strict,
    schema: "gazelle",
    preset: Preset::Gazelle,
};

pub(super) const WCD: Setup = Setup {
    fixture: fixtures::GAZELLE_WCD,
    mode: SqlMode::StrictButZeroDates,
    schema: "gazelle-wcd",
    preset: Preset::GazelleWcd,
};

const WCD_NOT_STRICT: Setup = Setup { mode: SqlMode::NotStrict, ..WCD };

pub(super) const ALL: [Setup; 3] = [OPS, WCD, WCD_NOT_STRICT];

pub(super) const A: [u8; 20] = [b'A'; 20];
const B: [u8; 20] = [b'B'; 20];
const C: [u8; 20] = [b'C'; 20];
pub(super) const D: [u8; 20] = [b'D'; 20];

/// The site, or a return from the test if there is no MariaDB.
macro_rules! site {
    ($setup:expr) => {
        site!($setup, "")
    };
    ($setup:expr, $changes:expr) => {
        match Site::start_with($setup, $changes).await {
            Some(site) => site,
            None => return,
        }
    };
}

pub(super) fn client(letter: &str, name: &str, ip: &str) -> Client {
    Client::with_passkey(&letter.repeat(32), name, ip, 51413)
}

pub(super) fn alice() -> Client {
    client("a", "-qB4650-alice", "10.0.0.1")
}

pub(super) fn bob() -> Client {
    client("b", "-TR4000-bob", "10.0.0.2")
}

fn eve() -> Client {
    client("e", "-TR4000-eve", "10.0.0.5")
}

pub(super) fn report(uploaded: u64, downloaded: u64, left: u64) -> Report {
    Report { uploaded, downloaded, left, ..Report::default() }
}

pub(super) fn on(event: Event, report: Report) -> Report {
    Report { event, ..report }
}

/// Uploaded and downloaded of a user.
pub(super) fn totals(site: &Site, setup: Setup, user_id: u32) -> String {
    site.query(&match setup.schema {
        "gazelle" => {
            format!("SELECT Uploaded, Downloaded FROM users_leech_stats WHERE UserID = {user_id}")
        }
        _ => format!("SELECT Uploaded, Downloaded FROM users_main WHERE ID = {user_id}"),
    })
}

/// Seeders, leechers, snatches and balance of a torrent.
pub(super) fn counts(site: &Site, setup: Setup, torrent_id: u32) -> String {
    site.query(&match setup.schema {
        "gazelle" => format!(
            "SELECT Seeders, Leechers, Snatched, Balance FROM torrents_leech_stats
             WHERE TorrentID = {torrent_id}"
        ),
        _ => format!(
            "SELECT Seeders, Leechers, Snatched, balance FROM torrents WHERE ID = {torrent_id}"
        ),
    })
}

#[tokio::test]
async fn g1_the_start_loads_everybody_who_is_enabled_and_keeps_the_balance() {
    for setup in ALL {
        let mut site = site!(setup);
        assert_eq!((site.load.users, site.load.torrents), (4, 4));
        assert_eq!((site.load.tokens, site.load.client_rules, site.load.bad_rows), (1, 2, 0));
        assert_eq!(counts(&site, setup, 10), "0\t0\t7\t555");
        site.announce(&alice(), A, on(Event::Started, report(0, 0, 0))).unwrap();
        assert_eq!(site.flush().await.dead_letters, []);
        assert_eq!(counts(&site, setup, 10), "1\t0\t7\t555");
    }
}

#[tokio::test]
async fn g2_a_leecher_gets_the_seeder() {
    let mut site = site!(OPS);
    let answer = site.announce(&alice(), A, on(Event::Started, report(0, 0, 0))).unwrap();
    assert_eq!((answer.seeders, answer.leechers, answer.snatches), (1, 0, 7));
    assert!((1800..=2040).contains(&answer.interval_seconds), "{}", answer.interval_seconds);
    assert_eq!(answer.min_interval_seconds, 1800);
    assert!(site.peers.is_empty());
    let answer = site.announce(&bob(), A, report(0, 0, 1_000_000)).unwrap();
    assert_eq!((answer.seeders, answer.leechers), (1, 1));
    assert_eq!(site.peers.v4.len(), 6);
}

#[tokio::test]
async fn g5_g6_what_moves_is_added_and_speeds_are_those_of_the_last_interval() {
    for setup in ALL {
        let mut site = site!(setup);
        site.announce(&bob(), D, on(Event::Started, report(0, 0, 1_000_000))).unwrap();
        site.now_seconds += 2;
        site.announce(&bob(), D, report(1000, 400_000, 600_000)).unwrap();
        assert_eq!(site.flush().await.dead_letters, []);
        assert_eq!(totals(&site, setup, 2), "1000\t400000");
        let row = "SELECT announced, remaining, upspeed, downspeed, timespent, active, mtime, ip,
                       useragent, uploaded, downloaded
                   FROM xbt_files_users WHERE uid = 2 AND fid = 13";
        let now = site.now_seconds;
        let expected = format!(
            "2\t600000\t500\t200000\t2\t1\t{now}\t10.0.0.2\tqBittorrent/4.6.5\t1000\t400000"
        );
        assert_eq!(site.query(row), expected);
        assert_eq!(counts(&site, setup, 13), "0\t1\t0\t-399000");

        site.now_seconds += 2;
        site.announce(&bob(), D, report(1000, 400_000, 600_000)).unwrap();
        site.flush().await;
        let row = "SELECT announced, upspeed, downspeed, timespent FROM xbt_files_users
                   WHERE uid = 2 AND fid = 13";
        assert_eq!(site.query(row), "3\t0\t0\t4");
        assert_eq!(totals(&site, setup, 2), "1000\t400000");

        // The client began anew, and discards some of what comes.
        site.announce(&bob(), D, report(5, 100, 600_000)).unwrap();
        let discards = Report { corrupt: 50, ..report(5, 100_100, 500_000) };
        site.announce(&bob(), D, discards).unwrap();
        site.flush().await;
        assert_eq!(totals(&site, setup, 2), "1000\t500000");
        assert_eq!(counts(&site, setup, 13), "0\t1\t0\t-499050");
        let corrupt = site.query("SELECT corrupt FROM xbt_files_users WHERE uid = 2");
        assert_eq!(corrupt, "50");
    }
}

#[tokio::test]
async fn g5_nobody_has_seen_a_seeder_until_there_is_one() {
    let mut site = site!(OPS);
    let row = "SELECT COALESCE(UNIX_TIMESTAMP(last_action), 0) FROM torrents_leech_stats
               WHERE TorrentID = 13";
    site.announce(&bob(), D, report(0, 0, 1_000_000)).unwrap();
    site.flush().await;
    assert_eq!(site.query(row), "0");
    site.announce(&alice(), D, report(0, 0, 0)).unwrap();
    site.flush().await;
    assert_eq!(site.query(row), site.now_seconds.to_string());
}

#[tokio::test]
async fn g7_a_completion_is_one_snatch_and_a_stop_leaves_nobody() {
    for setup in ALL {
        let mut site = site!(setup);
        site.announce(&bob(), D, on(Event::Started, report(0, 0, 1_000_000))).unwrap();
        let done = on(Event::Completed, report(5, 600_100, 0));
        site.announce(&bob(), D, done).unwrap();
        let now = site.now_seconds;
        assert_eq!(site.flush().await.dead_letters, []);
        let snatches = "SELECT uid, fid, tstamp, IP FROM xbt_snatched";
        assert_eq!(site.query(snatches), format!("2\t13\t{now}\t10.0.0.2"));
        assert_eq!(counts(&site, setup, 13), format!("1\t0\t1\t{}", 5 - 600_100));
        site.now_seconds += 10;
        site.announce(&bob(), D, done).unwrap();
        site.announce(&bob(), D, on(Event::Stopped, report(105, 600_100, 0))).unwrap();
        site.flush().await;
        assert_eq!(site.query(snatches), format!("2\t13\t{now}\t10.0.0.2"));
        assert_eq!(totals(&site, setup, 2), "105\t600100");
        assert_eq!(site.query("SELECT active FROM xbt_files_users WHERE uid = 2"), "0");
        assert_eq!(counts(&site, setup, 13), format!("0\t0\t1\t{}", 105 - 600_100));
    }
}

#[tokio::test]
async fn g8_g9_free_counts_upload_only_and_neutral_counts_nothing() {
    for setup in ALL {
        let mut site = site!(setup);
        for hash in [B, C] {
            site.announce(&bob(), hash, report(0, 0, 1_000_000)).unwrap();
            site.announce(&bob(), hash, report(7, 1_000_000, 0)).unwrap();
        }
        site.flush().await;
        assert_eq!(totals(&site, setup, 2), "7\t0");
        // No event, no snatch.
        assert_eq!(counts(&site, setup, 11), "1\t0\t0\t-999993");
        assert_eq!(counts(&site, setup, 12), "1\t0\t0\t-999993");
        assert_eq!(site.query("SELECT COUNT(*) FROM xbt_snatched"), "0");
    }
}

#[tokio::test]
async fn g10_a_token_covers_the_download_and_is_done_with_it() {
    for setup in ALL {
        let mut site = site!(setup);
        let row = "SELECT Downloaded, Expired FROM users_freeleeches WHERE UserID = 2";
        site.announce(&bob(), A, report(0, 0, 1_000_000)).unwrap();
        site.announce(&bob(), A, report(9, 500_000, 500_000)).unwrap();
        assert_eq!(site.flush().await.dead_letters, []);
        assert_eq!(site.query(row), "500000\t0");
        site.announce(&bob(), A, on(Event::Completed, report(9, 1_000_000, 0))).unwrap();
        assert_eq!(site.flush().await.dead_letters, []);
        assert_eq!(totals(&site, setup, 2), "9\t0");
        assert_eq!(site.query(row), "1000000\t1");
    }
}

#[tokio::test]
async fn g11_the_address_of_a_user_who_hides_it_is_not_written() {
    for setup in ALL {
        let mut site = site!(setup);
        site.announce(&eve(), A, report(0, 0, 100)).unwrap();
        site.announce(&eve(), A, on(Event::Completed, report(0, 100, 0))).unwrap();
        assert_eq!(site.flush().await.dead_letters, []);
        assert_eq!(site.query("SELECT ip FROM xbt_files_users WHERE uid = 5"), "");
        assert_eq!(site.query("SELECT CONCAT('<', IP, '>') FROM xbt_snatched"), "<>");
        // Yet others are told of the peer.
        site.announce(&bob(), A, report(0, 0, 100)).unwrap();
        assert_eq!(site.peers.v4.len(), 6);
    }
}

#[tokio::test]
async fn g17_rows_that_do_not_fit_stop_nobody_elses() {
    for setup in ALL {
        let mut site = site!(setup);
        let agent = "a program with a name that is longer than fifty-one bytes!!!";
        let v6 = Client { ip: "2001:db8:1111:2222:3333:4444:5555:6666".parse().unwrap(), ..bob() };
        site.announce(&Client { agent, ..alice() }, D, report(0, 0, 0)).unwrap();
        site.announce(&v6, D, report(0, 0, 100)).unwrap();
        assert_eq!(site.flush().await.dead_letters, []);
        let rows = site.query("SELECT uid, LENGTH(useragent), ip FROM xbt_files_users ORDER BY 1");
        assert_eq!(rows, "1\t51\t10.0.0.1\n2\t17");
        assert_eq!(counts(&site, setup, 13), "1\t1\t0\t0");
    }
}

#[tokio::test]
async fn g17_g18_a_user_and_a_torrent_that_are_gone_leave_no_ghosts() {
    for setup in ALL {
        let mut site = site!(setup);
        site.announce(&alice(), D, report(0, 0, 0)).unwrap();
        site.announce(&bob(), D, report(0, 0, 100)).unwrap();
        site.flush().await;
        site.query(
            "SET FOREIGN_KEY_CHECKS = 0; DELETE FROM users_main WHERE ID = 1;
             DELETE FROM torrents WHERE ID = 10",
        );
        if setup.schema == "gazelle" {
            site.query(
                "DELETE FROM users_leech_stats WHERE UserID = 1;
                 DELETE FROM torrents_leech_stats WHERE TorrentID = 10",
            );
        }
        site.announce(&alice(), D, report(70, 0, 0)).unwrap();
        site.announce(&bob(), D, report(30, 60, 40)).unwrap();
        site.announce(&bob(), A, report(0, 0, 40)).unwrap();
        let letters = site.flush().await.dead_letters;
        let tables: Vec<_> = letters.iter().map(|letter| letter.table).collect();
        assert_eq!(tables, ["users", "torrents"], "{}", setup.schema);
        assert_eq!(totals(&site, setup, 2), "30\t60");
        assert_eq!(counts(&site, setup, 13), "1\t1\t0\t40");
        assert_eq!(site.query("SELECT COUNT(*) FROM users_main WHERE ID = 1"), "0");
        assert_eq!(site.query("SELECT COUNT(*) FROM torrents WHERE ID = 10"), "0");
        assert_eq!(site.query("SELECT COUNT(*) FROM users_main WHERE Username = ''"), "0");
    }
}

#[tokio::test]
async fn g20_a_tracker_that_takes_over_from_ocelot_credits_the_difference() {
    let mut site = site!(
        OPS,
        "INSERT INTO xbt_files_users (uid, fid, peer_id, active, announced, uploaded, downloaded,
             remaining, timespent, mtime, ip)
         VALUES (2, 13, RPAD('-TR4000-bob', 20, '.'), 1, 9, 1000, 400000, 600000, 500,
             UNIX_TIMESTAMP() - 600, '10.0.0.2')"
    );
    site.announce(&bob(), D, on(Event::Completed, report(1500, 1_000_000, 0))).unwrap();
    assert_eq!(site.flush().await.dead_letters, []);
    assert_eq!(totals(&site, OPS, 2), "500\t600000");
    let row = site.query("SELECT announced, timespent, remaining FROM xbt_files_users");
    let [announced, timespent, remaining] = row.split('\t').collect::<Vec<_>>()[..] else {
        panic!("{row}")
    };
    assert_eq!((announced, remaining), ("10", "0"));
    let timespent: u32 = timespent.parse().unwrap();
    assert!((1100..1200).contains(&timespent), "{timespent}");
    assert_eq!(site.query("SELECT COUNT(*) FROM xbt_snatched"), "1");
}

#[tokio::test]
async fn g20_a_peer_without_a_port_is_counted_and_not_handed_out() {
    let mut site = site!(
        OPS,
        "INSERT INTO xbt_files_users (uid, fid, peer_id, active, remaining, mtime)
         VALUES (1, 13, RPAD('-qB4650-alice', 20, '.'), 1, 0, UNIX_TIMESTAMP() - 600)"
    );
    let answer = site.announce(&bob(), D, report(0, 0, 100)).unwrap();
    assert_eq!((answer.seeders, answer.leechers), (1, 1));
    assert!(site.peers.is_empty());
}

#[tokio::test]
async fn g24_a_peer_that_fell_silent_is_inactive_without_another_announce() {
    for setup in ALL {
        let mut site = site!(setup);
        site.announce(&alice(), D, report(0, 0, 0)).unwrap();
        site.flush().await;
        assert_eq!(counts(&site, setup, 13), "1\t0\t0\t0");
        site.now_seconds += 100_000;
        site.expire();
        site.flush().await;
        assert_eq!(counts(&site, setup, 13), "0\t0\t0\t0");
        assert_eq!(site.query("SELECT active FROM xbt_files_users"), "0");
    }
}
