//! What may happen: announces of clients who know their own counters, and all that an operator,
//! a clock and a power cut can do.

use proptest::prelude::*;

/// How a client's counters go on from what it last had.
#[derive(Debug, Clone, Copy)]
pub enum Progress {
    Moves {
        up: u64,
        down: u64,
    },
    Same,
    /// The client was restarted: counters begin at these values.
    Restarts {
        up: u64,
        down: u64,
    },
    /// One counter is impossible.
    Nonsense,
}

/// What a client says it lacks.
#[derive(Debug, Clone, Copy)]
pub enum Left {
    Same,
    /// Less by what it downloaded.
    Downloaded,
    Nothing,
    Size(u64),
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
    /// A second address of the client, in IPv4.
    V4Moved,
    Local,
}

#[derive(Debug, Clone, Copy)]
pub struct Report {
    pub user: u32,
    pub client: u8,
    pub torrent: u8,
    /// By the second hash, if the torrent is a hybrid.
    pub second_hash: bool,
    pub family: Family,
    pub one_family: bool,
    pub progress: Progress,
    pub left: Left,
    /// 0 to 3: none, started, completed, stopped.
    pub event: u8,
    pub paused: bool,
    pub numwant: Option<u32>,
    pub odd: Odd,
    /// Seconds since the step before.
    pub after: u32,
    /// The client repeats the announce over IPv6 at once, as dual-stack clients do.
    pub echo: bool,
}

/// What may be wrong with an announce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Odd {
    Nothing,
    NoPasskey,
    WrongPasskey,
    LowPort,
    Blacklisted,
    UnknownTorrent,
}

#[derive(Debug, Clone)]
pub enum Step {
    Announce(Report),
    /// Time passes, and the sweep for those who fell silent comes by.
    Wait(u32),
    PutUser {
        user: u32,
        role: u16,
        download_enabled: bool,
        deleted: bool,
    },
    PutTorrent {
        torrent: u8,
        up: u16,
        down: u16,
        enabled: bool,
        deleted: bool,
    },
    PutRole {
        role: u16,
        up: u16,
        down: u16,
        rights: (bool, bool),
        slots: Option<u32>,
    },
    PutToken {
        torrent: u8,
        user: u32,
        up: u16,
        down: u16,
        lasts: Option<u32>,
    },
    RemoveToken {
        torrent: u8,
        user: u32,
    },
    Events(Vec<(u16, u16, u32, u32)>),
    SessionsMax(u32),
    PeersMax(u64),
    /// Sessions may be older than the totals.
    MarkStale,
    Drain,
    /// A snapshot that a later restart begins with.
    Snapshot,
    /// A restart from a snapshot of this moment.
    Restart,
    /// A restart from the last snapshot and all batches since.
    Replay,
}

fn progress() -> impl Strategy<Value = Progress> {
    let bytes = || prop_oneof![0..100_u64, 0..1_000_000_u64];
    prop_oneof![
        8 => (bytes(), bytes()).prop_map(|(up, down)| Progress::Moves { up, down }),
        2 => Just(Progress::Same),
        2 => (bytes(), bytes()).prop_map(|(up, down)| Progress::Restarts { up, down }),
        1 => Just(Progress::Nonsense),
    ]
}

fn left() -> impl Strategy<Value = Left> {
    prop_oneof![
        3 => Just(Left::Same),
        6 => Just(Left::Downloaded),
        4 => Just(Left::Nothing),
        2 => (1..2_000_000_u64).prop_map(Left::Size),
        1 => Just(Left::Unknown),
    ]
}

fn odd() -> impl Strategy<Value = Odd> {
    prop_oneof![
        40 => Just(Odd::Nothing),
        1 => Just(Odd::NoPasskey),
        1 => Just(Odd::WrongPasskey),
        1 => Just(Odd::LowPort),
        1 => Just(Odd::Blacklisted),
        1 => Just(Odd::UnknownTorrent),
    ]
}

