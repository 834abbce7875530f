//! Announces and scrapes over UDP (BEP 15), with the URL data of BEP 41.
//!
//! A datagram goes through [`parse`]. A [`UdpRequest::Connect`] is answered with a connection id
//! from [`ConnectionIds::issue`]; everything else carries one, and nothing but silence or an error
//! should follow when [`ConnectionIds::verify`] refuses it.

mod connection;
mod reply;
mod request;

pub use connection::{CONNECTION_ID_SECONDS_MAX, ConnectionIds};
pub use reply::{AnnounceReply, encode_connect, encode_error, encode_scrape};
pub use request::{
    InfoHashes, SCRAPE_HASHES_MAX, URL_DATA_BYTES_MAX, UdpError, UdpRequest, announced_info_hash,
    parse,
};

/// Actions of requests and replies (BEP 15).
mod action {
    pub(super) const CONNECT: u32 = 0;
    pub(super) const ANNOUNCE: u32 = 1;
    pub(super) const SCRAPE: u32 = 2;
    pub(super) const ERROR: u32 = 3;
}

#[cfg(test)]
mod tests;
