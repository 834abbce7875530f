//! A whole server on a site's tables.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use super::site::Setup;
use crate::running::{Running, TOKEN};

/// Long enough never to be reached on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A server that answers.
pub struct Whole {
    pub port: u16,
    admin_port: u16,
    running: Running,
}

impl Whole {
    /// Starts one on the database at `url`, with these keys beside those that it needs.
    pub async fn start(setup: Setup, url: &str, dir: &Path, more: &[(&str, &str)]) -> Self {
        let own = [
            ("admin.token", TOKEN),
            ("store.kind", "mysql"),
            ("store.url", url),
            ("store.schema", setup.schema),
            ("site.preset", setup.preset.name()),
            ("tracker.keep_peer_ids", "true"),
        ];
        let running = Running::start(dir, &[&own, more].concat()).await.unwrap();
        let (_, admin_port) = running.admin.rsplit_once(':').unwrap();
        Self { port: running.port, admin_port: admin_port.parse().unwrap(), running }
    }

    /// The body of the answer to an announce or scrape.
    pub async fn get(&self, target: &str) -> String {
        get(self.port, target).await
    }

    /// The value of a metric.
    pub async fn metric(&self, name: &str) -> u64 {
        let text = get(self.admin_port, "/metrics").await;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name}: {text}")).parse().unwrap()
    }

    /// Waits until a metric has at least a value.
    pub async fn wait_for(&self, name: &str, at_least: u64) {
        for _ in 0..3000 {
            if self.metric(name).await >= at_least {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{name} stays below {at_least}");
    }

    /// Stops it in order.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

async fn get(port: u16, target: &str) -> String {
    let head = "Host: t\r\nUser-Agent: qBittorrent/4.6.5\r\nConnection: close";
    let request = format!("GET {target} HTTP/1.1\r\n{head}\r\n\r\n");
    exchange(port, request.into_bytes()).await.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// What a server says to these bytes until it closes the connection.
pub async fn exchange(port: u16, request: Vec<u8>) -> String {
    tokio::task::spawn_blocking(move || exchange_now(port, &request)).await.unwrap()
}

/// The same, on this thread; each byte of the answer is a character.
pub fn exchange_now(port: u16, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    reply.into_iter().map(char::from).collect()
}

/// The target of an announce; info-hash and peer id are URL-safe.
pub fn announce(passkey: &str, hash: char, peer_id: &str, rest: &str) -> String {
    let hash = hash.to_string().repeat(20);
    format!("/{passkey}/announce?info_hash={hash}&peer_id={peer_id}&port=51413&compact=1&{rest}")
}
