//! What an error of MariaDB or MySQL means to the caller, and what a person can do about it.
//! The numbers are the same in both up to 1900 or so; above they differ.

use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;

use crate::sql::backend;
use crate::store::StoreError;

/// Error numbers (mariadb.com/kb/en/mariadb-error-codes).
mod number {
    /// Too many connections, out of memory, shutdown, killed, read-only, waited too long, deadlock,
    /// disk full, engine busy, interrupted, backup lock.
    pub(super) const UNAVAILABLE: &[u16] = &[
        1020, 1021, 1026, 1030, 1037, 1038, 1040, 1041, 1053, 1077, 1078, 1079, 1080, 1114, 1135,
        1158, 1159, 1160, 1161, 1180, 1181, 1184, 1203, 1205, 1206, 1213, 1226, 1290, 1317, 1637,
        1792, 1836, 1927, 3024, 3101, 3572, 4031, 1047,
    ];
    /// NULL where none may be, duplicates, foreign keys, range, length, form, a missing default, a
    /// CHECK (3819 of MySQL, 4025 of MariaDB), SIGNAL in a trigger, JSON (4037 and up).
    pub(super) const REFUSED: &[u16] = &[
        1048, 1062, 1169, 1216, 1217, 1242, 1263, 1264, 1265, 1292, 1364, 1365, 1366, 1367, 1406,
        1411, 1416, 1441, 1451, 1452, 1526, 1557, 1586, 1644, 1690, 1761, 1762, 3156, 3819, 4025,
    ];
    pub(super) const ACCESS: &[u16] = &[1044, 1045, 1698];
    pub(super) const GRANT: &[u16] = &[1142, 1143, 1227, 1370];
    pub(super) const NO_DATABASE: u16 = 1049;
}

fn number_of(error: &dyn DatabaseError) -> u16 {
    error.try_downcast_ref::<MySqlDatabaseError>().map_or(0, MySqlDatabaseError::number)
}

/// Sorts an error into ours.
pub(super) fn meaning(place: &str, error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(database) => database_meaning(place, database.as_ref()),
        _ => backend::meaning(place, error),
    }
}

fn database_meaning(place: &str, error: &dyn DatabaseError) -> StoreError {
    let words = error.message();
    match number_of(error) {
        number if number::UNAVAILABLE.contains(&number) => {
            StoreError::Unavailable(format!("{place}: {words}"))
        }
        number if number::REFUSED.contains(&number) => {
            StoreError::Invalid(format!("the database does not take that: {words}"))
        }
        number if number::ACCESS.contains(&number) => StoreError::Broken(format!(
            "{place}: {words}; look at the user and password in store.url"
        )),
        number if number::GRANT.contains(&number) => {
            StoreError::Broken(format!("{place}: {words}; GRANT it"))
        }
        number::NO_DATABASE => StoreError::Broken(format!("{place}: {words}; create it first")),
        _ => StoreError::Broken(format!("{place}: {words}")),
    }
}

/// The database's words if it objects to the rows themselves.
pub(super) fn refusal(error: &sqlx::Error) -> Option<String> {
    let database = error.as_database_error()?;
    number::REFUSED.contains(&number_of(database)).then(|| database.message().to_owned())
}
