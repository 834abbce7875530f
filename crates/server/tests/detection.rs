//! Cheater detection in a running server: what it finds, keeps, tells and does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[path = "support/running.rs"]
mod running;

mod detection {
    mod clock;
    mod enforce;
    mod judge;
    mod replay;
    mod restart;
    mod shadow;
    mod support;
    mod whole;
}
