//! The journal: batches on disk, in order, until the store has them and a snapshot covers them.
//!
//! It is the queue between the tracker and the store, and the memory of a process that is killed.
//! A directory of segments, each named after its first batch and begun anew at every snapshot:
//!
//! ```text
//! 00000000000000000001.journal: magic, then one frame per batch
//! frame: length (u32, little endian), CRC-32 of the payload (u32), payload (postcard)
//! ```
//!
//! A frame counts once all its bytes are there and its checksum fits. What follows the last whole
//! frame was being written when the process or the machine died: it is cut off at the next start,
//! and what it held comes in again with the clients' next announces, because their sessions are
//! restored to the state before it. But if there are whole frames behind it, it is no torn end:
//! something has damaged the file, and there is no start before somebody has decided about it.
//!
//! * [`Journal`]: the writing end, owned by the flusher.
//! * [`JournalReader`]: follows it, for the applier and at the start.

pub(crate) mod frame;
mod reader;
mod tail;
mod writer;

pub use reader::JournalReader;
pub use writer::Journal;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// First bytes of a segment; the last one is the version of its format.
const MAGIC: [u8; 8] = *b"MIKAJRN\x02";

/// What is wrong with a journal.
#[derive(Debug, Error)]
pub enum JournalError {
    /// A file or directory cannot be read or written.
    #[error("the journal {path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A segment that is not the last one has a broken frame, or a batch is missing.
    #[error(
        "the journal {path} is damaged at byte {offset}: {what}; the batches from there on cannot \
         be read. Move this file and the later ones away to start without them: what they hold \
         and the store lacks is lost"
    )]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where the broken frame begins.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// The last segment has a broken frame with whole ones behind it.
    #[error(
        "the journal {path} is damaged at byte {offset}: {what}; it is not the torn end of a \
         crash, for the batches {first} to {last} behind it are whole, so nothing was cut. Restore \
         a backup of the file. To start without the batches from {next_number} on, run `truncate \
         --size={offset} {path}`: what they hold and the store lacks is lost"
    )]
    DamagedBefore {
        /// The segment.
        path: PathBuf,
        /// Where the broken frame begins.
        offset: u64,
        /// What is wrong.
        what: String,
        /// The number of the batch that should be there.
        next_number: u64,
        /// The number of the first whole batch behind it.
        first: u64,
        /// The number of the last of those that follow each other.
        last: u64,
    },
    /// The journal begins after the batches that are asked for.
    #[error(
        "the journal {path} begins with batch {first}, but batch {after} is the last one that the \
         store has: it is an older copy than the journal, or a new one. Put the right one back. To \
         go on with this one, move {path} and the snapshot away: what clients moved in between is \
         not counted then"
    )]
    Gap {
        /// The journal.
        path: PathBuf,
        /// Number of the first batch that is there.
        first: u64,
        /// Number of the last batch before.
        after: u64,
    },
    /// The file is of another program, or of a later version.
    #[error("{path} is not a journal of this version: move it away, or run the version it is of")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// `limits.journal_bytes` is reached.
    #[error(
        "the journal has reached limits.journal_bytes ({bytes_max} bytes): bring the store back, \
         or raise the limit"
    )]
    Full {
        /// The limit.
        bytes_max: u64,
    },
}

impl JournalError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

/// The segments of a directory with the number of their first batch, in order.
fn segments(dir: &Path) -> Result<Vec<(u64, PathBuf)>, JournalError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(JournalError::io(dir))? {
        let path = entry.map_err(JournalError::io(dir))?.path();
        let is_segment = path.extension().is_some_and(|extension| extension == "journal");
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let (true, Some(number)) = (is_segment, number) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

fn segment_path(dir: &Path, first_batch: u64) -> PathBuf {
    dir.join(format!("{first_batch:020}.journal"))
}

#[cfg(test)]
mod tests;
