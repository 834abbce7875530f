//! API tokens: made once, kept as hashes.
//!
//! A token is `mika_ID_SECRET`, with 256 random bits in the secret. The file in the data directory
//! has its SHA-256, from which nobody gets it back; with so many bits nothing slower is needed.
//! The file is written whole, and synced, before a change is answered.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use arc_swap::ArcSwap;
use mika_client::types::{ApiToken, CreatedApiToken, NewApiToken, Scope};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Mutex as Turn;

use super::super::problem::Failure;
use super::AccessError;
use crate::data_dir::write_whole;

/// Tokens at most.
const TOKENS_MAX: usize = 1000;
/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 64;
/// Names that the audit log has for others.
const RESERVED: [&str; 2] = ["admin", "signal"];
/// Random bytes in a secret.
const SECRET_BYTES: usize = 32;
const PREFIX: &str = "mika_";

/// All API tokens.
pub(super) struct ApiTokens {
    path: PathBuf,
    book: ArcSwap<Book>,
    /// Changes are made one at a time.
    turn: Turn<()>,
    /// Whether a token was used since the file was written.
    used: AtomicBool,
}

#[derive(Clone, Default)]
struct Book {
    last_id: u32,
    tokens: BTreeMap<u32, Arc<Entry>>,
}

/// A token as it is kept.
pub(super) struct Entry {
    pub(super) id: u32,
    pub(super) name: String,
    pub(super) scopes: Vec<Scope>,
    sha256: [u8; 32],
    created_at: u32,
    created_by: String,
    expires_at: Option<u32>,
    /// 0 for never.
    last_used_at: AtomicU32,
    last_used_from: Mutex<Option<String>>,
}

/// What a token turns out to be.
pub(super) enum Found {
    Valid(Arc<Entry>),
    Expired,
    Unknown,
}

#[derive(Serialize, Deserialize)]
struct File {
    last_id: u32,
    tokens: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    token: ApiToken,
    sha256: String,
}

impl ApiTokens {
    /// Those of a file, or none if there is no such file.
    pub(super) fn open(path: &Path) -> Result<Self, AccessError> {
        let book = match fs::read(path) {
            Ok(bytes) => {
                Book::parse(&bytes).ok_or_else(|| AccessError::Tokens { path: path.to_owned() })?
            }
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => Book::default(),
            Err(source) => return Err(AccessError::File { path: path.to_owned(), source }),
        };
        Ok(Self {
            path: path.to_owned(),
            book: ArcSwap::from_pointee(book),
            turn: Turn::new(()),
            used: AtomicBool::new(false),
        })
    }

    /// Looks a token up. How long that takes does not depend on how much of a secret is right.
    pub(super) fn find(&self, given: &[u8], now_seconds: u32) -> Found {
        let book = self.book.load();
        let entry = id_of(given).and_then(|id| book.tokens.get(&id));
        let sha256: [u8; 32] = Sha256::digest(given).into();
        let kept = entry.map_or([0; 32], |entry| entry.sha256);
        let is_right = bool::from(kept.ct_eq(&sha256));
        match entry.filter(|_| is_right) {
            None => Found::Unknown,
            Some(entry) if entry.expires_at.is_some_and(|at| at <= now_seconds) => Found::Expired,
            Some(entry) => Found::Valid(Arc::clone(entry)),
        }
    }

