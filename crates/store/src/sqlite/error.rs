//! What an error of SQLite means to the caller, and what a person can do about it.

use std::path::Path;

use sqlx::error::DatabaseError;

use crate::sql::Failure;
use crate::store::StoreError;

/// Primary result codes: the low byte of the extended ones (sqlite.org/rescode.html).
mod code {
    pub(super) const BUSY: u32 = 5;
    pub(super) const LOCKED: u32 = 6;
    pub(super) const NOMEM: u32 = 7;
    pub(super) const READONLY: u32 = 8;
    pub(super) const INTERRUPT: u32 = 9;
    pub(super) const IOERR: u32 = 10;
    pub(super) const CORRUPT: u32 = 11;
    pub(super) const FULL: u32 = 13;
    pub(super) const CANTOPEN: u32 = 14;
    pub(super) const PROTOCOL: u32 = 15;
    pub(super) const TOOBIG: u32 = 18;
    pub(super) const CONSTRAINT: u32 = 19;
    pub(super) const MISMATCH: u32 = 20;
    pub(super) const NOTADB: u32 = 26;
}

/// What an error text has to name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    /// The database file.
    pub(super) path: &'a Path,
}

impl Context<'_> {
    /// Sorts an error into ours.
    pub(super) fn error(self, failure: impl Into<Failure>) -> StoreError {
        let error = match failure.into() {
            Failure::Store(error) => return error,
            Failure::Sql(error) => error,
        };
        let path = self.path.display();
        match &error {
            sqlx::Error::Database(database) => self.database(database.as_ref()),
            sqlx::Error::PoolTimedOut => StoreError::Unavailable(format!(
                "{path}: another write has been going on for too long"
            )),
            sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => {
                StoreError::Unavailable(format!("{path}: {error}"))
            }
            sqlx::Error::PoolClosed => StoreError::Broken(format!("{path} has been closed")),
            _ => StoreError::Broken(format!("{path}: {error}")),
        }
    }

    fn database(self, error: &dyn DatabaseError) -> StoreError {
        let path = self.path.display();
        let words = error.message();
        let Some(code) = primary_code(error) else {
            return StoreError::Broken(format!("{path}: {words}"));
        };
        match code {
            code::BUSY | code::LOCKED | code::PROTOCOL => StoreError::Unavailable(format!(
                "{path}: {words}; does another program hold a transaction open on it?"
            )),
            code::FULL => StoreError::Unavailable(format!("{path}: {words}; make room there")),
            code::NOMEM | code::INTERRUPT | code::IOERR | code::CANTOPEN => {
                StoreError::Unavailable(format!("{path}: {words}"))
            }
            code::READONLY => StoreError::Broken(format!(
                "{path}: {words}; make the file and its directory writable for the user that the \
                 tracker runs as"
            )),
            code::CORRUPT => StoreError::Broken(format!(
                "{path} is damaged ({words}): restore it from a backup, or save what is left with \
                 `sqlite3 FILE .recover`"
            )),
            code::NOTADB => StoreError::Broken(format!(
                "{path} is not a SQLite database ({words}): name another file, restore it from a \
                 backup, or move it out of the way to begin with an empty one"
            )),
            code::CONSTRAINT | code::MISMATCH | code::TOOBIG => {
                StoreError::Invalid(format!("the database does not take that: {words}"))
            }
            _ => StoreError::Broken(format!("{path}: {words}")),
        }
    }
}

/// The primary result code of an error, if it came from SQLite's result codes.
fn primary_code(error: &dyn DatabaseError) -> Option<u32> {
    error.code()?.parse::<u32>().ok().map(|extended| extended & 0xff)
}

/// The database's words if it objects to the rows themselves, and would to the same rows again.
pub(super) fn refusal(error: &sqlx::Error) -> Option<&str> {
    let database = error.as_database_error()?;
    match primary_code(database)? {
        code::CONSTRAINT | code::MISMATCH | code::TOOBIG => Some(database.message()),
        _ => None,
    }
}
