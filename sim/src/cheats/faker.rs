//! Programs that have no data at all and make up what they have uploaded, from time and from the
//! counts that the tracker tells.

use super::Cheat;
use super::mask::Told;
use crate::rng::Rng;

/// JOAL draws a new speed after so many seconds.
const JOAL_REDRAW_SECONDS: u32 = 1200;
/// What RatioMaster rounds uploads down to.
const BLOCK: u64 = 16_384;

/// One made-up session.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Fake {
    /// What the tracker said last.
    pub told: Told,
    /// Bytes made up so far.
    pub uploaded: f64,
    /// Bytes per second, of those that have one for each session.
    pub rate: f64,
    /// The rate is 0 for good.
    pub dead: bool,
}

/// The program of a user, with all its sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct Faker {
    cheat: Cheat,
    /// Its sessions; some may have ended.
    pub fakes: Vec<Fake>,
    /// Bytes per second of all of them together (JOAL).
    speed: f64,
    redrawn_seconds: u32,
    at_seconds: u32,
}

impl Faker {
    /// A program that has just been started.
    pub fn new(cheat: Cheat, now_seconds: u32) -> Self {
        Self { cheat, fakes: Vec::new(), speed: 0.0, redrawn_seconds: 0, at_seconds: now_seconds }
    }

    /// Which one.
    pub fn cheat(&self) -> Cheat {
        self.cheat
    }

    /// Torrents that its user gives it.
    pub fn torrents(cheat: Cheat, rng: &mut Rng) -> usize {
        match cheat {
            Cheat::Joal => 20,
            Cheat::BulkAnnouncer => 150,
            Cheat::RatioPy => 2,
            Cheat::PairUploader | Cheat::PairDownloader => 6,
            _ => 3 + rng.below(6),
        }
    }

    /// Begins a session; returns its number.
    pub fn add(&mut self, rng: &mut Rng) -> usize {
        let rate = match self.cheat {
            Cheat::RatioMasterOld | Cheat::RatioMasterNew => 30e3 + 170e3 * rng.unit(),
            Cheat::Rustatio | Cheat::RustatioIdle => 50e3,
            Cheat::RatioPy => 50e3 + 100e3 * rng.unit(),
            Cheat::PairUploader => 300e3 + 700e3 * rng.unit(),
            _ => 0.0,
        };
        self.fakes.push(Fake { rate, ..Fake::default() });
        self.fakes.len() - 1
    }

    /// Goes on to a time: every session makes up what it would have by then.
    pub fn advance(&mut self, now_seconds: u32, rng: &mut Rng) {
        let seconds = f64::from(now_seconds.saturating_sub(self.at_seconds));
        self.at_seconds = now_seconds;
        if seconds == 0.0 {
            return;
        }
        match self.cheat {
            Cheat::Joal => self.advance_joal(seconds, now_seconds, rng),
            Cheat::BulkAnnouncer | Cheat::RatioPy | Cheat::PairUploader | Cheat::PairDownloader => {
            }
            _ => self.fakes.iter_mut().for_each(|it| it.advance(self.cheat, seconds, rng)),
        }
    }

    /// `100·r²·L` with `r = L/(S+L)`, 0 if nobody else seeds or nobody leeches.
    fn advance_joal(&mut self, seconds: f64, now_seconds: u32, rng: &mut Rng) {
        if now_seconds >= self.redrawn_seconds.saturating_add(JOAL_REDRAW_SECONDS) {
            self.redrawn_seconds = now_seconds;
            self.speed = 30e3 + 140e3 * rng.unit();
        }
        let sum: f64 = self.fakes.iter().map(|it| joal_weight(it.told)).sum();
        if sum > 0.0 {
            for fake in &mut self.fakes {
                fake.uploaded += self.speed * seconds * joal_weight(fake.told) / sum;
            }
        }
    }

    /// What a session says that it has uploaded.
    pub fn shown(&self, number: usize) -> u64 {
        let uploaded = self.fakes.get(number).map_or(0, |it| it.uploaded as u64);
        match self.cheat {
            Cheat::RatioMasterOld | Cheat::RatioMasterNew => uploaded / BLOCK * BLOCK,
            _ => uploaded,
        }
    }

