//! Bytes per peer, as the growth of the resident set. One case per process, because an allocator
//! does not forget what it held before.
//!
//! Peers arrive in random order over all torrents, and pending changes are drained every
//! [`ANNOUNCES_PER_DRAIN`] announces unless told otherwise: what a table keeps for the next
//! interval counts, too.

use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, Subcommand, ValueEnum};
use mika_bench::places::choose_by_place;
use mika_bench::population::{Peer, Population, START_SECONDS, drain};
use mika_core::{Mode, PeerList, Tracker};
use mika_protocol::Event;
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ANNOUNCES_PER_DRAIN: usize = 10_000;

const LEECHER_EVERY: u32 = 5;

const ROTATIONS: u32 = 10;

/// Every n-th peer of the churn case falls silent instead of saying `stopped`.
const SILENT_EVERY: u32 = 10;

/// What a case should cost, in bytes per peer.
#[derive(Debug, Clone, Copy)]
enum Target {
    /// Promised: a miss is a failure.
    Most(u32),
    /// Aimed at: a miss is printed.
    Aim(u32),
    /// Only shown.
    None,
}

impl Target {
    /// Whether a promise is broken, and the words for it.
    fn judge(self, bytes: f64) -> (bool, String) {
        let words = |bytes_max: u32, is_met: bool| {
            format!("{bytes_max} {}", if is_met { "met" } else { "missed" })
        };
        match self {
            Self::None => (false, String::new()),
            Self::Most(most) => (bytes > f64::from(most), words(most, bytes <= f64::from(most))),
            Self::Aim(aim) => (false, words(aim, bytes <= f64::from(aim)) + " (aim)"),
        }
    }
}

/// Cases of `all`.
const CASES: &[(Kind, u32, u32, Target)] = &[
    (Kind::Private, 1_000_000, 1, Target::Most(130)),
    (Kind::Private, 100_000, 10, Target::Most(64)),
    (Kind::Private, 90_910, 11, Target::Most(64)),
    (Kind::Private, 62_500, 16, Target::Most(64)),
    (Kind::Private, 58_824, 17, Target::Most(64)),
    (Kind::Private, 33_334, 30, Target::Most(64)),
    (Kind::Private, 30_304, 33, Target::Most(64)),
    (Kind::Private, 22_223, 45, Target::Most(64)),
    (Kind::Private, 20_000, 50, Target::Most(64)),
    (Kind::Private, 10_000, 100, Target::Most(64)),
    (Kind::Private, 1, 1_000_000, Target::Most(64)),
    (Kind::PrivateV6, 1_000_000, 1, Target::None),
    (Kind::PrivateV6, 100_000, 10, Target::None),
    (Kind::Public, 1_000_000, 1, Target::None),
    (Kind::Public, 100_000, 10, Target::None),
    (Kind::Public, 10_000, 100, Target::None),
    (Kind::Public, 1, 1_000_000, Target::Aim(16)),
    (Kind::PrivateChosen, 1_000_000, 1, Target::Most(130)),
    (Kind::PrivateChosen, 20_000, 50, Target::None),
    (Kind::PrivateChosen, 10_000, 100, Target::None),
    (Kind::PrivateChosen, 1, 1_000_000, Target::None),
    (Kind::PublicV6, 1, 1_000_000, Target::None),
];

/// Cases of `all` in which all peers are replaced again and again, and none is remembered.
const CHURN_CASES: &[(Kind, u32, u32)] =
    &[(Kind::Private, 3_000, 100), (Kind::Private, 1, 300_000), (Kind::Public, 1, 300_000)];

/// How much larger the resident set may be after the last rotation than it was in the first two.
/// It is not steady: an allocator gives back whole pages only.
const CHURN_GROWTH_PERCENT_MAX: u64 = 10;

/// Users of the cases of `all` that have users only, with what one may cost in bytes.
const USER_CASES: &[(u32, Target)] = &[(200_000, Target::Most(64)), (1_000_000, Target::Most(64))];

