//! The clock of a simulated site, and what it drives.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use anyhow::Result;
use mika_protocol::Event;

use super::catalogue::{self, Arrival, Torrent};
use super::people::{self, Person};
use super::plan::SitePlan;
use super::session::{Kept, Session, SessionId};
use super::site::{Announce, FEED_SECONDS, Reply, Site};
use super::tally::Tally;
use super::transfer::{Lines, SOURCES_MAX, STEP_SECONDS};
use crate::cheats::Cheat;
use crate::cheats::faker::Faker;
use crate::cheats::mask::{Counters, Mask, Options, Told};
use crate::rng::Rng;

/// What happens at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Happening {
    /// A session has seeded for long enough.
    Leave(SessionId),
    /// A session has had no luck for long enough, or is not wanted any more.
    GiveUp(SessionId),
    /// Data that was there already has been checked.
    Checked(SessionId),
    /// A user's day, with its mishaps.
    Day(u32),
    /// A user turns the computer off.
    Night(u32),
    /// A user's client is started again.
    Back(u32),
    /// A torrent is released.
    Release(u32),
    /// A user is in another network.
    Move(u32),
    /// A user begins to cheat.
    Begin(u32),
    /// A user gives a faking program other torrents.
    Swap(u32),
    /// A session vanishes before it reports.
    Ghost(SessionId),
    /// Ratio.py wakes up.
    RatioPy(SessionId),
}

/// Announces further away than this wait in several steps.
const WHEEL_SECONDS: u32 = 8192;
/// Connections that a leecher remembers.
const SOURCES_KEPT: usize = SOURCES_MAX + 20;
/// Seconds of a day.
pub(super) const DAY: u32 = 86_400;

/// A site while it is simulated.
#[derive(Debug)]
pub struct Run {
    /// What it is like.
    pub plan: SitePlan,
    /// Its users.
    pub people: Vec<Person>,
    /// Its torrents.
    pub torrents: Vec<Torrent>,
    /// Its tracker.
    pub site: Site,
    /// What cheats have done.
    pub tally: Vec<Tally>,
    pub(super) now: u32,
    pub(super) sessions: Vec<Session>,
    /// Sessions that run, by user.
    pub(super) by_user: Vec<Vec<SessionId>>,
    pub(super) leeching: Vec<SessionId>,
    pub(super) away: Vec<Vec<Kept>>,
    pub(super) offline_until: Vec<u32>,
    pub(super) network: Vec<u8>,
    pub(super) options: Vec<Options>,
    pub(super) fakers: Vec<Option<Faker>>,
    pub(super) rng: Rng,
    arrivals: Vec<Arrival>,
    next_arrival: usize,
    ports: Vec<u16>,
    wheel: Vec<Vec<(SessionId, u32)>>,
    happenings: BinaryHeap<Reverse<(u32, u64, Happening)>>,
    happened: u64,
    lines: Lines,
    reply: Reply,
}

impl Run {
    /// A site before its first second.
    ///
    /// # Errors
    ///
    /// The tracker does not take a user or a torrent.
    pub fn new(plan: SitePlan, seed: u64) -> Result<Self> {
        let mut rng = Rng::new(seed, 11);
        let people = people::draw(&plan, &mut rng);
        let torrents = catalogue::torrents(&plan, &mut rng);
        let arrivals = catalogue::arrivals(&plan, &people, &torrents, &mut rng);
        let sizes: Vec<u64> = torrents.iter().map(|it| it.size).collect();
        let site = Site::new(plan.users, &sizes, plan.interval_seconds, seed)?;
        let users = plan.users;
        let options = people.iter().map(|it| Options::draw(it.cheat, &mut rng)).collect();
        Ok(Self {
            people,
            torrents,
            site,
            tally: vec![Tally::default(); users],
            now: 0,
            sessions: Vec::new(),
            by_user: vec![Vec::new(); users],
            leeching: Vec::new(),
            away: vec![Vec::new(); users],
            offline_until: vec![0; users],
            network: vec![0; users],
            options,
            fakers: vec![None; users],
            rng,
            arrivals,
            next_arrival: 0,
            ports: vec![0; users],
            wheel: vec![Vec::new(); WHEEL_SECONDS as usize],
            happenings: BinaryHeap::new(),
            happened: 0,
            lines: Lines::new(users),
            reply: Reply::default(),
            plan,
        })
    }

