//! What the workers count, and the sum of it for the metrics.
//!
//! Each worker writes to numbers of its own, on cache lines of their own; whoever wants to know
//! adds them up. So counting costs a worker one load and one store in its own cache.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use mika_core::Refusal;
use mika_protocol::Event;
use parking_lot::Mutex;

/// What carried a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// HTTP without TLS.
    Http,
    /// HTTP within TLS.
    Https,
    /// UDP (BEP 15).
    Udp,
}

impl Carrier {
    /// Every carrier, in the order of the arrays of [`Tally`].
    pub const ALL: [Carrier; 3] = [Carrier::Http, Carrier::Https, Carrier::Udp];

    /// The value of the metrics' label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Udp => "udp",
        }
    }
}

/// Events in the order of [`Tally::announces`], with the values of the metrics' label.
pub const EVENTS: [(Event, &str); 4] = [
    (Event::None, "none"),
    (Event::Started, "started"),
    (Event::Stopped, "stopped"),
    (Event::Completed, "completed"),
];

const fn event_index(event: Event) -> usize {
    match event {
        Event::None => 0,
        Event::Started => 1,
        Event::Stopped => 2,
        Event::Completed => 3,
    }
}

/// Why a request did not get as far as the tracker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParseFailure {
    /// Bytes that are not an HTTP request.
    HttpMalformed,
    /// A request, or its body, over the limit.
    HttpTooLarge,
    /// A path that is neither an announce nor a scrape.
    HttpPath,
    /// A method other than GET and HEAD.
    HttpMethod,
    /// A trusted proxy did not say, or not in a readable way, who the client is.
    ClientAddress,
    /// A passkey that no user can have.
    Passkey,
    /// An announce without something required, or with something invalid.
    Announce,
    /// A scrape that asks for nothing, or in an invalid way.
    Scrape,
    /// A datagram that is not of the UDP tracker protocol.
    Datagram,
}

impl ParseFailure {
    /// Every kind, in the order of [`Tally::parse_failures`].
    pub const ALL: [ParseFailure; 9] = [
        Self::HttpMalformed,
        Self::HttpTooLarge,
        Self::HttpPath,
        Self::HttpMethod,
        Self::ClientAddress,
        Self::Passkey,
        Self::Announce,
        Self::Scrape,
        Self::Datagram,
    ];

    /// The value of the metrics' label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HttpMalformed => "http_malformed",
            Self::HttpTooLarge => "http_too_large",
            Self::HttpPath => "http_path",
            Self::HttpMethod => "http_method",
            Self::ClientAddress => "client_address",
            Self::Passkey => "passkey",
            Self::Announce => "announce",
            Self::Scrape => "scrape",
            Self::Datagram => "datagram",
        }
    }
}

