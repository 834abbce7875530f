//! The datagrams that go back (BEP 15), appended to the caller's buffer.

use super::action;
use crate::scrape::ScrapeCounts;

/// The reply to an announce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnnounceReply<'a> {
    /// The request's transaction id.
    pub transaction_id: u32,
    /// Seconds until the client should announce again.
    pub interval_seconds: u32,
    /// Peers that lack some of the torrent.
    pub leechers: u32,
    /// Peers that have the whole torrent.
    pub seeders: u32,
    /// Peers as rows of address and port in network byte order: of 6 bytes if the request came
    /// over IPv4, of 18 if it came over IPv6.
    pub rows: &'a [u8],
}

impl AnnounceReply<'_> {
    /// Appends the datagram: 20 bytes and the rows.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut head = [0; 20];
        let words = [
            action::ANNOUNCE,
            self.transaction_id,
            self.interval_seconds,
            self.leechers,
            self.seeders,
        ];
        for (bytes, word) in head.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = word.to_be_bytes();
        }
        out.extend_from_slice(&head);
        out.extend_from_slice(self.rows);
    }
}

/// Appends the reply to a connect: 16 bytes.
pub fn encode_connect(out: &mut Vec<u8>, transaction_id: u32, connection_id: u64) {
    encode_head(out, action::CONNECT, transaction_id);
    out.extend_from_slice(&connection_id.to_be_bytes());
}

/// Appends the reply to a scrape: 8 bytes, and 12 for each torrent in the order of the request.
pub fn encode_scrape(
    out: &mut Vec<u8>,
    transaction_id: u32,
    files: impl IntoIterator<Item = ScrapeCounts>,
) {
    encode_head(out, action::SCRAPE, transaction_id);
    for counts in files {
        out.extend_from_slice(&counts.seeders.to_be_bytes());
        out.extend_from_slice(&counts.snatches.to_be_bytes());
        out.extend_from_slice(&counts.leechers.to_be_bytes());
    }
}

/// Appends an error: 8 bytes and a text for the client's user.
pub fn encode_error(out: &mut Vec<u8>, transaction_id: u32, reason: &str) {
    encode_head(out, action::ERROR, transaction_id);
    out.extend_from_slice(reason.as_bytes());
}

fn encode_head(out: &mut Vec<u8>, action: u32, transaction_id: u32) {
    out.extend_from_slice(&action.to_be_bytes());
    out.extend_from_slice(&transaction_id.to_be_bytes());
}
