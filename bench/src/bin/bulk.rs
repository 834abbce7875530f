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
use mika_bench::bulk::{Latencies, Options, Report, Spread, measure};
use mika_client::Client;
use mika_server::cores;
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
    /// How often all of it is done, each time with a new tracker. If more than once, the medians
    /// are printed as well.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let cores = if arguments.share_cores { None } else { Cores::divide()? };
    let mut reports = Vec::new();
    for _ in 0..arguments.rounds {
        let report = round(&arguments, cores.as_ref())?;
        print_round(&report, arguments.per_call);
        reports.push(report);
    }
    if reports.len() > 1 {
        print_medians(&reports);
    }
    Ok(())
}

/// A new tracker, and all that is measured with it.
fn round(arguments: &Arguments, cores: Option<&Cores>) -> Result<Report> {
    let folder = tempfile::tempdir()?;
    // Whoever takes the port in between makes the tracker say so and end.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    // A process has the cores of the thread that starts it.
    on(cores.map(|cores| cores.tracker.as_slice()))?;
    let tracker = Tracker::start(arguments, folder.path(), port)?;
    on(cores.map(|cores| [cores.client]).as_ref().map(<[_; 1]>::as_slice))?;
    let token = std::fs::read_to_string(folder.path().join("mika-data/admin.token"))?;
    let client = Client::new(&tracker.url, token.trim())?;
    let options = Options {
        calls: arguments.calls,
        per_call: arguments.per_call,
        rate: arguments.rate.into(),
        connections: arguments.connections,
        core: cores.map(|cores| cores.announces),
        idle: Duration::from_secs(arguments.idle_seconds.into()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    runtime.block_on(measure(&client, address, options))
}

fn print_round(report: &Report, per_call: u32) {
    println!("idle            {}", announces(&report.idle));
    println!("bulk            {}", announces(&report.during));
    println!(
        "held up         {:.1} ms at most was this program itself",
        report.held_up.as_secs_f64() * 1e3
    );
    println!(
        "torrents        {} new in {:.1} s, {:.0} per second; the tracker has {}",
        report.created,
        report.seconds,
        report.torrents_per_second(),
        report.torrents
    );
    println!(
        "calls           {} of {per_call} torrents; p50 {:.0} ms, max {:.0} ms",
        report.calls.count,
        report.calls.p50_us / 1000.0,
        report.calls.max_us / 1000.0
    );
}

fn print_medians(reports: &[Report]) {
    let print = |what: &str, of: &dyn Fn(&Report) -> f64| {
        let spread = Spread::of(reports.iter().map(of).collect());
        println!("{what:<24}{spread}");
    };
    println!("median (minimum to maximum) of {} rounds", reports.len());
    print("idle p50, us", &|report| report.idle.p50_us);
    print("bulk p50, us", &|report| report.during.p50_us);
    print("idle p99, us", &|report| report.idle.p99_us);
    print("bulk p99, us", &|report| report.during.p99_us);
    print("idle p99.9, us", &|report| report.idle.p99_9_us);
    print("bulk p99.9, us", &|report| report.during.p99_9_us);
    print("p99.9 above idle, us", &|report| report.during.p99_9_us - report.idle.p99_9_us);
    print("torrents per second", &Report::torrents_per_second);
    print("held up, us", &|report| report.held_up.as_secs_f64() * 1e6);
}

/// Who runs where.
struct Cores {
    tracker: Vec<u16>,
    client: u16,
    announces: u16,
}

impl Cores {
    /// `None` where there are fewer than four.
    fn divide() -> Result<Option<Self>> {
        let all = cores::available()?;
        let [tracker @ .., client, announces] = all.as_slice() else { return Ok(None) };
        Ok((tracker.len() >= 2).then(|| Self {
            tracker: tracker.to_vec(),
            client: *client,
            announces: *announces,
        }))
    }
}

/// Keeps this thread, and what it starts from now on, to some cores.
fn on(cores: Option<&[u16]>) -> Result<()> {
    let Some(cores) = cores else { return Ok(()) };
    cores::keep_to(cores).context("the cores cannot be divided")
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
