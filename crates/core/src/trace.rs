//! The flight recorder: the last announces of a subject with what became of each.
//!
//! A subject is a user, a torrent or an address, and is recorded only while somebody asked for it.
//! While nobody did, an announce pays one relaxed load for it. What is recorded is bounded twice:
//! at most [`SUBJECTS_MAX`] subjects, and of each the last so many announces.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mika_protocol::{AnnounceRequest, Event, InfoHash, PeerId};
use parking_lot::{Mutex, RwLock};

use crate::batch::Traffic;
use crate::refusal::Refusal;
use crate::reply::Answer;

mod ring;

use ring::Ring;
pub use ring::Traced;

/// Subjects that are recorded at a time.
pub const SUBJECTS_MAX: usize = 64;

/// Announces that are kept of one subject at most.
pub const KEEP_MAX: u32 = 10_000;

/// Whose announces are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A user, by the store's id.
    User(u32),
    /// A torrent, by its primary hash.
    Torrent(InfoHash),
    /// Whoever announces from an address.
    Address(IpAddr),
}

/// One announce and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Its number among those of its subject, from 1.
    pub number: u64,
    /// Unix time in seconds.
    pub at_seconds: u32,
    /// The store's id of the user; `None` if no user has the passkey, or on a public tracker.
    pub user_id: Option<u32>,
    /// The hash that was announced.
    pub info_hash: InfoHash,
    /// Where it came from; `None` of a user whose address is not to be written.
    pub ip: Option<IpAddr>,
    /// The port that the client says it listens on; 0 if `ip` is not to be written.
    pub port: u16,
    /// The client's name for itself.
    pub peer_id: PeerId,
    /// What it is about.
    pub event: Event,
    /// The client's own counter in bytes.
    pub uploaded: u64,
    /// The client's own counter in bytes.
    pub downloaded: u64,
    /// Bytes that the client lacks.
    pub left: u64,
    /// Peers that the client wants, if it says.
    pub numwant: Option<u32>,
    /// What the announce adds to the user's totals, whether it was refused or not.
    pub counted: Traffic,
    /// What the client was told.
    pub verdict: Verdict,
}

/// What a client was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// An answer.
    Answered {
        /// What it says.
        answer: Answer,
        /// Peers in it.
        peers: u32,
    },
    /// Why there was none.
    Refused(Refusal),
}

/// As many subjects are recorded as may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{SUBJECTS_MAX} subjects are traced already: stop one of them first")]
pub struct TooMany;

/// Who asked for what.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// Subjects that are recorded: what an announce looks at.
    subjects: AtomicU32,
    rings: RwLock<Vec<Arc<Recorded>>>,
}

/// A subject and its last announces.
#[derive(Debug)]
struct Recorded {
    subject: Subject,
    /// The other hash of a hybrid torrent.
    second_hash: Option<InfoHash>,
    ring: Mutex<Ring>,
}

/// Who announces, as far as the recorder asks.
pub(crate) struct Announcer {
    pub(crate) user_id: Option<u32>,
    pub(crate) address_hidden: bool,
    pub(crate) ip: IpAddr,
}

impl Recorder {
    #[inline(always)]
    pub(crate) fn is_on(&self) -> bool {
        self.subjects.load(Ordering::Relaxed) != 0
    }

    /// Begins to record, or changes how many announces are kept; what there is stays.
    pub(crate) fn start(
        &self,
        subject: Subject,
        second_hash: Option<InfoHash>,
        keep: u32,
    ) -> Result<(), TooMany> {
        let keep = keep.clamp(1, KEEP_MAX);
        let mut rings = self.rings.write();
        if let Some(known) = rings.iter().find(|it| it.subject == subject) {
            known.ring.lock().set_keep(keep);
            return Ok(());
        }
        if rings.len() >= SUBJECTS_MAX {
            return Err(TooMany);
        }
        rings.push(Arc::new(Recorded { subject, second_hash, ring: Mutex::new(Ring::new(keep)) }));
        self.count(&rings);
        Ok(())
    }

    /// Stops, and forgets what was recorded; false if the subject was not.
    pub(crate) fn stop(&self, subject: &Subject) -> bool {
        let mut rings = self.rings.write();
        let before = rings.len();
        rings.retain(|it| it.subject != *subject);
        self.count(&rings);
        rings.len() < before
    }

    fn count(&self, rings: &[Arc<Recorded>]) {
        let subjects = u32::try_from(rings.len()).unwrap_or(u32::MAX);
        self.subjects.store(subjects, Ordering::Relaxed);
    }

    /// What is recorded, with how many announces are kept and the number of the last one.
    pub(crate) fn list(&self) -> Vec<(Subject, u32, u64)> {
        let entry = |it: &Arc<Recorded>| {
            let ring = it.ring.lock();
            (it.subject, ring.keep(), ring.last_number())
        };
        self.rings.read().iter().map(entry).collect()
    }

    pub(crate) fn read(&self, subject: &Subject, after: u64, limit: usize) -> Option<Traced> {
        let rings = self.rings.read();
        let recorded = rings.iter().find(|it| it.subject == *subject)?;
        Some(recorded.ring.lock().read(after, limit))
    }

    /// Records an announce for every subject that it concerns.
    pub(crate) fn note(
        &self,
        from: &Announcer,
        request: &AnnounceRequest,
        at_seconds: u32,
        counted: Traffic,
        verdict: Verdict,
    ) {
        let concerns = |it: &&Arc<Recorded>| match it.subject {
            Subject::User(id) => from.user_id == Some(id),
            Subject::Torrent(hash) => {
                hash == request.info_hash || it.second_hash == Some(request.info_hash)
            }
            // Or a list of an address's announces would say where such a user is.
            Subject::Address(ip) => ip == from.ip && !from.address_hidden,
        };
        let record = Record {
            number: 0,
            at_seconds,
            user_id: from.user_id,
            info_hash: request.info_hash,
            ip: (!from.address_hidden).then_some(from.ip),
            port: if from.address_hidden { 0 } else { request.port },
            peer_id: request.peer_id,
            event: request.event,
            uploaded: request.uploaded,
            downloaded: request.downloaded,
            left: request.left,
            numwant: request.numwant,
            counted,
            verdict,
        };
        for recorded in self.rings.read().iter().filter(concerns) {
            recorded.ring.lock().push(record);
        }
    }
}
