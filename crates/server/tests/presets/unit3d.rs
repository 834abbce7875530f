//! UNIT3D 9.

mod restart;
mod swarm;
pub(super) mod whole;
mod wire;

use mika_core::site::Preset;
use mika_protocol::Event;
use mika_test_servers::{SqlMode, fixtures};

use super::site::{Client, Report, Setup, Site};

pub(super) const SETUP: Setup = Setup {
    fixture: fixtures::UNIT3D,
    mode: SqlMode::Strict,
    schema: "unit3d",
    preset: Preset::Unit3d,
};

/// The site, or a return from the test if there is no MariaDB.
macro_rules! site {
    () => {
        site!("")
    };
    ($changes:expr) => {
        match Site::start_with(SETUP, $changes).await {
            Some(site) => site,
            None => return,
        }
    };
}

fn hash(torrent_id: u8) -> [u8; 20] {
    let mut hash = [0; 20];
    hash[19] = torrent_id;
    hash
}

fn u11() -> Client {
    Client::of(11, "-qB4650-seedseedseed", "10.0.0.1", 50001)
}

fn u12() -> Client {
    Client::of(12, "-qB4650-leechleech12", "10.0.0.2", 50012)
}

fn u19() -> Client {
    Client::of(19, "-qB4650-v6v6v6v6v6v6", "2001:db8::1", 50002)
}

fn seeding(uploaded: u64) -> Report {
    Report { uploaded, ..Report::default() }
}

fn leeching(uploaded: u64, downloaded: u64, left: u64) -> Report {
    Report { uploaded, downloaded, left, ..Report::default() }
}

#[tokio::test]
async fn check_1_the_start_takes_over_the_peers_that_are_there() {
    let mut site = site!("UPDATE torrents SET seeders = 5, leechers = 6 WHERE id = 102");
    assert_eq!((site.load.users, site.load.roles, site.load.torrents), (11, 6, 12));
    assert_eq!((site.load.client_rules, site.load.tokens, site.load.bad_rows), (1, 1, 0));
    let stats = site.tracker.stats();
    assert_eq!((stats.seeders, stats.leechers), (2, 0));
    assert_eq!(site.flush().await.dead_letters, []);
    let counts = site.query("SELECT seeders, leechers FROM torrents WHERE id IN (101, 102)");
    assert_eq!(counts, "2\t0\n0\t0");
}

#[tokio::test]
async fn check_2_a_seeder_goes_on_where_the_other_tracker_left_it() {
    let mut site = site!();
    let before = site.query("SELECT UNIX_TIMESTAMP(updated_at) FROM history WHERE user_id = 11");
    let gap = u64::from(site.now_seconds) - before.parse::<u64>().unwrap();
    let answer = site.announce(&u11(), hash(101), seeding(1500)).unwrap();
    assert_eq!((answer.seeders, answer.leechers), (2, 0));
    assert!(site.peers.is_empty());
    assert_eq!(site.flush().await.dead_letters, []);
    let history = site.query(
        "SELECT uploaded, actual_uploaded, client_uploaded, seedtime, immune, active, seeder
         FROM history WHERE user_id = 11 AND torrent_id = 101",
    );
    assert_eq!(history, format!("1500\t1500\t1500\t{}\t0\t1\t1", 100 + gap));
    assert_eq!(site.query("SELECT uploaded FROM users WHERE id = 11"), "2000");
    assert_eq!(site.query("SELECT balance FROM torrents WHERE id = 101"), "1000");
}

#[tokio::test]
async fn check_3_a_gap_of_9000_seconds_adds_no_seed_time_and_8999_add_all() {
    for (gap, seed_time) in [(20_000, "100"), (9000, "100"), (8999, "9099")] {
        let mut site = site!();
        let now = site.now_seconds;
        site.query(&format!(
            "UPDATE history SET updated_at = FROM_UNIXTIME({}) WHERE user_id = 19",
            now - gap
        ));
        site.announce(&u19(), hash(101), seeding(0)).unwrap();
        site.flush().await;
        let history = site
            .query("SELECT seedtime, UNIX_TIMESTAMP(updated_at) FROM history WHERE user_id = 19");
        assert_eq!(history, format!("{seed_time}\t{now}"), "{gap}");
    }
}

