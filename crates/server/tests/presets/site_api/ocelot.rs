//! Gazelle calls Ocelot.

use std::time::{Duration, Instant};

use mika_core::site::Preset;
use serde_json::Value;
use tempfile::TempDir;

use super::{PASSWORD, REPORT_PASSWORD, Said, call, listening};
use crate::gazelle::{OPS, WCD};
use crate::site::{Setup, Site};
use crate::whole::{Whole, announce};

/// A site, its tracker, and where Gazelle calls.
struct Stage {
    site: Site,
    server: Whole,
    port: u16,
    _dir: TempDir,
}

impl Stage {
    async fn start(setup: Setup) -> Option<Self> {
        Self::start_with(setup, &[]).await
    }

    async fn start_with(setup: Setup, more: &[(&str, &str)]) -> Option<Self> {
        let site = Site::start(setup).await?;
        let dir = TempDir::new().unwrap();
        let (port, listen) = listening();
        let own = [
            ("site_api.listen", listen.as_str()),
            ("site_api.ocelot_password", PASSWORD),
            ("site_api.ocelot_report_password", REPORT_PASSWORD),
            ("flush.interval_milliseconds", "20"),
        ];
        let keys = [own.as_slice(), more].concat();
        let server = Whole::start(setup, &site.database.url(), dir.path(), &keys).await;
        Some(Self { site, server, port, _dir: dir })
    }

    /// As Orpheus' Gazelle writes a request.
    async fn ask(&self, secret: &str, what: &str) -> Said {
        let head = "Host: tracker.example.org\r\nConnection: Close";
        call(self.port, format!("GET /{secret}/{what} HTTP/1.1\r\n{head}\r\n\r\n")).await
    }

    /// An update that is made.
    async fn update(&self, query: &str) {
        let said = self.ask(PASSWORD, &format!("update?{query}")).await;
        assert_eq!((said.status, said.body.as_str()), (200, "success"), "{query}");
    }

    async fn refused(&self, query: &str) -> u16 {
        let said = self.ask(PASSWORD, &format!("update?{query}")).await;
        assert_ne!(said.body, "success", "{query}");
        said.status
    }

    /// What Orpheus' Gazelle takes for the payload of a report: all up to the last line break.
    async fn report(&self, query: &str) -> Option<String> {
        let said = self.ask(REPORT_PASSWORD, &format!("report?{query}")).await;
        let payload = said.body.rsplit_once('\n').map(|(payload, _)| payload.to_owned());
        if said.status == 200 { payload } else { None }
    }

    async fn user(&self, letter: &str) -> Option<String> {
        self.report(&format!("get=user&key={}", letter.repeat(32))).await
    }

    /// What a client is told: "welcome", or a reason.
    async fn told(&self, letter: &str, target: &str) -> String {
        self.told_as(letter, "-TR4000-............", target).await
    }

    async fn told_as(&self, letter: &str, peer_id: &str, target: &str) -> String {
        let (hash, rest) = target.split_at(1);
        let rest = rest.trim_start();
        let rest = if rest.is_empty() { "left=0&uploaded=0&downloaded=0" } else { rest };
        let hash = hash.chars().next().unwrap();
        let body = self.server.get(&announce(&letter.repeat(32), hash, peer_id, rest)).await;
        match body.strip_prefix("d14:failure reason") {
            None => "welcome".to_owned(),
            Some(rest) => {
                let (length, rest) = rest.split_once(':').unwrap();
                rest[..length.parse().unwrap()].to_owned()
            }
        }
    }

