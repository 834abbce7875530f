//! A whole tracker: put together, run, and stopped in order.
//!
//! ```text
//! start: data directory, store, journal, sockets ─ recovery ─ flusher, applier, expiry ─ workers
//! stop:  workers (answers under way) ─ flusher (last batch, snapshot) ─ applier ─ store
//! ```

mod commands;
mod expiry;
mod settings;

use std::future::Future;
use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use std::{io, net};

use arc_swap::ArcSwap;
use mika_core::Tracker;
use mika_store::sqlite::SqliteStore;
use mika_store::{Catalog, StoreError};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use thiserror::Error;
use tracing::{error, info, warn};

use crate::admin::{Admin, AdminToken, StartError, TokenError};
use crate::clock::Clock;
use crate::config::{Config, Secret, StoreKind};
use crate::control::{AnnounceUrls, Control};
use crate::data_dir::{DataDir, DataDirError};
use crate::flush::{Applier, FlushError, Flusher};
use crate::journal::{Journal, JournalError};
use crate::listen::bind::{self, BindError};
use crate::listen::tls::{TlsCertificates, TlsError};
use crate::listen::{
    HttpSettings, ListenContext, LiveSettings, Shutdown, ShutdownSignal, Workers, http, udp,
};
use crate::metrics::{FlushStatus, Metrics};
use crate::recovery::{self, Recovered, RecoveryError};
use commands::ServerCommands;
pub use settings::settings_of;

/// How long the store may take, when the server stops, to take the last batches. They are in the
/// journal in any case.
const STORE_STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Open files that are not clients: sockets, journal, store, admin API.
const FILES_RESERVED: usize = 512;

/// Why a server does not start, or did not stop in order.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Journal and snapshot.
    #[error(transparent)]
    Flush(#[from] FlushError),
    /// What the last process left.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// A port.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The admin token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The admin API.
    #[error(transparent)]
    Admin(#[from] StartError),
    /// The port of the admin API.
    #[error(
        "the admin API cannot listen on {address}: {source}; choose another admin.listen, or stop \
         what uses it"
    )]
    AdminBind {
        /// The address.
        address: net::SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// Threads, random numbers, signals.
    #[error("the server cannot run: {0}")]
    System(#[from] io::Error),
    /// The last announces could not be written.
    #[error(
        "the last announces could not be written to the disk (the log says why): what clients \
         reported in them comes in again with their next announces"
    )]
    NotFlushed,
}

/// What the server asks of the process around it when the configuration is to be read again.
pub struct Hooks {
    /// Reads the configuration from where it was read at the start; or says what is wrong with it.
    pub read_config: Box<dyn Fn() -> Result<Config, String> + Send + Sync>,
    /// Is told of the configuration once it is in force.
    pub config_applied: Box<dyn Fn(&Config) + Send + Sync>,
}

/// What asks a running server for something: signals in the binary, channels in tests.
pub trait Requests: Send {
    /// Waits for the next request.
    fn next(&mut self) -> impl Future<Output = Request> + Send;
}

/// What a running server can be asked for from outside of its API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Read the configuration again (SIGHUP).
    Reload,
    /// Stop in order (SIGTERM, SIGINT).
    Stop,
}

/// A tracker that is ready to be announced to.
#[derive(Debug, Clone)]
pub struct Started {
    /// What was found on disk and in the store.
    pub recovered: Recovered,
    /// Where the admin API listens.
    pub admin: net::SocketAddr,
}

