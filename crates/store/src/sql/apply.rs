//! Writing a batch: all of it and its number in one transaction.

use std::collections::HashMap;

use mika_core::batch::{
    Batch, HistoryRow, RegisteredRow, SessionRow, SnatchRow, TokenUseRow, TorrentRow,
    UnregisteredRow, UserRow,
};
use sqlx::SqlStr;

use super::backend::{Arguments, Backend, Columns, Failure, RowSet, Session};
use crate::redirect;
use crate::schema::{Dialect, FlushRow, FlushStatement, Schema, Statement, Value};
use crate::store::{Applied, DeadLetter, KeepDeadLetters, StoreError};

/// Rows per statement: the 25 columns of sessions make 25 000 of the 32 766 values that SQLite
/// binds.
pub(crate) const CHUNK_ROWS: usize = 1000;

/// See [`Store::apply_with`](crate::Store::apply_with).
pub(crate) async fn apply(
    backend: &dyn Backend,
    schema: &Schema,
    batch: &Batch,
    keep: &mut KeepDeadLetters<'_>,
) -> Result<Applied, Failure> {
    let number = i64::try_from(batch.number)
        .map_err(|_| StoreError::Invalid(format!("there is no batch {}", batch.number)))?;
    let mut session = backend.write().await?;
    let checkpoint = checkpoint(session.as_mut(), locking(schema)).await?;
    if batch.number <= checkpoint {
        session.rollback().await?;
        return Ok(Applied { repeated: true, dead_letters: Vec::new() });
    }
    let known = known_ids(session.as_mut(), schema, batch).await?;
    let redirected = (!known.is_empty()).then(|| redirect::redirected(batch, &known));
    let batch = redirected.as_ref().unwrap_or(batch);
    let mut writer = Writer { backend, session: session.as_mut(), dead_letters: Vec::new() };
    writer.flush(schema.flushes.registered.as_ref(), &batch.registered).await?;
    let mut dead_letters = writer.dead_letters;
    // A site that chooses ids itself has just done so.
    let chosen = match batch.registered.is_empty() {
        true => HashMap::new(),
        false => known_ids(session.as_mut(), schema, batch).await?,
    };
    let redirected = (!chosen.is_empty()).then(|| redirect::redirected(batch, &chosen));
    let batch = redirected.as_ref().unwrap_or(batch);
    let mut writer = Writer { backend, session: session.as_mut(), dead_letters: Vec::new() };
    writer.rows(schema, batch).await?;
    dead_letters.append(&mut writer.dead_letters);
    move_checkpoint(session.as_mut(), schema, number).await?;
    if !dead_letters.is_empty() {
        let failed = |error| StoreError::Unavailable(format!("dead letters: {error}"));
        keep(&dead_letters).map_err(failed)?;
    }
    session.commit().await?;
    Ok(Applied { repeated: false, dead_letters })
}

/// See [`Store::forget_peers`](crate::Store::forget_peers).
pub(crate) async fn forget_peers(backend: &dyn Backend, schema: &Schema) -> Result<(), Failure> {
    let starts = &schema.starts;
    let mut session = backend.write().await?;
    for statement in [&starts.torrents, &starts.history].into_iter().flatten() {
        session.execute_script(statement.sql()).await?;
    }
    Ok(session.commit().await?)
}

/// The torrents of a batch that the store has under another id than the tracker, with that id.
async fn known_ids(
    session: &mut dyn Session,
    schema: &Schema,
    batch: &Batch,
) -> Result<HashMap<u32, u32>, Failure> {
    let ids: Vec<_> = redirect::registered_ids(batch).into_iter().collect();
    let Some(find) = schema.registered_find.as_ref().filter(|_| !ids.is_empty()) else {
        return Ok(HashMap::new());
    };
    let mut known_ids = HashMap::new();
    let mut bad = None;
    for chunk in ids.chunks(CHUNK_ROWS) {
        let values = chunk.iter().flat_map(|(id, hash)| [Value::from(*id), Value::from(*hash)]);
        let (values, rows) = (values.collect(), chunk.len());
        let set = RowSet { columns: redirect::COLUMNS, values, rows };
        let mut each = |row: &dyn Columns| match redirect_of(row) {
            Ok((id, known_id)) => drop(known_ids.insert(id, known_id)),
            Err(reason) => bad = Some(reason),
        };
        let sql = find.sql(redirect::COLUMNS, rows);
        session.fetch(sql, Arguments::Rows(&set), &mut each).await?;
    }
    match bad {
        None => Ok(known_ids),
        Some(reason) => Err(StoreError::Broken(format!("registered.find: {reason}")).into()),
    }
}

