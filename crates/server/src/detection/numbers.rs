//! What the metrics tell of detection, without waiting for its lock.

use std::sync::atomic::{AtomicU64, Ordering};

use mika_core::detection::{Detection, Detector, Probe};

const DETECTORS: usize = Detector::ALL.len();

/// What the metrics tell of detection.
#[derive(Debug, Default)]
pub struct DetectionNumbers {
    observations: AtomicU64,
    dropped: AtomicU64,
    queued: AtomicU64,
    findings: [AtomicU64; DETECTORS],
    users: AtomicU64,
    books: AtomicU64,
    findings_held: AtomicU64,
    state_bytes: AtomicU64,
    cpu_milliseconds: AtomicU64,
    save_failures: AtomicU64,
    probes: [AtomicU64; PROBES.len()],
}

const PROBES: [(Probe, &str); 4] = [
    (Probe::Inconclusive, "inconclusive"),
    (Probe::HandshakeOnly, "handshake_only"),
    (Probe::Silent, "silent"),
    (Probe::Real, "real"),
];

fn get(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}

fn set(number: &AtomicU64, value: u64) {
    number.store(value, Ordering::Relaxed);
}

impl DetectionNumbers {
    /// Announces looked at.
    pub fn observations(&self) -> u64 {
        get(&self.observations)
    }

    /// Announces that no queue had room for.
    pub fn dropped(&self) -> u64 {
        get(&self.dropped)
    }

    /// Announces that waited when they were last looked at.
    pub fn queued(&self) -> u64 {
        get(&self.queued)
    }

    /// Findings by detector.
    pub fn findings(&self) -> impl Iterator<Item = (Detector, u64)> {
        Detector::ALL.into_iter().zip(self.findings.iter().map(get))
    }

    /// Users that something is known of.
    pub fn users(&self) -> u64 {
        get(&self.users)
    }

    /// Torrents with open books.
    pub fn books(&self) -> u64 {
        get(&self.books)
    }

    /// Findings that are kept.
    pub fn findings_held(&self) -> u64 {
        get(&self.findings_held)
    }

    /// Bytes of the file.
    pub fn state_bytes(&self) -> u64 {
        get(&self.state_bytes)
    }

    /// Processor time of the thread.
    pub fn cpu_milliseconds(&self) -> u64 {
        get(&self.cpu_milliseconds)
    }

    /// Times that the file could not be written.
    pub fn save_failures(&self) -> u64 {
        get(&self.save_failures)
    }

    /// Handshakes that clients were asked for, by what came of them.
    pub fn probes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        PROBES.into_iter().map(|(_, name)| name).zip(self.probes.iter().map(get))
    }

    pub(super) fn probed(&self, probe: Probe) {
        let of = PROBES.iter().zip(&self.probes).find(|((known, _), _)| *known == probe);
        if let Some((_, number)) = of {
            number.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn set_queued(&self, queued: u64) {
        set(&self.queued, queued);
    }

    pub(super) fn set_state_bytes(&self, bytes: u64) {
        set(&self.state_bytes, bytes);
    }

    pub(super) fn set_cpu_milliseconds(&self, milliseconds: u64) {
        set(&self.cpu_milliseconds, milliseconds);
    }

    pub(super) fn saved(&self, is_ok: bool) {
        self.save_failures.fetch_add(u64::from(!is_ok), Ordering::Relaxed);
    }

    /// Copies what detection counts itself.
    pub(super) fn note(&self, detection: &Detection) {
        let counters = detection.counters();
        set(&self.observations, counters.observations);
        set(&self.dropped, counters.dropped);
        for (number, precision) in self.findings.iter().zip(detection.precision()) {
            set(number, precision.findings);
        }
        let [users, books, _, findings] = detection.held();
        for (number, held) in
            [(&self.users, users), (&self.books, books), (&self.findings_held, findings)]
        {
            set(number, held as u64);
        }
    }
}
