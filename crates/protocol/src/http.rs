//! Announces and scrapes over HTTP (BEP 3, 7, 23, 24, 31, 48).
//!
//! A connection's bytes go through [`parse_head`], the target of the head through [`route`], the
//! query of the route through [`parse_announce`] or [`parse_scrape`]. The way back is
//! [`write_response`] around [`AnnounceReply::encode`], [`FailureReply::encode`] or
//! [`ScrapeReply::encode`].
//!
//! ```
//! use mika_protocol::http;
//!
//! let request = b"GET /announce/secret?info_hash=aaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\n\r\n";
//! let http::ParsedHead::Complete { head, bytes } = http::parse_head(request) else { panic!() };
//! assert_eq!(bytes, request.len());
//! let http::Route::Announce { passkey, query } = http::route(head.target) else { panic!() };
//! let refusal = http::parse_announce(query, passkey).unwrap_err();
//! let mut out = Vec::new();
//! http::write_response(&mut out, 200, head.keep_alive, |body| {
//!     http::FailureReply { reason: &refusal.to_string(), ..Default::default() }.encode(body);
//! });
//! let text = b"peer_id is missing: add this address to a BitTorrent client as a tracker";
//! assert!(out.ends_with(&[text.as_slice(), b"e"].concat()));
//! ```

mod announce;
mod head;
mod query;
mod reply;
mod response;
mod route;
mod scrape;
mod shape;

pub use announce::parse_announce;
pub use head::{HEADERS_MAX, HttpError, Method, ParsedHead, RequestHead, parse_head};
pub use reply::{AnnounceReply, FailureReply, Peers, ROW_V4_BYTES, ROW_V6_BYTES, RetryIn};
pub use response::write_response;
pub use route::{Route, route};
pub use scrape::{ScrapeError, ScrapeReply, parse_scrape};
pub use shape::{HexCase, Shape};
