//! The control plane: the one place where a change reaches both the store and the tracker.
//!
//! A change goes to the store first, where it is durable, and then into the tracker, where it
//! counts for the next announce; only then is its caller answered. Changes are made one at a time,
//! so that store and tracker see them in the same order, and each runs to its end even if the
//! caller has gone, so that the two never part.
//!
//! * [`Control`]: the operations on users, torrents, roles, client rules, tokens and events.
//! * [`load()`]: everything from the store into an empty tracker, at the start.
//! * [`import_peers`]: what another tracker left behind, at a first start.
//! * [`Control::resync`]: what the site changed in its tables by itself.
//! * [`AnnounceUrls`]: what users are told to announce to.

mod announce_urls;
mod bulk;
mod client_rules;
mod cursor;
mod detection;
mod error;
mod events;
mod export;
mod import;
mod load;
mod paging;
mod peers;
mod ranking;
mod removal;
mod resync;
mod roles;
mod sessions;
mod strategies;
mod swarms;
mod tokens;
mod told;
mod torrents;
mod traces;
mod users;
mod validate;
mod version;

pub use announce_urls::AnnounceUrls;
pub(crate) use cursor::{from_hex, not_a_cursor, to_hex};
pub(crate) use detection::Withheld;
pub use error::ControlError;
pub use export::Export;
pub use import::Import;
pub(crate) use load::TokenPlaces;
pub use load::{LoadReport, load, load_watched};
pub(crate) use paging::page_limit;
pub use peers::{import_peers, import_peers_watched};
pub use resync::{ResyncReport, Resynced};
pub use traces::TraceKey;
pub use version::{Expected, Versioned};

pub(crate) use client_rules::rule_spec;
pub(crate) use events::event_spec;
pub(crate) use resync::Key;
pub(crate) use roles::role_spec;
pub(crate) use torrents::torrent_spec;
pub(crate) use users::user_spec;

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use mika_core::Tracker;
use mika_store::Catalog;
use tokio::sync::Mutex;

use crate::detection::Inspector;
use crate::notify::Notify;

/// Reads and changes users, torrents and rules. Clones share everything.
#[derive(Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

struct Shared {
    tracker: Arc<Tracker>,
    catalog: Arc<dyn Catalog>,
    announce_urls: ArcSwap<AnnounceUrls>,
    changes: Mutex<()>,
    /// Distinguishes this process from others.
    epoch: u64,
    /// What was changed since a resync began to read.
    touched: resync::Touched,
    /// What the store had flagged as deleted.
    deleted: removal::Deleted,
    /// One resync at a time.
    resync: Mutex<()>,
    notify: OnceLock<Notify>,
    detection: OnceLock<Inspector>,
    strategies: strategies::TorrentStrategies,
}

impl Control {
    /// Puts the control plane in front of a tracker that was [loaded](load()) from this store.
    pub fn new(
        tracker: Arc<Tracker>,
        catalog: Arc<dyn Catalog>,
        announce_urls: AnnounceUrls,
    ) -> Self {
        let shared = Shared {
            tracker,
            catalog,
            announce_urls: ArcSwap::from_pointee(announce_urls),
            changes: Mutex::new(()),
            epoch: fastrand::u64(..),
            touched: resync::Touched::default(),
            deleted: removal::Deleted::default(),
            resync: Mutex::new(()),
            notify: OnceLock::new(),
            detection: OnceLock::new(),
            strategies: strategies::TorrentStrategies::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The tracker that changes are made to.
    pub fn tracker(&self) -> &Tracker {
        &self.shared.tracker
    }

    /// Where users announce to.
    pub fn announce_urls(&self) -> Arc<AnnounceUrls> {
        self.shared.announce_urls.load_full()
    }

    /// Changes where users are told to announce to.
    pub fn set_announce_urls(&self, urls: AnnounceUrls) {
        self.shared.announce_urls.store(Arc::new(urls));
    }

    /// Says who tells the site what happens.
    pub fn set_notify(&self, notify: Notify) {
        // There is one, and it is set once.
        let _ = self.shared.notify.set(notify);
    }

    /// Who tells the site what happens.
    pub fn notify(&self) -> Option<&Notify> {
        self.shared.notify.get()
    }

    /// Asks the store for something small.
    pub(crate) async fn probe_store(&self) -> Result<(), ControlError> {
        self.catalog().checkpoint().await?;
        Ok(())
    }

    /// Must be called before a changed record goes into the tracker: an older state of it that a
    /// resync has read stays out then.
    pub(crate) fn touch(&self, key: Key) {
        self.shared.touched.add(key);
        if let (Key::User(id), Some(notify)) = (key, self.notify()) {
            notify.touch_user(id);
        }
    }

    fn catalog(&self) -> &dyn Catalog {
        self.shared.catalog.as_ref()
    }

    /// Makes one change after all those before it, and to its end: a caller that hangs up, or that
    /// a timeout takes away, cannot leave the store changed and the tracker not.
    async fn change<T, W, F>(&self, work: W) -> Result<T, ControlError>
    where
        T: Send + 'static,
        W: FnOnce(Control) -> F + Send + 'static,
        F: Future<Output = Result<T, ControlError>> + Send + 'static,
    {
        let control = self.clone();
        let task = tokio::spawn(async move {
            let shared = Arc::clone(&control.shared);
            let _turn = shared.changes.lock().await;
            work(control).await
        });
        task.await.unwrap_or(Err(ControlError::Interrupted))
    }
}

/// The time now, as a Unix time in seconds.
pub(crate) fn now_seconds() -> u32 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since_epoch.as_secs()).unwrap_or(u32::MAX)
}

/// The time of something that may not have happened yet, which stores write as 0.
fn happened(at_seconds: u32) -> Option<u32> {
    (at_seconds != 0).then_some(at_seconds)
}
