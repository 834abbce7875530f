//! A preset as an operator's own folder.

use std::fs;
use std::io;
use std::path::Path;

use thiserror::Error;

use super::folder::{self, embedded};
use super::{Dialect, SchemaError};

/// Why a preset was not written.
#[derive(Debug, Error)]
pub enum ExportError {
    /// There is no such preset.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The folder has files already.
    #[error("{0} is not empty: name a folder that is, or one that does not exist yet")]
    NotEmpty(String),
    /// It cannot be written.
    #[error("{0}: {1}")]
    Io(String, io::Error),
}

/// What a preset is, in a line for people.
///
/// # Errors
/// See [`folder::embedded`].
pub fn title(preset: &str, dialect: Dialect) -> Result<String, SchemaError> {
    Ok(folder::manifest(preset, &embedded(preset, dialect)?)?.title)
}

/// Writes the files of a preset into a folder that is empty or does not exist yet; returns their
/// names.
///
/// # Errors
/// See [`ExportError`].
pub fn export(preset: &str, dialect: Dialect, folder: &Path) -> Result<Vec<String>, ExportError> {
    let files = embedded(preset, dialect)?;
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error| ExportError::Io(path, error)
    };
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(ExportError::NotEmpty(folder.display().to_string()));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder).map_err(failed(folder))?;
        }
        Err(error) => return Err(failed(folder)(error)),
    }
    for (name, text) in &files.0 {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed(parent))?;
        }
        // A file that appeared in the meantime is not overwritten.
        let mut file = fs::File::create_new(&path).map_err(failed(&path))?;
        io::Write::write_all(&mut file, text.as_bytes()).map_err(failed(&path))?;
    }
    Ok(files.0.into_keys().collect())
}
