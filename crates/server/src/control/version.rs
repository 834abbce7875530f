//! Versions of records, so that two people who change the same one do not undo each other's work.

use std::hash::{DefaultHasher, Hash, Hasher};

use mika_client::types::{ClientRule, ConfigKeys, Event, Finding, Role, Token, Torrent, User};

use super::ControlError;

/// What a caller expects a record to be before it is changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Expected {
    /// Anything.
    #[default]
    Anything,
    /// One of these versions.
    OneOf(Vec<u64>),
}

impl Expected {
    /// Nothing, or what to say if the record is another by now.
    pub(crate) fn check(&self, found: &impl Versioned) -> Result<(), ControlError> {
        match self {
            Self::Anything => Ok(()),
            Self::OneOf(versions) if versions.contains(&found.version()) => Ok(()),
            Self::OneOf(_) => Err(ControlError::Changed),
        }
    }

    pub(super) fn is_anything(&self) -> bool {
        *self == Self::Anything
    }
}

/// A record with a version: a digest of what can be set, so that announces do not change it.
pub trait Versioned {
    /// The version.
    fn version(&self) -> u64;
}

fn digest(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

impl Versioned for User {
    fn version(&self) -> u64 {
        let terms = (self.upload_percent, self.download_percent, self.immune);
        let more = (self.address_hidden, self.wait_seconds, self.peers_max);
        let names = (self.id, self.site_id, &self.name, &self.passkey, &self.role);
        digest((names, self.download_enabled, self.deleted, terms, more))
    }
}

impl Versioned for Torrent {
    fn version(&self) -> u64 {
        let names = (self.id, self.info_hash.0, self.info_hash_v2.map(|hash| hash.0), &self.title);
        let percents = (self.upload_percent, self.download_percent, self.featured);
        let strategies = &self.strategies;
        digest((names, percents, self.enabled, self.deleted, &self.reason, self.status, strategies))
    }
}

impl Versioned for Role {
    fn version(&self) -> u64 {
        let percents = (self.upload_percent, self.download_percent);
        let rights = (self.upload_enabled, self.download_enabled, self.download_slots);
        let names = (self.id, &self.name, self.priority);
        digest((names, percents, rights, self.immune, self.enabled))
    }
}

impl Versioned for ClientRule {
    fn version(&self) -> u64 {
        digest((&self.prefix, self.allowed, &self.name))
    }
}

impl Versioned for ConfigKeys {
    fn version(&self) -> u64 {
        let values: Vec<_> = self.items.iter().map(|key| (&key.key, &key.value)).collect();
        digest(values)
    }
}

impl Versioned for Finding {
    fn version(&self) -> u64 {
        digest((self.id, self.verdict.name(), &self.verdict_text, self.verdict_at))
    }
}

impl Versioned for Token {
    fn version(&self) -> u64 {
        let percents = (self.upload_percent, self.download_percent);
        digest((self.user_id, self.torrent_id, percents, self.ends_at))
    }
}

impl Versioned for Event {
    fn version(&self) -> u64 {
        let percents = (self.upload_percent, self.download_percent);
        digest((&self.name, percents, self.starts_at, self.ends_at))
    }
}
