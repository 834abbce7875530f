//! What a client asks in a scrape (BEP 48), whatever carried it.

use crate::ids::{InfoHash, Passkey};

/// One scrape: the torrents that a client wants the counts of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScrapeRequest {
    /// The passkey of the URL, if it carries one.
    pub passkey: Option<Passkey>,
    /// The torrents asked for, in the order of the request.
    pub info_hashes: Vec<InfoHash>,
}

/// The counts of one torrent in a scrape reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScrapeCounts {
    /// Peers that have the whole torrent (`complete`).
    pub seeders: u32,
    /// Finished downloads (`downloaded`).
    pub snatches: u32,
    /// Peers that lack some of it, partial seeds included (`incomplete`).
    pub leechers: u32,
    /// Leechers that still download, partial seeds excluded (`downloaders`, BEP 21).
    pub downloaders: u32,
}
