//! Cheater detection in a running server: [`mika_core::detection`], fed, kept and acted upon.
//!
//! ```text
//! announces ──► a queue in each shard ──► thread `mika-detection`, once a second
//!                                           │ step: observe, advance, plan of experiments
//!                                           ├──► findings ──► admin API
//!                                           ├──► levels that rose ──► log, notification, actions
//!                                           └──► every few minutes: detection.state
//! ```
//!
//! Nothing of it is on the way of an announce but the note that it leaves in its shard's queue.
//! With `mode = "shadow"` nothing comes back from here: answers, credit and flags are what they
//! are without detection.
//!
//! * [`Inspector`]: what the rest of the server knows of it.
//! * `detection/file.rs`: what survives a restart; `detection/verdicts.rs`: what people decided
//!   since that was written last.
//! * `detection/acts.rs`: what is done about users, and which torrents are exempt.
//! * `detection/thread.rs`: the thread.
//! * `detection/prober.rs`, `detection/handshake.rs`: whether suspects have a client at all.
//! * `detection/view.rs`: findings and suspects in JSON.

mod acts;
mod file;
mod handshake;
mod judge;
mod levels;
mod numbers;
mod prober;
mod restraints;
mod settings;
mod thread;
mod verdicts;
mod view;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use mika_core::detection::fingerprint::Fingerprints;
use mika_core::detection::weights::Weights;
use mika_core::detection::{Detection, DetectionSettings, Level, Observation};
use mika_core::{Places, Tracker};
use parking_lot::Mutex;
use tracing::{info, warn};

pub(crate) use file::bytes_in;
pub use numbers::DetectionNumbers;
pub use settings::{DATA_SECONDS_MIN, feed_of, settings_of};
pub(crate) use settings::{read_fingerprints, read_weights};
pub use thread::RunningDetection;
pub(crate) use view::name_of;

use crate::clock::Clock;
use crate::config::Config;
use crate::notify::Notify;
use acts::Acts;
use file::{Kept, StateFile};
use verdicts::Verdicts;

/// Books are looked at so often, in seconds.
const ADVANCE_SECONDS: u32 = 60;
/// A step that took longer is not time that was watched.
const STEP_SECONDS_MAX: u32 = 60;

/// The detection of a server. Clones share everything.
#[derive(Clone)]
pub struct Inspector {
    shared: Arc<Shared>,
}

struct Shared {
    tracker: Arc<Tracker>,
    config: Arc<ArcSwap<Config>>,
    notify: Option<Notify>,
    clock: Clock,
    fingerprints: Fingerprints,
    weights: Weights,
    file: StateFile,
    verdicts: Verdicts,
    /// Locked before `acts`, never after.
    watched: Mutex<Watched>,
    acts: Mutex<Acts>,
    numbers: DetectionNumbers,
    places: OnceLock<Arc<dyn Places>>,
    /// When restraints were put into force last, and in which mode.
    restrained_at_seconds: AtomicU32,
    restrained_mode: AtomicU32,
}

/// What the thread works with.
struct Watched {
    detection: Detection,
    settings: DetectionSettings,
    /// Announces were looked at in the last step.
    is_on: bool,
    /// Seconds of data.
    seconds: u64,
    stepped_at_seconds: u32,
    advanced_at_seconds: u32,
    planned_at_seconds: u32,
    /// The last finding that was looked at for a level that rises.
    last_id: u64,
    /// Users whose level may have changed without a finding.
    touched: Vec<u32>,
    /// Users above [`Level::None`], as far as it was told.
    levels: BTreeMap<u32, Level>,
    taken: Vec<Observation>,
}

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stepped {
    /// Announces that were looked at.
    pub observations: u64,
    /// Announces that no queue had room for.
    pub dropped: u64,
    /// Users whose account is to be closed.
    pub to_disable: Vec<u32>,
}

