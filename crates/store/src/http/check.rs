//! The conformance run: what a site's author runs while writing the endpoints.
//!
//! * `access.rs`: the token, the signature and its time.
//! * `lists.rs`: pages, rows, changes, MessagePack.
//! * `lookups.rs`: single torrents and users.
//! * `batches.rs`: batches, all or nothing and once.

mod access;
mod batches;
mod lists;
mod lookups;

use std::fmt;

use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::HttpOptions;
use super::apply::CheckpointJson;
use super::call::{Answer, Call, Caller};
use crate::store::StoreError;

/// What became of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What the site has to do.
    pub name: &'static str,
    /// Whether it does.
    pub outcome: Outcome,
}

/// Whether a site does what a check asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It does.
    Ok,
    /// It was not tried, for this reason.
    Skipped(String),
    /// It does not: what was asked, what came, and what should have come.
    Wrong(String),
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Ok => write!(f, "ok    {}", self.name),
            Outcome::Skipped(why) => write!(f, "skip  {} ({why})", self.name),
            Outcome::Wrong(what) => write!(f, "WRONG {}\n      {what}", self.name),
        }
    }
}

/// Why a check failed, or was not made.
enum Failure {
    Skipped(String),
    Wrong(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Wrong(error.to_string())
    }
}

fn wrong<T>(what: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Wrong(what.into()))
}

fn skipped<T>(why: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Skipped(why.into()))
}

/// Runs all checks against a site; `report` is told each of them as it ends. False if something
/// is wrong.
///
/// With `write`, batches are sent that add a few bytes to the first user and torrent and move the
/// checkpoint: never to a site that a tracker uses. Without, that is done only if the checkpoint
/// is still 0.
///
/// # Errors
///
/// The address, the token or the secret cannot be used at all.
pub async fn check(
    options: &HttpOptions,
    write: bool,
    report: &mut (dyn FnMut(&Check) + Send),
) -> Result<bool, StoreError> {
    let mut run =
        Run { caller: Caller::new(options)?, options: options.clone(), report, all_well: true };
    if !run.begin().await {
        return Ok(false);
    }
    run.access().await;
    let seen = run.lists().await;
    run.lookups(&seen).await;
    run.batches(&seen, write).await;
    Ok(run.all_well)
}

/// A conformance run under way.
struct Run<'a> {
    caller: Caller,
    options: HttpOptions,
    report: &'a mut (dyn FnMut(&Check) + Send),
    all_well: bool,
}

impl Run<'_> {
    /// Takes note of a check; returns what it found out.
    fn note<T>(&mut self, name: &'static str, result: Result<T, Failure>) -> Option<T> {
        let (outcome, found) = match result {
            Ok(found) => (Outcome::Ok, Some(found)),
            Err(Failure::Skipped(why)) => (Outcome::Skipped(why), None),
            Err(Failure::Wrong(what)) => (Outcome::Wrong(what), None),
        };
        self.all_well &= !matches!(outcome, Outcome::Wrong(_));
        (self.report)(&Check { name, outcome });
        found
    }

    /// Whether there is any use in going on.
    async fn begin(&mut self) -> bool {
        let result = self.checkpoint().await;
        self.note("GET /api/checkpoint tells the number of the last batch", result).is_some()
    }

    async fn checkpoint(&self) -> Result<u64, Failure> {
        let checkpoint: CheckpointJson = self.get("/api/checkpoint".to_owned()).await?;
        Ok(checkpoint.number)
    }

    fn call(&self, path: String) -> Call {
        Call::get(path, self.options.call_timeout).once()
    }

    async fn exchange(&self, call: &Call) -> Result<Answer, Failure> {
        Ok(self.caller.exchange(call).await?)
    }

    /// Gets something that has to be there.
    async fn get<T: DeserializeOwned>(&self, path: String) -> Result<T, Failure> {
        match self.find(path.clone()).await? {
            Some(found) => Ok(found),
            None => wrong(format!("GET {path}: there is no such endpoint (404)")),
        }
    }

    /// Gets something that need not be there.
    async fn find<T: DeserializeOwned>(&self, path: String) -> Result<Option<T>, Failure> {
        let call = self.call(path);
        let answer = self.exchange(&call).await?;
        match answer.status {
            StatusCode::OK => Ok(Some(answer.decode(call.shown())?)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.caller.refusal(&call, &answer).into()),
        }
    }

    /// An answer whose status is wrong, for people.
    fn not(&self, call: &Call, answer: &Answer, expected: &str) -> Failure {
        let said = self.caller.excerpt(call, answer);
        let (method, path, status) = (&call.method, call.shown(), answer.status);
        Failure::Wrong(format!("{method} {path}: answered {status}{said}; should be {expected}"))
    }
}

/// The id of a row.
fn id_of(row: &Value) -> Option<u64> {
    row.get("id").and_then(Value::as_u64)
}
