//! The secret that opens the API.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq;
use thiserror::Error;
use tracing::warn;

use crate::config::Config;

/// Random bytes in a token that is made here.
const RANDOM_BYTES: usize = 32;
/// The shortest token accepted, in characters.
const CHARS_MIN: usize = 16;
/// The longest token accepted, in characters.
const CHARS_MAX: usize = 256;

/// The admin token. Its `Debug` form does not show it.
#[derive(Clone)]
pub struct AdminToken(String);

/// Why there is no token.
#[derive(Debug, Error)]
pub enum TokenError {
    /// It is not one that can be used.
    #[error("the admin token has to be 16 to 256 visible ASCII characters")]
    Invalid,
    /// The file does not contain one that can be used.
    #[error(
        "{0}: the admin token has to be 16 to 256 visible ASCII characters; write one to the file, \
         or, if it is admin.token in the data directory, delete it and a new one is made at the \
         next start"
    )]
    InvalidFile(PathBuf),
    /// The file cannot be read or made.
    #[error("admin token file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    Randomness(String),
}

impl AdminToken {
    /// A token that somebody chose; spaces around it are ignored.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !(CHARS_MIN..=CHARS_MAX).contains(&text.len()) || !visible {
            return Err(TokenError::Invalid);
        }
        Ok(Self(text.to_owned()))
    }

    /// The token of a configuration. What it was read from, if anything, is looked at, too.
    pub(crate) fn configured(config: &Config) -> Result<Self, TokenError> {
        let text = config.admin.token.expose();
        match config.admin_token_file() {
            None => Self::new(text),
            Some(path) if text.is_empty() => Self::load_or_create(path),
            Some(path) => Self::of_file(text, path),
        }
    }

    /// The token of a file. If there is no such file, a new token is written to it, readable for
    /// its owner only.
    pub fn load_or_create(path: &Path) -> Result<Self, TokenError> {
        match fs::read_to_string(path) {
            Ok(text) => Self::of_file(&text, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let token = Self::random()?;
                token.write(path).map_err(|source| file_error(path, source))?;
                Ok(token)
            }
            Err(source) => Err(file_error(path, source)),
        }
    }

    /// The text of a file.
    fn of_file(text: &str, path: &Path) -> Result<Self, TokenError> {
        warn_if_others_read(path);
        Self::new(text).map_err(|_| TokenError::InvalidFile(path.to_owned()))
    }

    /// The token itself, for the configuration of the running server.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether a caller gave this token. The time does not tell how much of it is right.
    pub fn matches(&self, given: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(given).into()
    }

    fn random() -> Result<Self, TokenError> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| TokenError::Randomness(error.to_string()))?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Under another name first, so that a crash leaves no half of a token.
    fn write(&self, path: &Path) -> io::Result<()> {
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".new");
        let unfinished = PathBuf::from(unfinished);
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file: File =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        writeln!(file, "{}", self.0)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(…)")
    }
}

fn file_error(path: &Path, source: io::Error) -> TokenError {
    TokenError::File { path: path.to_owned(), source }
}

fn warn_if_others_read(path: &Path) {
    if others_read(path) {
        warn!(path = %path.display(), "others may read the admin token: chmod 600 this file");
    }
}

fn others_read(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.mode() & 0o077 != 0)
}

#[cfg(test)]
mod tests;
