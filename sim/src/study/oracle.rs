//! What a tracker could reach that knows everything: a bound for every strategy.
//!
//! It keeps the promises that strategies keep: as many seeders in a list as uniform choice would
//! have given, a quarter of each class at random, seeders' own lists as they are unless the goal is
//! nearness. All other slots go to the best there are by what the tracker of a real site cannot
//! know: the lines that users have, and who is in which network.

use std::net::SocketAddrV4;

use anyhow::Result;
use mika_protocol::Event;

use crate::client::{Announce, port_of, torrent_of};
use crate::rng::Rng;
use crate::tracker::{Direct, Reply, Strategy, Tracker};
use crate::world::World;

/// Slots of each class that stay as they were, in percent and at least.
const UNIFORM_PERCENT: usize = 25;
const UNIFORM_SLOTS_MIN: usize = 2;

/// What an all-knowing tracker prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Goal {
    /// Peers of the same network, then those who are nearest.
    Near,
    /// Seeders of the slower half of the swarm's.
    Slow,
    /// Seeders with the fastest lines.
    Fast,
}

impl Goal {
    /// The goal that a strategy's targets ask for, if one is known.
    pub fn of(strategy: Strategy) -> Option<Self> {
        match strategy {
            Strategy::Location => Some(Self::Near),
            Strategy::Completion | Strategy::Slow => Some(Self::Slow),
            Strategy::Fast => Some(Self::Fast),
            _ => None,
        }
    }
}

/// The core, and an oracle that rewrites its replies.
#[derive(Debug)]
pub struct Oracle<'w> {
    world: &'w World,
    direct: Direct,
    goal: Goal,
    /// By torrent: seeders, the slowest first, and leechers.
    swarms: Vec<[Vec<usize>; 2]>,
    /// By torrent and user.
    seeds: Vec<Vec<bool>>,
    rng: Rng,
    best: Vec<(u64, u64, usize)>,
}

const SEEDERS: usize = 0;
const LEECHERS: usize = 1;

impl<'w> Oracle<'w> {
    /// An oracle that knows a world.
    ///
    /// # Errors
    ///
    /// The core does not take the world.
    pub fn new(world: &'w World, goal: Goal) -> Result<Self> {
        Ok(Self {
            world,
            direct: Direct::new(world, Strategy::Uniform)?,
            goal,
            swarms: vec![Default::default(); world.torrents.len()],
            seeds: vec![vec![false; world.users.len()]; world.torrents.len()],
            rng: Rng::new(world.seed, 7),
            best: Vec::new(),
        })
    }

    /// Remembers who is there.
    fn note(&mut self, announce: &Announce) {
        let users = &self.world.users;
        let seeds = announce.left == 0 && announce.event != Event::Stopped;
        self.seeds[announce.torrent][announce.user] = seeds;
        let [seeders, leechers] = &mut self.swarms[announce.torrent];
        for class in [&mut *seeders, &mut *leechers] {
            if let Some(at) = class.iter().position(|user| *user == announce.user) {
                class.remove(at);
            }
        }
        if announce.event == Event::Stopped {
            return;
        }
        if announce.left > 0 {
            leechers.push(announce.user);
        } else {
            let up = |user: &usize| users[*user].up;
            let own = up(&announce.user);
            let at = seeders.partition_point(|user| up(user) < own);
            seeders.insert(at, announce.user);
        }
    }

    /// Replaces some of a reply's peers of a class by better ones.
    fn improve(&mut self, announce: &Announce, class: usize, peers: &mut Vec<SocketAddrV4>) {
        let count = peers.len();
        let kept = (count * UNIFORM_PERCENT).div_ceil(100).max(UNIFORM_SLOTS_MIN).min(count);
        let others = &self.swarms[announce.torrent][class];
        if others.len() <= count {
            return;
        }
        peers.truncate(kept);
        self.best.clear();
        for (rank, user) in others.iter().enumerate() {
            let merit = match self.goal {
                Goal::Near => self.distance(announce.user, *user),
                Goal::Slow => u64::from(rank * 2 >= others.len()),
                Goal::Fast => u64::from(rank * 4 < others.len() * 3),
            };
            let address = self.world.address(*user);
            if *user != announce.user && peers.iter().all(|peer| *peer.ip() != address) {
                self.best.push((merit, self.rng.bits(), *user));
            }
        }
        let port = port_of(announce.torrent);
        let wanted = (count - kept).min(self.best.len());
        if wanted < self.best.len() {
            self.best.select_nth_unstable(wanted);
        }
        let best = self.best.iter().take(wanted);
        peers.extend(best.map(|best| SocketAddrV4::new(self.world.address(best.2), port)));
    }

    fn distance(&self, one: usize, other: usize) -> u64 {
        let users = &self.world.users;
        if users[one].network == users[other].network {
            return 0;
        }
        1 + self.world.earth.kilometres(users[one].city, users[other].city) as u64
    }
}

impl Tracker for Oracle<'_> {
    fn announce(&mut self, announce: &Announce, now_seconds: u32, reply: &mut Reply) -> Result<()> {
        self.direct.announce(announce, now_seconds, reply)?;
        self.note(announce);
        let asks_for_seeders = announce.left > 0;
        if announce.event == Event::Stopped || !(asks_for_seeders || self.goal == Goal::Near) {
            return Ok(());
        }
        let seeds = |peer: &SocketAddrV4| {
            let user = self.world.user_at(*peer.ip());
            debug_assert_eq!(torrent_of(peer.port()), Some(announce.torrent));
            user.is_some_and(|user| self.seeds[announce.torrent][user])
        };
        let (mut seeders, mut leechers): (Vec<_>, Vec<_>) = reply.peers.drain(..).partition(seeds);
        self.improve(announce, SEEDERS, &mut seeders);
        if self.goal == Goal::Near {
            self.improve(announce, LEECHERS, &mut leechers);
        }
        reply.peers.append(&mut seeders);
        reply.peers.append(&mut leechers);
        Ok(())
    }

    fn begin(&mut self, now_seconds: u32) {
        self.direct.begin(now_seconds);
    }

    fn tidy(&mut self, now_seconds: u32) {
        self.direct.tidy(now_seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::simulate;
    use crate::study::plan::short;

    #[test]
    fn each_goal_is_reached_better_than_by_chance_and_every_leecher_keeps_its_seeders() {
        let world = World::new(short(), 3);
        let uniform = simulate(&world, Direct::new(&world, Strategy::Uniform).unwrap()).unwrap();
        let of = |goal| simulate(&world, Oracle::new(&world, goal).unwrap()).unwrap();
        let [near, slow, fast] = [Goal::Near, Goal::Slow, Goal::Fast].map(of);
        assert!(near.inter_network_share() < uniform.inter_network_share());
        assert!(slow.slow_half_share(&world) > 1.2 * uniform.slow_half_share(&world));
        assert!(fast.slow_half_share(&world) < uniform.slow_half_share(&world));
        for run in [near, slow, fast] {
            assert_eq!(run.replies.short_of_seeders, 0);
        }
    }
}
