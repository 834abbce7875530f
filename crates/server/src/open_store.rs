//! From the configuration to a store.

use std::sync::Arc;

use mika_store::schema::{Dialect, Schema};
use mika_store::{Catalog, MysqlStore, PostgresStore, SqliteStore, StoreError};

use crate::config::{StoreConfig, StoreKind};

/// Opens the store that the configuration names.
///
/// # Errors
/// Those of the adapters; [`StoreError::Broken`] also if something is wrong with the schema.
pub async fn open_store(config: &StoreConfig) -> Result<Arc<dyn Catalog>, StoreError> {
    let url = config.url.expose();
    Ok(match config.kind {
        StoreKind::Sqlite => {
            let schema = schema(config, Dialect::Sqlite)?;
            Arc::new(SqliteStore::open_with(&config.path, schema).await?)
        }
        StoreKind::Postgres => {
            Arc::new(PostgresStore::open(url, schema(config, Dialect::Postgres)?).await?)
        }
        StoreKind::Mysql => Arc::new(MysqlStore::open(url, schema(config, Dialect::Mysql)?).await?),
    })
}

fn schema(config: &StoreConfig, dialect: Dialect) -> Result<Schema, StoreError> {
    Schema::open(&config.schema, dialect, &config.names)
        .map_err(|error| StoreError::Broken(error.to_string()))
}
