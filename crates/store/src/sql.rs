//! What all SQL databases have in common: a schema's statements are run without knowing its
//! tables.
//!
//! * [`backend`]: what an adapter knows of its database: connections, errors, values.
//! * [`migrate`]: making the tracker's own tables.
//! * [`load`]: streaming records to the tracker; [`record`]: from columns to records.
//! * [`apply`]: writing a batch.
//! * [`site`]: settings, removals and logs of some sites.
//! * [`check`]: trying all statements on the live database, without a trace.
//! * [`catalog`]: single records, if the tables are the tracker's own.

pub(crate) mod apply;
pub(crate) mod backend;
mod catalog;
pub mod check;
pub(crate) mod load;
pub(crate) mod migrate;
pub(crate) mod record;
pub(crate) mod session;
mod site;
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) mod url;

use async_trait::async_trait;
use mika_core::batch::Batch;

use crate::record::SettingRecord;
use crate::request_log::RequestLog;
use crate::schema::Schema;
use crate::store::{Applied, KeepDeadLetters, LoadSink, Store, StoreError};
pub use backend::Backend;
pub(crate) use backend::Failure;

/// A store in an SQL database.
#[derive(Debug)]
pub struct SqlStore<B> {
    pub(crate) backend: B,
    pub(crate) schema: Schema,
}

impl<B: Backend> SqlStore<B> {
    /// The statements that it runs.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The store with its tables brought up to date; `place` names the database.
    pub(crate) async fn prepared(self, place: &str) -> Result<Self, StoreError> {
        let mut prepared = migrate::migrate(&self.backend, &self.schema, place).await;
        if prepared.is_ok() {
            prepared = apply::rehearse(&self.backend, &self.schema).await;
        }
        if let Err(error) = self.named(prepared) {
            self.backend.close().await;
            return Err(error);
        }
        Ok(self)
    }

    /// An error of the database in the store's words.
    pub(crate) fn named<T>(&self, result: Result<T, Failure>) -> Result<T, StoreError> {
        result.map_err(|failure| match failure {
            Failure::Store(error) => error,
            Failure::Sql(error) => self.backend.error(error),
        })
    }
}

#[async_trait]
impl<B: Backend> Store for SqlStore<B> {
    fn name(&self) -> &'static str {
        self.schema.dialect.name()
    }

    async fn load(&self, sink: &mut dyn LoadSink) -> Result<(), StoreError> {
        self.named(load::load(&self.backend, &self.schema, sink).await)
    }

    async fn load_peers(&self, sink: &mut dyn LoadSink) -> Result<(), StoreError> {
        self.named(load::load_peers(&self.backend, &self.schema, sink).await)
    }

    async fn load_changes(
        &self,
        since_seconds: u32,
        sink: &mut dyn LoadSink,
    ) -> Result<(), StoreError> {
        let loaded = load::load_changes(&self.backend, &self.schema, since_seconds, sink).await;
        self.named(loaded)
    }

    async fn checkpoint(&self) -> Result<u64, StoreError> {
        self.named(apply::checkpoint_of(&self.backend, &self.schema).await)
    }

    async fn apply_with(
        &self,
        batch: &Batch,
        keep: &mut KeepDeadLetters<'_>,
    ) -> Result<Applied, StoreError> {
        self.named(apply::apply(&self.backend, &self.schema, batch, keep).await)
    }

    async fn forget_peers(&self) -> Result<(), StoreError> {
        self.named(apply::forget_peers(&self.backend, &self.schema).await)
    }

    async fn settings(&self) -> Result<Vec<SettingRecord>, StoreError> {
        self.named(site::settings(&self.backend, &self.schema).await)
    }

    fn removes_torrents(&self) -> bool {
        self.schema.torrents_remove.is_some()
    }

    async fn remove_torrents(&self, ids: &[u32]) -> Result<u64, StoreError> {
        self.named(site::remove_torrents(&self.backend, &self.schema, ids).await)
    }

    fn keeps_requests(&self) -> (bool, bool) {
        let logs = &self.schema.logs;
        (logs.announces.is_some(), logs.scrapes.is_some())
    }

    async fn keep_requests(&self, requests: &RequestLog) -> Result<(), StoreError> {
        self.named(site::keep_requests(&self.backend, &self.schema, requests).await)
    }

    async fn close(&self) {
        self.backend.close().await;
    }
}
