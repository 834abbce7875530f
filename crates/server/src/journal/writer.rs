//! Writing the journal.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mika_core::batch::Batch;

use super::{JournalError, JournalReader, MAGIC, frame, segment_path, segments, tail};
use crate::config::{FlushConfig, JournalSync};

/// A segment is closed when it has become this long.
const SEGMENT_BYTES: u64 = 64 << 20;

/// The writing end of the journal.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    /// The segment that is written, with the bytes of its whole frames.
    current: Option<Current>,
    last_number: u64,
    /// Bytes of all closed segments.
    closed_bytes: u64,
    buffer: Vec<u8>,
    synced_at: Option<Instant>,
    unsynced: bool,
}

#[derive(Debug)]
struct Current {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl Journal {
    /// Opens the journal in a directory, which is made if need be. A torn tail is cut off;
    /// returns how many bytes that were. Damage with whole batches behind it is an error.
    ///
    /// # Errors
    ///
    /// See [`JournalError`].
    pub fn open(dir: &Path) -> Result<(Self, u64), JournalError> {
        fs::create_dir_all(dir).map_err(JournalError::io(dir))?;
        let mut reader = JournalReader::all(dir);
        while reader.next_batch()?.is_some() {}
        let mut journal = Self {
            dir: dir.to_owned(),
            current: None,
            last_number: reader.last_number(),
            closed_bytes: 0,
            buffer: Vec::new(),
            synced_at: None,
            unsynced: false,
        };
        let mut cut_bytes = 0;
        let end = reader.position().map(|(path, offset)| (path.to_owned(), offset));
        for (first_batch, path) in segments(dir)? {
            let bytes = fs::metadata(&path).map_err(JournalError::io(&path))?.len();
            match &end {
                Some((last, whole)) if *last == path => {
                    let next_number = first_batch.max(journal.last_number + 1);
                    tail::check(&path, *whole, next_number)?;
                    cut_bytes += bytes.saturating_sub(*whole);
                    journal.current = Some(Current::reopen(&path, *whole)?);
                }
                Some((last, _)) if path < *last => journal.closed_bytes += bytes,
                // The reader has read all that can be read: this one was created just before a
                // crash, and not even its first bytes are there.
                _ => {
                    cut_bytes += bytes;
                    fs::remove_file(&path).map_err(JournalError::io(&path))?;
                }
            }
        }
        Ok((journal, cut_bytes))
    }

    /// The number of the last batch in the journal; 0 if there is none.
    pub fn last_number(&self) -> u64 {
        self.last_number
    }

    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        self.closed_bytes + self.current.as_ref().map_or(0, |current| current.bytes)
    }

    /// Whether a power cut could take something away.
    #[cfg(test)]
    pub(crate) fn has_unsynced(&self) -> bool {
        self.unsynced
    }

    /// Where the segments are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Appends a batch and, as far as configured, waits until it is on the disk; always for one
    /// that says what is withheld from users. When this fails
    /// the journal is as before, and the same batch can be appended again.
    ///
    /// # Errors
    ///
    /// The disk is full or broken, or the journal is as large as it may be.
    pub fn append(
        &mut self,
        batch: &Batch,
        config: &FlushConfig,
        bytes_max: u64,
    ) -> Result<(), JournalError> {
        if self.bytes() >= bytes_max {
            return Err(JournalError::Full { bytes_max });
        }
        if self.current.as_ref().is_some_and(|current| current.bytes >= SEGMENT_BYTES) {
            self.close_segment()?;
        }
        self.buffer.clear();
        frame::write(&mut self.buffer, batch).map_err(JournalError::io(&self.dir))?;
        if self.current.is_none() {
            self.current = Some(Current::create(&self.dir, batch.number)?);
        }
        let Some(current) = &mut self.current else { return Ok(()) };
        current.append(&self.buffer)?;
        self.unsynced = true;
        // A store that has given what was withheld must never be ahead of the journal, or it would
        // be given again.
        let due = sync_due(config, self.synced_at) || !batch.withheld.is_empty();
        if due {
            let whole = current.bytes - self.buffer.len() as u64;
            if let Err(error) = current.file.sync_data() {
                current.cut(whole);
                return Err(JournalError::io(&current.path)(error));
            }
            self.synced_at = Some(Instant::now());
            self.unsynced = false;
        }
        self.last_number = batch.number;
        if self.buffer.capacity() > 16 << 20 {
            self.buffer = Vec::new();
        }
        Ok(())
    }

