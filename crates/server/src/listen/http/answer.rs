//! The life of a request: from its bytes to those of its reply.

use std::borrow::Cow;

use mika_core::batch::Agent;
use mika_core::site::Form;
use mika_core::{Explanation, Headers, PeerList, Refusal, Retry};
use mika_protocol::announce::AnnounceError;
use mika_protocol::http::{
    self, AnnounceReply, FailureReply, Method, ParsedHead, Peers, RequestHead, RetryIn, Route,
    ScrapeReply, Shape,
};
use mika_protocol::{AnnounceRequest, Event, InfoHash, Passkey};

use super::Worker;
use crate::counters::{Carrier, ParseFailure};
use crate::listen::context::LiveSettings;
use crate::listen::lookup::{self, Resumed, Ticket, Verdict};
use crate::listen::origin::Origin;

/// Replies to pipelined requests are sent when they have come to this size, before more are built.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// What `GET /` is answered with.
const GREETING: &str = "This is a BitTorrent tracker.\n";

/// Where requests come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    pub(super) origin: Origin,
    pub(super) carrier: Carrier,
}

/// How far a turn has come.
#[derive(Debug)]
pub(super) struct Turn {
    /// Bytes that are dealt with.
    pub(super) bytes: usize,
    /// What should happen once the replies are sent.
    pub(super) next: Next,
    /// What the next request waits for, with [`Next::Wait`].
    pub(super) ticket: Option<Ticket>,
}

/// What should happen once the replies are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// More bytes are needed.
    Receive,
    /// There are complete requests left.
    More,
    /// There are complete requests left, the first of which has to wait.
    Wait,
    /// The connection should be closed.
    Close,
    /// The connection should be closed, but the client may not expect it.
    Linger,
}

/// What the requests of one turn share.
struct Exchange<'a> {
    worker: &'a Worker,
    source: Source,
    live: &'a LiveSettings,
    now_seconds: u32,
    peers: &'a mut PeerList,
    /// The first request has waited.
    resumed: Option<Resumed>,
    /// The last request has to wait: it has no reply yet.
    ticket: Option<Ticket>,
}

/// Answers all complete requests in `arrived`, up to one that has to wait; the replies are appended
/// to `output`. `resumed` if the first request has waited.
pub(super) fn answer(
    worker: &Worker,
    source: Source,
    resumed: Option<Resumed>,
    arrived: &[u8],
    body_left: &mut u64,
    peers: &mut PeerList,
    output: &mut Vec<u8>,
) -> Turn {
    let live = worker.context.live();
    let now_seconds = worker.context.clock.now_seconds();
    let mut exchange =
        Exchange { worker, source, live: &live, now_seconds, peers, resumed, ticket: None };
    let mut rest = arrived;
    let next = loop {
        rest = skip_body(rest, body_left);
        // Some clients send an empty line after a body.
        while let [b'\r' | b'\n', tail @ ..] = rest {
            rest = tail;
        }
        if rest.is_empty() {
            break Next::Receive;
        }
        if output.len() >= OUTPUT_BYTES_MAX {
            break Next::More;
        }
        match http::parse_head(rest) {
            ParsedHead::Partial => break Next::Receive,
            ParsedHead::Invalid(error) => {
                worker.counters.parse_failure(ParseFailure::HttpMalformed);
                write_text(output, error.status(), &format!("{error}\n"));
                break Next::Linger;
            }
            ParsedHead::Complete { head, bytes } => {
                if let Some(end) = exchange.answer_request(&head, body_left, output) {
                    if end != Next::Wait {
                        rest = rest.get(bytes..).unwrap_or_default();
                    }
                    break end;
                }
                rest = rest.get(bytes..).unwrap_or_default();
            }
        }
    };
    let bytes = arrived.len().saturating_sub(rest.len());
    Turn { bytes, next, ticket: exchange.ticket }
}

/// Appends a text as the last reply of a connection.
pub(super) fn write_text(output: &mut Vec<u8>, status: u16, text: &str) {
    http::write_response(output, status, false, |body| body.extend_from_slice(text.as_bytes()));
}

