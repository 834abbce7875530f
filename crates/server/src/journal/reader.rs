//! Reading the journal, batch after batch, across its segments.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use mika_core::batch::Batch;

use super::frame::{self, Frame};
use super::{JournalError, MAGIC, segments};

/// Reads the batches above a number in order. It may run while the journal is written: it is then
/// asked only for batches that are known to be there.
#[derive(Debug)]
pub struct JournalReader {
    dir: PathBuf,
    /// The number of the last batch returned, or passed over.
    last: u64,
    /// The batch after `last` has to be the first that is found.
    wanted: bool,
    segment: Option<OpenSegment>,
}

#[derive(Debug)]
struct OpenSegment {
    first_batch: u64,
    path: PathBuf,
    file: BufReader<File>,
    offset: u64,
}

impl JournalReader {
    /// A reader of all batches, from wherever the journal begins.
    pub fn all(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), last: 0, wanted: false, segment: None }
    }

    /// A reader of the batches with a number above `number`, the first of which has to be there.
    pub fn after(dir: &Path, number: u64) -> Self {
        Self { dir: dir.to_owned(), last: number, wanted: true, segment: None }
    }

    /// The next batch; `None` when there is no further whole one.
    ///
    /// # Errors
    ///
    /// A file cannot be read, a frame in the midst of the journal is broken, or a batch is
    /// missing.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, JournalError> {
        loop {
            if self.segment.is_none() && !self.open_segment()? {
                return Ok(None);
            }
            let Some(segment) = &mut self.segment else { return Ok(None) };
            let io = JournalError::io(&segment.path);
            match frame::read::<Batch>(&mut segment.file).map_err(io)? {
                Frame::Whole(batch, bytes) => {
                    segment.offset += bytes;
                    if batch.number <= self.last {
                        continue;
                    }
                    if batch.number != self.last + 1 && self.wanted {
                        let (first, after) = (batch.number, self.last);
                        return Err(JournalError::Gap { path: self.dir.clone(), first, after });
                    }
                    if batch.number != self.last + 1 && self.last != 0 {
                        return Err(JournalError::Damaged {
                            path: segment.path.clone(),
                            offset: segment.offset - bytes,
                            what: format!("batch {} follows batch {}", batch.number, self.last),
                        });
                    }
                    self.last = batch.number;
                    self.wanted = false;
                    return Ok(Some(batch));
                }
                Frame::End => {
                    if !self.next_segment()? {
                        return Ok(None);
                    }
                }
                Frame::Torn(what) => {
                    let path = segment.path.clone();
                    let offset = segment.offset;
                    if self.later_segment()?.is_some() {
                        return Err(JournalError::Damaged { path, offset, what });
                    }
                    self.rewind()?;
                    return Ok(None);
                }
            }
        }
    }

    /// Begins again after the last batch that was returned, as after a read that failed half way.
    pub fn reopen(&mut self) {
        self.segment = None;
    }

    /// Opens the segment that the next batch is in; false if there is none yet.
    fn open_segment(&mut self) -> Result<bool, JournalError> {
        let all = segments(&self.dir)?;
        let holding = all.iter().rev().find(|(first, _)| *first <= self.last + 1);
        match holding.or(all.first()) {
            Some((first_batch, path)) => self.open(*first_batch, path),
            None => Ok(false),
        }
    }

    fn open(&mut self, first_batch: u64, path: &Path) -> Result<bool, JournalError> {
        let io = || JournalError::io(path);
        let mut file = BufReader::new(File::open(path).map_err(io())?);
        let mut magic = Vec::new();
        (&mut file).take(MAGIC.len() as u64).read_to_end(&mut magic).map_err(io())?;
        if magic != MAGIC {
            // A crash before the first bytes of a segment were written leaves a short file.
            let torn = MAGIC.starts_with(&magic);
            let path = path.to_owned();
            return if torn { Ok(false) } else { Err(JournalError::Foreign { path }) };
        }
        let (path, offset) = (path.to_owned(), MAGIC.len() as u64);
        self.segment = Some(OpenSegment { first_batch, path, file, offset });
        Ok(true)
    }

    /// Moves to the segment after the open one; false, and stays, if there is none.
    fn next_segment(&mut self) -> Result<bool, JournalError> {
        if let Some((first_batch, path)) = self.later_segment()? {
            return self.open(first_batch, &path);
        }
        self.rewind()?;
        Ok(false)
    }

    fn later_segment(&self) -> Result<Option<(u64, PathBuf)>, JournalError> {
        let open = self.segment.as_ref().map_or(0, |segment| segment.first_batch);
        Ok(segments(&self.dir)?.into_iter().find(|(first, _)| *first > open))
    }

    /// Goes back to the end of the last whole frame, where the next one will be.
    fn rewind(&mut self) -> Result<(), JournalError> {
        if let Some(segment) = &mut self.segment {
            let io = JournalError::io(&segment.path);
            segment.file.seek(SeekFrom::Start(segment.offset)).map_err(io)?;
        }
        Ok(())
    }

    /// Where the last whole frame of the open segment ends.
    pub(super) fn position(&self) -> Option<(&Path, u64)> {
        self.segment.as_ref().map(|segment| (segment.path.as_path(), segment.offset))
    }

    /// The number of the last batch returned.
    pub fn last_number(&self) -> u64 {
        self.last
    }
}
