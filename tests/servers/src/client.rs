//! What talks to the servers: the command-line clients, and a client of Redis.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use thiserror::Error;

use crate::endpoint::Endpoint;
use crate::kind::Kind;

mod redis;

/// What a client says of statements that failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{kind}: {message}")]
pub struct QueryError {
    /// The server.
    pub kind: Kind,
    /// The client's words.
    pub message: String,
}

/// Runs statements; returns rows as lines, columns separated by tabs.
pub(crate) fn run(
    endpoint: &Endpoint,
    database: &str,
    statements: &str,
) -> Result<String, QueryError> {
    let failure = |message: String| QueryError { kind: endpoint.kind, message };
    let Some(mut client) = command(endpoint, database) else {
        return redis::run(&endpoint.socket(), endpoint.password(), database, statements)
            .map_err(|error| failure(error.to_string()));
    };
    let mut child = client
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failure(error.to_string()))?;
    let mut input = child.stdin.take().expect("it is piped");
    let output = thread::scope(|scope| {
        // A client that stops at an error closes its end; what it says comes by the other pipe.
        scope.spawn(move || input.write_all(statements.as_bytes()));
        child.wait_with_output()
    });
    let output = output.map_err(|error| failure(error.to_string()))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return Ok(printed.trim_end_matches('\n').to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failure(format!("{} {}", said.trim(), printed.trim())))
}

/// The command-line client, but for Redis and Valkey.
fn command(endpoint: &Endpoint, database: &str) -> Option<Command> {
    let mut command = Command::new(endpoint.client.as_ref()?);
    if endpoint.kind == Kind::PostgreSql {
        command
            .args(["-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1"])
            .arg("-h")
            .arg(&endpoint.directory)
            .args(["-p", &endpoint.port.to_string(), "-U", endpoint.user(), "-d", database])
            .env("PGPASSWORD", endpoint.password())
            .env("PGCONNECT_TIMEOUT", "5")
            .env("PGCLIENTENCODING", "UTF8");
    } else {
        command
            .args(["--no-defaults", "--batch", "--skip-column-names", "--connect-timeout=5"])
            .args(["--default-character-set=utf8mb4", "--user", endpoint.user(), "--socket"])
            .arg(endpoint.socket())
            .arg(database)
            .env("MYSQL_PWD", endpoint.password());
    }
    Some(command)
}