#[tokio::test]
async fn check_4_a_leecher_gets_the_seeders_of_both_families() {
    let mut site = site!();
    let report = Report { event: Event::Started, ..leeching(0, 0, 1_000_000) };
    let answer = site.announce(&u12(), hash(101), report).unwrap();
    assert_eq!((answer.seeders, answer.leechers), (2, 1));
    assert_eq!((site.peers.v4.len(), site.peers.v6.len()), (6, 18));
    assert!((1800..=3600).contains(&answer.interval_seconds), "{}", answer.interval_seconds);
    assert_eq!(answer.min_interval_seconds, 1800);
}

#[tokio::test]
async fn check_5_what_comes_too_early_counts_and_is_answered_with_nobody() {
    let mut site = site!();
    site.announce(&u12(), hash(101), leeching(0, 0, 1_000_000)).unwrap();
    let answer = site.announce(&u12(), hash(101), leeching(100, 500_000, 500_000)).unwrap();
    assert_eq!((answer.seeders, answer.leechers), (0, 0));
    assert!(site.peers.is_empty());
    site.flush().await;
    let history = site
        .query("SELECT downloaded, actual_downloaded, uploaded FROM history WHERE user_id = 12");
    assert_eq!(history, "0\t500000\t100");
    assert_eq!(site.query("SELECT uploaded, downloaded FROM users WHERE id = 12"), "1100\t1000");
    assert_eq!(site.query("SELECT balance FROM torrents WHERE id = 101"), "-499900");
}

#[tokio::test]
async fn check_6_a_completion_is_noted_once_and_not_lost_to_an_announce_behind_it() {
    let mut site = site!();
    site.announce(&u12(), hash(101), leeching(0, 0, 1_000_000)).unwrap();
    let report = Report { event: Event::Completed, ..leeching(100, 1_000_000, 0) };
    let answer = site.announce(&u12(), hash(101), report).unwrap();
    assert_eq!((answer.seeders, answer.snatches, answer.leechers), (3, 4, 0));
    site.announce(&u12(), hash(101), leeching(100, 1_000_000, 0)).unwrap();
    let completed_at = site.now_seconds;
    site.flush().await;
    let row = "SELECT UNIX_TIMESTAMP(completed_at) FROM history WHERE user_id = 12";
    assert_eq!(site.query(row), completed_at.to_string());
    assert_eq!(site.query("SELECT times_completed FROM torrents WHERE id = 101"), "4");
    site.now_seconds += 60;
    site.announce(&u12(), hash(101), report).unwrap();
    site.flush().await;
    assert_eq!(site.query(row), completed_at.to_string());
    assert_eq!(site.query("SELECT times_completed FROM torrents WHERE id = 101"), "4");
}

#[tokio::test]
async fn check_7_a_client_that_began_anew_is_credited_from_there() {
    let mut site = site!();
    site.announce(&u12(), hash(101), leeching(0, 0, 1_000_000)).unwrap();
    site.announce(&u12(), hash(101), leeching(300, 1_000_000, 0)).unwrap();
    site.announce(&u12(), hash(101), seeding(5000)).unwrap();
    site.announce(&u12(), hash(101), seeding(5600)).unwrap();
    site.flush().await;
    let history = site.query(
        "SELECT uploaded, client_uploaded, client_downloaded, actual_downloaded
         FROM history WHERE user_id = 12",
    );
    assert_eq!(history, "900\t5600\t0\t1000000");
}

