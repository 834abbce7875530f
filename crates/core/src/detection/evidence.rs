//! What is held against a user: one score per family of detectors, which grows with findings and
//! fades with time.
//!
//! A score is a sum of log-likelihood ratios in nats, a CUSUM that never goes below zero:
//! `S ← max(0, S·2^(−Δt/H) + clip(llr, −2, +3))`. Families add up; within one family only the
//! largest finding of a torrent's epoch counts, for several detectors look at the same bytes.

use serde::{Deserialize, Serialize};

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Family {
    /// Bytes that do not add up.
    Accounting,
    /// What a client makes of counts that it was told for a test.
    Experiment,
    /// Clients that are not what they say.
    Identity,
    /// Users who are not as they were.
    History,
    /// Accounts that are used by many.
    Sharing,
}

impl Family {
    const COUNT: usize = 5;

    /// All of them.
    pub const ALL: [Family; Self::COUNT] =
        [Self::Accounting, Self::Experiment, Self::Identity, Self::History, Self::Sharing];

    /// Seconds in which a score halves.
    pub fn half_life_seconds(self) -> f64 {
        let days = match self {
            Self::Accounting | Self::Experiment => 30.0,
            Self::Identity | Self::History | Self::Sharing => 14.0,
        };
        days * 86_400.0
    }

    /// What one finding adds at most and takes away at most, in nats.
    pub fn clip(self, llr: f64) -> f64 {
        let most = if self == Self::Experiment { 5.0 } else { 3.0 };
        if llr.is_nan() { 0.0 } else { llr.clamp(-2.0, most) }
    }
}

/// How much is held against a user.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum Level {
    /// Nothing to speak of.
    #[default]
    None,
    /// From [`Level::NOTE_NATS`]: remembered, nobody needs to look.
    Note,
    /// From [`Level::REVIEW_NATS`]: somebody should look.
    Review,
    /// From [`Level::STRONG_NATS`], and of several kinds, on several torrents.
    Strong,
}

impl Level {
    /// The score of a note.
    pub const NOTE_NATS: f64 = 5.0;
    /// The score of a review: with one cheat in 200 users, 15 of 16 such are cheats.
    pub const REVIEW_NATS: f64 = 8.0;
    /// The score of strong evidence.
    pub const STRONG_NATS: f64 = 12.0;
}

/// A score and when it was that.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Score {
    nats: f64,
    at_seconds: u32,
}

impl Score {
    fn at(self, family: Family, now_seconds: u32) -> f64 {
        // Nearly everybody, each time that they announce.
        if self.nats == 0.0 {
            return 0.0;
        }
        self.nats * fading(family, self.at_seconds, now_seconds)
    }
}

/// What is left of a nat after some time.
fn fading(family: Family, from_seconds: u32, to_seconds: u32) -> f64 {
    let seconds = f64::from(to_seconds.saturating_sub(from_seconds));
    (-seconds / family.half_life_seconds()).exp2()
}

/// Epochs of which it is remembered what they have added already.
const REMEMBERED: usize = 8;
/// Torrents that are told apart; strong evidence needs three.
const TORRENTS: usize = 4;

/// All that is held against one user.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Evidence {
    scores: [Score; Family::COUNT],
    /// What an epoch has added already, by a key; oldest first, 0 for none.
    counted: [(u32, f32); REMEMBERED],
    /// The first ones that findings were about, and what their bytes have added.
    torrents: [(u32, f32); TORRENTS],
    records: u32,
    /// The torrents' books show it in both halves of the window, each beyond doubt.
    beyond_doubt: bool,
    /// Books show it so clearly that those of one torrent are enough for a review.
    sure: bool,
}

/// What a finding did to a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counted {
    /// All families, before.
    pub before: f64,
    /// All families, after.
    pub after: f64,
    /// What the finding added to its family.
    pub gained: f64,
}

impl Evidence {
    /// The score of one family in nats.
    pub fn score(&self, family: Family, now_seconds: u32) -> f64 {
        self.slot(family).at(family, now_seconds)
    }

    /// The score of all families in nats.
    pub fn total(&self, now_seconds: u32) -> f64 {
        Family::ALL.iter().map(|family| self.score(*family, now_seconds)).sum()
    }

    /// Findings that counted.
    pub fn records(&self) -> u32 {
        self.records
    }

    /// Torrents that findings that counted are about, at most 4.
    pub fn torrents(&self) -> usize {
        self.torrents.iter().filter(|(id, _)| *id != 0).count()
    }

    /// How much is held against the user.
    pub fn level(&self, now_seconds: u32) -> Level {
        let total = self.total(now_seconds);
        let speaking =
            Family::ALL.iter().filter(|family| self.score(**family, now_seconds) >= 1.0).count();
        let proven = self.beyond_doubt || self.score(Family::Experiment, now_seconds) >= 8.0;
        let broad = self.torrents() >= 3 && self.records >= 5;
        if total >= Level::STRONG_NATS && (speaking >= 2 || proven) && broad {
            Level::Strong
        } else if total >= Level::REVIEW_NATS {
            Level::Review
        } else if total >= Level::NOTE_NATS {
            Level::Note
        } else {
            Level::None
        }
    }

