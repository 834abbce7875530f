//! What some sites expect of their tracker beside loads and batches: settings in a table, torrents
//! that it removes, requests that it writes down.

use super::apply::CHUNK_ROWS;
use super::backend::{Arguments, Backend, Columns, Failure, RowSet, Session};
use super::record::Record;
use crate::record::SettingRecord;
use crate::request_log::RequestLog;
use crate::schema::columns::REMOVED;
use crate::schema::{FlushRow, FlushStatement, Schema, Value};
use crate::store::StoreError;

/// See [`Store::settings`](crate::Store::settings).
pub(crate) async fn settings(
    backend: &dyn Backend,
    schema: &Schema,
) -> Result<Vec<SettingRecord>, Failure> {
    let Some(statement) = &schema.loads.settings else { return Ok(Vec::new()) };
    let mut found = Ok(Vec::new());
    let mut session = backend.read().await?;
    let mut each = |row: &dyn Columns| match (SettingRecord::read(row), &mut found) {
        (Ok(setting), Ok(settings)) => settings.push(setting),
        (Err(reason), _) => found = Err(StoreError::Broken(format!("settings.load: {reason}"))),
        (Ok(_), Err(_)) => {}
    };
    session.fetch(statement.sql(), Arguments::NONE, &mut each).await?;
    session.rollback().await?;
    Ok(found?)
}

/// See [`Store::remove_torrents`](crate::Store::remove_torrents).
pub(crate) async fn remove_torrents(
    backend: &dyn Backend,
    schema: &Schema,
    ids: &[u32],
) -> Result<u64, Failure> {
    let Some(statement) = schema.torrents_remove.as_ref().filter(|_| !ids.is_empty()) else {
        return Ok(0);
    };
    let mut removed = 0_u64;
    let mut session = backend.write().await?;
    for chunk in ids.chunks(CHUNK_ROWS) {
        let values = chunk.iter().map(|id| Value::from(*id)).collect();
        let rows = RowSet { columns: REMOVED, values, rows: chunk.len() };
        let sql = statement.sql(REMOVED, rows.rows);
        removed += session.execute(sql, Arguments::Rows(&rows), false).await?;
    }
    session.commit().await?;
    Ok(removed)
}

/// See [`Store::keep_requests`](crate::Store::keep_requests).
pub(crate) async fn keep_requests(
    backend: &dyn Backend,
    schema: &Schema,
    requests: &RequestLog,
) -> Result<(), Failure> {
    let mut session = backend.write().await?;
    write(session.as_mut(), schema.logs.announces.as_ref(), &requests.announces).await?;
    write(session.as_mut(), schema.logs.scrapes.as_ref(), &requests.scrapes).await?;
    Ok(session.commit().await?)
}

async fn write<R: FlushRow>(
    session: &mut dyn Session,
    statement: Option<&FlushStatement>,
    rows: &[R],
) -> Result<(), Failure> {
    let Some(statement) = statement else { return Ok(()) };
    for chunk in rows.chunks(CHUNK_ROWS) {
        let mut values = Vec::with_capacity(chunk.len() * R::COLUMNS.len());
        chunk.iter().for_each(|row| row.values(&mut values));
        let set = RowSet { columns: R::COLUMNS, values, rows: chunk.len() };
        let sql = statement.sql(R::COLUMNS, chunk.len());
        session.execute(sql, Arguments::Rows(&set), false).await?;
    }
    Ok(())
}
