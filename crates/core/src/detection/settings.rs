//! What detection may use, and what it takes for possible.

use super::weights::Weights;
use super::{Observation, book, closed, finding, possession};

const MIB: u64 = 1 << 20;
const GB: u64 = 1_000_000_000;
const DAY: u32 = 86_400;

/// The settings of detection. All of them are integers, so that two are equal or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectionSettings {
    /// Seconds between two announces of a client, jitter included.
    pub interval_seconds: u32,
    /// Seconds without an announce after which a peer is gone.
    pub peer_timeout_seconds: u32,
    /// A busy torrent's books are closed after so many seconds at the latest, and from a quarter of
    /// that on as soon as hardly anything is cut.
    pub soft_close_seconds: u32,
    /// Seconds of closed epochs that are looked at together.
    pub window_seconds: u32,
    /// Seconds between two attributions of all epochs.
    pub solve_every_seconds: u32,
    /// Seconds for which findings are kept.
    pub retention_seconds: u32,
    /// Upload into an empty swarm below this is not looked at.
    pub no_sink_bytes_min: u64,
    /// What no line carries, in bytes per second, over all torrents of a user.
    pub speed_bytes_per_second_max: u64,
    /// Bytes above that before it is found.
    pub speed_bytes_min: u64,
    /// What one leecher receives at most, in bytes per second: bounds what it may have received
    /// before it vanished.
    pub leecher_bytes_per_second_max: u64,
    /// Bytes that vanished leechers of one user must have had before it is found.
    pub vanished_bytes_min: u64,
    /// Networks of one address family that a user may announce from within six hours.
    pub networks_max: u8,
    /// Users remembered at most.
    pub users_max: usize,
    /// Users whose upload is compared with formulas at most.
    pub suspects_max: usize,
    /// Torrents with open books at most.
    pub books_max: usize,
    /// Entries in one torrent's books at most.
    pub entries_per_book_max: usize,
    /// Entries in all open books at most.
    pub entries_max: usize,
    /// Closed epochs kept at most.
    pub closed_max: usize,
    /// Users' shares in closed epochs kept at most.
    pub shares_max: usize,
    /// Findings kept at most.
    pub findings_max: usize,
    /// What findings weigh.
    pub weights: Weights,
    /// Tests of suspects: `None` for none.
    pub experiments: Option<ExperimentSettings>,
}

/// How suspects are put to the test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExperimentSettings {
    /// Users under test at most.
    pub users_max: usize,
    /// Of so many other users one is tested for comparison.
    pub control_one_in: u32,
    /// Addresses of our own that replies may have: listeners that only listen. If there are none,
    /// addresses of TEST-NET-1 (RFC 5737) and 2001:db8::/32 (RFC 3849), where nobody is.
    pub own_endpoints: Vec<std::net::SocketAddr>,
}

impl Default for ExperimentSettings {
    fn default() -> Self {
        Self { users_max: 1000, control_one_in: 1000, own_endpoints: Vec::new() }
    }
}

impl Default for DetectionSettings {
    fn default() -> Self {
        Self {
            interval_seconds: 1800,
            peer_timeout_seconds: 4200,
            soft_close_seconds: DAY,
            window_seconds: 30 * DAY,
            solve_every_seconds: 6 * 3600,
            retention_seconds: 90 * DAY,
            no_sink_bytes_min: 16 * MIB,
            speed_bytes_per_second_max: 1_250_000_000,
            speed_bytes_min: 10 * GB,
            leecher_bytes_per_second_max: 125_000_000,
            vanished_bytes_min: 20 * GB,
            networks_max: 4,
            users_max: 200_000,
            suspects_max: 10_000,
            books_max: 200_000,
            entries_per_book_max: 256,
            entries_max: 500_000,
            closed_max: 100_000,
            shares_max: 1_000_000,
            findings_max: 20_000,
            weights: Weights::default(),
            experiments: None,
        }
    }
}

impl DetectionSettings {
    /// Seconds by which a report may be late: an interval and five minutes.
    pub(super) fn late_seconds(&self) -> u32 {
        self.interval_seconds.saturating_add(300)
    }

    /// Seconds after which a client that says nothing is surely gone.
    pub(super) fn silence_seconds(&self) -> u32 {
        self.late_seconds().max(self.peer_timeout_seconds)
    }

    /// Seconds of calm after which every live client has reported, and every other one has been
    /// found to be gone.
    pub(super) fn quiet_seconds(&self) -> u32 {
        let tenth = self.interval_seconds / 10;
        let twice = self.interval_seconds.saturating_mul(2).saturating_add(2 * tenth);
        twice.max(self.peer_timeout_seconds.saturating_add(tenth).saturating_add(300))
    }

    /// Seconds for which it is known that nobody lacked anything, if nobody is known.
    pub(super) fn remembered_seconds(&self) -> u32 {
        self.interval_seconds.saturating_mul(4).saturating_add(600).max(self.quiet_seconds())
    }

    /// What a leecher can have received in its last interval.
    pub(super) fn vanished_bytes_max(&self) -> u64 {
        self.leecher_bytes_per_second_max.saturating_mul(u64::from(self.interval_seconds))
    }

    /// Bytes that all state takes at most, with the slack of tables and vectors that grow by
    /// doubling.
    pub fn bytes_max(&self) -> u64 {
        let table = |entries: usize, bytes: usize| entries as u64 * (bytes as u64 + 9) * 16 / 7;
        let vector = |entries: usize, bytes: usize| entries as u64 * bytes as u64 * 2;
        /// Inputs, excuses and words of a finding, as measured of the longest one.
        const FINDING_HEAP: usize = 1800;
        let solver = 3 * self.shares_max * 40 + self.closed_max * 32;
        let user = size_of::<super::user::UserState>() + super::user::BOXED_BYTES;
        let suspect = size_of::<super::model::Model>() + 16;
        table(self.users_max, size_of::<usize>() + 4)
            + self.users_max as u64 * user as u64
            + table(self.books_max, size_of::<book::Book>() + 4)
            + vector(self.entries_max, size_of::<book::Entry>())
            + self.books_max as u64 * (possession::SEEDS * 16) as u64
            + vector(self.closed_max, size_of::<closed::ClosedEpoch>())
            + vector(self.shares_max, size_of::<closed::Share>())
            + vector(self.findings_max, size_of::<finding::Finding>())
            + self.findings_max as u64 * FINDING_HEAP as u64
            + solver as u64
            + self.suspects_max as u64 * suspect as u64
            + super::almost::BYTES_MAX
            + super::places::BYTES_MAX
            + super::experiment::bytes_max(self.experiments.as_ref())
            + size_of::<Observation>() as u64
    }
}
