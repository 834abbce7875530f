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
//! * [`request_log`] is what a site may want written down of requests, beside the batches.
//! * [`validate`] says what a record may contain.
//! * [`sql`] is what all SQL databases have in common; [`sqlite`] is the embedded default: one
//!   file, owned by the tracker; [`postgres`] and [`mysql`] (MariaDB too) are a site's database.
//! * [`redis`] keeps everything in a Redis or Valkey server.
//! * `http` (feature `http`) is the site's own HTTP API.
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
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "mysql")]
pub mod mysql;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod record;
pub mod redirect;
#[cfg(feature = "redis")]
pub mod redis;
pub mod request_log;
pub mod schema;
#[cfg(feature = "sql")]
pub mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod store;
pub mod validate;

#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
pub use catalog::Catalog;
#[cfg(feature = "http")]
pub use http::{HttpOptions, HttpStore};
pub use mika_protocol::InfoHash;
#[cfg(feature = "mysql")]
pub use mysql::MysqlStore;
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use store::{Applied, DeadLetter, KeepDeadLetters, LoadSink, Store, StoreError};
