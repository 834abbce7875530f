//! What an operator can set about the choice of peers.

use std::ops::BitOr;

/// The strategies in force, any number of them at once; none is uniform at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Strategies(u8);

impl Strategies {
    /// Every peer of a class is as likely as every other.
    pub const UNIFORM: Strategies = Strategies(0);
    /// Peers near the asker, in seeder and in leecher slots.
    pub const LOCATION: Strategies = Strategies(1);
    /// Seeders who have given little of this torrent since they completed it.
    pub const COMPLETION: Strategies = Strategies(2);
    /// Seeders who upload fast.
    pub const FAST: Strategies = Strategies(4);
    /// Seeders who upload slowly.
    pub const SLOW: Strategies = Strategies(8);
    /// Seeders by the weight of their role.
    pub const USER_CLASS: Strategies = Strategies(16);
    /// Seeders who came last.
    pub const SEED_TIME: Strategies = Strategies(32);

    /// All of them, each with its name in the configuration and the API.
    pub const NAMES: [(Strategies, &'static str); 6] = [
        (Self::LOCATION, "location"),
        (Self::COMPLETION, "completion"),
        (Self::FAST, "fast"),
        (Self::SLOW, "slow"),
        (Self::USER_CLASS, "user_class"),
        (Self::SEED_TIME, "seed_time"),
    ];

    /// The strategy with a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(_, it)| *it == name).map(|(strategy, _)| strategy)
    }

    /// The names of the strategies in force.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(it, _)| self.has(*it)).map(|(_, name)| name)
    }

    /// Whether all of `others` are in force.
    #[inline]
    pub const fn has(self, others: Strategies) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether any of `others` is in force.
    #[inline]
    pub const fn has_any(self, others: Strategies) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether none is in force.
    #[inline]
    pub const fn is_uniform(self) -> bool {
        self.0 == 0
    }

    /// These without `others`.
    #[must_use]
    pub const fn without(self, others: Strategies) -> Self {
        Strategies(self.0 & !others.0)
    }

    /// Those that share out what there is to earn: they weigh seeders only, by the seeders' own
    /// deeds and rank, and any two of them work against each other.
    pub const ECONOMY: Strategies = Strategies(
        Self::COMPLETION.0 | Self::FAST.0 | Self::SLOW.0 | Self::SEED_TIME.0 | Self::USER_CLASS.0,
    );

    /// Two of these that work against each other, if there are any.
    pub fn conflict(self) -> Option<(&'static str, &'static str)> {
        let economy = Strategies(self.0 & Self::ECONOMY.0);
        let mut names = economy.names();
        names.next().zip(names.next())
    }
}

impl BitOr for Strategies {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Strategies(self.0 | other.0)
    }
}

/// How often members of a role are chosen as seeders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleWeight {
    /// Id of the role in the store.
    pub role_id: u16,
    /// Weight in percent, 10 to 1000; 100 is that of a role which is not listed.
    pub weight_percent: u16,
    /// Whether leechers are always given members who seed, two at most.
    pub always_include: bool,
}

/// How peers are chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The strategies for torrents without any of their own.
    pub strategies: Strategies,
    /// Slots of each class that stay uniform at random, in percent, 10 to 100.
    pub uniform_percent: u8,
    /// Kilometres at which the weight of a peer is half of that next door, 1 to 20,000.
    pub half_weight_km: u32,
    /// Hours of seeding after which a seeder's weight is half of that of a new one, 1 to 240.
    pub half_weight_seed_hours: u32,
    /// Weights of roles; those not listed have 100 %.
    pub roles: Vec<RoleWeight>,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            strategies: Strategies::UNIFORM,
            uniform_percent: 25,
            half_weight_km: 500,
            half_weight_seed_hours: 24,
            roles: Vec::new(),
        }
    }
}
