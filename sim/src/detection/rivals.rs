//! The rules that other trackers have, on the same announces: what would they say?
//!
//! * Velocity: more than 80 MB/s between two announces (dim145/opentracker); NexusPHP: more than
//!   1 GiB at more than 100 MB/s.
//! * Empty swarm: upload while the tracker knows of no other leecher (dim145/opentracker).
//! * Balance: a torrent's uploads and downloads differ by more than 5 % of its size, an hour after
//!   its last download (UNIT3D). It names no user: all who uploaded are suspects.

use mika_core::detection::{Observation, Signs};

/// A rule of another tracker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// 80 MB/s between two announces.
    Velocity,
    /// 1 GiB at 100 MB/s.
    Nexus,
    /// Upload into an empty swarm.
    EmptySwarm,
    /// 5 % of a torrent's size.
    Balance,
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 4] = [Self::Velocity, Self::Nexus, Self::EmptySwarm, Self::Balance];

    /// As in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Velocity => "velocity > 80 MB/s",
            Self::Nexus => "1 GiB at > 100 MB/s",
            Self::EmptySwarm => "upload into an empty swarm",
            Self::Balance => "torrent balance > 5 %",
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Books {
    size: u64,
    balance: f64,
    leeched_seconds: u32,
    uploaders: Vec<u32>,
}

/// What the rules say.
#[derive(Debug, Clone)]
pub struct Rivals {
    hits: Vec<[u32; Rule::ALL.len()]>,
    books: Vec<Books>,
}

/// Uploads below this are not worth a word to anybody.
const UPLOADED_MIN: u64 = 1 << 20;

impl Rivals {
    /// Nobody has announced yet.
    pub fn new(users: usize, sizes: &[u64]) -> Self {
        let books = sizes.iter().map(|size| Books { size: *size, ..Books::default() });
        Self { hits: vec![[0; Rule::ALL.len()]; users], books: books.collect() }
    }

    /// Looks at announces.
    pub fn observe(&mut self, observations: &[Observation]) {
        for of in observations {
            let user = of.user_id.saturating_sub(1);
            let Some(hits) = self.hits.get_mut(user as usize) else { continue };
            let Some(books) = self.books.get_mut(of.torrent_id.saturating_sub(1) as usize) else {
                continue;
            };
            if of.leeched() {
                books.leeched_seconds = books.leeched_seconds.max(of.at_seconds);
            }
            if of.signs.has(Signs::VANISHED) {
                continue;
            }
            if of.moved() {
                let difference = of.uploaded_bytes as f64 - of.downloaded_bytes as f64;
                books.balance += difference;
            }
            if of.uploaded_bytes == 0 {
                continue;
            }
            if !books.uploaders.contains(&user) {
                books.uploaders.push(user);
            }
            let rate = of.uploaded_bytes as f64 / f64::from(of.gap_seconds.max(1));
            let others = i64::from(of.leechers) - i64::from(of.left_bytes > 0);
            let empty = others <= 0 && !of.signs.has(Signs::STOPPED);
            let is_hit = [
                rate > 80e6,
                rate > 100e6 && of.uploaded_bytes > 1 << 30,
                empty && of.uploaded_bytes >= UPLOADED_MIN,
                false,
            ];
            hits.iter_mut().zip(is_hit).for_each(|(count, hit)| *count += u32::from(hit));
        }
    }

    /// Balances the torrents in which nobody has lacked anything for an hour.
    pub fn balance(&mut self, at_seconds: u32) {
        let now_seconds = crate::tracker::START_SECONDS + at_seconds;
        for books in &mut self.books {
            let quiet = books.leeched_seconds > 0 && now_seconds > books.leeched_seconds + 3600;
            if !quiet || books.balance.abs() <= 0.05 * books.size as f64 {
                continue;
            }
            for user in &books.uploaders {
                if let Some([.., hits]) = self.hits.get_mut(*user as usize) {
                    *hits = hits.saturating_add(1);
                }
            }
        }
    }

    /// How often a user has broken each rule.
    pub fn of(&self, user: usize) -> [u32; Rule::ALL.len()] {
        self.hits.get(user).copied().unwrap_or_default()
    }
}
