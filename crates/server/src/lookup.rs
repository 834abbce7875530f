//! Look-ups in the store of what an announce names and the tracker does not know.
//!
//! However many announces name the same unknown torrent, the store is asked once, and what it says
//! is remembered: what it has goes into the tracker, what it has not is refused for
//! `lookup.unknown_seconds` without asking again. What was found is asked for again after
//! `lookup.known_seconds`, unless the store tells changes by itself, so that a torrent that the
//! site has deleted does not live on here.
//!
//! Everything is bounded: announces that wait (`lookup.parked_max`), questions under way, and both
//! memories, of which the oldest entries are forgotten first. See [`crate::listen::lookup`] for the
//! waiting itself.

mod changes;
mod recent;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use mika_core::Refusal;
use mika_core::registry::{TorrentSpec, UserSpec};
use mika_protocol::{AnnounceRequest, InfoHash, Passkey};
use mika_store::catalog::UserKey;
use mika_store::record::{TorrentRecord, UserRecord};
use mika_store::{Catalog, StoreError};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::warn;

use crate::config::Config;
use crate::control::{Control, Key as Touched, torrent_spec, user_spec};
use crate::listen::lookup::{Asked, Lookup, Outcome, Place, Ticket};
pub use changes::follow;
use recent::Recent;

/// Between two looks at what is to be asked for again.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);
/// Records that are asked for again at a time.
const REFRESH_MAX: usize = 1000;

/// How much may be asked at a time, and how long the answers hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupSettings {
    /// How long an announce waits at most.
    pub wait: Duration,
    /// Announces that wait at a time.
    pub parked_max: usize,
    /// Questions to the store at a time.
    pub concurrent: usize,
    /// How long it holds that the store has no such record.
    pub unknown: Duration,
    /// After how long what was found is asked for again; zero: never.
    pub known: Duration,
    /// Answers of each kind that are remembered.
    pub remembered_max: usize,
}

impl LookupSettings {
    /// What the configuration says.
    pub fn of(config: &Config) -> Self {
        let lookup = &config.lookup;
        Self {
            wait: Duration::from_millis(lookup.wait_milliseconds.into()),
            parked_max: lookup.parked_max as usize,
            concurrent: lookup.concurrent as usize,
            unknown: Duration::from_secs(lookup.unknown_seconds.into()),
            known: Duration::from_secs(lookup.known_seconds.into()),
            remembered_max: lookup.remembered_max as usize,
        }
    }
}

/// What became of look-ups since the start.
#[derive(Debug, Default)]
pub struct LookupStatus {
    /// Questions asked of the store.
    pub asked_total: AtomicU64,
    /// Those that it had a record for.
    pub found_total: AtomicU64,
    /// Those that it had none for.
    pub unknown_total: AtomicU64,
    /// Those that it did not answer, or not so that it could be used.
    pub failures_total: AtomicU64,
    /// Announces that were told to come back soon instead of waiting, because too many waited.
    pub not_parked_total: AtomicU64,
    /// Announces that wait now.
    parked: Arc<AtomicUsize>,
}

impl LookupStatus {
    /// Announces that wait now.
    pub fn parked(&self) -> usize {
        self.parked.load(Ordering::Relaxed)
    }

    fn count(total: &AtomicU64) {
        total.fetch_add(1, Ordering::Relaxed);
    }
}

/// Asks the store, and keeps in mind what it said. Clones share everything.
#[derive(Clone)]
pub struct StoreLookup {
    shared: Arc<Shared>,
}

struct Shared {
    control: Control,
    catalog: Arc<dyn Catalog>,
    settings: LookupSettings,
    runtime: Handle,
    status: Arc<LookupStatus>,
    slots: Semaphore,
    state: Mutex<State>,
}

struct State {
    /// Questions under way, and whom to tell.
    flights: HashMap<Key, Vec<oneshot::Sender<Outcome>>>,
    unknown: Recent<Key, ()>,
    known: Recent<Key, Known>,
}

/// What is looked up. Has no `Debug`: a passkey must not reach a log.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Torrent(InfoHash),
    User(Vec<u8>),
}

