//! A connection to a tracker: its address, the token and where that came from, and the output.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use mika_client::{Client, Error};
use mika_server::config::{ADMIN_PORT, Config};
use serde::Serialize;

use super::Connection;
use crate::config::environment;
use crate::exit::Advised;
use crate::output;

const VARIABLE: &str = "MIKA_TOKEN";
const DEFAULT_DATA_DIR: &str = "./mika-data";
const TOKEN_FILE: &str = "admin.token";

/// Where the token was found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TokenSource {
    Argument,
    Variable,
    File(PathBuf),
    Config(PathBuf),
    /// Nowhere; the last place looked at.
    Missing(PathBuf),
}

impl fmt::Display for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument => write!(f, "from --token"),
            Self::Variable => write!(f, "from the variable {VARIABLE}"),
            Self::File(path) => write!(f, "in {}", path.display()),
            Self::Config(path) => write!(f, "of the configuration {}", path.display()),
            Self::Missing(path) => write!(f, "not found: there is no {}", path.display()),
        }
    }
}

/// A token that no `Debug` form shows.
struct Token {
    text: String,
    source: TokenSource,
}

/// What every command works with.
pub struct Session {
    pub client: Client,
    json: bool,
    token_source: TokenSource,
}

impl Session {
    /// Finds address and token; nothing is sent yet.
    pub fn open(connection: &Connection) -> anyhow::Result<Self> {
        let config = match &connection.config {
            Some(path) => Some(Config::load(Some(path), environment(), [])?),
            None => None,
        };
        let variable = std::env::var(VARIABLE).ok();
        let token = find_token(connection, variable, config.as_ref())?;
        let url = match (&connection.url, &config) {
            (Some(url), _) => url.clone(),
            (None, Some(config)) => admin_url(config),
            (None, None) => format!("http://127.0.0.1:{ADMIN_PORT}"),
        };
        let client = match Client::new(&url, &token.text) {
            Err(Error::Token) => bail!("the token {} is not one: {}", token.source, Error::Token),
            other => other?,
        };
        Ok(Self { client, json: connection.json, token_source: token.source })
    }

    /// Prints a result as JSON, or in words.
    pub fn print<T: Serialize>(
        &self,
        value: &T,
        words: impl FnOnce(&T) -> String,
    ) -> Result<(), anyhow::Error> {
        if self.json {
            return self.print_json(value);
        }
        Ok(output::print(&words(value))?)
    }

    /// Whether JSON is wanted.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints JSON.
    pub fn print_json<T: Serialize>(&self, value: &T) -> anyhow::Result<()> {
        Ok(output::print(&format!("{}\n", serde_json::to_string_pretty(value)?))?)
    }

    /// Adds to an error what the person at the terminal can do about it.
    pub fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let error = match error.downcast::<Error>() {
            Ok(error) => error,
            Err(other) => return other,
        };
        let advice = match &error {
            Error::Unreachable { .. } => {
                "start the tracker with `mika serve`, or say with --url where it runs".to_owned()
            }
            Error::Problem(problem) if problem.status == 401 => self.token_advice(),
            _ => return error.into(),
        };
        Advised { error, advice }.into()
    }

    fn token_advice(&self) -> String {
        match &self.token_source {
            TokenSource::Missing(path) => format!(
                "there is no {}: name the tracker's data directory with --data-dir, or the file \
                 with the token with --token-file",
                path.display()
            ),
            source => {
                format!("the token {source} is not that of the tracker at {}", self.client.url())
            }
        }
    }
}

/// Where the admin API of a tracker with this configuration is, seen from its own machine.
fn admin_url(config: &Config) -> String {
    let admin = &config.admin;
    if !admin.tcp {
        return format!("unix:{}", admin.unix_socket.display());
    }
    let scheme = if admin.certificate_file.as_os_str().is_empty() { "http" } else { "https" };
    let mut address = admin.listen;
    if address.ip().is_unspecified() {
        let loopback = if address.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        };
        address.set_ip(loopback);
    }
    format!("{scheme}://{address}")
}

fn find_token(
    connection: &Connection,
    variable: Option<String>,
    config: Option<&Config>,
) -> anyhow::Result<Token> {
    if let Some(token) = &connection.token {
        return Ok(Token { text: token.trim().to_owned(), source: TokenSource::Argument });
    }
    if let Some(path) = &connection.token_file {
        return read_token(path)?.ok_or_else(|| anyhow!("there is no file {}", path.display()));
    }
    if let Some(token) = variable.filter(|token| !token.trim().is_empty()) {
        return Ok(Token { text: token.trim().to_owned(), source: TokenSource::Variable });
    }
    if let Some(dir) = &connection.data_dir {
        return read_or_missing(dir.join(TOKEN_FILE));
    }
    if let (Some(config), Some(path)) = (config, &connection.config) {
        if config.admin.token.is_empty() {
            return read_or_missing(config.admin.token_file.clone());
        }
        let text = config.admin.token.expose().to_owned();
        return Ok(Token { text, source: TokenSource::Config(path.clone()) });
    }
    read_or_missing(Path::new(DEFAULT_DATA_DIR).join(TOKEN_FILE))
}

/// A file that is not there is no mistake yet: `mika client health` needs no token.
fn read_or_missing(path: PathBuf) -> anyhow::Result<Token> {
    let missing = |path| Token { text: String::new(), source: TokenSource::Missing(path) };
    Ok(read_token(&path)?.unwrap_or_else(|| missing(path)))
}

fn read_token(path: &Path) -> anyhow::Result<Option<Token>> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let source = TokenSource::File(path.to_owned());
            Ok(Some(Token { text: text.trim().to_owned(), source }))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(error).with_context(|| format!("the token file {} cannot be read", path.display()))
        }
    }
}

#[cfg(test)]
mod tests;
