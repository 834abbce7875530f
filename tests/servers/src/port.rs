//! Ports that nobody uses.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::directory;

/// Below the range from which systems give ports to connections: while a server is down, no
/// connection can take its port.
const FIRST: u16 = 23_000;
const LAST: u16 = 31_999;

/// A port that no other test takes while this value lives.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) number: u16,
    path: PathBuf,
    _lock: File,
}

impl Port {
    pub(crate) fn reserve() -> Self {
        let base = directory::base();
        for _ in 0..1000 {
            let number = fastrand::u16(FIRST..=LAST);
            let path = base.join(format!("port-{number}"));
            let lock = File::create(&path).expect("a file for a port");
            if lock.try_lock().is_ok() && is_still_at(&lock, &path) {
                let port = Self { number, path, _lock: lock };
                if TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                    return port;
                }
            }
        }
        panic!("no free port from {FIRST} to {LAST}")
    }
}

/// Whether a locked file still has its name: who held the lock before may have removed it.
pub(crate) fn is_still_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(opened), Ok(named)) => opened.ino() == named.ino(),
        _ => false,
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            eprintln!("{} cannot be removed: {error}", self.path.display());
        }
    }
}
