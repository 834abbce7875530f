//! What users do all day: join, finish, leave, crash, sleep, move. Honest noise is made here.

use anyhow::Result;
use mika_protocol::Event;

use super::catalogue::{Arrival, poisson};
use super::looks::Look;
use super::people::{NETWORKS, SHARERS};
use super::run::{DAY, Happening, Run};
use super::session::{Kept, SessionId};
use crate::cheats::Cheat;
use crate::world::Access;

const HOUR: f64 = 3600.0;
/// A leecher that gets nothing gives up after so long.
const PATIENCE_SECONDS: f64 = 3.0 * 86_400.0;
/// Days that seeders of old have behind them, on average; so many seed now.
const SEEDED_DAYS: f64 = 5.0;

impl Run {
    /// Everybody who is there from the start, and everybody's day.
    pub(super) fn begin_all(&mut self) -> Result<()> {
        for user in 0..self.plan.users as u32 {
            let within = self.rng.unit();
            self.later(within * f64::from(DAY), Happening::Day(user));
            let person = self.people[user as usize];
            if person.sleeps {
                let at = 22.0 + 4.0 * self.rng.unit();
                self.later(at * HOUR, Happening::Night(user));
            }
            if person.moves() {
                self.later(person.moves_after_hours * HOUR * within, Happening::Move(user));
            }
            if person.cheat != Cheat::Honest {
                self.later((0.1 + 0.9 * within) * f64::from(DAY), Happening::Begin(user));
            }
        }
        for torrent in 0..self.torrents.len() as u32 {
            let of = self.torrents[torrent as usize];
            if of.released_seconds > 0 {
                self.later(f64::from(of.released_seconds), Happening::Release(torrent));
                continue;
            }
            // Nearly every torrent has somebody who keeps it.
            if self.rng.chance(0.9) {
                self.seed(torrent, true)?;
            }
            let daily = of.popularity / f64::from(self.plan.days);
            let count = poisson(daily * SEEDED_DAYS, &mut self.rng);
            for _ in 0..count.min(self.plan.users / 4) {
                self.seed(torrent, false)?;
            }
        }
        Ok(())
    }

    /// Somebody has a torrent already, or made it.
    fn seed(&mut self, torrent: u32, keeps: bool) -> Result<()> {
        let user = self.rng.below(self.plan.users) as u32;
        if self.has(user, torrent) {
            return Ok(());
        }
        let stays = if keeps { 40.0 * f64::from(DAY) } else { self.seeding_seconds(user) };
        let until = self.now + stays as u32;
        let kept = Kept { left: 0, wants: 0, ..self.kept_of(user, torrent, until) };
        let id = self.begin(user, kept, None)?;
        self.introduce(id)?;
        self.leave_later(id);
        Ok(())
    }

    fn kept_of(&mut self, user: u32, torrent: u32, until: u32) -> Kept {
        let person = self.people[user as usize];
        let of = self.torrents[torrent as usize];
        let redundant = 2.0 * self.plan.noise.redundant * self.rng.unit();
        let second = person.second_home && self.rng.chance(0.5);
        let (network, look) = match person.cheat {
            Cheat::PasskeySharer if self.tally[user as usize].begun => {
                let face = self.rng.below(SHARERS);
                let looks = [Look::QBittorrent, Look::Transmission, Look::Utorrent];
                (face as u8, *looks.get(face % 3).unwrap_or(&person.look))
            }
            _ if second => (1, Look::Rtorrent),
            _ => (0, person.look),
        };
        Kept {
            torrent,
            left: of.size,
            wants: of.size,
            seeds_until_seconds: until,
            waste: (of.corrupt, redundant),
            network,
            look,
        }
    }

    fn seeding_seconds(&mut self, user: u32) -> f64 {
        let days = match self.people[user as usize].access {
            Access::Slow => 0.7,
            Access::Home => 2.0,
            Access::Seedbox => 6.0,
        };
        (self.rng.log_normal(days, 1.0) * f64::from(DAY)).clamp(HOUR, 60.0 * f64::from(DAY))
    }

    fn has(&self, user: u32, torrent: u32) -> bool {
        let sessions = self.by_user[user as usize].iter();
        sessions.map(|id| &self.sessions[*id as usize]).any(|it| it.torrent == torrent)
    }

