//! The figures that strategies are judged by.

use crate::measure::Measures;
use crate::world::{Role, World};

/// One figure of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// Bytes between regions, as a share of all.
    InterRegion,
    /// Bytes between networks, as a share of all.
    InterNetwork,
    /// Median of the download times in seconds.
    Median,
    /// 95th percentile of the download times in seconds.
    P95,
    /// Share of seeders' upload that came from the slower half of them.
    SlowHalf,
    /// Gini coefficient of what seeders uploaded, in sizes of their torrents.
    Gini,
    /// Share of seeders' upload by those younger than a day, on old torrents.
    Young,
    /// Share of seeders' upload by uploaders and donors.
    Marked,
    /// Seeders in a reply to a leecher, as a share of its peers.
    SeederSlots,
    /// Share of downloads that were not finished at the end.
    Unfinished,
}

impl Figure {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 10] = [
        Self::InterRegion,
        Self::InterNetwork,
        Self::Median,
        Self::P95,
        Self::SlowHalf,
        Self::Gini,
        Self::Young,
        Self::Marked,
        Self::SeederSlots,
        Self::Unfinished,
    ];

    /// As in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::InterRegion => "bytes between regions",
            Self::InterNetwork => "bytes between networks (AS)",
            Self::Median => "download time p50",
            Self::P95 => "download time p95",
            Self::SlowHalf => "upload of the slower half of the seeders",
            Self::Gini => "Gini of the seeders' upload",
            Self::Young => "upload of seeders younger than a day, old torrents",
            Self::Marked => "upload of uploaders and donors who seed",
            Self::SeederSlots => "seeders in replies to leechers",
            Self::Unfinished => "downloads not finished at the end",
        }
    }

    /// A value as in tables.
    pub fn shown(self, value: f64) -> String {
        match self {
            Self::Median | Self::P95 => format!("{value:.0} s"),
            Self::Gini => format!("{value:.2}"),
            _ => format!("{:.1} %", 100.0 * value),
        }
    }
}

/// Some of the torrents of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of them.
    All,
    /// Those that are released while the simulation runs.
    FlashCrowds,
    /// Those with old seeders.
    LongTails,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 3] = [Self::All, Self::FlashCrowds, Self::LongTails];

    /// As in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all torrents",
            Self::FlashCrowds => "releases",
            Self::LongTails => "old torrents",
        }
    }

    fn has(self, world: &World, torrent: usize) -> bool {
        let old = world.torrents[torrent].plan.has_old_seeders();
        match self {
            Self::All => true,
            Self::FlashCrowds => !old,
            Self::LongTails => old,
        }
    }
}

/// All figures of a run, and what has to hold in each.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    values: [[f64; Figure::ALL.len()]; Part::ALL.len()],
    /// Bytes moved.
    pub bytes: u64,
    /// Replies to leechers.
    pub replies: u64,
    /// Of those, with fewer seeders than promised.
    pub short_of_seeders: u64,
    /// Announces.
    pub announces: u64,
    /// Downloads measured.
    pub downloads: u64,
}

impl Figures {
    /// The figures of a run.
    pub fn new(world: &World, measures: &Measures) -> Self {
        let replies = measures.replies;
        let values = Part::ALL
            .map(|part| values(world, &measures.of_torrents(|torrent| part.has(world, torrent))));
        Self {
            values,
            bytes: measures.all_bytes(),
            replies: replies.count,
            short_of_seeders: replies.short_of_seeders,
            announces: measures.announces,
            downloads: measures.downloads.len() as u64,
        }
    }

    /// One of them.
    pub fn of(&self, part: Part, figure: Figure) -> f64 {
        self.values[part as usize][figure as usize]
    }
}

fn values(world: &World, measures: &Measures) -> [f64; Figure::ALL.len()] {
    let replies = measures.replies;
    let seeded: u64 = measures.seedings.iter().map(|seeding| seeding.bytes).sum();
    let is_marked = |user: usize| world.users[user].role != Role::Member;
    let marked = measures.seedings.iter().filter(|seeding| is_marked(seeding.user));
    let marked: u64 = marked.map(|seeding| seeding.bytes).sum();
    Figure::ALL.map(|figure| match figure {
        Figure::InterRegion => measures.inter_region_share(),
        Figure::InterNetwork => measures.inter_network_share(),
        Figure::Median => measures.download_seconds(0.5),
        Figure::P95 => measures.download_seconds(0.95),
        Figure::SlowHalf => measures.slow_half_share(world),
        Figure::Gini => measures.gini(world),
        Figure::Young => measures.young_share(),
        Figure::Marked => marked as f64 / seeded.max(1) as f64,
        Figure::SeederSlots => replies.seeders as f64 / replies.peers.max(1) as f64,
        Figure::Unfinished => measures.unfinished_share(),
    })
}
