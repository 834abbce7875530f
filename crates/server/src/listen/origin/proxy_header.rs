//! The PROXY header (versions 1 and 2) by which a TCP proxy says who the client is.
//!
//! Source: "The PROXY protocol, versions 1 & 2",
//! <https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::Origin;

/// The longest line of version 1, its end included.
const V1_BYTES_MAX: usize = 107;

/// The longest header that is accepted; version 2 may carry extensions (TLVs), which are skipped.
const BYTES_MAX: usize = 1024;

/// What every header of version 2 starts with.
const V2_SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// What the start of a connection is.
#[derive(Debug, PartialEq, Eq)]
enum Parsed {
    /// Not all of a header.
    Partial,
    /// A header of so many bytes; the client's address, or `None` if the proxy speaks for itself.
    Complete(usize, Option<IpAddr>),
}

/// Why a connection from a trusted proxy cannot be served.
#[derive(Debug, Error)]
pub enum ProxyHeaderError {
    /// No PROXY header, or one that breaks the protocol.
    #[error("missing or malformed PROXY header")]
    Malformed,
    /// The connection broke.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads the header from the connection and not a byte more, since what follows may be TLS.
pub(in crate::listen) async fn read(stream: &mut TcpStream) -> Result<Origin, ProxyHeaderError> {
    let mut header = [0; BYTES_MAX];
    let mut taken = 0;
    loop {
        let free = header.get_mut(taken..).unwrap_or_default();
        let peeked = stream.peek(free).await?;
        let known = header.get(..taken + peeked).unwrap_or_default();
        let (bytes, parsed) = match parse(known)? {
            Parsed::Complete(bytes, address) => (bytes, Some(address)),
            Parsed::Partial if peeked == 0 => return Err(ProxyHeaderError::Malformed),
            Parsed::Partial => (taken + peeked, None),
        };
        stream.read_exact(header.get_mut(taken..bytes).unwrap_or_default()).await?;
        taken = bytes;
        match parsed {
            Some(Some(address)) => return Ok(Origin::Address(address.to_canonical())),
            Some(None) => return Ok(Origin::ProxyItself),
            None => {}
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    let common = bytes.len().min(V2_SIGNATURE.len());
    if bytes.get(..common) == V2_SIGNATURE.get(..common) {
        return parse_v2(bytes);
    }
    parse_v1(bytes)
}

/// `PROXY TCP4 <source> <destination> <port> <port>\r\n`, `TCP6`, or `PROXY UNKNOWN…\r\n`.
fn parse_v1(bytes: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    const START: &[u8] = b"PROXY ";
    let common = bytes.len().min(START.len());
    if bytes.get(..common) != START.get(..common) {
        return Err(ProxyHeaderError::Malformed);
    }
    let Some(end) = bytes.iter().take(V1_BYTES_MAX).position(|&byte| byte == b'\n') else {
        let complete_by_now = bytes.len() >= V1_BYTES_MAX;
        return if complete_by_now {
            Err(ProxyHeaderError::Malformed)
        } else {
            Ok(Parsed::Partial)
        };
    };
    let line = bytes.get(START.len()..end).and_then(|line| line.strip_suffix(b"\r"));
    let line = line.and_then(|line| std::str::from_utf8(line).ok());
    let mut words = line.ok_or(ProxyHeaderError::Malformed)?.split(' ');
    let family = words.next();
    let source = words.next().unwrap_or_default();
    let address = match family {
        Some("UNKNOWN") => return Ok(Parsed::Complete(end + 1, None)),
        Some("TCP4") => source.parse().ok().map(IpAddr::V4),
        Some("TCP6") => source.parse().ok().map(IpAddr::V6),
        _ => None,
    };
    let address = address.ok_or(ProxyHeaderError::Malformed)?;
    Ok(Parsed::Complete(end + 1, Some(address)))
}

/// Signature, version and command, family and transport, length, addresses, extensions.
fn parse_v2(bytes: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    const VERSION_2: u8 = 0x20;
    let Some((_, rest)) = bytes.split_at_checked(V2_SIGNATURE.len()) else {
        return Ok(Parsed::Partial);
    };
    let Some((&[command, family, high, low], rest)) = rest.split_first_chunk() else {
        return Ok(Parsed::Partial);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let total = V2_SIGNATURE.len() + 4 + length;
    if command & 0xf0 != VERSION_2 || total > BYTES_MAX {
        return Err(ProxyHeaderError::Malformed);
    }
    let Some(addresses) = rest.get(..length) else { return Ok(Parsed::Partial) };
    let address = match (command & 0x0f, family >> 4) {
        // LOCAL: a health check of the proxy. AF_UNSPEC and AF_UNIX name no address.
        (0, _) | (1, 0 | 3) => return Ok(Parsed::Complete(total, None)),
        (1, 1) if length >= 12 => {
            addresses.first_chunk::<4>().map(|octets| IpAddr::V4(Ipv4Addr::from(*octets)))
        }
        (1, 2) if length >= 36 => {
            addresses.first_chunk::<16>().map(|octets| IpAddr::V6(Ipv6Addr::from(*octets)))
        }
        _ => None,
    };
    let address = address.ok_or(ProxyHeaderError::Malformed)?;
    Ok(Parsed::Complete(total, Some(address)))
}

#[cfg(test)]
mod tests;
