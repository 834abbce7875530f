//! Switching the flight recorder on and off, and feeding it.

use mika_protocol::{AnnounceRequest, InfoHash};

use super::Tracker;
use crate::refusal::Refusal;
use crate::reply::{Answer, PeerList, Source};
use crate::settings::Mode;
use crate::trace::{Announcer, Subject, TooMany, Traced, Verdict};

impl Tracker {
    /// Begins to record the announces of a subject, the last `keep` of which (1 to
    /// [`KEEP_MAX`](crate::trace::KEEP_MAX)) are kept. `second_hash`: the other hash of a hybrid
    /// torrent.
    ///
    /// # Errors
    ///
    /// [`TooMany`] if there are [`SUBJECTS_MAX`](crate::trace::SUBJECTS_MAX) others.
    pub fn start_trace(
        &self,
        subject: Subject,
        second_hash: Option<InfoHash>,
        keep: u32,
    ) -> Result<(), TooMany> {
        self.recorder.start(subject, second_hash, keep)
    }

    /// Stops, and forgets what was recorded; false if the subject was not.
    pub fn stop_trace(&self, subject: &Subject) -> bool {
        self.recorder.stop(subject)
    }

    /// The subjects that are recorded, with how many announces are kept of each, and the number of
    /// its last one.
    pub fn traces(&self) -> Vec<(Subject, u32, u64)> {
        self.recorder.list()
    }

    /// At most `limit` announces of a subject after the one with a number; `None` if it is not
    /// recorded.
    pub fn trace(&self, subject: &Subject, after: u64, limit: usize) -> Option<Traced> {
        self.recorder.read(subject, after, limit)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn record(
        &self,
        request: &AnnounceRequest,
        source: &Source,
        now_seconds: u32,
        peers: &PeerList,
        result: &Result<Answer, Refusal>,
    ) {
        let is_private = self.mode() == Mode::Private;
        let passkey = request.passkey.as_ref().filter(|_| is_private);
        let user = passkey.and_then(|passkey| self.user_of(passkey, Some(request.info_hash)));
        let terms = user.and_then(|user| self.terms.of(&user));
        let from = Announcer {
            user_id: user.map(|user| user.id),
            address_hidden: terms.is_some_and(|terms| terms.address_hidden),
            ip: source.ip,
        };
        let verdict = match *result {
            Ok(answer) => {
                Verdict::Answered { answer, peers: u32::try_from(peers.len()).unwrap_or(u32::MAX) }
            }
            Err(refusal) => Verdict::Refused(refusal),
        };
        self.recorder.note(&from, request, now_seconds, peers.counted, verdict);
    }
}
