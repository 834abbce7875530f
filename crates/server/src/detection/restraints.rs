//! What is in force about users: in the tracker, and as people change it.

use std::sync::atomic::Ordering;

use mika_client::types::RestraintChange;
use mika_core::Restraint;
use mika_core::detection::Level;

use super::Inspector;
use super::acts::Act;
use crate::config::{Config, DetectionMode};
use crate::control::ControlError;

/// What is in force is put into force again so often, in seconds: for users whom the tracker did
/// not know at first.
const AGAIN_SECONDS: u32 = 60;

impl Inspector {
    /// Puts what is decided about a user into force, as far as the mode allows.
    pub(super) fn restrain(&self, config: &Config, user_id: u32, act: Act) {
        let enforces = config.detects() && config.detection.mode == DetectionMode::Enforce;
        let text = || config.detection.warning_text.as_str().into();
        let restraint = Restraint {
            warning: (enforces && act.warning).then(text),
            quarantine: enforces && act.quarantine,
        };
        self.shared.tracker.set_restraint(user_id, restraint);
    }

    /// The same for all users.
    pub(super) fn restrain_all(&self, now_seconds: u32) {
        let config = self.shared.config.load_full();
        for (user_id, act) in self.shared.acts.lock().all() {
            self.restrain(&config, user_id, act);
        }
        self.shared.restrained_at_seconds.store(now_seconds, Ordering::Relaxed);
        let mode = config.detection.mode as u32;
        self.shared.restrained_mode.store(mode, Ordering::Relaxed);
    }

    /// The same once a minute, and at once if the mode has changed.
    pub(super) fn restrain_all_again(&self, config: &Config, now_seconds: u32) {
        let at = self.shared.restrained_at_seconds.load(Ordering::Relaxed);
        let mode = self.shared.restrained_mode.load(Ordering::Relaxed);
        let is_due = now_seconds.saturating_sub(at) >= AGAIN_SECONDS;
        if is_due || mode != config.detection.mode as u32 {
            self.restrain_all(now_seconds);
        }
    }

    /// What a person decides, but for accounts. From then on nothing is done by itself unless the
    /// level rises.
    pub(crate) fn change_restraint(
        &self,
        user_id: u32,
        change: &RestraintChange,
    ) -> Result<(), ControlError> {
        let config = self.shared.config.load_full();
        let adds = [change.warning, change.quarantine, change.disabled].contains(&Some(true));
        if adds && !(config.detects() && config.detection.mode == DetectionMode::Enforce) {
            let detail = "nothing is done about users unless `detection.mode` is \"enforce\"";
            return Err(ControlError::conflict("not_enforcing", detail));
        }
        let level = self.level_now(user_id);
        self.change_act(user_id, |act| Act {
            level: act.level.max(level),
            warning: change.warning.unwrap_or(act.warning),
            quarantine: change.quarantine.unwrap_or(act.quarantine),
            ..act
        })
    }

    /// Remembers whether an account was closed because of this.
    pub(crate) fn note_disabled(&self, user_id: u32, disabled: bool) -> Result<(), ControlError> {
        self.change_act(user_id, |act| Act { disabled, ..act })
    }

    /// An account could not be closed: it is tried again with the next finding.
    pub(super) fn note_not_disabled(&self, user_id: u32) {
        // What cannot be written is in the log of who tries.
        let _ = self.change_act(user_id, |act| Act { level: act.level.min(Level::Review), ..act });
    }

    fn level_now(&self, user_id: u32) -> Level {
        let now_seconds = self.shared.clock.now_seconds();
        let watched = self.shared.watched.lock();
        watched.detection.standing(user_id, now_seconds).map_or(Level::None, |it| it.level)
    }

    fn change_act(
        &self,
        user_id: u32,
        change: impl FnOnce(Act) -> Act,
    ) -> Result<(), ControlError> {
        let mut acts = self.shared.acts.lock();
        let act = change(acts.of(user_id));
        let unavailable = |error: std::io::Error| ControlError::Unavailable(error.to_string());
        acts.put(&[(user_id, act)]).map_err(unavailable)?;
        self.restrain(&self.shared.config.load(), user_id, act);
        Ok(())
    }

    /// Torrents whose books need not balance.
    pub(crate) fn exempt(&self) -> Vec<(mika_protocol::InfoHash, u32)> {
        self.shared.acts.lock().exempt().collect()
    }

    /// Exempts a torrent.
    pub(crate) fn add_exempt(
        &self,
        info_hash: mika_protocol::InfoHash,
        torrent_id: u32,
    ) -> Result<(), ControlError> {
        let unavailable = |error: std::io::Error| ControlError::Unavailable(error.to_string());
        let added = self.shared.acts.lock().add_exempt(info_hash, torrent_id);
        if !added.map_err(unavailable)? {
            let detail = format!("{} torrents are exempt already", super::acts::EXEMPT_MAX);
            return Err(ControlError::conflict("too_many_exempt", detail));
        }
        self.shared.watched.lock().detection.set_exempt(torrent_id, true);
        Ok(())
    }

    /// Exempts it no more; false if it was not exempt.
    pub(crate) fn remove_exempt(
        &self,
        info_hash: mika_protocol::InfoHash,
    ) -> Result<bool, ControlError> {
        let removed = self.shared.acts.lock().remove_exempt(info_hash);
        let removed = removed.map_err(|error| ControlError::Unavailable(error.to_string()))?;
        if let Some(torrent_id) = removed {
            self.shared.watched.lock().detection.set_exempt(torrent_id, false);
        }
        Ok(removed.is_some())
    }
}
