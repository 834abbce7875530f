//! Where a server is, and how to talk to it.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::client::{self, QueryError};
use crate::database::Database;
use crate::kind::Kind;
use crate::launch::{PASSWORD, USER};

/// Where a server is, and how to talk to it.
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    pub(crate) has_password: bool,
    pub(crate) directory: PathBuf,
    /// The command-line client, but for Redis and Valkey.
    pub(crate) client: Option<PathBuf>,
    /// Whether databases are to be dropped after use, since the server stays.
    pub(crate) is_shared: bool,
}

impl Endpoint {
    /// The kind of the server.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The name of its user. Redis has none.
    pub fn user(&self) -> &'static str {
        USER
    }

    /// The password; empty if none is needed. The same for all servers, so that a test can look for
    /// it where it must not be.
    pub fn password(&self) -> &'static str {
        if self.has_password { PASSWORD } else { "" }
    }

    /// Where its socket is.
    pub fn socket(&self) -> PathBuf {
        match self.kind {
            Kind::PostgreSql => self.directory.join(format!(".s.PGSQL.{}", self.port)),
            _ => self.directory.join("socket"),
        }
    }

    /// The directory with its data and its log.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        self.url_at(self.address(), database)
    }

    /// The URL of a database by way of another address, that of a [`Proxy`](crate::Proxy) say.
    pub fn url_at(&self, address: SocketAddr, database: &str) -> String {
        let scheme = match self.kind {
            Kind::PostgreSql => "postgres",
            Kind::MariaDb | Kind::MySql => "mysql",
            Kind::Redis | Kind::Valkey => "redis",
        };
        let user = if self.kind.speaks_sql() { USER } else { "" };
        let secret = if self.has_password { format!(":{PASSWORD}") } else { String::new() };
        let at = if user.is_empty() && secret.is_empty() { "" } else { "@" };
        format!("{scheme}://{user}{secret}{at}{address}/{database}")
    }

    /// Runs statements, or Redis commands, one a line.
    ///
    /// Returns a line for each row, columns separated by tabs, without headings; of Redis, a line
    /// for each value.
    ///
    /// # Errors
    ///
    /// What the server or its client says, if a statement fails or the server cannot be reached.
    pub fn query(&self, database: &str, statements: &str) -> Result<String, QueryError> {
        client::run(self, database, statements)
    }

    /// A new, empty database. It is dropped with the value.
    ///
    /// # Panics
    ///
    /// If the server cannot make one.
    pub fn create_database(&self) -> Database {
        Database::create(self)
    }

    /// The database that every server has.
    pub(crate) fn first_database(&self) -> &'static str {
        match self.kind {
            Kind::PostgreSql => "postgres",
            Kind::MariaDb | Kind::MySql => "mysql",
            Kind::Redis | Kind::Valkey => "0",
        }
    }

    /// Whether it answers.
    pub(crate) fn answers(&self) -> Result<(), QueryError> {
        let question = if self.kind.speaks_sql() { "SELECT 1" } else { "PING" };
        self.query(self.first_database(), question).map(drop)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("kind", &self.kind)
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}
