//! The snapshot: all that a restart needs of the tracker's memory, copied while announces go on.
//!
//! ```text
//! snapshot: magic, a header frame, frames of items, a frame with the last batch that it needs,
//!           an end frame with the count of items
//! ```
//!
//! It begins after one batch and needs all those that were drained until its last item was copied:
//! with these replayed over it, and only then, every session is exactly where the totals are (the
//! argument is in `mika_core`, at `Tracker::snapshot`). So it is written to a file beside the old
//! one, synced, and renamed over it only when the last batch that it needs is in the journal and
//! on the disk; the journal keeps what comes after the first one; and a start at which the journal
//! lacks one of them takes the sessions for older than the totals.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use mika_core::{SnapshotItem, Tracker};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::journal::frame::{self, Frame};

const MAGIC: [u8; 8] = *b"MIKASNP\x02";
/// Items per frame.
const FRAME_ITEMS: usize = 512;

/// Why there is no snapshot to be had, or none to be written.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// It cannot be read or written.
    #[error("the snapshot {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It can be read, but makes no sense.
    #[error(
        "the snapshot {path} is damaged: {what}. Move it away to start without it: no total is \
         affected, but clients that were in it earn nothing for what they uploaded since their \
         last announce"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
enum Part {
    Header {
        batch_number: u64,
        taken_at_seconds: u32,
    },
    Items(Vec<SnapshotItem>),
    End {
        items: u64,
    },
    /// Absent if it needs no batches. Comes last here, so that older snapshots can be read.
    Needs {
        batch_number: u64,
    },
}

/// A snapshot that is being written.
#[derive(Debug)]
pub struct SnapshotWriter {
    path: PathBuf,
    temporary: PathBuf,
    file: BufWriter<File>,
    items: Vec<SnapshotItem>,
    batch_number: u64,
    written: u64,
    bytes: u64,
    buffer: Vec<u8>,
    failed: Option<io::Error>,
    published: bool,
}

/// What a snapshot says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// The batch after which it was begun: the later ones are to be replayed over it.
    pub batch_number: u64,
    /// The last batch that it needs; the one after which it was begun if it needs none.
    pub needs_number: u64,
    /// Unix time in seconds.
    pub taken_at_seconds: u32,
    /// Items that were put back.
    pub restored: u64,
    /// Items of torrents or users that are gone.
    pub left_out: u64,
    /// Size of the file.
    pub bytes: u64,
}

impl SnapshotWriter {
    /// Begins a snapshot that is to replace the file at `path`, after the batch of a number.
    ///
    /// # Errors
    ///
    /// The file beside it cannot be made.
    pub fn begin(
        path: &Path,
        batch_number: u64,
        taken_at_seconds: u32,
    ) -> Result<Self, SnapshotError> {
        let temporary = path.with_extension("new");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(|source| SnapshotError::Io { path: temporary.clone(), source })?;
        let mut writer = Self {
            path: path.to_owned(),
            temporary,
            file: BufWriter::with_capacity(1 << 20, file),
            items: Vec::with_capacity(FRAME_ITEMS),
            batch_number,
            written: 0,
            bytes: 0,
            buffer: Vec::new(),
            failed: None,
            published: false,
        };
        writer.failed = writer.file.write_all(&MAGIC).err();
        writer.part(&Part::Header { batch_number, taken_at_seconds });
        Ok(writer)
    }

    /// Adds an item. A write that fails is told by [`SnapshotWriter::finish`].
    pub fn put(&mut self, item: SnapshotItem) {
        self.items.push(item);
        if self.items.len() >= FRAME_ITEMS {
            self.write_items();
        }
    }

    /// Puts the snapshot in the place of the old one; returns its size in bytes. All batches up to
    /// `needs_number`, which was drained after the last item was copied, must be on the disk.
    ///
    /// # Errors
    ///
    /// A write has failed; the old snapshot is as it was.
    pub fn finish(mut self, needs_number: u64) -> Result<u64, SnapshotError> {
        self.write_items();
        if needs_number > self.batch_number {
            self.part(&Part::Needs { batch_number: needs_number });
        }
        self.part(&Part::End { items: self.written });
        let result = match self.failed.take() {
            Some(error) => Err(error),
            None => self.publish(),
        };
        let path = self.temporary.clone();
        result.map(|()| self.bytes).map_err(|source| SnapshotError::Io { path, source })
    }

    fn write_items(&mut self) {
        if !self.items.is_empty() {
            let items = std::mem::replace(&mut self.items, Vec::with_capacity(FRAME_ITEMS));
            self.written += items.len() as u64;
            self.part(&Part::Items(items));
        }
    }

    fn part(&mut self, part: &Part) {
        if self.failed.is_some() {
            return;
        }
        self.buffer.clear();
        let written =
            frame::write(&mut self.buffer, part).and_then(|()| self.file.write_all(&self.buffer));
        self.bytes += self.buffer.len() as u64;
        self.failed = written.err();
    }

    fn publish(&mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        fs::rename(&self.temporary, &self.path)?;
        self.published = true;
        match self.path.parent() {
            Some(dir) => File::open(dir)?.sync_all(),
            None => Ok(()),
        }
    }
}

impl Drop for SnapshotWriter {
    fn drop(&mut self) {
        if !self.published {
            // Makes room on a full disk, which the journal may need for the very batch that this
            // one was given up for. If it cannot be removed, the next one overwrites it.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Puts a snapshot back into a tracker that holds its users and torrents already; `None` if there
/// is no snapshot.
///
/// # Errors
///
/// It cannot be read, or is damaged; the tracker then holds a part of it.
pub fn restore(path: &Path, tracker: &Tracker) -> Result<Option<SnapshotInfo>, SnapshotError> {
    let io = |source| SnapshotError::Io { path: path.to_owned(), source };
    let damaged = |what: &str| SnapshotError::Damaged { path: path.to_owned(), what: what.into() };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let bytes = file.metadata().map_err(io)?.len();
    let mut file = BufReader::with_capacity(1 << 20, file);
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic).map_err(|_| damaged("it is too short"))?;
    if magic != MAGIC {
        return Err(damaged("it is not a snapshot of this version"));
    }
    let mut next = || match frame::read::<Part>(&mut file).map_err(io)? {
        Frame::Whole(part, _) => Ok(part),
        Frame::End => Err(damaged("its end is missing")),
        Frame::Torn(what) => Err(damaged(&what)),
    };
    let Part::Header { batch_number, taken_at_seconds } = next()? else {
        return Err(damaged("it has no header"));
    };
    let (mut restored, mut left_out) = (0, 0);
    let mut needs_number = batch_number;
    loop {
        match next()? {
            Part::Items(items) => {
                let taken = items.iter().filter(|item| tracker.restore(item)).count() as u64;
                restored += taken;
                left_out += items.len() as u64 - taken;
            }
            Part::Needs { batch_number } => needs_number = batch_number,
            Part::End { items } if items == restored + left_out => {
                return Ok(Some(SnapshotInfo {
                    batch_number,
                    needs_number,
                    taken_at_seconds,
                    restored,
                    left_out,
                    bytes,
                }));
            }
            Part::End { .. } => return Err(damaged("items are missing")),
            Part::Header { .. } => return Err(damaged("it has two headers")),
        }
    }
}

#[cfg(test)]
mod tests;
