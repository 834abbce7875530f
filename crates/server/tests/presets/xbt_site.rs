//! XBT: settings in a table, torrents that come and go, what is written down.

use std::time::Duration;

use mika_protocol::Event;
use mika_test_servers::SqlMode;
use tempfile::TempDir;

use super::site::{Report, Setup, Site};
use super::whole::{Whole, announce};
use super::xbt::{A, B, G2, G3, client, refused, report};

/// The names that differ between the generations: torrents, peers, id of a torrent.
fn names(setup: Setup) -> (&'static str, &'static str, &'static str) {
    match setup.schema {
        "xbt" => ("xbt_torrents", "xbt_peers", "tid"),
        _ => ("xbt_files", "xbt_files_users", "fid"),
    }
}

fn target(letter: &str, hash: char, rest: &str) -> String {
    announce(&letter.repeat(32), hash, "-XX0001-abcdefghijkl", rest)
}

const SEEDS: &str = "uploaded=0&downloaded=0&left=0";

#[tokio::test]
async fn x4_a_start_takes_the_peers_of_the_last_tracker_from_the_swarms() {
    for setup in [G3, G2] {
        let (torrents, _, tid) = names(setup);
        let changes = format!("UPDATE {torrents} SET seeders = 9, leechers = 7");
        let Some(mut site) = Site::start_with(setup, &changes).await else { return };
        site.flush().await;
        let counts = format!("SELECT seeders, leechers, completed FROM {torrents} ORDER BY {tid}");
        assert_eq!(site.query(&counts), "0\t0\t4\n0\t0\t0");
        site.announce(&client("a", 1), B, report(0, 0, 5)).unwrap();
        site.announce(&client("d", 2), B, report(0, 0, 0)).unwrap();
        site.flush().await;
        assert_eq!(site.query(&counts), "0\t0\t4\n1\t1\t0");
    }
}

#[tokio::test]
async fn x3_a_peer_that_fell_silent_is_inactive_and_its_bytes_stay() {
    for setup in [G3, G2] {
        let Some(mut site) = Site::start(setup).await else { return };
        let (torrents, peers, tid) = names(setup);
        site.announce(&client("a", 1), B, report(0, 0, 100)).unwrap();
        site.announce(&client("a", 1), B, report(3, 40, 60)).unwrap();
        site.flush().await;
        site.now_seconds += 2701;
        site.expire();
        assert_eq!(site.flush().await.dead_letters, []);
        let row = format!("SELECT active, downloaded, uploaded, `left` FROM {peers}");
        assert_eq!(site.query(&row), "0\t40\t3\t60");
        let counts = format!("SELECT seeders, leechers FROM {torrents} WHERE {tid} = 2");
        assert_eq!(site.query(&counts), "0\t0");
    }
}

