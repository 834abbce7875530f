//! Who may call what.
//!
//! A request below `/api/v1` needs a bearer token: the admin token, which may do everything, or an
//! API token with the scope that the [OpenAPI document](super::openapi) names for the operation.
//! Whoever sends wrong tokens is slowed down ([`failures`]). What could change something is
//! written to the [audit log](super::audit) before it is done.

mod caller;
mod failures;
mod tokens;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Instant;

use arc_swap::ArcSwap;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use mika_client::types::{ApiToken, CreatedApiToken, NewApiToken, Scope};
use thiserror::Error;

use super::audit::{Audit, AuditError};
use super::connections::Peer;
use super::problem::Failure;
use super::{Admin, audit, openapi};
use crate::config::{AdminConfig, Network};
use crate::control::now_seconds;
pub(super) use caller::Caller;
use failures::{Allowance, Failures, Verdict};
use tokens::{ApiTokens, Found};

/// Failed requests per minute and address, if nothing else is configured.
const FAILURES_PER_MINUTE: u32 = 30;

/// API tokens, the audit log, and what is known about those who failed.
pub struct Access {
    tokens: ApiTokens,
    audit: Audit,
    failures: Failures,
    settings: ArcSwap<AccessSettings>,
}

/// What can change while the server runs.
#[derive(Debug, Clone)]
pub struct AccessSettings {
    failures_per_minute: u32,
    trusted_proxies: Vec<Network>,
}

/// Why the files about access cannot be used.
#[derive(Debug, Error)]
pub enum AccessError {
    /// The system refuses.
    #[error("{path}: {source}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file of the API tokens is not what was written there.
    #[error(
        "{path} is damaged: restore it from a backup, or delete it and make all API tokens anew"
    )]
    Tokens {
        /// The file.
        path: PathBuf,
    },
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

impl Default for AccessSettings {
    fn default() -> Self {
        Self { failures_per_minute: FAILURES_PER_MINUTE, trusted_proxies: Vec::new() }
    }
}

impl AccessSettings {
    /// As configured.
    pub fn of(config: &AdminConfig) -> Self {
        Self {
            failures_per_minute: config.failures_per_minute,
            trusted_proxies: config.trusted_proxies.clone(),
        }
    }
}

impl Access {
    /// With the files of a data directory, which has to exist. `audit_bytes` is the size that the
    /// audit log may have.
    ///
    /// # Errors
    ///
    /// See [`AccessError`].
    pub fn open(
        directory: &Path,
        audit_bytes: u64,
        settings: AccessSettings,
    ) -> Result<Self, AccessError> {
        Ok(Self {
            tokens: ApiTokens::open(&directory.join("api-tokens.json"))?,
            audit: Audit::open(directory, audit_bytes)?,
            failures: Failures::new(),
            settings: ArcSwap::from_pointee(settings),
        })
    }

    pub(super) fn set_settings(&self, settings: AccessSettings) {
        self.settings.store(settings.into());
    }

    pub(super) fn audit(&self) -> &Audit {
        &self.audit
    }

    pub(super) fn list_tokens(&self, after_id: u32) -> Vec<ApiToken> {
        self.tokens.list(after_id)
    }

    pub(super) fn token(&self, id: u32) -> Result<ApiToken, Failure> {
        self.tokens.get(id)
    }

    pub(super) async fn create_token(
        &self,
        new: NewApiToken,
        caller: &Caller,
    ) -> Result<CreatedApiToken, Failure> {
        self.tokens.create(new, caller.name().to_owned(), now_seconds()).await
    }

    pub(super) async fn revoke_token(&self, id: u32) -> Result<(), Failure> {
        self.tokens.revoke(id).await
    }

    /// Writes when tokens were used last.
    pub(super) async fn keep_uses(&self) {
        self.tokens.keep_uses().await;
    }
}

/// Lets those through who may, and writes down what they may change.
pub(super) async fn authorize(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let caller = authenticate(&admin, peer, request.headers())?;
    if let Some(scope) = needed(&request)
        && !caller.may(scope)
    {
        let detail = format!("this needs a token with the scope `{scope}`");
        return Err(Failure::new(StatusCode::FORBIDDEN, "scope_missing", detail));
    }
    if !admin.is_loaded() {
        return Err(Failure::unavailable("loading", "the tracker is still loading"));
    }
    request.extensions_mut().insert(caller.clone());
    if request.method().is_safe() {
        return Ok(next.run(request).await);
    }
    let (id, request) = audit::begin(admin.access().audit(), &caller, request).await?;
    let response = next.run(request).await;
    admin.access().audit().end(id, response.status());
    Ok(response)
}

fn authenticate(admin: &Admin, peer: Peer, headers: &HeaderMap) -> Result<Caller, Failure> {
    let (access, now) = (admin.access(), Instant::now());
    let settings = access.settings.load();
    let from = peer.origin(headers, &settings.trusted_proxies);
    let allowed = Allowance(settings.failures_per_minute);
    if let Some(seconds) = access.failures.refused(from.key(), allowed, now) {
        return Err(too_many(seconds));
    }
    let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
    let token = given.and_then(bearer);
    let failed = match token {
        None => ("unauthorized", "the token is missing: send `Authorization: Bearer TOKEN`"),
        Some(token) if admin.shared.token.load().matches(token) => {
            return Ok(Caller::admin(from));
        }
        Some(token) => match access.tokens.find(token, now_seconds()) {
            Found::Valid(entry) => {
                access.tokens.note_use(&entry, &from.to_string(), now_seconds());
                return Ok(Caller::token(entry, from));
            }
            Found::Expired => ("token_expired", "this token has expired: make a new one"),
            Found::Unknown => ("unauthorized", "this is not a token of this server"),
        },
    };
    match access.failures.count(from.key(), token, allowed, now) {
        Verdict::Wrong => Err(Failure::new(StatusCode::UNAUTHORIZED, failed.0, failed.1)),
        Verdict::Wait(seconds) => Err(too_many(seconds)),
    }
}

fn too_many(seconds: u64) -> Failure {
    let detail = format!("too many failures from this address: wait {seconds} s");
    Failure::new(StatusCode::TOO_MANY_REQUESTS, "too_many_failures", detail).retry_after(seconds)
}

/// The token of `Bearer TOKEN`; the scheme's case does not matter (RFC 9110, 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token.trim_ascii())
}

/// The scopes of the document, by path and method.
static SCOPES: LazyLock<HashMap<(&str, &str), Scope>> = LazyLock::new(|| {
    let scope = |operation: &serde_json::Value| {
        let named = operation.pointer("/security/0/token/0").and_then(serde_json::Value::as_str);
        // What says nothing sensible is for administrators only.
        named.and_then(Scope::parse).unwrap_or(Scope::Admin)
    };
    let scopes = openapi::operations();
    scopes.map(|(path, method, operation)| ((path, method), scope(operation))).collect()
});

/// The scope that a request needs; none if there is nothing that would answer it.
fn needed(request: &Request) -> Option<Scope> {
    let path = request.extensions().get::<MatchedPath>()?.as_str();
    let method = match *request.method() {
        Method::GET | Method::HEAD => "get",
        Method::POST => "post",
        Method::PUT => "put",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => return None,
    };
    SCOPES.get(&(path, method)).copied()
}
