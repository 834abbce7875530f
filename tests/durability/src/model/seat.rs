//! One client on one torrent, over all its sessions: what it reports, and what that adds up to.
//!
//! The tracker is killed at any moment, so nobody knows which of the last announces it had written
//! down. Still every total is determined, because of what a seat does *not* do in certain moments:
//!
//! * **A session goes on.** Counters only grow, and the tracker credits the difference between two
//!   reports. Whichever reports are lost, the differences between those that are not add up to
//!   the last report minus the first. So bytes are owed as soon as the client counts them.
//! * **A session begins.** Its first report earns nothing. If it is lost, the next one is the
//!   first. So upload stays 0 until a flush has proved that the tracker knows the session.
//!   Download stays 0, too, unless the tracker knows what the user lacked before: then a first
//!   report is charged by how much less is lacking now, which comes to the same, whichever report
//!   is the first. The download is not finished before the proof: a first report without anything
//!   lacking is no completion.
//! * **A client restarts**, and its counters begin at 0 again. The tracker credits nothing for the
//!   report that is lower than the one before, and takes it for the new baseline. If the last
//!   report before were lost, its bytes would be, too; if the first one after were lost, the
//!   tracker would take a later one for lower, or for a small growth. So before and after,
//!   nothing moves until a flush has proved the report.
//! * **A client crashes and comes back under a new name** at the same address: as above, and the
//!   new session is one that begins, of a user whose lack is known from the old session.
//! * **A session stops**, with its last counters. This is repeated until a flush has proved it. If
//!   the tracker had written it down before it was killed, the repetition is a `stopped` from an
//!   unknown session that lacks as much as was known: it adds nothing.
//! * **Completion** is counted once per session when nothing is lacking any more, by whichever
//!   report says so first; all later ones say it as well.

use mika_protocol::PeerId;

use super::amounts::{Amounts, credit};
use crate::wire::Event;

/// All growth is in units of this, so that three multipliers of 50 % leave no fraction.
pub const GRAIN_BYTES: u64 = 16;

/// Largest growth between two announces, in grains: 16 MiB.
const GROWTH_GRAINS: u64 = 1 << 20;

/// What an answered announce proves once a flush that began later has succeeded, in the same
/// process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// Number of the process that answered.
    pub process: u64,
    /// Flushes that had begun by then.
    pub flushes_begun: u64,
}

/// Where a seat is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// There is no session.
    Absent,
    /// A session begins; `resumed` if the tracker knows what the user lacks.
    Begun {
        /// See above.
        resumed: bool,
    },
    /// A session goes on.
    Live,
    /// A session that rests until its counters are proved, before the client restarts.
    BeforeRestart,
    /// The client has restarted, and rests until that is proved.
    Restarted,
    /// A session that rests until its counters are proved, before the client crashes.
    BeforeCrash,
    /// A session ends.
    Stopping,
}

/// A client on a torrent.
#[derive(Debug)]
pub struct Seat {
    /// Index of the torrent.
    pub torrent: usize,
    /// Where it listens.
    pub port: u16,
    /// Multipliers of role, torrent and token: of upload.
    pub upload_percents: [u16; 3],
    /// Multipliers of role, torrent and token: of download.
    pub download_percents: [u16; 3],
    /// Whether it has an IPv4 address, by which the tracker knows it again after a crash.
    pub can_crash: bool,
    /// All that its reports have to add to the totals.
    pub owed: Amounts,
    /// Where it is in its life.
    pub phase: Phase,
    /// The last answer in this phase.
    pub proof: Option<Proof>,
    /// Some announce was answered, once.
    pub was_announced: bool,
    /// The client's name.
    pub peer_id: PeerId,
    /// Its counter.
    pub uploaded: u64,
    /// Its counter.
    pub downloaded: u64,
    /// What it lacks.
    pub left: u64,
    /// What it tells next time.
    pub event: Event,
    stopped_with_left: Option<u64>,
}

impl Seat {
    /// A client that has yet to begin.
    pub fn new(torrent: usize, port: u16, left: u64) -> Self {
        Self {
            torrent,
            port,
            upload_percents: [100; 3],
            download_percents: [100; 3],
            can_crash: false,
            owed: Amounts::default(),
            phase: Phase::Absent,
            proof: None,
            was_announced: false,
            peer_id: PeerId([0; 20]),
            uploaded: 0,
            downloaded: 0,
            left,
            event: Event::None,
            stopped_with_left: None,
        }
    }

