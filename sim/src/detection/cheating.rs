//! How cheats set up their programs: which torrents, and when others.

use anyhow::Result;
use mika_protocol::Event;

use super::looks::Look;
use super::run::{DAY, Happening, Run};
use super::session::{Kept, SessionId};
use crate::cheats::Cheat;
use crate::cheats::faker::Faker;
use crate::cheats::mask::Counters;
use crate::rng::Weights;

/// Days after which a user gives a faking program some other torrents.
const SWAP_DAYS: f64 = 4.0;
/// Torrents that a pair has for itself have fewer downloads than this.
const RARE: f64 = 30.0;

impl Run {
    /// From now on a user cheats.
    pub(super) fn begin_to_cheat(&mut self, user: u32) -> Result<()> {
        let cheat = self.people[user as usize].cheat;
        self.tally[user as usize].begun = true;
        if cheat.adds_upload() {
            self.mask_all(user);
        }
        if !cheat.fakes() {
            return Ok(());
        }
        self.fakers[user as usize] = Some(Faker::new(cheat, self.now));
        if matches!(cheat, Cheat::BulkAnnouncer | Cheat::PairDownloader) {
            self.tally[user as usize].begin(self.now);
        }
        if cheat == Cheat::PairDownloader {
            // The accomplice begins for both.
            return Ok(());
        }
        let count = Faker::torrents(cheat, &mut self.rng);
        let torrents = self.choose(cheat, count);
        for torrent in torrents {
            self.fake(user, torrent)?;
        }
        if cheat == Cheat::PairUploader {
            self.begin_accomplice(user)?;
        }
        self.later(SWAP_DAYS * f64::from(DAY), Happening::Swap(user));
        Ok(())
    }

    /// A client's proxy is one for all of its torrents, those that it seeds already among them.
    fn mask_all(&mut self, user: u32) {
        for id in &self.by_user[user as usize] {
            self.sessions[*id as usize].mask.get_or_insert_default();
        }
    }

    /// The look of a program that makes up its sessions.
    fn look_of(cheat: Cheat) -> Look {
        match cheat {
            Cheat::Joal => Look::QBittorrent,
            Cheat::RatioPy => Look::FalseQBittorrent,
            _ => Look::Utorrent,
        }
    }

    fn fake(&mut self, user: u32, torrent: u32) -> Result<SessionId> {
        let Some(faker) = &mut self.fakers[user as usize] else {
            return Ok(0);
        };
        let (cheat, number) = (faker.cheat(), faker.add(&mut self.rng));
        let kept = Kept {
            torrent,
            left: 0,
            wants: 0,
            seeds_until_seconds: 0,
            waste: (0.0, 0.0),
            network: 0,
            look: Self::look_of(cheat),
        };
        let id = self.begin(user, kept, Some(number))?;
        if cheat == Cheat::RatioPy {
            let seconds = 60.0 + 600.0 * self.rng.unit();
            self.later(seconds, Happening::RatioPy(id));
        } else {
            self.announce(id, Event::Started)?;
        }
        Ok(id)
    }

    /// Torrents that a cheat takes: those that many want, for they have leechers; a pair those that
    /// nobody wants.
    fn choose(&mut self, cheat: Cheat, count: usize) -> Vec<u32> {
        let (now, days) = (self.now, self.plan.days);
        let weight = |torrent: &super::catalogue::Torrent| {
            let released = torrent.released_seconds <= now;
            match cheat {
                _ if !released => 0.0,
                Cheat::BulkAnnouncer => 1.0,
                Cheat::PairUploader => f64::from(u8::from(torrent.popularity < RARE)),
                _ => torrent.interest(now, days),
            }
        };
        let weights: Vec<f64> = self.torrents.iter().map(weight).collect();
        let there = weights.iter().filter(|it| **it > 0.0).count();
        let weights = Weights::new(weights);
        let mut chosen = Vec::new();
        while chosen.len() < count.min(there / 2) {
            let torrent = self.rng.weighted(&weights) as u32;
            if !chosen.contains(&torrent) {
                chosen.push(torrent);
            }
        }
        chosen
    }

    /// The other one of a pair: the n-th downloader belongs to the n-th uploader.
    pub(super) fn accomplice(&self, user: u32, of: Cheat, to: Cheat) -> Option<u32> {
        let is = |cheat: Cheat| {
            let all = self.people.iter().enumerate();
            all.filter(move |(_, person)| person.cheat == cheat).map(|(number, _)| number as u32)
        };
        let at = is(of).position(|it| it == user)?;
        is(to).nth(at)
    }

