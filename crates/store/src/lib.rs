//! Where users, torrents and rules come from, and where batches go.
//!
//! A tour:
//!
//! * [`Store`] is what the tracker needs of a database: [load](Store::load) everything at the
//!   start, then [apply](Store::apply) one batch after the other, each exactly once.
//! * [`Catalog`] is what people need of it: look up, add, change and delete single records.
//! * [`record`] has the rows that both speak of, [`mika_core::batch`] those of a batch.
//! * [`schema`] is the SQL of a site's tables, one statement per file, kept in the folder
//!   `schemas/<preset>/<dialect>/` and embedded in the binary. An adapter runs the statements
//!   without knowing the tables.
//! * [`redirect`] is for torrents that the tracker registered while the site added them.
//! * [`validate`] says what a record may contain.
//! * [`sqlite`] is the embedded default: one file, owned by the tracker.
//! * `contract` (feature `contract-test`) is what every adapter promises, as tests. An adapter is
//!   done when it passes them.
//!
//! What happens to a batch in [`Store::apply`]: in one transaction the checkpoint is read, and a
//! batch that it covers is left alone; the rows go in about a thousand to a statement; a statement
//! that the database refuses is halved until the row at fault stands alone and becomes a
//! [`DeadLetter`]; the checkpoint moves to the batch's number; commit. Whatever goes wrong on the
//! way, neither rows nor checkpoint are there, and the caller sends the same batch again.
#![forbid(unsafe_code)]

pub mod catalog;
#[cfg(feature = "contract-test")]
pub mod contract;
pub mod record;
pub mod redirect;
pub mod schema;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod store;
pub mod validate;

pub use catalog::Catalog;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use store::{Applied, DeadLetter, KeepDeadLetters, LoadSink, Store, StoreError};
