//! Opening the file: access and connections.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};
use tracing::warn;

use super::error::Context;
use super::{SqliteBackend, SqliteStore};
use crate::schema::Schema;
use crate::store::StoreError;

/// How long to wait for another program's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a write waits for the one before it.
const WRITER_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections for lookups.
const READERS: u32 = 4;
/// Page cache of the writer in KiB: a batch touches pages all over the tables.
const WRITER_CACHE_KIB: u32 = 16 * 1024;
/// What the WAL may keep of the disk when it is empty, in bytes.
const WAL_LIMIT_BYTES: u32 = 64 * 1024 * 1024;

/// See [`SqliteStore::open`].
pub(super) async fn open(path: &Path, schema: Schema) -> Result<SqliteStore, StoreError> {
    // Absolute, so that no name means something special to SQLite (`:memory:`, `file:`).
    let path = std::path::absolute(path)
        .map_err(|e| StoreError::Broken(format!("{}: {e}", path.display())))?;
    prepare_file(&path)?;
    let context = Context { path: &path };
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    let writer = connect_writer(options.clone()).await.map_err(|e| context.error(e))?;
    let readers = pool().max_connections(READERS).connect_lazy_with(options.read_only(true));
    let place = path.display().to_string();
    let backend = SqliteBackend { path, writer, readers };
    SqliteStore { backend, schema }.prepared(&place).await
}

/// See [`SqliteStore::connect`].
pub(super) fn connect(path: &Path, schema: Schema) -> Result<SqliteStore, StoreError> {
    let shown = path.display();
    let broken = |error: io::Error| StoreError::Broken(format!("{shown}: {error}"));
    let path = std::path::absolute(path).map_err(broken)?;
    let data = fs::metadata(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StoreError::Broken(format!(
            "there is no {}: `mika serve` makes it, or store.path should name another file",
            path.display()
        )),
        _ => broken(error),
    })?;
    if !data.is_file() {
        return Err(StoreError::Broken(format!("{} is not a file", path.display())));
    }
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    let writer = pool().max_connections(1).connect_lazy_with(options.clone());
    let readers = pool().max_connections(READERS).connect_lazy_with(options.read_only(true));
    Ok(SqliteStore { backend: SqliteBackend { path, writer, readers }, schema })
}

async fn connect_writer(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let options = options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", format!("-{WRITER_CACHE_KIB}"))
        .pragma("journal_size_limit", WAL_LIMIT_BYTES.to_string());
    pool().max_connections(1).idle_timeout(None).max_lifetime(None).connect_with(options).await
}

/// Some errors (disk full, input/output) make SQLite roll back by itself; sqlx then goes on
/// counting the transaction and lets no other begin. Such a connection is replaced.
fn pool() -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .acquire_timeout(WRITER_TIMEOUT)
        .test_before_acquire(true)
        .before_acquire(|connection, _| {
            Box::pin(async move { Ok(!connection.is_in_transaction()) })
        })
}

/// Makes sure that there is a file that can be written, with a better word than SQLite has.
fn prepare_file(path: &Path) -> Result<(), StoreError> {
    let broken = |doing: &str, what: &Path, error: io::Error, advice: &str| {
        StoreError::Broken(format!("cannot {doing} {}: {error}; {advice}", what.display()))
    };
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| {
        broken(
            "create the directory of",
            path,
            error,
            "create it yourself and give it to the user that the tracker runs as",
        )
    })?;
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => {
            // A file whose name is lost in a power failure takes its commits with it.
            let synced = fs::File::open(directory).and_then(|directory| directory.sync_all());
            synced.map_err(|e| broken("sync the directory", directory, e, "look at the disk"))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_file(path),
        Err(error) => Err(broken(
            "create the database",
            path,
            error,
            "make its directory writable for the user that the tracker runs as",
        )),
    }
}

fn check_file(path: &Path) -> Result<(), StoreError> {
    let shown = path.display();
    let metadata =
        fs::metadata(path).map_err(|error| StoreError::Broken(format!("{shown}: {error}")))?;
    if !metadata.is_file() {
        return Err(StoreError::Broken(format!(
            "{shown} is not a file: name the database file itself"
        )));
    }
    // Also for root, whom the mode does not stop: somebody did not want it written.
    if metadata.permissions().readonly() {
        return Err(StoreError::Broken(format!(
            "{shown} is read-only: make it writable for the user that the tracker runs as (chmod \
             u+w)"
        )));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        warn!("{shown} holds passkeys and is open to other users: chmod 600 is better");
    }
    Ok(())
}
