//! What an adapter knows of its database.

#[cfg(any(feature = "mysql", feature = "postgres"))]
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::SqlStr;
#[cfg(any(feature = "mysql", feature = "postgres"))]
use sqlx::{ConnectOptions, Connection};

use crate::schema::{Column, Value};
use crate::store::StoreError;

/// An error on the way: the database's, or already ours.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Not yet interpreted.
    Sql(sqlx::Error),
    /// Final.
    Store(StoreError),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A kind of database. All that writes goes through one connection, so that writers of this
/// process queue here and cannot deadlock each other.
#[async_trait]
pub trait Backend: std::fmt::Debug + Send + Sync + 'static {
    /// Begins a transaction that writes.
    async fn write(&self) -> Result<Box<dyn Session>, sqlx::Error>;

    /// Begins a transaction that reads, and sees the tables as of one moment.
    async fn read(&self) -> Result<Box<dyn Session>, sqlx::Error>;

    /// Connects once, apart from the connections that are kept: unlike those, it says at once why
    /// a server cannot be reached.
    async fn greet(&self, _time: Duration) -> Result<(), sqlx::Error> {
        Ok(())
    }

    /// The names of the tables that there are, views excluded.
    async fn tables(&self, session: &mut dyn Session) -> Result<Vec<String>, sqlx::Error>;

    /// What an error means to the caller, and what a person can do about it.
    fn error(&self, error: sqlx::Error) -> StoreError;

    /// The database's words if it objects to the rows themselves, and would to the same rows
    /// again.
    fn refusal(&self, error: &sqlx::Error) -> Option<String>;

    /// Closes all connections.
    async fn close(&self);
}

/// A batch's rows of one kind, row after row.
#[derive(Debug)]
pub struct RowSet {
    /// What each row has.
    pub columns: &'static [Column],
    /// One value per column and row.
    pub values: Vec<Value>,
    /// How many rows.
    pub rows: usize,
}

/// What a statement's placeholders stand for.
#[derive(Debug)]
pub enum Arguments<'a> {
    /// One value each.
    Values(&'a [Value]),
    /// `{{rows}}`.
    Rows(&'a RowSet),
}

impl Arguments<'_> {
    /// For a statement without placeholders.
    pub const NONE: Self = Self::Values(&[]);
}

/// Calls back for each row of a result.
pub type EachRow<'a> = dyn FnMut(&dyn Columns) + Send + 'a;

/// A transaction. Dropped without [`Session::commit`] it is rolled back.
#[async_trait]
pub trait Session: Send {
    /// Runs a statement and says how many rows it changed, or found unchanged. `is_kept`: the
    /// same text comes again, so preparing it pays.
    async fn execute(
        &mut self,
        statement: SqlStr,
        arguments: Arguments<'_>,
        is_kept: bool,
    ) -> Result<u64, sqlx::Error>;

    /// Runs statements without placeholders, several if separated by semicolons.
    async fn execute_script(&mut self, script: SqlStr) -> Result<(), sqlx::Error>;

    /// Runs a query, and hands over its rows as they come in.
    async fn fetch(
        &mut self,
        query: SqlStr,
        arguments: Arguments<'_>,
        each: &mut EachRow<'_>,
    ) -> Result<(), sqlx::Error>;

    /// Has the database look at a statement without running it.
    async fn prepare(&mut self, statement: SqlStr) -> Result<Prepared, sqlx::Error>;

    /// Makes all of it last.
    async fn commit(self: Box<Self>) -> Result<(), sqlx::Error>;

    /// Forgets all of it.
    async fn rollback(self: Box<Self>) -> Result<(), sqlx::Error>;
}

/// What the database says of a statement that it has not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Names of the columns that it returns.
    pub columns: Vec<String>,
    /// How many values it wants.
    pub placeholders: usize,
}

/// A row of a result; columns are found by name. An error says what is wrong with the column,
/// never what is in it.
pub trait Columns {
    /// Whether the query has such a column.
    fn has(&self, column: &str) -> bool;

    /// A whole number, `None` for NULL. Any type of the database that holds whole numbers is
    /// good, and text that is one.
    fn integer(&self, column: &str) -> Result<Option<i128>, String>;

    /// Text, `None` for NULL.
    fn text(&self, column: &str) -> Result<Option<String>, String>;

    /// Bytes, `None` for NULL; text is its bytes.
    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, String>;
}

/// The error of a column that is not there.
pub(crate) fn column_error(column: &str, error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::ColumnNotFound(_) => format!("the statement has no column {column}"),
        sqlx::Error::ColumnDecode { source, .. } => format!("{column}: {source}"),
        other => format!("{column}: {other}"),
    }
}

