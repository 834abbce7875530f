//! A whole server on a site's tables.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use mika_server::config::Config;
use mika_server::serve::{self, Hooks, Request, Requests, ServeError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::site::Setup;

/// Long enough never to be reached on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

struct Channel(mpsc::Receiver<Request>);

impl Requests for Channel {
    async fn next(&mut self) -> Request {
        self.0.recv().await.unwrap_or(Request::Stop)
    }
}

/// A server that answers.
pub struct Whole {
    pub port: u16,
    admin_port: u16,
    requests: mpsc::Sender<Request>,
    task: Option<JoinHandle<Result<(), ServeError>>>,
}

/// A test that fails drops its database next, which waits for those who use it. That needs a
/// runtime with several threads.
impl Drop for Whole {
    fn drop(&mut self) {
        self.task.iter().for_each(JoinHandle::abort);
    }
}

/// A port that is free, below those that the system gives to clients of its own choice.
pub fn free_port() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    loop {
        let random = RandomState::new().hash_one(std::process::id());
        let port = 11_000 + u16::try_from(random % 9000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Whole {
    /// Starts one on the database at `url`, with these keys beside those that it needs.
    pub async fn start(setup: Setup, url: &str, dir: &Path, more: &[(&str, &str)]) -> Self {
        let [port, admin_port] = [free_port(), free_port()];
        let own = [
            ("data.dir", dir.display().to_string()),
            ("http.listen", format!("[\"127.0.0.1:{port}\"]")),
            ("http.workers", "1".to_owned()),
            ("udp.listen", "[]".to_owned()),
            ("admin.listen", format!("\"127.0.0.1:{admin_port}\"")),
            ("admin.token", "t".repeat(40)),
            ("store.kind", "mysql".to_owned()),
            ("store.url", url.to_owned()),
            ("store.schema", setup.schema.to_owned()),
            ("site.preset", setup.preset.name().to_owned()),
            ("tracker.keep_peer_ids", "true".to_owned()),
        ];
        let own = own.map(|(key, value)| (key.to_owned(), value));
        let more = more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let config = Config::load(None, [], own.into_iter().chain(more)).unwrap();
        let (requests, receiver) = mpsc::channel(1);
        let (ready, is_ready) = oneshot::channel();
        let again = config.clone();
        let hooks = Hooks {
            read_config: Box::new(move || Ok(again.clone())),
            config_applied: Box::new(|_| {}),
        };
        let task = tokio::spawn(serve::run(config, hooks, Channel(receiver), move |_| {
            ready.send(()).unwrap();
        }));
        if is_ready.await.is_err() {
            task.await.unwrap().unwrap();
            unreachable!("a start that is not ready has failed");
        }
        Self { port, admin_port, requests, task: Some(task) }
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
    pub async fn stop(mut self) {
        self.requests.send(Request::Stop).await.unwrap();
        self.task.take().unwrap().await.unwrap().unwrap();
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
