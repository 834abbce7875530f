//! What detection costs at a million announces a second, and what memory it takes:
//!
//! ```text
//! cargo run --release -p mika-bench --example detection_replay -- load
//! cargo run --release -p mika-bench --example detection_replay -- memory --detection
//! valgrind --tool=callgrind --toggle-collect='*replay_observe*' detection_replay observe
//! ```
//!
//! `load`: three threads announce at that rate between them, as the workers of a server do. Time
//! is simulated: half a million clients announce once in half an hour of it. Twelve of a hundred
//! move something, or nobody does. The announces of the same clients are made without detection
//! and with it, twice in turn; a fourth thread does what the server's detection thread does once a
//! second. Then nobody takes what announces tell: queues overflow, which is counted, and announces
//! go on as before.

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use mika_bench::population::{Population, START_SECONDS, drain};
use mika_core::detection::{
    Counters, Detection, DetectionSettings, Feed, Fingerprints, Observation,
};
use mika_core::{Mode, PeerList, Settings, Source, Tracker};
use mika_protocol::{AnnounceRequest, Event};
use nix::time::{ClockId, clock_gettime};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const DAY_SECONDS: u32 = 86_400;
const INTERVAL_SECONDS: u32 = 1800;
/// Threads that announce.
const ANNOUNCERS: usize = 3;
/// Announces between two looks at the schedule.
const STRIDE: usize = 256;
/// What a leecher downloads in an interval; five of a hundred clients are leechers.
const DOWNLOADED_BYTES: u64 = 7_000_000;
/// What a seeder uploads; seven of a hundred clients do.
const UPLOADED_BYTES: u64 = 5_000_000;
const LEFT_BYTES: u64 = 1 << 40;
/// Simulated seconds between two looks of what announces in turn with them.
const SECONDS_PER_LOOK: u32 = 60;
/// Observations that wait in each queue at most while nobody takes them.
const NEGLECTED_MAX: u32 = 16;
/// Half a million clients.
const POPULATION: Population = Population {
    mode: Mode::Private,
    torrents: 5000,
    peers_per_torrent: 100,
    users: 20_000,
    leecher_every: 20,
    v6: false,
};

#[derive(Debug, Parser)]
struct Options {
    #[command(subcommand)]
    measure: Measure,
}

#[derive(Debug, Subcommand)]
enum Measure {
    /// Announces at a fixed rate, without detection and with it
    Load {
        /// Announces per second
        #[arg(long, default_value_t = 1_000_000)]
        rate: u32,
        /// Of each part
        #[arg(long, default_value_t = 4)]
        seconds: u32,
    },
    /// A million clients join a hundred thousand torrents at once
    Memory {
        /// With detection
        #[arg(long)]
        detection: bool,
    },
    /// Fifty thousand clients in turn, for counting instructions
    Observe {
        /// Announces of each
        #[arg(long, default_value_t = 10)]
        intervals: u32,
    },
}

fn main() -> Result<()> {
    match Options::parse().measure {
        Measure::Load { rate, seconds } => load(rate, seconds),
        Measure::Memory { detection } => memory(detection),
        Measure::Observe { intervals } => observe_in_turn(intervals),
    }
}

fn new_detection(since_seconds: u32) -> Result<Detection> {
    let fingerprints: Fingerprints = toml::from_str(Fingerprints::DEFAULT_TOML)?;
    Ok(Detection::new(DetectionSettings::default(), &fingerprints, 1, since_seconds))
}

/// CPU time of the calling thread.
fn cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

// ---- Load ----

/// What a part of the measurement is like.
#[derive(Debug, Clone, Copy)]
struct Part {
    name: &'static str,
    /// Twelve of a hundred move something; otherwise nobody does, and all are seeders.
    moving: bool,
    watched: bool,
    /// Somebody takes what announces tell.
    taken: bool,
}

/// What one of them cost.
#[derive(Debug, Default)]
struct Cost {
    announces: u64,
    seconds: f64,
    announcing: Duration,
    observing: Duration,
    advancing: Duration,
    slowest: Duration,
    seen: Counters,
}

