//! The head of an HTTP response.

use crate::decimal::{self, Digits};

/// Appends a response whose body `body` writes, in one buffer.
///
/// The body's length is known only once it is written, so room for the usual three digits is left
/// in the head, and the body is moved by the difference if it takes more or fewer. `body` must
/// only append.
pub fn write_response(
    out: &mut Vec<u8>,
    status: u16,
    keep_alive: bool,
    body: impl FnOnce(&mut Vec<u8>),
) {
    const ROOM: usize = 3;
    write_status_line(out, status);
    out.extend_from_slice(if keep_alive {
        b"Content-Type: text/plain\r\nConnection: keep-alive\r\nContent-Length: ".as_slice()
    } else {
        b"Content-Type: text/plain\r\nConnection: close\r\nContent-Length: ".as_slice()
    });
    let room = out.len()..out.len() + ROOM;
    out.extend_from_slice(b"000\r\n\r\n");
    let body_at = out.len();
    body(out);
    let digits = Digits::of(out.len().saturating_sub(body_at) as u64);
    match out.get_mut(room.clone()) {
        Some(slot) if digits.as_bytes().len() == ROOM => slot.copy_from_slice(digits.as_bytes()),
        _ => drop(out.splice(room, digits.as_bytes().iter().copied())),
    }
}

/// With it, 405 says what is allowed (RFC 9110, section 15.5.6).
fn write_status_line(out: &mut Vec<u8>, status: u16) {
    if status == 200 {
        return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    decimal::append(out, status.into());
    out.push(b' ');
    out.extend_from_slice(reason(status).as_bytes());
    out.extend_from_slice(b"\r\n");
    if status == 405 {
        out.extend_from_slice(b"Allow: GET, HEAD\r\n");
    }
}

/// The reason phrase, which may be empty (RFC 9112, section 4).
fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