    /// Takes what the tracker said to a session.
    pub fn hear(&mut self, number: usize, told: Told, rng: &mut Rng) {
        let cheat = self.cheat;
        let Some(fake) = self.fakes.get_mut(number) else { return };
        fake.told = told;
        fake.dead |= cheat == Cheat::RatioMasterOld && told.leechers == 0;
        if cheat == Cheat::RatioMasterNew && rng.chance(0.1) {
            fake.rate = 30e3 + 170e3 * rng.unit();
        }
    }
}

fn joal_weight(told: Told) -> f64 {
    let (others, leechers) = (f64::from(told.seeders) - 1.0, f64::from(told.leechers));
    if others <= 0.0 || leechers == 0.0 {
        return 0.0;
    }
    let ratio = leechers / (others + leechers);
    100.0 * ratio * ratio * leechers
}

impl Fake {
    fn advance(&mut self, cheat: Cheat, seconds: f64, rng: &mut Rng) {
        let waits = match cheat {
            Cheat::RatioMasterNew | Cheat::RustatioIdle => self.told.leechers == 0,
            _ => self.dead,
        };
        // Jitter of each second or tick, which over a whole interval nearly cancels.
        let jitter = 1.0 + 0.2 * (2.0 * rng.unit() - 1.0) / seconds.max(1.0).sqrt();
        if !waits {
            self.uploaded += self.rate * seconds * jitter;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEECHERS: Told = Told { seeders: 5, leechers: 2 };
    const NOBODY: Told = Told { seeders: 5, leechers: 0 };

    fn after_an_hour(cheat: Cheat, told: &[Told]) -> Vec<u64> {
        let mut rng = Rng::new(1, 1);
        let mut faker = Faker::new(cheat, 0);
        for told in told {
            let number = faker.add(&mut rng);
            faker.hear(number, *told, &mut rng);
        }
        (1..=60).for_each(|minute| faker.advance(minute * 60, &mut rng));
        (0..told.len()).map(|number| faker.shown(number)).collect()
    }

    #[test]
    fn joal_shares_its_speed_out_by_the_counts_that_it_was_told() {
        let alone = Told { seeders: 1, leechers: 9 };
        let busy = Told { seeders: 2, leechers: 8 };
        let shown = after_an_hour(Cheat::Joal, &[LEECHERS, NOBODY, alone, busy]);
        let sum: u64 = shown.iter().sum();
        assert!((30_000 * 3600..170_000 * 3600).contains(&sum), "{shown:?}");
        assert_eq!((shown[1], shown[2]), (0, 0), "no leechers, and no other seeder");
        // 2³/6² to 8³/9².
        let expected = (512.0 / 81.0) / (8.0 / 36.0);
        assert!((shown[3] as f64 / shown[0] as f64 / expected - 1.0).abs() < 1e-6, "{shown:?}");
    }

    #[test]
    fn ratio_master_uploads_whole_blocks_and_the_old_one_gives_up_for_good() {
        for cheat in [Cheat::RatioMasterOld, Cheat::RatioMasterNew] {
            let shown = after_an_hour(cheat, &[LEECHERS, NOBODY]);
            assert!(shown[0] > 50_000_000 && shown[0].is_multiple_of(16_384), "{shown:?}");
            assert_eq!(shown[1], 0);
        }
        let mut rng = Rng::new(1, 1);
        let mut old = Faker::new(Cheat::RatioMasterOld, 0);
        old.add(&mut rng);
        old.hear(0, NOBODY, &mut rng);
        old.hear(0, LEECHERS, &mut rng);
        old.advance(3600, &mut rng);
        assert_eq!(old.shown(0), 0);
    }

    #[test]
    fn rustatio_uploads_into_empty_swarms_unless_it_is_told_to_idle() {
        assert!(after_an_hour(Cheat::Rustatio, &[NOBODY])[0] > 150_000_000);
        assert_eq!(after_an_hour(Cheat::RustatioIdle, &[NOBODY])[0], 0);
    }
}
