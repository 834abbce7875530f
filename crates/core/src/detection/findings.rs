//! All findings that are kept, in the order of their numbers.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::evidence::Counted;
use super::finding::{Draft, Finding, Verdict};
use super::settings::DetectionSettings;

/// What follows the formula of a finding that is usual on the site.
const REBASED: &str = "this is llr before; \
     llr = min(llr before, ln(share of cheats / max(share of users, 1e-5)))";

/// The findings, oldest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Findings {
    kept: VecDeque<Finding>,
    made: u64,
}

impl Findings {
    /// Findings made ever.
    pub(super) fn made(&self) -> u64 {
        self.made
    }

    pub(super) fn put(&mut self, draft: Draft, counted: Counted, settings: &DetectionSettings) {
        self.made = self.made.saturating_add(1);
        if self.kept.len() >= settings.findings_max.max(1) {
            self.kept.pop_front();
        }
        self.kept.push_back(Finding {
            id: self.made,
            at_seconds: draft.at_seconds,
            user_id: draft.user_id,
            torrent_id: draft.torrent_id,
            detector: draft.detector,
            version: draft.detector.version(),
            window_seconds: draft.window_seconds,
            observed: draft.observed,
            bound: draft.bound,
            unit: draft.unit,
            formula: match draft.rebased {
                true => format!("{}; {REBASED}", draft.formula).into(),
                false => draft.formula.into(),
            },
            inputs: draft.inputs,
            excuses: draft.excuses,
            llr: draft.llr,
            score_before: counted.before,
            score_after: counted.after,
            gained: counted.gained,
            verdict: Verdict::Open,
        });
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Finding> {
        let at = self.kept.binary_search_by_key(&id, |it| it.id).ok()?;
        self.kept.get_mut(at)
    }

    pub(super) fn get(&self, id: u64) -> Option<&Finding> {
        let at = self.kept.binary_search_by_key(&id, |it| it.id).ok()?;
        self.kept.get(at)
    }

    /// Findings with a larger number.
    pub(super) fn after(&self, id: u64) -> impl Iterator<Item = &Finding> {
        let from = self.kept.partition_point(|it| it.id <= id);
        self.kept.range(from..)
    }

    pub(super) fn forget(&mut self, before_seconds: u32) {
        while self.kept.front().is_some_and(|it| it.at_seconds < before_seconds) {
            self.kept.pop_front();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }
}
