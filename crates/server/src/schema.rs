//! The schema of the store, for those who look at it or adapt it.

use std::time::{SystemTime, UNIX_EPOCH};

pub use mika_store::schema::folder::{embedded, manifest, on_disk, presets};
pub use mika_store::schema::{
    Dialect, ExportError, FileKind, Files, Schema, SchemaError, SchemaFile, export, title,
};
pub use mika_store::sql::check::{Check, Facts, Grade, Remark, Report};
use mika_store::{MysqlStore, PostgresStore, SqliteStore, Store, StoreError};

use crate::config::{StoreConfig, StoreKind};

/// The SQL of the store that the configuration names; `None` if it is no SQL database.
pub fn dialect(config: &StoreConfig) -> Option<Dialect> {
    match config.kind {
        StoreKind::Sqlite => Some(Dialect::Sqlite),
        StoreKind::Postgres => Some(Dialect::Postgres),
        StoreKind::Mysql => Some(Dialect::Mysql),
        StoreKind::Redis | StoreKind::Http => None,
    }
}

/// The schema that the configuration names.
///
/// # Errors
/// [`StoreError::Broken`] if something is wrong with it.
pub fn open(config: &StoreConfig) -> Result<Schema, StoreError> {
    let dialect = dialect(config).ok_or(StoreError::Unsupported(
        "`store.kind` is no SQL database, so that there is no schema",
    ))?;
    Schema::open(&config.schema, dialect, &config.names)
        .map_err(|error| StoreError::Broken(error.to_string()))
}

/// Tries all statements of the configured schema on the configured database, without leaving a
/// trace.
///
/// # Errors
/// If the schema cannot be read or the database cannot be reached.
pub async fn check(config: &StoreConfig) -> Result<Report, StoreError> {
    let schema = open(config)?;
    let url = config.url.expose();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let now = u32::try_from(now).unwrap_or(u32::MAX);
    match config.kind {
        StoreKind::Sqlite => {
            let store = SqliteStore::connect(&config.path, schema)?;
            let report = store.check(now).await;
            store.close().await;
            report
        }
        StoreKind::Postgres => {
            let store = PostgresStore::connect(url, schema)?;
            let report = store.check(now).await;
            store.close().await;
            report
        }
        StoreKind::Mysql => {
            let store = MysqlStore::connect(url, schema)?;
            let report = store.check(now).await;
            store.close().await;
            report
        }
        StoreKind::Redis | StoreKind::Http => Err(StoreError::Unsupported("a schema")),
    }
}
