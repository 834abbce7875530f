//! What detection says about each user, as it goes on.

use mika_core::detection::{Detection, Detector, Level};

use crate::tracker::START_SECONDS;

/// What detection has said about a user.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Said {
    /// Second of the simulation at which there was a note first.
    pub note_seconds: Option<u32>,
    /// The same of a review.
    pub review_seconds: Option<u32>,
    /// The same of strong evidence.
    pub strong_seconds: Option<u32>,
    /// The largest score.
    pub score_max: f64,
    /// Findings of each detector, in the order of [`Detector::ALL`].
    pub findings: [u32; Detector::ALL.len()],
    /// What they added, in nats.
    pub gained: [f32; Detector::ALL.len()],
    /// Second of the first finding.
    pub found_seconds: Option<u32>,
}

impl Said {
    /// Findings of one detector.
    pub fn findings_of(&self, detector: Detector) -> u32 {
        self.findings[detector as usize]
    }

    /// The detector that added most.
    pub fn main_detector(&self) -> Option<Detector> {
        let of = |detector: &Detector| self.gained[*detector as usize];
        let most = Detector::ALL.into_iter().max_by(|a, b| of(a).total_cmp(&of(b)))?;
        (of(&most) > 0.0).then_some(most)
    }
}

/// The same of all users.
#[derive(Debug, Clone)]
pub struct Watch {
    said: Vec<Said>,
    last_finding: u64,
}

impl Watch {
    /// Nothing has been said yet.
    pub fn new(users: usize) -> Self {
        Self { said: vec![Said::default(); users], last_finding: 0 }
    }

    /// Looks at new findings, and at levels if asked to.
    pub fn look(&mut self, detection: &Detection, now_seconds: u32, levels: bool) {
        let at_seconds = now_seconds - START_SECONDS;
        let mut is_new = levels;
        for finding in detection.findings_after(self.last_finding) {
            self.last_finding = finding.id;
            let Some(said) = self.said.get_mut(finding.user_id.saturating_sub(1) as usize) else {
                continue;
            };
            is_new |= finding.gained > 0.0;
            said.findings[finding.detector as usize] += 1;
            said.gained[finding.detector as usize] += finding.gained as f32;
            said.found_seconds.get_or_insert(at_seconds);
            said.score_max = said.score_max.max(finding.score_after);
        }
        if !is_new {
            return;
        }
        for standing in detection.suspects(Level::Note, now_seconds) {
            let Some(said) = self.said.get_mut(standing.user_id.saturating_sub(1) as usize) else {
                continue;
            };
            said.note_seconds.get_or_insert(at_seconds);
            if standing.level >= Level::Review {
                said.review_seconds.get_or_insert(at_seconds);
            }
            if standing.level >= Level::Strong {
                said.strong_seconds.get_or_insert(at_seconds);
            }
        }
    }

    /// What was said about a user.
    pub fn of(&self, user: usize) -> Said {
        self.said.get(user).copied().unwrap_or_default()
    }
}
