//! A site's PostgreSQL database (15 or later).
//!
//! A batch's rows go over as one array per column, so that a flush statement is prepared once,
//! whatever the number of rows.

mod error;
mod session;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{ConnectOptions, SqlSafeStr};

use crate::schema::Schema;
use crate::sql::SqlStore;
use crate::sql::backend::{self, Arguments, Backend, Columns, Session, timeouts};
use crate::sql::url::Form;
use crate::store::StoreError;
use session::PostgresSession;

/// A store in a PostgreSQL database.
pub type PostgresStore = SqlStore<PostgresBackend>;

/// The connections to a PostgreSQL database.
#[derive(Debug)]
pub struct PostgresBackend {
    /// Host, port and database: what an error has to name.
    place: String,
    writer: PgPool,
    readers: PgPool,
}

/// What its URLs look like.
const FORM: Form = Form { schemes: ["postgres", "postgresql"], example_user: "postgres://user" };

impl PostgresStore {
    /// Connects to `postgres://user:password@host:port/database` (see the libpq documentation for
    /// more; `sslmode` among it) and makes the tables that the tracker owns.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if somebody has to change something (the URL, a password, a grant),
    /// [`StoreError::Unavailable`] if the server cannot be reached now. Neither contains the
    /// password.
    pub async fn open(url: &str, schema: Schema) -> Result<Self, StoreError> {
        let (place, options) = read_url(url)?;
        let greeted = backend::greet(&options, timeouts::ACQUIRE).await;
        greeted.map_err(|error| error::meaning(&place, &error))?;
        Self::lazy(place.clone(), options, schema).prepared(&place).await
    }

    /// The same without making or changing anything; connects when it is first used.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if the URL is not one.
    pub fn connect(url: &str, schema: Schema) -> Result<Self, StoreError> {
        let (place, options) = read_url(url)?;
        Ok(Self::lazy(place, options, schema))
    }

    /// Looks at a URL, and connects to nothing.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if it cannot be the database's; it has nothing of the password.
    pub fn check_url(url: &str) -> Result<(), StoreError> {
        read_url(url).map(drop)
    }

    /// Connects when it is first used.
    fn lazy(place: String, options: PgConnectOptions, schema: Schema) -> Self {
        let writer = timeouts::pool().max_connections(1).connect_lazy_with(options.clone());
        let readers =
            timeouts::pool().max_connections(timeouts::READERS).connect_lazy_with(options);
        Self { backend: PostgresBackend { place, writer, readers }, schema }
    }
}

/// What a URL says, and how errors name the place.
fn read_url(url: &str) -> Result<(String, PgConnectOptions), StoreError> {
    let options: PgConnectOptions = FORM.read(url)?;
    let options = options.application_name("mika").disable_statement_logging();
    let place = format!(
        "PostgreSQL {}:{}/{}",
        options.get_host(),
        options.get_port(),
        options.get_database().unwrap_or_default()
    );
    Ok((place, options))
}

#[async_trait]
impl Backend for PostgresBackend {
    async fn write(&self) -> Result<Box<dyn Session>, sqlx::Error> {
        let begun = self.writer.begin().await;
        Ok(Box::new(PostgresSession(backend::or_cause(begun, self).await?)))
    }

    async fn read(&self) -> Result<Box<dyn Session>, sqlx::Error> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let begun = self.readers.begin_with(begin).await;
        Ok(Box::new(PostgresSession(backend::or_cause(begun, self).await?)))
    }

    async fn greet(&self, time: Duration) -> Result<(), sqlx::Error> {
        backend::greet(self.readers.connect_options().as_ref(), time).await
    }

    async fn tables(&self, session: &mut dyn Session) -> Result<Vec<String>, sqlx::Error> {
        let query = "SELECT tablename::text AS name FROM pg_catalog.pg_tables
                     WHERE schemaname = current_schema()";
        let mut tables = Vec::new();
        let mut each = |row: &dyn Columns| tables.extend(row.text("name").ok().flatten());
        session.fetch(query.into_sql_str(), Arguments::NONE, &mut each).await?;
        Ok(tables)
    }

    fn error(&self, error: sqlx::Error) -> StoreError {
        error::meaning(&self.place, &error)
    }

    fn refusal(&self, error: &sqlx::Error) -> Option<String> {
        error::refusal(error)
    }

    async fn close(&self) {
        timeouts::close(&self.readers).await;
        timeouts::close(&self.writer).await;
    }
}
