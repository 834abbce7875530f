//! What users do: which torrents they join when, and for how long they seed.
//!
//! All of it is decided before the first second is simulated, and so does not depend on what a
//! tracker does: every strategy meets the same users at the same times.

use crate::rng::Rng;
use crate::world::{Access, Members, TorrentPlan, World};

/// A user's stay on a torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// Number of the torrent.
    pub torrent: usize,
    /// Number of the user.
    pub user: usize,
    /// Seconds from the beginning at which the user joins; before it for seeders of old.
    pub joins_at_seconds: i64,
    /// Comes with the whole torrent.
    pub has_everything: bool,
    /// Seconds from having the whole torrent, or from the beginning, to leaving.
    pub seeds_for_seconds: u32,
    /// The client is turned off without its last announce reaching the tracker.
    pub stopped_is_lost: bool,
}

/// Seeders that a release has at first, its uploader among them.
const FIRST_SEEDERS: usize = 3;

/// Seconds in which most of those who download every release have begun.
const RACE_SECONDS: f64 = 300.0;

/// All visits, in the order in which they begin.
pub fn visits(world: &World) -> Vec<Visit> {
    let mut all = Vec::new();
    for torrent in 0..world.torrents.len() {
        let rng = Rng::new(world.seed, 1000 + torrent as u64);
        Visitors::new(world, torrent, rng).join(&mut all);
    }
    all.sort_by_key(|visit| (visit.joins_at_seconds, visit.torrent, visit.user));
    all
}

/// The users who come to one torrent: each once, in an order of their own.
struct Visitors<'w> {
    world: &'w World,
    torrent: usize,
    rng: Rng,
    order: Vec<usize>,
}

impl<'w> Visitors<'w> {
    fn new(world: &'w World, torrent: usize, mut rng: Rng) -> Self {
        let mut order: Vec<_> = (0..world.users.len()).collect();
        rng.shuffle(&mut order);
        Self { world, torrent, rng, order }
    }

    fn join(mut self, all: &mut Vec<Visit>) {
        let end_seconds = i64::from(self.world.plan.hours) * 3600;
        match self.world.torrents[self.torrent].plan {
            TorrentPlan::FlashCrowd { released_at_hours, racers, downloads, decay_hours } => {
                let release = (released_at_hours * 3600.0) as i64;
                for _ in 0..FIRST_SEEDERS {
                    self.call_seedbox();
                    self.visit(release, true, all);
                }
                for _ in 0..racers {
                    let late = self.rng.exponential(RACE_SECONDS) as i64;
                    self.call_seedbox();
                    self.visit(release + late, false, all);
                }
                let mut count = 0.0;
                // A Poisson process of `downloads` arrivals, each exponentially late.
                loop {
                    count += self.rng.exponential(1.0);
                    let late = self.rng.exponential(decay_hours * 3600.0) as i64;
                    if count > downloads {
                        break;
                    }
                    if release + late < end_seconds {
                        self.visit(release + late, false, all);
                    }
                }
            }
            TorrentPlan::LongTail { seeders, downloads_per_hour } => {
                for _ in 0..seeders {
                    let age_days = self.rng.log_normal(15.0, 1.0).clamp(1.5, 300.0);
                    self.visit(-((age_days * 86_400.0) as i64), true, all);
                }
                let mut at = 0.0;
                loop {
                    at += self.rng.exponential(3600.0 / downloads_per_hour);
                    if at as i64 >= end_seconds {
                        break;
                    }
                    self.visit(at as i64, false, all);
                }
            }
        }
    }

    /// Lets somebody with a seedbox be the next to come.
    fn call_seedbox(&mut self) {
        let is_seedbox = |user: &usize| self.world.users[*user].access == Access::Seedbox;
        if let Some(at) = self.order.iter().rposition(is_seedbox) {
            let user = self.order.remove(at);
            self.order.push(user);
        }
    }