    /// Forces to the disk what was appended since the last time, if that is as long ago as
    /// configured.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn sync_if_due(&mut self, config: &FlushConfig) -> Result<(), JournalError> {
        if self.unsynced && sync_due(config, self.synced_at) { self.sync() } else { Ok(()) }
    }

    /// Forces everything to the disk.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        if let Some(current) = self.current.as_ref().filter(|_| self.unsynced) {
            current.file.sync_data().map_err(JournalError::io(&current.path))?;
            self.synced_at = Some(Instant::now());
            self.unsynced = false;
        }
        Ok(())
    }

    /// Ends the segment, so that it can be removed as a whole.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn close_segment(&mut self) -> Result<(), JournalError> {
        self.sync()?;
        if let Some(current) = self.current.take() {
            self.closed_bytes += current.bytes;
        }
        Ok(())
    }

    /// Removes the closed segments of which no batch above `number` is left.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn retire(&mut self, number: u64) -> Result<(), JournalError> {
        let all = segments(&self.dir)?;
        let open = self.current.as_ref().map(|current| current.path.clone());
        for (at, (_, path)) in all.iter().enumerate() {
            let next_first = all.get(at + 1).map_or(self.last_number + 1, |(first, _)| *first);
            if next_first > number + 1 || open.as_ref() == Some(path) {
                break;
            }
            let bytes = fs::metadata(path).map_err(JournalError::io(path))?.len();
            fs::remove_file(path).map_err(JournalError::io(path))?;
            self.closed_bytes = self.closed_bytes.saturating_sub(bytes);
        }
        Ok(())
    }
}

fn sync_due(config: &FlushConfig, synced_at: Option<Instant>) -> bool {
    let interval = Duration::from_millis(config.journal_sync_interval_milliseconds.into());
    match config.journal_sync {
        JournalSync::Always => true,
        JournalSync::Os => false,
        JournalSync::Interval => synced_at.is_none_or(|at| at.elapsed() >= interval),
    }
}

impl Current {
    fn create(dir: &Path, first_batch: u64) -> Result<Self, JournalError> {
        let path = segment_path(dir, first_batch);
        let io = || JournalError::io(&path);
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .map_err(io())?;
        let begun = file.write_all(&MAGIC).and_then(|()| File::open(dir)?.sync_all());
        if let Err(error) = begun {
            // Leaves no empty segment behind, if that is possible.
            let _ = fs::remove_file(&path);
            return Err(io()(error));
        }
        Ok(Self { path, file, bytes: MAGIC.len() as u64 })
    }

    fn reopen(path: &Path, whole_bytes: u64) -> Result<Self, JournalError> {
        let io = || JournalError::io(path);
        let mut file = OpenOptions::new().write(true).open(path).map_err(io())?;
        file.set_len(whole_bytes).map_err(io())?;
        file.seek(SeekFrom::End(0)).map_err(io())?;
        Ok(Self { path: path.to_owned(), file, bytes: whole_bytes })
    }

    fn append(&mut self, frame: &[u8]) -> Result<(), JournalError> {
        if let Err(error) = self.file.write_all(frame) {
            self.cut(self.bytes);
            return Err(JournalError::io(&self.path)(error));
        }
        self.bytes += frame.len() as u64;
        Ok(())
    }

    /// Takes back what was written of a frame that did not get through.
    fn cut(&mut self, whole_bytes: u64) {
        // If even this fails, the half frame is the torn tail of the next start, and the next
        // frame is written over it.
        let _ = self.file.set_len(whole_bytes);
        let _ = self.file.seek(SeekFrom::Start(whole_bytes));
        self.bytes = whole_bytes;
    }
}
