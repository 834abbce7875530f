//! How many torrents a site can bring in over the admin API, and what announces wait meanwhile.
//!
//! Announces are sent on schedule over HTTP, first while nothing else happens, then while a client
//! upserts torrents in calls of thousands, one call after the other. A latency runs from the
//! scheduled moment, so that a tracker that stalls is charged for everything that was due.

mod announcers;

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use mika_client::Client;
use mika_client::types::{Bulk, BulkTorrent, BulkUser};
use mika_protocol::{InfoHash, Passkey};

use announcers::Announcers;

/// Users and torrents that announce; those that are brought in do not.
const USERS: u32 = 100;
const TORRENTS: u32 = 1000;

/// What to do.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Calls.
    pub calls: u32,
    /// Torrents per call, 1 to 10000.
    pub per_call: u32,
    /// Announces per second.
    pub rate: f64,
    /// Connections that they are sent over.
    pub connections: u32,
    /// The core that they are sent from, if not any.
    pub core: Option<u16>,
    /// How long announces are measured while nothing else happens.
    pub idle: Duration,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Announces while nothing else happened.
    pub idle: Latencies,
    /// Announces while torrents came in.
    pub during: Latencies,
    /// The longest time that the thread which sends announces was itself kept from running. What
    /// announces waited may be this, rather than the tracker.
    pub held_up: Duration,
    /// The calls.
    pub calls: Latencies,
    /// Torrents that are new.
    pub created: u64,
    /// Seconds that all calls took.
    pub seconds: f64,
    /// Torrents that the tracker knows afterwards, those that announce included.
    pub torrents: u64,
}

impl Report {
    /// New torrents by the time that the calls took.
    pub fn torrents_per_second(&self) -> f64 {
        self.created as f64 / self.seconds
    }
}

/// The same figure of several rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// As many are below as above it; of two in the middle, their mean.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of one figure or more; all three are 0 of none.
    pub fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let at = |place: usize| figures.get(place).copied().unwrap_or_default();
        let count = figures.len();
        let median = f64::midpoint(at(count.saturating_sub(1) / 2), at(count / 2));
        Self { median, min: at(0), max: at(count.saturating_sub(1)) }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} ({:.0} to {:.0})", self.median, self.min, self.max)
    }
}

/// Latencies in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Latencies {
    /// How many there are.
    pub count: usize,
    /// Half of them are at most this.
    pub p50_us: f64,
    /// 99 in 100 are.
    pub p99_us: f64,
    /// 999 in 1000 are.
    pub p99_9_us: f64,
    /// All are.
    pub max_us: f64,
}

impl Latencies {
    /// From nanoseconds in any order.
    pub fn of(mut nanoseconds: Vec<u64>) -> Self {
        nanoseconds.sort_unstable();
        let count = nanoseconds.len();
        let quantile = |share: f64| {
            let place = (count as f64 * share).ceil() as usize;
            let value = nanoseconds.get(place.saturating_sub(1)).copied().unwrap_or_default();
            value as f64 / 1000.0
        };
        Self {
            count,
            p50_us: quantile(0.5),
            p99_us: quantile(0.99),
            p99_9_us: quantile(0.999),
            max_us: quantile(1.0),
        }
    }
}

/// Measures a tracker that is empty, whose admin API is `client` and that listens at `announce`.
///
/// # Errors
///
/// A call fails or adds less than it should, or an announce is not answered with peers.
pub async fn measure(client: &Client, announce: SocketAddr, options: Options) -> Result<Report> {
    let users = (0..USERS).map(|user| BulkUser {
        name: Some(passkey(user)),
        passkey: Some(passkey(user)),
        ..BulkUser::default()
    });
    let added = client.bulk_users(&Bulk::new(users, [])).await?;
    ensure!(added.created == USERS, "users: {:?}", added.errors);
    let torrents = (0..TORRENTS).map(|torrent| BulkTorrent::new(info_hash(0, torrent)));
    let added = client.bulk_torrents(&Bulk::new(torrents, [])).await?;
    ensure!(added.created == TORRENTS, "torrents: {:?}", added.errors);

    let announcers = Announcers::start(announce, options.rate, options.connections, options.core)?;
    tokio::time::sleep(options.idle).await;
    let idle = announcers.stop()?;

    let announcers = Announcers::start(announce, options.rate, options.connections, options.core)?;
    let brought = bring_in(client, options).await;
    let during = announcers.stop()?;
    let (calls, created, seconds) = brought?;
    Ok(Report {
        idle: Latencies::of(idle.latencies),
        during: Latencies::of(during.latencies),
        held_up: idle.held_up.max(during.held_up),
        calls: Latencies::of(calls),
        created,
        seconds,
        torrents: client.stats().await?.torrents,
    })
}

/// Makes the calls; returns how long each took, how many torrents are new, and the seconds of all.
async fn bring_in(client: &Client, options: Options) -> Result<(Vec<u64>, u64, f64)> {
    let (mut calls, mut created) = (Vec::new(), 0);
    for call in 1..=options.calls {
        let torrents = (0..options.per_call).map(|torrent| BulkTorrent {
            title: Some(format!("Torrent {torrent} of call {call}")),
            ..BulkTorrent::new(info_hash(call, torrent))
        });
        let bulk = Bulk::new(torrents, []);
        let begin = Instant::now();
        let report = client.bulk_torrents(&bulk).await.with_context(|| format!("call {call}"))?;
        calls.push(u64::try_from(begin.elapsed().as_nanos())?);
        ensure!(report.errors.is_empty(), "call {call}: {:?}", report.errors);
        created += u64::from(report.created);
    }
    let seconds = calls.iter().sum::<u64>() as f64 / 1e9;
    Ok((calls, created, seconds))
}

/// A passkey that a user could have.
fn passkey(user: u32) -> String {
    let text = format!("bulk{user:028}");
    debug_assert!(Passkey::new(text.as_bytes()).is_some());
    text
}

/// The torrents of a call; those that announce are of call 0. Spread like real hashes.
fn info_hash(call: u32, torrent: u32) -> InfoHash {
    let mut random = fastrand::Rng::with_seed((u64::from(call) << 32) | u64::from(torrent));
    let mut bytes = [0; 20];
    random.fill(&mut bytes);
    InfoHash(bytes)
}

#[cfg(test)]
mod tests;
