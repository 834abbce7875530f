//! Reading the log, while it is written.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use mika_client::types::Notification;

use super::{Entry, MAGIC, segments};
use crate::journal::frame::{self, Frame};

/// Notifications that were read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chunk {
    /// In order.
    pub events: Vec<Notification>,
    /// How many just before these are kept no more.
    pub missed: u64,
}

/// Reads the notifications with an id above a number.
#[derive(Debug)]
pub struct LogReader {
    dir: PathBuf,
    /// Id of the last notification that was returned.
    after_id: u64,
    segment: Option<Open>,
    /// What is left of the last entry.
    rest: std::vec::IntoIter<String>,
    rest_id: u64,
}

#[derive(Debug)]
struct Open {
    first_id: u64,
    file: BufReader<File>,
    offset: u64,
}

impl LogReader {
    /// A reader of what comes after an id.
    pub fn after(dir: &Path, after_id: u64) -> Self {
        let rest = Vec::new().into_iter();
        Self { dir: dir.to_owned(), after_id, segment: None, rest, rest_id: 0 }
    }

    /// Id of the last notification that was returned, or passed over.
    pub fn after_id(&self) -> u64 {
        self.after_id
    }

    /// The next notifications, at most `limit`, up to the one with the id `published`; none if
    /// there are no further ones.
    ///
    /// # Errors
    ///
    /// What the operating system says, or what is wrong with the file.
    pub fn read(&mut self, limit: usize, published: u64) -> io::Result<Chunk> {
        let mut chunk = Chunk::default();
        while chunk.events.len() < limit && self.after_id < published {
            if self.rest.len() == 0 {
                if !self.next_entry(published)? {
                    break;
                }
                continue;
            }
            let id = self.rest_id;
            // What is missing is before all of a chunk, not within it.
            if id > self.after_id + 1 && !chunk.events.is_empty() {
                break;
            }
            let Some(line) = self.rest.next() else { break };
            self.rest_id += 1;
            if id <= self.after_id {
                continue;
            }
            chunk.missed += id - self.after_id - 1;
            self.after_id = id;
            chunk.events.push(serde_json::from_str(&line)?);
        }
        Ok(chunk)
    }

    fn next_entry(&mut self, published: u64) -> io::Result<bool> {
        loop {
            if self.segment.is_none() && !self.open_segment()? {
                return Ok(false);
            }
            let Some(segment) = &mut self.segment else { return Ok(false) };
            match frame::read::<Entry>(&mut segment.file)? {
                Frame::Whole(entry, _) if entry.first_id > published => {
                    // It is not on the disk yet.
                    segment.file.seek(SeekFrom::Start(segment.offset))?;
                    return Ok(false);
                }
                Frame::Whole(entry, bytes) => {
                    segment.offset += bytes;
                    self.rest_id = entry.first_id;
                    self.rest = entry.events.into_iter();
                    return Ok(true);
                }
                Frame::End | Frame::Torn(_) => {
                    let first_id = segment.first_id;
                    segment.file.seek(SeekFrom::Start(segment.offset))?;
                    let all = segments(&self.dir)?;
                    // Nothing is appended to a segment once there is a later one; what is torn
                    // there is damage, and its ids are missed.
                    match all.into_iter().find(|(first, _)| *first > first_id) {
                        Some((first_id, path)) if first_id <= published => {
                            self.open(first_id, &path)?;
                        }
                        _ => return Ok(false),
                    }
                }
            }
        }
    }

    fn open_segment(&mut self) -> io::Result<bool> {
        let all = segments(&self.dir)?;
        let holding = all.iter().rev().find(|(first, _)| *first <= self.after_id + 1);
        match holding.or(all.first()) {
            Some((first_id, path)) => self.open(*first_id, path),
            None => Ok(false),
        }
    }

    fn open(&mut self, first_id: u64, path: &Path) -> io::Result<bool> {
        let mut file = match File::open(path) {
            Ok(file) => BufReader::new(file),
            // It has just made room.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        check_magic(&mut file, path)?;
        self.segment = Some(Open { first_id, file, offset: MAGIC.len() as u64 });
        Ok(true)
    }
}

fn check_magic(file: &mut impl Read, path: &Path) -> io::Result<()> {
    let mut magic = Vec::new();
    file.take(MAGIC.len() as u64).read_to_end(&mut magic)?;
    if magic == MAGIC {
        return Ok(());
    }
    let path = path.display();
    Err(io::Error::other(format!("{path} is not a log of notifications of this version")))
}

/// What is whole of a segment.
pub(super) struct Whole {
    pub(super) bytes: u64,
    pub(super) next_id: u64,
    pub(super) last_batch: u64,
}

/// Finds the end of the last entry that ends a batch.
pub(super) fn scan(path: &Path, first_id: u64) -> io::Result<Whole> {
    let mut file = BufReader::new(File::open(path)?);
    let mut whole = Whole { bytes: 0, next_id: first_id, last_batch: 0 };
    // A crash just after it was made leaves it without its first bytes.
    if file.get_ref().metadata()?.len() < MAGIC.len() as u64 {
        std::fs::write(path, MAGIC)?;
        return Ok(Whole { bytes: MAGIC.len() as u64, ..whole });
    }
    check_magic(&mut file, path)?;
    whole.bytes = MAGIC.len() as u64;
    let mut offset = whole.bytes;
    while let Frame::Whole(entry, bytes) = frame::read::<Entry>(&mut file)? {
        offset += bytes;
        if !entry.more {
            whole.bytes = offset;
            whole.next_id = entry.first_id + entry.events.len() as u64;
            whole.last_batch = whole.last_batch.max(entry.batch);
        }
    }
    Ok(whole)
}
