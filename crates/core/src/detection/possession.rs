//! T6 and T12: seeders that are there for days and never upload anything, although others download
//! and their share of it would be gigabytes. Closed ports, slow lines and super-seeding look the
//! same: findings weigh nothing, and are meant for a word to the user.

use serde::{Deserialize, Serialize};

use super::Observation;
use super::book::make_room;
use super::finding::{Detector, Draft, Excuse, Input, Unit};
use super::vanish::binomial_tail;

/// An even share that says something if nothing of it was uploaded.
const SHARE_MIN: f64 = 2e9;
/// Seeders of one torrent that are followed.
pub(super) const SEEDS: usize = 8;
/// Torrents without any upload before it is a finding of the user.
const EMPTY_MIN: u16 = 10;
const PROBABILITY_MIN: f64 = 0.999;
const AGAIN_SECONDS: u32 = 30 * 86_400;

/// A seeder that was seen to be idle.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Seed {
    user_id: u32,
    since_seconds: u32,
    /// What a seeder's even share had come to by then.
    share_before: f64,
}

/// The idle seeders of one torrent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Seeds {
    /// Σ downloaded / seeders: what one seeder's even share has come to.
    share: f64,
    followed: Vec<Seed>,
}

/// A user's torrents that were followed to the end.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Possession {
    served: u16,
    empty: u16,
    found_seconds: u32,
}

impl Seeds {
    pub(super) fn observe(
        &mut self,
        of: &Observation,
        user: &mut Possession,
    ) -> [Option<Draft>; 2] {
        if of.downloaded_bytes > 0 {
            self.share += of.downloaded_bytes as f64 / f64::from(of.seeders.max(1));
        }
        if of.left_bytes > 0 || of.leeched() {
            self.followed.retain(|seed| seed.user_id != of.user_id);
            return [None, None];
        }
        let at = self.followed.iter().position(|seed| seed.user_id == of.user_id);
        let Some(at) = at else {
            if of.uploaded_bytes == 0 && self.followed.len() < SEEDS {
                let (user_id, since_seconds) = (of.user_id, of.at_seconds);
                make_room(&mut self.followed);
                self.followed.push(Seed { user_id, since_seconds, share_before: self.share });
            }
            return [None, None];
        };
        let share = self.followed.get(at).map_or(0.0, |seed| self.share - seed.share_before);
        if of.uploaded_bytes > 0 {
            self.followed.swap_remove(at);
            user.served = user.served.saturating_add(1);
            return [None, None];
        }
        if share < SHARE_MIN {
            return [None, None];
        }
        let seed = self.followed.swap_remove(at);
        user.empty = user.empty.saturating_add(1);
        [Some(zero_share(of, &seed, share)), user.judge(of)]
    }
}

impl Possession {
    fn judge(&mut self, of: &Observation) -> Option<Draft> {
        let (served, empty) = (self.served, self.empty);
        let again = self.found_seconds != 0
            && of.at_seconds.saturating_sub(self.found_seconds) < AGAIN_SECONDS;
        // Of a share that is even by default, Beta(1, 1).
        let all = u32::from(served) + u32::from(empty);
        let probability = binomial_tail(u32::from(served) + 1, all + 1, 0.5);
        if again || empty < EMPTY_MIN || probability <= PROBABILITY_MIN {
            return None;
        }
        self.found_seconds = of.at_seconds;
        Some(Draft {
            at_seconds: of.at_seconds,
            user_id: of.user_id,
            torrent_id: None,
            detector: Detector::Possession,
            key: 0,
            window_seconds: (of.at_seconds.saturating_sub(AGAIN_SECONDS), of.at_seconds),
            observed: probability,
            bound: PROBABILITY_MIN,
            unit: Unit::Number,
            formula: "observed = P(the user has less than half of what it seeds) = \
                      Σ_{k ≥ served + 1} C(n + 1, k)/2^(n + 1) > bound, n = served + empty, \
                      from Beta(1, 1); llr = 0",
            inputs: vec![
                Input::new("served", served.into(), Unit::Number),
                Input::new("empty", empty.into(), Unit::Number),
            ],
            excuses: vec![Excuse::new("closed port, slow line or super-seeding", true, 0.0)],
            llr: 0.0,
            rebased: false,
        })
    }
}

