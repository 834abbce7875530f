//! What a tracker knows, recovered, and the way by which it is kept.

use std::io;
use std::sync::Arc;

use arc_swap::ArcSwap;
use mika_core::{Places, Tracker};
use mika_store::Catalog;
use mika_store::http::HttpStore;
use tracing::{info, warn};

use super::site_settings::SiteSettings;
use super::{ServeError, settings, settings_of};
use crate::clock::Clock;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::flush::{Applier, Flusher};
use crate::geo::{Geo, GeoSettings};
use crate::journal::Journal;
use crate::loading::LoadProgress;
use crate::metrics::FlushStatus;
use crate::open_store::open_store;
use crate::recovery::{self, Circumstances, Recovered};
use crate::site_call::SiteCallQueue;

/// Everything behind the sockets; nothing of it runs yet.
pub(super) struct State {
    /// Held, and locked, for as long as the server runs.
    pub(super) data: DataDir,
    pub(super) config: Arc<ArcSwap<Config>>,
    pub(super) catalog: Arc<dyn Catalog>,
    /// The same, if it is a site's HTTP API.
    pub(super) http: Option<Arc<HttpStore>>,
    pub(super) site_settings: SiteSettings,
    pub(super) clock: Clock,
    pub(super) tracker: Arc<Tracker>,
    pub(super) geo: Arc<Geo>,
    pub(super) status: Arc<FlushStatus>,
    pub(super) flusher: Flusher,
    pub(super) applier: Applier<dyn Catalog>,
    /// What is to be told to the site, if it wants to be told.
    pub(super) site_calls: Option<Arc<SiteCallQueue>>,
    pub(super) recovered: Recovered,
}

impl State {
    /// Brings everything to where the last process left it.
    pub(super) async fn recover(
        config: Config,
        data: DataDir,
        progress: &LoadProgress,
    ) -> Result<Self, ServeError> {
        let (catalog, http) = open_store(&config).await?;
        // Not before the ports and the store are known to be good: a directory in which nothing
        // was begun is still free for either mode. Nothing before this depends on it.
        data.claim(settings::mode_of(&config))?;
        let site_settings = SiteSettings::read(Arc::clone(&catalog)).await;
        let config = site_settings.over(config);
        let (journal, cut_bytes) = Journal::open(&data.journal())?;
        if cut_bytes > 0 {
            warn!(cut_bytes, "the journal's torn tail was cut: it holds whole batches only");
        }
        config.warnings().iter().for_each(|warning| warn!("{warning}"));
        let (mode, settings) = (settings::mode_of(&config), settings_of(&config));
        let key = data.hash_key(mode)?;
        let tracker = Arc::new(Tracker::new(mode, settings, key.bytes));
        let geo_settings = GeoSettings::of(&config);
        let geo = tokio::task::spawn_blocking(|| Geo::open(geo_settings)).await;
        let geo = geo.map_err(io::Error::other)?;
        tracker.set_places(Arc::clone(&geo) as Arc<dyn Places>);
        let (clock, status) = (Clock::system(), Arc::new(FlushStatus::default()));
        let config = Arc::new(ArcSwap::from_pointee(config));
        let site_calls = site_call_queue(&config.load(), &data, &status)?;
        let applier = Applier::new(
            Arc::clone(&catalog),
            journal.dir(),
            catalog.checkpoint().await?,
            &data.dead_letters(),
            Arc::clone(&status),
            Arc::clone(&config),
        );
        let mut applier = applier.with_site_calls(site_calls.clone());
        let (snapshot, now_seconds) = (data.snapshot(), clock.now_seconds());
        let circumstances = Circumstances {
            snapshot_path: &snapshot,
            now_seconds,
            key_is_new: key.is_new,
            progress,
        };
        let recovered =
            recovery::recover(&tracker, &catalog, &mut applier, &journal, &circumstances).await?;
        let mut flusher = Flusher::new(
            Arc::clone(&tracker),
            clock.clone(),
            Arc::clone(&config),
            Arc::clone(&status),
            journal,
            &snapshot,
            recovered.next_number,
        );
        let settled = applier.dead_letters().settle(recovered.next_number);
        settled.map_err(ServeError::System)?;
        // In this order: if the process dies in between, the next start does it again, but for the
        // last step, without which peers are active again with their next announces.
        if recovered.peers_missing {
            info!("not all peers that the store knows are known here: it forgets who is active");
            catalog.forget_peers().await?;
        }
        if recovered.begin_anew {
            flusher.begin_anew()?;
        }
        if key.is_new {
            // Not before a journal that was written with another one is out of the way.
            data.keep_hash_key(&key)?;
        }
        if recovered.peers_missing {
            tracker.write_all_peers();
        }
        Ok(Self {
            data,
            config,
            catalog,
            http,
            site_settings,
            clock,
            tracker,
            geo,
            status,
            flusher,
            applier,
            site_calls,
            recovered,
        })
    }
}

fn site_call_queue(
    config: &Config,
    data: &DataDir,
    status: &Arc<FlushStatus>,
) -> io::Result<Option<Arc<SiteCallQueue>>> {
    if config.site_call.url.is_empty() {
        return Ok(None);
    }
    let waiting_max = config.site_call.waiting_max;
    let queue = SiteCallQueue::open(&data.site_calls(), waiting_max, Arc::clone(status))?;
    Ok(Some(Arc::new(queue)))
}
