//! Gazelle: what a client may say of itself, and how much it gets.

use tempfile::TempDir;

use super::gazelle::OPS;
use super::site::Site;
use super::whole::{Whole, announce, exchange};

const SEEDS: &str = "uploaded=0&downloaded=0&left=0&event=started";

/// Peers of a compact reply.
fn peers(body: &str) -> usize {
    let (_, rest) = body.split_once("5:peers").unwrap_or_else(|| panic!("{body}"));
    let (bytes, _) = rest.split_once(':').unwrap();
    bytes.parse::<usize>().unwrap() / 6
}

fn of(letter: &str, name: &str, rest: &str) -> String {
    announce(&letter.repeat(32), 'A', &format!("{name:-<20}"), rest)
}

/// The answer to a request that says for whom it was forwarded.
async fn ask(server: &Whole, target: &str, forwarded_for: &str) -> String {
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: t\r\nUser-Agent: Transmission/4.0.0\r\n\
         X-Forwarded-For: {forwarded_for}\r\nConnection: close\r\n\r\n"
    );
    exchange(server.port, request.into_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn g22_no_more_peers_than_the_limit_whatever_is_asked_for() {
    let Some(site) = Site::start(OPS).await else { return };
    let dir = TempDir::new().unwrap();
    let more = [("tracker.numwant_max", "2"), ("tracker.numwant_default", "1")];
    let server = Whole::start(OPS, &site.database.url(), dir.path(), &more).await;
    for (letter, name) in [("b", "-TR4000-bob"), ("c", "-TR4000-carol"), ("e", "-TR4000-eve")] {
        assert!(server.get(&of(letter, name, SEEDS)).await.contains("8:complete"));
    }
    for (numwant, expected) in [("-1", 1), ("0", 0), ("1000000", 2), ("abc", 1), ("2", 2)] {
        let rest = format!("uploaded=0&downloaded=0&left=9&numwant={numwant}");
        let body = server.get(&of("a", "-qB4650-alice", &rest)).await;
        assert_eq!(peers(&body), expected, "numwant={numwant}: {body}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g23_the_address_is_the_sockets_unless_a_proxy_that_is_listed_says_another() {
    let Some(site) = Site::start(OPS).await else { return };
    let forwarded = [
        ("[]", "", "127.0.0.1", "\x7f\0\0\x01"),
        ("[\"127.0.0.1/32\"]", "X-Forwarded-For", "203.0.113.7", "\u{cb}\0\x71\x07"),
    ];
    for (proxies, header, address, bytes) in forwarded {
        let dir = TempDir::new().unwrap();
        let more = [("http.trusted_proxies", proxies), ("http.client_address_header", header)];
        let server = Whole::start(OPS, &site.database.url(), dir.path(), &more).await;
        let rest = format!("{SEEDS}&ip=192.0.2.1&ipv4=192.0.2.2&ipv6=2001:db8::1");
        let said = "203.0.113.7";
        let body = ask(&server, &of("b", "-TR4000-bob", &rest), said).await;
        assert!(body.contains("8:complete"), "{body}");
        let rest = "uploaded=0&downloaded=0&left=9&event=started";
        let body = ask(&server, &of("a", "-qB4650-alice", rest), "203.0.113.8").await;
        assert_eq!(peers(&body), 1, "{body}");
        assert!(body.contains(&format!("5:peers6:{bytes}\u{c8}\u{d5}")), "{body:?}");
        server.stop().await;
        let row = "SELECT ip FROM xbt_files_users WHERE uid = 2";
        assert_eq!(site.query(row), address, "{proxies}");
    }
}
