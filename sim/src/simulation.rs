//! The clock: users come and go, clients announce, bytes move.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use anyhow::Result;
use mika_protocol::Event;

use crate::behaviour::{Visit, visits};
use crate::client::{Announce, Client, torrent_of};
use crate::measure::{Book, Download, Measures, Seeding};
use crate::rng::Rng;
use crate::tracker::{NUMWANT_MAX, Reply, START_SECONDS, Tracker};
use crate::transfer::{PeerNumber, Transfer};
use crate::world::World;

/// Seconds of a step of the transfer.
const STEP_SECONDS: u32 = 10;

/// Seconds without an announce after which a tracker may forget a peer.
const PEER_TIMEOUT_SECONDS: i64 = 4200;

/// Seeders that a leecher is promised, in percent of the peers in a reply.
const SEEDER_PERCENT_MIN: usize = 30;

/// Downloads that begin later than so many hours before the end are not measured.
const LAST_HOURS: u32 = 6;

/// Nobody is there.
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Join { visit: usize },
    Announce { peer: PeerNumber },
    Leave { peer: PeerNumber },
}

/// What a tracker was told of a session.
#[derive(Debug, Clone, Copy)]
struct Told {
    seeds: bool,
    stopped: bool,
    at_seconds: i64,
}

/// A client that came; its number is that of its peer.
#[derive(Debug)]
struct Session {
    client: Client,
    visit: usize,
    present: bool,
    /// Since when it has everything.
    seeds_since_seconds: Option<i64>,
    next_announce_seconds: i64,
    told: Told,
}

/// One run.
#[derive(Debug)]
pub struct Simulation<'w, T> {
    world: &'w World,
    visits: Vec<Visit>,
    transfer: Transfer<'w>,
    tracker: T,
    sessions: Vec<Session>,
    /// By torrent.
    swarms: Vec<Vec<PeerNumber>>,
    /// By user and torrent: the session there.
    places: Vec<u32>,
    queue: BinaryHeap<Reverse<(i64, u64, Due)>>,
    queued: u64,
    now_seconds: i64,
    rng: Rng,
    reply: Reply,
    book: Book,
}

impl<'w, T: Tracker> Simulation<'w, T> {
    /// A world before its first second. The seeders of old have announced.
    ///
    /// # Errors
    ///
    /// The tracker's.
    pub fn new(world: &'w World, tracker: T) -> Result<Self> {
        let mut simulation = Self {
            world,
            visits: visits(world),
            transfer: Transfer::new(world, STEP_SECONDS),
            tracker,
            sessions: Vec::new(),
            swarms: vec![Vec::new(); world.torrents.len()],
            places: vec![NONE; world.users.len() * world.torrents.len()],
            queue: BinaryHeap::new(),
            queued: 0,
            now_seconds: 0,
            rng: Rng::new(world.seed, 2),
            reply: Reply::default(),
            book: Book::default(),
        };
        simulation.remember_old_times()?;
        Ok(simulation)
    }

    /// Runs to the end of the world's plan.
    ///
    /// # Errors
    ///
    /// The tracker's.
    pub fn run(&mut self) -> Result<()> {
        let end = i64::from(self.world.plan.hours) * 3600;
        while self.now_seconds < end {
            while let Some(Reverse((at, _, due))) = self.queue.peek().copied() {
                if at > self.now_seconds {
                    break;
                }
                self.queue.pop();
                self.handle(due)?;
            }
            self.step()?;
            self.now_seconds += i64::from(STEP_SECONDS);
        }
        Ok(())
    }

    /// Everybody who is there stops.
    ///
    /// # Errors
    ///
    /// The tracker's.
    pub fn stop_all(&mut self) -> Result<()> {
        for peer in 0..self.sessions.len() {
            if self.sessions[peer].present {
                self.visits[self.sessions[peer].visit].stopped_is_lost = false;
                self.leave(peer)?;
            }
        }
        Ok(())
    }

    /// The tracker.
    pub fn tracker(&self) -> &T {
        &self.tracker
    }

    /// Bytes that each user's clients uploaded and downloaded.
    pub fn user_totals(&self) -> Vec<(u64, u64)> {
        let mut totals = vec![(0, 0); self.world.users.len()];
        for (peer, session) in self.sessions.iter().enumerate() {
            let counters = self.transfer.counters(peer);
            let total = &mut totals[session.client.user()];
            total.0 += counters.uploaded;
            total.1 += counters.downloaded;
        }
        totals
    }

