//! The wire formats as a whole: recorded clients, round trips and fuzzing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this crate is tests, of which clippy only knows the functions"
)]

mod clients;
mod encode;
mod fuzz;
mod recorded;
mod round_trip;
