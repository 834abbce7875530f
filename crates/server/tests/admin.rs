//! The admin API over a real port, with a real SQLite store and a real tracker.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod admin {
    mod access;
    mod http;
    mod listeners;
    mod live;
    mod load;
    mod openapi;
    mod resources;
    mod rules;
    mod status;
    mod support;
    mod torrents;
    mod users;
    mod versions;
    mod watch;
}