#[tokio::test]
async fn check_8_the_best_multiplier_counts() {
    let mut site = site!();
    // User, torrent, what is credited of 1001 up and 1001 down, and immunity.
    let cases = [
        (11, 102, "1001\t500\t0"),
        (11, 103, "2002\t1001\t0"),
        (11, 108, "2002\t0\t0"),
        (16, 102, "2002\t0\t1"),
        (20, 102, "1001\t0\t0"),
        (18, 102, "1001\t500\t0"),
    ];
    for (user, torrent, _) in cases {
        let client = Client::of(user, "-qB4650-factors", &format!("10.1.0.{user}"), 50100);
        site.announce(&client, hash(torrent), leeching(0, 0, 1000)).unwrap();
        site.announce(&client, hash(torrent), leeching(1001, 1001, 10)).unwrap();
    }
    assert_eq!(site.flush().await.dead_letters, []);
    for (user, torrent, expected) in cases {
        let history = site.query(&format!(
            "SELECT uploaded, downloaded, immune FROM history
             WHERE user_id = {user} AND torrent_id = {torrent}"
        ));
        assert_eq!(history, expected, "user {user}, torrent {torrent}");
        let actual = site.query(&format!(
            "SELECT actual_uploaded, actual_downloaded FROM history
             WHERE user_id = {user} AND torrent_id = {torrent}"
        ));
        assert_eq!(actual, "1001\t1001");
    }
    // User 11 was credited on three torrents.
    assert_eq!(site.query("SELECT uploaded, downloaded FROM users WHERE id = 11"), "6005\t2501");
}

/// The statements with what the comment in users.load.sql says for donors.
fn schema_for_donors() -> tempfile::TempDir {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/unit3d/mysql");
    let copy = tempfile::tempdir().unwrap();
    let mut cp = std::process::Command::new("cp");
    let status = cp.arg("-r").arg(format!("{folder}/.")).arg(copy.path()).status();
    assert!(status.unwrap().success());
    let path = copy.path().join("users.load.sql");
    let statement = std::fs::read_to_string(&path).unwrap();
    let said = statement.lines().filter_map(|line| line.strip_prefix("--   "));
    let said: Vec<&str> = said.collect();
    let own = "IF(p.user_id IS NULL, NULL, 0) AS download_percent,";
    assert!(statement.contains(own) && said.len() == 2, "{statement}");
    std::fs::write(&path, statement.replace(own, &said.join("\n"))).unwrap();
    copy
}

#[tokio::test]
async fn check_8_donors_are_spared_where_the_statement_says_so() {
    let schema = schema_for_donors();
    let path: &'static str = Box::leak(schema.path().display().to_string().into_boxed_str());
    let Some(mut site) = Site::start(Setup { schema: path, ..SETUP }).await else { return };
    let donor = Client::of(18, "-qB4650-donor", "10.1.0.18", 50100);
    let other = Client::of(11, "-qB4650-other", "10.1.0.11", 50100);
    for client in [&donor, &other] {
        site.announce(client, hash(102), leeching(0, 0, 1000)).unwrap();
        site.announce(client, hash(102), leeching(1001, 1001, 10)).unwrap();
    }
    site.flush().await;
    let history = site.query(
        "SELECT user_id, uploaded, downloaded, immune, actual_downloaded FROM history
         WHERE torrent_id = 102 ORDER BY user_id",
    );
    assert_eq!(history, "11\t1001\t500\t0\t1001\n18\t1001\t0\t1\t1001");
}

#[tokio::test]
async fn check_9_a_leecher_above_its_slots_is_stored_and_not_shown() {
    let mut site = site!();
    let on = |port| Client::of(13, "-qB4650-slots", "10.0.0.13", port);
    let answer = site.announce(&on(50131), hash(101), leeching(0, 0, 1000)).unwrap();
    assert_eq!(answer.leechers, 1);
    let answer = site.announce(&on(50132), hash(102), leeching(0, 0, 1000)).unwrap();
    assert_eq!((answer.seeders, answer.leechers), (0, 0));
    assert!(answer.warning.is_some());
    let answer = site.announce(&on(50133), hash(103), seeding(0)).unwrap();
    assert_eq!((answer.seeders, answer.warning), (1, None));
    site.flush().await;
    let row = "SELECT visible FROM peers WHERE user_id = 13 AND torrent_id = 102";
    assert_eq!(site.query(row), "0");
    assert_eq!(site.query("SELECT leechers FROM torrents WHERE id = 102"), "0");
    let stopped = Report { event: Event::Stopped, ..leeching(0, 0, 1000) };
    site.announce(&on(50131), hash(101), stopped).unwrap();
    site.now_seconds += 1800;
    site.announce(&on(50132), hash(102), leeching(0, 0, 1000)).unwrap();
    site.flush().await;
    assert_eq!(site.query(row), "1");
    assert_eq!(site.query("SELECT leechers FROM torrents WHERE id = 102"), "1");
}

