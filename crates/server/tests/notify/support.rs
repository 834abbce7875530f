//! A whole server within the test, and its clients.

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use mika_client::Client;
use mika_server::config::Config;
use mika_server::serve::{self, Hooks, Request, Requests, ServeError};
use mika_store::Catalog;
use mika_store::catalog::NewUser;
use mika_store::sqlite::SqliteStore;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

struct Channel(mpsc::Receiver<Request>);

impl Requests for Channel {
    async fn next(&mut self) -> Request {
        self.0.recv().await.unwrap_or(Request::Stop)
    }
}

pub struct Server {
    port: u16,
    pub admin: String,
    pub client: Client,
    requests: mpsc::Sender<Request>,
    task: JoinHandle<Result<(), ServeError>>,
}

/// A port that is free, below those that the system gives to clients of its own choice.
pub fn free_port() -> u16 {
    for attempt in 0_u64.. {
        let random = RandomState::new().hash_one(attempt);
        let port = 21_000 + u16::try_from(random % 10_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    unreachable!("there are more numbers than ports")
}

impl Server {
    /// Starts with what is in a directory; more keys of the configuration come with it.
    pub async fn start(dir: &Path, more: &[(&str, &str)]) -> Self {
        let port = free_port();
        let text = |key: &str, value: String| (key.to_owned(), value);
        let mut overrides = vec![
            text("data.dir", dir.display().to_string()),
            text("http.listen", format!("[\"127.0.0.1:{port}\"]")),
            text("http.workers", "1".to_owned()),
            text("udp.listen", "[]".to_owned()),
            text("admin.listen", "\"127.0.0.1:0\"".to_owned()),
            text("admin.token", format!("\"{TOKEN}\"")),
            text("flush.interval_milliseconds", "10".to_owned()),
            text("flush.journal_sync", "\"os\"".to_owned()),
            text("notify.retry_max_seconds", "1".to_owned()),
            text("tracker.auto_register_torrents", "true".to_owned()),
        ];
        overrides.extend(more.iter().map(|(key, value)| text(key, (*value).to_owned())));
        let config = Config::load(None, [], overrides).unwrap();
        let again = config.clone();
        let hooks = Hooks {
            read_config: Box::new(move || Ok(again.clone())),
            config_applied: Box::new(|_| {}),
        };
        let (requests, receiver) = mpsc::channel(1);
        let (ready, is_ready) = oneshot::channel();
        let task = tokio::spawn(serve::run(config, hooks, Channel(receiver), move |started| {
            ready.send(started.admin.clone()).unwrap();
        }));
        let Ok(admin) = is_ready.await else {
            panic!("no start: {:?}", task.await);
        };
        let client = Client::new(&admin, TOKEN).unwrap();
        Self { port, admin, client, requests, task }
    }

    pub async fn stop(self) {
        self.requests.send(Request::Stop).await.unwrap();
        self.task.await.unwrap().unwrap();
    }

    /// A connection of clients to the tracker.
    pub fn clients(&self) -> Clients {
        Clients(TcpStream::connect(("127.0.0.1", self.port)).unwrap())
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
