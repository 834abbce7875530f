//! From the configuration to a store.

use std::sync::Arc;
use std::time::Duration;

use mika_store::http::{HttpOptions, HttpStore};
use mika_store::redis::RedisStore;
use mika_store::{Catalog, MysqlStore, PostgresStore, SqliteStore, StoreError};

use crate::config::{Config, StoreKind};
use crate::schema;
use crate::serve::redis_options_of;

/// A store, and what it is besides one.
pub(crate) type Opened = (Arc<dyn Catalog>, Option<Arc<HttpStore>>);

/// Opens the store that the configuration names.
///
/// # Errors
/// Those of the adapters; [`StoreError::Broken`] also if something is wrong with the schema.
pub(crate) async fn open_store(config: &Config) -> Result<Opened, StoreError> {
    let store = &config.store;
    let url = store.url.expose();
    let catalog: Arc<dyn Catalog> = match store.kind {
        StoreKind::Sqlite => {
            Arc::new(SqliteStore::open_with(&store.path, schema::open(store)?).await?)
        }
        StoreKind::Postgres => Arc::new(PostgresStore::open(url, schema::open(store)?).await?),
        StoreKind::Mysql => Arc::new(MysqlStore::open(url, schema::open(store)?).await?),
        StoreKind::Redis => Arc::new(RedisStore::open(&redis_options_of(config)).await?),
        StoreKind::Http => {
            let store = Arc::new(HttpStore::new(http_options(config))?);
            return Ok((Arc::clone(&store) as Arc<dyn Catalog>, Some(store)));
        }
    };
    Ok((catalog, None))
}

fn http_options(config: &Config) -> HttpOptions {
    let http = &config.store_http;
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    HttpOptions {
        url: http.url.clone(),
        token: http.token.expose().to_owned(),
        secret: http.secret.expose().to_owned(),
        connect_timeout: seconds(http.connect_timeout_seconds),
        call_timeout: seconds(http.timeout_seconds),
        lookup_timeout: Duration::from_millis(config.lookup.wait_milliseconds.into()),
        page_rows: http.page_rows,
        breaker_failures: http.breaker_failures,
        breaker_pause: seconds(http.breaker_pause_seconds),
        push_counts: http.push_counts,
        push_peers: http.push_peers,
    }
}