    async fn wait_for(&self, sql: &str, expected: &str) {
        let begin = Instant::now();
        while self.site.query(sql) != expected {
            assert!(begin.elapsed() < Duration::from_secs(60), "{}", self.site.query(sql));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The stage, or a return from the test if there is no MariaDB.
macro_rules! stage {
    ($setup:expr) => {
        match Stage::start($setup).await {
            Some(stage) => stage,
            None => return,
        }
    };
}

/// `F` twenty times, as PHP's `rawurlencode` would write bytes that need it.
const ESCAPED_F: &str = "%46%46%46%46%46%46%46%46%46%46%46%46%46%46%46%46%46%46%46%46";

#[tokio::test(flavor = "multi_thread")]
async fn g12_torrents_are_added_changed_and_deleted_for_the_next_announce() {
    for setup in [OPS, WCD] {
        let stage = stage!(setup);
        assert_eq!(stage.told("a", "F").await, "Unregistered torrent");
        stage
            .update(&format!("action=add_torrent&info_hash={ESCAPED_F}&id=99&freetorrent=0"))
            .await;
        assert_eq!(stage.told("a", "F").await, "welcome");

        // Of a torrent that became free the next delta does not count.
        let leech = |down: u32| format!("D left=1000&uploaded={down}&downloaded={down}");
        stage.told("b", &leech(0)).await;
        stage.told("b", &leech(100)).await;
        let hash = "D".repeat(20);
        stage.update(&format!("action=update_torrent&info_hash={hash}&freetorrent=1")).await;
        stage.told("b", &leech(1100)).await;
        stage.update(&format!("action=update_torrents&info_hashes={hash}&freetorrent=2")).await;
        stage.told("b", &leech(5100)).await;
        let table = if setup.schema == "gazelle" { "users_leech_stats" } else { "users_main" };
        let id = if setup.schema == "gazelle" { "UserID" } else { "ID" };
        let totals = format!("SELECT Uploaded, Downloaded FROM {table} WHERE {id} = 2");
        stage.wait_for(&totals, "1100\t100").await;

        let hash = "F".repeat(20);
        for (reason, text) in [
            ("&reason=0", "Unregistered torrent: Dupe"),
            ("&reason=-1", "Unregistered torrent"),
            ("", "Unregistered torrent"),
            ("&reason=23", "Unregistered torrent: Extraneous Files"),
        ] {
            stage.update(&format!("action=delete_torrent&info_hash={hash}&id=99{reason}")).await;
            assert_eq!(stage.told("a", "F").await, text, "{reason}");
        }
        stage.update(&format!("action=add_torrent&id=99&info_hash={hash}&freetorrent=0")).await;
        assert_eq!(stage.told("a", "F").await, "welcome");
        // What is not known any more is deleted already.
        stage.update(&format!("action=delete_torrent&info_hash={}", "Y".repeat(20))).await;
        stage.update(&format!("action=update_torrent&info_hash={}", "Y".repeat(20))).await;
        assert_eq!(stage.refused("action=add_torrent&info_hash=short&id=1").await, 400);
        assert_eq!(stage.refused("action=add_torrent&info_hash=short&id=1").await, 400);
        stage.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g13_users_come_change_and_go_for_the_next_announce() {
    let stage = stage!(OPS);
    let key = "f".repeat(32);
    assert_eq!(stage.told("f", "A").await, "Passkey not found");
    stage.update(&format!("action=add_user&passkey={key}&id=6&visible=0")).await;
    let report = |leeching: u8, protected: u8, can_leech: u8, traced: u8| {
        Some(format!(
            "{{\"id\":6,\"leeching\":{leeching},\"seeding\":0,\"deleted\":0,\
             \"protected\":{protected},\"can_leech\":{can_leech},\"traced\":{traced}}}"
        ))
    };
    assert_eq!(stage.user("f").await, report(0, 1, 1, 0));
    assert_eq!(stage.told("f", "A left=5&uploaded=0&downloaded=0").await, "welcome");
    assert_eq!(stage.user("f").await, report(1, 1, 1, 0));

    stage.update(&format!("action=update_user&passkey={key}&can_leech=0&visible=1")).await;
    assert_eq!(stage.user("f").await, report(1, 0, 0, 0));
    let refused = "Access denied, leeching forbidden";
    assert_eq!(stage.told("f", "A left=5&uploaded=0&downloaded=0").await, refused);
    // Ocelot takes what is left out for the default.
    stage.update(&format!("action=update_user&passkey={key}&visible=0")).await;
    assert_eq!(stage.user("f").await, report(1, 1, 0, 0));
    stage.update(&format!("action=update_user&passkey={key}&can_leech=1")).await;
    stage.update(&format!("action=trace_user&passkey={key}&trace=1")).await;
    assert_eq!(stage.user("f").await, report(1, 1, 1, 1));
    stage.update(&format!("action=trace_user&passkey={key}&trace=0")).await;

    let new = "9".repeat(32);
    stage.update(&format!("action=change_passkey&oldpasskey={key}&newpasskey={new}")).await;
    assert_eq!(stage.told("f", "A").await, "Passkey not found");
    assert_eq!(stage.user("f").await, None);
    assert_eq!(stage.told("9", "A left=5&uploaded=0&downloaded=0").await, "welcome");
    assert_eq!(stage.user("9").await, report(1, 1, 1, 0));

    stage.update(&format!("action=remove_user&passkey={new}")).await;
    assert_eq!(stage.told("9", "A").await, "Passkey not found");
    assert_eq!(stage.user("9").await, None);
    // WCD enables an account again with all that it has.
    stage.update(&format!("action=add_user&id=6&passkey={new}&visible=1")).await;
    assert_eq!(stage.told("9", "A").await, "welcome");
    let many: String = (0..119).map(|number| format!("{number:032}")).collect();
    stage.update(&format!("action=remove_users&passkeys={many}{new}")).await;
    assert_eq!(stage.told("9", "A").await, "Passkey not found");
    assert_eq!(stage.told("a", "A").await, "welcome");
    stage.update("action=remove_users&passkeys=").await;
    stage.update("action=of_a_newer_site&with=something").await;
    assert_eq!(stage.refused("action=add_user&passkey=f").await, 400);
    stage.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g14_the_whitelist_is_changed_byte_for_byte_and_never_opened() {
    let stage = stage!(OPS);
    let refused = "Your client is not on the whitelist";
    let odd = "#ut-1...............".replace('#', "%23");
    assert_eq!(stage.told_as("a", &odd, "A").await, refused);
    stage.update("action=add_whitelist&peer_id=#ut-1").await;
    assert_eq!(stage.told_as("a", &odd, "A").await, "welcome");
    let other = "#vt-1...............".replace('#', "%23");
    stage.update("action=edit_whitelist&old_peer_id=#ut-1&new_peer_id=#vt-").await;
    assert_eq!(stage.told_as("a", &odd, "A").await, refused);
    assert_eq!(stage.told_as("a", &other, "A").await, "welcome");
    for query in [
        "action=add_whitelist&peer_id=",
        "action=add_whitelist",
        "action=edit_whitelist&old_peer_id=#vt-&new_peer_id=",
        "action=remove_whitelist&peer_id=",
    ] {
        assert_eq!(stage.refused(query).await, 400, "{query}");
    }
    assert_eq!(stage.told_as("a", &odd, "A").await, refused);
    stage.update("action=remove_whitelist&peer_id=#vt-").await;
    assert_eq!(stage.told_as("a", &other, "A").await, refused);
    assert_eq!(stage.told("a", "A").await, "welcome");
    stage.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_in_force_before_the_site_has_written_it() {
    let stage = stage!(OPS);
    let hash = "D".repeat(20);
    let leech = |down: u32| format!("D left=1000&uploaded=0&downloaded={down}");
    let totals = "SELECT Downloaded FROM users_leech_stats WHERE UserID = 2";
    stage.told("b", &leech(0)).await;
    stage.update(&format!("action=add_token&info_hash={hash}&userid=2")).await;
    stage.told("b", &leech(300)).await;
    stage.update(&format!("action=remove_token&info_hash={hash}&userid=2")).await;
    stage.update(&format!("action=remove_token&info_hash={hash}&userid=2")).await;
    stage.told("b", &leech(500)).await;
    stage.wait_for(totals, "200").await;
    // Gazelle gives the token back if this fails.
    let unknown = "Y".repeat(20);
    assert_eq!(stage.refused(&format!("action=add_token&info_hash={unknown}&userid=2")).await, 404);
    assert_eq!(stage.refused(&format!("action=add_token&info_hash={hash}&userid=77")).await, 404);
    stage.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g15_reports_are_what_orpheus_gazelle_parses() {
    let stage = stage!(OPS);
    stage.told("a", "D").await;
    stage.told("b", "D left=1000&uploaded=0&downloaded=0").await;
    let hash = "D".repeat(20);
    stage.update(&format!("action=add_token&info_hash={hash}&userid=2")).await;
    let payload = stage.report(&format!("get=torrent&info_hash={hash}")).await.unwrap();
    let torrent: Value = serde_json::from_str(&payload).unwrap();
    assert_eq!(torrent.as_object().unwrap().len(), 9);
    assert_eq!(torrent["id"], 13);
    assert_eq!(torrent["seeder_list"], serde_json::json!([1]));
    assert_eq!(torrent["leecher_list"], serde_json::json!([2]));
    assert_eq!(torrent["fltoken_list"], serde_json::json!([2]));
    assert!(torrent["last_flushed"].is_u64());
    assert_eq!(stage.report(&format!("get=torrent&info_hash={}", "Y".repeat(20))).await, None);

    let stats =
        |payload: Option<String>| -> Value { serde_json::from_str(&payload.unwrap()).unwrap() };
    let before = stats(stage.report("get=stats").await);
    assert_eq!(before["announce interval"]["value"], 1800);
    assert_eq!(before["announce jitter"], serde_json::json!({ "type": "number", "value": 240 }));
    assert_eq!(before["seeders tracked"]["value"], 1);
    assert_eq!(before["uptime"]["type"], "elapsed");
    assert_eq!(before["version"]["type"], "string");
    stage.update("action=update_announce_interval&new_announce_interval=1700").await;
    stage.update("action=update_announce_jitter&new_announce_jitter=60").await;
    for _ in 0..7 {
        stage.user("a").await.unwrap();
    }
    let after = stats(stage.report("get=stats").await);
    let requests = |stats: &Value| stats["requests handled"]["value"].as_u64().unwrap();
    assert_eq!(requests(&after) - requests(&before), 10);
    assert_eq!(after["announce interval"]["value"], 1700);
    assert_eq!(after["announce jitter"]["value"], 60);
    let rest = "left=0&uploaded=0&downloaded=0";
    let target = announce(&"a".repeat(32), 'D', "-TR4000-............", rest);
    let told = stage.server.get(&target).await;
    assert!(told.contains("12:min intervali1700e"), "{told}");
    let too_long = "action=update_announce_interval&new_announce_interval=99999";
    assert_eq!(stage.refused(too_long).await, 400);

    let prometheus = stage.ask(REPORT_PASSWORD, "report?get=prom_stats").await.body;
    assert!(prometheus.contains("\nocelot_seeders 1\n"), "{prometheus}");
    assert!(prometheus.ends_with("\n#"), "{prometheus}");
    let memory = stage.report("get=jemalloc").await.unwrap();
    assert!(memory.starts_with("resident memory: "), "{memory}");
    assert_eq!(stage.report("get=something").await, None);
    assert_eq!(stage.report("get=user").await, None);
    let info = stage.ask(PASSWORD, &format!("update?action=info_torrent&info_hash={hash}")).await;
    let info: Value = serde_json::from_str(&info.body).unwrap();
    assert_eq!((info["id"].as_u64(), info["free"].as_u64()), (Some(13), Some(0)));
    stage.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g15_the_connection_is_closed_and_a_wrong_secret_is_a_failure() {
    let stage = stage!(OPS);
    let said = stage.ask(REPORT_PASSWORD, "report?get=stats").await;
    assert!(said.head.starts_with("HTTP/1.1 200 OK\r\n"), "{}", said.head);
    let head = said.head.to_lowercase();
    assert!(head.contains(&format!("\r\ncontent-length: {}", said.body.len())), "{head}");
    assert!(head.contains("\r\nconnection: close"), "{head}");
    assert!(!head.contains("transfer-encoding") && !head.contains("content-encoding"), "{head}");
    assert!(said.body.ends_with("}\n"), "{}", said.body);
    // What.CD's sends no Host.
    let request = format!("GET /{PASSWORD}/update?action=x HTTP/1.1\r\nConnection: Close\r\n\r\n");
    assert_eq!(call(stage.port, request).await.body, "success");
    let request = format!("GET /{PASSWORD}/update?action=x HTTP/1.0\r\n\r\n");
    assert_eq!(call(stage.port, request).await.body, "success");

    // Each of the two secrets is for its own.
    let what = ["update?action=remove_user&passkey=a", "report?get=stats"];
    for (secret, what) in [(REPORT_PASSWORD, what[0]), (PASSWORD, what[1]), ("wrong", what[0])] {
        let said = stage.ask(secret, what).await;
        assert_eq!(said.status, 403, "{what}");
        assert!(!said.body.ends_with("success"), "{}", said.body);
    }
    assert_eq!(stage.ask(PASSWORD, "something?x=1").await.status, 404);
    assert_eq!(call(stage.port, "nonsense\r\n\r\n").await.status, 400);
    let stats = stage.report("get=stats").await.unwrap();
    let stats: Value = serde_json::from_str(&stats).unwrap();
    assert_eq!(stats["bad tracker secret received"]["value"], 2);
    assert_eq!(stats["bad report secret received"]["value"], 1);
    // The port of the clients knows nothing of it.
    let target = format!("/{PASSWORD}/update?action=x");
    assert_ne!(stage.server.get(&target).await, "success");
    stage.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g16_text_reports_are_what_the_old_gazelle_splits() {
    let stage = stage!(WCD);
    assert_eq!(WCD.preset, Preset::GazelleWcd);
    stage.told("a", "D").await;
    stage.told("b", "D left=1000&uploaded=0&downloaded=0").await;
    let said = stage.ask(REPORT_PASSWORD, "report?get=stats").await;
    let lines: Vec<&str> = said.body.split('\n').collect();
    assert!(lines[0].starts_with("Uptime: 0 days, 00:00:"), "{}", lines[0]);
    let labels: Vec<&str> =
        lines[1..13].iter().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(
        labels,
        [
            "connections opened",
            "open connections",
            "connections/s",
            "requests handled",
            "requests/s",
            "successful announcements",
            "failed announcements",
            "scrapes",
            "leechers tracked",
            "seeders tracked",
            "bytes read",
            "bytes written"
        ]
    );
    assert_eq!(
        (lines[9], lines[10], lines[13]),
        ("1 leechers tracked", "1 seeders tracked", "success")
    );
    assert_eq!(lines.len(), 14);
    let user = format!("report?get=user&key={}", "b".repeat(32));
    assert_eq!(stage.ask(REPORT_PASSWORD, &user).await.body, "1 leeching\n0 seeding\nsuccess");
    assert_eq!(stage.ask(REPORT_PASSWORD, "report?get=user&key=x").await.body, "success");
    let unknown = stage.ask(REPORT_PASSWORD, "report?get=x").await;
    assert_eq!(unknown.body, "Invalid action\nsuccess");
    stage.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_outlives_a_look_at_tables_that_do_not_say_it_yet() {
    let keys = [("store.resync_seconds", "1"), ("store.full_resync_seconds", "1")];
    let Some(stage) = Stage::start_with(OPS, &keys).await else { return };
    let hash = "F".repeat(20);
    stage.update(&format!("action=add_torrent&info_hash={hash}&id=99&freetorrent=0")).await;
    stage.update(&format!("action=add_user&passkey={}&id=6", "f".repeat(32))).await;
    stage.update("action=add_whitelist&peer_id=#ut-1").await;
    stage.update(&format!("action=remove_user&passkey={}", "a".repeat(32))).await;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(4) {
        assert_eq!(stage.told_as("f", "%23ut-1...............", "F").await, "welcome");
        assert_eq!(stage.told("a", "A").await, "Passkey not found");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // In the end the tables are right.
    let begin = Instant::now();
    while stage.told("a", "A").await != "welcome" || stage.told("f", "A").await == "welcome" {
        assert!(begin.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stage.server.stop().await;
}