    /// What it adds up to.
    pub fn measures(&self) -> Measures {
        let warm_up = i64::from(self.world.plan.warm_up_hours) * 3600;
        let last = i64::from(self.world.plan.hours.saturating_sub(LAST_HOURS)) * 3600;
        let mut measures = self.book.measures.clone();
        for (peer, session) in self.sessions.iter().enumerate() {
            let visit = self.visits[session.visit];
            let (torrent, user) = (visit.torrent, visit.user);
            let joined = visit.joins_at_seconds;
            if !visit.has_everything && (warm_up..last.max(warm_up + 1)).contains(&joined) {
                let end = session.seeds_since_seconds.unwrap_or(self.now_seconds);
                let seconds = u32::try_from(end - joined).unwrap_or_default();
                let finished = session.seeds_since_seconds.is_some();
                measures.downloads.push(Download { torrent, user, seconds, finished });
            }
            if session.seeds_since_seconds.is_some() {
                let bytes = self.book.seeded_bytes.get(peer).copied().unwrap_or_default();
                measures.seedings.push(Seeding { torrent, user, bytes });
            }
        }
        measures.totals = self.transfer.totals();
        measures.digest = self.book.digest.value();
        measures
    }

    fn queue(&mut self, at_seconds: i64, due: Due) {
        self.queue.push(Reverse((at_seconds, self.queued, due)));
        self.queued += 1;
    }

    fn unix_seconds(&self) -> u32 {
        let seconds = i64::from(START_SECONDS) + self.now_seconds;
        u32::try_from(seconds).unwrap_or_default()
    }

    fn remember_old_times(&mut self) -> Result<()> {
        let mut again = Vec::new();
        for visit in 0..self.visits.len() {
            let at = self.visits[visit].joins_at_seconds;
            if at >= 0 {
                self.queue(at, Due::Join { visit });
                continue;
            }
            self.now_seconds = at;
            let peer = self.join(visit)?;
            let interval = self.reply.interval_seconds.max(1) as usize;
            let ago = i64::try_from(self.rng.below(interval)).unwrap_or_default();
            again.push((-1 - ago, peer));
        }
        // Since then they have announced at all times; a last time within the interval before the
        // beginning, each in its turn.
        again.sort_unstable();
        for (at, peer) in again {
            self.now_seconds = at;
            let announce = self.sessions[peer].client.again(self.transfer.counters(peer));
            self.announce(peer, &announce)?;
        }
        self.now_seconds = 0;
        self.tracker.begin(START_SECONDS);
        Ok(())
    }

    fn announce_at(&mut self, peer: PeerNumber, at_seconds: i64) {
        self.sessions[peer].next_announce_seconds = at_seconds;
        self.queue(at_seconds, Due::Announce { peer });
    }

    fn handle(&mut self, due: Due) -> Result<()> {
        match due {
            Due::Join { visit } => self.join(visit).map(|_| ()),
            Due::Leave { peer } => self.leave(peer),
            Due::Announce { peer } => {
                let session = &self.sessions[peer];
                // Another announce may have come between, from which the client counts.
                if !session.present || session.next_announce_seconds > self.now_seconds {
                    return Ok(());
                }
                let announce = session.client.again(self.transfer.counters(peer));
                self.announce(peer, &announce)
            }
        }
    }

    fn join(&mut self, visit_number: usize) -> Result<PeerNumber> {
        let visit = self.visits[visit_number];
        let program = self.world.users[visit.user].program;
        let peer = self.transfer.join(visit.user, visit.torrent, visit.has_everything);
        self.sessions.push(Session {
            client: Client::new(program, visit.user, visit.torrent, self.world.seed),
            visit: visit_number,
            present: true,
            seeds_since_seconds: visit.has_everything.then_some(self.now_seconds),
            next_announce_seconds: 0,
            told: Told { seeds: false, stopped: true, at_seconds: 0 },
        });
        self.swarms[visit.torrent].push(peer);
        let place = visit.user * self.world.torrents.len() + visit.torrent;
        self.places[place] = u32::try_from(peer).unwrap_or(NONE);
        if visit.has_everything {
            let since = visit.joins_at_seconds.max(0);
            self.queue(since + i64::from(visit.seeds_for_seconds), Due::Leave { peer });
        }
        let counters = self.transfer.counters(peer);
        let first: Vec<_> = self.sessions[peer].client.begin(counters).collect();
        for announce in first {
            self.announce(peer, &announce)?;
        }
        Ok(peer)
    }

