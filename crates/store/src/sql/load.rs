//! Streaming records to the tracker.

use super::backend::{Arguments, Backend, Failure, Session};
use super::record::Record;
use crate::record::{
    ClientRuleRecord, EventRecord, PeerRecord, RoleRecord, TokenRecord, TorrentRecord, UserRecord,
};
use crate::schema::{Schema, Statement, Value};
use crate::store::LoadSink;

/// See [`Store::load`](crate::Store::load). One transaction: no record refers to one that was added
/// after its table had been read.
pub(crate) async fn load(
    backend: &dyn Backend,
    schema: &Schema,
    sink: &mut dyn LoadSink,
) -> Result<(), Failure> {
    let loads = &schema.loads;
    let mut session = backend.read().await?;
    let session_ = session.as_mut();
    roles(session_, schema, sink).await?;
    stream::<UserRecord>(session_, Some(&loads.users), &[], sink).await?;
    stream::<TorrentRecord>(session_, Some(&loads.torrents), &[], sink).await?;
    rules(session_, schema, sink).await?;
    Ok(session.rollback().await?)
}

/// See [`Store::load_peers`](crate::Store::load_peers).
pub(crate) async fn load_peers(
    backend: &dyn Backend,
    schema: &Schema,
    sink: &mut dyn LoadSink,
) -> Result<(), Failure> {
    let mut session = backend.read().await?;
    stream::<PeerRecord>(session.as_mut(), schema.loads.peers.as_ref(), &[], sink).await?;
    Ok(session.rollback().await?)
}

/// See [`Store::load_changes`](crate::Store::load_changes).
pub(crate) async fn load_changes(
    backend: &dyn Backend,
    schema: &Schema,
    since_seconds: u32,
    sink: &mut dyn LoadSink,
) -> Result<(), Failure> {
    let since = [Value::from(since_seconds)];
    let mut session = backend.read().await?;
    let session_ = session.as_mut();
    roles(session_, schema, sink).await?;
    stream::<UserRecord>(session_, schema.changes.users.as_ref(), &since, sink).await?;
    stream::<TorrentRecord>(session_, schema.changes.torrents.as_ref(), &since, sink).await?;
    rules(session_, schema, sink).await?;
    Ok(session.rollback().await?)
}

async fn roles(
    session: &mut dyn Session,
    schema: &Schema,
    sink: &mut dyn LoadSink,
) -> Result<(), Failure> {
    if schema.loads.roles.is_none() {
        sink.role(RoleRecord::only());
    }
    stream::<RoleRecord>(session, schema.loads.roles.as_ref(), &[], sink).await
}

/// The small tables, which are read as a whole each time.
async fn rules(
    session: &mut dyn Session,
    schema: &Schema,
    sink: &mut dyn LoadSink,
) -> Result<(), Failure> {
    let loads = &schema.loads;
    stream::<ClientRuleRecord>(session, loads.client_rules.as_ref(), &[], sink).await?;
    stream::<TokenRecord>(session, loads.tokens.as_ref(), &[], sink).await?;
    stream::<EventRecord>(session, loads.events.as_ref(), &[], sink).await
}

async fn stream<R: Record>(
    session: &mut dyn Session,
    statement: Option<&Statement>,
    arguments: &[Value],
    sink: &mut dyn LoadSink,
) -> Result<(), Failure> {
    let Some(statement) = statement else { return Ok(()) };
    let mut each = |row: &dyn super::backend::Columns| match R::read(row) {
        Ok(record) => record.load_into(sink),
        Err(reason) => sink.bad_row(R::TABLE, reason),
    };
    Ok(session.fetch(statement.sql(), Arguments::Values(arguments), &mut each).await?)
}
