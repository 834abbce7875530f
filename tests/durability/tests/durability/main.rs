//! The tests; each has ports, a directory and processes of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a proof that cannot go on fails"
)]

mod databases;
mod full_disk;
mod kills;
mod notifications;
mod redis_store;
mod stop;
mod store_outage;
mod support;
mod torn_journal;
