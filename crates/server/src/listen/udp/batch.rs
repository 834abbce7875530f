//! Datagrams in and out, up to 64 with one system call.

use std::array;
use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, SockaddrLike, recvmmsg,
    sendmmsg,
};

use super::REPLY_BYTES_MAX;
use super::answer::{Parked, Responder};
use crate::listen::shutdown::ShutdownSignal;

/// Datagrams per system call at most.
const BATCH: usize = 64;

/// As long as fewer than these come at a time, no more are asked for: to prepare a large batch
/// takes as long as to answer half an announce (1,400 instructions).
const SMALL_BATCH: usize = 8;

/// Bytes of a datagram that are looked at; the largest request, a scrape of 74 torrents, has 1496.
const REQUEST_BYTES_MAX: usize = 2048;

/// Batches that are still answered after the shutdown was asked for.
const LAST_BATCHES_MAX: usize = 64;

/// How long to wait after a failure to receive, and between two warnings about it.
const BACK_OFF: Duration = Duration::from_millis(10);
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// Between two looks at the announces that wait: there may be many, and a busy socket leaves no
/// time for them all after every batch. An idle one is woken up by its receive timeout.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// The address of one family as the system has it.
pub(super) trait WireAddress: SockaddrLike + Copy + 'static {
    fn address(self) -> SocketAddr;
}

impl WireAddress for SockaddrIn {
    fn address(self) -> SocketAddr {
        SocketAddr::V4(SocketAddrV4::from(self))
    }
}

impl WireAddress for SockaddrIn6 {
    fn address(self) -> SocketAddr {
        SocketAddr::V6(SocketAddrV6::from(self))
    }
}

/// What the turns of one socket share.
struct Turns<A: WireAddress> {
    fd: RawFd,
    responder: Responder,
    input: Vec<u8>,
    replies: Vec<Vec<u8>>,
    headers_in: MultiHeaders<A>,
    headers_out: MultiHeaders<A>,
    parked: ParkedList<A>,
    looked_at: Instant,
    warned: Option<Instant>,
}

/// What a turn has come to.
enum Turned {
    /// So many datagrams were received.
    Received(usize),
    /// Nothing is left, and the shutdown was asked for.
    Ended,
}

/// Serves one socket until the shutdown.
pub(super) fn run<A: WireAddress>(
    socket: &UdpSocket,
    responder: Responder,
    shutdown: &ShutdownSignal,
) {
    let mut turns = Turns {
        fd: socket.as_raw_fd(),
        responder,
        input: vec![0; BATCH * REQUEST_BYTES_MAX],
        replies: (0..BATCH).map(|_| Vec::with_capacity(REPLY_BYTES_MAX)).collect(),
        headers_in: MultiHeaders::<A>::preallocate(BATCH, None),
        headers_out: MultiHeaders::<A>::preallocate(BATCH, None),
        parked: Vec::new(),
        looked_at: Instant::now(),
        warned: None,
    };
    let (mut last_batches, mut last) = (0, 0);
    while last_batches < LAST_BATCHES_MAX {
        let stopping = shutdown.is_triggered();
        last_batches += usize::from(stopping);
        let turned = match last < SMALL_BATCH {
            true => turns.turn::<SMALL_BATCH>(stopping),
            false => turns.turn::<BATCH>(stopping),
        };
        match turned {
            Turned::Received(count) => last = count,
            Turned::Ended => return,
        }
    }
}

impl<A: WireAddress> Turns<A> {
    /// Receives up to `N` datagrams and answers them.
    fn turn<const N: usize>(&mut self, stopping: bool) -> Turned {
        let flags = if stopping { MsgFlags::MSG_DONTWAIT } else { MsgFlags::MSG_WAITFORONE };
        let received = receive::<A, N>(self.fd, &mut self.headers_in, &mut self.input, flags);
        let received = match received {
            Ok(received) => received,
            // The receive timeout, which is there so that the shutdown is noticed, and the end of
            // a look-up.
            Err(Errno::EAGAIN) if stopping => return Turned::Ended,
            Err(Errno::EAGAIN | Errno::EINTR) => [None; N],
            Err(error) => {
                self.warn(error);
                return Turned::Received(0);
            }
        };
        let mut targets = [None; N];
        let count = answer(
            &mut self.responder,
            &self.input,
            &received,
            &mut self.parked,
            &mut self.replies,
            &mut targets,
        );
        self.send(count, &targets);
        if !self.parked.is_empty() && self.looked_at.elapsed() >= LOOK_INTERVAL {
            self.resume();
        }
        Turned::Received(received.iter().flatten().count())
    }

    fn send<const N: usize>(&mut self, count: usize, targets: &[Option<A>; N]) {
        let filled = self.replies.get(..count).unwrap_or_default();
        let unsent = send(self.fd, &mut self.headers_out, filled, targets);
        self.responder.count_sent(filled, unsent);
    }