impl Inspector {
    /// Detection that goes on where the last process left it, with what that did about users in
    /// force again. Users have to be loaded, and nobody may announce yet.
    ///
    /// What cannot be read of a file is set aside, and the log says so.
    ///
    /// # Errors
    ///
    /// The operating system gives no random bytes, or a file cannot be written.
    pub fn open(
        dir: &Path,
        hash_key: [u8; 16],
        tracker: Arc<Tracker>,
        config: Arc<ArcSwap<Config>>,
        notify: Option<Notify>,
        clock: Clock,
    ) -> io::Result<Self> {
        let (loaded, now_seconds) = (config.load_full(), clock.now_seconds());
        let fingerprints = settings::fingerprints_of(&loaded);
        let weights = settings::weights_of(&loaded);
        let settings = DetectionSettings { weights: weights.clone(), ..settings_of(&loaded) };
        let file = StateFile::new(dir.join("detection.state"), hash_key);
        let kept = file.read(settings.bytes_max());
        let (detection, seconds, levels) = match kept {
            Some((Kept { watched_seconds, levels, state }, is_complete)) => {
                let settings = settings.clone();
                let resumed =
                    Detection::resume(settings, &fingerprints, state, is_complete, now_seconds);
                (resumed, watched_seconds, levels)
            }
            None => {
                let key = getrandom::u64().map_err(io::Error::other)?;
                let new = Detection::new(settings.clone(), &fingerprints, key, now_seconds);
                (new, 0, BTreeMap::new())
            }
        };
        let watched = Watched {
            last_id: detection.findings_after(0).last().map_or(0, |finding| finding.id),
            detection,
            settings,
            is_on: true,
            seconds,
            stepped_at_seconds: now_seconds,
            advanced_at_seconds: now_seconds,
            planned_at_seconds: 0,
            touched: Vec::new(),
            levels,
            taken: Vec::new(),
        };
        let shared = Shared {
            tracker,
            config,
            notify,
            clock,
            fingerprints,
            weights,
            file,
            verdicts: Verdicts::new(dir.join("detection.verdicts.jsonl")),
            watched: Mutex::new(watched),
            acts: Mutex::new(Acts::open(dir.join("detection.acts.json"))),
            numbers: DetectionNumbers::default(),
            places: OnceLock::new(),
            restrained_at_seconds: AtomicU32::new(0),
            restrained_mode: AtomicU32::new(0),
        };
        let inspector = Self { shared: Arc::new(shared) };
        inspector.begin(now_seconds)?;
        Ok(inspector)
    }

    /// Says what the places stand for that announces tell.
    pub fn set_places(&self, places: Arc<dyn Places>) {
        // There is one, and it is set once.
        let _ = self.shared.places.set(places);
    }

    /// Puts into force what people and the last process decided.
    fn begin(&self, now_seconds: u32) -> io::Result<()> {
        self.shared.file.mark_in_use()?;
        {
            let mut watched = self.shared.watched.lock();
            self.repeat_verdicts(&mut watched);
            for torrent_id in self.shared.acts.lock().exempt_ids() {
                watched.detection.set_exempt(torrent_id, true);
            }
            self.shared.numbers.note(&watched.detection);
            self.shared.numbers.set_state_bytes(self.shared.file.bytes());
            let [users, _, _, findings] = watched.detection.held();
            if users > 0 {
                let days = watched.seconds / 86_400;
                info!(users, findings, days, "detection goes on with what was known");
            }
        }
        self.restrain_all(now_seconds);
        Ok(())
    }

    /// Looks at what was announced since the last step, and at the books once a minute. What is to
    /// be done about users is done, but for closing accounts, which the caller has to do.
    pub fn step(&self, now_seconds: u32) -> Stepped {
        let config = self.shared.config.load_full();
        if !config.detects() {
            self.pause(now_seconds);
            return Stepped::default();
        }
        let mut stepped = Stepped::default();
        let (news, watched_seconds) = {
            let mut watched = self.shared.watched.lock();
            self.take_settings(&mut watched, &config, now_seconds);
            self.observe(&mut watched, now_seconds, &mut stepped);
            let since = now_seconds.saturating_sub(watched.advanced_at_seconds);
            if since >= ADVANCE_SECONDS {
                watched.advanced_at_seconds = now_seconds;
                watched.detection.advance(now_seconds);
                self.lower_levels(&mut watched, &config, now_seconds);
            }
            self.plan(&mut watched, &config, now_seconds);
            self.shared.numbers.note(&watched.detection);
            (watched.news(now_seconds), watched.seconds)
        };
        stepped.to_disable = self.act(&news, &config, watched_seconds);
        self.restrain_all_again(&config, now_seconds);
        stepped
    }