#[derive(Debug, Parser)]
#[command(about = "Bytes of resident memory per peer")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Measures all cases, each in a process of its own.
    All,
    /// Measures one case; prints bytes per peer, per torrent and per user.
    Fill {
        kind: Kind,
        torrents: u32,
        peers_per_torrent: u32,
        /// Announces between two drains; what tables keep for the next interval depends on it.
        #[arg(long, default_value_t = ANNOUNCES_PER_DRAIN)]
        announces_per_drain: usize,
        /// Prints one JSON object instead.
        #[arg(long)]
        json: bool,
    },
    /// Measures users alone; prints bytes per user.
    Users { users: u32 },
    /// Replaces all peers ten times; the resident set must not grow with it.
    Churn {
        kind: Kind,
        torrents: u32,
        peers_per_torrent: u32,
        /// Every n-th peer is a leecher, who is remembered after it has left; 0 for none.
        #[arg(long, default_value_t = LEECHER_EVERY)]
        leecher_every: u32,
        /// Prints one JSON object instead, and leaves the judgement to who reads it.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Private,
    PrivateV6,
    /// With strategies in force.
    PrivateChosen,
    Public,
    PublicV6,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::PrivateV6 => "private-v6",
            Self::PrivateChosen => "private-chosen",
            Self::Public => "public",
            Self::PublicV6 => "public-v6",
        }
    }

    fn population(self, torrents: u32, peers_per_torrent: u32) -> Population {
        Population {
            mode: match self {
                Self::Private | Self::PrivateV6 | Self::PrivateChosen => Mode::Private,
                Self::Public | Self::PublicV6 => Mode::Public,
            },
            torrents,
            peers_per_torrent,
            users: peers_per_torrent.max(100_000),
            leecher_every: LEECHER_EVERY,
            v6: matches!(self, Self::PrivateV6 | Self::PublicV6),
        }
    }
}

fn main() -> Result<()> {
    match Arguments::parse().what {
        What::All => all(),
        What::Fill { kind, torrents, peers_per_torrent, announces_per_drain, json } => {
            let population = kind.population(torrents, peers_per_torrent);
            let filled = fill(kind, population, announces_per_drain)?;
            println!("{}", if json { filled.json().to_string() } else { filled.line() });
            Ok(())
        }
        What::Users { users } => {
            println!("{:.1}", bytes_per_user(users)?);
            Ok(())
        }
        What::Churn { kind, torrents, peers_per_torrent, leecher_every, json } => {
            let population = kind.population(torrents, peers_per_torrent);
            churn(Population { leecher_every, ..population }, json)
        }
    }
}

/// Runs this program once per case and prints a table.
fn all() -> Result<()> {
    println!("{:<15}{:>10}{:>10}  {}  target", "", "torrents", "peers/t.", Filled::HEAD);
    let mut broken = 0;
    for (kind, torrents, peers_per_torrent, target) in CASES {
        let line =
            measure(&["fill", kind.name(), &torrents.to_string(), &peers_per_torrent.to_string()])?;
        let bytes: f64 = line.split_whitespace().next().context("no figure")?.parse()?;
        let (is_broken, verdict) = target.judge(bytes);
        broken += u32::from(is_broken);
        println!("{:<15}{torrents:>10}{peers_per_torrent:>10}  {line}  {verdict}", kind.name());
    }
    for (users, target) in USER_CASES {
        let line = measure(&["users", &users.to_string()])?;
        let (is_broken, verdict) = target.judge(line.trim().parse()?);
        broken += u32::from(is_broken);
        println!("{users} users, B each: {line}  {verdict}");
    }
    for (kind, torrents, peers_per_torrent) in CHURN_CASES {
        let (torrents, peers) = (torrents.to_string(), peers_per_torrent.to_string());
        let lines = measure(&["churn", kind.name(), &torrents, &peers, "--leecher-every", "0"])?;
        println!("{} {torrents} {peers}, replaced {ROTATIONS} times:", kind.name());
        println!(
            "{}",
            lines.lines().skip(2 + ROTATIONS as usize - 1).collect::<Vec<_>>().join("\n")
        );
    }
    if broken > 0 {
        println!("targets missed: {broken}");
        std::process::exit(1);
    }
    Ok(())
}

/// What a case prints, measured in a process of its own.
fn measure(arguments: &[&str]) -> Result<String> {
    let output = Command::new(std::env::current_exe()?)
        .args(arguments)
        // Like the default of 10 s, but without the wait.
        .env("_RJEM_MALLOC_CONF", "dirty_decay_ms:500")
        .output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{arguments:?}: {error}");
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}

