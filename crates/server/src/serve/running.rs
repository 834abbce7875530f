//! A running server, from its first answer to its last batch.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use mika_core::{Mode, Places, Tracker};
use mika_store::Catalog;
use mika_store::http::HttpStore;
use tokio::runtime::Handle;
use tracing::{error, info, warn};

use super::commands::ServerCommands;
use super::sockets::Sockets;
use super::state::State;
use super::{Hooks, ServeError, expiry, resync};
use crate::admin::{Access, AccessSettings, Admin, AdminToken, RunningAdmin};
use crate::clock::Clock;
use crate::config::Config;
use crate::control::{AnnounceUrls, Control};
use crate::data_dir::DataDir;
use crate::detection::{Inspector, RunningDetection};
use crate::flush::{FlushHandle, Stopped};
use crate::geo;
use crate::listen::lookup::Lookup;
use crate::listen::{ListenContext, LiveSettings, Shutdown, Workers};
use crate::lookup::{self, LookupSettings, LookupStatus, StoreLookup};
use crate::metrics::{FlushStatus, Metrics};
use crate::notify::{Following, Notify, RunningNotify};
use crate::request_log;
use crate::site_api::{RunningSiteApi, SiteApi};
use crate::site_call::SiteCaller;

/// How long the store may take, when the server stops, to take the last batches. They are in the
/// journal in any case.
const STORE_STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Everything that has to be stopped, in order.
pub(super) struct Running {
    workers: Workers,
    expiry: JoinHandle<()>,
    shutdown: Shutdown,
    admin: RunningAdmin,
    site_api: Option<RunningSiteApi>,
    commands: Arc<ServerCommands>,
    flush: Arc<FlushHandle>,
    applier: tokio::task::JoinHandle<()>,
    /// Tells the site what it wants to be told, until it is aborted.
    calls: Option<tokio::task::JoinHandle<()>>,
    resync: tokio::task::JoinHandle<()>,
    status: Arc<FlushStatus>,
    catalog: Arc<dyn Catalog>,
    /// Tasks that ask the store, or tell it, until they are aborted.
    asking: Vec<tokio::task::JoinHandle<()>>,
    notify: Notify,
    following: RunningNotify,
    detection: Option<RunningDetection>,
    _data: DataDir,
}

impl Running {
    /// Starts the way to the store first, and the workers last.
    pub(super) fn start(
        state: State,
        sockets: Sockets,
        token: AdminToken,
        hooks: Hooks,
    ) -> Result<Self, ServeError> {
        let State { data, config, catalog, http, clock, tracker, status, flusher, .. } = state;
        let (applier, site_calls) = (state.applier, state.site_calls);
        let (site_settings, geo) = (state.site_settings, state.geo);
        let (shutdown, signal) = Shutdown::new();
        // Before the flusher: what the notifications still need stays in the journal.
        let notify = open_notify(&data, &config, &status)?;
        let (journaled, applied) = (flusher.journaled(), applier.applied());
        let dead_letters = applier.dead_letters();
        let applier = tokio::spawn(applier.run(journaled.clone()));
        let calls = site_calls.map(|queue| SiteCaller::new(&config.load(), queue)).transpose()?;
        let calls = calls.map(|caller| tokio::spawn(caller.run()));
        let flush = Arc::new(flusher.start()?);
        let expiry = expiry::start(&tracker, &clock, &config, &signal)?;

        let live = LiveSettings::of(&config.load());
        let resync_clock = clock.clone();
        let urls = AnnounceUrls::from_config(&config.load());
        let control = Control::new(Arc::clone(&tracker), Arc::clone(&catalog), urls);
        control.set_notify(notify.clone());
        control.keep_torrent_strategies(data.torrent_strategies())?;
        let inspector = open_detection(&data, &config, &tracker, &notify, &clock)?;
        let mut asking = Asking::start(&config.load(), &control, &catalog, http);
        let context = ListenContext::new(Arc::clone(&tracker), clock.clone(), live);
        let context = Arc::new(context.with_lookup(asking.lookup));
        asking.tasks.push(geo::watch(Arc::clone(&geo)));
        if catalog.keeps_requests() != (false, false) {
            asking.tasks.push(request_log::start(context.request_log(), Arc::clone(&catalog)));
        }
        let following = notify.start(Following {
            tracker: Arc::clone(&tracker),
            clock,
            counters: Arc::clone(&context.counters),
            catalog: Arc::clone(&catalog),
            journal: data.journal(),
            journaled,
        })?;
        let metrics = Metrics::new(tracker, Arc::clone(&context.counters), Arc::clone(&status));
        let metrics = metrics.with_lookup(asking.status, asking.http);
        let metrics = metrics.with_requests(context.request_log()).with_notify(notify.clone());
        let metrics = metrics.with_geo(Arc::clone(&geo)).with_detection(inspector.clone());
        let access = {
            let admin = &config.load().admin;
            Access::open(data.path(), admin.audit_bytes, AccessSettings::of(admin))?
        };
        let commands = Arc::new(ServerCommands {
            config,
            hooks,
            reload: tokio::sync::Mutex::new(()),
            context: Arc::clone(&context),
            control: control.clone(),
            site_settings,
            geo,
            certificates: sockets.certificates.clone(),
            admin_certificates: sockets.admin.certificates(),
            flush: Arc::clone(&flush),
            dead_letters,
            overrides: data.overrides(),
            applied,
            admin: OnceLock::new(),
        });
        let detection = match inspector {
            Some(inspector) => {
                inspector.set_places(Arc::clone(&commands.geo) as Arc<dyn Places>);
                control.set_detection(inspector.clone());
                Some(inspector.start(control.clone(), Handle::current())?)
            }
            None => None,
        };
        let resync = resync::start(Arc::clone(&commands), resync_clock);
        let site_api = {
            let config = commands.config.load();
            let (control, metrics) = (control.clone(), metrics.clone());
            let (api, preset) = (&config.site_api, config.site.preset);
            SiteApi::new(control, metrics, commands.clone(), api, preset)
        };
        let admin = Admin::new(control, metrics, commands.clone(), token, access);
        commands.set_admin(&admin);
        admin.keep_posts(&data.posts())?;
        admin.set_loaded();
        let admin = admin.start(sockets.admin)?;
        let site_api = site_api.start(sockets.site_api)?;
        let workers = sockets.workers.start(sockets.certificates.as_deref(), &context, &signal)?;
        let _data = data;
        Ok(Self {
            workers,
            expiry,
            shutdown,
            admin,
            site_api,
            commands,
            flush,
            applier,
            calls,
            resync,
            status,
            catalog,
            asking: asking.tasks,
            notify,
            following,
            detection,
            _data,
        })
    }

