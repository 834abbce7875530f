//! A small world of users who really transfer data, and some who only say so.
//!
//! Honest noise: leechers that vanish, seeders that lose a report when they restart, bytes that
//! are discarded, reports at different times.

use super::super::*;
use super::{GB, MB, START};

const STEP_SECONDS: u32 = 300;
const INTERVAL_SECONDS: u32 = 1800;
const TORRENTS: u32 = 40;
const USERS: u32 = 200;

/// What a user does beside being honest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cheat {
    /// Nothing.
    Honest,
    /// 30 to 170 kB/s in all that it makes up, where there are leechers; new speed every 20
    /// minutes, split by `L³/(S+L)²`.
    Joal,
    /// Says to have uploaded 60 % more than it has.
    Multiplier,
    /// Says to have downloaded nothing, and that it still lacks everything.
    SilentDownload,
}

#[derive(Debug, Clone)]
struct Peer {
    user: u32,
    session: u64,
    torrent: u32,
    left: f64,
    /// What was told last.
    told_left: u64,
    uploaded: f64,
    downloaded: f64,
    rate: f64,
    last_seconds: u32,
    next_seconds: u32,
    first: bool,
    /// When it disappears without a word.
    dies_below: f64,
    makes_up: bool,
    multiplies: bool,
    silent: bool,
}

#[derive(Debug, Clone)]
pub struct World {
    random: fastrand::Rng,
    now: u32,
    peers: Vec<Peer>,
    sizes: Vec<u64>,
    cheats: Vec<Cheat>,
    joal_rate: f64,
    sessions: u64,
}

