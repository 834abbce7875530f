//! `Idempotency-Key`: a POST that is sent again is not done again.
//!
//! A key that was given is kept for 24 hours, in memory and in a file, with what was answered; the
//! same request with the same key is then answered the same way. It is written down before the
//! request is done and again when it is done, each time until the disk has it. So a request is done
//! at most once, whatever is killed: if the process died in between, nobody can say whether it was
//! done, and that is what is answered. What was refused was not done, and may be tried again.

mod file;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Admin;
use super::auth::Caller;
use super::problem::Failure;
use crate::control::now_seconds;
use file::{Line, PostsFile};

/// The header.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Set in an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// How long a key is kept.
const KEPT_SECONDS: u32 = 24 * 3600;
/// Keys that are kept at most.
const KEYS_MAX: usize = 100_000;
/// Longest key, in characters.
const KEY_CHARS_MAX: usize = 255;
/// Longest request that may have a key.
const REQUEST_BYTES_MAX: usize = 16 << 20;
/// Longest answer.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// All answers that are kept, together, at most; and the size of the file.
const ANSWERS_BYTES_MAX: u64 = 64 << 20;
/// Their answers have secrets that are kept nowhere else.
const SECRET_PATHS: [&str; 2] = ["/api/v1/api-tokens", "/api/v1/webhooks"];

/// A digest, as hexadecimal digits in the file.
type Digest32 = [u8; 32];

/// The keys that were given.
#[derive(Debug, Default)]
pub(super) struct Posts(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    entries: HashMap<Digest32, Entry>,
    /// Keys by the time at which they were given.
    order: VecDeque<(u32, Digest32)>,
    bytes: u64,
    file: Option<PostsFile>,
}

#[derive(Debug, Clone)]
struct Entry {
    at_seconds: u32,
    /// Of the request.
    digest: Digest32,
    outcome: Outcome,
}

#[derive(Debug, Clone)]
enum Outcome {
    UnderWay,
    /// The process died while it was done.
    Unknown,
    /// It was done, and the answer was too secret to be kept.
    NotKept,
    Done(Arc<Answer>),
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Answer {
    status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    body: String,
}

/// Whether a request is to be done.
enum Turn {
    Yes,
    Answered(Arc<Answer>),
}

impl Posts {
    /// Keeps keys in a file from now on, and takes those that are in it.
    pub(super) fn open(&self, path: &Path) -> io::Result<()> {
        let (lines, file) = PostsFile::open(path)?;
        let mut state = self.0.lock();
        for line in lines {
            state.take(line);
        }
        for entry in state.entries.values_mut() {
            if matches!(entry.outcome, Outcome::UnderWay) {
                entry.outcome = Outcome::Unknown;
            }
        }
        state.file = Some(file);
        state.forget_old(now_seconds());
        state.rewrite()
    }

    /// Notes that a request is about to be done, unless it was.
    fn begin(&self, key: Digest32, digest: Digest32, now: u32) -> Result<Turn, Failure> {
        let mut state = self.0.lock();
        state.forget_old(now);
        if let Some(entry) = state.entries.get(&key) {
            if entry.digest != digest {
                let detail =
                    "this Idempotency-Key was given with another request: choose a new one";
                return Err(Failure::invalid("idempotency_key_reused", detail));
            }
            let conflict = |code, detail| Failure::new(StatusCode::CONFLICT, code, detail);
            return match &entry.outcome {
                Outcome::Done(answer) => Ok(Turn::Answered(Arc::clone(answer))),
                Outcome::UnderWay => Err(conflict(
                    "idempotency_under_way",
                    "the same request is being done just now: ask again in a moment",
                )),
                Outcome::Unknown => Err(conflict(
                    "idempotency_outcome_unknown",
                    "the server stopped while it did this: look whether it is done, and if not, \
                     send it with a new Idempotency-Key",
                )),
                Outcome::NotKept => Err(conflict(
                    "idempotency_answer_not_kept",
                    "this was done, but its answer has a secret and is kept nowhere",
                )),
            };
        }
        let failed = |error: io::Error| {
            let detail = format!("nothing is done, for the key cannot be kept: {error}");
            Failure::logged("idempotency_unwritable", detail)
        };
        if state.entries.len() >= KEYS_MAX || state.bytes >= ANSWERS_BYTES_MAX {
            let detail = "there are too many Idempotency-Keys of the last 24 hours";
            return Err(Failure::logged("too_many_idempotency_keys", detail.to_owned()));
        }
        let line = Line::Begun { key, digest, at_seconds: now };
        state.write(&line).map_err(failed)?;
        state.take(line);
        Ok(Turn::Yes)
    }

    /// Notes what was answered, or that it was not done.
    fn end(&self, key: Digest32, answer: Option<Answer>, is_secret: bool) -> io::Result<()> {
        let mut state = self.0.lock();
        let line = match &answer {
            None => Line::Refused { key },
            Some(_) if is_secret => Line::Done { key, answer: None },
            Some(answer) => Line::Done { key, answer: Some(answer.clone()) },
        };
        state.take(match answer {
            None => Line::Refused { key },
            answer => Line::Done { key, answer },
        });
        state.write(&line)
    }
}

impl Kept {
    fn take(&mut self, line: Line) {
        match line {
            Line::Begun { key, digest, at_seconds } => {
                self.order.push_back((at_seconds, key));
                self.entries.insert(key, Entry { at_seconds, digest, outcome: Outcome::UnderWay });
            }
            Line::Refused { key } => {
                self.entries.remove(&key);
                self.order.pop_back_if(|(_, last)| *last == key);
            }
            Line::Done { key, answer } => {
                if let Some(entry) = self.entries.get_mut(&key) {
                    self.bytes = self.bytes.saturating_add(bytes_of(answer.as_ref()));
                    entry.outcome = match answer {
                        Some(answer) => Outcome::Done(Arc::new(answer)),
                        None => Outcome::NotKept,
                    };
                }
            }
        }
    }