/// The clients of one announcing thread.
struct Clients(Vec<(AnnounceRequest, Source, Role)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Leecher,
    Uploader,
    Idle,
}

fn load(rate: u32, seconds: u32) -> Result<()> {
    let population = POPULATION;
    let tracker = population.tracker();
    population.add_users(&tracker)?;
    population.add_torrents(&tracker)?;
    let mut clients = clients(&population)?;
    let now_seconds = AtomicU32::new(START_SECONDS);
    let part = |name, moving, watched, taken| Part { name, moving, watched, taken };
    let two = [
        part("12 % move, off", true, false, true),
        part("12 % move, on", true, true, true),
        part("12 % move, off", true, false, true),
        part("12 % move, on", true, true, true),
        part("none moves, off", false, false, true),
        part("none moves, on", false, true, true),
        part("none moves, off", false, false, true),
        part("none moves, on", false, true, true),
        part("12 % move, nobody takes", true, true, false),
    ];
    // All join, and are known.
    measure(&tracker, two[0], &mut clients, &now_seconds, (rate, seconds))?;
    println!(
        "{:24} {:>9} {:>9} {:>9} {:>9} {:>9} {:>10} {:>9}",
        "", "ann./s", "announce", "observe", "advance", "slowest", "observed", "dropped"
    );
    for part in two {
        let cost = measure(&tracker, part, &mut clients, &now_seconds, (rate, seconds))?;
        let each = |time: Duration| time.as_secs_f64() * 1e9 / cost.announces as f64;
        println!(
            "{:24} {:>9.0} {:>6.0} ns {:>6.1} ns {:>6.1} ns {:>6} us {:>10} {:>9}",
            part.name,
            cost.announces as f64 / cost.seconds,
            each(cost.announcing),
            each(cost.observing),
            each(cost.advancing),
            cost.slowest.as_micros(),
            cost.seen.observations,
            cost.seen.dropped,
        );
        ensure!(part.taken || cost.seen.dropped > 0, "no queue overflowed");
    }
    println!(
        "times: CPU per announce; slowest: {STRIDE} announces by the wall clock; of the last \
         part, what is observed is what queues held"
    );
    Ok(())
}

fn clients(population: &Population) -> Result<Vec<Clients>> {
    let mut numbers: Vec<u32> = (0..population.peers()).collect();
    fastrand::Rng::with_seed(3).shuffle(&mut numbers);
    let mut clients: Vec<Clients> = (0..ANNOUNCERS).map(|_| Clients(Vec::new())).collect();
    for (at, number) in numbers.into_iter().enumerate() {
        let peer = population.peer(number, 0);
        let role = match peer.place % 20 {
            0 => Role::Leecher,
            1 => Role::Uploader,
            _ if peer.place < 4 => Role::Uploader,
            _ => Role::Idle,
        };
        let mut request = population.request(peer, 0, 50)?;
        request.event = Event::None;
        request.left = if role == Role::Leecher { LEFT_BYTES } else { 0 };
        let place = clients.get_mut(at % ANNOUNCERS).context("no thread")?;
        // A user is at home.
        let network = 0x1400_0000 + number % population.users * 256;
        place.0.push((request, Source::new(Ipv4Addr::from(network + 7).into()), role));
    }
    Ok(clients)
}

