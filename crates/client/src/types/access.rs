//! API tokens and the audit log in JSON.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Scope {
    /// Reads everything but passkeys, API tokens, the audit log and whole exports.
    #[serde(rename = "read")]
    Read,
    /// Adds, changes and deletes torrents.
    #[serde(rename = "torrents:write")]
    TorrentsWrite,
    /// Adds, changes and closes users, and their tokens on torrents; is shown passkeys.
    #[serde(rename = "users:write")]
    UsersWrite,
    /// Changes roles, client rules, events, configuration and webhooks, and flushes.
    #[serde(rename = "config")]
    Config,
    /// Everything.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] =
        [Self::Read, Self::TorrentsWrite, Self::UsersWrite, Self::Config, Self::Admin];

    /// As it is written: `torrents:write`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::TorrentsWrite => "torrents:write",
            Self::UsersWrite => "users:write",
            Self::Config => "config",
            Self::Admin => "admin",
        }
    }

    /// The scope that is written so.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An API token, without its secret, which nobody can read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiToken {
    /// Number of the token; numbers are not used again.
    pub id: u32,
    /// Unique name.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// Time of creation.
    pub created_at: u32,
    /// Who made it: the name of a token, or `admin`.
    pub created_by: String,
    /// Time from which it is refused; `null` for never.
    pub expires_at: Option<u32>,
    /// Time of its last use, `null` if there was none. A use within the last minute before a
    /// crash may be missing.
    pub last_used_at: Option<u32>,
    /// Where it was used last: an address, or `unix`; `null` if unknown.
    pub last_used_from: Option<String>,
}

/// An API token to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewApiToken {
    /// Unique name, 1 to 64 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64))]
    pub name: String,
    /// What it may be used for; at least one.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 5))]
    pub scopes: Vec<Scope>,
    /// Time from which it is refused, in the future; absent for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u32>,
}

/// A token that was just made. Its `Debug` form does not show the secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedApiToken {
    /// What callers send as `Authorization: Bearer …`. It is not kept and not shown again.
    pub token: String,
    /// What is kept.
    pub api_token: ApiToken,
}

impl fmt::Debug for CreatedApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedApiToken")
            .field("api_token", &self.api_token)
            .finish_non_exhaustive()
    }
}

/// A request that could change something, as the audit log keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Number of the entry, ascending.
    pub id: u64,
    /// Time at which the request was made.
    pub at: u32,
    /// Who made it: the name of a token, `admin` for the admin token, or `signal`.
    pub actor: String,
    /// Number of the API token, `null` for others.
    pub token_id: Option<u32>,
    /// Where it came from: an address, or `unix`.
    pub address: String,
    /// The method, such as `PATCH`.
    pub method: String,
    /// The path with its query; what could be a passkey is cut short.
    pub path: String,
    /// The JSON body, in which secrets are replaced by `…`; `null` if there was none, or if it
    /// was longer than 16 KiB.
    pub request: Option<serde_json::Value>,
    /// The status of the answer; `null` while there is none, or if the server ended before.
    pub status: Option<u16>,
}

/// A part of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditPage {
    /// The entries, the oldest first.
    pub items: Vec<AuditEntry>,
    /// What to give as `after_id` for the next part; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_after_id: Option<u64>,
}

/// Which part of the audit log is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default, deny_unknown_fields)]
pub struct AuditQuery {
    /// Only entries with a higher number.
    pub after_id: u64,
    /// At most this many entries, 1 to 1000; absent for 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000))]
    pub limit: Option<u32>,
    /// Only entries from this time on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u32>,
    /// Only what this one did, as in `actor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Only paths that begin so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}
