//! From the tracker to the store, by way of the journal.
//!
//! ```text
//! tracker ── drain ──► batch N ──► journal ──► store (rows + checkpoint N, one transaction)
//!            flusher (a thread)              applier (a task)
//! ```
//!
//! The [flusher](Flusher) never waits for the store, and the [applier](Applier) never holds up the
//! flusher: a store that is down makes the journal grow, nothing else. A batch is applied only
//! after it is in the journal, so the store never knows more than a restart would.

mod applier;
mod dead_letters;
mod flusher;

pub use applier::{Applier, CatchUpError};
pub use dead_letters::{Again, DeadLetters, Letter, rows_of};
pub use flusher::{Before, FlushError, FlushHandle, Flusher, Stopped};
