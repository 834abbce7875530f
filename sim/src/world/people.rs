//! Users: what their lines carry, where they are, and which client they run.

use super::Earth;
use crate::client::Program;
use crate::rng::Rng;

/// Share of the seedboxes that are rented from few companies, wherever their users live.
const FROM_HOSTERS: f64 = 0.6;

/// Who uses a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Members {
    /// Members of a private site: many rent servers, and all have reason to seed for long.
    OfPrivateSite,
    /// Anybody: lines to homes, many behind routers, most of whom leave when they have what they
    /// came for.
    OfOpenSite,
}

impl Members {
    /// Shares of seedboxes, and of those with lines to homes.
    fn shares(self) -> [f64; 2] {
        match self {
            Self::OfPrivateSite => [0.35, 0.50],
            Self::OfOpenSite => [0.01, 0.79],
        }
    }

    /// How somebody is connected.
    pub fn draw_access(self, rng: &mut Rng) -> Access {
        let [seedboxes, homes] = self.shares();
        match rng.unit() {
            share if share < seedboxes => Access::Seedbox,
            share if share < seedboxes + homes => Access::Home,
            _ => Access::Slow,
        }
    }

    /// Share of those at home who take no connections from outside.
    pub fn firewalled(self) -> f64 {
        match self {
            Self::OfPrivateSite => 0.08,
            Self::OfOpenSite => 0.35,
        }
    }

    /// The size of a torrent in bytes: the median, and the largest.
    ///
    /// In a swarm that is in balance there are more leechers than seeders only if a download takes
    /// longer than people seed (Little, 1961). With lines of today that is so of what is large:
    /// games, and films in the highest resolution.
    pub(super) fn torrent_bytes(self) -> (f64, f64) {
        match self {
            Self::OfPrivateSite => (2e9, 1.2e10),
            Self::OfOpenSite => (2e10, 1e11),
        }
    }

    /// How long somebody seeds: the median in hours, and the spread of the natural logarithm.
    ///
    /// Of an open site's downloaders 17 % stayed for more than an hour and 3.1 % for more than ten
    /// (Pouwelse, Garbacki, Epema and Sips: The BitTorrent P2P file-sharing system, 2005): that is
    /// a log-normal distribution with a median of five minutes.
    pub fn seeding_hours(self, access: Access) -> (f64, f64) {
        match (self, access) {
            (Self::OfPrivateSite, Access::Slow) => (6.0, 0.9),
            (Self::OfPrivateSite, Access::Home) => (18.0, 0.9),
            (Self::OfPrivateSite, Access::Seedbox) => (168.0, 0.9),
            (Self::OfOpenSite, _) => (0.09, 2.5),
        }
    }
}

/// How a user is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// A phone, or a line of old.
    Slow,
    /// A line to a home.
    Home,
    /// A rented server.
    Seedbox,
}

impl Access {
    /// What a line carries away from its user, in bytes per second.
    pub fn draw_up(self, rng: &mut Rng) -> f64 {
        let (median, sigma) = match self {
            Self::Slow => (0.3e6, 0.6),
            Self::Home => (2.5e6, 0.8),
            Self::Seedbox => (60e6, 0.7),
        };
        rng.log_normal(median, sigma).clamp(5e4, 1.25e9)
    }

    /// What it carries to its user: up to ten times as much.
    pub fn draw_down(up: f64, rng: &mut Rng) -> f64 {
        (up * (1.0 + 9.0 * rng.unit())).min(1.25e9)
    }
}

/// A user's class on the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Most users.
    Member,
    /// Brings the releases.
    Uploader,
    /// Has given money.
    Donor,
}

impl Role {
    /// The id of the role in the store.
    pub fn id(self) -> u16 {
        match self {
            Self::Member => 1,
            Self::Uploader => 2,
            Self::Donor => 3,
        }
    }
}

/// A user.
#[derive(Debug, Clone, Copy)]
pub struct User {
    /// How the user is connected.
    pub access: Access,
    /// Bytes per second.
    pub up: f64,
    /// Bytes per second.
    pub down: f64,
    /// Index of the city.
    pub city: usize,
    /// Index of the network.
    pub network: usize,
    /// The class on the site.
    pub role: Role,
    /// The client.
    pub program: Program,
    /// Takes no connections from outside.
    pub firewalled: bool,
}

impl User {
    pub(super) fn draw(earth: &Earth, members: Members, rng: &mut Rng) -> Self {
        let access = members.draw_access(rng);
        let up = access.draw_up(rng);
        let down = Access::draw_down(up, rng);
        let mut city = earth.draw_city(rng);
        let mut network = earth.draw_network(city, access == Access::Seedbox, rng);
        if access == Access::Seedbox
            && rng.chance(FROM_HOSTERS)
            && let Some(hoster) = earth.draw_hoster(rng)
        {
            (city, network) = hoster;
        }
        let role = match rng.unit() {
            share if share < 0.02 => Role::Uploader,
            share if share < 0.10 => Role::Donor,
            _ => Role::Member,
        };
        let program = Program::draw(access, rng);
        let firewalled = access != Access::Seedbox && rng.chance(members.firewalled());
        Self { access, up, down, city, network, role, program, firewalled }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_of_users_is_as_planned() {
        let earth = Earth::new(&mut Rng::new(1, 1));
        let mut rng = Rng::new(1, 2);
        let users: Vec<_> =
            (0..10_000).map(|_| User::draw(&earth, Members::OfPrivateSite, &mut rng)).collect();
        let share = |of: &dyn Fn(&User) -> bool| {
            users.iter().filter(|user| of(user)).count() as f64 / users.len() as f64
        };
        assert!((share(&|user| user.access == Access::Seedbox) - 0.35).abs() < 0.025);
        assert!((share(&|user| user.access == Access::Slow) - 0.15).abs() < 0.02);
        assert!((share(&|user| user.firewalled) - 0.65 * 0.08).abs() < 0.012);
        assert!(users.iter().all(|user| user.down >= user.up));
        let mut speeds: Vec<f64> = users.iter().map(|user| user.up).collect();
        speeds.sort_by(f64::total_cmp);
        assert!((1e6..6e6).contains(&speeds[5000]), "median {}", speeds[5000]);
    }
}
