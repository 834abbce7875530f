//! Two servers: one with a clock that the test moves, and a whole one.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use mika_client::Client;
use mika_client::types::{Finding, FindingQuery, Flushed, NewTorrent, NewUser};
use mika_core::batch::Batch;
use mika_core::{Mode, Tracker};
use mika_protocol::InfoHash;
use mika_server::admin::{
    Access, AccessSettings, Admin, AdminCommands, AdminToken, CommandError, RunningAdmin,
};
use mika_server::clock::Clock;
use mika_server::config::{Config, ConfigChange};
use mika_server::control::{AnnounceUrls, Control};
use mika_server::counters::Counters;
use mika_server::detection::{Inspector, Stepped};
use mika_server::listen::bind::bind_http;
use mika_server::listen::http::{self, WorkerListeners};
use mika_server::listen::{HttpSettings, ListenContext, LiveSettings, Shutdown, Workers};
use mika_server::metrics::{FlushStatus, Metrics};
use mika_server::notify::Notify;
use mika_server::serve;
use mika_store::SqliteStore;
use tempfile::TempDir;

use crate::running::TOKEN;

pub const START_SECONDS: u32 = 1_800_000_000;
pub const KEY: [u8; 16] = [7; 16];
pub const MIB: u64 = 1 << 20;
pub const GB: u64 = 1_000_000_000;
/// 100 MiB, but not of whole blocks.
pub const FAKED: u64 = 100 * MIB + 1;

struct Commands;

#[async_trait]
impl AdminCommands for Commands {
    async fn reload_config(&self) -> Result<ConfigChange, CommandError> {
        Ok(ConfigChange::default())
    }

    async fn flush(&self) -> Result<Flushed, CommandError> {
        Ok(Flushed { applied_batch_number: 0 })
    }
}

/// Who is there, and since when.
pub struct Registered {
    pub hash_key: [u8; 16],
    pub since_seconds: u32,
    /// Of the users 1 and so on.
    pub passkeys: Vec<String>,
    /// Of the torrents 1 and so on.
    pub hashes: Vec<InfoHash>,
}

impl Default for Registered {
    /// Users 1 to 9 with the passkeys `passkey1` and so on; torrents 1 to 9 with the hashes
    /// [`hash`].
    fn default() -> Self {
        Self {
            hash_key: KEY,
            since_seconds: START_SECONDS,
            passkeys: (1..=9).map(|number| format!("passkey{number}")).collect(),
            hashes: (1..=9).map(hash).collect(),
        }
    }
}

/// HTTP workers, detection and the admin API as in a whole server, with a clock that stands still.
pub struct Site {
    pub tracker: Arc<Tracker>,
    pub clock: Clock,
    pub config: Arc<ArcSwap<Config>>,
    pub inspector: Inspector,
    pub control: Control,
    pub client: Client,
    pub metrics: Metrics,
    pub address: SocketAddr,
    _admin: RunningAdmin,
    _shutdown: Shutdown,
    _workers: Workers,
    pub folder: TempDir,
}

impl Registered {
    async fn register(self, control: &Control) {
        for (number, passkey) in (1..).zip(self.passkeys) {
            let name = format!("user{number}");
            let user = NewUser { name, passkey: Some(passkey), ..NewUser::default() };
            assert_eq!(control.add_user(user).await.unwrap().id, number);
        }
        for (number, hash) in (1..).zip(self.hashes) {
            let torrent = NewTorrent::new(hash);
            assert_eq!(control.add_torrent(torrent).await.unwrap().id, number);
        }
    }
}

pub fn hash(torrent: u32) -> InfoHash {
    let mut bytes = [b'0'; 20];
    bytes.copy_from_slice(format!("{torrent:020}").as_bytes());
    InfoHash(bytes)
}

/// The configuration with some keys set.
pub fn config(keys: &[(&str, &str)]) -> Config {
    let keys = keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Config::load(None, [], keys).unwrap()
}

impl Site {
    pub async fn start(keys: &[(&str, &str)]) -> Self {
        Self::with(keys, Registered::default()).await
    }