#[tokio::test]
async fn check_10_the_fourth_client_of_a_user_is_refused_and_the_others_keep_the_user_active() {
    let mut site = site!();
    let client = |number: u16| {
        Client::of(15, &format!("-qB4650-client{number}"), "10.0.0.15", 50150 + number)
    };
    for number in 1..=3 {
        let answer = site.announce(&client(number), hash(109), seeding(0)).unwrap();
        assert_eq!(answer.seeders, u32::from(number));
    }
    for number in 4..=5 {
        let refusal = site.announce(&client(number), hash(109), seeding(0)).unwrap_err();
        let text = site.tracker.explain(refusal).text;
        assert_eq!(text, "You already have 3 peers on this torrent. Ignoring.");
    }
    let stopped = Report { event: Event::Stopped, ..seeding(0) };
    site.announce(&client(1), hash(109), stopped).unwrap();
    site.flush().await;
    let active = "SELECT active FROM history WHERE user_id = 15 AND torrent_id = 109";
    assert_eq!(site.query(active), "1");
    assert_eq!(site.query("SELECT seeders FROM torrents WHERE id = 109"), "2");
    site.announce(&client(4), hash(109), seeding(0)).unwrap();
    for number in 2..=4 {
        site.announce(&client(number), hash(109), stopped).unwrap();
    }
    site.flush().await;
    assert_eq!(site.query(active), "0");
    assert_eq!(site.query("SELECT seeders FROM torrents WHERE id = 109"), "0");
}

#[tokio::test]
async fn check_11_a_stop_counts_once_and_a_second_one_is_only_told() {
    let mut site = site!();
    site.announce(&u11(), hash(110), seeding(0)).unwrap();
    let stopped = Report { event: Event::Stopped, ..seeding(777) };
    site.announce(&u11(), hash(110), stopped).unwrap();
    site.flush().await;
    let row = "SELECT h.uploaded, h.active, p.active, p.visible FROM history AS h
               JOIN peers AS p USING (user_id, torrent_id)
               WHERE user_id = 11 AND torrent_id = 110";
    assert_eq!(site.query(row), "777\t0\t0\t0");
    assert_eq!(site.query("SELECT uploaded FROM users WHERE id = 11"), "1777");
    let refusal = site.announce(&u11(), hash(110), stopped).unwrap_err();
    assert_eq!(site.tracker.explain(refusal).text, "Stopped peer doesn't exist.");
    assert_eq!(site.flush().await.dead_letters, []);
    assert_eq!(site.query(row), "777\t0\t0\t0");
}

#[tokio::test]
async fn check_14_announces_of_what_is_not_registered_are_noted() {
    let mut site = site!();
    let unknown = hash(0xe7);
    site.announce(&u11(), unknown, seeding(0)).unwrap_err();
    site.announce(&u11(), hash(107), seeding(0)).unwrap_err();
    let stranger = Client::of(999, "-qB4650-stranger", "10.0.0.99", 50999);
    site.announce(&stranger, unknown, seeding(0)).unwrap_err();
    let first = site.now_seconds;
    assert_eq!(site.flush().await.dead_letters, []);
    site.now_seconds += 100;
    site.announce(&u11(), unknown, seeding(0)).unwrap_err();
    site.flush().await;
    let rows = site.query(
        "SELECT user_id, HEX(info_hash), UNIX_TIMESTAMP(created_at), UNIX_TIMESTAMP(updated_at)
         FROM unregistered_info_hashes ORDER BY info_hash",
    );
    let (deleted, other) = (format!("{:040X}", 107), format!("{:040X}", 0xe7));
    assert_eq!(
        rows,
        format!("11\t{deleted}\t{first}\t{first}\n11\t{other}\t{first}\t{}", first + 100)
    );
}