    fn leave(&mut self, peer: PeerNumber) -> Result<()> {
        let announce = self.sessions[peer].client.stopped(self.transfer.counters(peer));
        self.sessions[peer].present = false;
        self.transfer.leave(peer);
        if self.visits[self.sessions[peer].visit].stopped_is_lost {
            return Ok(());
        }
        self.announce(peer, &announce)
    }

    /// Announces, connects to whom the reply names, and sets the time of the next announce.
    fn announce(&mut self, peer: PeerNumber, announce: &Announce) -> Result<()> {
        let mut reply = std::mem::take(&mut self.reply);
        let result = self.tracker.announce(announce, self.unix_seconds(), &mut reply);
        self.book.measures.announces += 1;
        self.book.digest(&[peer as u64, announce.uploaded, announce.downloaded, announce.left]);
        if result.is_ok() {
            let stopped = announce.event == Event::Stopped;
            let seeds = announce.left == 0;
            let at_seconds = self.now_seconds;
            self.sessions[peer].told = Told { seeds, stopped, at_seconds };
            if !stopped {
                self.take_peers(peer, announce, &reply);
            }
            if self.sessions[peer].present {
                let wait = self.sessions[peer].client.wait_seconds(reply.interval_seconds);
                self.announce_at(peer, self.now_seconds + i64::from(wait));
            }
        }
        self.reply = reply;
        result
    }

    fn take_peers(&mut self, peer: PeerNumber, announce: &Announce, reply: &Reply) {
        let mut seeders = 0;
        for endpoint in &reply.peers {
            let Some(other) = self.session_at(*endpoint) else { continue };
            self.book.digest(&[other as u64]);
            seeders += usize::from(self.sessions[other].told.seeds);
            self.transfer.connect(peer, other);
        }
        if announce.left == 0 {
            return;
        }
        let wanted = announce.numwant.unwrap_or(NUMWANT_MAX).min(NUMWANT_MAX) as usize;
        let promised = (wanted * SEEDER_PERCENT_MIN).div_ceil(100);
        let short = seeders < promised && seeders < self.eligible_seeders(peer).min(promised);
        let replies = &mut self.book.measures.replies;
        replies.count += 1;
        replies.peers += reply.peers.len() as u64;
        replies.seeders += seeders as u64;
        replies.short_of_seeders += u64::from(short);
    }

    fn session_at(&self, endpoint: std::net::SocketAddrV4) -> Option<PeerNumber> {
        let user = self.world.user_at(*endpoint.ip())?;
        let torrent = torrent_of(endpoint.port())?;
        let place = self.places.get(user * self.world.torrents.len() + torrent)?;
        (*place != NONE).then_some(*place as usize)
    }

    /// Seeders that the tracker could have given to a peer.
    fn eligible_seeders(&self, peer: PeerNumber) -> usize {
        let torrent = self.sessions[peer].client.torrent();
        let others = self.swarms[torrent].iter().filter(|other| **other != peer);
        let may_have = others.filter(|other| {
            let told = self.sessions[**other].told;
            let silent_seconds = self.now_seconds - told.at_seconds;
            told.seeds && !told.stopped && silent_seconds <= PEER_TIMEOUT_SECONDS
        });
        may_have.count()
    }

    fn step(&mut self) -> Result<()> {
        self.transfer.step();
        for moved in self.transfer.moved() {
            let session = &self.sessions[moved.from];
            let since = session.seeds_since_seconds.unwrap_or(self.now_seconds);
            let torrent = session.client.torrent();
            self.book.moved(self.world, moved, torrent, self.now_seconds, since);
        }
        for peer in self.transfer.finished().to_vec() {
            let session = &mut self.sessions[peer];
            let since = self.now_seconds + i64::from(STEP_SECONDS);
            session.seeds_since_seconds = Some(since);
            let seeds_for = i64::from(self.visits[session.visit].seeds_for_seconds);
            let announce = session.client.completed(self.transfer.counters(peer));
            self.queue(since + seeds_for, Due::Leave { peer });
            self.announce(peer, &announce)?;
        }
        self.tracker.tidy(self.unix_seconds());
        Ok(())
    }
}

/// Simulates a world with a tracker, to its end.
///
/// # Errors
///
/// The tracker's.
pub fn simulate<T: Tracker>(world: &World, tracker: T) -> Result<Measures> {
    let mut simulation = Simulation::new(world, tracker)?;
    simulation.run()?;
    Ok(simulation.measures())
}
