//! Threads and phases.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow, ensure};
use nix::sys::prctl;

use super::crowd::Crowd;
use super::http::HttpEngine;
use super::observe::{Look, thread_times};
use super::options::{Rate, RunOptions};
use super::schedule::Schedule;
use super::tally::Tally;
use super::target::{Protocol, Target};
use super::udp::UdpEngine;
use super::work::{Kind, Shares, Work};

/// The longest run and the longest fill.
const SECONDS_MAX: f64 = 3600.0;

/// Limits of what one thread or process can have.
const THREADS_MAX: u32 = 64;
const SOURCES_MAX: u32 = 60_000;
const CONNECTIONS_MAX: u32 = 15_000;
const WINDOW_MAX: u32 = 16_384;

/// A fill without a good reply for this time, beside the timeout, is given up.
const STALL_NS: u64 = 10_000_000_000;

/// Lets a thread wake up when it is due, not 50 microseconds later.
const TIMER_SLACK_NS: u64 = 1000;

/// Sends requests and takes replies, on one thread.
pub(super) trait Engine {
    fn run(&mut self, phase: &mut Phase, work: &mut Work) -> Result<()>;
}

/// When a request may be sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pacing {
    Open(Schedule),
    /// When one of a bounded number has its reply.
    Closed,
}

/// The fill or the run, of one thread.
#[derive(Debug)]
pub(super) struct Phase {
    pub(super) pacing: Pacing,
    pub(super) duration_ns: u64,
    pub(super) timeout_ns: u64,
    pub(super) requests_max: u64,
    pub(super) tally: Tally,
    /// When the last request was sent.
    ended_ns: Option<u64>,
    /// Good replies, and when there was last one more.
    progress: (u64, u64),
}

impl Phase {
    /// Whether nothing more is to be sent, whatever is left. What is scheduled within the duration
    /// may be sent later, if the tracker holds up the generator.
    pub(super) fn is_time_up(&self, now: u64) -> bool {
        match self.pacing {
            Pacing::Closed => now >= self.duration_ns,
            Pacing::Open(_) => now >= self.duration_ns + self.timeout_ns,
        }
    }

    /// Whether there has been no good reply for so long that a fill is given up.
    pub(super) fn is_stalled(&mut self, now: u64) -> bool {
        let (count, since) = &mut self.progress;
        if *count != self.tally.announces {
            (*count, *since) = (self.tally.announces, now);
        }
        now.saturating_sub(*since) > STALL_NS + self.timeout_ns
    }

    /// Nothing is sent any more; what was scheduled until then, but not `issued`, never will be.
    pub(super) fn sending_ended(&mut self, now: u64, issued: u64) {
        if self.ended_ns.is_some() {
            return;
        }
        self.ended_ns = Some(now);
        if let Pacing::Open(schedule) = self.pacing {
            // The last request has its share of the time, too.
            self.ended_ns = Some(now.max(schedule.moment(issued)));
            let due = schedule.due(now).min(self.requests_max);
            self.tally.unsent += due.saturating_sub(issued);
        }
    }
}

/// What to do, checked.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) options: RunOptions,
    pub(super) target: Arc<Target>,
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) plan: Plan,
    pub(super) fill: Option<PhaseOutcome>,
    pub(super) run: Option<PhaseOutcome>,
}

/// What came of one phase.
pub(super) struct PhaseOutcome {
    pub(super) tally: Tally,
    /// How long requests were sent.
    pub(super) seconds: f64,
    pub(super) before: Look,
    pub(super) after: Look,
    /// From one look to the other.
    pub(super) look_seconds: f64,
    pub(super) threads: Vec<ThreadLoad>,
}

/// How busy a thread of the generator was, as shares of the time.
#[derive(Debug, Clone, Copy)]
pub(super) struct ThreadLoad {
    pub(super) busy: f64,
    pub(super) waiting: f64,
}

