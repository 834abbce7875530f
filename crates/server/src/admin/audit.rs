//! The audit log: who changed what, and when.
//!
//! A request that could change something is written down before it is done, and its outcome after:
//! so no change is missing, even if the process is killed in between. A change that cannot be
//! written down is refused. The log is a file of JSON lines in the data directory, `audit.jsonl`;
//! when it has half of its allowed size it becomes `audit.old.jsonl`, in place of the one before.
//! No secret is in it, nor in what was refused; [`redact`] has the rules.

mod lines;
mod redact;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, OriginalUri, Request};
use axum::http::{HeaderMap, StatusCode, header};
use mika_client::types::{AuditEntry, AuditPage, AuditQuery, PageQuery};
use parking_lot::Mutex;
use redact::Route;
use serde_json::{Value, json};
use thiserror::Error;
use tracing::{error, warn};

use super::auth::Caller;
use super::problem::Failure;
use crate::control::{now_seconds, page_limit};

/// Longest body that is written down.
const BODY_BYTES_MAX: u64 = 16 << 10;

/// The log.
pub(super) struct Audit {
    current: PathBuf,
    old: PathBuf,
    file: ArcSwap<File>,
    /// Bytes in the current file.
    size: AtomicU64,
    half_bytes: u64,
    next_id: AtomicU64,
    /// Held while the files change places.
    rotating: Mutex<()>,
}

/// Why there is no log.
#[derive(Debug, Error)]
#[error("audit log {path}: {source}")]
pub struct AuditError {
    path: PathBuf,
    source: io::Error,
}

impl Audit {
    pub(super) fn open(directory: &Path, bytes: u64) -> Result<Self, AuditError> {
        let current = directory.join("audit.jsonl");
        let old = directory.join("audit.old.jsonl");
        let failed = |source| AuditError { path: current.clone(), source };
        let last_id = lines::last_id(&current).map_err(failed)?;
        let last_id = last_id.max(lines::last_id(&old).map_err(failed)?);
        let file = append(&current).map_err(failed)?;
        let size = lines::end_whole(&current, &file).map_err(failed)?;
        Ok(Self {
            file: ArcSwap::from_pointee(file),
            size: AtomicU64::new(size),
            half_bytes: (bytes / 2).max(1),
            next_id: AtomicU64::new(last_id.saturating_add(1)),
            rotating: Mutex::new(()),
            current,
            old,
        })
    }

    /// Writes down what is about to be done, and says its number.
    fn begin(&self, mut entry: AuditEntry) -> io::Result<u64> {
        entry.id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.write(&serde_json::to_string(&entry)?)?;
        Ok(entry.id)
    }

    /// Writes down what became of it.
    pub(super) fn end(&self, id: u64, status: StatusCode) {
        let line = json!({ "id": id, "status": status.as_u16() });
        if let Err(error) = self.write(&line.to_string()) {
            error!(%error, id, "the audit log does not say how a request ended");
        }
    }

    /// Writes down what was done by other means than a request.
    pub(super) fn note(&self, actor: &str, what: &str, status: StatusCode) {
        let entry = AuditEntry {
            id: 0,
            at: now_seconds(),
            actor: actor.to_owned(),
            token_id: None,
            address: "local".to_owned(),
            method: "SIGNAL".to_owned(),
            path: what.to_owned(),
            request: None,
            status: Some(status.as_u16()),
        };
        if let Err(error) = self.begin(entry) {
            warn!(%error, what, "not written to the audit log");
        }
    }

    /// One line is one write at the end of the file, so that lines never mix.
    fn write(&self, line: &str) -> io::Result<()> {
        let line = format!("{line}\n");
        self.file.load().as_ref().write_all(line.as_bytes())?;
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        let before = self.size.fetch_add(length, Ordering::Relaxed);
        if before.saturating_add(length) > self.half_bytes {
            self.rotate()?;
        }
        Ok(())
    }

    fn rotate(&self) -> io::Result<()> {
        let Some(_turn) = self.rotating.try_lock() else { return Ok(()) };
        fs::rename(&self.current, &self.old)?;
        self.file.store(Arc::new(append(&self.current)?));
        self.size.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// A part of the log, the oldest first.
    pub(super) async fn page(&self, query: AuditQuery) -> Result<AuditPage, Failure> {
        let limit = page_limit(query.limit, PageQuery::LIMIT_MAX)?;
        let files = [self.old.clone(), self.current.clone()];
        let read = tokio::task::spawn_blocking(move || lines::page(&files, &query, limit));
        let read = read.await.map_err(io::Error::other).flatten();
        read.map_err(|error| Failure::logged("audit_unreadable", error.to_string()))
    }
}

/// Writes down a request before it is answered. A body that is short enough is read for that.
pub(super) async fn begin(
    audit: &Audit,
    caller: &Caller,
    request: Request,
) -> Result<(u64, Request), Failure> {
    let (parts, body) = request.into_parts();
    let template = parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str);
    let route = Route::of(template, &parts.method);
    let (body, json) = match is_short_json(&parts.headers) {
        true => read(body, route).await?,
        false => (body, None),
    };
    // A nested router sees the end of the path only.
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
    let entry = AuditEntry {
        id: 0,
        at: now_seconds(),
        actor: caller.name().to_owned(),
        token_id: caller.token_id(),
        address: caller.from().to_string(),
        method: parts.method.to_string(),
        path: route.path(uri),
        request: json,
        status: None,
    };
    let id = audit.begin(entry).map_err(|error| {
        let detail = format!("nothing is changed, for it cannot be written down: {error}");
        Failure::logged("audit_unwritable", detail)
    })?;
    Ok((id, Request::from_parts(parts, body)))
}

fn is_short_json(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    let is_json = text(header::CONTENT_TYPE).is_some_and(|kind| kind.contains("json"));
    is_json && length.is_some_and(|length| length <= BODY_BYTES_MAX)
}

async fn read(body: Body, route: Route) -> Result<(Body, Option<Value>), Failure> {
    let limit = usize::try_from(BODY_BYTES_MAX).unwrap_or(usize::MAX);
    let bytes = to_bytes(body, limit).await;
    let bytes = bytes.map_err(|error| Failure::bad_request("malformed_body", error.to_string()))?;
    let json = serde_json::from_slice::<Value>(&bytes).ok().map(|mut json| {
        route.redact(&mut json);
        json
    });
    Ok((Body::from(bytes), json))
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests;
