//! The embedded default: one SQLite file, owned by the tracker.
//!
//! One connection writes, a few read. The file is in WAL mode with `synchronous = FULL`: a
//! transaction that has been committed survives a power failure.

mod apply;
mod catalog;
mod error;
mod load;
mod open;
mod row;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use mika_core::batch::Batch;
use sqlx::sqlite::SqlitePool;

use crate::schema::Schema;
use crate::store::{Applied, KeepDeadLetters, LoadSink, Store, StoreError};
use error::Context;

/// A store in a SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    schema: Schema,
    /// One connection, so that writers of this process queue here and not in SQLite.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens the file, creating it (mode 0600) and its directory (mode 0700) if they are missing,
    /// and brings its tables up to date. A new file has one role, `user`, with id 1.
    ///
    /// # Errors
    /// [`StoreError::Broken`] with the path and what to do: no access, read-only, not a database,
    /// damaged, made by a newer version or by another program. [`StoreError::Unavailable`] if the
    /// file is locked or the disk is full.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        open::open(path).await
    }

    /// Turns an error of sqlx into ours, naming the file.
    fn context(&self) -> Context<'_> {
        Context { path: &self.path }
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    async fn load(&self, sink: &mut dyn LoadSink) -> Result<(), StoreError> {
        load::load(&self.readers, &self.schema, sink).await.map_err(|e| self.context().error(e))
    }

    async fn checkpoint(&self) -> Result<u64, StoreError> {
        let mut reader = self.readers.acquire().await.map_err(|e| self.context().error(e))?;
        apply::checkpoint(&mut reader, &self.schema).await.map_err(|e| self.context().error(e))
    }

    async fn apply_with(
        &self,
        batch: &Batch,
        keep: &mut KeepDeadLetters<'_>,
    ) -> Result<Applied, StoreError> {
        let applied = apply::apply(&self.writer, &self.schema, batch, keep).await;
        applied.map_err(|error| self.context().error(error))
    }

    async fn forget_peers(&self) -> Result<(), StoreError> {
        let forgotten = apply::forget_peers(&self.writer, &self.schema).await;
        forgotten.map_err(|error| self.context().error(error))
    }

    async fn close(&self) {
        // The last connection to close folds the WAL into the file, which a reader cannot do.
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[cfg(test)]
mod tests;