    fn begin_accomplice(&mut self, user: u32) -> Result<()> {
        let (up, down) = (Cheat::PairUploader, Cheat::PairDownloader);
        let Some(other) = self.accomplice(user, up, down) else { return Ok(()) };
        self.tally[other as usize].begun = true;
        self.fakers[other as usize] = Some(Faker::new(Cheat::PairDownloader, self.now));
        let of_user = self.by_user[user as usize].iter().map(|id| &self.sessions[*id as usize]);
        let torrents: Vec<u32> =
            of_user.filter(|it| it.fake.is_some()).map(|it| it.torrent).collect();
        for torrent in torrents {
            self.fake(other, torrent)?;
        }
        Ok(())
    }

    /// An accomplice says that it has downloaded something; the other one will say that it was
    /// the one who uploaded it, to the byte.
    pub(super) fn share(&mut self, user: u32, id: SessionId) -> Option<Counters> {
        let other = self.accomplice(user, Cheat::PairDownloader, Cheat::PairUploader)?;
        let session = &self.sessions[id as usize];
        let (number, size, shown) = (session.fake?, session.size, session.shown);
        let faker = self.fakers[other as usize].as_mut()?;
        let fake = faker.fakes.get_mut(number)?;
        let seconds = f64::from(self.now.saturating_sub(session.told_seconds));
        let bytes = if session.known { (fake.rate * seconds) as u64 } else { 0 };
        let downloaded = (shown.downloaded + bytes).min(size);
        fake.uploaded += (downloaded - shown.downloaded) as f64;
        Some(Counters { uploaded: 0, downloaded, left: size - downloaded })
    }

    /// An accomplice that has all of a torrent begins with it again.
    pub(super) fn renew(&mut self, id: SessionId) -> Result<()> {
        let session = &self.sessions[id as usize];
        let is_accomplice = self.people[session.user as usize].cheat == Cheat::PairDownloader;
        let (Some(number), 0, true) = (session.fake, session.shown.left, is_accomplice) else {
            return Ok(());
        };
        let (user, kept) = (session.user, session.kept());
        self.announce(id, Event::Stopped)?;
        let id = self.begin(user, kept, Some(number))?;
        self.announce(id, Event::Started)
    }

    /// Other torrents for a faking program: a quarter of them.
    pub(super) fn swap(&mut self, user: u32) -> Result<()> {
        self.later(SWAP_DAYS * f64::from(DAY), Happening::Swap(user));
        let Some(faker) = &self.fakers[user as usize] else { return Ok(()) };
        let cheat = faker.cheat();
        if matches!(cheat, Cheat::PairUploader | Cheat::RatioPy | Cheat::BulkAnnouncer) {
            return Ok(());
        }
        let fakes: Vec<SessionId> = self.by_user[user as usize]
            .iter()
            .copied()
            .filter(|id| self.sessions[*id as usize].fake.is_some())
            .collect();
        let count = fakes.len().div_ceil(4);
        for id in fakes.into_iter().take(count) {
            self.announce(id, Event::Stopped)?;
        }
        for torrent in self.choose(cheat, count) {
            self.fake(user, torrent)?;
        }
        Ok(())
    }

    /// Begins, and stops at once with what an interval would have brought.
    pub(super) fn ratio_py(&mut self, id: SessionId) -> Result<()> {
        let interval = f64::from(self.plan.interval_seconds);
        self.later(interval, Happening::RatioPy(id));
        let session = &mut self.sessions[id as usize];
        let (user, Some(number)) = (session.user, session.fake) else { return Ok(()) };
        session.alive = true;
        session.shown = Counters::default();
        if let Some(faker) = &mut self.fakers[user as usize]
            && let Some(fake) = faker.fakes.get_mut(number)
        {
            fake.uploaded = 0.0;
        }
        self.announce(id, Event::Started)?;
        if let Some(faker) = &mut self.fakers[user as usize]
            && let Some(fake) = faker.fakes.get_mut(number)
        {
            fake.uploaded = fake.rate * (0.9 + 0.1 * self.rng.unit()) * interval;
        }
        self.announce(id, Event::Stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::plan::SitePlan;

    #[test]
    fn a_proxy_is_one_for_all_torrents_of_a_client() {
        let plan = SitePlan::short().with([(Cheat::GhostMultiplier, 3)]);
        let mut run = Run::new(plan, 1).unwrap();
        run.run_until(2 * DAY).unwrap();
        let mut masked = 0;
        for (user, person) in run.people.iter().enumerate() {
            let cheats = person.cheat == Cheat::GhostMultiplier && run.tally[user].begun;
            for id in &run.by_user[user] {
                assert_eq!(run.sessions[*id as usize].mask.is_some(), cheats, "user {user}");
                masked += usize::from(cheats);
            }
        }
        assert!(masked > 0, "nobody had begun");
    }
}
