//! Whether replies keep a swarm in one piece.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use anyhow::Result;

use super::parallel::in_parallel;
use super::plan::Seeds;
use crate::client::{Client, Counters, torrent_of};
use crate::rng::Rng;
use crate::tracker::{Direct, Reply, START_SECONDS, Strategy, Tracker};
use crate::world::{TorrentPlan, World, WorldPlan};

/// How connectivity is tried.
#[derive(Debug, Clone)]
pub struct ConnectivityPlan {
    /// Peers of the swarm.
    pub peers: usize,
    /// Swarms that are drawn.
    pub swarms: usize,
    /// Times that every peer of a swarm asks.
    pub draws: usize,
    /// Which seeds.
    pub seeds: Seeds,
    /// Threads.
    pub threads: usize,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connectivity {
    /// Graphs of one reply to every peer.
    pub runs: u64,
    /// Of those, in one piece.
    pub connected: u64,
}

/// One peer in so many seeds.
const SEEDER_EVERY: usize = 3;

/// Draws graphs for each strategy: the replies that all peers of a swarm get, one each.
///
/// # Errors
///
/// A tracker refused something.
pub fn connectivity(
    plan: &ConnectivityPlan,
    strategies: &[Strategy],
) -> Result<BTreeMap<Strategy, Connectivity>> {
    let job = |number: usize| {
        let strategy = strategies[number % strategies.len()];
        let seed = plan.seeds.seed((number / strategies.len()) as u64);
        Ok((strategy, Swarm::new(plan.peers, strategy, seed)?.draw(plan.draws)?))
    };
    let count = strategies.len() * plan.swarms;
    let mut all = BTreeMap::<_, Connectivity>::new();
    for (strategy, found) in in_parallel(plan.threads, count, job, |_| {})? {
        let sum = all.entry(strategy).or_default();
        sum.runs += found.runs;
        sum.connected += found.connected;
    }
    Ok(all)
}

/// A swarm in which everybody has a history of some hours.
struct Swarm {
    world: World,
    tracker: Direct,
    clients: Vec<(Client, Counters)>,
    now_seconds: u32,
}

impl Swarm {
    fn new(peers: usize, strategy: Strategy, seed: u64) -> Result<Self> {
        let plan = WorldPlan {
            users: peers,
            torrents: vec![TorrentPlan::LongTail { seeders: 0, downloads_per_hour: 1.0 }],
            hours: 0,
            warm_up_hours: 0,
            first_address: Ipv4Addr::new(20, 0, 0, 0),
            stopped_lost: 0.0,
        };
        let world = World::new(plan, seed);
        let tracker = Direct::new(&world, strategy)?;
        let size = world.torrents[0].bytes;
        let mut clients = Vec::new();
        for (number, user) in world.users.iter().enumerate() {
            let client = Client::new(user.program, number, 0, seed);
            let left = if number % SEEDER_EVERY == 0 { 0 } else { size };
            clients.push((client, Counters { left, ..Counters::default() }));
        }
        let mut swarm = Self { world, tracker, clients, now_seconds: START_SECONDS };
        swarm.live()?;
        Ok(swarm)
    }

    /// Three rounds of announces, in which some upload much and others little.
    fn live(&mut self) -> Result<()> {
        let mut rng = Rng::new(self.world.seed, 6);
        let mut reply = Reply::default();
        for round in 0..3 {
            for (number, (client, counters)) in self.clients.iter_mut().enumerate() {
                let mut announce = client.again(*counters);
                announce.numwant = Some(0);
                self.tracker.announce(&announce, self.now_seconds, &mut reply)?;
                if round > 0 {
                    let busy = rng.unit() * 1800.0;
                    counters.uploaded += (self.world.users[number].up * busy) as u64;
                }
            }
            self.now_seconds += 1800;
        }
        self.tracker.begin(self.now_seconds);
        Ok(())
    }

    fn draw(&mut self, draws: usize) -> Result<Connectivity> {
        let mut found = Connectivity::default();
        let mut reply = Reply::default();
        for _ in 0..draws {
            let mut pieces = Pieces::new(self.clients.len());
            for (number, (client, counters)) in self.clients.iter().enumerate() {
                let announce = client.again(*counters);
                self.tracker.announce(&announce, self.now_seconds, &mut reply)?;
                for endpoint in &reply.peers {
                    let other = self.world.user_at(*endpoint.ip());
                    if let (Some(other), Some(0)) = (other, torrent_of(endpoint.port())) {
                        pieces.join(number, other);
                    }
                }
                // More replies only add to it.
                if pieces.count == 1 {
                    break;
                }
            }
            found.runs += 1;
            found.connected += u64::from(pieces.count == 1);
            self.now_seconds += 1;
        }
        Ok(found)
    }
}

/// Disjoint sets of peers.
struct Pieces {
    above: Vec<usize>,
    count: usize,
}

impl Pieces {
    fn new(peers: usize) -> Self {
        Self { above: (0..peers).collect(), count: peers }
    }

    fn top(&mut self, mut at: usize) -> usize {
        while self.above[at] != at {
            self.above[at] = self.above[self.above[at]];
            at = self.above[at];
        }
        at
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.top(one), self.top(other));
        if one != other {
            self.above[one] = other;
            self.count -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_one_when_all_are_joined() {
        let mut pieces = Pieces::new(4);
        pieces.join(0, 1);
        pieces.join(2, 3);
        pieces.join(1, 0);
        assert_eq!(pieces.count, 2);
        pieces.join(1, 2);
        assert_eq!(pieces.count, 1);
    }

    #[test]
    fn replies_keep_a_swarm_of_600_in_one_piece_under_every_strategy() {
        let seeds = Seeds::Reporting;
        let plan = ConnectivityPlan { peers: 600, swarms: 2, draws: 2, seeds, threads: 2 };
        let found = connectivity(&plan, &Strategy::ALL).unwrap();
        assert_eq!(found.len(), Strategy::ALL.len());
        for (strategy, found) in found {
            assert_eq!(found, Connectivity { runs: 4, connected: 4 }, "{strategy:?}");
        }
    }
}