    /// Somebody wants a torrent.
    pub(super) fn arrive(&mut self, arrival: Arrival) -> Result<()> {
        let Arrival { user, torrent, .. } = arrival;
        if self.has(user, torrent) || !self.away[user as usize].is_empty() {
            return Ok(());
        }
        let noise = self.plan.noise.clone();
        let mut kept = self.kept_of(user, torrent, 0);
        let cheat = self.people[user as usize].cheat;
        let begun = self.tally[user as usize].begun;
        let cross_seed = self.rng.chance(noise.cross_seeds);
        if cross_seed {
            kept.wants = 0;
        } else if begun && cheat == Cheat::NinetyNine {
            kept.wants = (kept.left as f64 * 0.993) as u64;
            self.tally[user as usize].begin(self.now);
        } else if self.rng.chance(noise.partial) {
            kept.wants = (kept.left as f64 * (0.05 + 0.9 * self.rng.unit())) as u64;
        }
        if begun && cheat == Cheat::PasskeySharer {
            self.tally[user as usize].begin(self.now);
        }
        let id = self.begin(user, kept, None)?;
        self.sessions[id as usize].is_magnet = self.rng.chance(noise.magnets);
        self.introduce(id)?;
        if cross_seed {
            let seconds = 60.0 + 1800.0 * self.rng.unit();
            self.later(seconds, Happening::Checked(id));
            return Ok(());
        }
        if begun && cheat == Cheat::GhostLeech {
            let seconds = 0.8 * f64::from(self.plan.interval_seconds);
            self.later(seconds, Happening::Ghost(id));
            return Ok(());
        }
        let given_up = self.rng.chance(noise.aborted);
        let after = if given_up { self.rng.exponential(1200.0) } else { PATIENCE_SECONDS };
        self.later(after, Happening::GiveUp(id));
        Ok(())
    }

    /// A session has all that it wants.
    pub(super) fn finish(&mut self, id: SessionId) -> Result<()> {
        let session = &mut self.sessions[id as usize];
        session.leeching = false;
        let (user, complete) = (session.user, session.real.left == 0);
        let knows = session.seeds_until_seconds > self.now;
        if self.people[user as usize].cheat == Cheat::GhostLeech
            && self.tally[user as usize].begun
            && session.shown.downloaded == 0
        {
            return self.vanish_unheard(id);
        }
        if complete {
            self.announce(id, Event::Completed)?;
        }
        if !knows {
            let seconds = self.seeding_seconds(user);
            self.sessions[id as usize].seeds_until_seconds = self.now + seconds as u32;
            self.leave_later(id);
        }
        Ok(())
    }

    fn leave_later(&mut self, id: SessionId) {
        let until = self.sessions[id as usize].seeds_until_seconds;
        self.later(f64::from(until.saturating_sub(self.now)), Happening::Leave(id));
    }

    /// A ghost leecher goes, with what it has not told.
    fn vanish_unheard(&mut self, id: SessionId) -> Result<()> {
        let session = &self.sessions[id as usize];
        if !session.alive {
            return Ok(());
        }
        let hidden = session.real.downloaded.saturating_sub(session.shown.downloaded);
        let (user, kept) = (session.user, session.kept());
        self.tally[user as usize].add(hidden, self.now);
        self.forget(id);
        if kept.wants > 0 {
            let id = self.begin(user, kept, None)?;
            self.introduce(id)?;
            let seconds = 0.8 * f64::from(self.plan.interval_seconds);
            self.later(seconds, Happening::Ghost(id));
        }
        Ok(())
    }

    /// A session ends; its farewell may get lost.
    fn end(&mut self, id: SessionId) -> Result<()> {
        if self.sessions[id as usize].alive {
            if !self.rng.chance(self.plan.noise.stopped_lost) {
                self.announce(id, Event::Stopped)?;
            }
            if self.sessions[id as usize].alive {
                self.forget(id);
            }
        }
        Ok(())
    }

