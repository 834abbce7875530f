//! How the counters change per second.

use mika_client::types::{NamedCount, ProtocolStats, Stats};
use serde::Serialize;

/// What happens per second, from two looks at the counters.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Rates {
    /// Seconds between the two looks.
    pub seconds: f64,
    /// Announces answered.
    pub announces: f64,
    /// Of those: over HTTP, with and without TLS.
    pub http: f64,
    /// Of those: over UDP.
    pub udp: f64,
    /// Of those: from IPv4 addresses.
    pub v4: f64,
    /// Of those: from IPv6 addresses.
    pub v6: f64,
    /// Of those: each event.
    pub events: Vec<Rate>,
    /// Scrapes answered.
    pub scrapes: f64,
    /// Announces and scrapes refused.
    pub refused: f64,
    /// Those by reason: what happens most now first, then what has happened most.
    pub reasons: Vec<Rate>,
    /// Requests that could not be read.
    pub malformed: f64,
    /// Bytes received.
    pub received_bytes: f64,
    /// Bytes sent.
    pub sent_bytes: f64,
    /// Processor time as a share of one core.
    pub cpu_percent: f64,
}

/// One of several things that happen.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Rate {
    pub name: String,
    pub per_second: f64,
    /// Since the start of the tracker.
    pub total: u64,
}

impl Rates {
    /// The rates between two looks; `None` if the tracker was started in between, or no time has
    /// gone by.
    pub fn between(before: &Stats, after: &Stats, seconds: f64) -> Option<Self> {
        let restarted =
            after.uptime_seconds < before.uptime_seconds || after.announces < before.announces;
        if restarted || seconds <= 0.0 {
            return None;
        }
        let per_second = |before: u64, after: u64| after.saturating_sub(before) as f64 / seconds;
        let sum = |stats: &Stats, of: fn(&ProtocolStats) -> u64| -> u64 {
            stats.requests.protocols.iter().map(of).sum()
        };
        let protocols = |of: fn(&ProtocolStats) -> u64| per_second(sum(before, of), sum(after, of));
        let named = |name: fn(&str) -> bool| {
            let of = |stats: &Stats| -> u64 {
                let protocols = stats.requests.protocols.iter();
                protocols.filter(|it| name(&it.name)).map(|it| it.announces).sum()
            };
            per_second(of(before), of(after))
        };
        let announces = per_second(before.announces, after.announces);
        let v6 = protocols(|it| it.announces_v6);
        let (asked, asks) = (&before.requests, &after.requests);
        Some(Self {
            seconds,
            announces,
            http: named(|name| name != "udp"),
            udp: named(|name| name == "udp"),
            v4: (announces - v6).max(0.0),
            v6,
            events: each(&asked.events, &asks.events, seconds),
            scrapes: per_second(before.scrapes, after.scrapes),
            refused: per_second(before.refused, after.refused),
            reasons: most(each(&asked.refused, &asks.refused, seconds)),
            malformed: per_second(total(&asked.malformed), total(&asks.malformed)),
            received_bytes: protocols(|it| it.received_bytes),
            sent_bytes: protocols(|it| it.sent_bytes),
            cpu_percent: per_second(before.cpu_milliseconds, after.cpu_milliseconds) / 10.0,
        })
    }

    /// Announces with an event, per second.
    pub fn event(&self, name: &str) -> f64 {
        self.events.iter().find(|rate| rate.name == name).map_or(0.0, |rate| rate.per_second)
    }
}

fn total(counts: &[NamedCount]) -> u64 {
    counts.iter().map(|it| it.count).sum()
}

fn each(before: &[NamedCount], after: &[NamedCount], seconds: f64) -> Vec<Rate> {
    let was = |name: &str| before.iter().find(|it| it.name == name).map_or(0, |it| it.count);
    let rate = |it: &NamedCount| Rate {
        name: it.name.clone(),
        per_second: it.count.saturating_sub(was(&it.name)) as f64 / seconds,
        total: it.count,
    };
    after.iter().map(rate).collect()
}

fn most(mut rates: Vec<Rate>) -> Vec<Rate> {
    let order = |a: &Rate, b: &Rate| {
        b.per_second.total_cmp(&a.per_second).then(b.total.cmp(&a.total)).then(a.name.cmp(&b.name))
    };
    rates.sort_by(order);
    rates
}

#[cfg(test)]
pub(in crate::top) mod tests;
