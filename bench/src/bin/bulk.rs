//! A million torrents over the admin API while clients announce; see [`mika_bench::bulk`].
//!
//! It starts a tracker of its own, in a directory of its own, with SQLite.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use mika_bench::bulk::{Latencies, Options, measure};
use mika_client::Client;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The command line of `bulk`.
#[derive(Debug, Parser)]
#[command(about = "Brings torrents in over the admin API of a new tracker while clients announce")]
struct Arguments {
    /// The tracker.
    #[arg(long, value_name = "PROGRAM", default_value = "target/release/mika")]
    mika: PathBuf,
    /// Calls, one after the other.
    #[arg(long, default_value_t = 100)]
    calls: u32,
    /// Torrents per call.
    #[arg(
        long,
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    per_call: u32,
    /// Announces per second.
    #[arg(long, default_value_t = 1000)]
    rate: u32,
    /// Connections that they are sent over.
    #[arg(long, default_value_t = 8)]
    connections: u32,
    /// Seconds of announces before the first call.
    #[arg(long, default_value_t = 10)]
    idle_seconds: u32,
    /// Leave all cores to everybody. Otherwise the last one is for announces, the one before it for
    /// the client that makes the calls, and the tracker has the rest, if there are four or more.
    #[arg(long)]
    share_cores: bool,
    /// Cores of the tracker's that nothing but announces is answered on, such as 1,
    /// as `announce_cores` in its configuration.
    #[arg(long, value_name = "CORE", value_delimiter = ',')]
    announce_cores: Vec<u16>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    // Whoever takes the port in between makes the tracker say so and end.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let cores = if arguments.share_cores { None } else { Cores::divide()? };
    // A process has the cores of the thread that starts it.
    on(cores.as_ref().map(|cores| &cores.tracker))?;
    let tracker = Tracker::start(&arguments, folder.path(), port)?;
    on(cores.as_ref().map(|cores| &cores.client))?;
    let token = std::fs::read_to_string(folder.path().join("mika-data/admin.token"))?;
    let client = Client::new(&tracker.url, token.trim())?;
    let options = Options {
        calls: arguments.calls,
        per_call: arguments.per_call,
        rate: arguments.rate.into(),
        connections: arguments.connections,
        cores: cores.as_ref().map(|cores| cores.announces),
        idle: Duration::from_secs(arguments.idle_seconds.into()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let report = runtime.block_on(measure(&client, address, options))?;
    let rate = report.created as f64 / report.seconds;
    println!("idle            {}", announces(&report.idle));
    println!("bulk            {}", announces(&report.during));
    println!(
        "held up         {:.1} ms at most was this program itself",
        report.held_up.as_secs_f64() * 1e3
    );
    println!(
        "torrents        {} new in {:.1} s, {rate:.0} per second; the tracker has {}",
        report.created, report.seconds, report.torrents
    );
    println!(
        "calls           {} of {} torrents; p50 {:.0} ms, max {:.0} ms",
        report.calls.count,
        arguments.per_call,
        report.calls.p50_us / 1000.0,
        report.calls.max_us / 1000.0
    );
    Ok(())
}

/// Who runs where.
struct Cores {
    tracker: CpuSet,
    client: CpuSet,
    announces: CpuSet,
}

impl Cores {
    /// `None` where there are fewer than four.
    fn divide() -> Result<Option<Self>> {
        let all = sched_getaffinity(Pid::from_raw(0))?;
        let all: Vec<usize> =
            (0..CpuSet::count()).filter(|core| all.is_set(*core).unwrap_or_default()).collect();
        let [tracker @ .., client, announces] = all.as_slice() else { return Ok(None) };
        if tracker.len() < 2 {
            return Ok(None);
        }
        Ok(Some(Self {
            tracker: set(tracker)?,
            client: set(&[*client])?,
            announces: set(&[*announces])?,
        }))
    }
}

fn set(cores: &[usize]) -> Result<CpuSet> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core)?;
    }
    Ok(set)
}

/// Keeps this thread, and what it starts from now on, to some cores.
fn on(cores: Option<&CpuSet>) -> Result<()> {
    let Some(cores) = cores else { return Ok(()) };
    sched_setaffinity(Pid::from_raw(0), cores).context("the cores cannot be divided")
}

fn announces(latencies: &Latencies) -> String {
    let Latencies { count, p50_us, p99_us, p99_9_us, max_us } = latencies;
    format!(
        "{count} announces; latency p50 {p50_us:.0} us, p99 {p99_us:.0}, p99.9 {p99_9_us:.0}, \
         max {max_us:.0}, from the scheduled moment"
    )
}

/// A tracker that ends with the run.
struct Tracker {
    process: Child,
    url: String,
}

impl Tracker {
    fn start(arguments: &Arguments, folder: &Path, port: u16) -> Result<Self> {
        let cores = &arguments.announce_cores;
        let config = format!(
            "[tracker]\nannounce_cores = {cores:?}\n\
             [http]\nlisten = [\"127.0.0.1:{port}\"]\n[udp]\nlisten = []\n\
             [admin]\nlisten = \"127.0.0.1:0\"\n"
        );
        std::fs::write(folder.join("mika.toml"), config)?;
        let program = &arguments.mika;
        let program = program.canonicalize().with_context(|| {
            format!("there is no {}: run `cargo build --release -p mika`", program.display())
        })?;
        let mut process = Command::new(program)
            .args(["serve", "--config", "mika.toml"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("no output")?;
        let mut tracker = Self { process, url: String::new() };
        for line in BufReader::new(output).lines() {
            if let Some(url) = line?.strip_prefix("admin API") {
                url.trim().clone_into(&mut tracker.url);
                break;
            }
        }
        ensure!(!tracker.url.is_empty(), "the tracker did not start");
        Ok(tracker)
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        // It writes its snapshot before the directory is removed.
        if let Ok(id) = i32::try_from(self.process.id()) {
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
        let _ = self.process.wait();
    }
}