fn redirect_of(row: &dyn Columns) -> Result<(u32, u32), String> {
    let id = |column: &str| {
        let id = row.integer(column)?.ok_or_else(|| format!("{column}: NULL"))?;
        u32::try_from(id).map_err(|_| format!("{column}: {id} is out of range"))
    };
    Ok((id("torrent_id")?, id("known_id")?))
}

/// The number of the last batch applied.
pub(crate) async fn checkpoint_of(backend: &dyn Backend, schema: &Schema) -> Result<u64, Failure> {
    let mut session = backend.read().await?;
    let number = checkpoint(session.as_mut(), schema.checkpoint_load.sql()).await?;
    session.rollback().await?;
    Ok(number)
}

/// The query of the checkpoint that waits for whoever is about to move it: a connection that was
/// lost, or a process that was killed, may leave a COMMIT under way. Without the lock a second
/// attempt would find the old number, wait for the rows, and add to them again.
fn locking(schema: &Schema) -> SqlStr {
    schema.checkpoint_load.locking(schema.dialect).sql()
}

async fn checkpoint(session: &mut dyn Session, query: SqlStr) -> Result<u64, Failure> {
    let mut found = None;
    let mut each = |row: &dyn Columns| found = Some(row.integer("number"));
    session.fetch(query, Arguments::NONE, &mut each).await?;
    let broken = |words: String| Failure::Store(StoreError::Broken(words));
    let Some(number) = found else {
        return Err(broken("the checkpoint's row is missing".into()));
    };
    let number = number.map_err(|error| broken(format!("the checkpoint: {error}")))?;
    let number = number.ok_or_else(|| broken("the checkpoint is NULL".into()))?;
    u64::try_from(number)
        .map_err(|_| broken(format!("the checkpoint is {number}, which no batch has")))
}

async fn move_checkpoint(
    session: &mut dyn Session,
    schema: &Schema,
    number: i64,
) -> Result<(), Failure> {
    let arguments = [Value::from(number)];
    let statement = schema.checkpoint_flush.sql();
    match session.execute(statement, Arguments::Values(&arguments), true).await? {
        1 => Ok(()),
        _ => Err(StoreError::Broken("the checkpoint's row is missing".into()).into()),
    }
}

/// Writes a batch without rows and takes it back: a table that is missing, or that must not be
/// written, is told at the start and not by the first flush.
pub(crate) async fn rehearse(backend: &dyn Backend, schema: &Schema) -> Result<(), Failure> {
    if schema.dialect == Dialect::Sqlite {
        return Ok(());
    }
    let mut session = backend.write().await?;
    let number = checkpoint(session.as_mut(), locking(schema)).await?;
    let mut rehearsal = Rehearsal(session.as_mut());
    let flushes = &schema.flushes;
    rehearsal.flush::<RegisteredRow>(flushes.registered.as_ref()).await?;
    rehearsal.flush::<UserRow>(flushes.users.as_ref()).await?;
    rehearsal.flush::<TorrentRow>(flushes.torrents.as_ref()).await?;
    rehearsal.flush::<HistoryRow>(flushes.history.as_ref()).await?;
    rehearsal.flush::<SessionRow>(flushes.sessions.as_ref()).await?;
    rehearsal.flush::<SnatchRow>(flushes.snatches.as_ref()).await?;
    rehearsal.flush::<TokenUseRow>(flushes.token_uses.as_ref()).await?;
    rehearsal.flush::<UnregisteredRow>(flushes.unregistered.as_ref()).await?;
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    move_checkpoint(session.as_mut(), schema, number).await?;
    Ok(session.rollback().await?)
}

struct Rehearsal<'a>(&'a mut dyn Session);

