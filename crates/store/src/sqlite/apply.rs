//! Writing a batch: all of it and its number in one transaction.

use std::collections::HashMap;

use mika_core::batch::Batch;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{Acquire, Row};

use super::error::{Failure, refusal};
use crate::redirect;
use crate::schema::{FlushRow, FlushStatement, Schema, Value};
use crate::store::{Applied, DeadLetter, KeepDeadLetters, StoreError};

/// Rows per statement: 11 columns of history make 11 000 of the 32 766 values that SQLite binds.
const CHUNK_ROWS: usize = 1000;

/// See [`Store::apply_with`](crate::Store::apply_with).
pub(super) async fn apply(
    writer: &SqlitePool,
    schema: &Schema,
    batch: &Batch,
    keep: &mut KeepDeadLetters<'_>,
) -> Result<Applied, Failure> {
    let number = i64::try_from(batch.number)
        .map_err(|_| StoreError::Invalid(format!("there is no batch {}", batch.number)))?;
    // IMMEDIATE: a lock taken only at the first write can fail where waiting does not help.
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    if batch.number <= checkpoint(&mut transaction, schema).await? {
        transaction.rollback().await?;
        return Ok(Applied { repeated: true, dead_letters: Vec::new() });
    }
    let known_ids = known_ids(&mut transaction, schema, batch).await?;
    let redirected = (!known_ids.is_empty()).then(|| redirect::redirected(batch, &known_ids));
    let batch = redirected.as_ref().unwrap_or(batch);
    let mut dead_letters = Vec::new();
    flush(&mut transaction, &schema.registered_flush, &batch.registered, &mut dead_letters).await?;
    flush(&mut transaction, &schema.users_flush, &batch.users, &mut dead_letters).await?;
    flush(&mut transaction, &schema.torrents_flush, &batch.torrents, &mut dead_letters).await?;
    flush(&mut transaction, &schema.history_flush, &batch.history, &mut dead_letters).await?;
    move_checkpoint(&mut transaction, schema, number).await?;
    if !dead_letters.is_empty() {
        let failed = |error| StoreError::Unavailable(format!("dead letters: {error}"));
        keep(&dead_letters).map_err(failed)?;
    }
    transaction.commit().await?;
    Ok(Applied { repeated: false, dead_letters })
}

/// See [`Store::forget_peers`](crate::Store::forget_peers).
pub(super) async fn forget_peers(writer: &SqlitePool, schema: &Schema) -> Result<(), Failure> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    for statement in [&schema.torrents_start, &schema.history_start].into_iter().flatten() {
        sqlx::query(statement.sql()).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// The torrents of a batch that the store has under another id than the tracker, with that id.
async fn known_ids(
    connection: &mut SqliteConnection,
    schema: &Schema,
    batch: &Batch,
) -> Result<HashMap<u32, u32>, Failure> {
    let ids: Vec<_> = redirect::registered_ids(batch).into_iter().collect();
    let mut known_ids = HashMap::new();
    for chunk in ids.chunks(CHUNK_ROWS) {
        let sql = schema.registered_find.sql(&["torrent_id", "info_hash"], chunk.len());
        let mut query = sqlx::query(sql).persistent(chunk.len() == CHUNK_ROWS);
        for (id, info_hash) in chunk {
            query = query.bind(*id).bind(info_hash.0.to_vec());
        }
        for row in query.fetch_all(&mut *connection).await? {
            known_ids.insert(row.try_get("torrent_id")?, row.try_get("known_id")?);
        }
    }
    Ok(known_ids)
}

/// The number of the last batch applied.
pub(super) async fn checkpoint(
    connection: &mut SqliteConnection,
    schema: &Schema,
) -> Result<u64, Failure> {
    let row = sqlx::query(schema.checkpoint_load.sql()).fetch_optional(connection).await?;
    let Some(row) = row else {
        return Err(StoreError::Broken("the checkpoint's row is missing".into()).into());
    };
    let number: i64 = row.try_get("number")?;
    u64::try_from(number).map_err(|_| {
        StoreError::Broken(format!("the checkpoint is {number}, which no batch has")).into()
    })
}

async fn move_checkpoint(
    connection: &mut SqliteConnection,
    schema: &Schema,
    number: i64,
) -> Result<(), Failure> {
    let moved = sqlx::query(schema.checkpoint_flush.sql()).bind(number).execute(connection).await?;
    if moved.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Broken("the checkpoint's row is missing".into()).into())
    }
}

/// Writes all rows of one kind but those that the database refuses.
async fn flush<R: FlushRow>(
    connection: &mut SqliteConnection,
    statement: &FlushStatement,
    rows: &[R],
    dead_letters: &mut Vec<DeadLetter>,
) -> Result<(), Failure> {
    for chunk in rows.chunks(CHUNK_ROWS) {
        let mut pending = vec![chunk];
        while let Some(part) = pending.pop() {
            let Some(reason) = write(connection, statement, part).await? else { continue };
            if let [row] = part {
                dead_letters.push(dead_letter(row, reason)?);
            } else {
                let (first, second) = part.split_at(part.len() / 2);
                pending.extend([second, first]);
            }
        }
    }
    Ok(())
}

/// Writes some rows, or none of them and says why.
///
/// The savepoint is for triggers: SQLite undoes a refused statement itself, but one that rolled
/// back the whole transaction must not be followed by writes outside of any.
async fn write<R: FlushRow>(
    connection: &mut SqliteConnection,
    statement: &FlushStatement,
    rows: &[R],
) -> Result<Option<String>, Failure> {
    let mut values = Vec::with_capacity(rows.len() * R::COLUMNS.len());
    for row in rows {
        row.values(&mut values);
    }
    let mut savepoint = connection.begin().await?;
    let mut query = sqlx::query(statement.sql(R::COLUMNS, rows.len()))
        // Odd sizes are many: keep only the prepared statement that comes up again.
        .persistent(rows.len() == CHUNK_ROWS);
    for value in values {
        query = match value {
            Value::Integer(integer) => query.bind(integer),
            Value::Bytes(bytes) => query.bind(bytes.to_vec()),
        };
    }
    let reason = match query.execute(&mut *savepoint).await {
        Ok(done) => match R::UNKNOWN {
            Some(unknown) if done.rows_affected() < rows.len() as u64 => unknown.to_owned(),
            _ => {
                savepoint.commit().await?;
                return Ok(None);
            }
        },
        Err(error) => match refusal(&error) {
            Some(words) => words.to_owned(),
            None => return Err(error.into()),
        },
    };
    savepoint.rollback().await?;
    Ok(Some(reason))
}

fn dead_letter<R: FlushRow>(row: &R, reason: String) -> Result<DeadLetter, Failure> {
    let row = serde_json::to_string(row)
        .map_err(|e| StoreError::Broken(format!("a row has no JSON form: {e}")))?;
    Ok(DeadLetter { table: R::TABLE, row, reason })
}