    /// Answers the announces that have waited.
    #[cold]
    fn resume(&mut self) {
        self.looked_at = Instant::now();
        let mut targets = [None; BATCH];
        while let count @ 1.. =
            resume(&mut self.responder, &mut self.parked, &mut self.replies, &mut targets)
        {
            self.send(count, &targets);
        }
    }

    #[cold]
    fn warn(&mut self, error: Errno) {
        if self.warned.is_none_or(|at| at.elapsed() > WARNING_INTERVAL) {
            self.warned = Some(Instant::now());
            tracing::warn!(%error, "cannot receive datagrams");
        }
        sleep(BACK_OFF);
    }
}

/// Announces that wait for a look-up, with where they came from.
type ParkedList<A> = Vec<(A, Parked)>;

/// For each datagram received: its sender and its length.
type Received<A, const N: usize> = [Option<(A, usize)>; N];

fn receive<A: WireAddress, const N: usize>(
    fd: RawFd,
    headers: &mut MultiHeaders<A>,
    input: &mut [u8],
    flags: MsgFlags,
) -> nix::Result<Received<A, N>> {
    let mut chunks = input.chunks_exact_mut(REQUEST_BYTES_MAX);
    let mut slices: [[IoSliceMut<'_>; 1]; N] =
        array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
    let results = recvmmsg(fd, headers, slices.iter_mut(), flags, None)?;
    let mut received = [None; N];
    for (slot, message) in received.iter_mut().zip(results) {
        *slot = message.address.map(|address| (address, message.bytes));
    }
    Ok(received)
}

/// Fills `replies` and their `targets` with those whose waiting has ended, from the front; how many
/// there are. The others stay on the list.
fn resume<A: WireAddress>(
    responder: &mut Responder,
    parked: &mut ParkedList<A>,
    replies: &mut [Vec<u8>],
    targets: &mut [Option<A>; BATCH],
) -> usize {
    let now_seconds = responder.now_seconds();
    let mut free = replies.iter_mut().zip(targets);
    let mut slot = free.next();
    let mut count = 0;
    for (address, waiting) in std::mem::take(parked) {
        let Some((reply, target)) = &mut slot else {
            parked.push((address, waiting));
            continue;
        };
        reply.clear();
        let again = responder.resume(waiting, now_seconds, reply);
        parked.extend(again.map(|waiting| (address, waiting)));
        if !reply.is_empty() {
            **target = Some(address);
            count += 1;
            slot = free.next();
        }
    }
    count
}

/// Fills `replies` and their `targets` from the front; how many there are.
fn answer<A: WireAddress, const N: usize>(
    responder: &mut Responder,
    input: &[u8],
    received: &Received<A, N>,
    parked: &mut ParkedList<A>,
    replies: &mut [Vec<u8>],
    targets: &mut [Option<A>; N],
) -> usize {
    let now_seconds = responder.now_seconds();
    let datagrams = input.chunks_exact(REQUEST_BYTES_MAX).zip(received.iter().flatten());
    responder.approach(datagrams.map(|(chunk, (_, bytes))| chunk.get(..*bytes).unwrap_or(chunk)));
    let mut free = replies.iter_mut().zip(targets);
    let mut slot = free.next();
    let mut count = 0;
    for (chunk, received) in input.chunks_exact(REQUEST_BYTES_MAX).zip(received) {
        let (Some((address, bytes)), Some((reply, target))) = (received, &mut slot) else { break };
        let datagram = chunk.get(..*bytes).unwrap_or(chunk);
        reply.clear();
        let waiting = responder.answer(datagram, address.address(), now_seconds, reply);
        parked.extend(waiting.map(|waiting| (*address, waiting)));
        if !reply.is_empty() {
            **target = Some(*address);
            count += 1;
            slot = free.next();
        }
    }
    count
}

/// Sends all replies; how many of them could not be sent.
fn send<A: WireAddress, const N: usize>(
    fd: RawFd,
    headers: &mut MultiHeaders<A>,
    replies: &[Vec<u8>],
    targets: &[Option<A>; N],
) -> usize {
    let mut unsent = 0;
    let mut done = 0;
    while done < replies.len() {
        let mut rest = replies.get(done..).unwrap_or_default().iter();
        let count = rest.len();
        let slices: [[IoSlice<'_>; 1]; N] =
            array::from_fn(|_| [IoSlice::new(rest.next().map_or(&[], Vec::as_slice))]);
        let slices = slices.iter().take(count);
        let targets = targets.get(done..).unwrap_or_default();
        let no_control_messages: [ControlMessage<'_>; 0] = [];
        match sendmmsg(fd, headers, slices, targets, no_control_messages, MsgFlags::empty()) {
            Ok(results) => done += results.count(),
            Err(Errno::EINTR) => {}
            // The send timeout: the network takes nothing, and new requests are more useful.
            Err(Errno::EAGAIN) => return unsent + count,
            // This one cannot be sent, say to a forged address; the others can.
            Err(_) => {
                unsent += 1;
                done += 1;
            }
        }
    }
    unsent
}