/// What was found, as far as it is needed to take it back.
enum Known {
    Torrent { id: u32, info_hash: InfoHash },
    User { id: u32, passkey: Passkey, role_id: u16 },
}

impl StoreLookup {
    /// Look-ups in `catalog` for the tracker behind `control`, on the runtime that this is called
    /// on.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn new(control: Control, catalog: Arc<dyn Catalog>, settings: LookupSettings) -> Self {
        let state = State {
            flights: HashMap::new(),
            unknown: Recent::new(settings.unknown, settings.remembered_max),
            known: Recent::new(settings.known, settings.remembered_max),
        };
        let shared = Shared {
            control,
            catalog,
            runtime: Handle::current(),
            status: Arc::default(),
            slots: Semaphore::new(settings.concurrent.max(1)),
            state: Mutex::new(state),
            settings,
        };
        Self { shared: Arc::new(shared) }
    }

    /// What became of look-ups, now and later.
    pub fn status(&self) -> Arc<LookupStatus> {
        Arc::clone(&self.shared.status)
    }

    /// Questions asked of the store so far.
    pub fn asked_total(&self) -> u64 {
        self.shared.status.asked_total.load(Ordering::Relaxed)
    }

    /// Announces that wait now.
    pub fn parked(&self) -> usize {
        self.shared.status.parked()
    }

    /// Asks for what was found a while ago again, until the task is aborted.
    pub fn refresh(&self) -> JoinHandle<()> {
        let shared = Arc::clone(&self.shared);
        self.shared.runtime.spawn(async move {
            loop {
                tokio::time::sleep(REFRESH_INTERVAL).await;
                let due = shared.state.lock().known.take_expired(Instant::now(), REFRESH_MAX);
                for (key, known) in due {
                    shared.refresh(key, known).await;
                }
            }
        })
    }
}

impl Lookup for StoreLookup {
    fn ask(&self, request: &AnnounceRequest, refusal: Refusal) -> Asked {
        let key = match (refusal, &request.passkey) {
            (Refusal::TorrentUnknown, _) => Key::Torrent(request.info_hash),
            (Refusal::PasskeyUnknown, Some(passkey)) => Key::User(passkey.as_bytes().to_vec()),
            _ => return Asked::Final,
        };
        let shared = &self.shared;
        let now = Instant::now();
        let mut state = shared.state.lock();
        if state.unknown.contains(&key, now) {
            return Asked::Final;
        }
        let places_max = shared.settings.parked_max;
        let Some(place) = Place::take(&shared.status.parked, places_max) else {
            LookupStatus::count(&shared.status.not_parked_total);
            return Asked::NotNow;
        };
        let (sender, receiver) = oneshot::channel();
        let deadline = now + shared.settings.wait;
        let under_way = state.flights.len();
        if let Some(waiting) = state.flights.get_mut(&key) {
            // Those who gave up must not make the list grow.
            if waiting.len() >= shared.settings.parked_max {
                waiting.retain(|sender| !sender.is_closed());
            }
            waiting.push(sender);
        } else if under_way < shared.settings.parked_max {
            state.flights.insert(key.clone(), vec![sender]);
            let flying = Arc::clone(shared);
            shared.runtime.spawn(async move { flying.fly(key).await });
        } else {
            // A question outlives those who wait for it if the store is slow.
            LookupStatus::count(&shared.status.not_parked_total);
            return Asked::NotNow;
        }
        Asked::Wait(Ticket::new(receiver, deadline, place))
    }
}

impl Shared {
    /// Asks one question, and tells everybody who waits for it.
    async fn fly(&self, key: Key) {
        let result = self.find(&key).await;
        let outcome = match &result {
            Ok(_) => Outcome::Answered,
            Err(error) => {
                self.tell_failure(error);
                Outcome::Failed
            }
        };
        let waiting = {
            let now = Instant::now();
            let mut state = self.state.lock();
            match result {
                Ok(Some(known)) => state.known.put(key.clone(), known, now),
                Ok(None) => state.unknown.put(key.clone(), (), now),
                Err(_) => {}
            }
            state.flights.remove(&key)
        };
        for sender in waiting.into_iter().flatten() {
            // Who does not wait any more has been told to come back.
            let _ = sender.send(outcome);
        }
    }

