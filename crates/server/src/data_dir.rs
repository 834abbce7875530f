//! The data directory: who may use it, and what is where in it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use mika_core::Mode;
use rustls::crypto::aws_lc_rs;
use thiserror::Error;

/// A data directory that this process alone uses.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Held for as long as the process lives.
    _lock: File,
}

/// Why a data directory cannot be used.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// A file or the directory itself.
    #[error("the data directory: {path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another process has it.
    #[error(
        "the data directory {0} is in use by another mika: stop that one, or give this one \
         another directory with --data-dir"
    )]
    InUse(PathBuf),
    /// It belongs to a tracker of the other mode.
    #[error(
        "the data directory {path} belongs to a {is} tracker, and its peers would be lost: give \
         this one another with --data-dir, or move {path}/mode and {path}/snapshot away to go on \
         without them"
    )]
    OtherMode {
        /// The directory.
        path: PathBuf,
        /// `private` or `public`.
        is: String,
    },
    /// The key file has another length.
    #[error("{0} is not a key of 16 bytes: move it away; if it is hash.key, the snapshot, too")]
    Key(PathBuf),
}

impl DataDir {
    /// Makes the directory if need be, readable for its owner only, and locks it.
    ///
    /// # Errors
    ///
    /// See [`DataDirError`].
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(error(path))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(error(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(error(&lock_path)(source)),
        }
    }

    /// Remembers that the directory is a private tracker's, or a public one's.
    ///
    /// # Errors
    ///
    /// [`DataDirError::OtherMode`] if it is the other's: a snapshot of one says nothing to the
    /// other, and would be overwritten.
    pub fn claim(&self, mode: Mode) -> Result<(), DataDirError> {
        let path = self.path.join("mode");
        let name = match mode {
            Mode::Private => "private",
            Mode::Public => "public",
        };
        match fs::read_to_string(&path) {
            Ok(text) if text.trim() == name => Ok(()),
            Ok(text) => {
                let (path, is) = (self.path.clone(), text.trim().to_owned());
                Err(DataDirError::OtherMode { path, is })
            }
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                let line = format!("{name}\n");
                self.write_whole(&path, line.as_bytes()).map_err(error(&path))
            }
            Err(source) => Err(error(&path)(source)),
        }
    }

    /// Where the journal is.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    /// The snapshot.
    pub fn snapshot(&self) -> PathBuf {
        self.path.join("snapshot")
    }

    /// Rows that the store refused, one JSON object per line.
    pub fn dead_letters(&self) -> PathBuf {
        self.path.join("dead-letters.jsonl")
    }

    /// The tracker's secret hash key, made at the first start. The snapshot depends on it.
    ///
    /// # Errors
    ///
    /// See [`DataDirError`].
    pub fn hash_key(&self) -> Result<[u8; 16], DataDirError> {
        self.key("hash.key")
    }

    /// The key of the UDP connection ids. It is kept, so that clients go on with their ids after
    /// a restart: one that leaves just then sends its last report but once.
    ///
    /// # Errors
    ///
    /// See [`DataDirError`].
    pub fn connection_id_key(&self) -> Result<[u8; 16], DataDirError> {
        self.key("udp.key")
    }

    fn key(&self, name: &str) -> Result<[u8; 16], DataDirError> {
        let path = self.path.join(name);
        let mut bytes = Vec::new();
        match File::open(&path) {
            Ok(mut file) => {
                file.read_to_end(&mut bytes).map_err(error(&path))?;
                bytes.try_into().map_err(|_| DataDirError::Key(path))
            }
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                let mut key = [0; 16];
                let random = aws_lc_rs::default_provider().secure_random;
                let none = |_| io::Error::other("the system has no random bytes");
                random.fill(&mut key).map_err(none).map_err(error(&path))?;
                self.write_whole(&path, &key).map_err(error(&path))?;
                Ok(key)
            }
            Err(source) => Err(error(&path)(source)),
        }
    }

    /// Writes a file whole or not at all: half a key would make the next start fail.
    fn write_whole(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = path.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(&self.path)?.sync_all()
    }
}

fn error(path: &Path) -> impl FnOnce(io::Error) -> DataDirError + '_ {
    move |source| DataDirError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_directory_is_private_and_used_by_one_process_only() {
        let parent = tempfile::TempDir::new().unwrap();
        let path = parent.path().join("a/b");
        let first = DataDir::open(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        let error = DataDir::open(&path).unwrap_err().to_string();
        assert!(error.contains("in use by another mika"), "{error}");
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn a_private_tracker_s_directory_is_not_taken_over_by_a_public_one() {
        let dir = tempfile::TempDir::new().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        data.claim(Mode::Private).unwrap();
        data.claim(Mode::Private).unwrap();
        let error = data.claim(Mode::Public).unwrap_err().to_string();
        assert!(error.contains("belongs to a private tracker"), "{error}");
    }

    #[test]
    fn the_hash_key_is_made_once_and_kept() {
        let dir = tempfile::TempDir::new().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        let key = data.hash_key().unwrap();
        assert_ne!(key, [0; 16]);
        assert_eq!(data.hash_key().unwrap(), key);
        assert_ne!(data.connection_id_key().unwrap(), key);
        let mode = dir.path().join("hash.key").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(dir.path().join("hash.key"), b"short").unwrap();
        assert!(matches!(data.hash_key(), Err(DataDirError::Key(_))));
    }
}
