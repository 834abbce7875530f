//! A connection to a tracker: its address, the token and where that came from, and the output.

use std::cell::RefCell;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use mika_client::{Client, Error, Versioned};
use mika_server::config::{ADMIN_PORT, Config};
use serde::Serialize;

use super::connection::{Connection, Variables};
use super::watch::Frame;
use crate::config::environment;
use crate::exit::Advised;
use crate::output;

const VARIABLE: &str = Variables::TOKEN;
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
    sure: bool,
    token_source: TokenSource,
    frame: RefCell<Option<Frame>>,
}

impl Session {
    /// Finds address and token; nothing is sent yet.
    pub fn open(connection: &Connection) -> anyhow::Result<Self> {
        let config = match &connection.config {
            Some(path) => Some(Config::load(Some(path), environment(), [])?),
            None => None,
        };
        let variables = Variables::of_process();
        let token = find_token(connection, &variables, config.as_ref())?;
        let url = find_url(connection, &variables, config.as_ref());
        let authority = connection.ca_file.as_ref().or(variables.ca_file.as_ref());
        let client = match authority {
            Some(path) => {
                let pem = fs::read(path).with_context(|| {
                    format!("the file with the authority {} cannot be read", path.display())
                })?;
                Client::with_authority(&url, &token.text, &pem)
                    .map_err(|error| in_file(error, path))
            }
            None => Client::new(&url, &token.text).map_err(anyhow::Error::from),
        };
        let mut client = client.map_err(|error| match error.downcast_ref::<Error>() {
            Some(Error::Token) => anyhow!("the token {} is not one: {error}", token.source),
            _ => error,
        })?;
        if let Some(etag) = &connection.if_match {
            client = client.only_if(etag)?;
        }
        if let Some(key) = &connection.idempotency_key {
            client = client.once(key)?;
        }
        Ok(Self {
            client,
            json: connection.json,
            sure: connection.yes,
            token_source: token.source,
            frame: RefCell::default(),
        })
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
        self.write(&words(value))
    }

    /// Prints a record, or only which version of it this is.
    pub fn print_version_or<T: Serialize>(
        &self,
        versioned: &Versioned<T>,
        only_etag: bool,
        words: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<()> {
        if only_etag {
            return self.print(&versioned.version, |version| format!("{version}\n"));
        }
        self.print(&versioned.record, words)
    }

    /// Whether JSON is wanted.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether nothing is to be asked.
    pub fn is_sure(&self) -> bool {
        self.sure
    }

    /// Prints JSON.
    pub fn print_json<T: Serialize>(&self, value: &T) -> anyhow::Result<()> {
        self.write(&format!("{}\n", serde_json::to_string_pretty(value)?))
    }

    /// Prints a text.
    pub fn write(&self, text: &str) -> anyhow::Result<()> {
        match &*self.frame.borrow() {
            Some(frame) => frame.write(text),
            None => output::print(text)?,
        }
        Ok(())
    }

    /// Rows of a list that are worth asking for.
    pub fn rows_max(&self) -> u32 {
        let frame = self.frame.borrow();
        let lines = frame.as_ref().and_then(|frame| u32::try_from(frame.lines_max()).ok());
        lines.unwrap_or(u32::MAX)
    }

    /// Whether what is printed goes to a frame of `--watch`.
    pub fn is_watched(&self) -> bool {
        self.frame.borrow().is_some()
    }

    /// Keeps what is printed, until the frame ends.
    pub(super) fn begin_frame(&self, frame: Frame) {
        self.frame.replace(Some(frame));
    }

    /// What was printed since the frame began.
    pub(super) fn end_frame(&self) -> Option<Frame> {
        self.frame.take()
    }

    /// Adds to an error what the person at the terminal can do about it.
    pub fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let error = match error.downcast::<Error>() {
            Ok(error) => error,
            Err(other) => return other,
        };
        let advice = match &error {
            Error::Unreachable { reason, .. } => self.connection_advice(reason),
            Error::Problem(problem) if problem.status == 401 => self.token_advice(),
            Error::Problem(problem) if problem.code == "scope_missing" => format!(
                "the token {} does not have this scope; the admin token has all, and \
                 `mika client api-token create` makes one that has it",
                self.token_source
            ),
            _ => return error.into(),
        };
        Advised { error, advice }.into()
    }

    fn connection_advice(&self, reason: &str) -> String {
        if self.client.url().starts_with("https:") && reason.contains("certificate") {
            let advice = "name the file with its authority, or with the certificate itself, with \
                          --ca-file; the URL has to have a name that is in the certificate";
            return advice.to_owned();
        }
        if reason.contains("invalid HTTP version") {
            return "if it speaks TLS there, say https:// in place of http://".to_owned();
        }
        if reason.contains("InvalidContentType") {
            return "it does not speak TLS there: say http:// in place of https://".to_owned();
        }
        if self.client.url().starts_with("unix:") {
            let advice = "start the tracker with `mika serve`, or say with --socket where its \
                          socket is; you may connect if the socket's mode lets you write to it";
            return advice.to_owned();
        }
        "start the tracker with `mika serve`, or say with --url where it runs".to_owned()
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

/// Where the tracker is: as said by an argument, a variable, or the configuration.
fn find_url(connection: &Connection, variables: &Variables, config: Option<&Config>) -> String {
    let unix = |path: &PathBuf| format!("unix:{}", path.display());
    let argument = connection.url.clone().or_else(|| connection.socket.as_ref().map(unix));
    // What was named on the command line goes before the environment.
    let config = || config.map(admin_url);
    argument
        .or_else(config)
        .or_else(|| variables.url.clone().or_else(|| variables.socket.as_ref().map(unix)))
        .unwrap_or_else(|| format!("http://127.0.0.1:{ADMIN_PORT}"))
}

/// Names the file that a certificate is wrong in.
fn in_file(error: Error, path: &Path) -> anyhow::Error {
    match error {
        Error::Certificate(reason) => {
            anyhow!("{} is not a PEM file with certificates: {reason}", path.display())
        }
        other => other.into(),
    }
}

fn find_token(
    connection: &Connection,
    variables: &Variables,
    config: Option<&Config>,
) -> anyhow::Result<Token> {
    if let Some(token) = &connection.token {
        return Ok(Token { text: token.trim().to_owned(), source: TokenSource::Argument });
    }
    if let Some(path) = &connection.token_file {
        return read_token(path)?.ok_or_else(|| anyhow!("there is no file {}", path.display()));
    }
    if let Some(token) = &variables.token {
        return Ok(Token { text: token.trim().to_owned(), source: TokenSource::Variable });
    }
    if let Some(path) = &variables.token_file {
        return read_token(path)?.ok_or_else(|| anyhow!("there is no file {}", path.display()));
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
