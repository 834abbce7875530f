//! The life of a connection: receive, answer, send, and wait for the next request.
//!
//! All of it happens in one `poll`, in the worker's buffers: what has arrived is answered and sent
//! before anybody else gets to run, so that nothing of it has to be kept. Only what is incomplete
//! moves to memory of the connection.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until, timeout};

use super::answer::{self, Next};
use super::{Buffers, Worker};
use crate::counters::{Carrier, ParseFailure};
use crate::listen::context::Place;
use crate::listen::lookup::{Outcome, Resumed, Ticket};
use crate::listen::origin::Origin;

/// How much may still arrive, and for how long, after the server has closed its side: closing at
/// once would make the kernel reset the connection, and the client could lose the last answer.
const LINGER_BYTES_MAX: usize = 256 * 1024;
const LINGER: Duration = Duration::from_secs(2);

/// Memory that the worker keeps for building replies; more is given back after use.
const OUTPUT_BYTES_KEPT: usize = 64 * 1024;

/// One connection of a client.
pub(super) struct Connection<S> {
    worker: Rc<Worker>,
    stream: S,
    origin: Origin,
    carrier: Carrier,
    /// What has arrived of a request that is not complete, or complete but not answered yet.
    pending: Vec<u8>,
    /// Whether `pending` has complete requests.
    more: bool,
    /// What the first of them waits for.
    ticket: Option<Ticket>,
    /// How the first of them has waited.
    resumed: Option<Resumed>,
    /// Bytes of a request's body that are still to be skipped.
    body_left: u64,
    /// Replies that the client has not taken yet.
    unsent: Vec<u8>,
    /// The stream holds back bytes that it has taken (TLS).
    unflushed: bool,
    /// What to do when everything is sent.
    end: Option<End>,
    phase: Phase,
    deadline: Instant,
    counted_busy: bool,
    _place: Place,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The rest of a request, or the first byte of the connection's first one.
    Request,
    /// The next request, of which nothing has arrived.
    Idle,
    /// The client to take a reply.
    Send,
    /// The end of a look-up.
    Lookup,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client is gone, or does not listen.
    Gone,
    /// Everything is said.
    Close,
    /// Everything is said, but the client may still be talking.
    Linger,
}

impl<S> Drop for Connection<S> {
    fn drop(&mut self) {
        self.count_busy(false);
    }
}

impl<S> Connection<S> {
    pub(super) fn new(
        worker: Rc<Worker>,
        stream: S,
        origin: Origin,
        carrier: Carrier,
        place: Place,
    ) -> Self {
        let deadline = Instant::now() + worker.settings.header_timeout;
        Self {
            worker,
            stream,
            origin,
            carrier,
            pending: Vec::new(),
            more: false,
            ticket: None,
            resumed: None,
            body_left: 0,
            unsent: Vec::new(),
            unflushed: false,
            end: None,
            phase: Phase::Request,
            deadline,
            counted_busy: false,
            _place: place,
        }
    }

    /// Takes note of what is waited for now; the time for a request or a reply runs from its
    /// beginning, however slowly it trickles.
    fn enter(&mut self, phase: Phase) {
        self.count_busy(phase == Phase::Send || !self.pending.is_empty() || self.body_left > 0);
        if phase == self.phase && phase != Phase::Idle {
            return;
        }
        self.phase = phase;
        let settings = &self.worker.settings;
        self.deadline = match (phase, &self.ticket) {
            (Phase::Lookup, Some(ticket)) => ticket.deadline(),
            (Phase::Idle, _) => Instant::now() + settings.idle_timeout,
            _ => Instant::now() + settings.header_timeout,
        };
    }

    fn count_busy(&mut self, busy: bool) {
        let count = self.worker.busy.get();
        match (self.counted_busy, busy) {
            (false, true) => self.worker.busy.set(count.saturating_add(1)),
            (true, false) => self.worker.busy.set(count.saturating_sub(1)),
            _ => {}
        }
        self.counted_busy = busy;
    }

    /// The request that has waited is to be answered.
    fn resume(&mut self, outcome: Outcome) {
        let ticket = self.ticket.take();
        self.resumed = ticket.map(|ticket| Resumed { outcome, deadline: ticket.deadline() });
        self.enter(Phase::Request);
    }

