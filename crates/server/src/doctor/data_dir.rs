//! Whether the data directory can be used, and whether a tracker uses it.

use std::fs::{self, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use nix::unistd::{AccessFlags, access};

use super::{Finding, finding};
use crate::config::{Config, Mode};
use crate::data_dir::{DataDirError, advice};

/// Whether a tracker runs with a data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    /// None does.
    Free,
    /// One does.
    Running,
    /// This user may not know.
    Unknown,
}

/// Looks at the data directory, and changes nothing in it.
pub(super) fn look(config: &Config) -> (Vec<Finding>, Usage) {
    let dir = config.data.dir.as_path();
    let shown = dir.display();
    match fs::metadata(dir) {
        Ok(data) if !data.is_dir() => {
            (vec![finding(false, format!("{shown} is not a directory"))], Usage::Free)
        }
        Ok(_) => of_directory(dir, config.tracker.mode),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            (vec![of_missing(dir)], Usage::Free)
        }
        Err(error) => (vec![finding(false, format!("{shown}: {error}"))], Usage::Unknown),
    }
}

fn of_directory(dir: &Path, mode: Mode) -> (Vec<Finding>, Usage) {
    let shown = dir.display();
    let (usage, lock) = usage_of(dir);
    let mut findings = vec![match (writable(dir), lock) {
        (Err(error), _) => finding(false, cannot_be_used(dir, &error)),
        (Ok(()), Err(error)) => finding(false, cannot_be_used(&dir.join("lock"), &error)),
        (Ok(()), Ok(())) => finding(true, format!("{shown} is there, and can be written")),
    }];
    if let Some(is) = other_mode(dir, mode) {
        let error = DataDirError::OtherMode { path: dir.to_owned(), is };
        findings.push(finding(false, error.to_string()));
    }
    (findings, usage)
}

/// The start makes it, below the nearest directory that there is.
fn of_missing(dir: &Path) -> Finding {
    let here = Path::new(".");
    let parents = dir.ancestors().skip(1);
    let parents = parents.map(|parent| if parent.as_os_str().is_empty() { here } else { parent });
    let parent = parents.into_iter().find(|parent| parent.exists()).unwrap_or(here);
    let shown = dir.display();
    match writable(parent) {
        Ok(()) => finding(true, format!("{shown} is made at the first start")),
        Err(error) => {
            let cause = cannot_be_used(parent, &error);
            finding(false, format!("{shown} is not there and cannot be made: {cause}"))
        }
    }
}

/// Asks the system: the bits of the mode say nothing without owner, groups, ACLs and how the file
/// system is mounted.
fn writable(dir: &Path) -> io::Result<()> {
    access(dir, AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK)?;
    Ok(())
}

fn cannot_be_used(path: &Path, error: &io::Error) -> String {
    format!(
        "{} cannot be written: {error}{}; or choose another with data.dir or --data-dir",
        path.display(),
        advice(path, error)
    )
}

/// A tracker holds a lock for as long as it runs.
fn usage_of(dir: &Path) -> (Usage, io::Result<()>) {
    match OpenOptions::new().write(true).open(dir.join("lock")) {
        Ok(lock) => match lock.try_lock() {
            Ok(()) => (Usage::Free, Ok(())),
            Err(TryLockError::WouldBlock) => (Usage::Running, Ok(())),
            Err(TryLockError::Error(error)) => (Usage::Unknown, Err(error)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => (Usage::Free, Ok(())),
        Err(error) => (Usage::Unknown, Err(error)),
    }
}

/// The mode of the tracker that the directory belongs to, if it is not this one.
fn other_mode(dir: &Path, mode: Mode) -> Option<String> {
    let is = fs::read_to_string(dir.join("mode")).ok()?;
    let wanted = match mode {
        Mode::Private => "private",
        Mode::Public => "public",
    };
    (is.trim() != wanted).then(|| is.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_dir::DataDir;
    use crate::schema::Grade;

    fn looked(dir: &Path) -> (Grade, String, Usage) {
        let mut config = Config::default();
        config.data.dir = dir.to_owned();
        let (findings, usage) = look(&config);
        (findings[0].grade, findings[0].text.clone(), usage)
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_found() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(looked(file.path()).0, Grade::Bad);
        assert_eq!(looked(&file.path().join("below")).0, Grade::Bad);
    }

    #[test]
    fn a_directory_that_can_be_written_or_made_is_well() {
        let dir = tempfile::TempDir::new().unwrap();
        let (grade, text, usage) = looked(dir.path());
        assert_eq!((grade, usage), (Grade::Ok, Usage::Free), "{text}");
        let (grade, text, usage) = looked(&dir.path().join("not/yet"));
        assert_eq!((grade, usage), (Grade::Ok, Usage::Free));
        assert!(text.ends_with("not/yet is made at the first start"), "{text}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_lock_that_is_held_says_that_a_tracker_runs() {
        let dir = tempfile::TempDir::new().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        assert_eq!(looked(dir.path()).2, Usage::Running);
        drop(data);
        assert_eq!(looked(dir.path()).2, Usage::Free);
    }

    #[test]
    fn a_directory_of_the_other_mode_is_found() {
        let dir = tempfile::TempDir::new().unwrap();
        DataDir::open(dir.path()).unwrap().claim(mika_core::Mode::Private).unwrap();
        let mut config = Config::default();
        config.data.dir = dir.path().to_owned();
        assert_eq!(look(&config).0.len(), 1);
        config.tracker.mode = Mode::Public;
        let (findings, _) = look(&config);
        assert_eq!(findings[1].grade, Grade::Bad);
        assert!(findings[1].text.contains("belongs to a private tracker"), "{findings:?}");
    }
}
