//! The embedded default: one SQLite file, owned by the tracker.
//!
//! One connection writes, a few read. The file is in WAL mode with `synchronous = FULL`: a
//! transaction that has been committed survives a power failure.

mod error;
mod open;
mod session;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use sqlx::sqlite::SqlitePool;

use crate::schema::Schema;
use crate::sql::backend::{Arguments, Backend, Session};
use crate::sql::{Failure, SqlStore};
use crate::store::StoreError;
use error::Context;
use session::SqliteSession;

/// A store in a SQLite file.
pub type SqliteStore = SqlStore<SqliteBackend>;

/// The connections to a SQLite file.
#[derive(Debug)]
pub struct SqliteBackend {
    path: PathBuf,
    /// One connection, so that writers of this process queue here and not in SQLite.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens the file with mika's own tables, creating it (mode 0600) and its directory (mode
    /// 0700) if they are missing, and brings its tables up to date. A new file has one role,
    /// `user`, with id 1.
    ///
    /// # Errors
    /// [`StoreError::Broken`] with the path and what to do: no access, read-only, not a database,
    /// damaged, made by a newer version or by another program. [`StoreError::Unavailable`] if the
    /// file is locked or the disk is full.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let schema = Schema::open("mika", crate::schema::Dialect::Sqlite, &Default::default())
            .map_err(|error| StoreError::Broken(error.to_string()))?;
        Self::open_with(path, schema).await
    }

    /// Opens a file whose tables the schema knows.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub async fn open_with(path: &Path, schema: Schema) -> Result<Self, StoreError> {
        open::open(path, schema).await
    }

    /// The same without making or changing anything; connects when it is first used.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if there is no such file.
    pub fn connect(path: &Path, schema: Schema) -> Result<Self, StoreError> {
        open::connect(path, schema)
    }
}

impl SqliteBackend {
    fn context(&self) -> Context<'_> {
        Context { path: &self.path }
    }
}

#[async_trait]
impl Backend for SqliteBackend {
    // IMMEDIATE: a lock taken only at the first write can fail where waiting does not help.
    async fn write(&self) -> Result<Box<dyn Session>, sqlx::Error> {
        Ok(Box::new(SqliteSession(self.writer.begin_with("BEGIN IMMEDIATE").await?)))
    }

    async fn read(&self) -> Result<Box<dyn Session>, sqlx::Error> {
        Ok(Box::new(SqliteSession(self.readers.begin().await?)))
    }

    async fn tables(&self, session: &mut dyn Session) -> Result<Vec<String>, sqlx::Error> {
        use sqlx::SqlSafeStr;
        let query = "SELECT name FROM sqlite_schema WHERE type = 'table'";
        let mut tables = Vec::new();
        let mut each = |row: &dyn crate::sql::backend::Columns| {
            tables.extend(row.text("name").ok().flatten());
        };
        session.fetch(query.into_sql_str(), Arguments::NONE, &mut each).await?;
        Ok(tables)
    }

    fn error(&self, error: sqlx::Error) -> StoreError {
        self.context().error(Failure::Sql(error))
    }

    fn refusal(&self, error: &sqlx::Error) -> Option<String> {
        error::refusal(error).map(str::to_owned)
    }

    async fn close(&self) {
        // The last connection to close folds the WAL into the file, which a reader cannot do.
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[cfg(test)]
mod tests;