fn skip_body<'a>(rest: &'a [u8], body_left: &mut u64) -> &'a [u8] {
    let skipped = usize::try_from(*body_left).unwrap_or(usize::MAX).min(rest.len());
    *body_left = body_left.saturating_sub(skipped as u64);
    rest.get(skipped..).unwrap_or_default()
}

impl Exchange<'_> {
    /// Answers one request; what to do next, unless that is to go on.
    fn answer_request(
        &mut self,
        head: &RequestHead<'_>,
        body_left: &mut u64,
        output: &mut Vec<u8>,
    ) -> Option<Next> {
        if head.chunked {
            self.worker.counters.parse_failure(ParseFailure::HttpTooLarge);
            write_text(output, 413, "a body in chunks is not accepted\n");
            return Some(Next::Linger);
        }
        if head.content_length > self.worker.settings.body_bytes_max {
            self.worker.counters.parse_failure(ParseFailure::HttpTooLarge);
            write_text(output, 413, "the body is too large\n");
            return Some(Next::Linger);
        }
        // A client that asks before it sends the body may, after this answer, not send it: where
        // its next request begins could then not be told.
        let has_body = head.content_length > 0;
        let undecided = has_body && head.headers("expect").next().is_some();
        let keep_alive = head.keep_alive && !undecided && !self.worker.closing.get();
        *body_left = head.content_length;

        let start = output.len();
        self.write_reply(head, keep_alive, output);
        self.resumed = None;
        if self.ticket.is_some() {
            output.truncate(start);
            *body_left = 0;
            return Some(Next::Wait);
        }
        if head.method == Method::Head {
            remove_body(output, start);
        }
        match keep_alive {
            true => None,
            false if has_body => Some(Next::Linger),
            false => Some(Next::Close),
        }
    }

    fn write_reply(&mut self, head: &RequestHead<'_>, keep_alive: bool, output: &mut Vec<u8>) {
        let text = |output: &mut Vec<u8>, status, text: &str| {
            http::write_response(output, status, keep_alive, |body| {
                body.extend_from_slice(text.as_bytes());
            });
        };
        if head.method == Method::Other {
            self.worker.counters.parse_failure(ParseFailure::HttpMethod);
            return text(output, 405, "only GET and HEAD are possible\n");
        }
        let route = http::route(head.target);
        if route == Route::Other {
            if head.target == b"/" {
                return text(output, 200, GREETING);
            }
            self.worker.counters.parse_failure(ParseFailure::HttpPath);
            return text(output, 404, "there is nothing here: announce to /<passkey>/announce\n");
        }
        http::write_response(output, 200, keep_alive, |body| match route {
            Route::Announce { passkey, query } => self.announce(head, query, passkey, body),
            Route::Scrape { passkey, query } => self.scrape(head, query, passkey, body),
            Route::InvalidPasskey | Route::Other => self.refuse_passkey(body),
        });
    }

    fn announce(
        &mut self,
        head: &RequestHead<'_>,
        query: &[u8],
        passkey: Option<Passkey>,
        body: &mut Vec<u8>,
    ) {
        let request = match http::parse_announce(query, passkey) {
            Ok(request) => request,
            Err(error) => return self.malformed(error, query, passkey, body),
        };
        let ip = match self.source.origin.client(head, self.live) {
            Ok(ip) => ip,
            Err(error) => return self.fail(ParseFailure::ClientAddress, &error.to_string(), body),
        };
        let agent = Agent::new(head.user_agent.unwrap_or_default());
        let headers = self.live.reads_headers.then(|| self.headers_of(head));
        let tracker = &self.worker.context.tracker;
        let shape = if tracker.is_watched() { self.shape_of(head, query, &request) } else { 0 };
        let source = mika_core::Source { agent, headers, shape, ..mika_core::Source::new(ip) };
        if self.live.log_announces && self.resumed.is_none() {
            self.worker.context.log_announce(&request, ip, self.now_seconds);
        }
        let answer = match tracker.announce(&request, source, self.now_seconds, self.peers) {
            Ok(answer) => answer,
            Err(refusal) => return self.refuse_announce(refusal, &request, body),
        };
        self.worker.counters.announced(self.source.carrier, request.event, ip);
        let text = answer.warning.map(|reason| tracker.explain(reason).text);
        let warning = warning_of(text, self.peers.warning.as_deref());
        AnnounceReply {
            interval_seconds: answer.interval_seconds,
            min_interval_seconds: answer.min_interval_seconds,
            seeders: answer.seeders,
            leechers: answer.leechers,
            snatches: answer.snatches,
            peers: peers_of(self.peers, request.compact, request.no_peer_id),
            external_ip: Some(ip).filter(|_| self.live.external_ip),
            tracker_id: self.live.tracker_id.as_deref().map(str::as_bytes),
            warning: warning.as_deref().or(self.live.notice.as_deref()),
        }
        .encode(body);
    }

    fn scrape(
        &self,
        head: &RequestHead<'_>,
        query: &[u8],
        passkey: Option<Passkey>,
        body: &mut Vec<u8>,
    ) {
        // The size of the request bounds how many there can be; those over the limit are left out.
        let mut request = match http::parse_scrape(query, passkey, usize::MAX) {
            Ok(request) => request,
            Err(error) => return self.fail(ParseFailure::Scrape, &error.to_string(), body),
        };
        if self.live.log_scrapes
            && let Ok(ip) = self.source.origin.client(head, self.live)
        {
            let (passkey, first) = (request.passkey.as_ref(), request.info_hashes.first().copied());
            self.worker.context.log_scrape(passkey, first, ip, self.now_seconds);
        }
        let tracker = &self.worker.context.tracker;
        let first = request.info_hashes.first().copied();
        if let Err(refusal) = tracker.admit_scrape(request.passkey.as_ref(), first) {
            return self.refuse(refusal, body);
        }
        request.info_hashes.truncate(self.live.scrape_hashes_max);
        let passkey = request.passkey.as_ref();
        let counted = |hash: InfoHash| Some((hash, tracker.scrape_as(passkey, hash)?));
        let mut files: Vec<_> = request.info_hashes.into_iter().filter_map(counted).collect();
        self.worker.counters.scraped(self.source.carrier);
        let min_request_interval_seconds = self.live.scrape_interval_seconds;
        ScrapeReply { files: &mut files, min_request_interval_seconds }.encode(body);
    }

    /// A failure that the tracker decided on, unless the announce should wait.
    fn refuse_announce(&mut self, refusal: Refusal, request: &AnnounceRequest, body: &mut Vec<u8>) {
        let (context, now_seconds) = (&self.worker.context, self.now_seconds);
        match lookup::judge(context, request, refusal, self.resumed, now_seconds) {
            Verdict::Refuse => self.refuse(refusal, body),
            Verdict::Wait(ticket) => self.ticket = Some(ticket),
            Verdict::ComeBackSoon => {
                self.worker.counters.refusal(refusal);
                let soon = context.tracker.explain(Refusal::TorrentUnknown);
                let text = lookup::NOT_FOUND_OUT_YET.to_owned();
                encode_refusal(&Explanation { text, form: Form::Failure, ..soon }, body);
            }
        }
    }

    /// A failure that the tracker decided on.
    fn refuse(&self, refusal: Refusal, body: &mut Vec<u8>) {
        self.worker.counters.refusal(refusal);
        let explanation = self.worker.context.tracker.explain(refusal);
        encode_refusal(&explanation, body);
    }

    /// A passkey that no user can have.
    fn refuse_passkey(&self, body: &mut Vec<u8>) {
        self.worker.counters.parse_failure(ParseFailure::Passkey);
        encode_refusal(&self.worker.context.tracker.explain(Refusal::PasskeyInvalid), body);
    }

    /// An announce that cannot be decoded.
    #[cold]
    fn malformed(
        &self,
        error: AnnounceError,
        query: &[u8],
        passkey: Option<Passkey>,
        body: &mut Vec<u8>,
    ) {
        self.worker.counters.parse_failure(ParseFailure::Announce);
        let info_hashes = http::parse_scrape(query, passkey, 1).map(|it| it.info_hashes);
        let info_hash = info_hashes.ok().and_then(|hashes| hashes.first().copied());
        let tracker = &self.worker.context.tracker;
        encode_refusal(&tracker.explain_malformed(error, passkey.as_ref(), info_hash), body);
    }

    /// How the request is written. To find that out takes as long as to parse it, and a client
    /// writes all of them alike: so only of clients that start, and of some others.
    #[inline(never)]
    fn shape_of(&self, head: &RequestHead<'_>, query: &[u8], request: &AnnounceRequest) -> u32 {
        const ONE_IN: u32 = 64;
        let [.., last] = request.peer_id.0;
        let is_due = self.now_seconds.wrapping_add(last.into()).is_multiple_of(ONE_IN);
        if request.event != Event::Started && !is_due {
            return 0;
        }
        let shape = Shape::of_query(query);
        match self.source.origin.is_trusted(&self.live.trusted_proxies) {
            // The headers are the proxy's.
            true => shape.bits(),
            false => shape.with_headers(head.header_names()).bits(),
        }
    }

    fn headers_of(&self, head: &RequestHead<'_>) -> Headers {
        let agent = head.user_agent.filter(|agent| agent.is_ascii() && !agent.is_empty());
        let mut forbidden = self.live.headers_forbidden.iter();
        Headers {
            agent_bytes: agent.map(|agent| u16::try_from(agent.len()).unwrap_or(u16::MAX)),
            forbidden: forbidden.any(|name| head.headers(name).next().is_some()),
        }
    }

    /// A failure that never reached the tracker: it will not work until the client, the torrent
    /// file or the proxy is another.
    fn fail(&self, failure: ParseFailure, reason: &str, body: &mut Vec<u8>) {
        self.worker.counters.parse_failure(failure);
        let as_long_as = self.worker.context.tracker.explain(Refusal::CounterTooLarge);
        let explanation =
            Explanation { text: reason.to_owned(), form: Form::Failure, ..as_long_as };
        encode_refusal(&explanation, body);
    }
}