    fn observe(&self, watched: &mut Watched, now_seconds: u32, stepped: &mut Stepped) {
        let mut taken = std::mem::take(&mut watched.taken);
        for part in 0..Tracker::PARTS {
            let dropped = self.shared.tracker.take_observations(part, &mut taken);
            stepped.dropped = stepped.dropped.saturating_add(dropped);
            stepped.observations = stepped.observations.saturating_add(taken.len() as u64);
            if let Some(places) = self.shared.places.get() {
                watched.detection.learn_places(&taken, places.table());
            }
            watched.detection.observe(&taken);
        }
        watched.taken = taken;
        watched.detection.note_dropped(stepped.dropped, now_seconds);
        self.shared.numbers.set_queued(stepped.observations);
        let passed = now_seconds.saturating_sub(watched.stepped_at_seconds);
        watched.seconds = watched.seconds.saturating_add(passed.min(STEP_SECONDS_MAX).into());
        watched.stepped_at_seconds = now_seconds;
    }

    /// Takes over what was changed in the configuration.
    fn take_settings(&self, watched: &mut Watched, config: &Config, now_seconds: u32) {
        let weights = self.shared.weights.clone();
        let settings = DetectionSettings { weights, ..settings_of(config) };
        if settings != watched.settings {
            watched.detection.set_settings(settings.clone());
            watched.settings = settings;
        }
        if !std::mem::replace(&mut watched.is_on, true) {
            // What was announced meanwhile is missing in the books.
            let (settings, state) = (watched.settings.clone(), watched.detection.state().clone());
            let fingerprints = &self.shared.fingerprints;
            watched.detection =
                Detection::resume(settings, fingerprints, state, false, now_seconds);
            for torrent_id in self.shared.acts.lock().exempt_ids() {
                watched.detection.set_exempt(torrent_id, true);
            }
        }
    }

    fn plan(&self, watched: &mut Watched, config: &Config, now_seconds: u32) {
        let is_on = config.detection.experiments;
        let since = now_seconds.saturating_sub(watched.planned_at_seconds);
        if is_on && since >= config.tracker.interval_seconds.max(1) {
            watched.planned_at_seconds = now_seconds;
            self.shared.tracker.set_experiments(watched.detection.plan(now_seconds));
        } else if !is_on && watched.planned_at_seconds != 0 {
            watched.planned_at_seconds = 0;
            self.shared.tracker.set_experiments(Default::default());
        }
    }

    /// Detection is off: what waits is thrown away.
    fn pause(&self, now_seconds: u32) {
        let mut watched = self.shared.watched.lock();
        watched.stepped_at_seconds = now_seconds;
        if !std::mem::replace(&mut watched.is_on, false) {
            return;
        }
        self.shared.tracker.set_experiments(Default::default());
        watched.planned_at_seconds = 0;
        let mut taken = std::mem::take(&mut watched.taken);
        for part in 0..Tracker::PARTS {
            self.shared.tracker.take_observations(part, &mut taken);
        }
        taken.clear();
        watched.taken = taken;
        drop(watched);
        self.restrain_all(now_seconds);
    }

    /// Writes everything to the data directory. `is_complete`: nobody announces any more.
    ///
    /// # Errors
    ///
    /// What the operating system says; the file is as it was then.
    pub fn save(&self, is_complete: bool) -> io::Result<()> {
        let written = {
            let watched = self.shared.watched.lock();
            let (levels, seconds) = (&watched.levels, watched.seconds);
            let state = watched.detection.state();
            let is_complete = is_complete && watched.is_on;
            let written = self.shared.file.write(seconds, levels, state, is_complete)?;
            // While nobody can judge anything: what was judged is in it.
            self.shared.file.replace(written)?;
            self.shared.verdicts.clear()
        };
        self.shared.numbers.set_state_bytes(self.shared.file.bytes());
        written
    }

    /// Saves, and says in the log if that fails.
    fn save_or_warn(&self, is_complete: bool) {
        let saved = self.save(is_complete);
        self.shared.numbers.saved(saved.is_ok());
        if let Err(error) = saved {
            warn!(%error, "what detection knows cannot be written to the data directory");
        }
    }

    /// What the metrics tell.
    pub fn numbers(&self) -> &DetectionNumbers {
        &self.shared.numbers
    }
}

impl fmt::Debug for Inspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspector").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
