//! HTTP as sites speak it to their tracker: one request after the other, bodies of a known length,
//! answers neither in chunks nor compressed.

use std::io;
use std::time::Duration;

use mika_protocol::http::{ParsedHead, parse_head};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::{Counts, Shared};

/// Bytes of a request's head at most: Gazelle removes some hundred users in one target.
const HEAD_BYTES_MAX: usize = 128 << 10;
/// Bytes of a body at most.
const BODY_BYTES_MAX: usize = 64 << 10;
/// How long a request may take to arrive, or its reply to be taken.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a request may be worked on.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request that is refused that are read nevertheless, and how long they may take each.
const UNREAD_BYTES_MAX: usize = 1 << 20;
const UNREAD_TIMEOUT: Duration = Duration::from_secs(1);
/// Bytes that are asked for at a time.
const READ_BYTES: usize = 4096;

/// A request, as far as it matters here. Has no `Debug`: its path holds a secret.
pub(super) struct Request<'a> {
    /// The method as sent.
    pub(super) method: &'a [u8],
    /// The target up to a `?`, as sent.
    pub(super) path: &'a [u8],
    /// What is behind the `?`, as sent.
    pub(super) query: &'a [u8],
    pub(super) body: &'a [u8],
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// A status and nothing else.
    pub(super) fn empty(status: u16) -> Self {
        Self::text(status, "")
    }

    pub(super) fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status, content_type: "text/plain", body: body.into().into_bytes() }
    }

    pub(super) fn json(body: impl Into<String>) -> Self {
        Self { status: 200, content_type: "application/json", body: body.into().into_bytes() }
    }

    fn bytes(&self, keep_alive: bool) -> Vec<u8> {
        let (status, reason) = (self.status, reason(self.status));
        let (content_type, length) = (self.content_type, self.body.len());
        let connection = if keep_alive { "keep-alive" } else { "close" };
        let mut bytes = format!(
            "HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\n\
             Content-Length: {length}\r\nConnection: {connection}\r\n\r\n"
        )
        .into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        302 => "Found",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Internal Server Error",
    }
}

/// What the head of a request says of the rest.
struct Framing {
    head_bytes: usize,
    body_bytes: usize,
    keep_alive: bool,
    expects_continue: bool,
}

/// What a buffer holds.
enum Frame {
    Partial,
    Complete(Framing),
    Wrong(u16),
}

/// Answers the requests of a connection, until one of the two ends it.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(shared: &Shared, mut stream: S) {
    let mut buffer = Vec::new();
    loop {
        let framing = match next_request(&mut stream, &mut buffer).await {
            Ok(Some(Ok(framing))) => framing,
            Ok(Some(Err(status))) => {
                Counts::count(&shared.counts.malformed);
                refuse(&mut stream, status).await;
                return;
            }
            Ok(None) | Err(_) => return,
        };
        let end = framing.head_bytes.saturating_add(framing.body_bytes);
        let reply = match buffer.get(..end).and_then(|bytes| request_of(bytes, &framing)) {
            None => Reply::empty(400),
            Some(request) => match timeout(ANSWER_TIMEOUT, shared.answer(&request)).await {
                Ok(reply) => reply,
                Err(_) => Reply::empty(503),
            },
        };
        if write(&mut stream, &reply.bytes(framing.keep_alive)).await.is_err()
            || !framing.keep_alive
        {
            return;
        }
        buffer.drain(..end.min(buffer.len()));
    }
}

/// Tells somebody what is wrong who may still be sending: what is unread when a connection is
/// closed would take the answer away.
async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, status: u16) {
    if write(stream, &Reply::empty(status).bytes(false)).await.is_err()
        || stream.shutdown().await.is_err()
    {
        return;
    }
    let mut piece = [0; READ_BYTES];
    for _ in 0..UNREAD_BYTES_MAX / READ_BYTES {
        match timeout(UNREAD_TIMEOUT, stream.read(&mut piece)).await {
            Ok(Ok(1..)) => {}
            _ => return,
        }
    }
}

/// Reads until there is a whole request; `None` at the end.
async fn next_request<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Result<Framing, u16>>> {
    let mut told_to_continue = false;
    loop {
        match frame(buffer) {
            Frame::Wrong(status) => return Ok(Some(Err(status))),
            Frame::Complete(framing) => {
                if buffer.len() >= framing.head_bytes.saturating_add(framing.body_bytes) {
                    return Ok(Some(Ok(framing)));
                }
                if framing.expects_continue && !told_to_continue {
                    told_to_continue = true;
                    write(stream, b"HTTP/1.1 100 Continue\r\n\r\n").await?;
                }
            }
            Frame::Partial if buffer.len() > HEAD_BYTES_MAX => return Ok(Some(Err(431))),
            Frame::Partial => {}
        }
        let mut piece = [0; READ_BYTES];
        let read = timeout(TRANSFER_TIMEOUT, stream.read(&mut piece)).await??;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(None);
        };
        buffer.extend_from_slice(bytes);
    }
}

fn frame(buffer: &[u8]) -> Frame {
    match parse_head(buffer) {
        ParsedHead::Partial => Frame::Partial,
        ParsedHead::Invalid(error) => Frame::Wrong(error.status()),
        ParsedHead::Complete { head, .. } if head.chunked => Frame::Wrong(411),
        ParsedHead::Complete { head, bytes } => {
            let body_bytes = usize::try_from(head.content_length).unwrap_or(usize::MAX);
            if body_bytes > BODY_BYTES_MAX {
                return Frame::Wrong(413);
            }
            let expects = head.headers("expect").next();
            Frame::Complete(Framing {
                head_bytes: bytes,
                body_bytes,
                keep_alive: head.keep_alive,
                expects_continue: expects.is_some_and(|it| !it.is_empty()),
            })
        }
    }
}

fn request_of<'a>(bytes: &'a [u8], framing: &Framing) -> Option<Request<'a>> {
    let (head_bytes, body) = bytes.split_at_checked(framing.head_bytes)?;
    let ParsedHead::Complete { head, .. } = parse_head(head_bytes) else { return None };
    let method = head_bytes.trim_ascii_start().split(|&byte| byte == b' ').next()?;
    let at = head.target.iter().position(|&byte| byte == b'?').unwrap_or(head.target.len());
    let (path, query) = head.target.split_at_checked(at)?;
    Some(Request { method, path, query: query.get(1..).unwrap_or_default(), body })
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    let writing = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    timeout(TRANSFER_TIMEOUT, writing).await?
}