impl Plan {
    pub(super) fn new(options: RunOptions) -> Result<Self> {
        let target = Target::parse(&options.url)?;
        let o = &options;
        for (name, share) in [
            ("seeders", o.seeders),
            ("share-new", o.share_new),
            ("share-stopped", o.share_stopped),
            ("share-completed", o.share_completed),
            ("scrape-share", o.scrape_share),
            ("all shares of announces", o.share_new + o.share_stopped + o.share_completed),
        ] {
            ensure!((0.0..=1.0).contains(&share), "{name}: {share} is not from 0 to 1");
        }
        for (name, seconds) in [("seconds", o.seconds), ("fill-seconds-max", o.fill_seconds_max)] {
            ensure!((0.0..=SECONDS_MAX).contains(&seconds), "{name}: from 0 to {SECONDS_MAX}");
        }
        for (name, count, max) in [
            ("threads", o.threads, THREADS_MAX),
            ("sources", o.sources, SOURCES_MAX),
            ("connections", o.connections, CONNECTIONS_MAX),
            ("window", o.window, WINDOW_MAX),
            ("torrents", o.torrents, u32::MAX),
            ("timeout-ms", o.timeout_ms, 60_000),
            ("peers", o.peers, 100_000_000),
        ] {
            ensure!((1..=max).contains(&count), "{name}: {count} is not from 1 to {max}");
        }
        ensure!((0.0..=10.0).contains(&o.zipf), "zipf: {} is not from 0 to 10", o.zipf);
        ensure!(o.zipf == 0.0 || o.torrents <= 100_000_000, "zipf: too many torrents");
        ensure!(o.sources.is_multiple_of(o.threads), "sources: not a multiple of the threads");
        ensure!(o.peers >= o.sources, "peers: fewer than sources");
        ensure!(
            u64::from(o.peers) <= Crowd::peers_max(o.sources),
            "sources: {} have ports for {} peers only",
            o.sources,
            Crowd::peers_max(o.sources)
        );
        let has_users = o.users.is_some_and(|users| users > 0) || o.passkeys.is_some();
        match target.takes_passkey() {
            true => ensure!(has_users, "the URL has {{passkey}}: give --users or --passkeys"),
            false => ensure!(!has_users, "there are users, but no {{passkey}} in the URL"),
        }
        match target.protocol {
            Protocol::Udp => ensure!(
                o.bep41 || !target.takes_passkey(),
                "a passkey goes over UDP only with --bep41"
            ),
            Protocol::Http => {
                ensure!(!o.bep41, "--bep41 is of UDP");
                ensure!(
                    o.connections >= o.sources && o.connections.is_multiple_of(o.threads),
                    "connections: at least one for each of the {} sources, and a multiple of the \
                     threads",
                    o.sources
                );
            }
        }
        Ok(Self { options, target: Arc::new(target) })
    }

    /// The sources of one thread.
    fn sources(&self, thread: u32) -> Vec<u32> {
        let threads = self.options.threads;
        (0..self.options.sources).filter(|source| source % threads == thread).collect()
    }

    fn engine(&self, thread: u32, crowd: &Arc<Crowd>) -> Result<Box<dyn Engine>> {
        let (o, target, crowd) = (&self.options, Arc::clone(&self.target), Arc::clone(crowd));
        let sources = self.sources(thread);
        Ok(match target.protocol {
            Protocol::Udp => Box::new(UdpEngine::new(target, crowd, &sources, o.window, o.bep41)?),
            Protocol::Http => Box::new(HttpEngine::new(target, crowd, &sources, o)?),
        })
    }

    fn phase(&self, thread: u32, kind: Kind) -> Phase {
        let o = &self.options;
        let pacing = match o.rate {
            Rate::Max => Pacing::Closed,
            Rate::PerSecond(rate) => Pacing::Open(Schedule::new(rate, thread, o.threads)),
        };
        let (seconds, requests_max) = match kind {
            Kind::Fill => (o.fill_seconds_max, u64::MAX),
            Kind::Mix => {
                let threads = u64::from(o.threads);
                let of_rest = u64::from(u64::from(thread) < o.announces_max % threads);
                (o.seconds, o.announces_max / threads + of_rest)
            }
        };
        let duration_ns = (seconds * 1e9) as u64;
        let scheduled = match pacing {
            Pacing::Closed => u64::MAX,
            Pacing::Open(schedule) => schedule.due(duration_ns.saturating_sub(1)),
        };
        Phase {
            pacing,
            duration_ns,
            timeout_ns: u64::from(o.timeout_ms) * 1_000_000,
            requests_max: requests_max.min(scheduled),
            tally: Tally::default(),
            ended_ns: None,
            progress: (0, 0),
        }
    }
}

/// The address of a source.
pub(super) fn source_address(source: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 1)) + source)
}

pub(super) fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// One thread, as seen from the main one.
struct Worker {
    orders: mpsc::Sender<Kind>,
    results: mpsc::Receiver<Result<(Phase, ThreadLoad)>>,
    thread: JoinHandle<()>,
}

