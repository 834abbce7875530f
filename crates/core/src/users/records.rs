//! The users' records, kept in chunks: growth neither copies them nor doubles what they take.

use std::sync::atomic::AtomicU32;

use crossbeam_utils::CachePadded;
use parking_lot::RwLock;

use super::Digest;

/// Neighbouring users lie in different parts, so that workers do not queue for one lock.
const PARTS: usize = 64;

/// 3.5 KiB, which is a size class of the allocator.
const CHUNK_RECORDS: usize = 128;

/// All that is kept of a user: 28 bytes, alignment 4.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) digest: Digest,
    pub(super) id: u32,
    /// Torrents that the user leeches now.
    pub(super) leeching: AtomicU32,
    pub(super) role_id: u16,
    pub(super) flags: u8,
}

/// Records by index.
#[derive(Debug)]
pub(super) struct Records {
    parts: Box<[CachePadded<RwLock<Chunks>>]>,
}

type Chunks = Vec<Vec<Record>>;

/// Where the record of an index is: its part, its chunk there, its place in the chunk.
fn place(index: u32) -> (usize, usize, usize) {
    let index = index as usize;
    let in_part = index / PARTS;
    (index % PARTS, in_part / CHUNK_RECORDS, in_part % CHUNK_RECORDS)
}

impl Records {
    pub(super) fn new() -> Self {
        Self { parts: (0..PARTS).map(|_| CachePadded::default()).collect() }
    }

    /// Reads a record; `None` if there is none of this index.
    pub(super) fn read<T>(&self, index: u32, read: impl FnOnce(&Record) -> T) -> Option<T> {
        let (part, chunk, at) = place(index);
        self.parts.get(part)?.read().get(chunk)?.get(at).map(read)
    }

    /// Changes a record, if there is one of this index.
    pub(super) fn change(&self, index: u32, change: impl FnOnce(&mut Record)) {
        let (part, chunk, at) = place(index);
        let Some(part) = self.parts.get(part) else { return };
        if let Some(record) = part.write().get_mut(chunk).and_then(|chunk| chunk.get_mut(at)) {
            change(record);
        }
    }

    /// Adds the record of the next index. Indexes without a gap fill the parts evenly, so that
    /// each record lands in the place that its index says.
    pub(super) fn push(&self, index: u32, record: Record) {
        let (part, chunk, _) = place(index);
        let Some(part) = self.parts.get(part) else { return };
        let mut chunks = part.write();
        if chunks.len() <= chunk {
            chunks.push(Vec::with_capacity(CHUNK_RECORDS));
        }
        if let Some(chunk) = chunks.get_mut(chunk) {
            chunk.push(record);
        }
    }
}
