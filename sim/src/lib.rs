//! A simulated site around the real tracker core: users, clients, transfers.
//!
//! # Tour
//!
//! * [`world`]: who there is, and what lines carry. Drawn once per seed.
//! * [`behaviour`]: who joins what when, and for how long. Does not depend on the tracker.
//! * [`client`]: how programs announce.
//! * [`tracker`]: who answers: the core by function call, or whatever else implements the trait.
//! * [`transfer`]: bytes, along connections that come from replies.
//! * [`detection`], [`cheats`]: a site of its own for what detection is worth, with accounting
//!   that balances to the byte, and those who fake theirs.
//! * [`simulation`]: the clock that drives them; [`measure`]: what they add up to.
//!
//! Every run of a seed is the same: there is one random stream for each part, no wall clock, and
//! no table whose order depends on anything else.
#![forbid(unsafe_code)]
#![allow(
    clippy::indexing_slicing,
    reason = "the numbers that index tables are made here; none comes from outside"
)]

pub mod behaviour;
pub mod cheats;
pub mod client;
pub mod detection;
pub mod measure;
pub mod rng;
pub mod simulation;
pub mod study;
pub mod tracker;
pub mod transfer;
pub mod world;