/// A number that a database wrote as text.
pub(crate) fn parse_integer(column: &str, text: &str) -> Result<i128, String> {
    text.trim().parse().map_err(|_| format!("{column}: its text is not a whole number"))
}

/// Connects once. A pool waits for a server that refuses connections and then only says that it
/// waited; whoever starts the tracker wants to know why at once.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) async fn greet<O>(options: &O, time: Duration) -> Result<(), sqlx::Error>
where
    O: ConnectOptions,
    O::Connection: Sized,
{
    let connection = timeouts::within(time, options.connect()).await?;
    // It was good for what it was made for; how it ends does not matter.
    let _ = timeouts::within(timeouts::FAREWELL, connection.close()).await;
    Ok(())
}

/// A pool that waited in vain says nothing else: asks the server for the cause. It is the pool's
/// own if the server answers, or nobody says anything.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) async fn or_cause<T>(
    acquired: Result<T, sqlx::Error>,
    backend: &dyn Backend,
) -> Result<T, sqlx::Error> {
    if !matches!(acquired, Err(sqlx::Error::PoolTimedOut)) {
        return acquired;
    }
    match backend.greet(timeouts::FAREWELL).await {
        Err(sqlx::Error::Io(silence)) if silence.kind() == io::ErrorKind::TimedOut => acquired,
        Err(cause) => Err(cause),
        Ok(()) => acquired,
    }
}

/// What an error on the way to a server means, that is not the database's own.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) fn meaning(place: &str, error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Io(_) => StoreError::Unavailable(format!(
            "{place}: {error}; is the server running, and is that its place in store.url?"
        )),
        sqlx::Error::PoolTimedOut => StoreError::Unavailable(format!(
            "{place}: no connection within {} s; is the server running, and is that its place in \
             store.url?",
            timeouts::ACQUIRE.as_secs()
        )),
        sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            StoreError::Unavailable(format!("{place}: {error}"))
        }
        sqlx::Error::PoolClosed => StoreError::Broken(format!("{place}: the store was closed")),
        _ => StoreError::Broken(format!("{place}: {error}")),
    }
}

/// Bounds that are the same for every server.
pub(crate) mod timeouts {
    use std::future::Future;
    use std::io;
    use std::time::Duration;

    use sqlx::pool::PoolOptions;
    use sqlx::{Connection, Database, Pool};

    /// How long to wait for a connection; the caller tries again later.
    pub(crate) const ACQUIRE: Duration = Duration::from_secs(10);
    /// A connection that nobody needs is given back to the server.
    const IDLE: Duration = Duration::from_secs(300);
    /// Connections for lookups.
    pub(crate) const READERS: u32 = 4;
    /// How long a statement, or the next row of a query, may take. A server that vanished without
    /// a word would be waited for for ever; one that is slow, or whose table is locked for longer,
    /// is asked again.
    pub(crate) const ANSWER: Duration = Duration::from_secs(60);
    /// How long a connection may take to prove that it works, or to say goodbye.
    pub(crate) const FAREWELL: Duration = Duration::from_secs(5);

    /// A file answers.
    pub(crate) const NONE: Duration = Duration::MAX;

    /// An answer of the server, or an error if it does not come in time. The connection is of no
    /// use then.
    pub(crate) async fn within<T>(
        time: Duration,
        answer: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let too_late = |_| {
            let words = format!("no answer within {} s", time.as_secs());
            sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, words))
        };
        tokio::time::timeout(time, answer).await.unwrap_or_else(|late| Err(too_late(late)))
    }

    /// Whether a connection that comes back to its pool still works. The pool itself would wait for
    /// the answer without end, and the place of the connection would be taken.
    async fn still_works<C: Connection>(connection: &mut C) -> Result<bool, sqlx::Error> {
        within(FAREWELL, connection.ping()).await.map(|()| true)
    }

    /// How connections to a server are kept.
    pub(crate) fn pool<DB: Database>() -> PoolOptions<DB> {
        PoolOptions::new()
            .acquire_timeout(ACQUIRE)
            .idle_timeout(IDLE)
            .test_before_acquire(true)
            .after_release(|connection, _| Box::pin(still_works(connection)))
    }

    /// Closes a pool; one whose server does not answer is left alone.
    pub(crate) async fn close<DB: Database>(pool: &Pool<DB>) {
        // Nothing is lost: whatever was not committed is applied again.
        let _ = tokio::time::timeout(FAREWELL, pool.close()).await;
    }
}
