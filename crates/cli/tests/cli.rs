//! The binary as people run it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod cli {
    mod api;
    mod commands;
    mod help;
    mod live;
    mod schema;
    mod store;
    mod support;
    mod token;
    mod top;
}
