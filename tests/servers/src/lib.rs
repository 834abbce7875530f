//! Private database servers for tests.
//!
//! A test says which server it needs, gets a database of its own, and leaves nothing behind:
//!
//! ```ignore
//! let server = need!(mika_test_servers::shared(&Options::postgresql()));
//! let database = server.create_database();
//! connect(&database.url());
//! ```
//!
//! * [`shared`]: one server for all tests with the same [`Options`], also across the processes that
//!   nextest makes of them. The first caller starts it; a watchdog stops it when nobody has used it
//!   for a while. For tests that only need a database.
//! * [`Server`]: a server of one test, that may be paused, killed and restarted. For proofs of what
//!   survives.
//! * [`Proxy`]: a connection to a server that can be cut, refused, stalled, or lose the answers.
//! * [`need!`]: skips a test whose server is not installed, visibly; in CI the test fails instead.
//! * [`fixtures`]: the tables of the sites that mika has presets for, with a few rows.
//!
//! Servers listen on 127.0.0.1 and on a socket in their directory. The directories are in the
//! system's directory for temporary files, since the path of a socket has to be short and since
//! database servers refuse to run as root: for root, they run as another account.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test whose server does not come up fails, with the server's log"
)]

mod account;
mod client;
mod database;
mod directory;
mod endpoint;
pub mod fixtures;
mod guard;
mod kind;
mod launch;
mod needed;
mod options;
mod port;
mod processes;
mod programs;
mod proxy;
mod server;
mod shared;
mod template;

pub use client::QueryError;
pub use database::Database;
pub use endpoint::Endpoint;
pub use kind::Kind;
pub use needed::found;
pub use options::{Options, SqlMode};
pub use programs::Missing;
pub use proxy::{Proxy, Traffic};
pub use server::Server;
pub use shared::shared;
