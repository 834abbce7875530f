//! Geo data: files as they come, damaged files, files that are replaced, fetched and asked for.
//!
//! `geo/fixtures` has test databases of MaxMind (Apache-2.0 or MIT, see the licences beside them),
//! from the source distribution 3.2.0 of the Python package maxminddb.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[path = "support/running.rs"]
mod running;

mod geo {
    mod damage;
    mod distance;
    mod replacing;
    mod schemas;
    mod server;
    mod support;
    mod updating;
}
