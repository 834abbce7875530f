//! Replies to an announce, bencoded with sorted keys (BEP 3, 7, 23, 24, 31).

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::decimal;
use crate::ids::PeerId;

/// Bytes of an IPv4 peer on the wire: address and port (BEP 23).
pub const ROW_V4_BYTES: usize = 6;
/// Bytes of an IPv6 peer on the wire: address and port (BEP 7).
pub const ROW_V6_BYTES: usize = 18;

/// The peers of a reply, as rows of address and port in network byte order.
///
/// `v4` holds rows of 6 bytes, `v6` of 18; an incomplete last row is left out of dictionaries and
/// must not occur in the compact form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peers<'a> {
    /// `peers` and, unless empty, `peers6` as strings (BEP 23, BEP 7).
    Compact {
        /// Rows of 6 bytes.
        v4: &'a [u8],
        /// Rows of 18 bytes.
        v6: &'a [u8],
    },
    /// `peers` as a list of dictionaries, IPv4 first (BEP 3).
    Dictionaries {
        /// Rows of 6 bytes.
        v4: &'a [u8],
        /// Rows of 18 bytes.
        v6: &'a [u8],
        /// The peer ids of the rows of `v4` and of `v6`; `None` leaves them out (`no_peer_id`).
        peer_ids: Option<(&'a [PeerId], &'a [PeerId])>,
    },
}

impl Default for Peers<'_> {
    fn default() -> Self {
        Self::Compact { v4: &[], v6: &[] }
    }
}

/// The reply to an announce that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AnnounceReply<'a> {
    /// Seconds until the client should announce again.
    pub interval_seconds: u32,
    /// Seconds before which the client must not announce again.
    pub min_interval_seconds: u32,
    /// `complete`.
    pub seeders: u32,
    /// `incomplete`.
    pub leechers: u32,
    /// `downloaded`.
    pub snatches: u32,
    /// The peers handed out; `peers` is present even when there is none.
    pub peers: Peers<'a>,
    /// The client's address as the tracker sees it (BEP 24).
    pub external_ip: Option<IpAddr>,
    /// A text that the client sends back in its next announces.
    pub tracker_id: Option<&'a [u8]>,
    /// A text for the client's user, beside a successful reply.
    pub warning: Option<&'a str>,
}

impl AnnounceReply<'_> {
    /// Appends the bencoded reply.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"d8:completei");
        decimal::append(out, self.seeders.into());
        out.extend_from_slice(b"e10:downloadedi");
        decimal::append(out, self.snatches.into());
        match self.external_ip {
            None => out.push(b'e'),
            Some(IpAddr::V4(address)) => {
                out.extend_from_slice(b"e11:external ip4:");
                out.extend_from_slice(&address.octets());
            }
            Some(IpAddr::V6(address)) => {
                out.extend_from_slice(b"e11:external ip16:");
                out.extend_from_slice(&address.octets());
            }
        }
        out.extend_from_slice(b"10:incompletei");
        decimal::append(out, self.leechers.into());
        out.extend_from_slice(b"e8:intervali");
        decimal::append(out, self.interval_seconds.into());
        out.extend_from_slice(b"e12:min intervali");
        decimal::append(out, self.min_interval_seconds.into());
        out.extend_from_slice(b"e5:peers");
        self.peers.encode(out);
        if let Some(tracker_id) = self.tracker_id {
            out.extend_from_slice(b"10:tracker id");
            append_bytes(out, tracker_id);
        }
        if let Some(warning) = self.warning {
            out.extend_from_slice(b"15:warning message");
            append_bytes(out, warning.as_bytes());
        }
        out.push(b'e');
    }
}

impl Peers<'_> {
    /// Appends the value of `peers` and, if there is any, `peers6` with its key.
    fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Compact { v4, v6 } => {
                append_bytes(out, v4);
                if !v6.is_empty() {
                    out.extend_from_slice(b"6:peers6");
                    append_bytes(out, v6);
                }
            }
            Self::Dictionaries { v4, v6, peer_ids } => {
                let (ids_v4, ids_v6) = peer_ids.unwrap_or_default();
                out.push(b'l');
                let (rows, _) = v4.as_chunks::<ROW_V4_BYTES>();
                for (index, &[a, b, c, d, high, low]) in rows.iter().enumerate() {
                    let port = u16::from_be_bytes([high, low]);
                    append_peer(out, Ipv4Addr::new(a, b, c, d), ids_v4.get(index), port);
                }
                let (rows, _) = v6.as_chunks::<ROW_V6_BYTES>();
                for (index, &[address @ .., high, low]) in rows.iter().enumerate() {
                    let address: [u8; 16] = address;
                    let port = u16::from_be_bytes([high, low]);
                    append_peer(out, Ipv6Addr::from(address), ids_v6.get(index), port);
                }
                out.push(b'e');
            }
        }
    }
}

fn append_peer(out: &mut Vec<u8>, address: impl fmt::Display, peer_id: Option<&PeerId>, port: u16) {
    let mut text = AddressText { bytes: [0; 48], length: 0 };
    // Every address is shorter than the buffer, so that this cannot fail.
    let _ = write!(text, "{address}");
    out.extend_from_slice(b"d2:ip");
    append_bytes(out, text.as_bytes());
    if let Some(peer_id) = peer_id {
        out.extend_from_slice(b"7:peer id20:");
        out.extend_from_slice(&peer_id.0);
    }
    out.extend_from_slice(b"4:porti");
    decimal::append(out, port.into());
    out.extend_from_slice(b"ee");
}

/// The text of an address, kept on the stack because its length precedes it in the reply.
struct AddressText {
    bytes: [u8; 48],
    length: usize,
}

impl AddressText {
    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl fmt::Write for AddressText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let free = self.bytes.get_mut(self.length..).unwrap_or_default();
        free.get_mut(..text.len()).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
    }
}

/// When a refused client may try again (BEP 31).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryIn {
    /// After so many minutes, at least 1.
    Minutes(u32),
    /// Never: the same announce will be refused as long as the client runs.
    Never,
}

/// The reply to an announce or a scrape that was refused (BEP 3).
///
/// Clients differ in which of the three delays they heed, so that a good refusal carries them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FailureReply<'a> {
    /// Why, for the client's user.
    pub reason: &'a str,
    /// Seconds until the client should announce again.
    pub interval_seconds: Option<u32>,
    /// Seconds before which the client must not announce again.
    pub min_interval_seconds: Option<u32>,
    /// When the client may try again (BEP 31).
    pub retry_in: Option<RetryIn>,
}

impl FailureReply<'_> {
    /// Appends the bencoded reply.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"d14:failure reason");
        append_bytes(out, self.reason.as_bytes());
        if let Some(seconds) = self.interval_seconds {
            out.extend_from_slice(b"8:intervali");
            decimal::append(out, seconds.into());
            out.push(b'e');
        }
        if let Some(seconds) = self.min_interval_seconds {
            out.extend_from_slice(b"12:min intervali");
            decimal::append(out, seconds.into());
            out.push(b'e');
        }
        match self.retry_in {
            Some(RetryIn::Minutes(minutes)) => {
                out.extend_from_slice(b"8:retry ini");
                decimal::append(out, minutes.max(1).into());
                out.push(b'e');
            }
            Some(RetryIn::Never) => out.extend_from_slice(b"8:retry in5:never"),
            None => {}
        }
        out.push(b'e');
    }
}

/// Appends a byte string: its length, a colon and itself.
#[inline]
fn append_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    decimal::append(out, bytes.len() as u64);
    out.push(b':');
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;
