//! Gazelle: what is loaded, what a stop and a restart keep, and what changes by itself.

use std::time::{Duration, Instant};

use mika_core::{Mode, Settings, Tracker};
use mika_protocol::Event;
use mika_server::control;
use mika_test_servers::{Proxy, Traffic};
use tempfile::TempDir;

use super::gazelle::{A, ALL, D, OPS, WCD, alice, bob, client, counts, on, report, totals};
use super::site::{Client, Setup, Site};
use super::whole::{Whole, announce};

fn told(site: &mut Site, client: &Client, hash: [u8; 20], left: u64) -> String {
    match site.announce(client, hash, report(0, 0, left)) {
        Ok(_) => "welcome".to_owned(),
        Err(refusal) => site.tracker.explain(refusal).text,
    }
}

#[tokio::test]
async fn g3_g4_who_is_disabled_is_unknown_and_who_must_not_leech_leaves_no_trace() {
    for setup in ALL {
        let Some(mut site) = Site::start(setup).await else { return };
        let dave = client("d", "-TR4000-dave", "10.0.0.4");
        assert_eq!(told(&mut site, &dave, A, 0), "Passkey not found");
        let carol = client("c", "-TR4000-carol", "10.0.0.3");
        assert_eq!(told(&mut site, &carol, A, 5), "Access denied, leeching forbidden");
        assert_eq!(told(&mut site, &alice(), A, 5), "welcome");
        assert!(site.peers.is_empty(), "a leecher that was refused is handed out");
        site.flush().await;
        assert_eq!(site.query("SELECT uid FROM xbt_files_users"), "1");
        assert_eq!(counts(&site, setup, 10), "0\t1\t7\t555");
        assert_eq!(told(&mut site, &carol, A, 0), "welcome");
        assert_eq!(site.peers.v4.len(), 6);
        assert_eq!(site.flush().await.dead_letters, []);
        let rows = "SELECT uid, remaining FROM xbt_files_users ORDER BY uid";
        assert_eq!(site.query(rows), "1\t5\n3\t0");
        assert_eq!(counts(&site, setup, 10), "1\t1\t7\t555");
    }
}

#[tokio::test]
async fn g14_the_whitelist_is_taken_byte_for_byte_and_an_empty_entry_opens_nothing() {
    let changes = "DELETE FROM xbt_client_whitelist;
        INSERT INTO xbt_client_whitelist (peer_id) VALUES ('#ut-1'), (''), (NULL)";
    for setup in [OPS, WCD] {
        // The WCD column is NOT NULL.
        let changes =
            if setup.schema == "gazelle" { changes } else { &changes.replace(", (NULL)", "") };
        let Some(mut site) = Site::start_with(setup, changes).await else { return };
        assert_eq!((site.load.client_rules, site.load.bad_rows), (1, 0));
        let odd = client("a", "#ut-1234", "10.0.0.1");
        assert_eq!(told(&mut site, &odd, A, 0), "welcome");
        let refused = "Your client is not on the whitelist";
        assert_eq!(told(&mut site, &bob(), A, 0), refused);
        assert_eq!(told(&mut site, &client("b", "#ut-2", "10.0.0.2"), A, 0), refused);
    }
    // No entries at all: every client is welcome.
    let changes = "DELETE FROM xbt_client_whitelist";
    let Some(mut site) = Site::start_with(OPS, changes).await else { return };
    assert_eq!(told(&mut site, &client("b", "-XX0001-", "10.0.0.2"), A, 0), "welcome");
}

#[tokio::test]
async fn g20_a_restart_credits_the_difference_and_counts_no_second_snatch() {
    for setup in ALL {
        let Some(mut site) = Site::start(setup).await else { return };
        site.announce(&bob(), D, on(Event::Started, report(0, 0, 1_000_000))).unwrap();
        let mut batches = vec![site.batch()];
        site.now_seconds += 300;
        site.announce(&bob(), D, report(1000, 400_000, 600_000)).unwrap();
        batches.push(site.batch());
        for batch in &batches {
            mika_store::Store::apply(&*site.store, batch).await.unwrap();
        }
        assert_eq!(totals(&site, setup, 2), "1000\t400000");

        // Killed, and started again from the journal.
        restart(&mut site, setup, &batches).await;
        site.now_seconds += 300;
        let done = on(Event::Completed, report(1000, 1_000_000, 0));
        site.announce(&bob(), D, done).unwrap();
        batches.push(site.batch());
        let applied = mika_store::Store::apply(&*site.store, &batches[2]).await.unwrap();
        assert_eq!(applied.dead_letters, []);
        assert_eq!(totals(&site, setup, 2), "1000\t1000000");
        let row = "SELECT announced, timespent, remaining, active FROM xbt_files_users";
        assert_eq!(site.query(row), "3\t600\t0\t1");

        restart(&mut site, setup, &batches).await;
        site.announce(&bob(), D, done).unwrap();
        assert_eq!(site.flush().await.dead_letters, []);
        assert_eq!(totals(&site, setup, 2), "1000\t1000000");
        assert_eq!(site.query("SELECT COUNT(*) FROM xbt_snatched"), "1");
        assert_eq!(counts(&site, setup, 13), "1\t0\t1\t-999000");
    }
}

/// Another process, which has the journal of the one before.
async fn restart(site: &mut Site, setup: Setup, batches: &[mika_core::batch::Batch]) {
    let settings = Settings { keep_peer_ids: true, ..setup.preset.settings() };
    let tracker = Tracker::new(Mode::Private, settings, [7; 16]);
    tracker.resume(site.now_seconds);
    control::load(&*site.store, &tracker, site.now_seconds).await.unwrap();
    for batch in batches {
        tracker.replay(batch);
    }
    site.tracker = tracker.into();
}

