//! What a site for the detection study is like: how many users, how much noise, which cheats.

use crate::cheats::Cheat;

/// What honest clients do that books suffer from, all of it per day or per announce.
#[derive(Debug, Clone, PartialEq)]
pub struct Noise {
    /// Farewells that never arrive.
    pub stopped_lost: f64,
    /// Announces that never arrive; the client tries again after some minutes.
    pub announce_lost: f64,
    /// Crashes of a client per day, without a farewell; it comes back with all of its torrents.
    pub crashes: f64,
    /// Orderly restarts of a client per day.
    pub restarts: f64,
    /// Share of restarted clients that keep their names, and begin with counters of 0.
    pub names_kept: f64,
    /// Outages of a line per day, of ten minutes to six hours.
    pub outages: f64,
    /// Rechecks per torrent and day that find some pieces bad.
    pub rechecks: f64,
    /// Downloads whose data is there already: cross-seeds, and torrents added again.
    pub cross_seeds: f64,
    /// Downloads of some of the files only.
    pub partial: f64,
    /// Downloads that are given up.
    pub aborted: f64,
    /// Downloads that begin with a magnet link.
    pub magnets: f64,
    /// Mean share of bytes that are received twice and thrown away.
    pub redundant: f64,
    /// Largest share of bytes that fail their check, of the torrents that have any.
    pub corrupt: f64,
    /// Torrents with a web seed.
    pub web_seeds: f64,
}

impl Noise {
    /// None at all.
    pub const NONE: Noise = Noise {
        stopped_lost: 0.0,
        announce_lost: 0.0,
        crashes: 0.0,
        restarts: 0.0,
        names_kept: 0.0,
        outages: 0.0,
        rechecks: 0.0,
        cross_seeds: 0.0,
        partial: 0.0,
        aborted: 0.0,
        magnets: 0.0,
        redundant: 0.0,
        corrupt: 0.0,
        web_seeds: 0.0,
    };

    /// What a site has to expect.
    pub const USUAL: Noise = Noise {
        stopped_lost: 0.10,
        announce_lost: 0.01,
        crashes: 0.02,
        restarts: 0.05,
        names_kept: 0.2,
        outages: 0.02,
        rechecks: 0.002,
        cross_seeds: 0.03,
        partial: 0.04,
        aborted: 0.05,
        magnets: 0.01,
        redundant: 0.002,
        corrupt: 0.01,
        web_seeds: 0.01,
    };

    /// Bad lines and worse clients: two to three times of everything, and a farewell in five is
    /// lost.
    pub const HARSH: Noise = Noise {
        stopped_lost: 0.20,
        announce_lost: 0.05,
        crashes: 0.06,
        restarts: 0.10,
        names_kept: 0.2,
        outages: 0.05,
        rechecks: 0.005,
        cross_seeds: 0.06,
        partial: 0.08,
        aborted: 0.10,
        magnets: 0.02,
        redundant: 0.01,
        corrupt: 0.01,
        web_seeds: 0.02,
    };
}

/// A site and its users.
#[derive(Debug, Clone, PartialEq)]
pub struct SitePlan {
    /// Users, cheats included.
    pub users: usize,
    /// Torrents, those of old included.
    pub torrents: usize,
    /// Days that are simulated.
    pub days: u32,
    /// Seconds between two announces of a client.
    pub interval_seconds: u32,
    /// Downloads of a user per day, on average.
    pub downloads_per_day: f64,
    /// What honest clients do that books suffer from.
    pub noise: Noise,
    /// Cheats among the users: how many of each.
    pub cheats: Vec<(Cheat, usize)>,
}

impl SitePlan {
    /// 3,000 users over 31 days: the longest target counts 30 days from the first faked byte.
    pub fn whole() -> Self {
        Self {
            users: 3000,
            torrents: 1500,
            days: 31,
            interval_seconds: 1800,
            downloads_per_day: 1.0,
            noise: Noise::USUAL,
            cheats: Vec::new(),
        }
    }

    /// A small site over some days: seconds to simulate.
    pub fn short() -> Self {
        Self { users: 120, torrents: 60, days: 4, ..Self::whole() }
    }

    /// The same with cheats.
    #[must_use]
    pub fn with(self, cheats: impl IntoIterator<Item = (Cheat, usize)>) -> Self {
        Self { cheats: cheats.into_iter().collect(), ..self }
    }

    /// Users that cheat.
    pub fn cheat_count(&self) -> usize {
        self.cheats.iter().map(|(_, count)| count).sum()
    }
}
