//! The worlds of the study.

use std::net::Ipv4Addr;

use crate::world::{Members, TorrentPlan, WorldPlan};

/// Which seeds a study takes: what was tuned on the ones is never reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seeds {
    /// For tuning: 1, 2, …
    Training,
    /// For reports: 1001, 1002, …
    Reporting,
}

/// Seeds of a kind at most.
pub const SEEDS_MAX: u64 = 1000;

impl Seeds {
    /// The n-th seed, from 0.
    pub fn seed(self, number: u64) -> u64 {
        let first = match self {
            Self::Training => 1,
            Self::Reporting => 1 + SEEDS_MAX,
        };
        first + number.min(SEEDS_MAX - 1)
    }
}

/// A kind of world that strategies are tried in.
#[derive(Debug, Clone, Copy)]
pub struct StudyWorld {
    /// As in headings.
    pub name: &'static str,
    /// As in the names of plots.
    pub slug: &'static str,
    /// How large it is, and which torrents there are.
    pub plan: fn() -> WorldPlan,
    /// Who lives in it.
    pub members: Members,
}

impl StudyWorld {
    /// Those that are reported.
    pub const WHOLE: [Self; 2] = [
        Self {
            name: "A private site",
            slug: "private",
            plan: whole,
            members: Members::OfPrivateSite,
        },
        Self { name: "An open site", slug: "open", plan: open, members: Members::OfOpenSite },
    ];

    /// A small one.
    pub const SHORT: [Self; 1] = [Self { plan: short, ..Self::WHOLE[0] }];
}

/// A site of 2,500 users, over two days: old torrents of several sizes with many seeders and few
/// leechers, and on the second day releases that many want at once.
pub fn whole() -> WorldPlan {
    let flash = |released_at_hours, racers, downloads, decay_hours| TorrentPlan::FlashCrowd {
        released_at_hours,
        racers,
        downloads,
        decay_hours,
    };
    let tail = |seeders, downloads_per_hour| TorrentPlan::LongTail { seeders, downloads_per_hour };
    WorldPlan {
        users: 2500,
        torrents: vec![
            flash(21.0, 250, 900.0, 5.0),
            flash(24.0, 120, 450.0, 6.0),
            flash(28.0, 60, 250.0, 4.0),
            flash(32.0, 30, 120.0, 4.0),
            tail(800, 12.0),
            tail(400, 10.0),
            tail(200, 8.0),
            tail(200, 4.0),
            tail(100, 5.0),
            tail(50, 3.0),
        ],
        hours: 48,
        warm_up_hours: 20,
        first_address: Ipv4Addr::new(20, 0, 0, 0),
        stopped_lost: 0.1,
    }
}

/// An open site of 1,500 users, over 30 hours: few seedboxes, and most leave soon after they have
/// what they came for, so that most peers of a swarm are leechers and upload is what is scarce.
pub fn open() -> WorldPlan {
    let flash = |released_at_hours, downloads, decay_hours| TorrentPlan::FlashCrowd {
        released_at_hours,
        racers: 5,
        downloads,
        decay_hours,
    };
    let tail = |seeders, downloads_per_hour| TorrentPlan::LongTail { seeders, downloads_per_hour };
    WorldPlan {
        users: 1500,
        torrents: vec![
            flash(9.0, 900.0, 4.0),
            flash(12.0, 450.0, 4.0),
            tail(8, 10.0),
            tail(5, 6.0),
            tail(3, 4.0),
        ],
        hours: 30,
        warm_up_hours: 8,
        ..whole()
    }
}

/// A small site over some hours: seconds to simulate.
pub fn short() -> WorldPlan {
    WorldPlan {
        users: 400,
        torrents: vec![
            TorrentPlan::FlashCrowd {
                released_at_hours: 0.5,
                racers: 40,
                downloads: 100.0,
                decay_hours: 1.0,
            },
            TorrentPlan::LongTail { seeders: 120, downloads_per_hour: 10.0 },
        ],
        hours: 9,
        warm_up_hours: 0,
        ..whole()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_seed_is_both_for_tuning_and_for_reports() {
        let last_of_training = Seeds::Training.seed(u64::MAX);
        assert!(last_of_training < Seeds::Reporting.seed(0));
        assert_ne!(Seeds::Reporting.seed(0), Seeds::Reporting.seed(1));
    }
}