#[tokio::test]
async fn check_20_one_absurd_report_stops_nobody_elses_rows() {
    let mut site = site!(
        "UPDATE users SET uploaded = 18446744073709551000 WHERE id = 11;
        UPDATE history SET actual_uploaded = 18446744073709551000 WHERE user_id = 11;
        UPDATE torrents SET balance = 9223372036854775000 WHERE id = 101"
    );
    let u15 = Client::of(15, "-qB4650-second15", "10.0.0.15", 50015);
    site.announce(&u11(), hash(101), seeding(1 << 50)).unwrap();
    site.announce(&u11(), hash(101), seeding(u64::MAX)).unwrap_err();
    for (client, uploaded) in [(u12(), 0), (u12(), 10), (u15.clone(), 0), (u15, 20)] {
        site.announce(&client, hash(101), seeding(uploaded)).unwrap();
    }
    assert_eq!(site.flush().await.dead_letters, []);
    assert_eq!(site.query("SELECT uploaded FROM users WHERE id = 12"), "1010");
    assert_eq!(site.query("SELECT uploaded FROM users WHERE id = 15"), "1020");
    assert_eq!(site.query("SELECT uploaded FROM users WHERE id = 11"), u64::MAX.to_string());
    let balance = site.query("SELECT balance FROM torrents WHERE id = 101");
    assert_eq!(balance, i64::MAX.to_string());
}

#[tokio::test]
async fn check_21_a_user_that_the_site_has_removed_stops_nobody_elses_rows() {
    let mut site = site!(
        "INSERT INTO users
        (id, username, email, password, passkey, rsskey, group_id)
        VALUES (31, 'u31', 'u31@example.org', '', LPAD(31, 32, '0'), 'r31', 3)"
    );
    site.query("DELETE FROM users WHERE id = 31");
    let u31 = Client::of(31, "-qB4650-gone", "10.0.0.31", 50031);
    for client in [u31, u12()] {
        site.announce(&client, hash(101), seeding(0)).unwrap();
        site.announce(&client, hash(101), seeding(50)).unwrap();
    }
    let letters = site.flush().await.dead_letters;
    let tables: Vec<_> = letters.iter().map(|letter| letter.table).collect();
    assert_eq!(tables, ["users", "history", "sessions"]);
    assert!(letters[0].row.contains("31"), "{}", letters[0].row);
    assert_eq!(site.query("SELECT uploaded FROM users WHERE id = 12"), "1050");
    assert_eq!(site.query("SELECT COUNT(*) FROM users WHERE id = 31"), "0");
    assert_eq!(site.query("SELECT uploaded FROM history WHERE user_id = 12"), "50");
}

#[tokio::test]
async fn check_22_bad_rows_are_left_out_and_everybody_else_works() {
    let mut site = site!(
        "
        INSERT INTO users (id, username, email, password, passkey, rsskey, group_id)
            VALUES (40, 'u40', 'u40@example.org', '', 'ab cd', 'r40', 3);
        INSERT INTO peers (peer_id, ip, port, agent, uploaded, downloaded, `left`, seeder,
            torrent_id, user_id, active, visible, created_at, updated_at)
            VALUES ('-qB4650-nulltimenull', INET6_ATON('10.0.0.7'), 50007, '', 0, 0, 0, 1, 102,
                12, 1, 1, NULL, NULL),
            ('-qB4650-threebytesxx', UNHEX('0a0000'), 50008, '', 0, 0, 0, 1, 103, 12, 1, 1,
                NOW(), NOW());
        UPDATE torrents SET times_completed = -1 WHERE id = 111;
        UPDATE `groups` SET download_slots = -1 WHERE id = 17"
    );
    assert_eq!(site.load.bad_rows, 1);
    assert_eq!((site.load.users, site.load.roles, site.load.torrents), (11, 6, 12));
    let answer = site.announce(&u12(), hash(111), seeding(0)).unwrap();
    assert_eq!(answer.snatches, 0);
    let stats = site.tracker.stats();
    assert_eq!(stats.seeders, 3);
}