fn family() -> impl Strategy<Value = Family> {
    prop_oneof![
        6 => Just(Family::V4),
        3 => Just(Family::V6),
        1 => Just(Family::V4Moved),
        1 => Just(Family::Local),
    ]
}

pub fn report(users: u32) -> impl Strategy<Value = Report> {
    let who = (0..users, 0..4_u8, 0..4_u8, any::<bool>(), family(), prop::bool::weighted(0.2));
    let event = prop_oneof![6 => Just(0_u8), 2 => Just(1), 1 => Just(2), 2 => Just(3)];
    let numwant = prop_oneof![
        3 => Just(None),
        1 => (0..12_u32).prop_map(Some),
        1 => Just(Some(u32::MAX)),
    ];
    let what = (progress(), left(), event, prop::bool::weighted(0.1), numwant);
    (who, what, odd(), 1..90_u32, prop::bool::weighted(0.2)).prop_map(
        |(who, what, odd, after, echo)| {
            let (user, client, torrent, second_hash, family, one_family) = who;
            let (progress, left, event, paused, numwant) = what;
            Report {
                user: user + 1,
                client,
                torrent: torrent + 1,
                second_hash,
                family,
                one_family,
                progress,
                left,
                event,
                paused,
                numwant,
                odd,
                after,
                echo,
            }
        },
    )
}

fn percent() -> impl Strategy<Value = u16> {
    prop_oneof![2 => Just(100_u16), 1 => Just(0), 1 => Just(50), 1 => 0..400_u16]
}

fn control() -> impl Strategy<Value = Step> {
    let mostly = || prop::bool::weighted(0.85);
    let (users, torrents) = (1..7_u32, 1..5_u8);
    prop_oneof![
        (users.clone(), 1..3_u16, mostly(), mostly()).prop_map(
            |(user, role, download_enabled, live)| Step::PutUser {
                user,
                role,
                download_enabled,
                deleted: !live,
            }
        ),
        (torrents.clone(), percent(), percent(), mostly(), mostly()).prop_map(
            |(torrent, up, down, enabled, live)| Step::PutTorrent {
                torrent,
                up,
                down,
                enabled,
                deleted: !live,
            }
        ),
        (1..3_u16, percent(), percent(), (mostly(), mostly()), prop::option::of(0..5_u32))
            .prop_map(|(role, up, down, rights, slots)| Step::PutRole {
                role,
                up,
                down,
                rights,
                slots,
            }),
        (torrents.clone(), users.clone(), percent(), percent(), prop::option::of(0..5000_u32))
            .prop_map(|(torrent, user, up, down, lasts)| Step::PutToken {
                torrent,
                user,
                up,
                down,
                lasts,
            }),
        (torrents, users).prop_map(|(torrent, user)| Step::RemoveToken { torrent, user }),
        prop::collection::vec((percent(), percent(), 0..3000_u32, 0..6000_u32), 0..3)
            .prop_map(Step::Events),
        (1..5_u32).prop_map(Step::SessionsMax),
        prop_oneof![3 => Just(1000), 1 => 0..20_u64].prop_map(Step::PeersMax),
    ]
}

pub fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        40 => report(6).prop_map(Step::Announce),
        3 => prop_oneof![1..4200_u32, Just(4200), Just(4201), 4000..20_000_u32]
            .prop_map(Step::Wait),
        5 => control(),
        1 => Just(Step::MarkStale),
        3 => Just(Step::Drain),
        1 => Just(Step::Snapshot),
        1 => Just(Step::Restart),
        1 => Just(Step::Replay),
    ]
}

/// Enough users to make swarms that are indexed.
pub fn crowded_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        100 => report(40)
            .prop_map(|report| Report { torrent: report.torrent.min(2), ..report })
            .prop_map(Step::Announce),
        1 => (1..5000_u32).prop_map(Step::Wait),
        2 => Just(Step::Drain),
        1 => Just(Step::Restart),
        1 => Just(Step::Replay),
    ]
}
