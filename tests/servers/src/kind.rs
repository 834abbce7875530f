//! The servers there are.

use std::fmt;
use std::str::FromStr;

/// A kind of database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// PostgreSQL.
    PostgreSql,
    /// MariaDB.
    MariaDb,
    /// MySQL 8 or later; a `mysqld` that is MariaDB under its old name does not count.
    MySql,
    /// Redis.
    Redis,
    /// Valkey.
    Valkey,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::PostgreSql, Self::MariaDb, Self::MySql, Self::Redis, Self::Valkey];

    /// The name on the command line and in directories.
    pub fn name(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgresql",
            Self::MariaDb => "mariadb",
            Self::MySql => "mysql",
            Self::Redis => "redis",
            Self::Valkey => "valkey",
        }
    }

    /// Whether it speaks SQL; the others speak the Redis protocol.
    pub fn speaks_sql(self) -> bool {
        matches!(self, Self::PostgreSql | Self::MariaDb | Self::MySql)
    }

    /// Whether it is MariaDB or MySQL, which take the same SQL in most respects.
    pub fn is_mysql_like(self) -> bool {
        matches!(self, Self::MariaDb | Self::MySql)
    }

    /// Whether CI fails without it. MySQL and Valkey are in no Debian release, so they count only
    /// where `MIKA_TEST_SERVERS=all` says so.
    pub fn must_be_there(self, in_ci: bool, all: bool) -> bool {
        in_ci && (all || !matches!(self, Self::MySql | Self::Valkey))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PostgreSql => "PostgreSQL",
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL",
            Self::Redis => "Redis",
            Self::Valkey => "Valkey",
        })
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no server {name:?}; there are {names}")
        })
    }
}
