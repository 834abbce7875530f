//! The file of tokens that the site was not called for yet: one line each, `user:torrent`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::Token;

/// Lines that may be done with before the file is written anew.
const DONE_LINES_MAX: usize = 1000;

/// The file, and how many lines it has.
#[derive(Debug)]
pub(super) struct Spool {
    path: PathBuf,
    file: File,
    lines: usize,
}

impl Spool {
    /// Opens the file, or makes it; returns what is in it. What is behind the last end of a line
    /// was being written when the process died: its batch is applied again.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<Token>)> {
        let mut file = options().read(true).open(path)?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let whole_bytes = text.rfind('\n').map_or(0, |at| at + 1);
        file.set_len(whole_bytes as u64)?;
        let whole = text.get(..whole_bytes).unwrap_or_default();
        let tokens: Vec<_> = whole.lines().filter_map(Token::parse).collect();
        sync_dir(path)?;
        Ok((Self { path: path.to_owned(), file, lines: whole.lines().count() }, tokens))
    }

    /// Appends tokens, and waits until they are on the disk.
    pub(super) fn append(&mut self, tokens: &[Token]) -> io::Result<()> {
        self.file.write_all(lines(tokens.iter()).as_bytes())?;
        self.lines += tokens.len();
        self.file.sync_data()
    }

    /// Makes the file shorter if little of it still waits.
    pub(super) fn keep<'a>(
        &mut self,
        waiting: impl ExactSizeIterator<Item = &'a Token>,
    ) -> io::Result<()> {
        let count = waiting.len();
        if count == 0 && self.lines > 0 {
            self.file.set_len(0)?;
            self.lines = 0;
            return Ok(());
        }
        if self.lines <= count.saturating_mul(2).saturating_add(DONE_LINES_MAX) {
            return Ok(());
        }
        let temporary = self.path.with_extension("new");
        let _ = fs::remove_file(&temporary);
        let mut file = options().open(&temporary)?;
        file.write_all(lines(waiting).as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        sync_dir(&self.path)?;
        (self.file, self.lines) = (file, count);
        Ok(())
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    options
}

fn lines<'a>(tokens: impl Iterator<Item = &'a Token>) -> String {
    tokens.map(|token| format!("{token}\n")).collect()
}

fn sync_dir(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reopened(path: &Path) -> Vec<String> {
        Spool::open(path).unwrap().1.iter().map(Token::to_string).collect()
    }

    #[test]
    fn what_was_appended_is_there_and_a_torn_end_is_not() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("site-calls");
        let (mut spool, tokens) = Spool::open(&path).unwrap();
        assert!(tokens.is_empty());
        spool.append(&[Token::of(1, 2), Token::of(3, 4)]).unwrap();
        assert_eq!(reopened(&path), ["1:2", "3:4"]);
        fs::write(&path, "1:2\n3:4\n5:").unwrap();
        assert_eq!(reopened(&path), ["1:2", "3:4"]);
        let (mut spool, _) = Spool::open(&path).unwrap();
        spool.append(&[Token::of(5, 6)]).unwrap();
        assert_eq!(reopened(&path), ["1:2", "3:4", "5:6"]);
    }

    #[test]
    fn the_file_does_not_outgrow_what_waits() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("site-calls");
        let (mut spool, _) = Spool::open(&path).unwrap();
        let waiting = [Token::of(7, 8)];
        for _ in 0..5000 {
            spool.append(&[Token::of(1, 2)]).unwrap();
            spool.keep(waiting.iter()).unwrap();
            assert!(spool.lines <= DONE_LINES_MAX + 2);
        }
        spool.keep([].iter()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
        spool.append(&waiting).unwrap();
        assert_eq!(reopened(&path), ["7:8"]);
    }
}
