//! The state of the notifications on the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::State;
use crate::journal::frame::{self, Frame};

const NAME: &str = "state";

/// The state that was written last; `None` if there is none, or it cannot be understood.
pub(super) fn read(dir: &Path) -> io::Result<Option<State>> {
    let file = match File::open(dir.join(NAME)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match frame::read::<State>(&mut BufReader::new(file))? {
        Frame::Whole(state, _) => Ok(Some(state)),
        Frame::End | Frame::Torn(_) => Ok(None),
    }
}

pub(super) fn write(dir: &Path, state: &State) -> io::Result<()> {
    let mut bytes = Vec::new();
    frame::write(&mut bytes, state)?;
    write_whole(dir, NAME, &bytes)
}

pub(super) fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_file(dir.join(NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file whole or not at all.
pub(super) fn write_whole(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let (path, temporary) = (dir.join(name), dir.join(format!("{name}.new")));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(dir)?.sync_all()
}