fn bytes_per_user(users: u32) -> Result<f64> {
    let population = Population { users, ..Kind::Private.population(1, 1) };
    let tracker = population.tracker();
    let empty = settled_bytes()?;
    population.add_users(&tracker)?;
    let bytes = settled_bytes()?.saturating_sub(empty);
    let count = tracker.stats().users;
    ensure!(count == u64::from(users), "only {count} users are known");
    Ok(bytes as f64 / f64::from(users.max(1)))
}

/// Growth of the resident set, in bytes.
struct Filled {
    peers: u32,
    torrents: u32,
    users: u32,
    peers_bytes: u64,
    torrents_bytes: u64,
    users_bytes: u64,
}

impl Filled {
    const HEAD: &'static str = "B/peer in all | of it torrents, B each | users, B each ";

    /// Bytes per peer (torrents and peers, without users), of it per torrent, and per user.
    fn each(&self) -> [f64; 3] {
        let each = |bytes: u64, count: u32| bytes as f64 / f64::from(count.max(1));
        [
            each(self.torrents_bytes + self.peers_bytes, self.peers),
            each(self.torrents_bytes, self.torrents),
            each(self.users_bytes, self.users),
        ]
    }

    /// For people.
    fn line(&self) -> String {
        let [peer, torrent, user] = self.each();
        format!("{peer:>13.1} {torrent:>24.1} {user:>16.1}")
    }

    /// For programs.
    fn json(&self) -> Value {
        let [peer, torrent, user] = self.each();
        json!({
            "peers": self.peers,
            "torrents": self.torrents,
            "bytes_per_peer": peer,
            "bytes_per_torrent": torrent,
            "bytes_per_user": user,
        })
    }
}

fn fill(kind: Kind, population: Population, announces_per_drain: usize) -> Result<Filled> {
    ensure!(announces_per_drain > 0, "announces-per-drain must be at least 1");
    let is_chosen = kind == Kind::PrivateChosen;
    let (tracker, filled, _list) = filled_tracker(population, announces_per_drain, is_chosen)?;
    let stats = tracker.stats();
    let peers = stats.seeders + stats.leechers;
    ensure!(peers == u64::from(population.peers()), "only {peers} peers have joined");
    Ok(filled)
}

fn filled_tracker(
    population: Population,
    announces_per_drain: usize,
    is_chosen: bool,
) -> Result<(Tracker, Filled, PeerList)> {
    let tracker = population.tracker();
    if is_chosen {
        choose_by_place(&tracker);
    }
    let mut list = PeerList::new(1);
    let order = random_order(population.peers());
    let empty = settled_bytes()?;
    population.add_users(&tracker)?;
    let with_users = settled_bytes()?;
    population.add_torrents(&tracker)?;
    let with_torrents = settled_bytes()?;
    population.join(&tracker, order.iter().copied(), announces_per_drain, &mut list)?;
    let with_peers = settled_bytes()?;
    let filled = Filled {
        peers: population.peers(),
        torrents: population.torrents,
        users: if population.mode == Mode::Private { population.users } else { 0 },
        peers_bytes: with_peers.saturating_sub(with_torrents),
        torrents_bytes: with_torrents.saturating_sub(with_users),
        users_bytes: with_users.saturating_sub(empty),
    };
    // It is part of `empty`, so it must live until here.
    drop(order);
    Ok((tracker, filled, list))
}

