//! Announces that wait for somebody to find out what the tracker does not know.
//!
//! A torrent that was uploaded, or a user who signed up, a moment ago may not be known yet, though
//! whoever keeps them knows: an announce that is refused for that is parked until a [`Lookup`] has
//! asked. What that is, the sockets do not know. Parking holds no worker: over HTTP the
//! connection's task waits while others go on, over UDP the request lies on a list that the worker
//! looks at between two batches of datagrams.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use mika_core::Refusal;
use mika_protocol::AnnounceRequest;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::context::ListenContext;

/// What a client is told whose announce has waited in vain.
pub(super) const NOT_FOUND_OUT_YET: &str =
    "the site is being asked about this torrent: it will work in a moment";

/// Finds out what the tracker does not know.
pub trait Lookup: fmt::Debug + Send + Sync + 'static {
    /// What to do with an announce that was refused. Never waits.
    fn ask(&self, request: &AnnounceRequest, refusal: Refusal) -> Asked;
}

/// What to do with an announce that was refused.
#[derive(Debug)]
pub enum Asked {
    /// Nothing more can be found out: the refusal holds.
    Final,
    /// Wait for this, then try again.
    Wait(Ticket),
    /// Too many wait already, or nobody can be asked: the client should come back soon.
    NotNow,
}

/// How a look-up has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Whatever can be known is known now: try again.
    Answered,
    /// There was no answer, or not in time.
    Failed,
}

/// A place among the announces that wait; dropping it gives it back.
#[derive(Debug)]
pub struct Ticket {
    receiver: oneshot::Receiver<Outcome>,
    deadline: Instant,
    _place: Place,
}

impl Ticket {
    /// A ticket for the end of a look-up, valid until `deadline`.
    pub fn new(receiver: oneshot::Receiver<Outcome>, deadline: Instant, place: Place) -> Self {
        Self { receiver, deadline, _place: place }
    }

    /// When the waiting ends in any case.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// An announce that has waited before does not wait longer for that.
    pub(super) fn until(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline.map_or(self.deadline, |deadline| deadline.min(self.deadline));
        self
    }

    /// The end of the look-up; does not look at the deadline.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let polled = Pin::new(&mut self.receiver).poll(cx);
        polled.map(|outcome| outcome.unwrap_or(Outcome::Failed))
    }

    /// The end of the look-up, or of the waiting, if it has come.
    pub(super) fn outcome(&mut self) -> Option<Outcome> {
        match self.receiver.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(oneshot::error::TryRecvError::Closed) => Some(Outcome::Failed),
            Err(oneshot::error::TryRecvError::Empty) => {
                (Instant::now() >= self.deadline).then_some(Outcome::Failed)
            }
        }
    }
}

/// One of a bounded number of places.
#[derive(Debug)]
pub struct Place {
    taken: Arc<AtomicUsize>,
}

impl Place {
    /// Takes a place of which there are `places_max`; `None` when all are taken.
    pub fn take(taken: &Arc<AtomicUsize>, places_max: usize) -> Option<Self> {
        let place = Self { taken: Arc::clone(taken) };
        let before = taken.fetch_add(1, Ordering::Relaxed);
        (before < places_max).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How far an announce has come that has waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resumed {
    pub(super) outcome: Outcome,
    /// When its waiting ends in any case.
    pub(super) deadline: Instant,
}

/// What becomes of an announce that was refused.
#[derive(Debug)]
pub(super) enum Verdict {
    Refuse,
    Wait(Ticket),
    ComeBackSoon,
}

/// Whether an announce that was refused should wait; `resumed` if it has waited already.
pub(super) fn judge(
    context: &ListenContext,
    request: &AnnounceRequest,
    refusal: Refusal,
    resumed: Option<Resumed>,
    now_seconds: u32,
) -> Verdict {
    if !matches!(refusal, Refusal::TorrentUnknown | Refusal::PasskeyUnknown) {
        return Verdict::Refuse;
    }
    let Some(lookup) = context.lookup() else { return Verdict::Refuse };
    if resumed.is_some_and(|resumed| resumed.outcome == Outcome::Failed) {
        return Verdict::ComeBackSoon;
    }
    match lookup.ask(request, refusal) {
        Asked::Final => {
            if refusal == Refusal::TorrentUnknown {
                context.tracker.note_unregistered(request, now_seconds);
            }
            Verdict::Refuse
        }
        Asked::Wait(ticket) => Verdict::Wait(ticket.until(resumed.map(|it| it.deadline))),
        Asked::NotNow => Verdict::ComeBackSoon,
    }
}
