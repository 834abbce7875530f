//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};

const AFTER_HELP: &str = "\
JSON keys of `run --json` (times in seconds unless the key says otherwise, null if not measured):
  target, protocol (udp|http), close, threads, connections, sources, peers, torrents, zipf, users,
  numwant, seed, seeders
  fill    null without --fill: peers, answered, failed, failures {text: count}, resent, unanswered,
          seconds, per_second, server_rss_bytes_before, server_rss_bytes_after,
          server_cpu_us_per_answer
  run     null with --seconds 0: mode (open|closed), seconds, offered_per_second (null: closed),
          sent, sent_per_second, replies (good ones), replies_per_second, announces, scrapes (of
          them), failed, failures {text: count; errors of the system, too}, drops (no reply in
          time), late (replies after that), unsent (scheduled, but no room or no free connection
          in time), connects, resumed (of them, a session of TLS), closed_by_server,
          bytes_per_reply, peers_per_reply,
          latency_us {p50, p90, p99, p99_9, max, mean}: from the scheduled moment (open) or from
          sending (closed), of good replies,
          latency_histogram_us [[at most, count]],
          send_lag_us {p50, p99, max}: how late the generator itself was (open only)
  server  null without --pid: pids, cpu_seconds, cores (busy on average), cpu_us_per_answer
          (answered announces and scrapes), rss_bytes_before, rss_bytes_after; over the run, not
          the fill
  system  steal_percent, server_udp_drops, generator_udp_drops; over the run
  generator  threads [{busy_percent, waiting_percent (runnable, but another had the core)}],
          is_bottleneck
  warnings  [text]";

/// The command line of `load`.
#[derive(Debug, Parser)]
#[command(about = "Announces to a tracker on this machine, and measures how it takes it")]
pub struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Announces to a tracker that is already running.
    #[command(after_help = AFTER_HELP)]
    Run(Box<RunOptions>),
    /// Keeps connections open that say nothing, and measures what they cost.
    Idle(IdleOptions),
    /// Prints the passkeys that `run --users N --seed S` uses, one a line.
    Passkeys {
        /// How many.
        #[arg(long)]
        users: u32,
        /// As in `run`.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Prints the info-hashes that `run --torrents N --seed S` uses, in hex, one a line.
    Torrents {
        /// How many.
        #[arg(long, default_value_t = 100_000)]
        torrents: u32,
        /// As in `run`.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Fails if something listens on the port, TCP or UDP, on any address.
    CheckFree {
        /// The port.
        port: u16,
    },
}

#[derive(Debug, Clone, Args)]
pub(super) struct IdleOptions {
    /// http://127.0.0.1:PORT/announce. Only this machine: 127.0.0.0/8 and localhost.
    pub(super) url: String,
    /// How many; both sides need as many open files.
    #[arg(long, default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) connections: u32,
    /// How long to hold them.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub(super) seconds: u64,
    /// Process of the server, for its CPU time and memory; may be given more than once.
    #[arg(long)]
    pub(super) pid: Vec<u32>,
    /// Prints one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Clone, Args)]
pub(super) struct RunOptions {
    /// udp://127.0.0.1:PORT/announce, or the same with http or https, any certificate will do;
    /// {passkey} in the path stands for the passkey of the peer's user. Only this machine:
    /// 127.0.0.0/8 and localhost.
    pub(super) url: String,

    /// Requests per second, of all threads, or `max`: as many as --window or --connections allow.
    #[arg(long, default_value = "max")]
    pub(super) rate: Rate,
    /// How long to send, after the fill if any; 0 for none.
    #[arg(long, default_value_t = 10.0)]
    pub(super) seconds: f64,
    /// Requests in all, after the fill; the run ends early.
    #[arg(long, default_value_t = 100_000_000)]
    pub(super) announces_max: u64,
    /// Threads that send.
    #[arg(long, default_value_t = 2)]
    pub(super) threads: u32,
    /// UDP with --rate max: requests outstanding per thread. Twice the default fits into the
    /// receive buffer of one socket that has asked for no more than Linux gives.
    #[arg(long, default_value_t = 128)]
    pub(super) window: u32,
    /// HTTP: connections of all threads; at least one for each source.
    #[arg(long, default_value_t = 64)]
    pub(super) connections: u32,
    /// HTTP: a connection for each request.
    #[arg(long)]
    pub(super) close: bool,
    /// HTTPS: no connection resumes the session of another.
    #[arg(long)]
    pub(super) full_handshakes: bool,
    /// After how long a request counts as dropped.
    #[arg(long, default_value_t = 2000)]
    pub(super) timeout_ms: u32,

    /// Source addresses, from 127.1.0.1 on; a multiple of --threads.
    #[arg(long, default_value_t = 64)]
    pub(super) sources: u32,
    /// Torrents.
    #[arg(long, default_value_t = 100_000)]
    pub(super) torrents: u32,
    /// How unequal the torrents are: the n-th has 1/n^S of the peers of the first. 0: all alike.
    #[arg(long, default_value_t = 0.0)]
    pub(super) zipf: f64,
    /// Peers, each with an address, a port and a peer id of its own.
    #[arg(long, default_value_t = 1_000_000)]
    pub(super) peers: u32,
    /// Share of the peers that have everything.
    #[arg(long, default_value_t = 0.7)]
    pub(super) seeders: f64,
    /// First announce every peer once, as `started`, at --rate; those that get no reply up to
    /// five times. Gives up when nothing is answered for ten seconds.
    #[arg(long)]
    pub(super) fill: bool,
    /// Gives up the fill after so many seconds.
    #[arg(long, default_value_t = 300.0)]
    pub(super) fill_seconds_max: f64,
    /// Share of the announces that come from a new peer, as `started`.
    #[arg(long, default_value_t = 0.0)]
    pub(super) share_new: f64,
    /// Share that are `stopped`: of the new peers, the oldest first; if there is none, of any.
    #[arg(long, default_value_t = 0.0)]
    pub(super) share_stopped: f64,
    /// Share that are `completed`.
    #[arg(long, default_value_t = 0.0)]
    pub(super) share_completed: f64,
    /// Share of the requests that are scrapes of one torrent.
    #[arg(long, default_value_t = 0.0)]
    pub(super) scrape_share: f64,
    /// Peers asked for in an announce.
    #[arg(long, default_value_t = 50)]
    pub(super) numwant: u32,

    /// Users whose passkeys follow from the seed; see `load passkeys`.
    #[arg(long)]
    pub(super) users: Option<u32>,
    /// Passkeys of the users, one a line, instead of those from the seed.
    #[arg(long, conflicts_with = "users")]
    pub(super) passkeys: Option<PathBuf>,
    /// UDP: sends the path of the URL, with the passkey, in each announce (BEP 41).
    #[arg(long)]
    pub(super) bep41: bool,
    /// Info-hashes, peer ids, passkeys and the order of announces follow from it.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,

    /// Process of the server, for its CPU time and memory; may be given more than once.
    #[arg(long)]
    pub(super) pid: Vec<u32>,
    /// Prints one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

/// How fast to send.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rate {
    /// So many requests per second, whatever comes back.
    PerSecond(f64),
    /// The next request when one comes back.
    Max,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.parse() {
            Ok(rate) if (0.1..=1e8).contains(&rate) => Ok(Self::PerSecond(rate)),
            _ => Err("`max`, or a number from 0.1 to 100000000".to_owned()),
        }
    }
}