    pub(super) fn set_beyond_doubt(&mut self, beyond_doubt: bool) {
        self.beyond_doubt = beyond_doubt;
    }

    pub(super) fn set_sure(&mut self, sure: bool) {
        self.sure = sure;
    }

    /// Forgets what the books have proven: they are to be looked at again.
    pub(super) fn forget_proofs(&mut self) {
        (self.sure, self.beyond_doubt) = (false, false);
    }

    /// Counts a finding. Of findings of one family with the same key only the largest adds.
    pub(super) fn add(
        &mut self,
        family: Family,
        key: u32,
        torrent_id: Option<u32>,
        llr: f64,
        now_seconds: u32,
    ) -> Counted {
        let before = self.total(now_seconds);
        let clipped = family.clip(llr);
        let known = self.counted.iter_mut().find(|(known, _)| key != 0 && *known == key);
        let gained = match known {
            Some((_, most)) => {
                let gained = (clipped - f64::from(*most)).max(0.0);
                *most = most.max(clipped as f32);
                gained
            }
            None => {
                self.counted.rotate_left(1);
                if let Some(last) = self.counted.last_mut() {
                    *last = (key, clipped as f32);
                }
                clipped
            }
        };
        // What a full score has no room for is a record all the same.
        if gained > 0.0 {
            self.records = self.records.saturating_add(1);
            self.remember(torrent_id);
        }
        let gained = match family {
            Family::Accounting => self.of_torrent(torrent_id, gained, now_seconds),
            _ => gained,
        };
        let gained = self.change(family, gained, now_seconds);
        Counted { before, after: self.total(now_seconds), gained }
    }

    /// What the bytes of a torrent may still add. However often: it may have a story of its own.
    fn of_torrent(&mut self, torrent_id: Option<u32>, nats: f64, now_seconds: u32) -> f64 {
        let of = Family::Accounting;
        let faded = fading(of, self.slot(of).at_seconds, now_seconds) as f32;
        self.torrents.iter_mut().for_each(|(_, added)| *added *= faded);
        let known = self.torrents.iter_mut().find(|(id, _)| torrent_id == Some(*id));
        let Some((_, added)) = known else { return nats };
        let most = if self.sure { SURE_TORRENT_NATS } else { ONE_TORRENT_NATS };
        let nats = nats.min((most - f64::from(*added)).max(0.0));
        *added += nats as f32;
        nats
    }

    /// Adds to the score of a family, or takes from it what is there; returns the difference.
    pub(super) fn change(&mut self, family: Family, nats: f64, now_seconds: u32) -> f64 {
        let before = self.score(family, now_seconds);
        let after = (before + nats).clamp(0.0, SCORE_MAX);
        *self.slot_mut(family) = Score { nats: after, at_seconds: now_seconds };
        after - before
    }

    /// Takes back what a finding added once, as far as it has not faded.
    pub(super) fn take_back(
        &mut self,
        family: Family,
        gained: f64,
        at_seconds: u32,
        now_seconds: u32,
    ) -> Counted {
        let before = self.total(now_seconds);
        let left = gained * fading(family, at_seconds, now_seconds);
        let gained = self.change(family, -left, now_seconds);
        self.records = self.records.saturating_sub(1);
        Counted { before, after: self.total(now_seconds), gained }
    }

    fn remember(&mut self, torrent_id: Option<u32>) {
        let is_new = |id: &u32| !self.torrents.iter().any(|(known, _)| known == id);
        let Some(id) = torrent_id.filter(is_new) else { return };
        if let Some(free) = self.torrents.iter_mut().find(|(id, _)| *id == 0) {
            *free = (id, 0.0);
        }
    }

    fn slot(&self, family: Family) -> Score {
        self.scores.get(family as usize).copied().unwrap_or_default()
    }

    fn slot_mut(&mut self, family: Family) -> &mut Score {
        let [accounting, experiment, identity, history, sharing] = &mut self.scores;
        match family {
            Family::Accounting => accounting,
            Family::Experiment => experiment,
            Family::Identity => identity,
            Family::History => history,
            Family::Sharing => sharing,
        }
    }
}

/// What the bytes of one torrent add at most: less than a note.
const ONE_TORRENT_NATS: f64 = 4.9;
/// The same if its books leave no doubt: a review.
const SURE_TORRENT_NATS: f64 = 8.5;