#[tokio::test]
async fn check_25_the_sites_own_jobs_and_the_tracker_write_the_same_rows() {
    let mut site = site!();
    site.announce(&u12(), hash(101), leeching(0, 0, 1_000_000)).unwrap();
    site.flush().await;
    let created = site.query("SELECT created_at FROM peers WHERE user_id = 12");
    site.query(
        "UPDATE peers SET active = 0 WHERE user_id = 12;
         UPDATE history SET active = 0, updated_at = updated_at WHERE user_id = 12",
    );
    site.now_seconds += 1900;
    site.announce(&u12(), hash(101), leeching(0, 1000, 999_000)).unwrap();
    site.flush().await;
    let peers = site.query(
        "SELECT COUNT(*), MAX(active), MAX(created_at) FROM peers
        WHERE user_id = 12",
    );
    assert_eq!(peers, format!("1\t1\t{created}"));
    assert_eq!(site.query("SELECT active FROM history WHERE user_id = 12"), "1");
    let updated = site.query("SELECT UNIX_TIMESTAMP(updated_at) FROM torrents WHERE id = 101");
    assert_eq!(updated, site.now_seconds.to_string());
    site.query("DELETE FROM peers WHERE user_id = 12");
    site.now_seconds += 1900;
    site.announce(&u12(), hash(101), leeching(0, 2000, 998_000)).unwrap();
    site.flush().await;
    assert_eq!(site.query("SELECT COUNT(*) FROM peers WHERE user_id = 12"), "1");
    let history = site.query("SELECT actual_downloaded FROM history WHERE user_id = 12");
    assert_eq!(history, "2000");
}

#[tokio::test]
async fn check_26_a_peer_that_fell_silent_leaves_the_lists_and_the_counts() {
    let mut site = site!();
    site.announce(&u12(), hash(101), leeching(0, 0, 1_000_000)).unwrap();
    site.flush().await;
    assert_eq!(site.query("SELECT leechers FROM torrents WHERE id = 101"), "1");
    site.now_seconds += 100_000;
    site.expire();
    site.flush().await;
    assert_eq!(site.query("SELECT seeders, leechers FROM torrents WHERE id = 101"), "0\t0");
    let rows = site.query(
        "SELECT p.active, h.active FROM peers AS p
        JOIN history AS h USING (user_id, torrent_id) WHERE user_id = 12",
    );
    assert_eq!(rows, "0\t0");
}

#[tokio::test]
async fn check_26_a_peer_that_comes_back_goes_on_with_its_counters() {
    let mut site = site!();
    site.announce(&u12(), hash(101), leeching(0, 0, 1_000_000)).unwrap();
    site.announce(&u12(), hash(101), leeching(300, 400_000, 600_000)).unwrap();
    site.flush().await;
    site.now_seconds += 100_000;
    site.expire();
    site.flush().await;
    site.announce(&u12(), hash(101), leeching(1300, 500_000, 500_000)).unwrap();
    site.flush().await;
    let history = site.query(
        "SELECT uploaded, actual_downloaded, client_uploaded, active FROM history
         WHERE user_id = 12",
    );
    assert_eq!(history, "1300\t500000\t1300\t1");
    assert_eq!(site.query("SELECT COUNT(*), MAX(active) FROM peers WHERE user_id = 12"), "1\t1");
    assert_eq!(site.query("SELECT uploaded FROM users WHERE id = 12"), "2300");
    assert_eq!(site.query("SELECT leechers FROM torrents WHERE id = 101"), "1");
}

#[tokio::test]
async fn check_26_one_that_fell_silent_under_the_other_tracker_goes_on_too() {
    let mut site = site!("UPDATE peers SET uploaded = 700 WHERE user_id = 15");
    let u15 = Client::of(15, "-qB4650-inactiveinac", "10.0.0.3", 50003);
    let answer = site.announce(&u15, hash(101), seeding(900)).unwrap();
    assert_eq!(answer.seeders, 3);
    site.flush().await;
    assert_eq!(site.query("SELECT uploaded FROM users WHERE id = 15"), "1200");
    assert_eq!(site.query("SELECT active FROM peers WHERE user_id = 15"), "1");
}