/// Runs a tracker until it is asked to stop. `ready` is called once clients are answered.
///
/// # Errors
///
/// See [`ServeError`].
pub async fn run(
    config: Config,
    hooks: Hooks,
    mut requests: impl Requests,
    ready: impl FnOnce(&Started),
) -> Result<(), ServeError> {
    let files_max = allow_many_files();
    let data = DataDir::open(&config.data.dir)?;
    data.claim(settings::mode_of(&config))?;
    let sockets = Sockets::bind(&config)?;
    let token = admin_token(&config)?;
    // So that a reload finds the token that it is, not a change.
    let mut config = config;
    config.admin.token = Secret::new(token.expose());
    let catalog = open_store(&config).await?;
    let (journal, cut_bytes) = Journal::open(&data.journal())?;
    if cut_bytes > 0 {
        warn!(cut_bytes, "the journal's torn tail was cut: it holds whole batches only");
    }

    let clock = Clock::system();
    let tracker =
        Arc::new(Tracker::new(settings::mode_of(&config), settings_of(&config), data.hash_key()?));
    let status = Arc::new(FlushStatus::default());
    let current = Arc::new(ArcSwap::from_pointee(config));
    let mut applier = Applier::new(
        Arc::clone(&catalog),
        journal.dir(),
        catalog.checkpoint().await?,
        &data.dead_letters(),
        Arc::clone(&status),
        Arc::clone(&current),
    );
    let recovered = recovery::recover(
        &tracker,
        &catalog,
        &mut applier,
        &journal,
        &data.snapshot(),
        clock.now_seconds(),
    )
    .await?;
    let mut flusher = Flusher::new(
        Arc::clone(&tracker),
        clock.clone(),
        Arc::clone(&current),
        Arc::clone(&status),
        journal,
        &data.snapshot(),
        recovered.next_number,
    );
    if recovered.begin_anew {
        flusher.begin_anew()?;
    }

    let (shutdown, signal) = Shutdown::new();
    let (journaled, applied) = (flusher.journaled(), applier.applied());
    let applier = tokio::spawn(applier.run(journaled));
    let flush = Arc::new(flusher.start()?);
    let expiry = expiry::start(&tracker, &clock, &current, &signal)?;
    let context = Arc::new(ListenContext::new(
        Arc::clone(&tracker),
        clock.clone(),
        LiveSettings::of(&current.load()),
    ));
    let urls = AnnounceUrls::from_config(&current.load());
    let control = Control::new(Arc::clone(&tracker), Arc::clone(&catalog), urls);
    let metrics = Metrics::new(tracker, Arc::clone(&context.counters), Arc::clone(&status));
    let commands = Arc::new(ServerCommands {
        config: Arc::clone(&current),
        hooks,
        reload: tokio::sync::Mutex::new(()),
        context: Arc::clone(&context),
        control: control.clone(),
        certificates: sockets.certificates.clone(),
        flush: Arc::clone(&flush),
        applied,
        admin: OnceLock::new(),
    });
    let admin = Admin::new(control, metrics, commands.clone(), token);
    commands.set_admin(&admin);
    admin.set_loaded();
    let running_admin = admin.start(sockets.admin)?;
    let workers = sockets.workers.start(
        sockets.certificates.as_deref(),
        &current.load(),
        files_max,
        &context,
        &signal,
    )?;
    ready(&Started { recovered, admin: running_admin.address() });

    while requests.next().await != Request::Stop {
        commands.reload_and_log().await;
    }

    info!("stopping: answering what has arrived, then writing the last batch");
    shutdown.trigger();
    let joined = tokio::task::spawn_blocking(move || {
        let panicked = |_| io::Error::other("the expiry thread has panicked");
        workers.join().and(expiry.join().map_err(panicked))
    });
    // Told at the end: the last batch has to be written whatever became of a worker.
    let joined = joined.await.map_err(io::Error::other).flatten();
    if let Err(error) = running_admin.stop() {
        error!(%error, "the admin API ended badly");
    }
    let stopped = tokio::task::spawn_blocking(move || flush.stop());
    let stopped = stopped.await.map_err(io::Error::other)?;
    if tokio::time::timeout(STORE_STOP_TIMEOUT, applier).await.is_err() {
        let applied = status.applied_batch_number.load(Ordering::Relaxed);
        let waiting = stopped.last_number.saturating_sub(applied);
        warn!(waiting, "the store did not take the last batches; they wait in the journal");
    }
    catalog.close().await;
    joined?;
    if stopped.clean { Ok(()) } else { Err(ServeError::NotFlushed) }
}

/// Every connection is an open file: takes as many as the system allows, and says how many.
fn allow_many_files() -> usize {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map(|()| hard));
    match raised {
        Ok(files) => usize::try_from(files).unwrap_or(usize::MAX),
        Err(error) => {
            warn!(%error, "the limit of open files could not be raised");
            usize::MAX
        }
    }
}

async fn open_store(config: &Config) -> Result<Arc<dyn Catalog>, StoreError> {
    match config.store.kind {
        StoreKind::Sqlite => Ok(Arc::new(SqliteStore::open(&config.store.path).await?)),
    }
}

fn admin_token(config: &Config) -> Result<AdminToken, TokenError> {
    if config.admin.token.is_empty() {
        AdminToken::load_or_create(&config.admin.token_file)
    } else {
        AdminToken::new(config.admin.token.expose())
    }
}

/// Everything that is bound before anything else is done: a port that is taken ends the start at
/// once.
struct Sockets {
    admin: TcpListener,
    certificates: Option<Arc<TlsCertificates>>,
    workers: WorkerSockets,
}

struct WorkerSockets {
    http: Vec<http::WorkerListeners>,
    udp: Vec<Vec<net::UdpSocket>>,
}

impl Sockets {
    fn bind(config: &Config) -> Result<Self, ServeError> {
        let address = config.admin.listen;
        let admin = TcpListener::bind(address)
            .map_err(|source| ServeError::AdminBind { address, source })?;
        let workers = bind::worker_count(config.http.workers);
        let plain = bind::bind_http(&config.http.listen, workers)?;
        let tls = bind::bind_http(&config.https.listen, workers)?;
        let certificates = match config.https.listen.is_empty() {
            true => None,
            false => {
                let https = &config.https;
                let loaded = TlsCertificates::load(&https.certificate_file, &https.key_file)?;
                Some(Arc::new(loaded))
            }
        };
        let udp = bind::bind_udp(
            &config.udp.listen,
            bind::worker_count(config.udp.workers),
            config.udp.receive_buffer_bytes as usize,
        )?;
        let http = http::WorkerListeners::zip(plain, tls);
        Ok(Self { admin, certificates, workers: WorkerSockets { http, udp } })
    }
}

impl WorkerSockets {
    fn start(
        self,
        certificates: Option<&TlsCertificates>,
        config: &Config,
        files_max: usize,
        context: &Arc<ListenContext>,
        signal: &ShutdownSignal,
    ) -> io::Result<Workers> {
        let mut settings = HttpSettings::of(config);
        let connections_max = files_max - FILES_RESERVED.min(files_max / 4);
        if connections_max < settings.connections_max {
            warn!(connections_max, "the system allows fewer open files than limits.connections");
            settings.connections_max = connections_max;
        }
        let mut workers = http::serve(self.http, certificates, &settings, context, signal)?;
        workers.extend(udp::serve(self.udp, &udp::UdpSettings::of(config)?, context, signal)?);
        Ok(workers)
    }
}