#[tokio::test]
async fn x5_what_is_added_counts_at_the_next_look_and_what_is_flagged_is_removed() {
    for setup in [G3, G2] {
        let Some(mut site) = Site::start(setup).await else { return };
        let (torrents, _, tid) = names(setup);
        let control = site.control();
        site.announce(&client("a", 1), A, report(0, 0, 0)).unwrap();
        let since = site.now_seconds - 5;
        site.query(&format!(
            "INSERT INTO {torrents} (info_hash, mtime, ctime)
                 VALUES (REPEAT('N', 20), UNIX_TIMESTAMP(), UNIX_TIMESTAMP());
             INSERT INTO xbt_users (torrent_pass) VALUES (REPEAT('n', 32));
             UPDATE xbt_users SET can_leech = 1 WHERE uid = 2;
             UPDATE {torrents} SET flags = 1 WHERE {tid} = 1"
        ));
        assert_eq!(control.resync(Some(since)).await.unwrap().load.users, 5);
        site.announce(&client("n", 9), [b'N'; 20], report(0, 0, 0)).unwrap();
        site.announce(&client("b", 2), [b'N'; 20], report(0, 0, 5)).unwrap();
        let text = refused(&mut site, &client("a", 1), A, report(0, 0, 0));
        assert_eq!(text, "unregistered torrent");
        // What was announced before comes in first.
        let count = format!("SELECT COUNT(*) FROM {torrents} WHERE {tid} = 1");
        assert_eq!(control.remove_deleted().await.unwrap(), 0);
        assert_eq!(site.query(&count), "1");
        assert_eq!(site.flush().await.dead_letters, []);
        // A flag that is taken back in between saves the torrent.
        control.resync(Some(since)).await.unwrap();
        site.query(&format!("UPDATE {torrents} SET flags = 0 WHERE {tid} = 1"));
        assert_eq!(control.remove_deleted().await.unwrap(), 0);
        site.query(&format!("UPDATE {torrents} SET flags = 3 WHERE {tid} = 1"));
        assert_eq!(control.remove_deleted().await.unwrap(), 1);
        assert_eq!(site.query(&count), "0");
        let others = format!("SELECT COUNT(*) FROM {torrents}");
        assert_eq!(site.query(&others), "2");
        // Of a client that does not give up the user's bytes count; the torrent has no row, and
        // nothing is tried to be written to it.
        for uploaded in [30, 70] {
            let text = refused(&mut site, &client("a", 1), A, report(uploaded, 0, 0));
            assert_eq!(text, "unregistered torrent");
            assert_eq!(site.flush().await.dead_letters, []);
        }
        let totals = "SELECT uploaded, downloaded FROM xbt_users WHERE uid = 1";
        assert_eq!(site.query(totals), "70\t0");
        assert_eq!(control.resync(None).await.unwrap().retired, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn x5_x7_a_running_tracker_follows_the_site_and_no_look_starves_a_batch() {
    for setup in [G3, G2] {
        let changes = "INSERT INTO xbt_config (name, value) VALUES
            ('announce_interval', '900'), ('read_db_interval', '1'), ('scrape_interval', '600'),
            ('a_name_that_is_not_known', '1'), ('listen_port', '2710')";
        let Some(site) = Site::start_with(setup, changes).await else { return };
        let (torrents, _, tid) = names(setup);
        let dir = TempDir::new().unwrap();
        let server = Whole::start(setup, &site.database.url(), dir.path(), &[]).await;
        let body = server.get(&target("a", 'B', SEEDS)).await;
        assert_eq!(
            body,
            "d8:completei1e10:incompletei0e8:intervali900e12:min intervali900e5:peers0:e"
                .replace("10:incomplete", "10:downloadedi0e10:incomplete")
        );
        let scrape = format!("/{}/scrape?info_hash={}", "a".repeat(32), "B".repeat(20));
        let body = server.get(&scrape).await;
        assert_eq!(
            body,
            format!(
                "d5:filesd20:{}d8:completei1e10:downloadedi0e11:downloadersi0e\
                 10:incompletei0eee5:flagsd20:min_request_intervali600eee",
                "B".repeat(20)
            )
        );
        site.query(&format!(
            "UPDATE xbt_config SET value = '1200' WHERE name = 'announce_interval';
             INSERT INTO {torrents} (info_hash, mtime, ctime)
                 VALUES (REPEAT('N', 20), UNIX_TIMESTAMP(), UNIX_TIMESTAMP());
             UPDATE {torrents} SET flags = 1 WHERE {tid} = 1"
        ));
        eventually(&server, &target("a", 'N', SEEDS), "intervali1200e").await;
        eventually(&server, &target("a", 'A', SEEDS), "20:unregistered torrente").await;
        let rows = format!("SELECT {tid}, seeders FROM {torrents} ORDER BY 1");
        written(&site, &rows, "2\t1\n3\t1").await;
        site.query("INSERT INTO xbt_config (name, value) VALUES ('offline_message', 'at noon')");
        let offline = "d14:failure reason7:at noone";
        eventually(&server, &target("a", 'B', SEEDS), offline).await;
        site.query("DELETE FROM xbt_config WHERE name = 'offline_message'");
        eventually(&server, &target("a", 'B', SEEDS), "8:complete").await;
        server.stop().await;
        // What the configuration says counts more.
        let own = [("tracker.interval_seconds", "700")];
        let server = Whole::start(setup, &site.database.url(), dir.path(), &own).await;
        let body = server.get(&target("a", 'B', SEEDS)).await;
        assert!(body.contains("8:intervali700e12:min intervali"), "{body}");
        server.stop().await;
    }
}

/// Waits until a query has this result.
async fn written(site: &Site, query: &str, expected: &str) {
    let mut found = String::new();
    for _ in 0..150 {
        found = site.query(query);
        if found == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(found, expected);
}

/// Asks until the answer has something in it.
async fn eventually(server: &Whole, target: &str, expected: &str) {
    let mut body = String::new();
    for _ in 0..150 {
        body = server.get(target).await;
        if body.contains(expected) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no {expected} in {body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn x7_an_unknown_torrent_is_registered_if_the_site_wants_it() {
    for setup in [G3, G2] {
        let changes = "INSERT INTO xbt_config (name, value) VALUES ('auto_register', '1')";
        let Some(site) = Site::start_with(setup, changes).await else { return };
        let (torrents, peers, tid) = names(setup);
        let dir = TempDir::new().unwrap();
        let server = Whole::start(setup, &site.database.url(), dir.path(), &[]).await;
        let rest = "uploaded=0&downloaded=0&left=100&event=started";
        let body = server.get(&target("a", 'N', rest)).await;
        assert!(body.starts_with("d8:completei0e10:downloadedi0e10:incompletei1e"), "{body}");
        let rest = "uploaded=7&downloaded=100&left=0&event=completed";
        server.get(&target("a", 'N', rest)).await;
        server.stop().await;
        let row = format!(
            "SELECT {tid}, seeders, completed, mtime = ctime OR mtime = ctime + 1 FROM {torrents}
             WHERE info_hash = REPEAT('N', 20)"
        );
        assert_eq!(site.query(&row), "3\t1\t1\t1");
        let row = format!("SELECT {tid}, uid, downloaded, uploaded, `left` FROM {peers}");
        assert_eq!(site.query(&row), "3\t1\t100\t7\t0");
        assert!(!dir.path().join("dead-letters.jsonl").exists());
        let server = Whole::start(setup, &site.database.url(), dir.path(), &[]).await;
        server.get(&target("a", 'N', "uploaded=9&downloaded=100&left=0")).await;
        server.stop().await;
        assert_eq!(site.query(&row), "3\t1\t100\t9\t0");
        assert!(!dir.path().join("dead-letters.jsonl").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn x8_announces_and_scrapes_are_written_down_if_the_site_wants_it() {
    for setup in [G3, G2] {
        let changes = "INSERT INTO xbt_config (name, value) VALUES ('log_announce', '1'),
            ('log_scrape', '1')";
        let Some(site) = Site::start_with(setup, changes).await else { return };
        let dir = TempDir::new().unwrap();
        let server = Whole::start(setup, &site.database.url(), dir.path(), &[]).await;
        let rest = "uploaded=3&downloaded=2&left=1&event=started";
        server.get(&target("a", 'B', rest)).await;
        server.get(&target("a", 'B', "uploaded=4&downloaded=3&left=0&event=completed")).await;
        server.get(&target("z", 'B', "uploaded=4&downloaded=3&left=0&event=stopped")).await;
        let scrape = format!("/{}/scrape?info_hash={}", "a".repeat(32), "B".repeat(20));
        server.get(&scrape).await;
        let address = if setup.schema == "xbt" { "HEX(ipv6)" } else { "HEX(ipa)" };
        let announces = format!(
            "SELECT {address}, port, event, info_hash, peer_id, downloaded, left0, uploaded, uid,
                 mtime > UNIX_TIMESTAMP() - 60 FROM xbt_announce_log ORDER BY id"
        );
        let expected = |numbers: &[&str]| {
            let row = |numbers: &&str| {
                let (event, rest) = numbers.split_once(' ').unwrap();
                let (hash, rest) = ("B".repeat(20), rest.replace(' ', "\t"));
                format!("7F000001\t51413\t{event}\t{hash}\t-XX0001-abcdefghijkl\t{rest}\t1")
            };
            numbers.iter().map(row).collect::<Vec<_>>().join("\n")
        };
        let all = expected(&["2 2 1 3 1", "1 3 0 4 1", "3 3 0 4 0"]);
        written(&site, &announces, &all).await;
        let scrapes =
            format!("SELECT {address}, uid, mtime > UNIX_TIMESTAMP() - 60 FROM xbt_scrape_log");
        written(&site, &scrapes, "7F000001\t1\t1").await;
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn x9_a_scrape_with_a_pass_tells_of_each_hash_and_none_is_told_without() {
    for setup in [G3, G2] {
        let Some(site) = Site::start(setup).await else { return };
        let dir = TempDir::new().unwrap();
        let server = Whole::start(setup, &site.database.url(), dir.path(), &[]).await;
        server.get(&target("a", 'B', SEEDS)).await;
        let hashes = format!("info_hash={}&info_hash={}", "B".repeat(20), "A".repeat(20));
        let pass = "a".repeat(32);
        let body = server.get(&format!("/{pass}/scrape?{hashes}")).await;
        let of = |hash: &str, complete: u32, downloaded: u32| {
            let hash = hash.repeat(20);
            format!(
                "20:{hash}d8:completei{complete}e10:downloadedi{downloaded}e11:downloadersi0e\
                 10:incompletei0ee"
            )
        };
        assert_eq!(body, format!("d5:filesd{}{}ee", of("A", 0, 4), of("B", 1, 0)));
        // Nobody gets the whole list, and nothing is told without a pass.
        for refused in [format!("/{pass}/scrape"), format!("/scrape?{hashes}")] {
            let body = server.get(&refused).await;
            assert!(body.starts_with("d14:failure reason"), "{refused}: {body}");
        }
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn x11_in_strict_mode_all_is_written_and_a_stop_writes_the_rest() {
    assert_eq!((G3.mode, G2.mode), (SqlMode::Strict, SqlMode::Strict));
    for setup in [G3, G2] {
        let Some(site) = Site::start(setup).await else { return };
        let (_, peers, tid) = names(setup);
        let dir = TempDir::new().unwrap();
        let slow = [("flush.interval_milliseconds", "60000")];
        let server = Whole::start(setup, &site.database.url(), dir.path(), &slow).await;
        // The most that a client may say, and the most that is kept of what it lacks.
        let (most, left) = (1_u64 << 50, (1_u64 << 48) - 1);
        let rest = |up: u64| format!("uploaded={up}&downloaded=0&left={most}");
        server.get(&target("a", 'B', &rest(0))).await;
        server.get(&target("a", 'B', &rest(most))).await;
        server.stop().await;
        assert!(!dir.path().join("dead-letters.jsonl").exists());
        let row = format!("SELECT {tid}, uid, active, uploaded, `left` FROM {peers}");
        assert_eq!(site.query(&row), format!("2\t1\t1\t{most}\t{left}"));
        assert_eq!(site.query("SELECT uploaded FROM xbt_users WHERE uid = 1"), most.to_string());
    }
}

#[tokio::test]
async fn x3_every_completion_counts_if_the_site_wants_it_so() {
    let Some(mut site) = Site::start(G3).await else { return };
    let mut settings = G3.preset.settings();
    let mut profile = G3.preset.profile();
    profile.completion = mika_core::site::Completion::EveryEvent;
    settings.site = profile.into();
    site.tracker.set_settings(settings);
    let done = Report { event: Event::Completed, ..report(0, 100, 0) };
    site.announce(&client("a", 1), A, report(0, 0, 100)).unwrap();
    site.announce(&client("a", 1), A, done).unwrap();
    site.announce(&client("a", 1), A, done).unwrap();
    site.flush().await;
    assert_eq!(site.query("SELECT completed FROM xbt_torrents WHERE tid = 1"), "6");
    assert_eq!(site.query("SELECT completed FROM xbt_peers"), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn x2_a_derived_pass_is_good_for_its_torrent_until_its_version_changes() {
    for setup in [G3, G2] {
        let changes = "INSERT INTO xbt_config (name, value) VALUES
            ('torrent_pass_private_key', 'what XBT has generated'), ('read_db_interval', '1')";
        let Some(site) = Site::start_with(setup, changes).await else { return };
        // The id of user 4, and what SHA-1 makes of the key, the version, the id and B's hash.
        let old = "0000000442873b43d27351c473b30a57".to_owned();
        let new = "00000004e4142eff1dfe43f069b02622".to_owned();
        let dir = TempDir::new().unwrap();
        let server = Whole::start(setup, &site.database.url(), dir.path(), &[]).await;
        let with = |pass: &str, hash| announce(pass, hash, "-XX0001-abcdefghijkl", SEEDS);
        let welcome = "d8:completei1e";
        let unknown = "d14:failure reason25:unregistered torrent passe";
        assert!(server.get(&with(&old, 'B')).await.starts_with(welcome));
        assert_eq!(server.get(&with(&old, 'A')).await, unknown);
        assert_eq!(server.get(&with(&new, 'B')).await, unknown);
        let scrape = |hash: &str| format!("/{old}/scrape?info_hash={}", hash.repeat(20));
        assert!(server.get(&scrape("B")).await.starts_with("d5:files"));
        assert_eq!(server.get(&scrape("A")).await, unknown);
        site.query("UPDATE xbt_users SET torrent_pass_version = 1 WHERE uid = 4");
        eventually(&server, &with(&old, 'B'), unknown).await;
        assert!(server.get(&with(&new, 'B')).await.starts_with(welcome));
        server.stop().await;
    }
}