    pub async fn with(keys: &[(&str, &str)], registered: Registered) -> Self {
        let (key, since_seconds) = (registered.hash_key, registered.since_seconds);
        let folder = tempfile::tempdir().unwrap();
        let config = config(keys);
        let store = SqliteStore::open(&folder.path().join("mika.sqlite")).await.unwrap();
        let store = Arc::new(store);
        let tracker = Arc::new(Tracker::new(Mode::Private, serve::settings_of(&config), key));
        let urls = AnnounceUrls::private(["http://t.example:34000"]);
        let control = Control::new(Arc::clone(&tracker), store.clone(), urls);
        mika_server::control::load(store.as_ref(), &tracker, since_seconds).await.unwrap();
        registered.register(&control).await;
        let live = LiveSettings::of(&config);
        let config = Arc::new(ArcSwap::from_pointee(config));
        let status = Arc::new(FlushStatus::default());
        status.store_available.store(true, Ordering::Relaxed);
        let notify = folder.path().join("notify");
        let notify = Notify::open(&notify, Arc::clone(&config), Arc::clone(&status)).unwrap();
        control.set_notify(notify.clone());
        let clock = Clock::test(since_seconds);
        let inspector = Inspector::open(
            folder.path(),
            key,
            Arc::clone(&tracker),
            Arc::clone(&config),
            Some(notify.clone()),
            clock.clone(),
        );
        let inspector = inspector.unwrap();
        control.set_detection(inspector.clone());
        let context = ListenContext::new(Arc::clone(&tracker), clock.clone(), live);
        let (shutdown, signal) = Shutdown::new();
        let sockets = bind_http(&["127.0.0.1:0".parse().unwrap()], 1).unwrap();
        let address = sockets[0][0].local_addr().unwrap();
        let sockets = WorkerListeners::zip(sockets, Vec::new());
        let settings = HttpSettings::default();
        let workers = http::serve(sockets, None, &settings, &Arc::new(context), &signal).unwrap();
        let metrics = Metrics::new(Arc::clone(&tracker), Arc::new(Counters::default()), status);
        let metrics = metrics.with_detection(Some(inspector.clone()));
        let access = Access::open(folder.path(), 1 << 20, AccessSettings::default()).unwrap();
        let token = AdminToken::new(TOKEN).unwrap();
        let admin = Admin::new(control.clone(), metrics.clone(), Arc::new(Commands), token, access);
        admin.set_loaded();
        let admin = admin.start(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).unwrap();
        let client = Client::new(admin.url(), TOKEN).unwrap();
        Self {
            tracker,
            clock,
            config,
            inspector,
            control,
            client,
            metrics,
            address,
            _admin: admin,
            _shutdown: shutdown,
            _workers: workers,
            folder,
        }
    }

    /// Moves the clock, with a step of detection each minute.
    pub fn wait(&self, seconds: u32) {
        for _ in 0..seconds / 60 {
            self.clock.advance(60);
            self.step();
        }
        self.clock.advance(seconds % 60);
    }

    pub fn step(&self) -> Stepped {
        self.inspector.step(self.clock.now_seconds())
    }

    /// Announces over HTTP.
    pub fn announce(&self, announce: &Announce) -> String {
        announce.send(self.address)
    }

    /// All findings, the oldest first.
    pub async fn findings(&self) -> Vec<Finding> {
        let mut findings = self.client.findings(&FindingQuery::default()).await.unwrap().items;
        findings.reverse();
        findings
    }

    /// Everything that waits for the store.
    pub fn drain(&self) -> Batch {
        self.tracker.drain(self.clock.now_seconds(), 0, usize::MAX).batch
    }

    /// A user reports [`FAKED`] bytes uploaded into an empty swarm: a finding of three nats.
    pub fn cheat(&self, user: u32, torrent: u32) {
        let seeder = Announce::of(user, torrent).left(0);
        self.announce(&seeder.clone().event("started"));
        self.wait(1800);
        self.announce(&seeder.uploaded(FAKED));
        self.step();
    }
}

/// An announce as a client sends it.
#[derive(Debug, Clone)]
pub struct Announce {
    user: u32,
    torrent: u32,
    peer_id: String,
    agent: String,
    from: Ipv4Addr,
    uploaded: u64,
    downloaded: u64,
    left: u64,
    event: String,
}

impl Announce {
    pub fn of(user: u32, torrent: u32) -> Self {
        Self {
            user,
            torrent,
            // Of a program that no fingerprint is known of, with a name for each torrent.
            peer_id: format!("-XX3000-{user:06}{torrent:06}"),
            agent: "Unheard/3.00".to_owned(),
            from: Ipv4Addr::LOCALHOST,
            uploaded: 0,
            downloaded: 0,
            left: 1000,
            event: String::new(),
        }
    }

    pub fn left(self, left: u64) -> Self {
        Self { left, ..self }
    }

    pub fn uploaded(self, uploaded: u64) -> Self {
        Self { uploaded, ..self }
    }

    pub fn downloaded(self, downloaded: u64) -> Self {
        Self { downloaded, ..self }
    }

    pub fn event(self, event: &str) -> Self {
        Self { event: format!("&event={event}"), ..self }
    }

    /// Another client, of another network.
    pub fn client(self, letters: &str, agent: &str, network: u8) -> Self {
        let peer_id = format!("-{letters}3000-{:06}{network:06}", self.user);
        Self { peer_id, agent: agent.to_owned(), from: Ipv4Addr::new(127, 0, network, 1), ..self }
    }

    /// The reply, with its head.
    pub fn send(&self, to: SocketAddr) -> String {
        let Self { user, torrent, peer_id, agent, uploaded, downloaded, left, event, .. } = self;
        let text = format!(
            "GET /passkey{user}/announce?info_hash={torrent:020}&peer_id={peer_id}&port=6881\
             &uploaded={uploaded}&downloaded={downloaded}&left={left}&numwant=80&key=12345678\
             &compact=1{event} HTTP/1.1\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n"
        );
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        socket.bind(&SocketAddr::from((self.from, 0)).into()).unwrap();
        socket.connect(&to.into()).unwrap();
        let mut stream = TcpStream::from(socket);
        stream.write_all(text.as_bytes()).unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        String::from_utf8_lossy(&reply).into_owned()
    }
}

/// Names of the files in a directory.
pub fn files(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
