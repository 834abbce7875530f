//! Connections on an event loop of one thread, as `listen/http` of mika does: a task for each, and
//! received, answered and sent in one poll, in buffers of the thread.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use anyhow::{Result, ensure};
use mika_protocol::http::{AnnounceReply, Peers, write_response};
use tokio::io::{AsyncRead as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};

/// Bytes received at once.
const INPUT_BYTES: usize = 16 * 1024;

const HEAD_END: [u8; 4] = *b"\r\n\r\n";

/// The reply for a connection that is kept, and for one that is closed.
#[derive(Debug, Clone)]
pub(super) struct Replies {
    keep_alive: Vec<u8>,
    close: Vec<u8>,
}

impl Replies {
    /// Both of `bytes` bytes, headers included.
    pub(super) fn new(bytes: usize) -> Result<Self> {
        Ok(Self { keep_alive: Self::reply(bytes, true)?, close: Self::reply(bytes, false)? })
    }

    fn reply(bytes: usize, keep_alive: bool) -> Result<Vec<u8>> {
        let of = |rows: usize| {
            let rows = vec![0x55; rows];
            let reply = AnnounceReply {
                interval_seconds: 1800,
                min_interval_seconds: 900,
                seeders: 5,
                leechers: 5,
                peers: Peers::Compact { v4: &rows, v6: &[] },
                ..AnnounceReply::default()
            };
            let mut out = Vec::with_capacity(bytes);
            write_response(&mut out, 200, keep_alive, |body| reply.encode(body));
            out
        };
        let least = of(0).len();
        ensure!(bytes >= least, "reply-bytes: an HTTP reply without peers has {least}");
        // The length of the rows is itself written in digits.
        let closest = (0..=bytes - least).rev().map(of).find(|reply| reply.len() <= bytes);
        Ok(closest.unwrap_or_default())
    }
}

/// Finds the ends of request heads in what arrives piece by piece.
#[derive(Debug, Default)]
struct Heads {
    /// Bytes of the end that were the last ones of the piece before.
    matched: usize,
}

impl Heads {
    /// How many heads end in the next piece.
    fn count(&mut self, mut piece: &[u8]) -> usize {
        let mut count = 0;
        // The usual case: a whole request.
        if self.matched == 0 && piece.ends_with(&HEAD_END) {
            let inner = piece.len() - HEAD_END.len();
            let before = piece.get(..inner).unwrap_or_default();
            if !before.windows(HEAD_END.len()).any(|four| four == HEAD_END) {
                return 1;
            }
        }
        while let [byte, rest @ ..] = piece {
            piece = rest;
            if HEAD_END.get(self.matched) == Some(byte) {
                self.matched += 1;
            } else {
                self.matched = usize::from(*byte == b'\r');
            }
            if self.matched == HEAD_END.len() {
                self.matched = 0;
                count += 1;
            }
        }
        count
    }
}

/// What the connections of a thread share.
struct Worker {
    replies: Replies,
    buffers: RefCell<(Box<[u8]>, Vec<u8>)>,
}

/// Serves a listener for ever.
pub(super) fn run(listener: TcpListener, replies: Replies) -> Result<()> {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build_local(LocalOptions::default())?;
    let buffers = (vec![0; INPUT_BYTES].into_boxed_slice(), Vec::with_capacity(INPUT_BYTES));
    let worker = Rc::new(Worker { replies, buffers: RefCell::new(buffers) });
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            // What goes wrong with one connection does not concern the next.
            let Ok((stream, _)) = listener.accept().await else { continue };
            tokio::task::spawn_local(serve(Rc::clone(&worker), stream));
        }
    })
}

/// One connection, to its end.
async fn serve(worker: Rc<Worker>, mut stream: TcpStream) {
    let mut heads = Heads::default();
    let mut closes = None;
    while let Ok(Exchange { unsent, is_over }) =
        poll_fn(|cx| exchange(&worker, &mut stream, &mut heads, &mut closes, cx)).await
    {
        if (!unsent.is_empty() && stream.write_all(&unsent).await.is_err()) || is_over {
            return;
        }
    }
}

struct Exchange {
    /// What the client has not taken at once.
    unsent: Vec<u8>,
    is_over: bool,
}

/// Receives, answers and sends once.
fn exchange(
    worker: &Worker,
    stream: &mut TcpStream,
    heads: &mut Heads,
    closes: &mut Option<bool>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Exchange>> {
    let mut buffers = worker.buffers.borrow_mut();
    let (input, output) = &mut *buffers;
    let mut free = ReadBuf::new(input);
    ready!(Pin::new(&mut *stream).poll_read(cx, &mut free))?;
    let arrived = free.filled();
    if arrived.is_empty() {
        return Poll::Ready(Ok(Exchange { unsent: Vec::new(), is_over: true }));
    }
    let count = heads.count(arrived);
    let closes = *closes.get_or_insert_with(|| asks_to_close(arrived));
    let reply = if closes { &worker.replies.close } else { &worker.replies.keep_alive };
    output.clear();
    for _ in 0..count {
        output.extend_from_slice(reply);
    }
    let mut rest = output.as_slice();
    while !rest.is_empty() {
        match Pin::new(&mut *stream).poll_write(cx, rest) {
            Poll::Ready(Ok(bytes)) => rest = rest.get(bytes..).unwrap_or_default(),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => break,
        }
    }
    let is_over = closes && count > 0;
    Poll::Ready(Ok(Exchange { unsent: rest.to_vec(), is_over }))
}

/// Looked at for the first piece of a connection only; the others are not different.
fn asks_to_close(head: &[u8]) -> bool {
    const WORDS: &[u8] = b"connection: close";
    head.windows(WORDS.len()).any(|words| words.eq_ignore_ascii_case(WORDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_counted_however_they_arrive() {
        let requests = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\r\n\r\n";
        assert_eq!(Heads::default().count(requests), 2);
        for size in 1..requests.len() {
            let mut heads = Heads::default();
            let count: usize = requests.chunks(size).map(|piece| heads.count(piece)).sum();
            assert_eq!(count, 2, "{size}");
        }
    }

    #[test]
    fn replies_have_the_size() {
        for bytes in [250, 299, 320, 498, 1300] {
            let replies = Replies::new(bytes).unwrap();
            assert!(bytes - replies.keep_alive.len() <= 1, "{bytes}");
            assert!(bytes - replies.close.len() <= 1, "{bytes}");
        }
        assert!(Replies::new(50).is_err());
    }
}