    pub(super) fn happen(&mut self, happening: Happening) -> Result<()> {
        match happening {
            Happening::Leave(id) => {
                let until = self.sessions[id as usize].seeds_until_seconds;
                if until <= self.now {
                    self.end(id)?
                }
            }
            Happening::GiveUp(id) => {
                if self.sessions[id as usize].wants > 0 {
                    self.end(id)?
                }
            }
            Happening::Checked(id) => self.checked(id)?,
            Happening::Day(user) => self.day(user)?,
            Happening::Night(user) => self.night(user)?,
            Happening::Back(user) => self.come_back(user)?,
            Happening::Release(torrent) => self.seed(torrent, true)?,
            Happening::Move(user) => {
                self.network[user as usize] = self.rng.below(NETWORKS) as u8;
                let hours = self.people[user as usize].moves_after_hours;
                let seconds = self.rng.exponential(hours * HOUR).max(300.0);
                self.later(seconds, Happening::Move(user));
            }
            Happening::Begin(user) => self.begin_to_cheat(user)?,
            Happening::Swap(user) => self.swap(user)?,
            Happening::Ghost(id) => self.vanish_unheard(id)?,
            Happening::RatioPy(id) => self.ratio_py(id)?,
        }
        Ok(())
    }

    /// The data was there: nothing is missing, and nothing was downloaded.
    fn checked(&mut self, id: SessionId) -> Result<()> {
        if self.sessions[id as usize].alive {
            self.sessions[id as usize].real.left = 0;
            self.finish(id)?;
        }
        Ok(())
    }

    fn day(&mut self, user: u32) -> Result<()> {
        let days = 0.5 + self.rng.unit();
        self.later(days * f64::from(DAY), Happening::Day(user));
        let noise = self.plan.noise.clone();
        if self.rng.chance(noise.outages) {
            let seconds = (600.0 * 36.0_f64.powf(self.rng.unit())) as u32;
            self.offline_until[user as usize] = self.now + seconds;
        }
        if self.rng.chance(noise.crashes) {
            self.put_away(user, false)?;
            let seconds = 30.0 + self.rng.exponential(1800.0);
            self.later(seconds, Happening::Back(user));
        } else if self.rng.chance(noise.restarts) {
            if self.rng.chance(noise.names_kept) {
                return self.restart_by_name(user);
            }
            self.put_away(user, true)?;
            let seconds = 30.0 + self.rng.exponential(300.0);
            self.later(seconds, Happening::Back(user));
        }
        for id in self.by_user[user as usize].clone() {
            let session = &self.sessions[id as usize];
            if session.fake.is_none() && session.wants == 0 && self.rng.chance(noise.rechecks) {
                let session = &mut self.sessions[id as usize];
                let bad = (session.size as f64 * 0.05 * self.rng.unit()) as u64;
                session.real.left += bad.min(session.size - session.real.left);
                session.wants = session.real.left.min(bad);
                self.want(id);
                self.announce(id, Event::None)?;
            }
        }
        Ok(())
    }

    /// The computer goes off; what it knows of its torrents stays.
    fn put_away(&mut self, user: u32, with_farewell: bool) -> Result<()> {
        for id in self.by_user[user as usize].clone() {
            let session = &self.sessions[id as usize];
            if session.fake.is_some() {
                continue;
            }
            let kept = session.kept();
            self.away[user as usize].push(kept);
            if with_farewell {
                self.end(id)?;
            } else {
                self.forget(id);
            }
        }
        Ok(())
    }

    /// A client that keeps its names begins with counters of 0, and what it has not told is lost.
    fn restart_by_name(&mut self, user: u32) -> Result<()> {
        for id in self.by_user[user as usize].clone() {
            let session = &mut self.sessions[id as usize];
            if session.fake.is_none() && session.mask.is_none() {
                (session.real.uploaded, session.real.downloaded) = (0, 0);
                session.corrupt = 0;
                self.announce(id, Event::Started)?;
            }
        }
        Ok(())
    }

    fn night(&mut self, user: u32) -> Result<()> {
        self.put_away(user, true)?;
        let hours = 6.0 + 3.0 * self.rng.unit();
        self.later(hours * HOUR, Happening::Back(user));
        let seconds = f64::from(DAY) + 600.0 * self.rng.normal();
        self.later(seconds, Happening::Night(user));
        Ok(())
    }

    fn come_back(&mut self, user: u32) -> Result<()> {
        for kept in std::mem::take(&mut self.away[user as usize]) {
            let over = kept.seeds_until_seconds > 0 && kept.seeds_until_seconds <= self.now;
            if over || self.has(user, kept.torrent) {
                continue;
            }
            let id = self.begin(user, kept, None)?;
            self.introduce(id)?;
            if kept.seeds_until_seconds > 0 {
                self.leave_later(id);
            } else {
                self.later(PATIENCE_SECONDS, Happening::GiveUp(id));
            }
        }
        Ok(())
    }
}
