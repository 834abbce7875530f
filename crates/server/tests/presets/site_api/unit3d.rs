//! UNIT3D calls UNIT3D-Announce.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{KEY, Said, call, listening};
use crate::site::Site;
use crate::unit3d::SETUP;
use crate::whole::{Whole, exchange};

/// A site, its tracker, and where UNIT3D calls.
struct Stage {
    site: Site,
    server: Whole,
    port: u16,
    dir: TempDir,
}

/// An announce of a user.
#[derive(Clone, Copy)]
struct By<'a> {
    passkey: &'a str,
    torrent: u8,
    peer_id: &'a str,
    left: u32,
    moved: u32,
}

fn by(passkey: &str, torrent: u8) -> By<'_> {
    By { passkey, torrent, peer_id: "-qB4650-000000000001", left: 0, moved: 0 }
}

fn passkey(user: u32) -> String {
    format!("{user:032}")
}

impl Stage {
    async fn start() -> Option<Self> {
        let site = Site::start(SETUP).await?;
        let dir = TempDir::new().unwrap();
        let (port, listen) = listening();
        let socket = dir.path().join("site.sock").display().to_string();
        let keys = [
            ("site_api.listen", listen.as_str()),
            ("site_api.unit3d_key", KEY),
            ("site_api.unix_socket", socket.as_str()),
            ("flush.interval_milliseconds", "20"),
            ("site.announce_min_enforced_seconds", "0"),
        ];
        let server = Whole::start(SETUP, &site.database.url(), dir.path(), &keys).await;
        Some(Self { site, server, port, dir })
    }

    /// As Laravel writes a request.
    async fn ask(&self, method: &str, path: &str, body: &str) -> Said {
        call(self.port, request(method, &format!("/announce/{KEY}/{path}"), body)).await
    }

    /// A change that UNIT3D takes for a success.
    async fn tell(&self, method: &str, path: &str, body: Value) {
        let said = self.ask(method, path, &body.to_string()).await;
        assert_eq!(said.status, 200, "{method} {path} {body}: {}", said.body);
    }

    async fn get(&self, path: &str) -> Option<Value> {
        let said = self.ask("GET", path, "").await;
        (said.status == 200).then(|| serde_json::from_str(&said.body).unwrap())
    }

    /// What a client is told: "welcome", a failure, or a warning.
    async fn told(&self, by: By<'_>) -> String {
        let By { passkey, torrent, peer_id, left, moved } = by;
        let hash = format!("{}%{torrent:02X}", "%00".repeat(19));
        let target = format!(
            "/announce/{passkey}?info_hash={hash}&peer_id={peer_id}&port=50000&left={left}\
             &uploaded={moved}&downloaded={moved}"
        );
        let body = self.server.get(&target).await;
        for mark in ["14:failure reason", "15:warning message"] {
            if let Some((_, rest)) = body.split_once(mark) {
                let (length, rest) = rest.split_once(':').unwrap();
                return rest[..length.parse().unwrap()].to_owned();
            }
        }
        assert!(body.starts_with("d8:complete"), "{body}");
        "welcome".to_owned()
    }

    /// What a user is credited on a torrent for two reports that are 1000 bytes apart.
    async fn credited(&self, user: u32, torrent: u8, peer_id: &str) -> String {
        let passkey = passkey(user);
        let by = By { left: 5000, peer_id, ..by(&passkey, torrent) };
        let of = format!("FROM history WHERE user_id = {user} AND torrent_id = {torrent}");
        let raw = format!("SELECT COALESCE(SUM(actual_uploaded), 0) {of}");
        let before: u64 = self.site.query(&raw).parse().unwrap();
        assert_eq!(self.told(by).await, "welcome");
        self.told(By { moved: 1000, ..by }).await;
        self.wait_for(&raw, &(before + 1000).to_string()).await;
        self.site.query(&format!("SELECT uploaded, downloaded {of}"))
    }