    /// Goes on to what is announced next. `is_proved` tells whether the last answer is proved.
    /// Without `adventures` sessions just go on.
    pub fn advance(&mut self, rng: &mut fastrand::Rng, is_proved: bool, adventures: bool) {
        self.event = Event::None;
        match self.phase {
            Phase::Absent if rng.u8(..) < 64 => self.begin(rng),
            Phase::Begun { .. } if is_proved => self.enter(Phase::Live),
            Phase::Begun { resumed } => self.resume(rng, resumed),
            Phase::Live => self.live(rng, adventures),
            Phase::BeforeRestart if is_proved => self.restart(rng),
            Phase::Restarted if is_proved => self.enter(Phase::Live),
            Phase::BeforeCrash if is_proved => self.begin(rng),
            Phase::Stopping if is_proved => {
                self.stopped_with_left = Some(self.left);
                self.enter(Phase::Absent);
            }
            Phase::Stopping => self.event = Event::Stopped,
            _ => {}
        }
    }

    /// Takes note of an answer.
    pub fn answered(&mut self, proof: Proof) {
        self.was_announced = true;
        // The first answer of a process is proved first.
        if self.proof.is_none_or(|known| known.process != proof.process) {
            self.proof = Some(proof);
        }
    }

    /// Whether the tracker knows the session even if it is killed now.
    pub fn is_certain(&self) -> bool {
        use Phase::{BeforeCrash, BeforeRestart, Live, Restarted};
        matches!(self.phase, Live | BeforeRestart | Restarted | BeforeCrash)
    }

    /// After a last answer that no kill follows: what was to be proved is so now.
    pub fn settle(&mut self) {
        match self.phase {
            Phase::Stopping => self.phase = Phase::Absent,
            Phase::Begun { .. } => self.phase = Phase::Live,
            _ => {}
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.proof = None;
    }

    /// A new session, the first one or one under a new name.
    fn begin(&mut self, rng: &mut fastrand::Rng) {
        let known = match self.phase {
            Phase::BeforeCrash => Some(self.left),
            _ => self.stopped_with_left,
        };
        let resumed = known.is_some_and(|left| left > 0);
        let mut peer_id = *b"-TR4060-000000000000";
        peer_id[8..].fill_with(|| rng.alphanumeric() as u8);
        self.peer_id = PeerId(peer_id);
        (self.uploaded, self.downloaded) = (0, 0);
        self.event = Event::Started;
        self.enter(Phase::Begun { resumed });
    }

    /// Downloads before the first report, as far as that is sure to be charged.
    fn resume(&mut self, rng: &mut fastrand::Rng, resumed: bool) {
        if resumed && self.left > GRAIN_BYTES {
            let most = (self.left / GRAIN_BYTES - 1).min(GROWTH_GRAINS / 16);
            self.download(rng.u64(0..=most) * GRAIN_BYTES);
        }
    }

    fn live(&mut self, rng: &mut fastrand::Rng, adventures: bool) {
        self.grow(rng);
        match rng.u16(..) {
            _ if !adventures => {}
            0..=700 => {
                self.enter(Phase::Stopping);
                self.event = Event::Stopped;
            }
            701..=1400 => self.enter(Phase::BeforeRestart),
            1401..=2100 if self.can_crash => self.enter(Phase::BeforeCrash),
            // A client that was resumed says so, though its session goes on.
            2101..=4000 => self.event = Event::Started,
            _ => {}
        }
    }

    fn restart(&mut self, rng: &mut fastrand::Rng) {
        // Some clients forget one counter only.
        match rng.u8(..3) {
            0 => self.uploaded = 0,
            1 => self.downloaded = 0,
            _ => (self.uploaded, self.downloaded) = (0, 0),
        }
        self.event = Event::Started;
        self.enter(Phase::Restarted);
    }

    fn grow(&mut self, rng: &mut fastrand::Rng) {
        if rng.u8(..) < 200 {
            let bytes = rng.u64(0..GROWTH_GRAINS) * GRAIN_BYTES;
            self.uploaded += bytes;
            self.owed.uploaded_raw += bytes;
            self.owed.uploaded += credit(bytes, self.upload_percents);
        }
        if self.left == 0 {
            return;
        }
        let most = (self.left / GRAIN_BYTES).min(GROWTH_GRAINS);
        self.download(rng.u64(0..=most) * GRAIN_BYTES);
        if rng.u8(..) < 20 {
            // Pieces that did not fit their hash are downloaded, but lacking as before.
            self.left += 4 * GRAIN_BYTES;
            self.download(4 * GRAIN_BYTES);
        }
        if self.left == 0 {
            self.owed.snatches += 1;
            self.event = if rng.bool() { Event::Completed } else { Event::None };
        }
    }

    fn download(&mut self, bytes: u64) {
        self.downloaded += bytes;
        self.left -= bytes;
        self.owed.downloaded_raw += bytes;
        self.owed.downloaded += credit(bytes, self.download_percents);
    }
}
