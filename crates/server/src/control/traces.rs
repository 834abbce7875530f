//! The flight recorder.

use std::fmt::Write;
use std::net::IpAddr;

use mika_client::types::{Trace, TracePage, TraceSubject, TracedAnnounce};
use mika_core::batch::Traffic;
use mika_core::trace::{Record, Subject, TooMany, Verdict};
use mika_protocol::{Event, InfoHash, PeerId};

use super::{Control, ControlError};

/// What is recorded, or may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceKey {
    subject: Subject,
    /// The other hash of a hybrid torrent.
    second_hash: Option<InfoHash>,
}

impl TraceKey {
    /// Whoever announces from an address.
    pub fn address(address: IpAddr) -> Self {
        Self { subject: Subject::Address(address.to_canonical()), second_hash: None }
    }
}

impl Control {
    /// A user, named by id, name or passkey.
    pub(crate) async fn trace_user(&self, key: &str) -> Result<TraceKey, ControlError> {
        let user = self.find_user(key).await?;
        Ok(TraceKey { subject: Subject::User(user.id), second_hash: None })
    }

    /// A torrent by either of its hashes. One that the store does not know can be traced, too: who
    /// is refused for it is worth knowing.
    pub(crate) async fn trace_torrent(
        &self,
        info_hash: InfoHash,
    ) -> Result<TraceKey, ControlError> {
        let (first, second) = match self.catalog().torrent(info_hash).await? {
            Some(torrent) => (torrent.info_hash, torrent.info_hash_v2),
            None => (info_hash, None),
        };
        Ok(TraceKey { subject: Subject::Torrent(first), second_hash: second })
    }

    /// Begins to record, or changes how many announces are kept.
    pub(crate) fn start_trace(&self, key: &TraceKey, keep: u32) -> Result<Trace, TooMany> {
        self.tracker().start_trace(key.subject, key.second_hash, keep)?;
        let traces = self.tracker().traces();
        let known = traces.into_iter().find(|(subject, ..)| *subject == key.subject);
        let (subject, keep, last_number) = known.unwrap_or((key.subject, keep, 0));
        Ok(trace_json(subject, keep, last_number))
    }

    /// Stops; false if it was not recorded.
    pub(crate) fn stop_trace(&self, key: &TraceKey) -> bool {
        self.tracker().stop_trace(&key.subject)
    }

    /// What is recorded.
    pub(crate) fn traces(&self) -> Vec<Trace> {
        let traces = self.tracker().traces().into_iter();
        traces.map(|(subject, keep, last)| trace_json(subject, keep, last)).collect()
    }

    /// Announces after the one with a number; `None` if they are not recorded.
    pub(crate) fn trace(&self, key: &TraceKey, after: u64, limit: usize) -> Option<TracePage> {
        let traced = self.tracker().trace(&key.subject, after, limit)?;
        let next_after = traced.records.last().map_or(after, |record| record.number);
        let items = traced.records.iter().map(|record| self.announce_json(record)).collect();
        Some(TracePage { items, next_after, lost: traced.lost })
    }

    fn announce_json(&self, record: &Record) -> TracedAnnounce {
        let Traffic { uploaded_raw, downloaded_raw, uploaded_credited, downloaded_credited } =
            record.counted;
        let (answer, peers, refusal) = match record.verdict {
            Verdict::Answered { answer, peers } => (Some(answer), peers, None),
            Verdict::Refused(refusal) => (None, 0, Some(refusal)),
        };
        let told = refusal.or(answer.and_then(|answer| answer.warning));
        TracedAnnounce {
            number: record.number,
            at: record.at_seconds,
            user_id: record.user_id,
            info_hash: record.info_hash,
            address: record.ip,
            port: record.port,
            peer_id: peer_id_text(&record.peer_id),
            event: event_name(record.event).to_owned(),
            uploaded: record.uploaded,
            downloaded: record.downloaded,
            left: record.left,
            numwant: record.numwant,
            uploaded_counted: uploaded_credited,
            downloaded_counted: downloaded_credited,
            uploaded_raw,
            downloaded_raw,
            verdict: refusal.map_or("answered", |refusal| refusal.name()).to_owned(),
            told: told.map(|told| self.tracker().explain(told).text).unwrap_or_default(),
            peers,
            seeders: answer.map_or(0, |answer| answer.seeders),
            leechers: answer.map_or(0, |answer| answer.leechers),
            interval_seconds: answer.map_or(0, |answer| answer.interval_seconds),
        }
    }
}

fn trace_json(subject: Subject, keep: u32, last_number: u64) -> Trace {
    let (subject, key) = match subject {
        Subject::User(id) => (TraceSubject::User, id.to_string()),
        Subject::Torrent(hash) => (TraceSubject::Torrent, hash.to_string()),
        Subject::Address(address) => (TraceSubject::Address, address.to_string()),
    };
    Trace { subject, key, keep, last_number }
}

const fn event_name(event: Event) -> &'static str {
    match event {
        Event::None => "none",
        Event::Started => "started",
        Event::Stopped => "stopped",
        Event::Completed => "completed",
    }
}

/// Printable bytes as they are, others as in a URL.
fn peer_id_text(peer_id: &PeerId) -> String {
    let mut text = String::new();
    for byte in peer_id.0 {
        match byte {
            b'%' | 0..b'!' | 0x7f.. => {
                // Writing to a string does not fail.
                let _ = write!(text, "%{byte:02X}");
            }
            byte => text.push(char::from(byte)),
        }
    }
    text
}