    async fn wait_for(&self, sql: &str, expected: &str) {
        let begin = Instant::now();
        while self.site.query(sql) != expected {
            let is = self.site.query(sql);
            assert!(begin.elapsed() < Duration::from_secs(60), "{sql}: {is}, not {expected}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn request(method: &str, path: &str, body: &str) -> String {
    let head = "Host: localhost\r\nUser-Agent: GuzzleHttp/7\r\nAccept: application/json\r\n\
                Content-Type: application/json\r\nConnection: close";
    let length = body.len();
    format!("{method} {path} HTTP/1.1\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// The stage, or a return from the test if there is no MariaDB.
macro_rules! stage {
    () => {
        match Stage::start().await {
            Some(stage) => stage,
            None => return,
        }
    };
}

const NO_PASSKEY: &str = "Passkey does not exist. Please re-download the .torrent file.";

fn user(id: u32, passkey: &str) -> Value {
    json!({
        "id": id, "group_id": 3, "passkey": passkey, "new_passkey": null, "can_download": true,
        "is_donor": true, "is_lifetime": false, "num_seeding": 0, "num_leeching": 0,
    })
}

fn torrent(id: u32, hash: u8) -> Value {
    json!({
        "id": id, "status": 1, "info_hash": format!("{hash:040x}"), "is_deleted": false,
        "seeders": 0, "leechers": 0, "times_completed": 0, "download_factor": 100,
        "upload_factor": 100,
    })
}

fn with(mut value: Value, changes: Value) -> Value {
    let (Value::Object(fields), Value::Object(changes)) = (&mut value, changes) else { panic!() };
    fields.extend(changes);
    value
}

#[tokio::test(flavor = "multi_thread")]
async fn check_15_users_come_change_their_passkey_and_go() {
    let stage = stage!();
    let [old, new] = ["a", "b"].map(|letter| letter.repeat(32));
    assert_eq!(stage.told(by(&old, 110)).await, NO_PASSKEY);
    stage.tell("PUT", "users", user(30, &old)).await;
    assert_eq!(stage.told(by(&old, 110)).await, "welcome");
    assert_eq!(stage.get("users/30").await.unwrap()["num_seeding"], 1);

    stage.tell("PUT", "users", with(user(30, &old), json!({ "new_passkey": new }))).await;
    assert_eq!(stage.told(by(&old, 110)).await, NO_PASSKEY);
    assert_eq!(stage.told(by(&new, 110)).await, "welcome");
    let seen = stage.get("users/30").await.unwrap();
    let rates = json!({ "rates": [] });
    assert_eq!(
        seen,
        json!({
            "id": 30, "group_id": 3, "passkey": new, "can_download": true, "is_donor": true,
            "is_lifetime": false, "num_seeding": 1, "num_leeching": 0,
            "receive_seed_list_rates": rates, "receive_leech_list_rates": rates,
        })
    );
    let refused = with(user(30, &new), json!({ "can_download": false }));
    stage.tell("PUT", "users", refused).await;
    let leeching = By { left: 5, ..by(&new, 110) };
    assert_eq!(stage.told(leeching).await, "Your downloading privileges have been disabled.");

    stage.tell("DELETE", "users", json!({ "id": 30, "passkey": new })).await;
    stage.tell("DELETE", "users", json!({ "id": 30, "passkey": new })).await;
    assert_eq!(stage.told(by(&new, 110)).await, NO_PASSKEY);
    assert_eq!(stage.get("users/30").await, None);
    let short = user(31, "short").to_string();
    assert_eq!(stage.ask("PUT", "users", &short).await.status, 400);
    assert_eq!(stage.ask("PUT", "users", "{").await.status, 400);
    let no_id = json!({ "passkey": old }).to_string();
    assert_eq!(stage.ask("PUT", "users", &no_id).await.status, 422);
    // One that no call has mentioned is told as the tables have it.
    assert_eq!(stage.get("users/11").await.unwrap()["passkey"], passkey(11));
    // Sites from 8.3.4 on send neither a new passkey nor the two kinds of donors.
    let plain = json!({ "id": 30, "group_id": 3, "passkey": old, "can_download": true,
                        "num_seeding": 0, "num_leeching": 0 });
    stage.tell("PUT", "users", plain).await;
    assert_eq!(stage.told(by(&old, 110)).await, "welcome");
    stage.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_16_torrents_come_change_and_go_and_keep_their_peers() {
    let stage = stage!();
    let key = passkey(11);
    assert_eq!(stage.told(by(&key, 200)).await, "InfoHash not found.");
    stage.tell("PUT", "torrents", torrent(200, 200)).await;
    assert_eq!(stage.told(by(&key, 200)).await, "welcome");

    // Live counts are not replaced by those that the site has read from its tables.
    let changed = json!({ "download_factor": 0, "upload_factor": 200, "seeders": -1,
                          "leechers": 40, "times_completed": 9 });
    stage.tell("PUT", "torrents", with(torrent(200, 200), changed)).await;
    let seen = stage.get("torrents/200").await.unwrap();
    assert_eq!(
        [&seen["seeders"], &seen["leechers"], &seen["download_factor"], &seen["upload_factor"]],
        [1, 0, 0, 200]
    );
    let peer_id = "2D7142343635302D303030303030303030303031";
    let peer = &seen["peers"][format!("11-{peer_id}")];
    assert_eq!((&peer["ip_address"], &peer["port"]), (&json!("127.0.0.1"), &json!(50000)));
    assert_eq!((&peer["is_seeder"], &peer["is_visible"]), (&json!(true), &json!(true)));
    assert_eq!((&seen["status"], &seen["is_deleted"]), (&json!("Approved"), &json!(false)));

    stage.tell("DELETE", "torrents", json!({ "id": 200, "info_hash": "" })).await;
    assert_eq!(stage.told(by(&key, 200)).await, "Torrent has been deleted.");
    stage.tell("DELETE", "torrents", json!({ "id": 9999, "info_hash": "" })).await;
    stage.tell("PUT", "torrents", torrent(201, 200)).await;
    assert_eq!(stage.told(by(&key, 200)).await, "welcome");
    assert_eq!(stage.get("torrents/201").await.unwrap()["id"], 201);
    for (status, told) in [(0, "Torrent is pending moderation."), (2, "Torrent has been rejected.")]
    {
        stage.tell("PUT", "torrents", with(torrent(201, 200), json!({ "status": status }))).await;
        assert_eq!(stage.told(by(&key, 200)).await, told);
    }
    assert_eq!(stage.get("torrents/9999").await, None);
    let bad = with(torrent(202, 0), json!({ "info_hash": "xyz" })).to_string();
    assert_eq!(stage.ask("PUT", "torrents", &bad).await.status, 400);
    stage.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_17_every_other_call_counts_for_the_next_announce() {
    let stage = stage!();
    // Before the calls, between them, and behind them.
    assert_eq!(stage.credited(11, 110, "-qB4650-00000000000a").await, "1000\t1000");
    let token = json!({ "user_id": 11, "torrent_id": 110 });
    stage.tell("PUT", "freeleech-tokens", token.clone()).await;
    stage.tell("PUT", "freeleech-tokens", token.clone()).await;
    assert_eq!(stage.credited(11, 110, "-qB4650-00000000000b").await, "2000\t1000");
    stage.tell("DELETE", "freeleech-tokens", token).await;
    assert_eq!(stage.credited(11, 110, "-qB4650-00000000000c").await, "3000\t2000");

    let personal = json!({ "user_id": 18 });
    stage.tell("PUT", "personal-freeleech", personal.clone()).await;
    assert_eq!(stage.credited(18, 110, "-qB4650-00000000000a").await, "1000\t0");
    stage.tell("DELETE", "personal-freeleech", personal.clone()).await;
    stage.tell("DELETE", "personal-freeleech", personal).await;
    assert_eq!(stage.credited(18, 110, "-qB4650-00000000000b").await, "2000\t1000");

    let featured = json!({ "torrent_id": 111 });
    stage.tell("PUT", "featured-torrents", featured.clone()).await;
    assert_eq!(stage.credited(18, 111, "-qB4650-00000000000a").await, "2000\t0");
    stage.tell("DELETE", "featured-torrents", featured).await;
    assert_eq!(stage.credited(18, 111, "-qB4650-00000000000b").await, "3000\t1000");

    let group = json!({ "id": 3, "slug": "user", "download_slots": null, "is_immune": true,
                        "is_freeleech": true, "is_double_upload": true });
    stage.tell("PUT", "groups", group.clone()).await;
    assert_eq!(stage.credited(12, 112, "-qB4650-00000000000a").await, "2000\t0");
    stage.tell("PUT", "groups", with(group, json!({ "slug": "banned" }))).await;
    let told = stage.told(by(&passkey(12), 112)).await;
    assert_eq!(told, "Your account is not enabled. (Current: banned).");
    stage.tell("DELETE", "groups", json!({ "id": 3 })).await;
    assert_eq!(stage.told(by(&passkey(12), 112)).await, "Group not found.");

    let wrong = [
        request("PUT", &format!("/announce/{}/groups", "x".repeat(32)), "{}"),
        request("GET", "/announce/", ""),
        request("PUT", &format!("/announce/{KEY}/something"), "{}"),
        request("GET", &format!("/announce/{KEY}"), ""),
    ];
    for request in wrong {
        assert_eq!(call(stage.port, request.clone()).await.status, 404, "{request}");
    }
    assert_eq!(call(stage.port, request("GET", "/announce/health/ping", "")).await.body, "PONG");
    let said = stage.ask("POST", "config/reload", "").await;
    assert_eq!((said.status, said.body.as_str()), (200, "Successfully reloaded config."));
    stage.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_17_an_empty_prefix_bans_everybody_until_it_is_removed() {
    let stage = stage!();
    let (key, blacklisted) = (passkey(11), "Client is not acceptable. Please check our blacklist.");
    let all = json!({ "peer_id_prefix": "" });
    stage.site.query("INSERT INTO blacklist_clients (name, peer_id_prefix) VALUES ('all', '')");
    stage.tell("PUT", "blacklisted-agents", all.clone()).await;
    assert_eq!(stage.told(by(&key, 110)).await, blacklisted);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(stage.told(by(&key, 110)).await, blacklisted);
    stage.tell("DELETE", "blacklisted-agents", all).await;
    assert_eq!(stage.told(by(&key, 110)).await, "welcome");
    stage.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_18_a_name_where_the_prefix_should_be_blacklists_the_prefix_of_the_table() {
    let stage = stage!();
    let (key, blacklisted) = (passkey(11), "Client is not acceptable. Please check our blacklist.");
    let foo = || By { peer_id: "-FO1000-abcdefghijkl", ..by(&key, 110) };
    assert_eq!(stage.told(foo()).await, "welcome");
    stage.site.query(
        "INSERT INTO blacklist_clients (name, peer_id_prefix) VALUES ('Foo/1.0', '-FO1000-')",
    );
    let sent = json!({ "peer_id_prefix": "Foo/1.0" });
    stage.tell("PUT", "blacklisted-agents", sent.clone()).await;
    assert_eq!(stage.told(foo()).await, blacklisted);
    assert_eq!(stage.told(by(&key, 110)).await, "welcome");
    // The row goes after the call, as in the site's code; and it stays gone.
    stage.tell("DELETE", "blacklisted-agents", sent).await;
    stage.site.query("DELETE FROM blacklist_clients WHERE name = 'Foo/1.0'");
    assert_eq!(stage.told(foo()).await, "welcome");
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(stage.told(foo()).await, "welcome");
    stage.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_19_the_statistics_have_a_decimal_point_in_every_number() {
    let stage = stage!();
    let before = stage.ask("GET", "stats", "").await.body;
    stage.told(by(&passkey(11), 110)).await;
    stage.told(by(&passkey(99), 110)).await;
    let after = stage.ask("GET", "stats", "").await.body;
    for text in [&before, &after] {
        let members: Vec<&str> = text.trim_matches(['{', '}']).split(',').collect();
        assert_eq!(members.len(), 13, "{text}");
        for member in members {
            let number = member.split_once(':').unwrap().1;
            assert!(number.contains(['.', 'e']), "{member}");
        }
    }
    let [before, after] = [before, after].map(|text| serde_json::from_str::<Value>(&text).unwrap());
    assert_eq!(before["created_at"], after["created_at"]);
    let per_hour = |stats: &Value, name: &str| {
        (stats[format!("{name}_per_7200s")].as_f64().unwrap() * 7200.0).round()
    };
    // Two announces and a call, of which one announce succeeded.
    assert_eq!(per_hour(&after, "requests") - per_hour(&before, "requests"), 3.0);
    assert_eq!(per_hour(&after, "announce_responses"), 1.0);
    assert!(after["last_announce_response_at"].as_f64().unwrap() > 0.0);
    stage.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_28_the_same_calls_arrive_over_a_unix_socket() {
    use std::io::{Read, Write};
    let stage = stage!();
    let path = stage.dir.path().join("site.sock");
    let body = user(30, &"a".repeat(32)).to_string();
    let put = request("PUT", &format!("/announce/{KEY}/users"), &body);
    let reply = tokio::task::spawn_blocking(move || {
        let mut stream = std::os::unix::net::UnixStream::connect(path).unwrap();
        stream.write_all(put.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    });
    assert!(reply.await.unwrap().starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(stage.told(by(&"a".repeat(32), 110)).await, "welcome");
    stage.server.stop().await;
    assert!(!stage.dir.path().join("site.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_serves_several_calls_and_those_that_are_too_long_are_refused() {
    let stage = stage!();
    let ping = "GET /announce/health/ping HTTP/1.1\r\nHost: t\r\n\r\n";
    let last = request("GET", "/announce/health/ping", "");
    let reply = exchange(stage.port, [ping, ping, &last].concat().into_bytes()).await;
    assert_eq!(reply.matches("\r\n\r\nPONG").count(), 3, "{reply}");
    // Some clients wait to be told that a body is welcome.
    let body = user(30, &"a".repeat(32)).to_string();
    let expecting = request("PUT", &format!("/announce/{KEY}/users"), &body)
        .replace("Connection: close", "Connection: close\r\nExpect: 100-continue");
    let (head, body) = expecting.split_once("\r\n\r\n").unwrap();
    let reply = {
        use std::io::{Read, Write};
        let (head, body, port) = (format!("{head}\r\n\r\n"), body.to_owned(), stage.port);
        tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            let mut told = [0; 25];
            stream.read_exact(&mut told).unwrap();
            assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
            stream.write_all(body.as_bytes()).unwrap();
            let mut reply = String::new();
            stream.read_to_string(&mut reply).unwrap();
            reply
        })
    };
    assert!(reply.await.unwrap().starts_with("HTTP/1.1 200 OK\r\n"));

    let put =
        |length: &str| format!("PUT /announce/{KEY}/users HTTP/1.1\r\nHost: t\r\n{length}\r\n\r\n");
    assert_eq!(call(stage.port, put("Content-Length: 65537")).await.status, 413);
    assert_eq!(call(stage.port, put("Transfer-Encoding: chunked")).await.status, 411);
    let endless = format!("GET /{} HTTP/1.1\r\n", "x".repeat(140 << 10));
    assert_eq!(call(stage.port, endless).await.status, 431);
    stage.server.stop().await;
}
