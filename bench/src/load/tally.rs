//! What one thread counts.

use std::collections::BTreeMap;

use super::histogram::Histogram;

/// Different failure texts kept apart; a tracker may put anything into them.
const TEXTS_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 200;

/// Counts of one phase of one thread, or of all.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) sent: u64,
    pub(super) announces: u64,
    pub(super) scrapes: u64,
    pub(super) failed: u64,
    pub(super) failures: BTreeMap<String, u64>,
    /// Requests without a reply in time.
    pub(super) drops: u64,
    /// Replies after that.
    pub(super) late: u64,
    /// Scheduled, but never sent.
    pub(super) unsent: u64,
    /// Sent again during the fill.
    pub(super) resent: u64,
    /// Peers of the fill that were given up.
    pub(super) given_up: u64,
    /// Connection ids, or connections.
    pub(super) connects: u64,
    /// Connections that resumed a session of TLS.
    pub(super) resumed: u64,
    pub(super) closed_by_server: u64,
    pub(super) bytes: u64,
    pub(super) peers: u64,
    pub(super) latency: Histogram,
    pub(super) lag: Histogram,
}

impl Tally {
    /// Good replies.
    pub(super) fn answered(&self) -> u64 {
        self.announces + self.scrapes
    }

    pub(super) fn fail(&mut self, text: &str) {
        self.failed += 1;
        let end = text.floor_char_boundary(TEXT_BYTES_MAX);
        let text = text.get(..end).unwrap_or_default();
        if let Some(count) = self.failures.get_mut(text) {
            *count += 1;
        } else {
            let text = if self.failures.len() < TEXTS_MAX { text } else { "(others)" };
            *self.failures.entry(text.to_owned()).or_default() += 1;
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (text, count) in &other.failures {
            *self.failures.entry(text.clone()).or_default() += count;
        }
        self.sent += other.sent;
        self.announces += other.announces;
        self.scrapes += other.scrapes;
        self.failed += other.failed;
        self.drops += other.drops;
        self.late += other.late;
        self.unsent += other.unsent;
        self.resent += other.resent;
        self.given_up += other.given_up;
        self.connects += other.connects;
        self.resumed += other.resumed;
        self.closed_by_server += other.closed_by_server;
        self.bytes += other.bytes;
        self.peers += other.peers;
        self.latency.add(&other.latency);
        self.lag.add(&other.lag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_by_text_but_not_without_end() {
        let mut tally = Tally::default();
        for number in 0..1000 {
            tally.fail("unregistered torrent");
            tally.fail(&format!("number {number}"));
        }
        assert_eq!(tally.failed, 2000);
        assert_eq!(tally.failures["unregistered torrent"], 1000);
        assert!(tally.failures.len() <= TEXTS_MAX + 1);
        assert_eq!(tally.failures.values().sum::<u64>(), 2000);
    }
}