/// Announces for some seconds.
fn measure(
    tracker: &Tracker,
    part: Part,
    clients: &mut [Clients],
    now_seconds: &AtomicU32,
    (rate, seconds): (u32, u32),
) -> Result<Cost> {
    let mut feed = Feed::default();
    if !part.taken {
        feed.queued_per_shard_max = NEGLECTED_MAX;
    }
    let detection = part.watched.then_some(feed);
    tracker.set_settings(Settings { detection, ..Settings::default() });
    let began_seconds = now_seconds.load(Ordering::Relaxed);
    let mut detection = new_detection(began_seconds.saturating_sub(DAY_SECONDS))?;
    let (done, refused) = (AtomicBool::new(false), AtomicU64::new(0));
    let rate = f64::from(rate) / ANNOUNCERS as f64;
    let begun = Instant::now();
    let cost = thread::scope(|scope| {
        let observer = scope.spawn(|| observe(tracker, part, &mut detection, now_seconds, &done));
        let flusher = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_secs(1));
                drain(tracker, now_seconds.load(Ordering::Relaxed));
            }
        });
        let announcers: Vec<_> = clients
            .iter_mut()
            .map(|clients| {
                let refused = &refused;
                let until = begun + Duration::from_secs(seconds.into());
                scope.spawn(move || {
                    let schedule = (begun, until, rate);
                    clients.announce(tracker, part, (began_seconds, now_seconds), schedule, refused)
                })
            })
            .collect();
        let mut cost = Cost::default();
        for announcer in announcers {
            let (announces, spent, slowest) = announcer.join().ok().context("panicked")?;
            cost.announces += announces;
            cost.announcing += spent;
            cost.slowest = cost.slowest.max(slowest);
        }
        cost.seconds = begun.elapsed().as_secs_f64();
        done.store(true, Ordering::Relaxed);
        (cost.observing, cost.advancing) = observer.join().ok().context("panicked")?;
        flusher.join().ok().context("panicked")?;
        anyhow::Ok(cost)
    })?;
    ensure!(refused.load(Ordering::Relaxed) == 0, "announces were refused");
    Ok(Cost { seen: detection.counters(), ..cost })
}

