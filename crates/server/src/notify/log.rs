//! The log of notifications: what makes them durable, and keeps them in order.
//!
//! ```text
//! 00000000000000000001.events: magic, then one frame per entry
//! entry: the batch that it comes from, whether more of that batch follows, notifications as JSON
//! ```
//!
//! Frames are those of the journal. A notification is told to nobody before it is on the disk, so
//! that its id is never given to another one. What a batch adds up to is in the log whole or, after
//! a crash, not at all: an end that is torn, or that is not the end of a batch, is cut off at the
//! next start, and the batch is read again.

mod reader;

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use mika_client::types::Notification;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use reader::{Chunk, LogReader};

use crate::journal::frame;

/// First bytes of a segment; the last one is the version of its format.
const MAGIC: [u8; 8] = *b"MIKAEVT\x01";
/// Notifications in one entry: what a reader holds in memory at a time.
const ENTRY_MAX: usize = 1000;
/// So many segments make up a full log, the oldest of which makes room.
const SEGMENTS: u64 = 8;

/// What a frame holds.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    /// 0 if it does not come from a batch.
    batch: u64,
    more: bool,
    first_id: u64,
    events: Vec<String>,
}

/// The writing end.
#[derive(Debug)]
pub struct EventLog {
    dir: PathBuf,
    /// All segments with their bytes, the one that is written last.
    segments: VecDeque<(PathBuf, u64)>,
    current: Option<File>,
    last_batch: u64,
    next_id: u64,
    published: watch::Sender<u64>,
}

impl EventLog {
    /// Opens the log in a directory, which is made if need be.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn open(dir: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let mut log = Self {
            dir: dir.to_owned(),
            segments: VecDeque::new(),
            current: None,
            last_batch: 0,
            next_id: 1,
            published: watch::Sender::new(0),
        };
        let found = segments(dir)?;
        // The newest segment says where to go on; older ones, what the last batch was.
        let mut end_found = false;
        for (first_id, path) in found.iter().rev() {
            let whole = reader::scan(path, *first_id)?;
            if !end_found && whole.bytes < fs::metadata(path)?.len() {
                OpenOptions::new().write(true).open(path)?.set_len(whole.bytes)?;
            }
            if !end_found {
                log.next_id = log.next_id.max(whole.next_id);
                end_found = whole.bytes > MAGIC.len() as u64;
            }
            log.last_batch = log.last_batch.max(whole.last_batch);
            if end_found && log.last_batch > 0 {
                break;
            }
        }
        for (_, path) in found {
            let bytes = fs::metadata(&path)?.len();
            log.segments.push_back((path, bytes));
        }
        log.published.send_replace(log.next_id - 1);
        Ok(log)
    }

    /// The last batch whose notifications are in the log.
    pub fn last_batch(&self) -> u64 {
        self.last_batch
    }

    /// Id of the last notification.
    pub fn last_id(&self) -> u64 {
        self.next_id - 1
    }

    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Tells the id of the last notification.
    pub fn published(&self) -> watch::Receiver<u64> {
        self.published.subscribe()
    }

    /// Where the segments are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Appends notifications, which are given their ids, waits until they are on the disk, and
    /// tells the readers. `batch` is 0 if they do not come from a batch. When this fails the log
    /// is as before. The oldest segments go as long as there are more than `bytes_max` bytes.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn append(
        &mut self,
        batch: u64,
        events: &mut [Notification],
        bytes_max: u64,
    ) -> io::Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let mut frames = Vec::new();
        let mut id = self.next_id;
        let entries = events.len().div_ceil(ENTRY_MAX);
        for (at, part) in events.chunks_mut(ENTRY_MAX).enumerate() {
            let first_id = id;
            let mut lines = Vec::with_capacity(part.len());
            for event in part {
                event.id = id;
                id += 1;
                lines.push(serde_json::to_string(event)?);
            }
            let entry = Entry { batch, more: at + 1 < entries, first_id, events: lines };
            frame::write(&mut frames, &entry)?;
        }
        self.write(&frames, bytes_max)?;
        self.next_id = id;
        self.last_batch = self.last_batch.max(batch);
        self.published.send_replace(id - 1);
        self.make_room(bytes_max);
        Ok(())
    }

    fn write(&mut self, frames: &[u8], bytes_max: u64) -> io::Result<()> {
        let file = match self.current.take() {
            Some(file) if self.has_room(bytes_max) => Ok(file),
            _ => self.open_segment(bytes_max),
        };
        let mut file = file?;
        let Some((_, bytes)) = self.segments.back_mut() else { return Ok(()) };
        if let Err(error) = file.write_all(frames).and_then(|()| file.sync_data()) {
            // If even this fails, the next attempt or the next start cuts it off.
            let _ = file.set_len(*bytes);
            return Err(error);
        }
        *bytes += frames.len() as u64;
        self.current = Some(file);
        Ok(())
    }

    fn has_room(&self, bytes_max: u64) -> bool {
        self.segments.back().is_some_and(|(_, bytes)| *bytes < bytes_max / SEGMENTS)
    }

    /// The last segment, or a new one if that is full.
    fn open_segment(&mut self, bytes_max: u64) -> io::Result<File> {
        if let Some((path, bytes)) = self.segments.back().filter(|_| self.has_room(bytes_max)) {
            let mut file = OpenOptions::new().write(true).open(path)?;
            file.set_len(*bytes)?;
            file.seek(SeekFrom::Start(*bytes))?;
            return Ok(file);
        }
        let path = self.dir.join(format!("{:020}.events", self.next_id));
        let file = create(&self.dir, &path)?;
        self.segments.push_back((path, MAGIC.len() as u64));
        Ok(file)
    }

    fn make_room(&mut self, bytes_max: u64) {
        while self.segments.len() > 1 && self.bytes() > bytes_max {
            let Some((path, _)) = self.segments.front() else { return };
            if let Err(error) = fs::remove_file(path) {
                tracing::warn!(%error, path = %path.display(), "old notifications stay");
                return;
            }
            self.segments.pop_front();
        }
    }
}

fn create(dir: &Path, path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(&MAGIC)?;
    file.sync_all()?;
    File::open(dir)?.sync_all()?;
    Ok(file)
}

/// The segments of a directory with the id of their first notification, in order.
fn segments(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let is_segment = path.extension().is_some_and(|extension| extension == "events");
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let (true, Some(number)) = (is_segment, number) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests;