    /// The deadline has passed.
    fn time_out(&mut self) -> Option<End> {
        if self.phase == Phase::Lookup {
            self.resume(Outcome::Failed);
            return None;
        }
        let counters = &self.worker.counters;
        match self.phase {
            Phase::Idle => counters.connections_idled_out.increment(),
            Phase::Request | Phase::Send | Phase::Lookup => {
                counters.connections_timed_out.increment()
            }
        }
        if self.phase != Phase::Request || self.pending.is_empty() || self.end.is_some() {
            return Some(End::Gone);
        }
        answer::write_text(&mut self.unsent, 408, "the request did not arrive in time\n");
        self.end = Some(End::Linger);
        self.enter(Phase::Send);
        None
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Serves the connection to its end.
    pub(super) async fn run(mut self) {
        let mut alarm = pin!(sleep_until(self.deadline));
        let end = poll_fn(|cx| {
            loop {
                if let Poll::Ready(end) = self.poll(cx) {
                    return Poll::Ready(end);
                }
                // The alarm is only moved when it would be late, or has gone off: not for every
                // request.
                if self.deadline < alarm.deadline() {
                    alarm.as_mut().reset(self.deadline);
                }
                ready!(alarm.as_mut().poll(cx));
                if Instant::now() < self.deadline {
                    alarm.as_mut().reset(self.deadline);
                    ready!(alarm.as_mut().poll(cx));
                }
                if let Some(end) = self.time_out() {
                    return Poll::Ready(end);
                }
            }
        })
        .await;
        match end {
            End::Gone => {}
            End::Close => self.close().await,
            End::Linger => drop(timeout(LINGER, self.linger()).await),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            if !self.unsent.is_empty() || self.unflushed {
                self.enter(Phase::Send);
                if ready!(self.poll_send(cx)).is_err() {
                    return Poll::Ready(End::Gone);
                }
                self.wait_for_request();
            }
            if let Some(end) = self.end {
                return Poll::Ready(end);
            }
            if self.ticket.is_some() {
                self.enter(Phase::Lookup);
            }
            if let Some(ticket) = &mut self.ticket {
                let outcome = ready!(ticket.poll(cx));
                self.resume(outcome);
            }
            match ready!(self.poll_exchange(cx)) {
                Ok(()) if self.unsent.is_empty() && !self.unflushed => self.wait_for_request(),
                Ok(()) => {}
                Err(_) => return Poll::Ready(End::Gone),
            }
        }
    }

    fn wait_for_request(&mut self) {
        let under_way = !self.pending.is_empty() || self.body_left > 0;
        self.enter(if under_way { Phase::Request } else { Phase::Idle });
    }

    /// Sends what the client has not taken before.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.unsent))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.worker.counters.sent(self.carrier, sent);
            self.unsent.drain(..sent.min(self.unsent.len()));
        }
        self.unsent = Vec::new();
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    /// Receives, answers and sends once.
    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let worker = Rc::clone(&self.worker);
        let mut buffers = worker.buffers.borrow_mut();
        let Buffers { input, output, peers } = &mut *buffers;
        let known = self.pending.len();
        let (before, free) = input.split_at_mut_checked(known).unwrap_or_default();
        let mut received = 0;
        if !self.more {
            let mut free = ReadBuf::new(free);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut free))?;
            received = free.filled().len();
            if received == 0 {
                self.end = Some(End::Close);
                return Poll::Ready(Ok(()));
            }
            worker.counters.received(self.carrier, received);
        }
        before.copy_from_slice(&self.pending);
        let arrived = input.get(..known + received).unwrap_or_default();

        output.clear();
        let request = answer::Source { origin: self.origin, carrier: self.carrier };
        let (resumed, left) = (self.resumed.take(), &mut self.body_left);
        let turn = answer::answer(&worker, request, resumed, arrived, left, peers, output);
        self.more = matches!(turn.next, Next::More | Next::Wait);
        self.ticket = turn.ticket;
        self.end = match turn.next {
            Next::Close => Some(End::Close),
            Next::Linger => Some(End::Linger),
            Next::Receive | Next::More | Next::Wait => None,
        };
        self.keep(arrived.get(turn.bytes..).unwrap_or_default());
        let undecided = self.end.is_none() && self.ticket.is_none();
        if undecided && self.pending.len() >= worker.settings.request_bytes_max {
            worker.counters.parse_failure(ParseFailure::HttpTooLarge);
            answer::write_text(output, 431, "the request is too large\n");
            self.end = Some(End::Linger);
        }
        let result = self.send_now(cx, output);
        if output.capacity() > OUTPUT_BYTES_KEPT {
            *output = Vec::new();
        }
        Poll::Ready(result)
    }

    /// Keeps what has arrived but could not be answered; nothing costs no memory.
    fn keep(&mut self, rest: &[u8]) {
        if rest.is_empty() {
            self.pending = Vec::new();
        } else {
            self.pending.clear();
            self.pending.extend_from_slice(rest);
        }
    }

    /// Sends as much as the client takes at once, and keeps the rest.
    fn send_now(&mut self, cx: &mut Context<'_>, output: &[u8]) -> io::Result<()> {
        let mut rest = output;
        while !rest.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(sent)) => {
                    self.worker.counters.sent(self.carrier, sent);
                    rest = rest.get(sent..).unwrap_or_default();
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => {
                    self.unsent.extend_from_slice(rest);
                    return Ok(());
                }
            }
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(result) => result,
            Poll::Pending => {
                self.unflushed = true;
                Ok(())
            }
        }
    }

    /// Ends the connection in order; what goes wrong with that concerns nobody any more.
    async fn close(&mut self) {
        if self.carrier == Carrier::Https {
            let shutdown = poll_fn(|cx| Pin::new(&mut self.stream).poll_shutdown(cx));
            let _ = timeout(LINGER, shutdown).await;
        }
    }

    /// Ends the server's side, and takes in what the client is still sending.
    async fn linger(&mut self) {
        if poll_fn(|cx| Pin::new(&mut self.stream).poll_shutdown(cx)).await.is_err() {
            return;
        }
        let mut total = 0;
        while total < LINGER_BYTES_MAX {
            let received = poll_fn(|cx| {
                let mut buffers = self.worker.buffers.borrow_mut();
                let mut input = ReadBuf::new(&mut buffers.input);
                let result = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut input));
                Poll::Ready(result.map(|()| input.filled().len()))
            });
            match received.await {
                Ok(bytes) if bytes > 0 => total = total.saturating_add(bytes),
                _ => return,
            }
        }
    }
}
