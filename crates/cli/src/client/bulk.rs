//! `mika client bulk`: many records at once, from a file of JSON lines.

mod lines;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use mika_client::Error;
use mika_client::types::{Bulk, BulkReport, Lenient};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::session::Session;
use super::state;
use crate::{exit, output};
use lines::Lines;

/// Errors that are told; the others are counted.
const ERRORS_MAX: usize = 1000;

#[derive(Debug, Subcommand)]
pub enum BulkCommand {
    /// Add records, or change those that are there. A line has the fields that the admin API takes:
    /// {"name": "alice", "uploaded_add": 100}
    ///
    /// Exits with 1 if something is wrong with a line; all others are done.
    Upsert(Which),
    /// Delete records. A line names one: {"info_hash": "…", "reason": "dupe"} of a torrent,
    /// {"name": "alice"} or {"id": 1} of a user, {"user_id": 1, "info_hash": "…"} of a token,
    /// {"name": "vip"} of a role or event, {"prefix": "-TR3"} of a client rule.
    ///
    /// Exits with 1 if something is wrong with a line; all others are done.
    Delete(Which),
}

#[derive(Debug, Args)]
pub struct Which {
    /// What the records are.
    kind: Kind,
    /// The file with a record per line, or `-` for standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    User,
    Torrent,
    Token,
    Role,
    ClientRule,
    Event,
}

/// What became of a file.
#[derive(Debug, Default, Serialize)]
struct Summary {
    /// Records added.
    created: u64,
    /// Records changed.
    updated: u64,
    /// Records deleted.
    deleted: u64,
    /// Lines that were not done.
    failed: u64,
    /// The first thousand of them.
    errors: Vec<LineError>,
}

#[derive(Debug, Serialize)]
struct LineError {
    line: u64,
    code: String,
    detail: String,
}

impl BulkCommand {
    pub async fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let (Which { kind, file }, is_delete) = match self {
            Self::Upsert(which) => (which, false),
            Self::Delete(which) => (which, true),
        };
        let lines = Lines::new(state::open(&file)?);
        if is_delete {
            session.confirm(&format!("Delete every record that {} names?", file.display()))?;
        }
        let client = &session.client;
        // Of records that are few the server takes fewer at a time.
        let (many, few) = (Bulk::<(), ()>::ITEMS_MAX, 1000);
        let summary = match kind {
            Kind::User => {
                send(lines, is_delete, many, async |bulk| client.bulk_users(bulk).await).await
            }
            Kind::Torrent => {
                send(lines, is_delete, many, async |bulk| client.bulk_torrents(bulk).await).await
            }
            Kind::Token => {
                send(lines, is_delete, many, async |bulk| client.bulk_tokens(bulk).await).await
            }
            Kind::Role => {
                send(lines, is_delete, few, async |bulk| client.bulk_roles(bulk).await).await
            }
            Kind::ClientRule => {
                send(lines, is_delete, few, async |bulk| client.bulk_client_rules(bulk).await).await
            }
            Kind::Event => {
                send(lines, is_delete, few, async |bulk| client.bulk_events(bulk).await).await
            }
        }?;
        session.print(&summary, words)?;
        let failed = ExitCode::from(exit::FAILED);
        Ok(if summary.failed == 0 { ExitCode::SUCCESS } else { failed })
    }
}

/// Sends the records of a file, so many at a time.
async fn send<U: DeserializeOwned, D: DeserializeOwned>(
    mut lines: Lines,
    is_delete: bool,
    items_max: usize,
    call: impl AsyncFn(&Bulk<U, D>) -> Result<BulkReport, Error>,
) -> anyhow::Result<Summary> {
    let mut summary = Summary::default();
    loop {
        let part = lines.next(items_max)?;
        if part.is_empty() {
            return Ok(summary);
        }
        let mut numbers = Vec::with_capacity(part.len());
        let mut bulk = Bulk { upsert: Vec::new(), delete: Vec::new() };
        for (number, text) in part {
            let read = match is_delete {
                true => serde_json::from_slice(&text).map(|key| bulk.delete.push(Lenient(Ok(key)))),
                false => serde_json::from_slice(&text)
                    .map(|record| bulk.upsert.push(Lenient(Ok(record)))),
            };
            match read {
                Ok(()) => numbers.push(number),
                Err(error) => summary.fail(number, "invalid_line", error.to_string()),
            }
        }
        if !bulk.is_empty() {
            summary.add(call(&bulk).await?, &numbers);
        }
    }
}

impl Summary {
    fn add(&mut self, report: BulkReport, numbers: &[u64]) {
        self.created = self.created.saturating_add(report.created.into());
        self.updated = self.updated.saturating_add(report.updated.into());
        self.deleted = self.deleted.saturating_add(report.deleted.into());
        for error in report.errors {
            let at = usize::try_from(error.index).ok();
            let line = at.and_then(|at| numbers.get(at)).copied().unwrap_or_default();
            self.fail(line, &error.code, error.detail);
        }
    }

    fn fail(&mut self, line: u64, code: &str, detail: String) {
        self.failed = self.failed.saturating_add(1);
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(LineError { line, code: code.to_owned(), detail });
        }
    }
}

fn words(summary: &Summary) -> String {
    let mut text = output::fields(&[
        ("created", summary.created.to_string()),
        ("updated", summary.updated.to_string()),
        ("deleted", summary.deleted.to_string()),
        ("failed", summary.failed.to_string()),
    ]);
    for error in &summary.errors {
        let line = format!("line {}: {} ({})", error.line, error.detail, error.code);
        text.push_str(&format!("{}\n", output::printable(&line)));
    }
    text
}
