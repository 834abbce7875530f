//! How a server is set up.

use crate::kind::Kind;

/// What MariaDB and MySQL do with values that do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SqlMode {
    /// Refuse them, and dates of zero, too. What MySQL 8 does unless told otherwise.
    Strict,
    /// Refuse them, but take dates of zero. What MariaDB does unless told otherwise.
    StrictButZeroDates,
    /// Cut them to what fits, with a warning. What old sites need.
    NotStrict,
}

impl SqlMode {
    pub(crate) fn names(self) -> &'static str {
        match self {
            Self::Strict => {
                "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,\
                 ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
            }
            Self::StrictButZeroDates => {
                "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
            }
            Self::NotStrict => "NO_ENGINE_SUBSTITUTION",
        }
    }
}

/// How a server is set up. Tests with equal options share a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Options {
    pub(crate) kind: Kind,
    pub(crate) synced: bool,
    pub(crate) password: bool,
    pub(crate) sql_mode: SqlMode,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) idle_seconds: u32,
}

impl Options {
    /// A server that is fast and not durable, with a password, in strict mode.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            synced: false,
            password: true,
            sql_mode: SqlMode::Strict,
            settings: Vec::new(),
            idle_seconds: 120,
        }
    }

    /// [`new`](Self::new) for PostgreSQL.
    pub fn postgresql() -> Self {
        Self::new(Kind::PostgreSql)
    }

    /// [`new`](Self::new) for MariaDB.
    pub fn mariadb() -> Self {
        Self::new(Kind::MariaDb)
    }

    /// [`new`](Self::new) for MySQL.
    pub fn mysql() -> Self {
        Self::new(Kind::MySql)
    }

    /// [`new`](Self::new) for Redis.
    pub fn redis() -> Self {
        Self::new(Kind::Redis)
    }

    /// [`new`](Self::new) for Valkey.
    pub fn valkey() -> Self {
        Self::new(Kind::Valkey)
    }

    /// Every commit is on disk before it is acknowledged: `fsync` and `synchronous_commit` of
    /// PostgreSQL, `innodb_flush_log_at_trx_commit=1`, `appendonly yes` and `appendfsync always`.
    ///
    /// Without it PostgreSQL and InnoDB still keep what a killed *process* had committed, for the
    /// system has it; Redis and Valkey keep nothing.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.synced = true;
        self
    }

    /// Lets everybody in without a password.
    #[must_use]
    pub fn without_password(mut self) -> Self {
        self.password = false;
        self
    }

    /// The `sql_mode` of MariaDB and MySQL. [`SqlMode::Strict`] unless set.
    #[must_use]
    pub fn sql_mode(mut self, mode: SqlMode) -> Self {
        self.sql_mode = mode;
        self
    }

    /// The `innodb_flush_log_at_trx_commit` of MariaDB and MySQL: 0, 1 or 2.
    #[must_use]
    pub fn flush_log_at_commit(self, value: u8) -> Self {
        self.set("innodb_flush_log_at_trx_commit", &value.to_string())
    }

    /// Any setting by the server's own name for it (`max_connections`, `appendfsync`). Comes after
    /// all others, so it wins.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// How long a shared server stays when nobody uses it. 120 unless set.
    #[must_use]
    pub fn idle_seconds(mut self, seconds: u32) -> Self {
        self.idle_seconds = seconds;
        self
    }

    /// The kind of the server.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}