impl Rehearsal<'_> {
    async fn flush<R: FlushRow>(
        &mut self,
        statement: Option<&FlushStatement>,
    ) -> Result<(), Failure> {
        let Some(statement) = statement else { return Ok(()) };
        let none = RowSet { columns: R::COLUMNS, values: Vec::new(), rows: 0 };
        self.0.execute(statement.sql(R::COLUMNS, 0), Arguments::Rows(&none), false).await?;
        Ok(())
    }
}

/// Writes rows and collects those that the database refuses.
struct Writer<'a> {
    backend: &'a dyn Backend,
    session: &'a mut dyn Session,
    dead_letters: Vec<DeadLetter>,
}

impl Writer<'_> {
    /// All rows but those of torrents that are registered, which come first.
    async fn rows(&mut self, schema: &Schema, batch: &Batch) -> Result<(), Failure> {
        let flushes = &schema.flushes;
        self.flush(flushes.users.as_ref(), &batch.users).await?;
        self.flush(flushes.torrents.as_ref(), &batch.torrents).await?;
        self.flush(flushes.history.as_ref(), &batch.history).await?;
        self.flush(flushes.sessions.as_ref(), &batch.sessions).await?;
        self.flush(flushes.snatches.as_ref(), &batch.snatches).await?;
        self.flush(flushes.token_uses.as_ref(), &batch.token_uses).await?;
        self.flush(flushes.unregistered.as_ref(), &batch.unregistered).await
    }

    /// Writes all rows of one kind but those that the database refuses; none, if the site has no
    /// place for them.
    async fn flush<R: FlushRow>(
        &mut self,
        statement: Option<&FlushStatement>,
        rows: &[R],
    ) -> Result<(), Failure> {
        let Some(statement) = statement else { return Ok(()) };
        for chunk in rows.chunks(CHUNK_ROWS) {
            let mut pending = vec![chunk];
            while let Some(part) = pending.pop() {
                let Some(reason) = self.write(statement, part).await? else { continue };
                if let [row] = part {
                    self.dead_letters.push(dead_letter(row, reason)?);
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
    /// The savepoint undoes what a refused statement did: SQLite and MariaDB undo it themselves,
    /// but PostgreSQL then refuses all that follows, and a statement that changed fewer rows than
    /// it should have was not refused at all.
    async fn write<R: FlushRow>(
        &mut self,
        statement: &FlushStatement,
        rows: &[R],
    ) -> Result<Option<String>, Failure> {
        let mut values = Vec::with_capacity(rows.len() * R::COLUMNS.len());
        for row in rows {
            row.values(&mut values);
        }
        let set = RowSet { columns: R::COLUMNS, values, rows: rows.len() };
        let sql = statement.sql(R::COLUMNS, rows.len());
        // Odd sizes are many: keep only the prepared statement that comes up again.
        let is_kept = statement.is_same_for_any_size() || rows.len() == CHUNK_ROWS;
        self.run(SAVEPOINT).await?;
        let reason = match self.session.execute(sql, Arguments::Rows(&set), is_kept).await {
            Ok(changed) => match R::UNKNOWN {
                Some(unknown) if changed < rows.len() as u64 => unknown.to_owned(),
                _ => {
                    self.run(RELEASE).await?;
                    return Ok(None);
                }
            },
            Err(error) => match self.backend.refusal(&error) {
                Some(words) => words,
                None => return Err(error.into()),
            },
        };
        self.run(UNDO).await?;
        Ok(Some(reason))
    }

    async fn run(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        self.session.execute_script(Statement::new(statement).sql()).await
    }
}

const SAVEPOINT: &str = "SAVEPOINT mika_rows";
const RELEASE: &str = "RELEASE SAVEPOINT mika_rows";
const UNDO: &str = "ROLLBACK TO SAVEPOINT mika_rows";

fn dead_letter<R: FlushRow>(row: &R, reason: String) -> Result<DeadLetter, Failure> {
    let row = serde_json::to_string(row)
        .map_err(|e| StoreError::Broken(format!("a row has no JSON form: {e}")))?;
    Ok(DeadLetter { table: R::TABLE, row, reason })
}

#[cfg(all(test, feature = "postgres", feature = "mysql"))]
mod tests;
