//! Scrapes: the query and the reply (BEP 48, with the `downloaders` of BEP 21).

use thiserror::Error;

use super::query::{Name, Query, is_hex_info_hash};
use crate::decimal;
use crate::ids::{InfoHash, Passkey};
use crate::scrape::{ScrapeCounts, ScrapeRequest};

/// Why a scrape could not be decoded; the text is meant for the client's user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ScrapeError {
    /// No `info_hash` at all: the client wants the counts of every torrent.
    #[error("info_hash is missing: this tracker does not list all of its torrents")]
    MissingInfoHash,
    /// An `info_hash` is not 20 bytes.
    #[error("info_hash is not 20 bytes: remove the torrent and add it again")]
    InfoHashLength,
    /// An `info_hash` is in hex digits.
    #[error("info_hash is in hex digits: send its 20 bytes, percent-encoded")]
    InfoHashHex,
    /// More torrents than one scrape may ask for.
    #[error("too many torrents in one scrape: ask for at most {max}")]
    TooManyHashes {
        /// The limit that was given to [`parse_scrape`].
        max: usize,
    },
}

/// Decodes the query of a scrape: up to `max_hashes` torrents, repetitions included.
///
/// `passkey` is the one that [`route`](super::route) found. Parameters other than `info_hash` are
/// ignored.
///
/// # Errors
///
/// Any `info_hash` is invalid, there is none, or there are more than `max_hashes`.
pub fn parse_scrape(
    query: &[u8],
    passkey: Option<Passkey>,
    max_hashes: usize,
) -> Result<ScrapeRequest, ScrapeError> {
    let mut info_hashes = Vec::new();
    let mut query = Query::new(query);
    while let Some(name) = query.name() {
        if name == Name::InfoHash {
            let start = query;
            let bytes = query.exactly().ok_or_else(|| match is_hex_info_hash(start.raw()) {
                true => ScrapeError::InfoHashHex,
                false => ScrapeError::InfoHashLength,
            })?;
            if info_hashes.len() >= max_hashes {
                return Err(ScrapeError::TooManyHashes { max: max_hashes });
            }
            info_hashes.push(InfoHash(bytes));
        }
        query.skip_value();
    }
    if info_hashes.is_empty() {
        return Err(ScrapeError::MissingInfoHash);
    }
    Ok(ScrapeRequest { passkey, info_hashes })
}

/// The reply to a scrape.
#[derive(Debug)]
pub struct ScrapeReply<'a> {
    /// The torrents to report, in any order; sorted in place by [`ScrapeReply::encode`].
    pub files: &'a mut [(InfoHash, ScrapeCounts)],
    /// How many seconds a client should wait before its next scrape (BEP 48's `flags`).
    pub min_request_interval_seconds: Option<u32>,
}

impl ScrapeReply<'_> {
    /// Appends the bencoded reply: torrents ordered by info-hash, each of them once.
    pub fn encode(self, out: &mut Vec<u8>) {
        self.files.sort_unstable_by_key(|(info_hash, _)| *info_hash);
        out.extend_from_slice(b"d5:filesd");
        let mut previous = None;
        for (info_hash, counts) in self.files.iter() {
            if previous.replace(info_hash) == Some(info_hash) {
                continue;
            }
            out.extend_from_slice(b"20:");
            out.extend_from_slice(&info_hash.0);
            out.extend_from_slice(b"d8:completei");
            decimal::append(out, counts.seeders.into());
            out.extend_from_slice(b"e10:downloadedi");
            decimal::append(out, counts.snatches.into());
            out.extend_from_slice(b"e11:downloadersi");
            decimal::append(out, counts.downloaders.into());
            out.extend_from_slice(b"e10:incompletei");
            decimal::append(out, counts.leechers.into());
            out.extend_from_slice(b"ee");
        }
        out.push(b'e');
        if let Some(seconds) = self.min_request_interval_seconds {
            out.extend_from_slice(b"5:flagsd20:min_request_intervali");
            decimal::append(out, seconds.into());
            out.extend_from_slice(b"ee");
        }
        out.push(b'e');
    }
}

#[cfg(test)]
mod tests;
