//! What a site is told by itself: a whole server, real sites behind the webhooks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[path = "support/running.rs"]
mod running;

mod notify {
    mod receiver;
    mod streams;
    mod support;
    mod traces;
    mod webhooks;
}