fn zero_share(of: &Observation, seed: &Seed, share: f64) -> Draft {
    Draft {
        at_seconds: of.at_seconds,
        user_id: of.user_id,
        torrent_id: Some(of.torrent_id),
        detector: Detector::ZeroShare,
        key: 0,
        window_seconds: (seed.since_seconds, of.at_seconds),
        observed: 0.0,
        bound: share,
        unit: Unit::Bytes,
        formula: "observed = uploaded = 0 where an even share is bound = Σ downloaded/seeders ≥ \
                  2 GB; llr = 0",
        inputs: vec![Input::new("seeders now", of.seeders.into(), Unit::Number)],
        excuses: vec![Excuse::new("closed port, slow line or super-seeding", true, 0.0)],
        llr: 0.0,
        rebased: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u32 = 1_800_000_000;

    fn of(user_id: u32, torrent_id: u32, hour: u32) -> Observation {
        let at_seconds = START + hour * 3600;
        Observation { at_seconds, user_id, torrent_id, seeders: 4, ..Observation::default() }
    }

    fn downloads(hour: u32, torrent_id: u32, downloaded_bytes: u64) -> Observation {
        Observation { downloaded_bytes, left_bytes: 9, ..of(8, torrent_id, hour) }
    }

    /// What is found of user 7 on so many torrents, who serves the first of them.
    fn found(torrents: u32, served: u32) -> (Vec<Detector>, Possession) {
        let (mut user, mut other) = (Possession::default(), Possession::default());
        let mut found = Vec::new();
        for torrent in 1..=torrents {
            let mut seeds = Seeds::default();
            seeds.observe(&of(7, torrent, 1), &mut user);
            seeds.observe(&downloads(2, torrent, 7_000_000_000), &mut other);
            found.extend(seeds.observe(&of(7, torrent, 3), &mut user).into_iter().flatten());
            let uploaded_bytes = if torrent <= served { 5 } else { 0 };
            let report = Observation { uploaded_bytes, ..of(7, torrent, 4) };
            found.extend(seeds.observe(&report, &mut user).into_iter().flatten());
            seeds.observe(&downloads(5, torrent, 2_000_000_000), &mut other);
            found.extend(seeds.observe(&of(7, torrent, 6), &mut user).into_iter().flatten());
        }
        (found.iter().map(|it| it.detector).collect(), user)
    }

    #[test]
    fn a_seeder_without_its_share_of_upload_is_noted_and_one_that_serves_is_not() {
        assert_eq!(found(1, 0).0, [Detector::ZeroShare]);
        let (none, user) = found(1, 1);
        assert_eq!((none, user.served, user.empty), (vec![], 1, 0));
    }

    #[test]
    fn ten_empty_torrents_and_none_served_make_it_likely_that_half_are_not_there() {
        let (nine, _) = found(9, 0);
        assert!(!nine.contains(&Detector::Possession));
        let (ten, _) = found(10, 0);
        assert_eq!(ten.iter().filter(|it| **it == Detector::Possession).count(), 1);
        let (mixed, user) = found(20, 8);
        assert_eq!((user.served, user.empty), (8, 12));
        assert!(!mixed.contains(&Detector::Possession), "P = 0.81");
        assert_eq!(found(40, 0).0.iter().filter(|it| **it == Detector::Possession).count(), 1);
    }

    #[test]
    fn so_many_seeders_of_a_torrent_are_followed_and_no_more() {
        let (mut seeds, mut user) = (Seeds::default(), Possession::default());
        for id in 1..=50 {
            seeds.observe(&of(id, 1, 1), &mut user);
        }
        assert_eq!(seeds.followed.len(), SEEDS);
    }
}