    fn visit(&mut self, joins_at_seconds: i64, has_everything: bool, all: &mut Vec<Visit>) {
        let Some(user) = self.order.pop() else { return };
        let rng = &mut self.rng;
        let access = self.world.users[user].access;
        // Who has seeded for long, or brings a release, is one who stays, whatever the line.
        let (median_hours, sigma) = match joins_at_seconds {
            ..0 => (400.0, 0.9),
            _ if has_everything => Members::OfPrivateSite.seeding_hours(access),
            _ => self.world.members.seeding_hours(access),
        };
        let seeds_for_seconds = rng.log_normal(median_hours * 3600.0, sigma).min(1e8) as u32;
        let stopped_is_lost = rng.chance(self.world.plan.stopped_lost);
        let torrent = self.torrent;
        all.push(Visit {
            torrent,
            user,
            joins_at_seconds,
            has_everything,
            seeds_for_seconds,
            stopped_is_lost,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::Ipv4Addr;

    use super::*;
    use crate::world::WorldPlan;

    fn world() -> World {
        let release = TorrentPlan::FlashCrowd {
            released_at_hours: 2.0,
            racers: 100,
            downloads: 300.0,
            decay_hours: 3.0,
        };
        let old = TorrentPlan::LongTail { seeders: 200, downloads_per_hour: 10.0 };
        let plan = WorldPlan {
            users: 1000,
            torrents: vec![release, old],
            hours: 24,
            warm_up_hours: 0,
            first_address: Ipv4Addr::new(20, 0, 0, 0),
            stopped_lost: 0.1,
        };
        World::new(plan, 9)
    }

    #[test]
    fn nobody_visits_a_torrent_twice_and_all_come_in_order() {
        let visits = visits(&world());
        let places: BTreeSet<_> = visits.iter().map(|visit| (visit.torrent, visit.user)).collect();
        assert_eq!(places.len(), visits.len());
        assert!(visits.is_sorted_by_key(|visit| visit.joins_at_seconds));
    }

    #[test]
    fn a_release_begins_with_its_seeders_and_a_race_of_seedboxes() {
        let world = world();
        let visits = visits(&world);
        let release: Vec<_> = visits.iter().filter(|visit| visit.torrent == 0).collect();
        assert!(release.iter().all(|visit| visit.joins_at_seconds >= 7200));
        let seeders = release.iter().filter(|visit| visit.has_everything).count();
        assert_eq!(seeders, FIRST_SEEDERS);
        let early = release.iter().filter(|visit| visit.joins_at_seconds < 7200 + 600);
        let early: Vec<_> = early.collect();
        assert!(early.len() > 75, "{} come within ten minutes", early.len());
        let is_seedbox = |visit: &&&&Visit| world.users[visit.user].access == Access::Seedbox;
        assert!(early.iter().filter(is_seedbox).count() > 70);
        // 300 on average, of whom one in 1,500 would come after the end: four spreads.
        assert!((330..470).contains(&release.len()), "{} come", release.len());
    }

    #[test]
    fn old_seeders_came_before_the_beginning_and_downloads_come_at_their_rate() {
        let visits = visits(&world());
        let old: Vec<_> = visits.iter().filter(|visit| visit.torrent == 1).collect();
        let (seeders, leechers): (Vec<&Visit>, Vec<&Visit>) =
            old.into_iter().partition(|visit| visit.has_everything);
        assert_eq!(seeders.len(), 200);
        assert!(seeders.iter().all(|visit| visit.joins_at_seconds < -86_400));
        assert!(leechers.iter().all(|visit| visit.joins_at_seconds >= 0));
        assert!((180..300).contains(&leechers.len()), "{} in 24 hours", leechers.len());
    }

    #[test]
    fn one_farewell_in_ten_is_lost() {
        let visits = visits(&world());
        let lost = visits.iter().filter(|visit| visit.stopped_is_lost).count();
        let share = lost as f64 / visits.len() as f64;
        assert!((share - 0.1).abs() < 0.05, "{share}");
    }
}