impl Clients {
    /// Returns how many announces there were, the CPU time that they took, and how long the
    /// slowest [`STRIDE`] of them took.
    fn announce(
        &mut self,
        tracker: &Tracker,
        part: Part,
        (began_seconds, now_seconds): (u32, &AtomicU32),
        (begun, until, rate): (Instant, Instant, f64),
        refused: &AtomicU64,
    ) -> (u64, Duration, Duration) {
        let mut list = PeerList::new(rate as u64);
        let (mut passed, mut announces, mut slowest) = (0_u64, 0_u64, Duration::ZERO);
        let count = self.0.len() as u64;
        let before = cpu();
        while Instant::now() < until {
            for chunk in self.0.chunks_mut(STRIDE) {
                let interval = u64::from(INTERVAL_SECONDS);
                let now = began_seconds + (passed * interval / count) as u32;
                now_seconds.fetch_max(now, Ordering::Relaxed);
                let started = Instant::now();
                for (request, source, role) in chunk.iter_mut() {
                    if !part.moving && *role == Role::Leecher {
                        continue;
                    }
                    announces += 1;
                    role.move_bytes(request, part.moving);
                    let answer = tracker.announce(request, *source, now, &mut list);
                    if black_box(answer).is_err() {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
                slowest = slowest.max(started.elapsed());
                passed += chunk.len() as u64;
                let due = begun + Duration::from_secs_f64(passed as f64 / rate);
                thread::sleep(due.saturating_duration_since(Instant::now()));
                if Instant::now() >= until {
                    break;
                }
            }
        }
        (announces, cpu() - before, slowest)
    }
}

impl Role {
    fn move_bytes(self, request: &mut AnnounceRequest, moving: bool) {
        match self {
            Self::Leecher if moving => {
                request.downloaded += DOWNLOADED_BYTES;
                request.left -= DOWNLOADED_BYTES;
            }
            Self::Uploader if moving => request.uploaded += UPLOADED_BYTES,
            _ => {}
        }
    }
}

/// What the detection thread of a server does: every second what there is, and the books. Returns
/// the CPU time of both.
fn observe(
    tracker: &Tracker,
    part: Part,
    detection: &mut Detection,
    now_seconds: &AtomicU32,
    done: &AtomicBool,
) -> (Duration, Duration) {
    let mut taken = Vec::new();
    let (mut observing, mut advancing) = (Duration::ZERO, Duration::ZERO);
    let mut is_done = false;
    while !is_done {
        thread::sleep(Duration::from_secs(1));
        is_done = done.load(Ordering::Relaxed);
        if !part.taken && !is_done {
            continue;
        }
        let now = now_seconds.load(Ordering::Relaxed);
        let (before, mut dropped) = (cpu(), 0);
        for number in 0..Tracker::PARTS {
            dropped += tracker.take_observations(number, &mut taken);
            replay_observe(detection, &taken);
        }
        detection.note_dropped(dropped, now);
        let between = cpu();
        detection.advance(now);
        observing += between - before;
        advancing += cpu() - between;
    }
    (observing, advancing)
}

#[inline(never)]
fn replay_observe(detection: &mut Detection, observations: &[Observation]) {
    detection.observe(black_box(observations));
}

// ---- Memory ----

fn memory(detection: bool) -> Result<()> {
    let population = Population {
        mode: Mode::Private,
        torrents: 100_000,
        peers_per_torrent: 10,
        users: 10_000,
        leecher_every: 5,
        v6: false,
    };
    let tracker = population.tracker();
    population.add_users(&tracker)?;
    population.add_torrents(&tracker)?;
    let feed = detection.then(Feed::default);
    tracker.set_settings(Settings { detection: feed, ..Settings::default() });
    let mut list = PeerList::new(1);
    let mut watching = new_detection(START_SECONDS - DAY_SECONDS)?;
    let mut taken = Vec::new();
    let before = resident_bytes()?;
    let mut take = |watching: &mut Detection| {
        for part in 0..Tracker::PARTS {
            let dropped = tracker.take_observations(part, &mut taken);
            watching.note_dropped(dropped, START_SECONDS);
            watching.observe(&taken);
        }
    };
    let numbers: Vec<u32> = (0..population.peers()).collect();
    for second in numbers.chunks(100_000) {
        population.join(&tracker, second.iter().copied(), second.len(), &mut list)?;
        take(&mut watching);
    }
    // Queues are given back within two rounds.
    take(&mut watching);
    take(&mut watching);
    let grown = resident_bytes()?.saturating_sub(before);
    println!(
        "detection {}: {:.1} MB more, {:.0} B per peer; {:?}",
        if detection { "on" } else { "off" },
        grown as f64 / 1e6,
        grown as f64 / f64::from(population.peers()),
        watching.counters(),
    );
    Ok(())
}

fn resident_bytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes: u64 = line.context("no VmRSS")?.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}

// ---- Observations alone ----

/// Announces in turn, so that nothing but the looking at observations is counted.
fn observe_in_turn(intervals: u32) -> Result<()> {
    let population = Population { torrents: 500, users: 5000, ..POPULATION };
    let tracker = population.tracker();
    population.add_users(&tracker)?;
    population.add_torrents(&tracker)?;
    let detection = Some(Feed { queued_per_shard_max: 8192, ..Feed::default() });
    tracker.set_settings(Settings { detection, ..Settings::default() });
    let mut detection = new_detection(START_SECONDS - DAY_SECONDS)?;
    let (mut list, mut taken) = (PeerList::new(1), Vec::new());
    let (mut now, mut announces) = (START_SECONDS, 0_u64);
    let mut clients = clients(&population)?;
    for interval in 0..=intervals {
        // The first one is not counted: all join.
        if interval == 1 {
            detection = new_detection(now - DAY_SECONDS)?;
        }
        for second in 0..INTERVAL_SECONDS / SECONDS_PER_LOOK {
            for Clients(clients) in &mut clients {
                let each = clients.len() / (INTERVAL_SECONDS / SECONDS_PER_LOOK) as usize;
                let part = clients.chunks_mut(each.max(1)).nth(second as usize);
                for (request, source, role) in part.into_iter().flatten() {
                    role.move_bytes(request, true);
                    tracker.announce(request, *source, now, &mut list).ok().context("refused")?;
                    announces += u64::from(interval > 0);
                }
            }
            now += SECONDS_PER_LOOK;
            for part in 0..Tracker::PARTS {
                let dropped = tracker.take_observations(part, &mut taken);
                detection.note_dropped(dropped, now);
                match interval {
                    0 => detection.observe(&taken),
                    _ => replay_observe(&mut detection, &taken),
                }
            }
            detection.advance(now);
        }
        drain(&tracker, now);
    }
    println!("{announces} announces; {:?}", detection.counters());
    Ok(())
}