/// What the site says of the announce, and what its user should know besides.
fn warning_of(text: Option<String>, also: Option<&str>) -> Option<Cow<'_, str>> {
    match (text, also) {
        (None, None) => None,
        (None, Some(text)) => Some(text.into()),
        (Some(text), None) => Some(text.into()),
        (Some(first), Some(second)) => Some(format!("{first}; {second}").into()),
    }
}

fn encode_refusal(told: &Explanation, body: &mut Vec<u8>) {
    if told.form != Form::Failure {
        let answer = told.answer();
        AnnounceReply {
            interval_seconds: answer.interval_seconds,
            min_interval_seconds: answer.min_interval_seconds,
            warning: Some(told.text.as_str()).filter(|_| told.form == Form::Warning),
            ..AnnounceReply::default()
        }
        .encode(body);
        return;
    }
    FailureReply {
        reason: &told.text,
        interval_seconds: told.interval_seconds,
        min_interval_seconds: told.interval_seconds,
        retry_in: told.retry.map(|retry| match retry {
            Retry::Minutes(minutes) => RetryIn::Minutes(minutes),
            Retry::Never => RetryIn::Never,
        }),
    }
    .encode(body);
}

fn peers_of(peers: &PeerList, compact: bool, no_peer_id: bool) -> Peers<'_> {
    let (v4, v6) = (&*peers.v4, &*peers.v6);
    if compact {
        return Peers::Compact { v4, v6 };
    }
    let (v4_ids, v6_ids) = (&*peers.v4_ids, &*peers.v6_ids);
    let unknown = no_peer_id || (v4_ids.is_empty() && v6_ids.is_empty());
    Peers::Dictionaries { v4, v6, peer_ids: (!unknown).then_some((v4_ids, v6_ids)) }
}

/// The answer to HEAD is that to GET without the body.
fn remove_body(output: &mut Vec<u8>, start: usize) {
    const END: &[u8] = b"\r\n\r\n";
    let reply = output.get(start..).unwrap_or_default();
    if let Some(at) = reply.windows(END.len()).position(|bytes| bytes == END) {
        output.truncate(start.saturating_add(at).saturating_add(END.len()));
    }
}
