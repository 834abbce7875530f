//! The promise "no byte is lost or counted twice", proved with the binary that people run.
//!
//! * [`server`]: a `mika serve` of its own ports and directory, that can be killed at any moment.
//! * [`wire`]: announces over HTTP and UDP as clients send them.
//! * [`model`]: the sessions of a made-up site and, by the rules of accounting, what each of their
//!   reports has to add to which total. It knows nothing of how the tracker works.
//! * [`driver`]: announces the sessions from many threads while the server comes and goes.
//! * [`totals`]: what the SQLite file says, compared with the model.
//! * [`tables`]: what the tables in a database server say, compared with the model.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a proof that cannot go on fails"
)]

pub mod driver;
pub mod model;
pub mod server;
pub mod tables;
pub mod totals;
pub mod wire;
