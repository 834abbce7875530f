//! The made-up world: where users are, what their lines carry, and which torrents there are.
//!
//! It is drawn once per seed and never changes. It knows nothing of trackers, nor of what users
//! do when ([`behaviour`](crate::behaviour)).

mod earth;
mod people;

use std::net::Ipv4Addr;

pub use earth::{AutonomousSystem, City, Earth, REGIONS, Tier};
pub use people::{Access, Members, Role, User};

use crate::rng::Rng;

/// How large a world is.
#[derive(Debug, Clone)]
pub struct WorldPlan {
    /// Users of the site.
    pub users: usize,
    /// Torrents, each with its own life.
    pub torrents: Vec<TorrentPlan>,
    /// Hours that are simulated.
    pub hours: u32,
    /// Hours at the beginning that are simulated but not measured.
    pub warm_up_hours: u32,
    /// The users' addresses are this one and those that follow it.
    pub first_address: Ipv4Addr,
    /// Probability that a client's last announce is lost.
    pub stopped_lost: f64,
}

/// What happens to a torrent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TorrentPlan {
    /// It is released while the simulation runs, and most want it at once.
    FlashCrowd {
        /// Hours from the beginning to its release.
        released_at_hours: f64,
        /// Seedboxes that download every release by themselves, within minutes.
        racers: usize,
        /// Downloads by others that begin, on average.
        downloads: f64,
        /// Hours after which the rate of arrivals has fallen to 1/e.
        decay_hours: f64,
    },
    /// It is weeks old when the simulation begins.
    LongTail {
        /// Seeders that have been there for long.
        seeders: usize,
        /// Downloads that begin per hour, on average.
        downloads_per_hour: f64,
    },
}

impl TorrentPlan {
    /// Whether some have seeded it since before the beginning.
    pub fn has_old_seeders(&self) -> bool {
        matches!(self, Self::LongTail { .. })
    }
}

/// A torrent.
#[derive(Debug, Clone, Copy)]
pub struct Torrent {
    /// Its size.
    pub bytes: u64,
    /// What happens to it.
    pub plan: TorrentPlan,
}

/// Users, places and torrents.
#[derive(Debug)]
pub struct World {
    /// What it was drawn from.
    pub plan: WorldPlan,
    /// What kind of people its users are.
    pub members: Members,
    /// The seed that it was drawn with.
    pub seed: u64,
    /// Regions, cities and networks.
    pub earth: Earth,
    /// Users by number.
    pub users: Vec<User>,
    /// Torrents by number.
    pub torrents: Vec<Torrent>,
}

impl World {
    /// Draws the world of a private site.
    pub fn new(plan: WorldPlan, seed: u64) -> Self {
        Self::of(plan, Members::OfPrivateSite, seed)
    }

    /// Draws a world.
    pub fn of(plan: WorldPlan, members: Members, seed: u64) -> Self {
        let mut rng = Rng::new(seed, 1);
        let mut earth = Earth::new(&mut rng);
        let draw = |_| User::draw(&earth, members, &mut rng);
        let users: Vec<_> = (0..plan.users).map(draw).collect();
        earth.limit_networks(users.iter().map(|user| (user.network, user.up, user.down)));
        let draw = |plan: &TorrentPlan| {
            let (median, most) = members.torrent_bytes();
            let bytes = rng.log_normal(median, 0.7).clamp(3e8, most);
            Torrent { bytes: bytes as u64, plan: *plan }
        };
        let torrents = plan.torrents.iter().map(draw).collect();
        Self { plan, members, seed, earth, users, torrents }
    }

    /// The address of a user.
    pub fn address(&self, user: usize) -> Ipv4Addr {
        let first = u32::from(self.plan.first_address);
        Ipv4Addr::from(first.wrapping_add(u32::try_from(user).unwrap_or(u32::MAX)))
    }

    /// The user at an address.
    pub fn user_at(&self, address: Ipv4Addr) -> Option<usize> {
        let offset = u32::from(address).checked_sub(u32::from(self.plan.first_address))?;
        let user = usize::try_from(offset).ok()?;
        (user < self.users.len()).then_some(user)
    }

    /// How far two users are apart, as networks see it.
    pub fn tier(&self, one: usize, other: usize) -> Tier {
        let (one, other) = (&self.users[one], &self.users[other]);
        if one.network == other.network {
            Tier::Network
        } else if self.earth.cities[one.city].region == self.earth.cities[other.city].region {
            Tier::Region
        } else {
            Tier::World
        }
    }

    /// Bytes per second that one connection between two users carries at most.
    pub fn connection_limit(&self, one: usize, other: usize) -> f64 {
        let tier = self.tier(one, other);
        let (from, to) = (self.users[one].city, self.users[other].city);
        self.earth.connection_limit(from, to, tier)
    }
}
