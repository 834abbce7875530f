//! What the benchmarks share: a tracker filled with made-up peers, the same in every run.
//!
//! * `cargo bench -p mika-bench --bench instructions`: instructions per operation, by valgrind.
//! * `cargo bench -p mika-bench --bench wall`: the same operations, timed.
//! * `scripts/check-instructions`: the same, compared with the checked-in
//!   `bench/instructions.toml`.
//! * `cargo run -p mika-bench --release --bin memory -- all`: bytes per peer.
//! * `cargo run -p mika-bench --release --bin core -- threads`: announces without sockets, by more
//!   and more threads; `hot` and `stalls`: what announces wait for.
//! * `cargo run -p mika-bench --release --bin load -- run URL`: announces to any tracker.
//! * `cargo run -p mika-bench --release --bin responder -- --udp --port N`: answers like a tracker,
//!   without one.
//! * `cargo run -p mika-bench --release --bin bulk`: a million torrents over the admin API, and
//!   what announces wait meanwhile.
#![forbid(unsafe_code)]

pub mod bulk;
pub mod cases;
pub mod load;
pub mod places;
pub mod population;
pub mod responder;
pub mod sequence;

/// Announces in one run of an announce benchmark; the gate shows the count of one.
///
/// More than one, so that a collision in a table weighs little, whatever its hash seed is.
pub const ANNOUNCES_PER_RUN: u32 = 16;
