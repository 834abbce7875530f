//! A site: its tables on a real MariaDB, and a tracker that was started on them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use mika_core::batch::{Agent, Batch};
use mika_core::reply::{Answer, Headers, PeerList, Source};
use mika_core::site::Preset;
use mika_core::{Mode, Refusal, Tracker};
use mika_protocol::{AnnounceRequest, Event, InfoHash, Passkey, PeerId};
use mika_server::config::Config;
use mika_server::control::{self, AnnounceUrls, Control, LoadReport};
use mika_store::schema::{Dialect, Schema};
use mika_store::store::Applied;
use mika_store::{MysqlStore, Store};
use mika_test_servers::fixtures::Fixture;
use mika_test_servers::{Database, Options, SqlMode, found, shared};

/// A site with its tracker. Time stands still unless a test moves it.
pub struct Site {
    pub database: Database,
    pub store: Arc<MysqlStore>,
    pub tracker: Arc<Tracker>,
    pub load: LoadReport,
    pub now_seconds: u32,
    pub peers: PeerList,
    batch_number: u64,
}

/// How a site is set up.
#[derive(Clone, Copy)]
pub struct Setup {
    pub fixture: Fixture,
    pub mode: SqlMode,
    pub schema: &'static str,
    pub preset: Preset,
}

/// What a client says, with the fields that tests care about.
#[derive(Clone)]
pub struct Client {
    pub passkey: String,
    pub peer_id: [u8; 20],
    pub ip: IpAddr,
    pub port: u16,
    pub agent: &'static str,
}

/// Counters of a report.
#[derive(Clone, Copy, Default)]
pub struct Report {
    pub uploaded: u64,
    pub downloaded: u64,
    pub left: u64,
    pub corrupt: u64,
    pub event: Event,
}

impl Site {
    /// The tables, and a tracker that was started on them for the first time; `None` if there is
    /// no MariaDB.
    pub async fn start(setup: Setup) -> Option<Self> {
        Self::start_with(setup, "").await
    }

    /// The same, with changes to the tables before the start.
    pub async fn start_with(setup: Setup, changes: &str) -> Option<Self> {
        Self::start_named(setup, changes, &[]).await
    }

    /// The same, with names of tables and columns that are not the schema's.
    pub async fn start_named(setup: Setup, changes: &str, names: &[(&str, &str)]) -> Option<Self> {
        let database = database(setup, changes)?;
        let names = names.iter().map(|(key, name)| ((*key).to_owned(), (*name).to_owned()));
        let schema = Schema::open(setup.schema, Dialect::Mysql, &names.collect()).unwrap();
        let mut site = Self::empty(setup, database, schema).await;
        site.load = control::load(&*site.store, &site.tracker, site.now_seconds).await.unwrap();
        control::import_peers(&*site.store, &site.tracker).await.unwrap();
        site.store.forget_peers().await.unwrap();
        site.tracker.write_all_peers();
        Some(site)
    }

    async fn empty(setup: Setup, database: Database, schema: Schema) -> Self {
        let store = Arc::new(MysqlStore::open(&database.url(), schema).await.unwrap());
        let mut settings = setup.preset.settings();
        settings.keep_peer_ids = true;
        let tracker = Arc::new(Tracker::new(Mode::Private, settings, [7; 16]));
        let now_seconds = now_seconds();
        tracker.resume(now_seconds);
        Self {
            database,
            batch_number: store.checkpoint().await.unwrap(),
            store,
            tracker,
            load: LoadReport::default(),
            now_seconds,
            peers: PeerList::new(1),
        }
    }

    /// An announce; the peers are in `self.peers`.
    pub fn announce(
        &mut self,
        client: &Client,
        info_hash: [u8; 20],
        report: Report,
    ) -> Result<Answer, Refusal> {
        let request = AnnounceRequest {
            info_hash: InfoHash(info_hash),
            peer_id: PeerId(client.peer_id),
            passkey: Some(Passkey::new(client.passkey.as_bytes()).unwrap()),
            port: client.port,
            uploaded: report.uploaded,
            downloaded: report.downloaded,
            left: report.left,
            corrupt: report.corrupt,
            event: report.event,
            paused: false,
            numwant: Some(50),
            compact: true,
            compact_given: true,
            no_peer_id: false,
            claimed_v4: None,
            claimed_v6: None,
        };
        let source = source(client);
        self.tracker.announce(&request, source, self.now_seconds, &mut self.peers)
    }

    /// Writes what has been announced.
    pub async fn flush(&mut self) -> Applied {
        let batch = self.batch();
        self.store.apply(&batch).await.unwrap()
    }

    /// What has been announced.
    pub fn batch(&mut self) -> Batch {
        let batch = self.tracker.drain(self.now_seconds, 0, usize::MAX).batch;
        self.batch_number += 1;
        Batch { number: self.batch_number, ..batch }
    }

    /// Lets every part of the tracker look for peers that have timed out.
    pub fn expire(&self) {
        for part in 0..Tracker::PARTS {
            self.tracker.expire(part, self.now_seconds);
        }
    }

    /// The control plane in front of the tracker.
    pub fn control(&self) -> Control {
        let urls = AnnounceUrls::from_config(&Config::default());
        Control::new(Arc::clone(&self.tracker), self.store.clone(), urls)
    }

    /// A query's rows, columns separated by tabs, rows by newlines.
    pub fn query(&self, sql: &str) -> String {
        self.database.query(sql).unwrap().trim_end().to_owned()
    }
}

fn source(client: &Client) -> Source {
    let agent_bytes = u16::try_from(client.agent.len()).ok();
    Source {
        agent: Agent::from(client.agent),
        headers: Some(Headers { agent_bytes, ..Headers::default() }),
        ..Source::new(client.ip)
    }
}

impl Client {
    /// A client of a user whose passkey is the id with leading zeros, as in the UNIT3D fixture.
    pub fn of(user_id: u32, name: &str, ip: &str, port: u16) -> Self {
        Self::with_passkey(&format!("{user_id:032}"), name, ip, port)
    }

    /// A client with a name of at most 20 bytes.
    pub fn with_passkey(passkey: &str, name: &str, ip: &str, port: u16) -> Self {
        let mut peer_id = [b'.'; 20];
        peer_id[..name.len()].copy_from_slice(name.as_bytes());
        let passkey = passkey.to_owned();
        Self { passkey, peer_id, ip: ip.parse().unwrap(), port, agent: "qBittorrent/4.6.5" }
    }
}

/// MariaDB, or MySQL if MIKA_TEST_SQL is `mysql`.
pub fn server(mode: SqlMode) -> Options {
    let is_mysql = std::env::var_os("MIKA_TEST_SQL").is_some_and(|kind| kind == "mysql");
    if is_mysql { Options::mysql().sql_mode(mode) } else { Options::mariadb().sql_mode(mode) }
}

fn database(setup: Setup, changes: &str) -> Option<Database> {
    let server = found(shared(&server(setup.mode)))?;
    let database = server.create_database();
    setup.fixture.load(&database).unwrap();
    if !changes.is_empty() {
        database.query(changes).unwrap();
    }
    Some(database)
}

pub fn now_seconds() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u32::try_from(since.as_secs()).unwrap()
}
