//! Announces of what the tracker does not know, in front of a real site: the example one, and one
//! that hangs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assumption should fail the test"
)]

#[path = "lookup/changes.rs"]
mod changes;
#[path = "lookup/http.rs"]
mod http;
#[path = "lookup/support.rs"]
mod support;
#[path = "lookup/udp.rs"]
mod udp;
