//! The file of rows that the store refused.

mod again;
mod lines;

pub use again::{Again, rows_of};
pub use lines::Letter;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mika_store::DeadLetter;
use parking_lot::Mutex;
use serde::Serialize;

/// Appends dead letters to a file, one JSON object per line. Beyond half of the limit the file
/// becomes `….old`, in place of the one before: so the newest half is always there.
///
/// Clones share the file.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    path: PathBuf,
    /// Held while the file is written.
    turn: Arc<Mutex<()>>,
}

#[derive(Serialize)]
struct Line<'a> {
    batch: u64,
    at_seconds: u32,
    table: &'a str,
    reason: &'a str,
    row: serde_json::Value,
}

impl DeadLetters {
    /// Writes to the file at `path`.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), turn: Arc::default() }
    }

    /// Appends what was refused of a batch, and waits until it is on the disk.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn append(
        &self,
        batch: u64,
        at_seconds: u32,
        letters: &[DeadLetter],
        bytes_max: u64,
    ) -> io::Result<()> {
        if letters.is_empty() {
            return Ok(());
        }
        let _turn = self.turn.lock();
        let bytes = fs::metadata(&self.path).map_or(0, |file| file.len());
        if bytes >= bytes_max / 2 {
            fs::rename(&self.path, self.path.with_extension("jsonl.old"))?;
        }
        let mut lines = Vec::new();
        for letter in letters {
            let text = || serde_json::Value::String(letter.row.clone());
            let row = serde_json::from_str(&letter.row).unwrap_or_else(|_| text());
            let (table, reason) = (letter.table, letter.reason.as_str());
            serde_json::to_writer(&mut lines, &Line { batch, at_seconds, table, reason, row })?;
            lines.push(b'\n');
        }
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).mode(0o600).open(&self.path)?;
        file.write_all(&lines)?;
        file.sync_data()?;
        // The file may be new, or have taken the name of another.
        match self.path.parent() {
            Some(dir) => fs::File::open(dir)?.sync_all(),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(row: &str) -> DeadLetter {
        DeadLetter { table: "users", row: row.to_owned(), reason: "no such user".to_owned() }
    }

    #[test]
    fn letters_are_lines_of_json_and_the_oldest_go_first() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("dead-letters.jsonl");
        let letters = DeadLetters::new(&path);
        letters.append(1, 5, &[], 400).unwrap();
        assert!(!path.exists());
        for batch in 1..=9 {
            letters.append(batch, 5, &[letter("{\"user_id\":7}")], 400).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!((&last["batch"], &last["row"]["user_id"]), (&9.into(), &7.into()));
        let old = fs::read_to_string(path.with_extension("jsonl.old")).unwrap();
        assert!(old.len() + text.len() <= 600, "{} + {}", old.len(), text.len());
    }
}
