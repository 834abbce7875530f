//! The directories of servers.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::account::{Account, own_user};

/// The directory that holds all others of this user.
///
/// # Panics
///
/// If somebody else owns it.
pub(crate) fn base() -> PathBuf {
    let base = env::temp_dir().join(format!("mika-test-servers-{}", own_user()));
    // The account of a server has to get through, not to see what is there.
    match fs::DirBuilder::new().mode(0o711).create(&base) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => panic!("{} cannot be made: {error}", base.display()),
    }
    let metadata = fs::symlink_metadata(&base).expect("it was there just now");
    assert!(
        metadata.is_dir() && metadata.uid() == own_user(),
        "{} belongs to somebody else",
        base.display()
    );
    base
}

/// Makes a directory that only the account may read.
pub(crate) fn make(path: &Path, account: Option<Account>) {
    fs::DirBuilder::new().mode(0o700).create(path).expect("a directory for a server");
    Account::own(account, path);
}

/// A directory that goes away with its owner.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
}

impl Directory {
    pub(crate) fn new(name: &str, account: Option<Account>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = base().join(format!("{name}-{}-{number}", process::id()));
        // Of a process that had the same id and was killed along with its guard.
        remove(&path);
        make(&path, account);
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // A panic here would hide the one that the test may be failing with.
        if let Err(error) = try_remove(&self.path) {
            eprintln!("{} cannot be removed: {error}", self.path.display());
        }
    }
}

/// Removes a directory, if it is there, with all that is in it.
pub(crate) fn remove(path: &Path) {
    if let Err(error) = try_remove(path) {
        panic!("{} cannot be removed: {error}", path.display());
    }
}

fn try_remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
