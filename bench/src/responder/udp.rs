//! Datagrams in and out, up to 64 with one system call, as `listen/udp/batch.rs` of mika does.

use std::array;
use std::io::{IoSlice, IoSliceMut};
use std::net::UdpSocket;
use std::os::fd::AsRawFd as _;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use mika_protocol::udp::{AnnounceReply, encode_connect};
use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg};

/// As in mika.
const BATCH: usize = 64;
const REQUEST_BYTES_MAX: usize = 2048;

/// After a failure to receive.
const BACK_OFF: Duration = Duration::from_millis(10);

/// Where a request says what it asks for, and how a connect does.
const ACTION: std::ops::Range<usize> = 8..12;
const CONNECT: [u8; 4] = [0; 4];
const TRANSACTION_ID: std::ops::Range<usize> = 12..16;

/// An announce reply of so many bytes, for transaction 0.
pub(super) fn reply(bytes: usize) -> Result<Vec<u8>> {
    const HEAD_BYTES: usize = 20;
    ensure!(bytes >= HEAD_BYTES, "reply-bytes: an announce reply has at least {HEAD_BYTES}");
    let rows = vec![0x55; bytes - HEAD_BYTES];
    let mut reply = Vec::with_capacity(bytes);
    AnnounceReply {
        transaction_id: 0,
        interval_seconds: 1800,
        leechers: 5,
        seeders: 5,
        rows: &rows,
    }
    .encode(&mut reply);
    Ok(reply)
}

/// Appends what answers a request; nothing, if it is none.
fn answer(request: &[u8], reply: &[u8], out: &mut Vec<u8>) {
    let Some(id) = request.get(TRANSACTION_ID) else { return };
    if request.get(ACTION) == Some(&CONNECT) {
        let id = id.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        return encode_connect(out, id, 1);
    }
    out.extend_from_slice(reply);
    if let Some(slot) = out.get_mut(4..8) {
        slot.copy_from_slice(id);
    }
}

/// Serves a socket for ever.
pub(super) fn run(socket: &UdpSocket, reply: &[u8]) {
    let fd = socket.as_raw_fd();
    let mut input = vec![0; BATCH * REQUEST_BYTES_MAX];
    let mut replies: Vec<_> = (0..BATCH).map(|_| Vec::with_capacity(reply.len().max(16))).collect();
    let mut headers_in = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut headers_out = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    loop {
        let mut received = [None; BATCH];
        {
            let mut chunks = input.chunks_exact_mut(REQUEST_BYTES_MAX);
            let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
                array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
            let flags = MsgFlags::MSG_WAITFORONE;
            match recvmmsg(fd, &mut headers_in, slices.iter_mut(), flags, None) {
                Ok(results) => {
                    for (slot, message) in received.iter_mut().zip(results) {
                        *slot = message.address.map(|address| (address, message.bytes));
                    }
                }
                Err(Errno::EAGAIN | Errno::EINTR) => continue,
                Err(_) => {
                    sleep(BACK_OFF);
                    continue;
                }
            }
        }
        let mut targets = [None; BATCH];
        let mut count = 0;
        let mut free = replies.iter_mut().zip(&mut targets);
        for (chunk, received) in input.chunks_exact(REQUEST_BYTES_MAX).zip(received) {
            let Some((address, bytes)) = received else { break };
            let Some((out, target)) = free.next() else { break };
            out.clear();
            answer(chunk.get(..bytes).unwrap_or(chunk), reply, out);
            *target = Some(address);
            count += 1;
        }
        send(fd, &mut headers_out, replies.get(..count).unwrap_or_default(), &targets);
    }
}

fn send(
    fd: i32,
    headers: &mut MultiHeaders<SockaddrIn>,
    replies: &[Vec<u8>],
    targets: &[Option<SockaddrIn>; BATCH],
) {
    let mut done = 0;
    while done < replies.len() {
        let mut rest = replies.get(done..).unwrap_or_default().iter();
        let count = rest.len();
        let slices: [[IoSlice<'_>; 1]; BATCH] =
            array::from_fn(|_| [IoSlice::new(rest.next().map_or(&[], Vec::as_slice))]);
        let slices = slices.iter().take(count);
        let targets = targets.get(done..).unwrap_or_default();
        let nothing: [ControlMessage<'_>; 0] = [];
        match sendmmsg(fd, headers, slices, targets, nothing, MsgFlags::empty()) {
            Ok(results) => done += results.count(),
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => return,
            Err(_) => done += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_have_the_size_and_the_id() {
        let reply = reply(320).unwrap();
        assert_eq!(reply.len(), 320);
        let mut request = [0u8; 98];
        request[11] = 1;
        request[12..16].copy_from_slice(&[1, 2, 3, 4]);
        let mut out = Vec::new();
        answer(&request, &reply, &mut out);
        assert_eq!(out.len(), 320);
        assert_eq!(out[..8], [0, 0, 0, 1, 1, 2, 3, 4]);
        out.clear();
        request[11] = 0;
        answer(&request[..16], &reply, &mut out);
        assert_eq!(out[..8], [0, 0, 0, 0, 1, 2, 3, 4]);
        assert_eq!(out.len(), 16);
        out.clear();
        answer(&request[..15], &reply, &mut out);
        assert!(out.is_empty());
    }
}
