//! Reading the files of the log.
//!
//! A line is an entry, or the outcome of an earlier one: `{"id":…,"status":…}`. What a crash left
//! of a line is passed over.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use mika_client::types::{AuditEntry, AuditPage, AuditQuery};
use serde::Deserialize;

#[derive(Deserialize)]
struct Outcome {
    id: u64,
    status: Option<u16>,
}

/// The greatest number in a file; 0 if there is none.
pub(super) fn last_id(path: &Path) -> io::Result<u64> {
    let mut last = 0;
    for_each_line(path, |line| {
        let outcome = serde_json::from_slice::<Outcome>(line);
        last = outcome.map_or(last, |outcome| outcome.id.max(last));
    })?;
    Ok(last)
}

/// Ends a torn last line, so that the next begins on its own, and says how long the file is.
pub(super) fn end_whole(path: &Path, mut appending: &File) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    if length == 0 {
        return Ok(0);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    if last != *b"\n" {
        appending.write_all(b"\n")?;
    }
    Ok(length)
}

/// The entries that a query asks for, with their outcomes.
pub(super) fn page(files: &[PathBuf], query: &AuditQuery, limit: usize) -> io::Result<AuditPage> {
    let mut found: BTreeMap<u64, AuditEntry> = BTreeMap::new();
    let mut is_full = false;
    for path in files {
        for_each_line(path, |line| match serde_json::from_slice::<AuditEntry>(line) {
            Ok(entry) if !is_asked_for(&entry, query) => {}
            Ok(_) if found.len() >= limit => is_full = true,
            Ok(entry) => {
                found.insert(entry.id, entry);
            }
            Err(_) => {
                if let Ok(outcome) = serde_json::from_slice::<Outcome>(line)
                    && let Some(entry) = found.get_mut(&outcome.id)
                {
                    entry.status = outcome.status;
                }
            }
        })?;
    }
    let next_after_id = found.keys().next_back().copied().filter(|_| is_full);
    Ok(AuditPage { items: found.into_values().collect(), next_after_id })
}

fn is_asked_for(entry: &AuditEntry, query: &AuditQuery) -> bool {
    entry.id > query.after_id
        && query.since.is_none_or(|since| entry.at >= since)
        && query.actor.as_ref().is_none_or(|actor| entry.actor == *actor)
        && query.path.as_ref().is_none_or(|path| entry.path.starts_with(path))
}

fn for_each_line(path: &Path, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        each(&line);
        line.clear();
    }
    Ok(())
}
