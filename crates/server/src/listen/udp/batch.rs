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

/// Serves one socket until the shutdown.
pub(super) fn run<A: WireAddress>(
    socket: &UdpSocket,
    mut responder: Responder,
    shutdown: &ShutdownSignal,
) {
    let fd = socket.as_raw_fd();
    let mut input = vec![0; BATCH * REQUEST_BYTES_MAX];
    let mut replies: Vec<_> = (0..BATCH).map(|_| Vec::with_capacity(REPLY_BYTES_MAX)).collect();
    let mut headers_in = MultiHeaders::<A>::preallocate(BATCH, None);
    let mut headers_out = MultiHeaders::<A>::preallocate(BATCH, None);
    let mut warned: Option<Instant> = None;
    let mut last_batches = 0;
    let mut parked = Vec::new();
    let mut looked_at = Instant::now();
    while last_batches < LAST_BATCHES_MAX {
        let stopping = shutdown.is_triggered();
        last_batches += usize::from(stopping);
        let flags = if stopping { MsgFlags::MSG_DONTWAIT } else { MsgFlags::MSG_WAITFORONE };
        let received = match receive(fd, &mut headers_in, &mut input, flags) {
            Ok(received) => received,
            // The receive timeout, which is there so that the shutdown is noticed, and the end of
            // a look-up.
            Err(Errno::EAGAIN) if stopping => return,
            Err(Errno::EAGAIN | Errno::EINTR) => [None; BATCH],
            Err(error) => {
                if warned.is_none_or(|at| at.elapsed() > WARNING_INTERVAL) {
                    warned = Some(Instant::now());
                    tracing::warn!(%error, "cannot receive datagrams");
                }
                sleep(BACK_OFF);
                continue;
            }
        };
        let mut targets = [None; BATCH];
        let count =
            answer(&mut responder, &input, &received, &mut parked, &mut replies, &mut targets);
        let filled = replies.get(..count).unwrap_or_default();
        let unsent = send(fd, &mut headers_out, filled, &targets);
        responder.count_sent(filled, unsent);
        if parked.is_empty() || looked_at.elapsed() < LOOK_INTERVAL {
            continue;
        }
        looked_at = Instant::now();
        while let count @ 1.. = resume(&mut responder, &mut parked, &mut replies, &mut targets) {
            let filled = replies.get(..count).unwrap_or_default();
            let unsent = send(fd, &mut headers_out, filled, &targets);
            responder.count_sent(filled, unsent);
        }
    }
}

/// Announces that wait for a look-up, with where they came from.
type ParkedList<A> = Vec<(A, Parked)>;

/// For each datagram received: its sender and its length.
type Received<A> = [Option<(A, usize)>; BATCH];

fn receive<A: WireAddress>(
    fd: RawFd,
    headers: &mut MultiHeaders<A>,
    input: &mut [u8],
    flags: MsgFlags,
) -> nix::Result<Received<A>> {
    let mut chunks = input.chunks_exact_mut(REQUEST_BYTES_MAX);
    let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
        array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
    let results = recvmmsg(fd, headers, slices.iter_mut(), flags, None)?;
    let mut received = [None; BATCH];
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
fn answer<A: WireAddress>(
    responder: &mut Responder,
    input: &[u8],
    received: &Received<A>,
    parked: &mut ParkedList<A>,
    replies: &mut [Vec<u8>],
    targets: &mut [Option<A>; BATCH],
) -> usize {
    let now_seconds = responder.now_seconds();
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
fn send<A: WireAddress>(
    fd: RawFd,
    headers: &mut MultiHeaders<A>,
    replies: &[Vec<u8>],
    targets: &[Option<A>; BATCH],
) -> usize {
    let mut unsent = 0;
    let mut done = 0;
    while done < replies.len() {
        let mut rest = replies.get(done..).unwrap_or_default().iter();
        let count = rest.len();
        let slices: [[IoSlice<'_>; 1]; BATCH] =
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
