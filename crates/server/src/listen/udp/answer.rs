//! From a datagram to its reply.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use mika_core::site::Form;
use mika_core::{Answer, Approach, Mode, PeerList, Refusal};
use mika_protocol::AnnounceRequest;
use mika_protocol::udp::{self, AnnounceReply, InfoHashes, UdpError, UdpRequest};

use super::identified::Identified;
use super::{REPLY_BYTES_MAX, UdpSettings};
use crate::counters::{Carrier, ParseFailure, WorkerCounters};
use crate::listen::context::ListenContext;
use crate::listen::lookup::{self, Resumed, Ticket, Verdict};

/// Bytes of an announce reply before its peers, and of an error before its text.
const ANNOUNCE_HEAD_BYTES: usize = 20;
const ERROR_HEAD_BYTES: usize = 8;

/// Bytes of a peer in a reply.
const ROW_V4_BYTES: usize = 6;
const ROW_V6_BYTES: usize = 18;

/// Answers the datagrams of one socket.
pub(super) struct Responder {
    settings: UdpSettings,
    context: Arc<ListenContext>,
    counters: Arc<CachePadded<WorkerCounters>>,
    peers: PeerList,
    approach: Approach,
    identified: Identified,
}

/// An announce that waits for a look-up.
pub(super) struct Parked {
    request: AnnounceRequest,
    earned: Earned,
    ticket: Ticket,
}

/// A request that may be answered in full.
#[derive(Clone, Copy)]
struct Earned {
    source: SocketAddr,
    transaction_id: u32,
    now_seconds: u32,
}

impl Responder {
    pub(super) fn new(settings: UdpSettings, context: Arc<ListenContext>) -> Self {
        let identified = Identified::new(settings.connection_id_seconds, settings.identified_max);
        Self {
            counters: context.counters.register(),
            settings,
            context,
            peers: PeerList::new(fastrand::u64(..)),
            approach: Approach::default(),
            identified,
        }
    }

    pub(super) fn now_seconds(&self) -> u32 {
        self.context.clock.now_seconds()
    }

    pub(super) fn count_sent(&self, replies: &[Vec<u8>], unsent: usize) {
        let sent = replies.len().saturating_sub(unsent);
        self.counters.sent(Carrier::Udp, replies.iter().map(Vec::len).sum());
        self.counters.datagrams_unsent.add(unsent as u64);
        self.counters.datagrams_out.add(sent as u64);
    }

