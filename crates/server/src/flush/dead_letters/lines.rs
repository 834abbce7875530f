//! Reading the file, and taking letters out of it.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::DeadLetters;
use crate::control::to_hex;

/// A row that the store refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Its name, made of its line.
    pub id: String,
    /// Number of the batch.
    pub batch: u64,
    /// Unix time of the batch in seconds.
    pub at_seconds: u32,
    /// Which kind of row.
    pub table: String,
    /// The store's own words.
    pub reason: String,
    /// The row.
    pub row: serde_json::Value,
}

#[derive(Deserialize)]
struct Line {
    batch: u64,
    at_seconds: u32,
    table: String,
    reason: String,
    row: serde_json::Value,
}

/// Rows that were put into a batch again, which was about to be journalled.
#[derive(Debug, serde::Serialize, Deserialize)]
struct Retried {
    batch: u64,
    ids: Vec<String>,
}

fn id_of(line: &[u8]) -> String {
    to_hex(Sha256::digest(line).into_iter().take(8))
}

fn letter(line: &[u8]) -> Option<Letter> {
    let Line { batch, at_seconds, table, reason, row } = serde_json::from_slice(line).ok()?;
    Some(Letter { id: id_of(line), batch, at_seconds, table, reason, row })
}

fn lines(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    match File::open(path) {
        Ok(file) => BufReader::new(file).split(b'\n').collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

impl DeadLetters {
    fn files(&self) -> [PathBuf; 2] {
        [self.path.with_extension("jsonl.old"), self.path.clone()]
    }

    fn retried_path(&self) -> PathBuf {
        self.path.with_extension("retried")
    }

    /// Letters after the one with a name, oldest first, at most `limit`, and whether there are
    /// more; `None` if there is no letter of that name.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn page(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> io::Result<Option<(Vec<Letter>, bool)>> {
        let _turn = self.turn.lock();
        let (mut letters, mut seen) = (Vec::new(), HashSet::new());
        let mut is_reached = after.is_none();
        for path in self.files() {
            for line in lines(&path)? {
                // A batch that was applied twice has left its letters twice.
                let Some(letter) = letter(&line).filter(|it| seen.insert(it.id.clone())) else {
                    continue;
                };
                if !is_reached {
                    is_reached = after == Some(letter.id.as_str());
                } else if letters.len() < limit {
                    letters.push(letter);
                } else {
                    return Ok(Some((letters, true)));
                }
            }
        }
        Ok(is_reached.then_some((letters, false)))
    }

    /// The letters with these names.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn find(&self, ids: &HashSet<String>) -> io::Result<Vec<Letter>> {
        let _turn = self.turn.lock();
        let (mut letters, mut seen) = (Vec::new(), HashSet::new());
        for path in self.files() {
            for line in lines(&path)? {
                let letter = letter(&line).filter(|it| ids.contains(&it.id));
                letters.extend(letter.filter(|it| seen.insert(it.id.clone())));
            }
        }
        Ok(letters)
    }

    /// Takes the letters with these names out; returns how many there were.
    ///
    /// # Errors
    ///
    /// What the operating system says; those of one of the two files may be gone.
    pub fn remove(&self, ids: &HashSet<String>) -> io::Result<usize> {
        let _turn = self.turn.lock();
        let mut removed = HashSet::new();
        for path in self.files() {
            let before = lines(&path)?;
            let is_kept = |line: &Vec<u8>| {
                let id = id_of(line);
                let is_kept = !ids.contains(&id);
                if !is_kept {
                    removed.insert(id);
                }
                is_kept
            };
            let count = before.len();
            let kept: Vec<Vec<u8>> = before.into_iter().filter(is_kept).collect();
            if kept.len() < count {
                write_whole(&path, &kept)?;
            }
        }
        Ok(removed.len())
    }

    /// Notes that letters are about to be in the journal again, in this batch.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn note_retried(&self, batch: u64, ids: Vec<String>) -> io::Result<()> {
        let mut lines = lines(&self.retried_path())?;
        lines.push(serde_json::to_vec(&Retried { batch, ids })?);
        write_whole(&self.retried_path(), &lines)
    }

    /// Takes out what was put into the journal again by a process that died before it could take it
    /// out. `next_number` is that of the first batch of this one.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn settle(&self, next_number: u64) -> io::Result<()> {
        let noted = lines(&self.retried_path())?;
        let noted = noted.iter().filter_map(|line| serde_json::from_slice::<Retried>(line).ok());
        let done = noted.filter(|retried| retried.batch < next_number).flat_map(|it| it.ids);
        let done: HashSet<String> = done.collect();
        if !done.is_empty() {
            self.remove(&done)?;
        }
        match fs::remove_file(self.retried_path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Under another name first, so that a crash leaves the old file or the new one.
fn write_whole(path: &Path, lines: &[Vec<u8>]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = PathBuf::from(unfinished);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    let mut text = Vec::new();
    for line in lines.iter().filter(|line| !line.is_empty()) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use mika_store::DeadLetter;

    use super::*;

    fn with(rows: &[u32]) -> (tempfile::TempDir, DeadLetters) {
        let dir = tempfile::TempDir::new().unwrap();
        let letters = DeadLetters::new(&dir.path().join("dead-letters.jsonl"));
        for row in rows {
            let row = format!("{{\"user_id\":{row}}}");
            let letter = DeadLetter { table: "users", row, reason: "no".to_owned() };
            letters.append(1, 5, &[letter], 1 << 20).unwrap();
        }
        (dir, letters)
    }

    fn rows(letters: &[Letter]) -> Vec<u64> {
        letters.iter().map(|letter| letter.row["user_id"].as_u64().unwrap()).collect()
    }

    #[test]
    fn letters_are_listed_in_pages_each_once_and_can_be_taken_out() {
        let (_dir, letters) = with(&[1, 2, 1, 3]);
        let (first, more) = letters.page(None, 2).unwrap().unwrap();
        assert_eq!((rows(&first), more), (vec![1, 2], true));
        let (rest, more) = letters.page(Some(&first[1].id), 2).unwrap().unwrap();
        assert_eq!((rows(&rest), more), (vec![3], false));
        assert_eq!(letters.page(Some("none"), 2).unwrap(), None);
        let ids = HashSet::from([first[0].id.clone(), "none".to_owned()]);
        assert_eq!(rows(&letters.find(&ids).unwrap()), [1]);
        assert_eq!(letters.remove(&ids).unwrap(), 1);
        assert_eq!(rows(&letters.page(None, 9).unwrap().unwrap().0), [2, 3]);
    }

    #[test]
    fn what_was_journalled_again_is_taken_out_at_the_next_start_and_what_was_not_stays() {
        let (_dir, letters) = with(&[1, 2]);
        let (all, _) = letters.page(None, 9).unwrap().unwrap();
        letters.note_retried(7, vec![all[0].id.clone()]).unwrap();
        letters.note_retried(8, vec![all[1].id.clone()]).unwrap();
        letters.settle(8).unwrap();
        assert_eq!(rows(&letters.page(None, 9).unwrap().unwrap().0), [2]);
        // Batch 8 is another one by now.
        letters.settle(9).unwrap();
        assert_eq!(rows(&letters.page(None, 9).unwrap().unwrap().0), [2]);
    }
}
