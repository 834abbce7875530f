//! What a tracker knows, recovered, and the way by which it is kept.

use std::sync::Arc;

use arc_swap::ArcSwap;
use mika_core::Tracker;
use mika_store::Catalog;
use mika_store::http::HttpStore;
use tracing::warn;

use super::{ServeError, settings, settings_of};
use crate::clock::Clock;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::flush::{Applier, Flusher};
use crate::journal::Journal;
use crate::metrics::FlushStatus;
use crate::open_store::open_store;
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