/// No family says more, or a user who once cheated would be a suspect for years.
pub(super) const SCORE_MAX: f64 = 30.0;

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u32 = 86_400;

    #[test]
    fn a_score_halves_in_the_half_life_of_its_family() {
        let mut evidence = Evidence::default();
        evidence.add(Family::Accounting, 1, Some(1), 2.0, 0);
        evidence.add(Family::Sharing, 2, None, 2.0, 0);
        assert_eq!(evidence.score(Family::Accounting, 30 * DAY), 1.0);
        assert_eq!(evidence.score(Family::Sharing, 14 * DAY), 1.0);
        assert_eq!(evidence.total(0), 4.0);
    }

    #[test]
    fn a_finding_adds_three_nats_at_most_and_an_experiment_five() {
        let mut evidence = Evidence::default();
        assert_eq!(evidence.add(Family::Accounting, 1, None, 9.0, 0).gained, 3.0);
        assert_eq!(evidence.add(Family::Experiment, 2, None, 9.0, 0).gained, 5.0);
        assert_eq!(evidence.add(Family::Accounting, 3, None, -9.0, 0).gained, -2.0);
        assert_eq!(evidence.add(Family::Accounting, 4, None, -9.0, 0).gained, -1.0);
        assert_eq!(evidence.add(Family::History, 5, None, f64::NAN, 0).gained, 0.0);
    }

    #[test]
    fn of_one_epoch_only_the_largest_finding_counts() {
        let mut evidence = Evidence::default();
        evidence.add(Family::Accounting, 7, Some(1), 1.0, 0);
        assert_eq!(evidence.add(Family::Accounting, 7, Some(1), 2.5, 0).gained, 1.5);
        assert_eq!(evidence.add(Family::Accounting, 7, Some(1), 2.0, 0).gained, 0.0);
        assert_eq!(evidence.total(0), 2.5);
    }

    #[test]
    fn one_family_alone_asks_for_a_review_at_most() {
        let mut evidence = Evidence::default();
        for torrent in 1..=10 {
            evidence.add(Family::Accounting, torrent, Some(torrent), 3.0, 0);
        }
        assert_eq!((evidence.total(0), evidence.level(0)), (30.0, Level::Review));
        evidence.add(Family::Identity, 99, None, 1.0, 0);
        assert_eq!(evidence.level(0), Level::Strong);
    }

    #[test]
    fn evidence_beyond_doubt_or_from_experiments_is_strong_alone_if_it_is_broad() {
        let mut evidence = Evidence::default();
        for torrent in 1..=4 {
            evidence.add(Family::Accounting, torrent, Some(torrent), 3.0, 0);
        }
        evidence.set_beyond_doubt(true);
        assert_eq!(evidence.level(0), Level::Review, "four records");
        evidence.add(Family::Accounting, 5, Some(5), 3.0, 0);
        assert_eq!(evidence.level(0), Level::Strong);

        let mut tested = Evidence::default();
        for torrent in 1..=5 {
            tested.add(Family::Experiment, torrent, Some(torrent), 5.0, 0);
        }
        assert_eq!(tested.level(0), Level::Strong);
    }

    #[test]
    fn the_bytes_of_one_torrent_are_never_a_note() {
        let mut evidence = Evidence::default();
        for epoch in 1..=10 {
            evidence.add(Family::Accounting, epoch, Some(1), 3.0, 0);
        }
        assert!((evidence.total(0) - 4.9).abs() < 1e-6, "{}", evidence.total(0));
        assert_eq!((evidence.level(0), evidence.records()), (Level::None, 10));
        assert_eq!(evidence.add(Family::Accounting, 11, Some(2), 3.0, 0).gained, 3.0);
        assert_eq!(evidence.level(0), Level::Note);
        evidence.add(Family::Accounting, 12, Some(2), 3.0, 0);
        assert_eq!(evidence.level(0), Level::Review);
        // It has faded, and may add as much again.
        let month = 30 * DAY;
        let again = evidence.add(Family::Accounting, 13, Some(1), 3.0, month);
        assert!((again.gained - 2.45).abs() < 1e-6, "{again:?}");
    }

    #[test]
    fn one_torrent_whose_books_leave_no_doubt_asks_for_a_review_and_for_no_more() {
        let mut evidence = Evidence::default();
        evidence.set_sure(true);
        for epoch in 1..=10 {
            evidence.add(Family::Accounting, epoch, Some(1), 3.0, 0);
        }
        assert!((evidence.total(0) - 8.5).abs() < 1e-6, "{}", evidence.total(0));
        assert_eq!(evidence.level(0), Level::Review);
        evidence.add(Family::History, 99, None, 3.0, 0);
        evidence.add(Family::Sharing, 98, None, 3.0, 0);
        assert_eq!(evidence.level(0), Level::Review, "strong takes three torrents");
        evidence.forget_proofs();
        assert_eq!(evidence.add(Family::Accounting, 11, Some(1), 3.0, 0).gained, 0.0);
    }

    #[test]
    fn what_is_taken_back_has_faded_as_the_score_has() {
        let mut evidence = Evidence::default();
        let counted = evidence.add(Family::Accounting, 1, Some(1), 2.0, 0);
        let back = evidence.take_back(Family::Accounting, counted.gained, 0, 30 * DAY);
        assert_eq!((back.before, back.after), (1.0, 0.0));
    }
}