/// Fills, then runs, as the plan says.
pub(super) fn run(plan: &Plan) -> Result<Outcome> {
    let crowd = Arc::new(Crowd::new(&plan.options)?);
    // Otherwise an error in the options shows only after the fill.
    Look::now(&plan.options.pid, plan.target.address)?;
    let mut workers = Vec::new();
    for index in 0..plan.options.threads {
        workers.push(start(plan.clone(), index, Arc::clone(&crowd))?);
    }
    let result = run_phases(plan, &workers);
    for Worker { orders, thread, .. } in workers {
        drop(orders);
        thread.join().map_err(|_| anyhow!("a thread has panicked"))?;
    }
    let (fill, run) = result?;
    Ok(Outcome { plan: plan.clone(), fill, run })
}

type Phases = (Option<PhaseOutcome>, Option<PhaseOutcome>);

fn run_phases(plan: &Plan, workers: &[Worker]) -> Result<Phases> {
    let o = &plan.options;
    let mut fill = None;
    if o.fill {
        let done = run_phase(plan, workers, Kind::Fill)?;
        let (answered, peers) = (done.tally.announces, o.peers);
        eprintln!("filled: {answered} of {peers} peers answered in {:.1} s", done.seconds);
        fill = Some(done);
    }
    let is_wanted = o.seconds > 0.0 && o.announces_max > 0;
    let run = if is_wanted { Some(run_phase(plan, workers, Kind::Mix)?) } else { None };
    Ok((fill, run))
}

fn run_phase(plan: &Plan, workers: &[Worker], kind: Kind) -> Result<PhaseOutcome> {
    let look = || Look::now(&plan.options.pid, plan.target.address);
    let before = look()?;
    let begin = Instant::now();
    for worker in workers {
        worker.orders.send(kind).context("a thread is gone")?;
    }
    let mut tally = Tally::default();
    let mut threads = Vec::new();
    let mut ended_ns = 0;
    for worker in workers {
        let (phase, load) = worker.results.recv().context("a thread is gone")??;
        tally.add(&phase.tally);
        ended_ns = ended_ns.max(phase.ended_ns.unwrap_or(0));
        threads.push(load);
    }
    let look_seconds = begin.elapsed().as_secs_f64();
    let after = look().context("the server has ended")?;
    let seconds = ended_ns as f64 / 1e9;
    Ok(PhaseOutcome { tally, seconds, before, after, look_seconds, threads })
}

fn start(plan: Plan, index: u32, crowd: Arc<Crowd>) -> Result<Worker> {
    let (orders, inbox) = mpsc::channel();
    let (outbox, results) = mpsc::channel();
    let (ready, is_ready) = mpsc::channel();
    let thread = thread::Builder::new().name(format!("load-{index}")).spawn(move || {
        // Without it the schedule is kept a little less well.
        let _ = prctl::set_timerslack(TIMER_SLACK_NS);
        let mut engine = match plan.engine(index, &crowd) {
            Ok(engine) => engine,
            Err(error) => return drop(ready.send(Err(error))),
        };
        let _ = ready.send(Ok(()));
        while let Ok(kind) = inbox.recv() {
            let result = run_thread(&plan, index, kind, &crowd, engine.as_mut());
            if outbox.send(result).is_err() {
                return;
            }
        }
    })?;
    is_ready.recv().context("a thread ended at once")??;
    Ok(Worker { orders, results, thread })
}

fn run_thread(
    plan: &Plan,
    index: u32,
    kind: Kind,
    crowd: &Arc<Crowd>,
    engine: &mut dyn Engine,
) -> Result<(Phase, ThreadLoad)> {
    let mut phase = plan.phase(index, kind);
    let shares = Shares::of(&plan.options);
    // Not the same order in two runs that follow each other on one tracker.
    let seed = plan.options.seed ^ (u64::from(index) << 32) ^ unix_ms();
    let sources = plan.sources(index);
    let mut work = Work::new(Arc::clone(crowd), kind, shares, &sources, seed);
    let begin = Instant::now();
    let before = thread_times();
    engine.run(&mut phase, &mut work)?;
    let after = thread_times();
    let all = begin.elapsed().max(Duration::from_nanos(1)).as_nanos() as f64;
    let share = |before: u64, after: u64| after.saturating_sub(before) as f64 / all;
    let load = ThreadLoad { busy: share(before.0, after.0), waiting: share(before.1, after.1) };
    Ok((phase, load))
}
