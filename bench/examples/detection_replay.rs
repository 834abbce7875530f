//! What detection costs beside the announces: a million observations of a day are fed and
//! judged, and a million announces are made: `cargo run --release -p mika-bench --example
//! detection_replay`.
//!
//! Twelve of a hundred announces tell anything, the others are signs of life of idle seeders: so
//! that the share of all announces is the number that counts.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mika_bench::population::{Population, START_SECONDS};
use mika_core::detection::{Detection, DetectionSettings, Fingerprints, Observation, Signs};
use mika_core::{Mode, PeerList};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const OBSERVATIONS: u32 = 1_000_000;
const USERS: u32 = 50_000;
const TORRENTS: u32 = 20_000;
const DAY_SECONDS: u32 = 86_400;
/// Announces of a hundred that tell anything.
const TELLING: f64 = 12.0;

fn main() -> Result<()> {
    let observations = a_day();
    let fingerprints: Fingerprints = toml::from_str(Fingerprints::DEFAULT_TOML)?;
    let began = START_SECONDS - DAY_SECONDS;
    let mut detection = Detection::new(DetectionSettings::default(), &fingerprints, 1, began);
    let (mut observing, mut advancing) = (Duration::ZERO, Duration::ZERO);
    // As a server does it: every second what there is, and every minute the books.
    let per_minute = observations.len().div_ceil(24 * 60);
    for (minute, chunk) in (1..).zip(observations.chunks(per_minute)) {
        let started = Instant::now();
        detection.observe(black_box(chunk));
        observing += started.elapsed();
        let started = Instant::now();
        detection.advance(START_SECONDS + minute * 60);
        advancing += started.elapsed();
    }
    let counters = detection.counters();
    ensure!(counters.observations == u64::from(OBSERVATIONS), "{counters:?}");
    let announce = an_announce()?;
    let each = |time: Duration| time.as_secs_f64() * 1e9 / f64::from(OBSERVATIONS);
    let (observe, advance) = (each(observing), each(advancing));
    println!("observations            {OBSERVATIONS}, {} epochs closed", counters.epochs);
    println!("observe                 {observe:.0} ns each");
    println!("advance, attribution    {advance:.0} ns each");
    println!("an announce             {announce:.0} ns");
    let share = (observe + advance) * TELLING / 100.0 / announce * 100.0;
    println!("share of the announces  {share:.1} % CPU, if {TELLING} % of them tell anything");
    Ok(())
}

/// Seeders and leechers of a day, in order; what one uploads another one downloads.
fn a_day() -> Vec<Observation> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut all = Vec::with_capacity(OBSERVATIONS as usize);
    for number in 0..OBSERVATIONS / 2 {
        let at_seconds = START_SECONDS
            + (u64::from(number) * 2 * u64::from(DAY_SECONDS) / u64::from(OBSERVATIONS)) as u32;
        // Few torrents are busy.
        let torrent_id = 1 + (f64::from(TORRENTS) * random.f64().powi(3)) as u32;
        let bytes = random.u64(1 << 20..1 << 30);
        let left = random.u64(1..40 << 30);
        let of = |user_id: u32| Observation {
            at_seconds,
            user_id,
            torrent_id,
            gap_seconds: 1800,
            session: u64::from(user_id) << 32 | u64::from(torrent_id),
            client: *b"-qB4520-",
            network: user_id,
            seeders: 20,
            leechers: 5,
            peers_given: 24,
            ..Observation::default()
        };
        let seeder = Observation { uploaded_bytes: bytes, ..of(1 + random.u32(..USERS)) };
        let leecher = Observation {
            downloaded_bytes: bytes,
            left_before_bytes: left + bytes,
            left_bytes: left,
            signs: Signs::default().with(Signs::STARTED, random.u8(..) < 10),
            ..of(1 + random.u32(..USERS))
        };
        all.extend([leecher, seeder]);
    }
    all
}

/// Nanoseconds of one announce of a private tracker with a million peers, detection off.
fn an_announce() -> Result<f64> {
    let population = Population {
        mode: Mode::Private,
        torrents: 10_000,
        peers_per_torrent: 100,
        users: USERS,
        leecher_every: 5,
        v6: false,
    };
    let mut list = PeerList::new(1);
    let tracker = population.joined(usize::MAX, &mut list)?;
    let mut random = fastrand::Rng::with_seed(2);
    let mut requests = Vec::with_capacity(100_000);
    for _ in 0..100_000 {
        let peer = population.peer(random.u32(..OBSERVATIONS), 0);
        requests.push((population.request(peer, 1, 50)?, population.source(peer)));
    }
    let started = Instant::now();
    for (request, source) in &requests {
        let answer = tracker.announce(request, *source, START_SECONDS + 1800, &mut list);
        black_box(answer.ok().context("refused")?);
    }
    Ok(started.elapsed().as_secs_f64() * 1e9 / requests.len() as f64)
}
