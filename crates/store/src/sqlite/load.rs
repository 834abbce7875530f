//! Streaming all records to the tracker.

use futures_util::TryStreamExt;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::row::Record;
use crate::schema::{Schema, Statement};
use crate::store::LoadSink;

/// See [`Store::load`](crate::Store::load). One transaction: no record refers to one that was added
/// after its table had been read.
pub(super) async fn load(
    readers: &SqlitePool,
    schema: &Schema,
    sink: &mut dyn LoadSink,
) -> Result<(), sqlx::Error> {
    let mut reader = readers.begin().await?;
    stream(&mut reader, &schema.roles_load, sink, |sink, role| sink.role(role)).await?;
    stream(&mut reader, &schema.users_load, sink, |sink, user| sink.user(user)).await?;
    stream(&mut reader, &schema.torrents_load, sink, |sink, torrent| sink.torrent(torrent)).await?;
    stream(&mut reader, &schema.client_rules_load, sink, |sink, rule| sink.client_rule(rule))
        .await?;
    stream(&mut reader, &schema.tokens_load, sink, |sink, token| sink.token(token)).await?;
    stream(&mut reader, &schema.events_load, sink, |sink, event| sink.event(event)).await?;
    reader.rollback().await
}

async fn stream<R: Record>(
    connection: &mut SqliteConnection,
    statement: &Statement,
    sink: &mut dyn LoadSink,
    each: fn(&mut dyn LoadSink, R),
) -> Result<(), sqlx::Error> {
    let mut rows = sqlx::query(statement.sql()).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        match R::read(&row) {
            Ok(record) => each(sink, record),
            Err(reason) => sink.bad_row(R::TABLE, reason),
        }
    }
    Ok(())
}
