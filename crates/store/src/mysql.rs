//! A site's MariaDB (10.6 or later) or MySQL (8 or later) database.
//!
//! A batch's rows go over as one JSON document that `JSON_TABLE` turns into a derived table, so
//! that a flush statement is prepared once, whatever the number of rows.

mod error;
mod session;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::mysql::{MySqlConnectOptions, MySqlPool};
use sqlx::{ConnectOptions, Executor, MySql, SqlSafeStr};

use crate::schema::Schema;
use crate::sql::SqlStore;
use crate::sql::backend::{self, Arguments, Backend, Columns, Session, timeouts};
use crate::sql::url::Form;
use crate::store::StoreError;
use session::MysqlSession;

/// A store in a MariaDB or MySQL database.
pub type MysqlStore = SqlStore<MysqlBackend>;

/// The connections to a MariaDB or MySQL database.
#[derive(Debug)]
pub struct MysqlBackend {
    /// Host, port and database: what an error has to name.
    place: String,
    writer: MySqlPool,
    readers: MySqlPool,
}

/// Rows that a flush does not change are not locked either, and what another program inserts
/// beside them does not deadlock with it.
const WRITER_SETUP: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

/// What its URLs look like.
const FORM: Form = Form { schemes: ["mysql", "mariadb"], example_user: "mysql://user" };

impl MysqlStore {
    /// Connects to `mysql://user:password@host:port/database` (`mariadb://` is the same; with
    /// `?socket=/path` to a socket) and makes the tables that the tracker owns.
    ///
    /// The session keeps the server's own SQL mode and time zone, for those are what the site's
    /// columns were written in.
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
    fn lazy(place: String, options: MySqlConnectOptions, schema: Schema) -> Self {
        let writer = timeouts::pool::<MySql>()
            .max_connections(1)
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(WRITER_SETUP).await.map(drop) })
            })
            .connect_lazy_with(options.clone());
        let readers =
            timeouts::pool().max_connections(timeouts::READERS).connect_lazy_with(options);
        Self { backend: MysqlBackend { place, writer, readers }, schema }
    }
}

/// What a URL says, and how errors name the place.
fn read_url(url: &str) -> Result<(String, MySqlConnectOptions), StoreError> {
    let options: MySqlConnectOptions = FORM.read(url)?;
    if options.get_database().is_none_or(str::is_empty) {
        return Err(FORM.without_database());
    }
    let options = options
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .disable_statement_logging();
    let place = format!(
        "MariaDB/MySQL {}:{}/{}",
        options.get_host(),
        options.get_port(),
        options.get_database().unwrap_or_default()
    );
    Ok((place, options))
}

#[async_trait]
impl Backend for MysqlBackend {
    async fn write(&self) -> Result<Box<dyn Session>, sqlx::Error> {
        let begun = self.writer.begin().await;
        Ok(Box::new(MysqlSession(backend::or_cause(begun, self).await?)))
    }

    async fn read(&self) -> Result<Box<dyn Session>, sqlx::Error> {
        let begin = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
        let begun = self.readers.begin_with(begin).await;
        Ok(Box::new(MysqlSession(backend::or_cause(begun, self).await?)))
    }

    async fn greet(&self, time: Duration) -> Result<(), sqlx::Error> {
        backend::greet(self.readers.connect_options().as_ref(), time).await
    }

    async fn tables(&self, session: &mut dyn Session) -> Result<Vec<String>, sqlx::Error> {
        let query = "SELECT TABLE_NAME AS name FROM information_schema.TABLES
                     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'";
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