/// Replaces every peer by another user's, one by one in random order, so that the number of peers
/// stays the same but for the silent ones, who are expired at the end of each rotation.
fn churn(population: Population, json: bool) -> Result<()> {
    let order = random_order(population.peers());
    let (tracker, filled, mut list) = filled_tracker(population, ANNOUNCES_PER_DRAIN, false)?;
    let before = filled.torrents_bytes + filled.peers_bytes;
    let base = settled_bytes()?.saturating_sub(before);
    let show = |rotation: &Rotation| {
        if !json {
            println!("{}", rotation.line());
        }
    };
    if !json {
        println!("rotation     peers  departed     MiB  B/peer");
    }
    let mut rotations = vec![Rotation::now(0, &tracker, before)?];
    rotations.iter().for_each(show);
    for rotation in 1..=ROTATIONS {
        rotate(&population, &tracker, &order, rotation, &mut list)?;
        let bytes = settled_bytes()?.saturating_sub(base);
        let rotation = Rotation::now(rotation, &tracker, bytes)?;
        show(&rotation);
        rotations.push(rotation);
    }
    let first_bytes = rotations.iter().take(3).map(|it| it.bytes).max().unwrap_or(before);
    let last_bytes = rotations.last().map_or(before, |it| it.bytes);
    let growth_percent = (last_bytes * 100 / first_bytes.max(1)).saturating_sub(100);
    if json {
        let rotations: Vec<_> = rotations.iter().map(Rotation::json).collect();
        println!("{}", json!({ "rotations": rotations, "growth_percent": growth_percent }));
        return Ok(());
    }
    println!("grown by {growth_percent} %");
    // Leechers who have left are remembered: more of them with every rotation.
    let creeps = population.leecher_every == 0 && growth_percent > CHURN_GROWTH_PERCENT_MAX;
    ensure!(!creeps, "memory has grown by {growth_percent} %");
    Ok(())
}

/// Once all peers.
fn rotate(
    population: &Population,
    tracker: &Tracker,
    order: &[u32],
    rotation: u32,
    list: &mut PeerList,
) -> Result<()> {
    // Longer than the peer timeout, so that the silent ones of the last rotation are gone.
    let now_seconds = START_SECONDS + 10_000 * rotation;
    for (count, number) in order.iter().enumerate() {
        if !number.is_multiple_of(SILENT_EVERY) {
            let old = population.peer(*number, rotation - 1);
            stop(population, tracker, old, now_seconds, list)?;
        }
        let new = population.peer(*number, rotation);
        let request = population.request(new, 0, 0)?;
        population.announce(tracker, &request, new, now_seconds, list)?;
        if count % ANNOUNCES_PER_DRAIN == ANNOUNCES_PER_DRAIN - 1 {
            drain(tracker, now_seconds);
        }
    }
    for part in 0..Tracker::PARTS {
        tracker.expire(part, now_seconds);
    }
    drain(tracker, now_seconds);
    Ok(())
}

fn stop(
    population: &Population,
    tracker: &Tracker,
    peer: Peer,
    now_seconds: u32,
    list: &mut PeerList,
) -> Result<()> {
    let mut request = population.request(peer, 1, 0)?;
    request.event = Event::Stopped;
    population.announce(tracker, &request, peer, now_seconds, list)
}

/// What there is after so many rotations.
struct Rotation {
    number: u32,
    peers: u64,
    departed: u64,
    bytes: u64,
}

impl Rotation {
    fn now(number: u32, tracker: &Tracker, bytes: u64) -> Result<Self> {
        let stats = tracker.stats();
        let peers = stats.seeders + stats.leechers;
        ensure!(peers > 0, "no peers are left");
        Ok(Self { number, peers, departed: stats.departed, bytes })
    }

    fn line(&self) -> String {
        let mebibytes = self.bytes as f64 / 1_048_576.0;
        let each = self.bytes as f64 / self.peers as f64;
        let Self { number, peers, departed, .. } = self;
        format!("{number:>8} {peers:>9} {departed:>9} {mebibytes:>7.1} {each:>7.1}")
    }

    fn json(&self) -> Value {
        json!({
            "rotation": self.number,
            "peers": self.peers,
            "departed": self.departed,
            "bytes": self.bytes,
        })
    }
}

fn random_order(count: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count).collect();
    fastrand::Rng::with_seed(7).shuffle(&mut order);
    order
}

/// The resident set once the allocator has given back what it holds for a while (its decay time) in
/// case it is needed again: half a second in the cases of `all`, see [`measure`].
fn settled_bytes() -> Result<u64> {
    const BLOCK_BYTES: usize = 4096;
    const BLOCKS: usize = 256;
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(700));
        let blocks: Vec<Vec<u8>> =
            (0..BLOCKS).map(|_| Vec::with_capacity(black_box(BLOCK_BYTES))).collect();
        drop(black_box(blocks));
    }
    resident_bytes()
}

/// The resident set, from the second field of `/proc/self/statm`, which counts pages.
fn resident_bytes() -> Result<u64> {
    const PAGE_BYTES: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split_whitespace().nth(1).context("statm is short")?.parse()?;
    Ok(pages * PAGE_BYTES)
}
