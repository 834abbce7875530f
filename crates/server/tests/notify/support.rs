//! A whole server within the test, and its clients.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use mika_client::Client;
use mika_store::Catalog;
use mika_store::catalog::NewUser;
use mika_store::sqlite::SqliteStore;

use crate::running::{Running, TOKEN};

pub struct Server {
    pub client: Client,
    running: Running,
}

impl Server {
    /// Starts with what is in a directory; more keys of the configuration come with it.
    pub async fn start(dir: &Path, more: &[(&str, &str)]) -> Self {
        let own = [
            ("admin.token", TOKEN),
            ("flush.interval_milliseconds", "10"),
            ("flush.journal_sync", "os"),
            ("notify.retry_max_seconds", "1"),
            ("tracker.auto_register_torrents", "true"),
        ];
        let running = Running::start(dir, &[&own, more].concat()).await.unwrap();
        Self { client: Client::new(&running.admin, TOKEN).unwrap(), running }
    }

    pub async fn stop(self) {
        self.running.stop().await;
    }

    /// The URL of the admin API.
    pub fn admin(&self) -> &str {
        &self.running.admin
    }

    /// A connection of clients to the tracker.
    pub fn clients(&self) -> Clients {
        Clients(TcpStream::connect(("127.0.0.1", self.running.port)).unwrap())
    }

    /// Announces once.
    pub fn announce(&self, user: u32, torrent: u32, left: u64) -> String {
        self.clients().announce_all(&[(user, torrent, left)])
    }
}

/// Adds users to the store of a directory, named by their number.
pub async fn add_users(dir: &Path, users: u32) {
    let store = SqliteStore::open(&dir.join("mika.sqlite")).await.unwrap();
    for number in 1..=users {
        let new = NewUser {
            name: format!("user{number}"),
            passkey: format!("passkey{number}"),
            role_id: 1,
            download_enabled: true,
            created_at_seconds: 1,
            ..NewUser::default()
        };
        assert_eq!(store.add_user(&new).await.unwrap().id, number);
    }
    mika_store::Store::close(&store).await;
}

/// One connection that many announces go through.
pub struct Clients(TcpStream);

impl Clients {
    /// Announces of a user on a torrent with so many bytes left, in order; returns the replies.
    pub fn announce_all(&mut self, announces: &[(u32, u32, u64)]) -> String {
        self.announce_with(announces, 0)
    }

    /// The same, with so many bytes downloaded.
    pub fn announce_with(&mut self, announces: &[(u32, u32, u64)], downloaded: u64) -> String {
        let mut replies = Vec::new();
        for part in announces.chunks(50) {
            let mut text = String::new();
            for (user, torrent, left) in part {
                let hash = format!("{torrent:020}");
                text += &format!(
                    "GET /passkey{user}/announce?info_hash={hash}&peer_id=-TR3000-abcdefghijkl\
                     &port=6881&uploaded=0&downloaded={downloaded}&left={left} HTTP/1.1\r\n\r\n"
                );
            }
            self.0.write_all(text.as_bytes()).unwrap();
            let start = replies.len();
            let mut buffer = [0; 65536];
            while count(&replies[start..]) < part.len() {
                let bytes = self.0.read(&mut buffer).unwrap();
                assert!(bytes > 0, "{}", String::from_utf8_lossy(&replies));
                replies.extend_from_slice(&buffer[..bytes]);
            }
        }
        String::from_utf8_lossy(&replies).into_owned()
    }
}

/// Whole replies: all of them are dictionaries of a length that the head tells.
fn count(mut replies: &[u8]) -> usize {
    let mut count = 0;
    while let Some(end) = replies.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&replies[..end]).to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).unwrap();
        let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
        let Some(rest) = replies.get(end + 4 + length..) else { break };
        (replies, count) = (rest, count + 1);
    }
    count
}
