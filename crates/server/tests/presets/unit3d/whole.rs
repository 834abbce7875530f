//! A whole tracker on the site's tables, as `mika serve` runs it, and clients over HTTP.

use std::path::Path;
use std::time::{Duration, Instant};

use mika_test_servers::{Database, Endpoint};
use tokio::runtime::Runtime;

use super::SETUP;
use crate::whole::{self, PATIENCE, exchange_now};

/// Flushes of a test.
const FLUSH_MILLISECONDS: u64 = 20;

/// A tracker that answers, for tests that are not asynchronous.
pub struct Whole {
    runtime: Runtime,
    server: whole::Whole,
}

/// What an announce says; `changes` replace, add, or with the value `-` remove parameters.
#[derive(Clone, Copy)]
pub struct Said<'a> {
    pub passkey: &'a str,
    pub ip: &'a str,
    pub agent: &'a str,
    pub headers: &'a str,
    pub changes: &'a [(&'a str, &'a str)],
}

pub fn passkey(user_id: u32) -> String {
    format!("{user_id:032}")
}

/// The info-hash of a torrent, as it is in a URL.
pub fn hash(torrent_id: u8) -> String {
    format!("{}%{torrent_id:02X}", "%00".repeat(19))
}

impl<'a> Said<'a> {
    /// An announce of u11 on 110, a seeder.
    pub fn by(passkey: &'a str, changes: &'a [(&'a str, &'a str)]) -> Self {
        Self { passkey, ip: "10.0.0.1", agent: "qBittorrent/4.6.5", headers: "", changes }
    }

    fn target(&self) -> String {
        let info_hash = hash(110);
        let mut pairs = vec![
            ("info_hash", info_hash.as_str()),
            ("peer_id", "-qB4650-000000000001"),
            ("port", "50000"),
            ("uploaded", "0"),
            ("downloaded", "0"),
            ("left", "0"),
        ];
        for (name, value) in self.changes {
            match pairs.iter_mut().find(|(other, _)| other == name) {
                Some(pair) => pair.1 = value,
                None => pairs.push((name, value)),
            }
        }
        let kept = pairs.iter().filter(|(_, value)| *value != "-");
        let query: Vec<String> = kept.map(|(name, value)| format!("{name}={value}")).collect();
        format!("/announce/{}?{}", self.passkey, query.join("&"))
    }

    /// The request's head but for its first line.
    fn head(&self) -> String {
        let agent = match self.agent {
            "" => String::new(),
            agent => format!("User-Agent: {agent}\r\n"),
        };
        format!(
            "Host: tracker\r\nX-Real-IP: {}\r\n{agent}{}Connection: close\r\n\r\n",
            self.ip, self.headers
        )
    }
}

impl Whole {
    /// Starts it on a database and a directory for its data.
    pub fn start(database: &Database, dir: &Path) -> Self {
        Self::start_at(&database.url(), dir)
    }

    fn start_at(url: &str, dir: &Path) -> Self {
        let runtime = Runtime::new().unwrap();
        let flush = FLUSH_MILLISECONDS.to_string();
        let more = [
            ("http.trusted_proxies", "[\"127.0.0.0/8\"]"),
            ("http.client_address_header", "X-Real-IP"),
            ("flush.interval_milliseconds", flush.as_str()),
        ];
        let server = runtime.block_on(whole::Whole::start(SETUP, url, dir, &more));
        Self { runtime, server }
    }

    /// As SIGTERM does.
    pub fn stop(self) {
        self.runtime.block_on(self.server.stop());
    }

    /// The body of the answer to an announce.
    pub fn announce(&self, said: &Said<'_>) -> String {
        self.get(&said.target(), &said.head())
    }

    /// The same, with a target of its own.
    pub fn get(&self, target: &str, head: &str) -> String {
        let text =
            exchange_now(self.server.port, format!("GET {target} HTTP/1.1\r\n{head}").as_bytes());
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        body.to_owned()
    }

    /// A target with the parameters of u11's announce behind others.
    pub fn get_with(&self, before: &str) -> String {
        let passkey = passkey(11);
        let said = Said::by(&passkey, &[]);
        let target = said.target().replace("?", &format!("?{before}&"));
        self.get(&target, &said.head())
    }
}

/// Asks until the answer is the one that is expected.
pub fn wait_for(place: &Endpoint, database: &Database, sql: &str, expected: &str) {
    let begin = Instant::now();
    loop {
        let is = database.query(sql).map(|rows| rows.trim_end().to_owned());
        if is.as_deref().is_ok_and(|rows| rows == expected) {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{place:?} says {is:?} to {sql}, not {expected}");
        std::thread::sleep(Duration::from_millis(FLUSH_MILLISECONDS));
    }
}