#[tokio::test]
async fn g24_whoever_announces_has_a_row_that_is_fresh_though_nothing_moves() {
    for setup in ALL {
        let Some(mut site) = Site::start(setup).await else { return };
        for _ in 0..4 {
            site.announce(&alice(), D, report(0, 0, 0)).unwrap();
            site.flush().await;
            let row = "SELECT mtime, active, remaining FROM xbt_files_users WHERE uid = 1";
            assert_eq!(site.query(row), format!("{}\t1\t0", site.now_seconds));
            // The longest interval that Ocelot gives.
            site.now_seconds += 2040;
            site.expire();
            site.flush().await;
            assert_eq!(counts(&site, setup, 13), "1\t0\t0\t0");
        }
        assert_eq!(site.query("SELECT announced, timespent FROM xbt_files_users"), "4\t6120");
    }
}

#[tokio::test]
async fn g25_rows_that_come_and_go_are_found_by_a_look_at_the_tables() {
    let Some(mut site) = Site::start(OPS).await else { return };
    let control = site.control();
    let other = client("b", "-UT3530-bob", "10.0.0.2");
    assert_eq!(told(&mut site, &other, D, 100), "Your client is not on the whitelist");
    site.query(
        "INSERT INTO xbt_client_whitelist (peer_id) VALUES ('-UT353');
         DELETE FROM xbt_client_whitelist WHERE peer_id = '-qB4';
         DELETE FROM users_freeleeches;
         INSERT INTO users_freeleeches (UserID, TorrentID, Time, Uses) VALUES (2, 13, NOW(), 1)",
    );
    // The small tables are read at every look.
    control.resync(Some(0)).await.unwrap();
    assert_eq!(told(&mut site, &other, D, 100), "welcome");
    assert_eq!(told(&mut site, &alice(), D, 0), "Your client is not on the whitelist");
    site.announce(&other, D, report(0, 60, 40)).unwrap();
    site.announce(&bob(), A, report(0, 0, 100)).unwrap();
    site.announce(&bob(), A, report(0, 70, 30)).unwrap();
    assert_eq!(site.flush().await.dead_letters, []);
    // The new token covers 60 bytes; the old one is gone.
    assert_eq!(totals(&site, OPS, 2), "0\t70");
    assert_eq!(site.query("SELECT TorrentID, Downloaded FROM users_freeleeches"), "13\t60");
}

#[tokio::test(flavor = "multi_thread")]
async fn g2_g19_what_was_announced_just_before_a_stop_is_in_the_tables_after_it() {
    for setup in ALL {
        let Some(site) = Site::start(setup).await else { return };
        let dir = TempDir::new().unwrap();
        // No flush of its own comes before the stop.
        let slow = [("flush.interval_milliseconds", "60000")];
        let server = Whole::start(setup, &site.database.url(), dir.path(), &slow).await;
        let passkey = "b".repeat(32);
        let target = |rest: &str| announce(&passkey, 'D', "-TR4000-bob.........", rest);
        let begin = "uploaded=0&downloaded=0&left=1000000&event=started";
        let body = server.get(&target(begin)).await;
        let head = "d8:completei0e10:downloadedi0e10:incompletei1e8:intervali";
        let interval = body.strip_prefix(head).unwrap_or_else(|| panic!("{body}"));
        let (interval, rest) = interval.split_once('e').unwrap();
        assert!((1800..=2040).contains(&interval.parse().unwrap()), "{body}");
        assert_eq!(rest, "12:min intervali1800e5:peers0:e");
        server.get(&target("uploaded=1000&downloaded=400000&left=600000")).await;
        server.stop().await;
        assert_eq!(totals(&site, setup, 2), "1000\t400000");
        let row = "SELECT announced, remaining, active FROM xbt_files_users";
        assert_eq!(site.query(row), "2\t600000\t1");
        assert_eq!(counts(&site, setup, 13), "0\t1\t0\t-399000");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g19_g21_a_database_that_is_away_costs_nothing_but_time() {
    let Some(site) = Site::start(OPS).await else { return };
    let proxy = Proxy::start(site.database.endpoint().address());
    let url = site.database.url_at(proxy.address());
    let dir = TempDir::new().unwrap();
    let fast = [("flush.interval_milliseconds", "10")];
    let server = Whole::start(OPS, &url, dir.path(), &fast).await;
    let passkey = "b".repeat(32);
    let target = |up: u32| {
        let rest = format!("uploaded={up}&downloaded=0&left=100");
        announce(&passkey, 'D', "-TR4000-bob.........", &rest)
    };
    server.get(&target(0)).await;
    server.wait_for("mika_batch_applied_number", 1).await;
    proxy.disconnect();
    for up in 1..=500 {
        let body = server.get(&target(up)).await;
        assert!(body.contains("incompletei1e"), "{body}");
    }
    assert_eq!(totals(&site, OPS, 2), "0\t0");
    let journalled = server.metric("mika_batch_journalled_number").await;
    let applied = server.metric("mika_batch_applied_number").await;
    assert!(journalled > applied + 1, "{journalled} batches, of which {applied} are applied");
    proxy.set(Traffic::Passes);
    let last = server.metric("mika_batch_journalled_number").await;
    server.wait_for("mika_batch_applied_number", last).await;
    assert_eq!(totals(&site, OPS, 2), "500\t0");

    // A stop meanwhile is bounded, and what is left waits in the journal.
    proxy.disconnect();
    server.get(&target(600)).await;
    let began = Instant::now();
    server.stop().await;
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    assert_eq!(totals(&site, OPS, 2), "500\t0");
    proxy.set(Traffic::Passes);
    let server = Whole::start(OPS, &url, dir.path(), &fast).await;
    assert_eq!(totals(&site, OPS, 2), "600\t0");
    server.stop().await;
}