    /// Where the admin API is.
    pub(super) fn admin_url(&self) -> &str {
        self.admin.url()
    }

    /// Reads the configuration again.
    pub(super) async fn reload(&self) {
        self.commands.reload_and_log().await;
    }

    /// Answers what has arrived, writes the last batch and a snapshot, and waits for the store.
    pub(super) async fn stop(self) -> Result<(), ServeError> {
        info!("stopping: answering what has arrived, then writing the last batch");
        self.resync.abort();
        // Or the admin API would wait for who reads the stream.
        self.notify.close();
        self.shutdown.trigger();
        self.asking.iter().for_each(tokio::task::JoinHandle::abort);
        let (workers, expiry) = (self.workers, self.expiry);
        let joined = tokio::task::spawn_blocking(move || {
            let panicked = |_| io::Error::other("the expiry thread has panicked");
            workers.join().and(expiry.join().map_err(panicked))
        });
        // Told at the end: the last batch has to be written whatever became of a worker.
        let joined = joined.await.map_err(io::Error::other).flatten();
        if let Err(error) = self.admin.stop() {
            error!(%error, "the admin API ended badly");
        }
        if let Some(site_api) = self.site_api {
            site_api.stop();
        }
        let flush = self.flush;
        let (following, detection) = (self.following, self.detection);
        let stopped = tokio::task::spawn_blocking(move || {
            if let Some(detection) = detection {
                detection.stop();
            }
            let stopped = flush.stop();
            following.stop();
            stopped
        });
        let stopped: Stopped = stopped.await.map_err(io::Error::other)?;
        if tokio::time::timeout(STORE_STOP_TIMEOUT, self.applier).await.is_err() {
            let applied = self.status.applied_batch_number.load(Ordering::Relaxed);
            let waiting = stopped.last_number.saturating_sub(applied);
            warn!(waiting, "the store did not take the last batches; they wait in the journal");
        }
        if let Some(calls) = self.calls {
            // What the site was not told is in a file.
            calls.abort();
        }
        self.catalog.close().await;
        joined?;
        if stopped.clean { Ok(()) } else { Err(ServeError::NotFlushed) }
    }
}

/// What looks at announces, on a private tracker.
fn open_detection(
    data: &DataDir,
    config: &Arc<ArcSwap<Config>>,
    tracker: &Arc<Tracker>,
    notify: &Notify,
    clock: &Clock,
) -> Result<Option<Inspector>, ServeError> {
    if tracker.mode() != Mode::Private {
        return Ok(None);
    }
    let hash_key = data.hash_key(Mode::Private)?.bytes;
    let (tracker, config) = (Arc::clone(tracker), Arc::clone(config));
    let (notify, clock) = (Some(notify.clone()), clock.clone());
    Ok(Some(Inspector::open(data.path(), hash_key, tracker, config, notify, clock)?))
}

fn open_notify(
    data: &DataDir,
    config: &Arc<ArcSwap<Config>>,
    status: &Arc<FlushStatus>,
) -> io::Result<Notify> {
    let opened = Notify::open(&data.notify(), Arc::clone(config), Arc::clone(status));
    opened.map_err(|error| {
        let dir = data.notify();
        io::Error::new(error.kind(), format!("notifications in {}: {error}", dir.display()))
    })
}

/// Who asks the store for what the tracker does not know.
struct Asking {
    lookup: Option<Arc<dyn Lookup>>,
    status: Arc<LookupStatus>,
    http: Option<Arc<HttpStore>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Asking {
    fn start(
        config: &Config,
        control: &Control,
        catalog: &Arc<dyn Catalog>,
        http: Option<Arc<HttpStore>>,
    ) -> Self {
        let (mut lookup, mut status, mut tasks) = (None, Arc::default(), Vec::new());
        let interval_seconds = config.store_http.changes_interval_seconds;
        let changes = http.clone().filter(|http| http.tells_changes() && interval_seconds > 0);
        if config.store.lookup {
            let settings = LookupSettings::of(config);
            let asks_again = changes.is_none() && !settings.known.is_zero();
            let asks = StoreLookup::new(control.clone(), Arc::clone(catalog), settings);
            if asks_again {
                tasks.push(asks.refresh());
            }
            status = asks.status();
            lookup = Some(Arc::new(asks) as Arc<dyn Lookup>);
        }
        if let Some(http) = changes {
            let interval = Duration::from_secs(interval_seconds.into());
            tasks.push(lookup::follow(http, control.clone(), interval));
        }
        Self { lookup, status, http, tasks }
    }
}
