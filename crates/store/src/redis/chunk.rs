//! A batch in chunks: what is staged, checked and folded in one step each.

use std::collections::BTreeSet;
use std::ops::Range;

use mika_core::batch::Batch;
use serde::Serialize;

use super::row::{Cell, Layout, StoredRow};
use crate::store::{DeadLetter, StoreError};

/// Rows of a chunk: the server does nothing else while it folds one, for about 10 milliseconds.
const CHUNK_ROWS: usize = 1000;

/// A kind of row, in the order in which they are folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Registered,
    Users,
    Torrents,
    History,
}

/// Some consecutive rows of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) kind: Kind,
    rows: Range<usize>,
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    layout: Layout,
    rows: Vec<Vec<Cell>>,
}

/// All rows that are stored.
pub(super) fn chunks(batch: &Batch) -> Vec<Chunk> {
    let kinds = [
        (Kind::Registered, batch.registered.len()),
        (Kind::Users, batch.users.len()),
        (Kind::Torrents, batch.torrents.len()),
        (Kind::History, batch.history.len()),
    ];
    let of_kind = |(kind, count): (Kind, usize)| {
        let starts = (0..count).step_by(CHUNK_ROWS);
        starts.map(move |start| {
            let end = start.saturating_add(CHUNK_ROWS).min(count);
            Chunk { kind, rows: start..end }
        })
    };
    kinds.into_iter().flat_map(of_kind).collect()
}

impl Chunk {
    /// What the scripts read, without the rows at some places (from 0).
    pub(super) fn json(
        &self,
        batch: &Batch,
        without: &BTreeSet<usize>,
    ) -> Result<String, StoreError> {
        match self.kind {
            Kind::Registered => self.document(&batch.registered, without),
            Kind::Users => self.document(&batch.users, without),
            Kind::Torrents => self.document(&batch.torrents, without),
            Kind::History => self.document(&batch.history, without),
        }
    }

    fn document<R: StoredRow>(
        &self,
        rows: &[R],
        without: &BTreeSet<usize>,
    ) -> Result<String, StoreError> {
        let rows = rows.get(self.rows.clone()).unwrap_or_default();
        let left = rows.iter().enumerate().filter(|(place, _)| !without.contains(place));
        let rows = left.map(|(_, row)| row.cells()).collect();
        json(&Document { layout: R::LAYOUT, rows })
    }

    /// The row at a place (from 0) as a dead letter.
    pub(super) fn dead_letter(
        &self,
        batch: &Batch,
        place: usize,
        reason: String,
    ) -> Result<DeadLetter, StoreError> {
        let index = self.rows.start.saturating_add(place);
        let letter = match self.kind {
            Kind::Registered => letter(batch.registered.get(index), reason)?,
            Kind::Users => letter(batch.users.get(index), reason)?,
            Kind::Torrents => letter(batch.torrents.get(index), reason)?,
            Kind::History => letter(batch.history.get(index), reason)?,
        };
        letter.ok_or_else(|| StoreError::Broken(format!("a script refused row {index} of fewer")))
    }

    /// The id of the torrent that the row at a place (from 0) registers.
    pub(super) fn registers(&self, batch: &Batch, place: usize) -> Option<u32> {
        let index = self.rows.start.saturating_add(place);
        let row = batch.registered.get(index).filter(|_| self.kind == Kind::Registered);
        row.map(|row| row.torrent_id)
    }
}

fn letter<R: StoredRow>(row: Option<&R>, reason: String) -> Result<Option<DeadLetter>, StoreError> {
    let Some(row) = row else { return Ok(None) };
    Ok(Some(DeadLetter { table: R::LAYOUT.table, row: json(row)?, reason }))
}

fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|e| StoreError::Broken(format!("a row has no JSON form: {e}")))
}

#[cfg(test)]
mod tests {
    use mika_core::batch::{RegisteredRow, UserRow};

    use super::*;

    #[test]
    fn every_row_is_in_one_chunk() {
        let user = UserRow {
            user_id: 7,
            traffic: Default::default(),
            seed_seconds: 0,
            snatches: 0,
            announced_at_seconds: 5,
        };
        let registered = RegisteredRow {
            torrent_id: RegisteredRow::FIRST_ID,
            info_hash: mika_protocol::InfoHash([0xab; 20]),
            registered_at_seconds: 9,
        };
        let batch = Batch {
            users: vec![user; CHUNK_ROWS + 1],
            registered: vec![registered],
            ..Batch::default()
        };
        let found: Vec<_> =
            chunks(&batch).into_iter().map(|chunk| (chunk.kind, chunk.rows)).collect();
        let last = CHUNK_ROWS..CHUNK_ROWS + 1;
        let wanted = [(Kind::Registered, 0..1), (Kind::Users, 0..CHUNK_ROWS), (Kind::Users, last)];
        assert_eq!(found, wanted);
    }
}
