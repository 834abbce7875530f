//! XBT: both generations of its tables.

use mika_core::site::Preset;
use mika_protocol::Event;
use mika_test_servers::{SqlMode, fixtures};

use super::site::{Client, Report, Setup, Site};

pub(super) const G3: Setup =
    Setup { fixture: fixtures::XBT_G3, mode: SqlMode::Strict, schema: "xbt", preset: Preset::Xbt };

pub(super) const G2: Setup = Setup { fixture: fixtures::XBT_G2, schema: "xbt-files", ..G3 };

pub(super) const A: [u8; 20] = [b'A'; 20];
pub(super) const B: [u8; 20] = [b'B'; 20];

/// The site, or a return from the test if there is no MariaDB.
macro_rules! site {
    ($setup:expr) => {
        match Site::start($setup).await {
            Some(site) => site,
            None => return,
        }
    };
}

pub(super) fn client(letter: &str, number: u8) -> Client {
    let name = format!("-XX0001-{letter}{number}");
    Client::with_passkey(&letter.repeat(32), &name, &format!("10.0.0.{number}"), 51413)
}

pub(super) fn report(uploaded: u64, downloaded: u64, left: u64) -> Report {
    Report { uploaded, downloaded, left, ..Report::default() }
}

pub(super) fn refused(site: &mut Site, client: &Client, hash: [u8; 20], report: Report) -> String {
    let refusal = site.announce(client, hash, report).unwrap_err();
    site.tracker.explain(refusal).text
}

#[tokio::test]
async fn x1_users_are_held_to_their_rights_wait_and_limit() {
    for setup in [G3, G2] {
        let mut site = site!(setup);
        assert_eq!((site.load.users, site.load.torrents, site.load.bad_rows), (4, 2, 0));
        let stranger = client("z", 9);
        assert_eq!(refused(&mut site, &stranger, A, report(0, 0, 0)), "unregistered torrent pass");
        let unknown = [b'Z'; 20];
        let text = refused(&mut site, &client("a", 1), unknown, report(0, 0, 0));
        assert_eq!(text, "unregistered torrent");
        let text = refused(&mut site, &client("b", 2), A, report(0, 0, 5));
        assert_eq!(text, "access denied, leeching forbidden, you are only allowed to seed");
        site.announce(&client("b", 2), A, report(0, 0, 0)).unwrap();
        let text = refused(&mut site, &client("c", 3), A, report(0, 0, 5));
        assert_eq!(text, "access denied, wait time in effect");
        site.announce(&client("c", 3), B, report(0, 0, 5)).unwrap();
        site.announce(&client("d", 4), A, report(0, 0, 5)).unwrap();
        let text = refused(&mut site, &client("d", 5), A, report(0, 0, 5));
        assert_eq!(text, "access denied, peers limit reached");
    }
}

#[tokio::test]
async fn x3_x4_a_users_bytes_on_a_torrent_add_up_over_its_sessions() {
    for setup in [G3, G2] {
        let mut site = site!(setup);
        let d = client("d", 4);
        let on = |event, report| Report { event, ..report };
        site.announce(&d, A, on(Event::Started, report(0, 0, 400))).unwrap();
        site.announce(&d, A, report(50, 100, 300)).unwrap();
        site.announce(&d, A, on(Event::Completed, report(70, 400, 0))).unwrap();
        site.announce(&d, A, on(Event::Completed, report(70, 400, 0))).unwrap();
        site.announce(&d, A, report(10, 20, 0)).unwrap();
        assert_eq!(site.flush().await.dead_letters, []);
        let (torrents, peers, tid) = match setup.schema {
            "xbt" => ("xbt_torrents", "xbt_peers", "tid"),
            _ => ("xbt_files", "xbt_files_users", "fid"),
        };
        let counts =
            format!("SELECT seeders, leechers, completed, mtime FROM {torrents} WHERE {tid} = 1");
        assert_eq!(site.query(&counts), format!("1\t0\t5\t{}", site.now_seconds));
        site.announce(&d, A, on(Event::Stopped, report(40, 20, 0))).unwrap();
        assert_eq!(site.flush().await.dead_letters, []);
        let row =
            format!("SELECT active, downloaded, uploaded, `left`, completed, mtime FROM {peers}");
        assert_eq!(site.query(&row), format!("0\t400\t100\t0\t1\t{}", site.now_seconds));
        let totals = "SELECT uploaded, downloaded FROM xbt_users WHERE uid = 4";
        assert_eq!(site.query(totals), "100\t400");
        assert_eq!(site.query(&counts), format!("0\t0\t5\t{}", site.now_seconds));
    }
}

#[tokio::test]
async fn x5_a_torrent_that_is_flagged_is_refused() {
    let site = Site::start_with(G3, "UPDATE xbt_torrents SET flags = 1 WHERE tid = 1").await;
    let Some(mut site) = site else { return };
    let text = refused(&mut site, &client("a", 1), A, report(0, 0, 0));
    assert_eq!(text, "unregistered torrent");
}

#[tokio::test]
async fn x6_the_first_generation_counts_announces() {
    let mut site = site!(G2);
    site.announce(&client("a", 1), A, report(0, 0, 0)).unwrap();
    site.announce(&client("a", 1), A, report(0, 0, 0)).unwrap();
    site.flush().await;
    site.announce(&client("a", 1), A, report(0, 0, 0)).unwrap();
    site.flush().await;
    assert_eq!(site.query("SELECT announced FROM xbt_files_users"), "3");
}

#[tokio::test]
async fn x6_a_forum_may_call_its_tables_and_columns_otherwise() {
    let names = [("users", "bb_bt_users"), ("torrents", "bb_bt_torrents"), ("user_id", "user_id")];
    let setup = G3;
    let changes = "RENAME TABLE xbt_users TO bb_bt_users, xbt_torrents TO bb_bt_torrents;
        ALTER TABLE bb_bt_users CHANGE uid user_id INT NOT NULL AUTO_INCREMENT;
        ALTER TABLE xbt_peers CHANGE uid user_id INT NOT NULL";
    let Some(mut site) = Site::start_named(setup, changes, &names).await else { return };
    site.announce(&client("a", 1), A, report(0, 0, 0)).unwrap();
    site.announce(&client("a", 1), A, report(9, 0, 0)).unwrap();
    assert_eq!(site.flush().await.dead_letters, []);
    assert_eq!(site.query("SELECT uploaded FROM bb_bt_users WHERE user_id = 1"), "9");
    assert_eq!(site.query("SELECT seeders FROM bb_bt_torrents WHERE tid = 1"), "1");
}