impl World {
    pub fn new(seed: u64, cheats: &[Cheat]) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let sizes = (0..TORRENTS).map(|_| random.u64(GB / 2..5 * GB)).collect();
        let mut world = Self {
            random,
            now: START,
            peers: Vec::new(),
            sizes,
            cheats: cheats.to_vec(),
            joal_rate: 0.0,
            sessions: 0,
        };
        for torrent in 0..TORRENTS {
            for _ in 0..3 {
                let user = world.random.u32(1..USERS);
                world.join(user, torrent, 0.0);
            }
        }
        for (number, cheat) in cheats.iter().enumerate() {
            for torrent in 0..20 {
                match cheat {
                    Cheat::Joal | Cheat::Multiplier => {
                        let user = world.cheat(number);
                        let peer = world.join(user, torrent, 0.0);
                        peer.makes_up = *cheat == Cheat::Joal;
                        peer.multiplies = *cheat == Cheat::Multiplier;
                    }
                    Cheat::Honest | Cheat::SilentDownload => {}
                }
            }
        }
        world
    }

    pub fn now_seconds(&self) -> u32 {
        self.now
    }

    /// The id of the cheat with a number.
    pub fn cheat(&self, number: usize) -> u32 {
        USERS + 1 + number as u32
    }

    fn join(&mut self, user: u32, torrent: u32, left: f64) -> &mut Peer {
        self.sessions += 1;
        let next_seconds = self.now;
        self.peers.push(Peer {
            user,
            session: self.sessions,
            torrent,
            left,
            told_left: Observation::LEFT_UNKNOWN,
            uploaded: 0.0,
            downloaded: 0.0,
            rate: self.random.f64() * 2e6 + 2e5,
            last_seconds: self.now,
            next_seconds,
            first: true,
            dies_below: -1.0,
            makes_up: false,
            multiplies: false,
            silent: false,
        });
        self.peers.last_mut().unwrap()
    }

    pub fn run(&mut self, detection: &mut Detection, seconds: u32) {
        let end = self.now + seconds;
        while self.now < end {
            self.now += STEP_SECONDS;
            self.arrive();
            let mut told = self.announce();
            self.transfer();
            self.make_up();
            told.extend(self.announce());
            told.extend(self.vanish());
            detection.observe(&told);
            detection.advance(self.now);
        }
    }

    fn arrive(&mut self) {
        for torrent in 0..TORRENTS {
            // About one every five hours, and now and then nobody for a day.
            let busy = !(self.now / 86_400 + torrent).is_multiple_of(3);
            if !busy || self.random.f64() > 1.0 / 60.0 {
                continue;
            }
            let user = self.random.u32(1..USERS);
            let size = self.sizes[torrent as usize] as f64;
            let vanishes = self.random.f64() < 0.05;
            let at = self.random.f64() * size;
            let peer = self.join(user, torrent, size);
            peer.dies_below = if vanishes { at } else { -1.0 };
        }
        for number in 0..self.cheats.len() {
            let is_due = self.now.is_multiple_of(4 * 3600);
            if self.cheats[number] == Cheat::SilentDownload && is_due {
                let torrent = self.random.u32(..TORRENTS);
                let size = self.sizes[torrent as usize] as f64;
                let user = self.cheat(number);
                self.join(user, torrent, size).silent = true;
            }
        }
    }

    fn transfer(&mut self) {
        for torrent in 0..TORRENTS {
            let (mut seeders, mut leechers) = (Vec::new(), Vec::new());
            for (at, peer) in self.peers.iter().enumerate() {
                if peer.torrent == torrent {
                    let list = if peer.left > 0.0 { &mut leechers } else { &mut seeders };
                    list.push(at);
                }
            }
            seeders.retain(|at| !self.peers[*at].makes_up);
            if seeders.is_empty() {
                continue;
            }
            for at in leechers {
                let wanted =
                    (self.peers[at].rate * f64::from(STEP_SECONDS)).min(self.peers[at].left);
                self.peers[at].left -= wanted;
                // Some of it is bad, or redundant.
                let waste = 1.0 + self.random.f64() * 0.01;
                self.peers[at].downloaded += wanted * waste;
                let from = seeders[self.random.usize(..seeders.len())];
                self.peers[from].uploaded += wanted * waste;
            }
        }
    }

    fn counts(&self, torrent: u32) -> (u32, u32) {
        let of = self.peers.iter().filter(|it| it.torrent == torrent);
        let (leechers, seeders): (Vec<&Peer>, Vec<&Peer>) = of.partition(|it| it.left > 0.0);
        (seeders.len() as u32, leechers.len() as u32)
    }

    fn make_up(&mut self) {
        if self.now.is_multiple_of(1200) {
            self.joal_rate = self.random.f64() * 140e3 + 30e3;
        }
        let weight = |(s, l): (u32, u32)| match l {
            0 => 0.0,
            l => f64::from(l).powi(3) / f64::from(s + l).powi(2),
        };
        let weights: Vec<f64> = (0..TORRENTS).map(|it| weight(self.counts(it))).collect();
        let sum: f64 = weights.iter().take(20).sum();
        for peer in self.peers.iter_mut().filter(|it| it.makes_up && sum > 0.0) {
            let part = weights[peer.torrent as usize] / sum;
            peer.uploaded += self.joal_rate * part * f64::from(STEP_SECONDS);
        }
    }

    fn announce(&mut self) -> Vec<Observation> {
        let counts: Vec<(u32, u32)> = (0..TORRENTS).map(|it| self.counts(it)).collect();
        let (now, random) = (self.now, &mut self.random);
        let mut told = Vec::new();
        for peer in &mut self.peers {
            let finished = peer.left <= 0.0 && peer.told_left > 0 && !peer.first && !peer.silent;
            if now < peer.next_seconds && !finished {
                continue;
            }
            let size = self.sizes[peer.torrent as usize];
            let restarts = random.f64() < 0.01 / 48.0;
            let (seeders, leechers) = counts[peer.torrent as usize];
            let left = if peer.silent { size } else { peer.left.ceil() as u64 };
            let factor = if peer.multiplies { 1.6 } else { 1.0 };
            let real = |bytes: f64| if restarts || peer.first { 0 } else { bytes as u64 };
            told.push(Observation {
                at_seconds: now,
                user_id: peer.user,
                torrent_id: peer.torrent + 1,
                gap_seconds: if peer.first { 0 } else { now - peer.last_seconds },
                session: peer.session,
                uploaded_bytes: real(peer.uploaded * factor),
                downloaded_bytes: if peer.silent { 0 } else { real(peer.downloaded) },
                left_before_bytes: peer.told_left,
                left_bytes: left,
                client: *b"-TR3000-",
                network: peer.user,
                seeders: seeders as u16,
                leechers: leechers as u16,
                peers_given: (seeders + leechers).min(50) as u16,
                signs: Signs::default()
                    .with(Signs::FIRST, peer.first)
                    .with(Signs::STARTED, peer.first)
                    .with(Signs::FINISHED, finished)
                    .with(Signs::RESTARTED, restarts),
                ..Observation::default()
            });
            (peer.uploaded, peer.downloaded) = (0.0, 0.0);
            peer.told_left = left;
            peer.first = false;
            peer.last_seconds = now;
            peer.next_seconds = now + INTERVAL_SECONDS;
        }
        // Who has everything stays for two days; who says nothing goes when it has what it wants.
        let stops = |peer: &Peer| peer.silent && peer.left <= 0.0;
        self.peers.retain(|peer| !stops(peer));
        told
    }

    /// Leechers that die, as the tracker tells when they have timed out.
    fn vanish(&mut self) -> Vec<Observation> {
        let mut gone = Vec::new();
        self.peers.retain(|peer| {
            let dies = peer.left > 0.0 && peer.left < peer.dies_below && !peer.first;
            if dies {
                gone.push(Observation {
                    at_seconds: peer.last_seconds,
                    user_id: peer.user,
                    torrent_id: peer.torrent + 1,
                    session: peer.session,
                    left_before_bytes: peer.told_left,
                    left_bytes: peer.told_left,
                    signs: Signs::VANISHED,
                    ..Observation::default()
                });
            }
            !dies
        });
        let seeders = self.peers.iter().filter(|it| it.left <= 0.0).count();
        if seeders > 400 {
            // The oldest go, but for those who are in it for something.
            let mut more = seeders - 400;
            self.peers.retain(|peer| {
                let goes = more > 0
                    && peer.left <= 0.0
                    && peer.uploaded < MB as f64
                    && !peer.makes_up
                    && !peer.multiplies;
                more -= usize::from(goes);
                !goes
            });
        }
        gone
    }
}