    /// Remembers when a token was used, and from where.
    pub(super) fn note_use(&self, entry: &Entry, from: &str, now_seconds: u32) {
        let before = entry.last_used_at.swap(now_seconds, Ordering::Relaxed);
        if before != now_seconds {
            *entry.last_used_from.lock() = Some(from.to_owned());
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// All tokens with a higher id, by id.
    pub(super) fn list(&self, after_id: u32) -> Vec<ApiToken> {
        let book = self.book.load();
        let later = book.tokens.iter().filter(|(id, _)| **id > after_id);
        later.map(|(_, entry)| entry.shown()).collect()
    }

    /// One token.
    pub(super) fn get(&self, id: u32) -> Result<ApiToken, Failure> {
        let book = self.book.load();
        book.tokens.get(&id).map(|entry| entry.shown()).ok_or_else(|| not_found(id))
    }

    /// Makes a token; only the reply has its secret.
    pub(super) async fn create(
        &self,
        new: NewApiToken,
        created_by: String,
        now_seconds: u32,
    ) -> Result<CreatedApiToken, Failure> {
        check(&new, now_seconds)?;
        let _turn = self.turn.lock().await;
        let mut book = Book::clone(&self.book.load());
        if book.tokens.values().any(|entry| entry.name == new.name) {
            let detail = format!("there is an API token {:?} already", new.name);
            return Err(Failure::conflict("name_taken", detail));
        }
        if book.tokens.len() >= TOKENS_MAX {
            let detail = format!("there are {TOKENS_MAX} API tokens already: delete some");
            return Err(Failure::conflict("too_many_api_tokens", detail));
        }
        let id = book.last_id.saturating_add(1);
        let token = format!("{PREFIX}{id}_{}", random_secret()?);
        let mut scopes = new.scopes;
        scopes.sort_unstable();
        scopes.dedup();
        let entry = Arc::new(Entry {
            id,
            name: new.name,
            scopes,
            sha256: Sha256::digest(&token).into(),
            created_at: now_seconds,
            created_by,
            expires_at: new.expires_at,
            last_used_at: AtomicU32::new(0),
            last_used_from: Mutex::new(None),
        });
        let api_token = entry.shown();
        book.last_id = id;
        book.tokens.insert(id, entry);
        self.keep(book).await?;
        Ok(CreatedApiToken { token, api_token })
    }

    /// Revokes a token: it is refused from now on, also after a crash.
    pub(super) async fn revoke(&self, id: u32) -> Result<(), Failure> {
        let _turn = self.turn.lock().await;
        let mut book = Book::clone(&self.book.load());
        book.tokens.remove(&id).ok_or_else(|| not_found(id))?;
        self.keep(book).await
    }

    /// Writes when tokens were used last, if any was used since the last time.
    pub(super) async fn keep_uses(&self) {
        if !self.used.swap(false, Ordering::Relaxed) {
            return;
        }
        let _turn = self.turn.lock().await;
        let book = Book::clone(&self.book.load());
        // A failure has been logged, and loses no more than times of use.
        let _ = self.keep(book).await;
    }

    async fn keep(&self, book: Book) -> Result<(), Failure> {
        let (path, text) = (self.path.clone(), book.text());
        let written = tokio::task::spawn_blocking(move || write_whole(&path, text.as_bytes()));
        let written = written.await.map_err(io::Error::other).flatten();
        written.map_err(|error| {
            let detail = format!("{} cannot be written: {error}", self.path.display());
            Failure::logged("not_written", detail)
        })?;
        self.book.store(Arc::new(book));
        Ok(())
    }
}

impl Book {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let file: File = serde_json::from_slice(bytes).ok()?;
        let entries: Option<Vec<_>> = file.tokens.into_iter().map(Entry::parse).collect();
        let tokens = entries?.into_iter().map(|entry| (entry.id, Arc::new(entry))).collect();
        Some(Self { last_id: file.last_id, tokens })
    }

    fn text(&self) -> String {
        let line = |entry: &Arc<Entry>| Line { token: entry.shown(), sha256: hex(&entry.sha256) };
        let tokens = self.tokens.values().map(line).collect();
        let file = File { last_id: self.last_id, tokens };
        serde_json::to_string_pretty(&file).unwrap_or_default() + "\n"
    }
}

impl Entry {
    fn parse(line: Line) -> Option<Self> {
        let Line { token, sha256 } = line;
        Some(Self {
            id: token.id,
            name: token.name,
            scopes: token.scopes,
            sha256: unhex(&sha256)?,
            created_at: token.created_at,
            created_by: token.created_by,
            expires_at: token.expires_at,
            last_used_at: AtomicU32::new(token.last_used_at.unwrap_or_default()),
            last_used_from: Mutex::new(token.last_used_from),
        })
    }

    fn shown(&self) -> ApiToken {
        let last_used_at = self.last_used_at.load(Ordering::Relaxed);
        ApiToken {
            id: self.id,
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            created_at: self.created_at,
            created_by: self.created_by.clone(),
            expires_at: self.expires_at,
            last_used_at: (last_used_at != 0).then_some(last_used_at),
            last_used_from: self.last_used_from.lock().clone(),
        }
    }
}

fn check(new: &NewApiToken, now_seconds: u32) -> Result<(), Failure> {
    let chars = new.name.chars().count();
    if !(1..=NAME_CHARS_MAX).contains(&chars) || new.name.chars().any(char::is_control) {
        let detail = format!("name: 1 to {NAME_CHARS_MAX} characters, none a control character");
        return Err(Failure::invalid("invalid_value", detail));
    }
    if RESERVED.contains(&new.name.as_str()) {
        let detail = format!("name: {:?} means something else in the audit log", new.name);
        return Err(Failure::invalid("invalid_value", detail));
    }
    if new.scopes.is_empty() {
        let detail = "scopes is empty: name at least one, such as \"read\"";
        return Err(Failure::invalid("invalid_value", detail));
    }
    if new.expires_at.is_some_and(|at| at <= now_seconds) {
        return Err(Failure::invalid("invalid_value", "expires_at is not in the future"));
    }
    Ok(())
}

fn not_found(id: u32) -> Failure {
    let detail = format!("there is no API token {id}: it may have been revoked");
    Failure::not_found("api_token_not_found", detail)
}

/// The number in `mika_ID_SECRET`.
fn id_of(given: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(given).ok()?;
    let (id, _) = text.strip_prefix(PREFIX)?.split_once('_')?;
    id.parse().ok()
}

fn random_secret() -> Result<String, Failure> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::logged("no_randomness", error.to_string()))?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(digits).collect();
    bytes?.try_into().ok()
}
