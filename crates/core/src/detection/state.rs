//! All that has to survive a restart.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::almost::AlmostDone;
use super::book::Book;
use super::closed::ClosedEpoch;
use super::experiment::Experiments;
use super::finding::{Detector, Verdict};
use super::findings::Findings;
use super::tails::Tails;
use super::user::UserState;
use super::vanish::SiteRate;
use super::{Counters, pairs};
use crate::shard::IntegerMap;

/// The state of detection, for any format of serde. What it looks like inside may change with
/// every version: [`State::VERSION`] says which one it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    version: u16,
    /// Nothing before this was seen for sure.
    pub(super) blind_seconds: u32,
    pub(super) solved_seconds: u32,
    #[serde(with = "pairs")]
    pub(super) users: IntegerMap<u32, Box<UserState>>,
    #[serde(with = "pairs")]
    pub(super) books: IntegerMap<u32, Box<Book>>,
    /// Entries of all open books.
    pub(super) entries: usize,
    pub(super) closed: VecDeque<ClosedEpoch>,
    /// Shares of all closed epochs.
    pub(super) shares: usize,
    pub(super) almost: AlmostDone,
    pub(super) site: SiteRate,
    pub(super) experiments: Experiments,
    pub(super) findings: Findings,
    pub(super) precision: Precisions,
    pub(super) counters: Counters,
    pub(super) tails: Tails,
    /// Users with a model.
    pub(super) models: usize,
}

impl State {
    /// The version that this program writes; it reads no other one.
    pub const VERSION: u16 = 5;

    pub(super) fn new(key: u64, now_seconds: u32) -> Self {
        Self {
            version: Self::VERSION,
            blind_seconds: now_seconds,
            solved_seconds: now_seconds,
            users: IntegerMap::default(),
            books: IntegerMap::default(),
            entries: 0,
            closed: VecDeque::new(),
            shares: 0,
            almost: AlmostDone::default(),
            site: SiteRate::default(),
            experiments: Experiments::new(key),
            findings: Findings::default(),
            precision: Precisions::default(),
            counters: Counters::default(),
            tails: Tails::new(now_seconds),
            models: 0,
        }
    }

    /// Which version it is.
    pub fn version(&self) -> u16 {
        self.version
    }
}

/// What people made of one detector's findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precision {
    /// The detector.
    pub detector: Detector,
    /// Its findings.
    pub findings: u64,
    /// Those that were dismissed.
    pub dismissed: u64,
    /// Those that were confirmed.
    pub confirmed: u64,
}

/// The same of all detectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Precisions(Vec<Precision>);

impl Default for Precisions {
    fn default() -> Self {
        let none = |detector| Precision { detector, findings: 0, dismissed: 0, confirmed: 0 };
        Self(Detector::ALL.map(none).to_vec())
    }
}

impl Precisions {
    pub(super) fn all(&self) -> &[Precision] {
        &self.0
    }

    pub(super) fn count(&mut self, detector: Detector) {
        if let Some(it) = self.of(detector) {
            it.findings = it.findings.saturating_add(1);
        }
    }

    pub(super) fn judge(&mut self, detector: Detector, verdict: &Verdict) {
        let Some(it) = self.of(detector) else { return };
        match verdict {
            Verdict::Open => {}
            Verdict::Dismissed { .. } => it.dismissed = it.dismissed.saturating_add(1),
            Verdict::Confirmed { .. } => it.confirmed = it.confirmed.saturating_add(1),
        }
    }

    fn of(&mut self, detector: Detector) -> Option<&mut Precision> {
        self.0.iter_mut().find(|it| it.detector == detector)
    }
}
