//! A database of one test.

use std::net::SocketAddr;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::client::QueryError;
use crate::endpoint::Endpoint;
use crate::kind::Kind;

/// A new database on a server, dropped with the value.
///
/// With Redis and Valkey it is one of the server's numbered ones.
#[derive(Debug)]
pub struct Database {
    endpoint: Endpoint,
    name: String,
}

impl Database {
    pub(crate) fn create(endpoint: &Endpoint) -> Self {
        let first = endpoint.first_database();
        let name = if endpoint.kind.speaks_sql() {
            let name = new_name();
            endpoint
                .query(first, &format!("CREATE DATABASE {name}"))
                .unwrap_or_else(|error| panic!("no database: {error}"));
            name
        } else {
            // Number 0 holds the counter and is given to nobody.
            let number = endpoint.query(first, "INCR databases-given");
            number.unwrap_or_else(|error| panic!("no database: {error}"))
        };
        Self { endpoint: endpoint.clone(), name }
    }

    /// Its name; a number with Redis and Valkey.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its server.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.endpoint.url(&self.name)
    }

    /// Its URL by way of another address, that of a [`Proxy`](crate::Proxy) say.
    pub fn url_at(&self, address: SocketAddr) -> String {
        self.endpoint.url_at(address, &self.name)
    }

    /// Runs statements, as [`Endpoint::query`].
    ///
    /// # Errors
    ///
    /// What the client says, if a statement fails or the server cannot be reached.
    pub fn query(&self, statements: &str) -> Result<String, QueryError> {
        self.endpoint.query(&self.name, statements)
    }
}

/// A name that no other process chooses.
fn new_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("t{}_{number}_{:08x}", process::id(), fastrand::u32(..))
}

impl Drop for Database {
    fn drop(&mut self) {
        if !self.endpoint.is_shared {
            return;
        }
        let first = self.endpoint.first_database();
        let dropped = match self.endpoint.kind {
            Kind::PostgreSql => {
                // A pool that the test has not closed must not keep the database.
                let statement = format!("DROP DATABASE {} WITH (FORCE)", self.name);
                self.endpoint.query(first, &statement)
            }
            Kind::MariaDb | Kind::MySql => {
                self.endpoint.query(first, &format!("DROP DATABASE {}", self.name))
            }
            Kind::Redis | Kind::Valkey => self.query("FLUSHDB"),
        };
        if let Err(error) = dropped {
            eprintln!("database {} stays: {error}", self.name);
        }
    }
}
