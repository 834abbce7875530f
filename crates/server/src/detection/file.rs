//! The file that survives a restart: `detection.state` in the data directory.
//!
//! ```text
//! magic, version of the state, whether it is complete, CRC-32 of the rest, name of the hash key,
//! length; then the rest: seconds watched, levels told, and the state, in postcard
//! ```
//!
//! It is written beside the old one, synced, and renamed over it. It has no address: networks and
//! sessions are keyed hashes, and mean nothing without the tracker's `hash.key`. So a file that was
//! written with another key is as useless as a damaged one: it is set aside, the log says so, and
//! detection begins anew.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use mika_core::detection::{Level, State};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tracing::warn;

const MAGIC: [u8; 8] = *b"MIKADET\x01";
const HEADER_BYTES: usize = 32;
/// Where in the header it says whether the state is complete.
const COMPLETE_AT: u64 = 10;

/// What is read of the file.
#[derive(Debug, Deserialize)]
pub(super) struct Kept {
    pub(super) watched_seconds: u64,
    pub(super) levels: BTreeMap<u32, Level>,
    pub(super) state: State,
}

/// The same as it is written.
#[derive(Serialize)]
struct KeptRef<'a> {
    watched_seconds: u64,
    levels: &'a BTreeMap<u32, Level>,
    state: &'a State,
}

/// The file.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    /// Names the tracker's hash key.
    key: [u8; 8],
    bytes: AtomicU64,
}

/// A file that is written, and not in its place yet.
#[derive(Debug)]
pub(super) struct Written {
    file: File,
    bytes: u64,
}

impl StateFile {
    pub(super) fn new(path: PathBuf, hash_key: [u8; 16]) -> Self {
        let digest = Sha256::new().chain_update(b"mika detection").chain_update(hash_key);
        let mut key = [0; 8];
        key.iter_mut().zip(digest.finalize()).for_each(|(to, from)| *to = from);
        Self { path, key, bytes: AtomicU64::new(0) }
    }

    /// Bytes of the file as it was read or written last.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// What the last process left, and whether nothing was announced after that. What cannot be
    /// used is set aside.
    pub(super) fn read(&self, bytes_max: u64) -> Option<(Kept, bool)> {
        let length = match fs::metadata(&self.path) {
            Ok(file) => file.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                warn!(path = %self.path.display(), %error, "detection begins anew");
                return None;
            }
        };
        let limit = bytes_max.saturating_mul(2);
        let read = if length > limit {
            Err(format!("it has {length} bytes, more than {limit}"))
        } else {
            let bytes = fs::read(&self.path).map_err(|error| error.to_string());
            bytes.and_then(|bytes| self.parse(&bytes))
        };
        match read {
            Ok(kept) => {
                self.bytes.store(length, Ordering::Relaxed);
                Some(kept)
            }
            Err(what) => {
                self.set_aside(&what);
                None
            }
        }
    }

    fn set_aside(&self, what: &str) {
        let aside = self.path.with_extension("state.unusable");
        let (from, to) = (self.path.display(), aside.display());
        match fs::rename(&self.path, &aside) {
            Ok(()) => warn!(
                what,
                "{from} cannot be used and is {to} now: detection begins anew, and knows no \
                 findings and no suspects"
            ),
            Err(error) => warn!(what, %error, "{from} cannot be used: detection begins anew"),
        }
    }

    fn parse(&self, bytes: &[u8]) -> Result<(Kept, bool), String> {
        let short = || "it is cut short".to_owned();
        let (header, rest) = bytes.split_at_checked(HEADER_BYTES).ok_or_else(short)?;
        let (magic, header) = header.split_at_checked(8).ok_or_else(short)?;
        if magic != MAGIC {
            return Err("it is not a file of this kind".to_owned());
        }
        let [v0, v1, complete, _, c0, c1, c2, c3, more @ ..] = header else { return Err(short()) };
        let version = u16::from_le_bytes([*v0, *v1]);
        if version != State::VERSION {
            let expected = State::VERSION;
            return Err(format!("it is of version {version}, and this mika reads {expected}"));
        }
        let (key, length) = more.split_at_checked(8).ok_or_else(short)?;
        if key != self.key {
            return Err("it was written with another hash.key".to_owned());
        }
        let length = length.try_into().map(u64::from_le_bytes).map_err(|_| short())?;
        if length != rest.len() as u64 {
            return Err(short());
        }
        if crc32fast::hash(rest) != u32::from_le_bytes([*c0, *c1, *c2, *c3]) {
            return Err("it is damaged".to_owned());
        }
        let kept = postcard::from_bytes(rest).map_err(|error| error.to_string())?;
        Ok((kept, *complete == 1))
    }

    /// Says in the file, if there is one, that something may be announced from now on that is not
    /// in it.
    pub(super) fn mark_in_use(&self) -> io::Result<()> {
        match OpenOptions::new().write(true).open(&self.path) {
            Ok(file) => {
                file.write_all_at(&[0], COMPLETE_AT)?;
                file.sync_data()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Writes everything beside the old file.
    pub(super) fn write(
        &self,
        watched_seconds: u64,
        levels: &BTreeMap<u32, Level>,
        state: &State,
        is_complete: bool,
    ) -> io::Result<Written> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(self.beside())?;
        file.write_all(&[0; HEADER_BYTES])?;
        let mut to = Counted { to: BufWriter::new(file), crc: crc32fast::Hasher::new(), bytes: 0 };
        let kept = KeptRef { watched_seconds, levels, state };
        postcard::to_io(&kept, &mut to).map_err(io::Error::other)?;
        let (crc, length) = (to.crc.finalize(), to.bytes);
        let mut file = to.to.into_inner().map_err(io::IntoInnerError::into_error)?;
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend_from_slice(&MAGIC);
        header.extend_from_slice(&State::VERSION.to_le_bytes());
        header.extend_from_slice(&[u8::from(is_complete), 0]);
        header.extend_from_slice(&crc.to_le_bytes());
        header.extend_from_slice(&self.key);
        header.extend_from_slice(&length.to_le_bytes());
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header)?;
        Ok(Written { file, bytes: length.saturating_add(HEADER_BYTES as u64) })
    }

    /// Puts what was written into the place of the old file; it is on the disk then.
    pub(super) fn replace(&self, written: Written) -> io::Result<()> {
        written.file.sync_all()?;
        fs::rename(self.beside(), &self.path)?;
        if let Some(parent) = self.path.parent() {
            File::open(parent)?.sync_all()?;
        }
        self.bytes.store(written.bytes, Ordering::Relaxed);
        Ok(())
    }

    fn beside(&self) -> PathBuf {
        self.path.with_extension("new")
    }
}

/// Bytes of the file in a data directory; 0 if there is none.
pub(crate) fn bytes_in(dir: &Path) -> u64 {
    fs::metadata(dir.join("detection.state")).map_or(0, |file| file.len())
}

/// Passes bytes on, and knows their sum.
struct Counted<W> {
    to: W,
    crc: crc32fast::Hasher,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write_all(bytes)?;
        self.crc.update(bytes);
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests;
