//! The data directory: who may use it, and what is where in it.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use mika_core::Mode;
use nix::unistd::geteuid;
use rustls::crypto::aws_lc_rs;
use thiserror::Error;

/// A data directory that this process alone uses.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Held for as long as the process lives.
    _lock: File,
}

/// The tracker's secret hash key.
#[derive(Clone, Copy)]
pub struct HashKey {
    /// The key.
    pub bytes: [u8; 16],
    /// It was made just now, and is not kept yet.
    pub is_new: bool,
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashKey").field("is_new", &self.is_new).finish_non_exhaustive()
    }
}

/// Why a data directory cannot be used.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// A file or the directory itself.
    #[error("the data directory: {path}: {source}{}", advice(path, source))]
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
         this one another with --data-dir, or move {path}/mode away, and {path}/snapshot if there \
         is one, to go on without them"
    )]
    OtherMode {
        /// The directory.
        path: PathBuf,
        /// `private` or `public`.
        is: String,
    },
    /// The key is gone, but not what depends on it.
    #[error(
        "{key} is missing, and the sessions in {snapshot} cannot be told from new ones without it: \
         put it back from a backup. To start without it, move {snapshot} away: no total is \
         affected, but clients earn nothing for what they uploaded since their last announce"
    )]
    KeyLost {
        /// Where it should be.
        key: PathBuf,
        /// What was made with it.
        snapshot: PathBuf,
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
                write_whole(&path, line.as_bytes()).map_err(error(&path))
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

    /// Strategies of single torrents, by hash.
    pub fn torrent_strategies(&self) -> PathBuf {
        self.path.join("torrent-strategies.json")
    }

    /// What a site is told without asking, and has not been told yet.
    pub fn notify(&self) -> PathBuf {
        self.path.join("notify")
    }

    /// Keys of admin requests that are done at most once, with what was answered.
    pub fn posts(&self) -> PathBuf {
        self.path.join("posts.jsonl")
    }

    /// What was set over the admin API, over what the configuration file says.
    pub fn overrides(&self) -> PathBuf {
        self.path.join("config.overrides.json")
    }

    /// Tokens that the site is still to be told of.
    pub fn site_calls(&self) -> PathBuf {
        self.path.join("site-calls")
    }

    /// The tracker's secret hash key. One that is new has to be [kept](DataDir::keep_hash_key),
    /// but not before what was made with another one is out of the way.
    ///
    /// # Errors
    ///
    /// [`DataDirError::KeyLost`] if there is none, but a private tracker's snapshot, in which it
    /// names the sessions. See [`DataDirError`] for others.
    pub fn hash_key(&self, mode: Mode) -> Result<HashKey, DataDirError> {
        let key = self.path.join("hash.key");
        if let Some(bytes) = read_key(&key)? {
            return Ok(HashKey { bytes, is_new: false });
        }
        let snapshot = self.snapshot();
        let is_there = snapshot.try_exists().map_err(error(&snapshot))?;
        if is_there && mode == Mode::Private {
            return Err(DataDirError::KeyLost { key, snapshot });
        }
        Ok(HashKey { bytes: random_key().map_err(error(&key))?, is_new: true })
    }

    /// Keeps a new hash key for the starts to come.
    ///
    /// # Errors
    ///
    /// See [`DataDirError`].
    pub fn keep_hash_key(&self, key: &HashKey) -> Result<(), DataDirError> {
        let path = self.path.join("hash.key");
        write_whole(&path, &key.bytes).map_err(error(&path))
    }

    /// The key of the UDP connection ids. It is kept, so that clients go on with their ids after
    /// a restart: one that leaves just then sends its last report but once.
    ///
    /// # Errors
    ///
    /// See [`DataDirError`].
    pub fn connection_id_key(&self) -> Result<[u8; 16], DataDirError> {
        let path = self.path.join("udp.key");
        if let Some(key) = read_key(&path)? {
            return Ok(key);
        }
        let key = random_key().map_err(error(&path))?;
        write_whole(&path, &key).map_err(error(&path))?;
        Ok(key)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What to do about an error with a file or directory, as the end of a sentence.
pub(crate) fn advice(path: &Path, error: &io::Error) -> String {
    advice_for(geteuid().as_raw(), path, error)
}

fn advice_for(user_id: u32, path: &Path, error: &io::Error) -> String {
    let visible = |path: &Path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        path.metadata().ok().map(|found| (path.display().to_string(), found))
    };
    let Some((path, found)) = path.ancestors().find_map(visible) else { return String::new() };
    match error.kind() {
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists if !found.is_dir() => {
            format!("; {path} is not a directory: name another one with --data-dir")
        }
        io::ErrorKind::PermissionDenied if found.uid() != user_id => format!(
            "; {path} belongs to the user with uid {}, but mika runs as uid {user_id}: run it as \
             that user, or give the data directory and all that is in it to this one with \
             chown -R {user_id}",
            found.uid()
        ),
        io::ErrorKind::PermissionDenied => {
            format!("; mika runs as the owner of {path}, uid {user_id}: look at the mode of it")
        }
        _ => String::new(),
    }
}

/// Writes a file whole or not at all, readable for its owner only. When this returns, it is on the
/// disk.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

/// The key in a file, if there is one.
fn read_key(path: &Path) -> Result<Option<[u8; 16]>, DataDirError> {
    match fs::read(path) {
        Ok(bytes) => {
            let key = bytes.try_into().map_err(|_| DataDirError::Key(path.to_owned()))?;
            Ok(Some(key))
        }
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(error(path)(source)),
    }
}

fn random_key() -> io::Result<[u8; 16]> {
    let mut key = [0; 16];
    let random = aws_lc_rs::default_provider().secure_random;
    let none = |_| io::Error::other("the system has no random bytes");
    random.fill(&mut key).map_err(none)?;
    Ok(key)
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
    fn who_is_not_the_owner_is_told_so_and_what_to_do() {
        let dir = tempfile::TempDir::new().unwrap();
        let (path, owner) = (dir.path().display(), geteuid().as_raw());
        let lock = dir.path().join("lock");
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let expected = format!(
            "; {path} belongs to the user with uid {owner}, but mika runs as uid 4242: run it as \
             that user, or give the data directory and all that is in it to this one with chown \
             -R 4242"
        );
        assert_eq!(advice_for(4242, &lock, &denied), expected);
        let expected =
            format!("; mika runs as the owner of {path}, uid {owner}: look at the mode of it");
        let error = DataDirError::Io { path: lock.clone(), source: denied }.to_string();
        assert!(error.ends_with(&expected), "{error}");
        let other = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(advice_for(4242, &lock, &other), "");
    }

    #[test]
    fn a_file_is_not_taken_for_a_data_directory() {
        let dir = tempfile::TempDir::new().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let advice =
            format!("; {} is not a directory: name another one with --data-dir", file.display());
        for path in [file.clone(), file.join("below")] {
            let error = DataDir::open(&path).unwrap_err().to_string();
            assert!(error.ends_with(&advice), "{error}");
        }
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
        let key = data.hash_key(Mode::Private).unwrap();
        assert!(key.is_new && key.bytes != [0; 16]);
        assert_ne!(data.hash_key(Mode::Private).unwrap().bytes, key.bytes);
        data.keep_hash_key(&key).unwrap();
        let kept = data.hash_key(Mode::Private).unwrap();
        assert_eq!((kept.bytes, kept.is_new), (key.bytes, false));
        assert_ne!(data.connection_id_key().unwrap(), key.bytes);
        assert_eq!(data.connection_id_key().unwrap(), data.connection_id_key().unwrap());
        for name in ["hash.key", "udp.key"] {
            let mode = dir.path().join(name).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::write(dir.path().join("hash.key"), b"short").unwrap();
        assert!(matches!(data.hash_key(Mode::Private), Err(DataDirError::Key(_))));
    }

    #[test]
    fn a_snapshot_without_its_key_is_of_use_to_a_public_tracker_only() {
        let dir = tempfile::TempDir::new().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        fs::write(data.snapshot(), b"").unwrap();
        let error = data.hash_key(Mode::Private).unwrap_err().to_string();
        assert!(error.contains("hash.key is missing"), "{error}");
        assert!(data.hash_key(Mode::Public).unwrap().is_new);
    }
}
