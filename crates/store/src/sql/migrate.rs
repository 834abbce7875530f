//! Making the tables that the tracker owns.

use sqlx::SqlStr;

use super::backend::{Arguments, Backend, Failure, Session};
use crate::schema::{Dialect, Schema, Statement, Value};
use crate::store::StoreError;

/// The table that says which migrations have run.
const VERSION_TABLE: &str = "mika_schema";

/// Nobody else makes tables of this database meanwhile: a tracker that was killed may have left a
/// statement behind that still runs. The lock ends with its connection.
const LOCK: &str = "DO GET_LOCK(CONCAT('mika.', LEFT(SHA2(DATABASE(), 256), 40)), 60)";
const UNLOCK: &str = "DO RELEASE_LOCK(CONCAT('mika.', LEFT(SHA2(DATABASE(), 256), 40)))";

/// Brings the tables that the tracker owns from the version in the database to that of the
/// schema. `place` names the database.
pub(crate) async fn migrate(
    backend: &dyn Backend,
    schema: &Schema,
    place: &str,
) -> Result<(), Failure> {
    let mut session = backend.write().await?;
    // The others make tables in a transaction, or are files that are locked.
    let has_lock = schema.dialect == Dialect::Mysql;
    if has_lock {
        session.execute_script(SqlStr::from_static(LOCK)).await?;
    }
    let made = make_missing(backend, session.as_mut(), schema, place).await;
    if has_lock {
        // A connection that is broken has lost it, and the error that broke it says more.
        let unlocked = session.execute_script(SqlStr::from_static(UNLOCK)).await;
        made?;
        unlocked?;
    } else {
        made?;
    }
    Ok(session.commit().await?)
}

async fn make_missing(
    backend: &dyn Backend,
    session: &mut dyn Session,
    schema: &Schema,
    place: &str,
) -> Result<(), Failure> {
    let tables = backend.tables(session).await?;
    let is_ours = tables.iter().any(|table| table == VERSION_TABLE);
    if !is_ours && schema.owns_tables && !tables.is_empty() {
        return Err(StoreError::Broken(format!(
            "{place} holds tables of another program: name another database, or the schema of \
             those tables"
        ))
        .into());
    }
    let found = if is_ours { version(session, schema).await? } else { 0 };
    let known = schema.migrations.len();
    let Some(missing) = schema.migrations.get(found..) else {
        return Err(StoreError::Broken(format!(
            "{place} was made by a newer version (schema {found}, this one knows {known}): run \
             that version or restore a backup"
        ))
        .into());
    };
    for migration in missing {
        session.execute_script(migration.sql()).await?;
    }
    if !missing.is_empty() {
        put_version(session, schema, known).await?;
    }
    Ok(())
}

async fn version(session: &mut dyn Session, schema: &Schema) -> Result<usize, Failure> {
    let query = Statement::portable("SELECT version FROM mika_schema WHERE id = 1", schema.dialect);
    let mut version = 0;
    let mut each = |row: &dyn super::backend::Columns| {
        let found = row.integer("version").ok().flatten();
        version = found.and_then(|found| usize::try_from(found).ok()).unwrap_or(usize::MAX);
    };
    session.fetch(query.sql(), Arguments::NONE, &mut each).await?;
    Ok(version)
}

async fn put_version(
    session: &mut dyn Session,
    schema: &Schema,
    version: usize,
) -> Result<(), Failure> {
    let version = [Value::from(i64::try_from(version).unwrap_or(i64::MAX))];
    for text in [
        "DELETE FROM mika_schema WHERE id = 1 AND version <> ?",
        "INSERT INTO mika_schema (id, version) VALUES (1, ?)",
    ] {
        let statement = Statement::portable(text, schema.dialect);
        session.execute(statement.sql(), Arguments::Values(&version), false).await?;
    }
    Ok(())
}
