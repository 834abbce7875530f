//! What a tracker knows, recovered, and the way by which it is kept.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use mika_core::Tracker;
use mika_store::http::{HttpOptions, HttpStore};
use mika_store::redis::RedisStore;
use mika_store::sqlite::SqliteStore;
use mika_store::{Catalog, StoreError};
use tracing::warn;

use super::{ServeError, redis_options_of, settings, settings_of};
use crate::clock::Clock;
use crate::config::{Config, StoreKind};
use crate::data_dir::DataDir;
use crate::flush::{Applier, Flusher};
use crate::journal::Journal;
use crate::metrics::FlushStatus;
use crate::recovery::{self, Recovered};

/// Everything behind the sockets; nothing of it runs yet.
pub(super) struct State {
    /// Held, and locked, for as long as the server runs.
    pub(super) data: DataDir,
    pub(super) config: Arc<ArcSwap<Config>>,
    pub(super) catalog: Arc<dyn Catalog>,
    /// The same, if it is a site's HTTP API.
    pub(super) http: Option<Arc<HttpStore>>,
    pub(super) clock: Clock,
    pub(super) tracker: Arc<Tracker>,
    pub(super) status: Arc<FlushStatus>,
    pub(super) flusher: Flusher,
    pub(super) applier: Applier<dyn Catalog>,
    pub(super) recovered: Recovered,
}

impl State {
    /// Brings everything to where the last process left it.
    pub(super) async fn recover(config: Config, data: DataDir) -> Result<Self, ServeError> {
        let (catalog, http) = open_store(&config).await?;
        let (journal, cut_bytes) = Journal::open(&data.journal())?;
        if cut_bytes > 0 {
            warn!(cut_bytes, "the journal's torn tail was cut: it holds whole batches only");
        }
        let (mode, settings) = (settings::mode_of(&config), settings_of(&config));
        let tracker = Arc::new(Tracker::new(mode, settings, data.hash_key()?));
        let (clock, status) = (Clock::system(), Arc::new(FlushStatus::default()));
        let config = Arc::new(ArcSwap::from_pointee(config));
        let mut applier = Applier::new(
            Arc::clone(&catalog),
            journal.dir(),
            catalog.checkpoint().await?,
            &data.dead_letters(),
            Arc::clone(&status),
            Arc::clone(&config),
        );
        let (snapshot, now_seconds) = (data.snapshot(), clock.now_seconds());
        let recovered =
            recovery::recover(&tracker, &catalog, &mut applier, &journal, &snapshot, now_seconds)
                .await?;
        let mut flusher = Flusher::new(
            Arc::clone(&tracker),
            clock.clone(),
            Arc::clone(&config),
            Arc::clone(&status),
            journal,
            &snapshot,
            recovered.next_number,
        );
        if recovered.begin_anew {
            flusher.begin_anew()?;
        }
        Ok(Self {
            data,
            config,
            catalog,
            http,
            clock,
            tracker,
            status,
            flusher,
            applier,
            recovered,
        })
    }
}

async fn open_store(
    config: &Config,
) -> Result<(Arc<dyn Catalog>, Option<Arc<HttpStore>>), StoreError> {
    match config.store.kind {
        StoreKind::Sqlite => Ok((Arc::new(SqliteStore::open(&config.store.path).await?), None)),
        StoreKind::Redis => {
            Ok((Arc::new(RedisStore::open(&redis_options_of(config)).await?), None))
        }
        StoreKind::Http => {
            let store = Arc::new(HttpStore::new(http_options(config))?);
            Ok((Arc::clone(&store) as Arc<dyn Catalog>, Some(store)))
        }
    }
}

fn http_options(config: &Config) -> HttpOptions {
    let http = &config.store_http;
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    HttpOptions {
        url: http.url.clone(),
        token: http.token.expose().to_owned(),
        secret: http.secret.expose().to_owned(),
        connect_timeout: seconds(http.connect_timeout_seconds),
        call_timeout: seconds(http.timeout_seconds),
        lookup_timeout: Duration::from_millis(config.lookup.wait_milliseconds.into()),
        page_rows: http.page_rows,
        breaker_failures: http.breaker_failures,
        breaker_pause: seconds(http.breaker_pause_seconds),
        push_counts: http.push_counts,
        push_peers: http.push_peers,
    }
}