    /// Takes a look ahead at datagrams that are about to be answered.
    pub(super) fn approach<'d>(&mut self, datagrams: impl Iterator<Item = &'d [u8]>) {
        let info_hashes = datagrams.filter_map(udp::announced_info_hash);
        self.context.tracker.approach(info_hashes, &mut self.approach);
    }

    /// Appends the reply to a datagram; nothing if it deserves none, or has to wait.
    pub(super) fn answer(
        &mut self,
        datagram: &[u8],
        source: SocketAddr,
        now_seconds: u32,
        reply: &mut Vec<u8>,
    ) -> Option<Parked> {
        self.counters.datagrams_in.increment();
        self.counters.received(Carrier::Udp, datagram.len());
        let request = match udp::parse(datagram) {
            // Nothing can be sent to port 0.
            _ if source.port() == 0 => {
                self.counters.parse_failure(ParseFailure::Datagram);
                return None;
            }
            Err(UdpError::NotTracker) => {
                self.counters.parse_failure(ParseFailure::Datagram);
                return None;
            }
            Ok(request) => Ok(request),
            Err(UdpError::Announce { connection_id, transaction_id, reason }) => {
                Err((connection_id, transaction_id, reason))
            }
        };
        let (connection_id, transaction_id) = match &request {
            Ok(UdpRequest::Connect { transaction_id }) => {
                self.counters.connects.increment();
                let id = self.settings.connection_ids.issue(source.ip(), now_seconds);
                udp::encode_connect(reply, *transaction_id, id);
                return None;
            }
            Ok(UdpRequest::Announce { connection_id, transaction_id, .. })
            | Ok(UdpRequest::Scrape { connection_id, transaction_id, .. })
            | Err((connection_id, transaction_id, _)) => (*connection_id, *transaction_id),
        };
        if !self.is_valid(connection_id, source.ip(), now_seconds) {
            self.counters.connection_ids_refused.increment();
            let text = "connection id expired: connect again";
            encode_error(reply, transaction_id, text, datagram.len());
            return None;
        }
        let earned = Earned { source, transaction_id, now_seconds };
        match request {
            Ok(UdpRequest::Announce { request, .. }) => {
                return self.announce(&earned, request, None, reply);
            }
            Ok(UdpRequest::Scrape { info_hashes, .. }) => self.scrape(&earned, info_hashes, reply),
            Ok(UdpRequest::Connect { .. }) => {}
            Err((_, _, reason)) => {
                self.counters.parse_failure(ParseFailure::Announce);
                let told = self.context.tracker.explain(Refusal::from(reason));
                encode_error(reply, transaction_id, &told.text, REPLY_BYTES_MAX);
            }
        }
        None
    }

    /// Appends the reply to an announce that has waited, if its waiting has ended; else gives it
    /// back.
    pub(super) fn resume(
        &mut self,
        mut parked: Parked,
        now_seconds: u32,
        reply: &mut Vec<u8>,
    ) -> Option<Parked> {
        let Some(outcome) = parked.ticket.outcome() else { return Some(parked) };
        let resumed = Resumed { outcome, deadline: parked.ticket.deadline() };
        let earned = Earned { now_seconds, ..parked.earned };
        self.announce(&earned, parked.request, Some(resumed), reply)
    }

    fn is_valid(&self, connection_id: u64, source: IpAddr, now_seconds: u32) -> bool {
        // An id has the time of its issue, modulo 256 s, in its lowest byte (see `ConnectionIds`).
        let age_seconds = now_seconds.wrapping_sub(connection_id as u32) & 0xff;
        age_seconds <= self.settings.connection_id_seconds
            && self.settings.connection_ids.verify(connection_id, source, now_seconds)
    }

    fn announce(
        &mut self,
        earned: &Earned,
        mut request: AnnounceRequest,
        resumed: Option<Resumed>,
        reply: &mut Vec<u8>,
    ) -> Option<Parked> {
        let ip = earned.source.ip().to_canonical();
        let row_bytes = if ip.is_ipv4() { ROW_V4_BYTES } else { ROW_V6_BYTES };
        let rows_max = (REPLY_BYTES_MAX - ANNOUNCE_HEAD_BYTES) / row_bytes;
        request.numwant = request.numwant.map(|wanted| wanted.min(rows_max as u32));
        let source = mika_core::Source { one_family: true, ..mika_core::Source::new(ip) };
        let tracker = &self.context.tracker;
        if self.context.logs_announces() && resumed.is_none() {
            self.context.log_announce(&request, ip, earned.now_seconds);
        }
        let result = tracker.announce(&request, source, earned.now_seconds, &mut self.peers);
        self.identify(earned, result.as_ref().err().copied());
        let answer = match result {
            Ok(answer) => answer,
            Err(refusal) => return self.refuse(refusal, earned, request, resumed, reply),
        };
        self.counters.announced(Carrier::Udp, request.event, ip);
        let rows = if ip.is_ipv4() { &self.peers.v4 } else { &self.peers.v6 };
        AnnounceReply {
            transaction_id: earned.transaction_id,
            interval_seconds: answer.interval_seconds,
            leechers: answer.leechers,
            seeders: answer.seeders,
            rows: rows.get(..rows_max * row_bytes).unwrap_or(rows),
        }
        .encode(reply);
        None
    }

    /// Remembers who has shown a valid passkey, whatever else was wrong with the announce.
    fn identify(&mut self, earned: &Earned, refusal: Option<Refusal>) {
        let unknown = matches!(
            refusal,
            Some(Refusal::PasskeyMissing | Refusal::PasskeyUnknown | Refusal::UserDeleted)
        );
        if unknown || self.context.tracker.mode() == Mode::Public {
            return;
        }
        let evicted = self.identified.remember(earned.source, earned.now_seconds);
        self.counters.identified_evicted.add(evicted as u64);
    }

    fn scrape(&self, earned: &Earned, info_hashes: InfoHashes<'_>, reply: &mut Vec<u8>) {
        let tracker = &self.context.tracker;
        let identified = || self.identified.contains(earned.source, earned.now_seconds);
        if tracker.mode() == Mode::Private && !identified() {
            self.counters.scrapes_unidentified.increment();
            let text = "announce with your passkey before you scrape";
            return encode_error(reply, earned.transaction_id, text, REPLY_BYTES_MAX);
        }
        self.counters.scraped(Carrier::Udp);
        let max = self.context.live().scrape_hashes_max;
        // Counts follow each other in the order of the request: an unknown torrent needs its own.
        let counts = info_hashes.iter().take(max);
        let counts = counts.map(|info_hash| tracker.scrape(info_hash).unwrap_or_default());
        udp::encode_scrape(reply, earned.transaction_id, counts);
    }

    /// An error, unless the announce should wait.
    fn refuse(
        &self,
        refusal: Refusal,
        earned: &Earned,
        request: AnnounceRequest,
        resumed: Option<Resumed>,
        reply: &mut Vec<u8>,
    ) -> Option<Parked> {
        let now_seconds = earned.now_seconds;
        let verdict = lookup::judge(&self.context, &request, refusal, resumed, now_seconds);
        if let Verdict::Wait(ticket) = verdict {
            return Some(Parked { request, earned: *earned, ticket });
        }
        self.counters.refusal(refusal);
        let transaction_id = earned.transaction_id;
        if matches!(verdict, Verdict::ComeBackSoon) {
            encode_error(reply, transaction_id, lookup::NOT_FOUND_OUT_YET, REPLY_BYTES_MAX);
            return None;
        }
        let told = self.context.tracker.explain(refusal);
        if told.form == Form::Failure {
            encode_error(reply, transaction_id, &told.text, REPLY_BYTES_MAX);
            return None;
        }
        // What is no failure over HTTP is an answer without peers here, without room for words.
        let Answer { interval_seconds, leechers, seeders, .. } = told.answer();
        AnnounceReply { transaction_id, interval_seconds, leechers, seeders, rows: &[] }
            .encode(reply);
        None
    }
}

/// Appends an error of at most `bytes_max` bytes, whose text is cut if need be.
fn encode_error(reply: &mut Vec<u8>, transaction_id: u32, text: &str, bytes_max: usize) {
    let text_bytes = text.floor_char_boundary(bytes_max.saturating_sub(ERROR_HEAD_BYTES));
    udp::encode_error(reply, transaction_id, text.get(..text_bytes).unwrap_or_default());
}
