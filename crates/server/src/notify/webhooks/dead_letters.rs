//! Requests to a webhook that were given up.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use mika_client::types::WebhookDeadLetter;
use parking_lot::Mutex;

/// The file of a webhook's dead letters, and the one of those that are tried once more.
#[derive(Debug)]
pub(in crate::notify) struct DeadLetterFile {
    path: PathBuf,
    retry: PathBuf,
    count: AtomicU64,
    /// One writer at a time: sender and admin API both come here.
    writing: Mutex<()>,
}

impl DeadLetterFile {
    pub(super) fn open(dir: &Path, id: u32) -> io::Result<Self> {
        let (path, retry) =
            (dir.join(format!("{id}.dead.jsonl")), dir.join(format!("{id}.retry.jsonl")));
        let count = AtomicU64::new(lines(&path)?.len() as u64);
        Ok(Self { path, retry, count, writing: Mutex::default() })
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Appends one, and waits until it is on the disk. If there are more bytes than `bytes_max`
    /// then, the older half goes.
    pub(in crate::notify) fn append(
        &self,
        letter: &WebhookDeadLetter,
        bytes_max: u64,
    ) -> io::Result<()> {
        let _turn = self.writing.lock();
        let mut line = serde_json::to_vec(letter)?;
        line.push(b'\n');
        append_to(&self.path, &line)?;
        self.count.fetch_add(1, Ordering::Relaxed);
        if fs::metadata(&self.path)?.len() > bytes_max {
            let all = lines(&self.path)?;
            let newer = all.get(all.len().div_ceil(2)..).unwrap_or_default();
            self.replace(newer)?;
        }
        Ok(())
    }

    /// The newest, the oldest of them first.
    pub(super) fn newest(&self, limit: usize) -> io::Result<Vec<WebhookDeadLetter>> {
        let _turn = self.writing.lock();
        let all = lines(&self.path)?;
        let newest = all.get(all.len().saturating_sub(limit)..).unwrap_or_default();
        newest.iter().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Puts all of them where the sender takes them from.
    pub(super) fn set_aside(&self) -> io::Result<u64> {
        let _turn = self.writing.lock();
        let all = lines(&self.path)?;
        if all.is_empty() {
            return Ok(0);
        }
        let mut text = all.join("\n");
        text.push('\n');
        append_to(&self.retry, text.as_bytes())?;
        self.replace(&[])?;
        Ok(all.len() as u64)
    }

    /// What is to be tried once more.
    pub(in crate::notify) fn aside(&self) -> io::Result<Vec<WebhookDeadLetter>> {
        let _turn = self.writing.lock();
        let all = lines(&self.retry)?;
        all.iter().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Says that the first so many of those were tried.
    pub(in crate::notify) fn tried(&self, count: usize) -> io::Result<()> {
        let _turn = self.writing.lock();
        let all = lines(&self.retry)?;
        rewrite(&self.retry, all.get(count..).unwrap_or_default())
    }

    pub(super) fn clear(&self) -> io::Result<u64> {
        let _turn = self.writing.lock();
        let count = lines(&self.path)?.len() as u64;
        self.replace(&[])?;
        Ok(count)
    }

    pub(super) fn remove_all(&self) -> io::Result<()> {
        self.clear()?;
        let _turn = self.writing.lock();
        rewrite(&self.retry, &[])
    }

    fn replace(&self, all: &[String]) -> io::Result<()> {
        rewrite(&self.path, all)?;
        self.count.store(all.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

fn append_to(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

fn rewrite(path: &Path, lines: &[String]) -> io::Result<()> {
    if lines.is_empty() {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let mut text = lines.join("\n");
    text.push('\n');
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

/// The lines that can be understood: the last one may be torn.
fn lines(path: &Path) -> io::Result<Vec<String>> {
    let file = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut lines = Vec::new();
    for line in file.lines() {
        let line = line?;
        if serde_json::from_str::<serde::de::IgnoredAny>(&line).is_ok() {
            lines.push(line);
        }
    }
    Ok(lines)
}
