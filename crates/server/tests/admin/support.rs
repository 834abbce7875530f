//! A server with everything but the listeners of the tracker.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use mika_client::types::{Flushed, Problem};
use mika_client::{Client, Error};
use mika_core::{Answer, Mode, PeerList, Refusal, Settings, Source, Tracker};
use mika_protocol::{AnnounceRequest, Event, InfoHash, Passkey, PeerId};
use mika_server::admin::{
    Access, AccessSettings, Admin, AdminCommands, AdminToken, CommandError, RunningAdmin,
};
use mika_server::config::{ConfigChange, KeyChange};
use mika_server::control::{AnnounceUrls, Control};
use mika_server::counters::Counters;
use mika_server::metrics::{FlushStatus, Metrics};
use mika_store::{SqliteStore, Store};
use tempfile::TempDir;

pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub const NOW_SECONDS: u32 = 1_800_000_000;
pub const HASH: InfoHash = InfoHash([0xab; 20]);
pub const HASH_V2: InfoHash = InfoHash([0xcd; 20]);

pub struct Server {
    pub admin: Admin,
    pub client: Client,
    pub control: Control,
    pub flush: Arc<FlushStatus>,
    pub store: Arc<SqliteStore>,
    pub tracker: Arc<Tracker>,
    running: RunningAdmin,
    folder: TempDir,
}

struct Commands;

#[async_trait]
impl AdminCommands for Commands {
    async fn reload_config(&self) -> Result<ConfigChange, CommandError> {
        let change = KeyChange {
            key: "tracker.interval_seconds".to_owned(),
            from: "1800".to_owned(),
            to: "900".to_owned(),
        };
        Ok(ConfigChange { applied: vec![change], needs_restart: Vec::new() })
    }

    async fn flush(&self) -> Result<Flushed, CommandError> {
        Err(CommandError::Unavailable("the store is away".to_owned()))
    }
}

impl Server {
    pub async fn start() -> Self {
        Self::start_in(Mode::Private, Settings::default()).await
    }

    pub async fn start_in(mode: Mode, settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("mika.sqlite")).await.unwrap();
        let store = Arc::new(store);
        let tracker = Arc::new(Tracker::new(mode, settings, [7; 16]));
        let bases = ["http://t.example:34000", "udp://t.example:34000"];
        let urls = AnnounceUrls::private(bases);
        let control = Control::new(Arc::clone(&tracker), store.clone(), urls);
        let flush = Arc::new(FlushStatus::default());
        flush.journal_writable.store(true, Ordering::Relaxed);
        flush.store_available.store(true, Ordering::Relaxed);
        let counters = Arc::new(Counters::default());
        let metrics = Metrics::new(Arc::clone(&tracker), counters, Arc::clone(&flush));
        let token = AdminToken::new(TOKEN).unwrap();
        let access = Access::open(folder.path(), 1 << 20, AccessSettings::default()).unwrap();
        let admin = Admin::new(control.clone(), metrics, Arc::new(Commands), token, access);
        mika_server::control::load(store.as_ref(), &tracker, NOW_SECONDS).await.unwrap();
        admin.set_loaded();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let running = admin.start(listener).unwrap();
        let client = Client::new(running.url(), TOKEN).unwrap();
        Self { admin, client, control, flush, store, tracker, running, folder }
    }

    /// Where the files about access are.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A client with another token.
    pub fn client_with(&self, token: &str) -> Client {
        Client::new(self.running.url(), token).unwrap()
    }

    pub fn address(&self) -> SocketAddr {
        self.running.address().unwrap()
    }

    /// Announces as a client of a user would.
    pub fn announce(&self, passkey: &str, info_hash: InfoHash) -> Result<Answer, Refusal> {
        self.announce_as(passkey, info_hash, *b"-TR4060-0123456789ab", 1)
    }

    pub fn announce_as(
        &self,
        passkey: &str,
        info_hash: InfoHash,
        peer_id: [u8; 20],
        left: u64,
    ) -> Result<Answer, Refusal> {
        let request = AnnounceRequest {
            info_hash,
            peer_id: PeerId(peer_id),
            passkey: Passkey::new(passkey.as_bytes()),
            port: 6881,
            uploaded: 0,
            downloaded: 0,
            left,
            corrupt: 0,
            event: Event::Started,
            paused: false,
            numwant: None,
            compact: true,
            compact_given: true,
            no_peer_id: false,
            claimed_v4: None,
            claimed_v6: None,
        };
        let source = Source::new(Ipv4Addr::new(198, 51, 100, 7).into());
        self.tracker.announce(&request, source, NOW_SECONDS, &mut PeerList::new(1))
    }

    /// Sends a request as it stands, with the token, and reads the answer.
    pub fn request(&self, method: &str, path: &str, body: &str) -> Response {
        let headers =
            format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n");
        self.request_with(method, path, &headers, body)
    }

    pub fn request_with(&self, method: &str, path: &str, headers: &str, body: &str) -> Response {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\
             Content-Length: {length}\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // The server may have answered and closed before it has read all of a large body.
        let _ = stream.write_all(body.as_bytes());
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        Response::parse(&String::from_utf8(bytes).unwrap())
    }

    /// Closes the store, which then answers nothing any more.
    pub async fn lose_store(&self) {
        self.store.close().await;
    }
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Response {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    /// The problem document, of which all parts have to fit together.
    pub fn problem(&self) -> Problem {
        assert!(self.head.contains("content-type: application/problem+json"), "{}", self.head);
        let problem: Problem = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem.status, self.status);
        assert_eq!(problem.kind, "about:blank");
        assert!(!problem.title.is_empty() && !problem.detail.is_empty());
        problem
    }

    pub fn code(&self) -> (u16, String) {
        (self.status, self.problem().code)
    }
}

/// Status and code of an error.
pub fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> (u16, String) {
    let error = result.unwrap_err();
    match (error.status(), error.code()) {
        (Some(status), Some(code)) => (status, code.to_owned()),
        _ => panic!("not a problem: {error:?}"),
    }
}

pub fn problem(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