    /// Asks the store, and puts what it has in force.
    async fn find(&self, key: &Key) -> Result<Option<Known>, StoreError> {
        let Ok(_slot) = self.slots.acquire().await else { return Ok(None) };
        let status = &self.status;
        LookupStatus::count(&status.asked_total);
        let result = self.question(key).await;
        LookupStatus::count(match &result {
            Ok(Some(_)) => &status.found_total,
            Ok(None) => &status.unknown_total,
            Err(_) => &status.failures_total,
        });
        result
    }

    async fn question(&self, key: &Key) -> Result<Option<Known>, StoreError> {
        match key {
            Key::Torrent(info_hash) => {
                let found = self.catalog.torrent(*info_hash).await?;
                found.map(|record| self.put_torrent(*info_hash, &record)).transpose()
            }
            Key::User(passkey) => {
                let text = String::from_utf8_lossy(passkey).into_owned();
                let found = self.catalog.user(&UserKey::Passkey(text)).await?;
                found.map(|record| self.put_user(passkey, &record)).transpose()
            }
        }
    }

    fn put_torrent(&self, asked: InfoHash, record: &TorrentRecord) -> Result<Known, StoreError> {
        if record.info_hash != asked && record.info_hash_v2 != Some(asked) {
            let text = format!("asked for torrent {asked}, the store gave {}", record.info_hash);
            return Err(StoreError::Broken(text));
        }
        let refused = |error: mika_core::registry::RegistryError| {
            StoreError::Invalid(format!("torrent {}: {error}", record.id))
        };
        self.control.touch(Touched::Torrent(record.id));
        self.control.tracker().put_torrent(torrent_spec(record)).map_err(refused)?;
        Ok(Known::Torrent { id: record.id, info_hash: record.info_hash })
    }

    fn put_user(&self, asked: &[u8], record: &UserRecord) -> Result<Known, StoreError> {
        if record.passkey.as_bytes() != asked {
            let text = format!("the store gave user {}, who has another passkey", record.id);
            return Err(StoreError::Broken(text));
        }
        let invalid = |text: String| StoreError::Invalid(format!("user {}: {text}", record.id));
        let spec = user_spec(record).map_err(|error| invalid(error.to_string()))?;
        self.control.touch(Touched::User(spec.id));
        self.control.tracker().put_user(spec).map_err(|error| invalid(error.to_string()))?;
        Ok(Known::User { id: spec.id, passkey: spec.passkey, role_id: spec.role_id })
    }

    /// Asks for a record again that was found a while ago.
    async fn refresh(&self, key: Key, known: Known) {
        let known = match self.find(&key).await {
            Ok(Some(known)) => known,
            Ok(None) => return self.take_back(&known),
            Err(error) => {
                self.tell_failure(&error);
                known
            }
        };
        self.state.lock().known.put(key, known, Instant::now());
    }

    /// The store has it no more: it is refused like everything that was deleted.
    fn take_back(&self, known: &Known) {
        let tracker = self.control.tracker();
        let result = match *known {
            Known::Torrent { id, info_hash } => tracker.put_torrent(TorrentSpec {
                enabled: false,
                deleted: true,
                ..TorrentSpec::new(id, info_hash)
            }),
            Known::User { id, passkey, role_id } => tracker.put_user(UserSpec {
                download_enabled: false,
                deleted: true,
                ..UserSpec::new(id, passkey, role_id)
            }),
        };
        if let Err(error) = result {
            warn!(%error, "a record that the store has no more could not be taken back");
        }
    }

    /// Not once per announce for as long as the store is down.
    fn tell_failure(&self, error: &StoreError) {
        let failures = self.status.failures_total.load(Ordering::Relaxed);
        if failures.is_power_of_two() {
            warn!(%error, failures, "a look-up failed");
        }
    }
}

impl fmt::Debug for StoreLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreLookup").field("parked", &self.parked()).finish_non_exhaustive()
    }
}
