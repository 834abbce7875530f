//! The wire formats of a BitTorrent tracker: bytes to requests, replies to bytes.
//!
//! No I/O and no clock: every function takes bytes and returns values, so each parser can be
//! fuzzed and each encoder compared byte for byte.
//!
//! # Tour
//!
//! * [`ids`]: info-hash, peer id, passkey.
//! * [`announce`], [`scrape`]: what a client asks, whatever carried it.
//! * [`http`]: the announce and scrape URLs of BEP 3, 7, 23, 48 and the bencoded replies.
//! * [`udp`]: the datagrams of BEP 15 with the URL data of BEP 41, and connection ids.
//! * [`bencode`]: a bounded reader and a key-sorting writer.
//! * [`metainfo`]: the info-hashes of a `.torrent` file (v1, v2, hybrid).
#![forbid(unsafe_code)]

pub mod announce;
pub mod bencode;
mod decimal;
pub mod http;
pub mod ids;
pub mod metainfo;
pub mod scrape;
pub mod udp;

pub use announce::{AnnounceError, AnnounceRequest, COUNTER_MAX_BYTES, Event, LEFT_UNKNOWN_BYTES};
pub use ids::{InfoHash, Passkey, PeerId};
pub use scrape::{ScrapeCounts, ScrapeRequest};
