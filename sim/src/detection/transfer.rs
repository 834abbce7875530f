//! Bytes, in steps of ten seconds, along the edges that replies gave. What one client sends
//! another one receives, to the byte.

use super::people::Person;
use super::session::{Session, SessionId};
use crate::rng::Rng;

/// Seconds of a step.
pub const STEP_SECONDS: u32 = 10;
/// Connections of a leecher that are used at most.
pub const SOURCES_MAX: usize = 40;
/// Bytes per second that a web seed gives to each who asks.
const WEB_SEED: f64 = 1.5e6;

/// The work of a step, kept from step to step.
#[derive(Debug, Default)]
pub struct Lines {
    /// Connections that share a user's upload.
    up: Vec<u32>,
    /// Sessions that share a user's download.
    down: Vec<u32>,
    touched: Vec<u32>,
    offers: Vec<(SessionId, f64)>,
    /// Bytes that clients have received from each other.
    pub moved: u64,
}

impl Lines {
    /// For so many users.
    pub fn new(users: usize) -> Self {
        Self { up: vec![0; users], down: vec![0; users], ..Self::default() }
    }

    /// Moves what can be moved in a step; returns the sessions that now have what they want.
    pub fn step(
        &mut self,
        people: &[Person],
        sessions: &mut [Session],
        leeching: &[SessionId],
        world: &impl Fn(u32, u32) -> (bool, bool),
        rng: &mut Rng,
    ) -> Vec<SessionId> {
        for id in leeching {
            self.count(sessions, *id, world);
        }
        let mut finished = Vec::new();
        for id in leeching {
            let leecher = &sessions[*id as usize];
            let (online, web_seed) = world(leecher.user, leecher.torrent);
            if !online {
                continue;
            }
            let sum = self.collect(people, sessions, *id, world);
            let user = leecher.user as usize;
            let down = people[user].down / f64::from(self.down[user].max(1));
            let scale = (down / sum.max(1.0)).min(1.0);
            let web = if web_seed { WEB_SEED.min(down - sum * scale).max(0.0) } else { 0.0 };
            if self.deliver(sessions, *id, scale, web, rng) {
                finished.push(*id);
            }
        }
        for user in self.touched.drain(..) {
            self.up[user as usize] = 0;
            self.down[user as usize] = 0;
        }
        finished
    }

    /// Counts who shares which lines, and forgets sources that are gone.
    fn count(
        &mut self,
        sessions: &mut [Session],
        id: SessionId,
        world: &impl Fn(u32, u32) -> (bool, bool),
    ) {
        let mut sources = std::mem::take(&mut sessions[id as usize].sources);
        sources.retain(|it| sessions[*it as usize].alive);
        for source in sources.iter().take(SOURCES_MAX) {
            let other = &sessions[*source as usize];
            if world(other.user, other.torrent).0 && other.has() > 0.05 {
                self.up[other.user as usize] += 1;
                self.touched.push(other.user);
            }
        }
        let leecher = &mut sessions[id as usize];
        leecher.sources = sources;
        self.down[leecher.user as usize] += 1;
        self.touched.push(leecher.user);
    }

    /// What each source offers a leecher; returns the sum in bytes per second.
    fn collect(
        &mut self,
        people: &[Person],
        sessions: &[Session],
        id: SessionId,
        world: &impl Fn(u32, u32) -> (bool, bool),
    ) -> f64 {
        self.offers.clear();
        let leecher = &sessions[id as usize];
        let of = |it: &SessionId| &sessions[*it as usize];
        let sources = || leecher.sources.iter().take(SOURCES_MAX);
        let has_seeder = sources().any(|it| of(it).real.left == 0);
        let (has, mut sum) = (leecher.has(), 0.0);
        for source in sources() {
            let other = of(source);
            let its = other.has();
            let of_use = its > 0.05 && (has_seeder || its > has);
            if !of_use || !world(other.user, other.torrent).0 {
                continue;
            }
            // Of two leechers each has some of what the other one lacks.
            let part = if its >= 1.0 { 1.0 } else { its * (1.0 - 0.5 * has) };
            let user = other.user as usize;
            let rate = part * people[user].up / f64::from(self.up[user].max(1));
            self.offers.push((*source, rate));
            sum += rate;
        }
        sum
    }

    /// Gives a leecher what was offered; whether it has all that it wants.
    fn deliver(
        &mut self,
        sessions: &mut [Session],
        id: SessionId,
        scale: f64,
        web: f64,
        rng: &mut Rng,
    ) -> bool {
        let leecher = &sessions[id as usize];
        let (bad, twice) = leecher.waste;
        let useful = 1.0 - bad - twice;
        // Nobody asks for more than is needed.
        let most = (leecher.wants as f64 / useful).ceil() + 16_384.0 * rng.unit();
        let seconds = f64::from(STEP_SECONDS);
        let asked = (self.offers.iter().map(|it| it.1).sum::<f64>() * scale + web) * seconds;
        let cut = if asked > most { most / asked } else { 1.0 };
        let mut received = 0;
        for (source, rate) in &self.offers {
            let bytes = (rate * scale * seconds * cut) as u64;
            sessions[*source as usize].real.uploaded += bytes;
            received += bytes;
        }
        self.moved += received;
        received += (web * seconds * cut) as u64;
        let leecher = &mut sessions[id as usize];
        let bad = (received as f64 * bad) as u64;
        let twice = (received as f64 * twice) as u64;
        let good = (received - bad - twice).min(leecher.wants);
        leecher.real.left = leecher.real.left.saturating_sub(good);
        leecher.wants -= good;
        leecher.corrupt += bad;
        let apart = leecher.look.tells_corrupt_apart();
        leecher.real.downloaded += received - twice - if apart { bad } else { 0 };
        leecher.wants == 0
    }
}

#[cfg(test)]
mod tests;
