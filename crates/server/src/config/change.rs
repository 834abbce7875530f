//! What a reload changes.

use super::Config;
use super::section::Effect;

/// A key that has another value than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// The whole name: `tracker.interval_seconds`.
    pub key: String,
    /// The value before, as TOML; redacted if it is a secret.
    pub from: String,
    /// The value now, as TOML; redacted if it is a secret.
    pub to: String,
}

/// The difference between two configurations, by what becomes of it in a running server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigChange {
    /// Changes that a reload applies.
    pub applied: Vec<KeyChange>,
    /// Changes that wait for the next start.
    pub needs_restart: Vec<KeyChange>,
}

impl ConfigChange {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.applied.is_empty() && self.needs_restart.is_empty()
    }
}

/// Compares the configuration of a running server with one that was read anew.
///
/// Only values are compared: a certificate or token file whose path is the same may still have
/// another content. (The token itself is a value: it is read with the configuration.)
pub fn diff(old: &Config, new: &Config) -> ConfigChange {
    let mut change = ConfigChange::default();
    for (key, key_change) in old.changes(new) {
        match key.effect {
            Effect::Live => change.applied.push(key_change),
            Effect::Restart => change.needs_restart.push(key_change),
        }
    }
    change
}
