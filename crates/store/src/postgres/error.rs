//! What an error of PostgreSQL means to the caller, and what a person can do about it.
//! The codes are in appendix A of its manual.

use sqlx::error::DatabaseError;

use crate::sql::backend;
use crate::store::StoreError;

/// Sorts an error into ours.
pub(super) fn meaning(place: &str, error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(database) => database_meaning(place, database.as_ref()),
        _ => backend::meaning(place, error),
    }
}

fn database_meaning(place: &str, error: &dyn DatabaseError) -> StoreError {
    let words = error.message();
    let code = error.code().unwrap_or_default();
    let class = code.get(..2).unwrap_or_default();
    match (class, code.as_ref()) {
        // Connection, resources, shutdown, a lock or a serialization that failed, read-only
        // (a standby that is about to be promoted), and the system's own errors.
        ("08" | "53" | "57" | "58" | "40" | "55", _) | (_, "25006") => {
            StoreError::Unavailable(format!("{place}: {words}"))
        }
        ("22" | "23", _) | (_, "P0001") => {
            StoreError::Invalid(format!("the database does not take that: {words}"))
        }
        ("28", _) => StoreError::Broken(format!(
            "{place}: {words}; look at the user and password in store.url, and at pg_hba.conf"
        )),
        (_, "42501") => StoreError::Broken(format!("{place}: {words}; GRANT it")),
        (_, "3D000") => StoreError::Broken(format!("{place}: {words}; create it first")),
        _ => StoreError::Broken(format!("{place}: {words}")),
    }
}

/// The database's words if it objects to the rows themselves: a value out of range or of the
/// wrong form (class 22), a constraint (23), a trigger's RAISE (P0001).
pub(super) fn refusal(error: &sqlx::Error) -> Option<String> {
    let database = error.as_database_error()?;
    let code = database.code()?;
    let is_refusal = code.starts_with("22") || code.starts_with("23") || code == "P0001";
    is_refusal.then(|| database.message().to_owned())
}