/// A number that one thread adds to and any thread reads.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds to the number; must only be called by the worker that the number belongs to.
    pub(crate) fn add(&self, amount: u64) {
        // There is one writer, so that an atomic read-modify-write would be a waste.
        self.0.store(self.get().wrapping_add(amount), Ordering::Relaxed);
    }

    /// Adds one; must only be called by the worker that the number belongs to.
    pub(crate) fn increment(&self) {
        self.add(1);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Numbers that can be added up: one, or an array of them.
trait AddTo<Sum> {
    fn add_to(&self, sum: &mut Sum);
}

impl AddTo<u64> for Count {
    fn add_to(&self, sum: &mut u64) {
        *sum = sum.wrapping_add(self.get());
    }
}

impl<A: AddTo<B>, B, const N: usize> AddTo<[B; N]> for [A; N] {
    fn add_to(&self, sum: &mut [B; N]) {
        self.iter().zip(sum).for_each(|(count, sum)| count.add_to(sum));
    }
}

macro_rules! tally {
    ($($(#[$doc:meta])* $name:ident: $shape:ty,)*) => {
        /// The numbers of one worker (`T` = [`Count`]) or the sum over all of them (`u64`).
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct Tally<T> {
            $($(#[$doc])* pub $name: $shape,)*
        }

        impl AddTo<CountersSnapshot> for WorkerCounters {
            fn add_to(&self, sum: &mut CountersSnapshot) {
                $(self.$name.add_to(&mut sum.$name);)*
            }
        }
    };
}

const REFUSED_COLUMNS: usize = 16;
const REFUSED_ROWS: usize = Refusal::ALL.len().div_ceil(REFUSED_COLUMNS);

tally! {
    /// Announces answered with peers, by [`Carrier`] and event (in the order of [`EVENTS`]).
    announces: [[T; 4]; 3],
    /// Those of them that came from an IPv6 address, by [`Carrier`].
    announces_v6: [T; 3],
    /// Announces and scrapes refused, by [`Refusal::index`]: in rows of 16, the last of which is
    /// not full.
    refused: [[T; REFUSED_COLUMNS]; REFUSED_ROWS],
    /// Scrapes answered with counts, by [`Carrier`].
    scrapes: [T; 3],
    /// Requests that did not get as far as the tracker, by [`ParseFailure`].
    parse_failures: [T; 9],
    /// Bytes received, by [`Carrier`]; TLS as plain text.
    bytes_in: [T; 3],
    /// Bytes sent, by [`Carrier`]; TLS as plain text.
    bytes_out: [T; 3],
    /// Connections accepted, over the limit or not.
    connections_accepted: T,
    /// Connections closed at once because there were too many.
    connections_refused: T,
    /// Connections closed because a request did not arrive, or a reply was not taken, in time.
    connections_timed_out: T,
    /// Connections closed because nothing was asked for a while.
    connections_idled_out: T,
    /// Connections closed because TLS could not be agreed on.
    tls_failures: T,
    /// Connections closed because of a missing or malformed PROXY header.
    proxy_failures: T,
    /// Attempts to accept a connection that failed.
    accept_failures: T,
    /// Datagrams received.
    datagrams_in: T,
    /// Datagrams sent.
    datagrams_out: T,
    /// Datagrams that could not be sent.
    datagrams_unsent: T,
    /// Connects answered (BEP 15).
    connects: T,
    /// Datagrams with a connection id that is wrong or too old.
    connection_ids_refused: T,
    /// Scrapes over UDP refused because their source had not announced with a passkey.
    scrapes_unidentified: T,
    /// Sources forgotten early because more had announced than are remembered.
    identified_evicted: T,
}

/// The numbers of one worker.
pub type WorkerCounters = Tally<Count>;

/// The sum over all workers at one moment.
pub type CountersSnapshot = Tally<u64>;

impl Tally<Count> {
    pub(crate) fn announced(&self, carrier: Carrier, event: Event, from: IpAddr) {
        if from.is_ipv6() {
            add_at(&self.announces_v6, carrier as usize, 1);
        }
        let row = self.announces.get(carrier as usize);
        if let Some(count) = row.and_then(|row| row.get(event_index(event))) {
            count.increment();
        }
    }

    pub(crate) fn refusal(&self, refusal: Refusal) {
        if let Some(row) = self.refused.get(refusal.index() / REFUSED_COLUMNS) {
            add_at(row, refusal.index() % REFUSED_COLUMNS, 1);
        }
    }

    pub(crate) fn scraped(&self, carrier: Carrier) {
        add_at(&self.scrapes, carrier as usize, 1);
    }

    pub(crate) fn parse_failure(&self, failure: ParseFailure) {
        add_at(&self.parse_failures, failure as usize, 1);
    }

    pub(crate) fn received(&self, carrier: Carrier, bytes: usize) {
        add_at(&self.bytes_in, carrier as usize, bytes);
    }

    pub(crate) fn sent(&self, carrier: Carrier, bytes: usize) {
        add_at(&self.bytes_out, carrier as usize, bytes);
    }
}

fn add_at(counts: &[Count], index: usize, amount: usize) {
    if let Some(count) = counts.get(index) {
        count.add(amount as u64);
    }
}

/// The numbers of all workers.
#[derive(Debug, Default)]
pub struct Counters {
    workers: Mutex<Vec<Arc<CachePadded<WorkerCounters>>>>,
}

impl Counters {
    /// Numbers for one more worker.
    pub(crate) fn register(&self) -> Arc<CachePadded<WorkerCounters>> {
        let worker = Arc::<CachePadded<WorkerCounters>>::default();
        self.workers.lock().push(Arc::clone(&worker));
        worker
    }

    /// Adds up what the workers have counted since the start of the process.
    pub fn snapshot(&self) -> CountersSnapshot {
        let mut sum = CountersSnapshot::default();
        self.workers.lock().iter().for_each(|worker| worker.add_to(&mut sum));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_the_sum_over_all_workers() {
        let counters = Counters::default();
        let (first, second) = (counters.register(), counters.register());
        let (v4, v6) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([1; 16]));
        first.announced(Carrier::Udp, Event::Completed, v4);
        second.announced(Carrier::Udp, Event::Completed, v6);
        second.announced(Carrier::Http, Event::None, v4);
        first.refusal(Refusal::TorrentUnknown);
        second.received(Carrier::Https, 100);
        second.datagrams_in.add(7);
        let sum = counters.snapshot();
        assert_eq!(sum.announces, [[1, 0, 0, 0], [0; 4], [0, 0, 0, 2]]);
        assert_eq!(sum.announces_v6, [0, 0, 1]);
        assert_eq!(sum.refused.iter().flatten().sum::<u64>(), 1);
        assert_eq!(sum.refused.as_flattened()[Refusal::TorrentUnknown.index()], 1);
        assert_eq!(sum.bytes_in, [0, 100, 0]);
        assert_eq!(sum.datagrams_in, 7);
    }

    #[test]
    fn the_orders_of_the_arrays_match_their_indices() {
        for (index, (event, _)) in EVENTS.into_iter().enumerate() {
            assert_eq!(event_index(event), index);
        }
        for (index, carrier) in Carrier::ALL.into_iter().enumerate() {
            assert_eq!(carrier as usize, index);
        }
        for (index, failure) in ParseFailure::ALL.into_iter().enumerate() {
            assert_eq!(failure as usize, index);
        }
    }
}