    fn forget_old(&mut self, now: u32) {
        while let Some((at, key)) = self.order.front().copied()
            && now.saturating_sub(at) >= KEPT_SECONDS
        {
            self.order.pop_front();
            // A key that was refused may have been given again, later.
            if self.entries.get(&key).is_some_and(|entry| entry.at_seconds == at)
                && let Some(entry) = self.entries.remove(&key)
                && let Outcome::Done(answer) = &entry.outcome
            {
                self.bytes = self.bytes.saturating_sub(bytes_of(Some(answer)));
            }
        }
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.append(line)?;
        if file.bytes() > ANSWERS_BYTES_MAX.saturating_mul(2) { self.rewrite() } else { Ok(()) }
    }

    /// Leaves out of the file what is not kept any more.
    fn rewrite(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut lines = Vec::with_capacity(self.entries.len());
        let mut kept: Vec<_> = self.entries.iter().collect();
        kept.sort_unstable_by_key(|(key, entry)| (entry.at_seconds, **key));
        for (key, entry) in kept {
            let (key, digest, at_seconds) = (*key, entry.digest, entry.at_seconds);
            lines.push(Line::Begun { key, digest, at_seconds });
            match &entry.outcome {
                Outcome::UnderWay | Outcome::Unknown => {}
                Outcome::NotKept => lines.push(Line::Done { key, answer: None }),
                Outcome::Done(answer) => {
                    lines.push(Line::Done { key, answer: Some(Answer::clone(answer)) });
                }
            }
        }
        file.rewrite(&lines)
    }
}

fn bytes_of(answer: Option<&Answer>) -> u64 {
    answer.map_or(0, |answer| u64::try_from(answer.body.len()).unwrap_or(u64::MAX))
}

/// Does a POST with a key at most once. Others pass.
pub(super) async fn once(
    State(admin): State<Admin>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let path = request
        .extensions()
        .get::<OriginalUri>()
        .map_or_else(|| request.uri().clone(), |original| original.0.clone());
    // An import may be long, and to do it again changes nothing.
    let is_import = path.path().ends_with("/import");
    let Some(name) =
        key_of(request.headers())?.filter(|_| request.method() == Method::POST && !is_import)
    else {
        return Ok(next.run(request).await);
    };
    let caller = request.extensions().get::<Caller>();
    let caller = caller.map(|caller| format!("{}/{:?}", caller.name(), caller.token_id()));
    let key = digest(&[caller.unwrap_or_default().as_bytes(), name.as_bytes()]);
    let is_secret = SECRET_PATHS.iter().any(|secret| path.path().starts_with(secret));
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, REQUEST_BYTES_MAX).await.map_err(|error| {
        let detail = format!("the body is longer than 16 MiB, or was cut short: {error}");
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    })?;
    let target = path.path_and_query().map_or("/", |target| target.as_str());
    let request_digest = digest(&[target.as_bytes(), &body]);
    let posts = Arc::clone(admin.posts());
    let interrupted = |_| Failure::unavailable("interrupted", "the server is stopping");
    let begun = {
        let posts = Arc::clone(&posts);
        let begin = move || posts.begin(key, request_digest, now_seconds());
        tokio::task::spawn_blocking(begin).await.map_err(interrupted)??
    };
    if let Turn::Answered(answer) = begun {
        return Ok(replayed(&answer));
    }
    // To its end, also if the caller hangs up: the next attempt is told what came of it.
    let work = async move {
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        finish(posts, key, is_secret, response).await
    };
    tokio::spawn(work).await.map_err(interrupted)?
}

/// Notes the answer before it is given.
async fn finish(
    posts: Arc<Posts>,
    key: Digest32,
    is_secret: bool,
    response: Response,
) -> Result<Response, Failure> {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, ANSWER_BYTES_MAX).await.unwrap_or_default();
    let text = |name: HeaderName| {
        parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let answer = parts.status.is_success().then(|| Answer {
        status: parts.status.as_u16(),
        content_type: text(header::CONTENT_TYPE),
        etag: text(header::ETAG),
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    let end = move || posts.end(key, answer, is_secret);
    let ended = tokio::task::spawn_blocking(end).await.map_err(io::Error::other).flatten();
    if let Err(error) = ended {
        // It is done all the same. After a restart its outcome is unknown, which is no lie.
        tracing::error!(%error, "the answer to an Idempotency-Key cannot be kept");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let key = value.as_bytes();
    if key.is_empty()
        || key.len() > KEY_CHARS_MAX
        || !key.iter().all(|it| (b' '..=b'~').contains(it))
    {
        let detail = format!("Idempotency-Key has 1 to {KEY_CHARS_MAX} visible ASCII characters");
        return Err(Failure::bad_request("invalid_idempotency_key", detail));
    }
    Ok(Some(String::from_utf8_lossy(key).into_owned()))
}

/// Of parts, none of which can be taken for another.
fn digest(parts: &[&[u8]]) -> Digest32 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn replayed(answer: &Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body.clone()).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in
        [(header::CONTENT_TYPE, &answer.content_type), (header::ETAG, &answer.etag)]
    {
        if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

#[cfg(test)]
mod tests;