    /// Simulates all of it.
    ///
    /// # Errors
    ///
    /// The tracker refused an announce.
    pub fn run(&mut self) -> Result<()> {
        self.run_until(self.plan.days * DAY)
    }

    /// Simulates up to a second.
    ///
    /// # Errors
    ///
    /// The tracker refused an announce.
    pub fn run_until(&mut self, end_seconds: u32) -> Result<()> {
        if self.now == 0 {
            self.begin_all()?;
        }
        while self.now < end_seconds {
            self.second()?;
            self.now += 1;
        }
        Ok(())
    }

    /// Bytes that clients have received from each other.
    pub fn moved_bytes(&self) -> u64 {
        self.lines.moved
    }

    /// What all clients have really uploaded and downloaded since they began.
    pub fn real_bytes(&self) -> (u64, u64) {
        let all = self.sessions.iter().map(|it| (it.real.uploaded, it.real.downloaded));
        all.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1))
    }

    /// What other users' programs that do not tell the truth there have been on a torrent.
    pub fn cheats_on(&self, torrent: u32, user: u32) -> Vec<Cheat> {
        let of = |it: &&Session| {
            it.torrent == torrent && it.user != user && (it.fake.is_some() || it.mask.is_some())
        };
        let all = self.sessions.iter().filter(of);
        let mut cheats: Vec<Cheat> = all.map(|it| self.people[it.user as usize].cheat).collect();
        cheats.sort_unstable();
        cheats.dedup();
        cheats
    }

    /// Sessions that there have been.
    pub fn sessions_count(&self) -> usize {
        self.sessions.len()
    }

    fn second(&mut self) -> Result<()> {
        while let Some(Reverse((at, ..))) = self.happenings.peek()
            && *at <= self.now
            && let Some(Reverse((.., happening))) = self.happenings.pop()
        {
            self.happen(happening)?;
        }
        while let Some(arrival) = self.arrivals.get(self.next_arrival).copied()
            && arrival.at_seconds <= self.now
        {
            self.next_arrival += 1;
            self.arrive(arrival)?;
        }
        let slot = (self.now % WHEEL_SECONDS) as usize;
        for (id, at) in std::mem::take(&mut self.wheel[slot]) {
            let session = &self.sessions[id as usize];
            if !session.alive || session.next_seconds != at {
                continue;
            }
            if at > self.now { self.put_on_wheel(id, at) } else { self.announce(id, Event::None)? }
        }
        if self.now.is_multiple_of(STEP_SECONDS) && !self.leeching.is_empty() {
            self.step()?;
        }
        if self.now.is_multiple_of(FEED_SECONDS) {
            self.site.tick(self.now);
            self.note_reviews();
        }
        Ok(())
    }

    fn step(&mut self) -> Result<()> {
        let sessions = &self.sessions;
        self.leeching.retain(|id| sessions[*id as usize].leeching);
        let (offline, torrents, now) = (&self.offline_until, &self.torrents, self.now);
        let world = |user: u32, torrent: u32| {
            (offline[user as usize] <= now, torrents[torrent as usize].web_seed)
        };
        let finished = self.lines.step(
            &self.people,
            &mut self.sessions,
            &self.leeching,
            &world,
            &mut self.rng,
        );
        finished.into_iter().try_for_each(|id| self.finish(id))
    }

    /// Something is to happen after so many seconds.
    pub(super) fn later(&mut self, seconds: f64, happening: Happening) {
        let at = f64::from(self.now) + seconds.clamp(1.0, 1e9);
        self.happened += 1;
        self.happenings.push(Reverse((at as u32, self.happened, happening)));
    }

    fn put_on_wheel(&mut self, id: SessionId, at: u32) {
        let seen = at.min(self.now + WHEEL_SECONDS - 1).max(self.now + 1);
        self.wheel[(seen % WHEEL_SECONDS) as usize].push((id, at));
    }

    fn schedule(&mut self, id: SessionId, seconds: u32) {
        let at = self.now + seconds.max(1);
        self.sessions[id as usize].next_seconds = at;
        self.put_on_wheel(id, at);
    }

    /// A client begins with a torrent; it has announced it when this returns.
    ///
    /// # Errors
    ///
    /// The tracker refused it.
    pub(super) fn begin(
        &mut self,
        user: u32,
        kept: Kept,
        fake: Option<usize>,
    ) -> Result<SessionId> {
        let id = self.sessions.len() as SessionId;
        let port = &mut self.ports[user as usize];
        *port = (*port + 1) % 40_000;
        let person = &self.people[user as usize];
        let masks = fake.is_none() && self.tally[user as usize].masks(person.cheat);
        let port = 20_000 + *port;
        let peer_id = match self.one_name(user, fake) {
            Some(peer_id) => peer_id,
            None => kept.look.peer_id(&mut self.rng),
        };
        let real = Counters { left: kept.left, ..Counters::default() };
        self.sessions.push(Session {
            user,
            torrent: kept.torrent,
            network: kept.network,
            look: kept.look,
            peer_id,
            port,
            real,
            corrupt: 0,
            wants: kept.wants,
            size: self.torrents[kept.torrent as usize].size,
            waste: kept.waste,
            alive: true,
            known: false,
            next_seconds: 0,
            seeds_until_seconds: kept.seeds_until_seconds,
            sources: Vec::new(),
            told: Told::default(),
            told_seconds: 0,
            shown: real,
            was: real,
            is_magnet: false,
            mask: masks.then(Mask::default),
            fake,
            leeching: false,
        });
        self.by_user[user as usize].push(id);
        self.want(id);
        Ok(id)
    }

    /// Programs that make up sessions have one name for all of them.
    fn one_name(&self, user: u32, fake: Option<usize>) -> Option<mika_protocol::PeerId> {
        fake?;
        let first = self.by_user[user as usize].iter().map(|id| &self.sessions[*id as usize]);
        first.filter(|it| it.fake.is_some()).map(|it| it.peer_id).next()
    }

    /// Puts a session among those that leech, if it wants anything.
    pub(super) fn want(&mut self, id: SessionId) {
        let session = &mut self.sessions[id as usize];
        if session.wants > 0 && session.fake.is_none() && !session.leeching {
            session.leeching = true;
            self.leeching.push(id);
        }
    }

    /// The first announce of a session.
    pub(super) fn introduce(&mut self, id: SessionId) -> Result<()> {
        if self.sessions[id as usize].look.begins_with_stopped() {
            let hello = self.said(id, Event::Stopped);
            self.send(&hello)?;
        }
        self.announce(id, Event::Started)
    }

    /// A session says something, unless it cannot be heard.
    pub(super) fn announce(&mut self, id: SessionId, event: Event) -> Result<()> {
        let session = &self.sessions[id as usize];
        if !session.alive {
            return Ok(());
        }
        let event = match event {
            Event::None | Event::Completed if !session.known => Event::Started,
            event => event,
        };
        let user = session.user as usize;
        if self.offline_until[user] > self.now {
            let seconds = self.offline_until[user] - self.now + self.rng.below(120) as u32;
            self.schedule(id, seconds);
            return Ok(());
        }
        let can_wait = matches!(event, Event::None | Event::Started);
        if can_wait && self.rng.chance(self.plan.noise.announce_lost) {
            let seconds = 60 + self.rng.below(240) as u32;
            self.schedule(id, seconds);
            return Ok(());
        }
        self.look_at_counters(id);
        let mut said = self.said(id, event);
        if said.event == Event::Completed && !Mask::tells_completed(self.cheat_of(id)) {
            said.event = Event::None;
        }
        self.send(&said)?;
        self.hear(id);
        if self.people[user].dual_stack {
            self.send(&Announce { v6: true, ..said })?;
            self.hear(id);
        }
        self.tally[user].count();
        self.sessions[id as usize].known |= !self.reply.refused;
        if event == Event::Stopped {
            self.forget(id);
            return Ok(());
        }
        let wait = if self.reply.refused { 300 } else { self.plan.interval_seconds };
        let wait = wait + self.rng.below(30) as u32;
        self.schedule(id, wait);
        self.renew(id)
    }

    fn cheat_of(&self, id: SessionId) -> Cheat {
        let session = &self.sessions[id as usize];
        match session.mask {
            Some(_) => self.people[session.user as usize].cheat,
            None => Cheat::Honest,
        }
    }

    fn send(&mut self, said: &Announce) -> Result<()> {
        self.site.announce(said, self.now, &mut self.reply)
    }

    /// Finds out what the session is going to say, and what of it is made up.
    fn look_at_counters(&mut self, id: SessionId) {
        let now = self.now;
        let user = self.sessions[id as usize].user as usize;
        let shared = match self.people[user].cheat {
            Cheat::PairDownloader => self.share(user as u32, id),
            _ => None,
        };
        let session = &mut self.sessions[id as usize];
        let shown = match (session.fake, &mut session.mask) {
            (Some(number), _) => {
                let Some(faker) = &mut self.fakers[user] else { return };
                faker.advance(now, &mut self.rng);
                let uploaded = faker.shown(number);
                shared.unwrap_or(Counters { uploaded, ..Counters::default() })
            }
            (None, Some(mask)) => {
                let (options, real) = (&self.options[user], session.real);
                mask.show(options, real, session.told, now, &mut self.rng)
            }
            (None, None) => session.real,
        };
        self.tally[user].note(session, shown, now);
        session.was = session.real;
        session.shown = shown;
    }

    fn said(&self, id: SessionId, event: Event) -> Announce {
        let session = &self.sessions[id as usize];
        let user = session.user as usize;
        let moves = self.people[user].moves();
        let mut counters = session.shown;
        if session.is_magnet {
            counters.left = 16_384;
        }
        Announce {
            user: session.user,
            network: if moves { self.network[user] } else { session.network },
            torrent: session.torrent,
            peer_id: session.peer_id,
            port: session.port,
            counters,
            corrupt: if session.look.tells_corrupt() { session.corrupt } else { 0 },
            event,
            paused: session.look.says_paused() && session.wants == 0 && counters.left > 0,
            look: session.look,
            v6: false,
        }
    }

    /// Takes a reply: its counts, and whom to connect to.
    fn hear(&mut self, id: SessionId) {
        if self.reply.refused {
            return;
        }
        let told = self.reply.told;
        let session = &mut self.sessions[id as usize];
        session.told = told;
        session.told_seconds = self.now;
        session.is_magnet = false;
        let (user, torrent) = (session.user, session.torrent);
        if let (Some(number), Some(faker)) = (session.fake, &mut self.fakers[user as usize]) {
            faker.hear(number, told, &mut self.rng);
            return;
        }
        let peers = std::mem::take(&mut self.reply.peers);
        for (other_user, port) in peers.iter().copied() {
            let Some(theirs) = self.by_user.get(other_user as usize) else { continue };
            let is_it = |it: &&SessionId| {
                let other = &self.sessions[**it as usize];
                other.port == port && other.torrent == torrent && other.fake.is_none()
            };
            let Some(other) = theirs.iter().find(is_it).copied() else { continue };
            if self.people[other_user as usize].firewalled {
                continue;
            }
            self.connect(id, other);
            self.connect(other, id);
        }
        self.reply.peers = peers;
    }

    /// Lets a session download from another one.
    fn connect(&mut self, leecher: SessionId, source: SessionId) {
        let session = &mut self.sessions[leecher as usize];
        let room = session.sources.len() < SOURCES_KEPT;
        if session.leeching && room && !session.sources.contains(&source) {
            session.sources.push(source);
        }
    }

    /// A session is no more.
    pub(super) fn forget(&mut self, id: SessionId) {
        let session = &mut self.sessions[id as usize];
        session.alive = false;
        session.leeching = false;
        session.sources = Vec::new();
        self.by_user[session.user as usize].retain(|it| *it != id);
    }

    fn note_reviews(&mut self) {
        for (user, tally) in self.tally.iter_mut().enumerate() {
            if tally.at_review.is_none() && tally.first_seconds.is_some() {
                let said = self.site.watch.of(user);
                if said.review_seconds.is_some() {
                    tally.at_review = Some((tally.faked_bytes, tally.announces));
                }
            }
        }
    }
}
