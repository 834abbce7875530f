//! The wiring of mika: sockets, workers, flush, journal, admin API, metrics and configuration.
#![forbid(unsafe_code)]

pub mod clock;
pub mod config;
pub mod counters;
pub mod listen;
pub mod admin;
pub mod control;
pub mod metrics;
