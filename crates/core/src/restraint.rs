//! What somebody has decided about single users, short of closing their accounts: a word that
//! their clients show, and upload that is not credited for now.
//!
//! Few users have any, so it is kept beside their records, whose flag says whether to look.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::RwLock;

/// What is held back from a user. The default is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restraint {
    /// Told in answers over HTTP, as `warning message`.
    pub warning: Option<Arc<str>>,
    /// Credit for upload is withheld: counted, and neither given nor lost until somebody decides.
    /// What the client reports is counted as ever, and so is its download.
    pub quarantine: bool,
}

impl Restraint {
    /// Bytes of a warning that are kept.
    pub const WARNING_BYTES_MAX: usize = 500;

    /// The same with a warning of a length that fits into a reply; `None` instead of an empty one.
    fn fitting(mut self) -> Self {
        self.warning = self.warning.filter(|text| !text.is_empty()).map(|text| {
            let end = text.floor_char_boundary(Self::WARNING_BYTES_MAX);
            if end == text.len() { text } else { text.get(..end).unwrap_or_default().into() }
        });
        self
    }
}

/// A user who is restrained, or has been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restrained {
    /// The store's id.
    pub user_id: u32,
    /// What is held back now.
    pub restraint: Restraint,
    /// Bytes of credit for upload that are withheld, as of the last flush.
    pub withheld_bytes: u64,
}

/// Restraints by user index.
#[derive(Debug, Default)]
pub(crate) struct Restraints {
    by_index: RwLock<HashMap<u32, Restraint, foldhash::fast::RandomState>>,
}

impl Restraints {
    /// Returns whether there is anything now.
    pub(crate) fn put(&self, index: u32, restraint: Restraint) -> bool {
        let restraint = restraint.fitting();
        let mut by_index = self.by_index.write();
        if restraint == Restraint::default() {
            by_index.remove(&index);
            false
        } else {
            by_index.insert(index, restraint);
            true
        }
    }

    pub(crate) fn get(&self, index: u32) -> Option<Restraint> {
        self.by_index.read().get(&index).cloned()
    }

    pub(crate) fn all(&self) -> Vec<(u32, Restraint)> {
        self.by_index.read().iter().map(|(index, it)| (*index, it.clone())).collect()
    }
}
