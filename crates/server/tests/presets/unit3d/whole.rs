//! A whole tracker on the site's tables, as `mika serve` runs it, and clients over HTTP.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use mika_server::config::Config;
use mika_server::serve::{self, Hooks, Request, Requests, ServeError};
use mika_test_servers::{Database, Endpoint};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Long enough never to be reached on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Flushes of a test.
const FLUSH_MILLISECONDS: u64 = 20;

struct Channel(mpsc::Receiver<Request>);

impl Requests for Channel {
    async fn next(&mut self) -> Request {
        self.0.recv().await.unwrap_or(Request::Stop)
    }
}

/// A tracker that answers.
pub struct Whole {
    runtime: Runtime,
    port: u16,
    requests: mpsc::Sender<Request>,
    task: JoinHandle<Result<(), ServeError>>,
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
        let port = free_port();
        let (requests, receiver) = mpsc::channel(1);
        let (ready, is_ready) = oneshot::channel();
        let config = config(url, dir, port);
        let again = config.clone();
        let hooks = Hooks {
            read_config: Box::new(move || Ok(again.clone())),
            config_applied: Box::new(|_| {}),
        };
        let task = runtime.spawn(serve::run(config, hooks, Channel(receiver), move |_| {
            ready.send(()).unwrap();
        }));
        if runtime.block_on(is_ready).is_err() {
            runtime.block_on(task).unwrap().unwrap();
            unreachable!("a start that is not ready has failed");
        }
        Self { runtime, port, requests, task }
    }

    /// As SIGTERM does.
    pub fn stop(self) {
        self.runtime.block_on(async {
            self.requests.send(Request::Stop).await.unwrap();
            self.task.await.unwrap().unwrap();
        });
    }

    /// The body of the answer to an announce.
    pub fn announce(&self, said: &Said<'_>) -> String {
        self.get(&said.target(), &said.head())
    }

    /// The same, with a target of its own.
    pub fn get(&self, target: &str, head: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\n{head}").unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
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

/// A port that is free, below those that the system gives to clients of its own choice.
fn free_port() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    loop {
        let random = RandomState::new().hash_one(std::process::id());
        let port = 11_000 + u16::try_from(random % 9000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn config(url: &str, dir: &Path, port: u16) -> Config {
    let text = |key: &str, value: String| (key.to_owned(), value);
    let overrides = [
        text("data.dir", dir.display().to_string()),
        text("http.listen", format!("[\"127.0.0.1:{port}\"]")),
        text("http.workers", "1".to_owned()),
        text("http.trusted_proxies", "[\"127.0.0.0/8\"]".to_owned()),
        text("http.client_address_header", "X-Real-IP".to_owned()),
        text("udp.listen", "[]".to_owned()),
        text("admin.listen", "\"127.0.0.1:0\"".to_owned()),
        text("flush.interval_milliseconds", FLUSH_MILLISECONDS.to_string()),
        text("store.kind", "mysql".to_owned()),
        text("store.url", url.to_owned()),
        text("store.schema", "unit3d".to_owned()),
        text("site.preset", "unit3d".to_owned()),
        text("tracker.keep_peer_ids", "true".to_owned()),
    ];
    Config::load(None, [], overrides).unwrap()
}
