//! Users in JSON.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A user.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Id in the store.
    pub id: u32,
    /// The site's own id, when it differs.
    pub site_id: Option<i64>,
    /// Unique name.
    pub name: String,
    /// The secret in the user's announce URLs.
    pub passkey: String,
    /// Name of the role.
    pub role: String,
    /// Whether the user may announce as a leecher.
    pub download_enabled: bool,
    /// Whether the account is closed: its announces are refused.
    pub deleted: bool,
    /// Bytes uploaded, credited.
    pub uploaded: u64,
    /// Bytes downloaded, credited.
    pub downloaded: u64,
    /// Bytes uploaded as reported.
    pub uploaded_raw: u64,
    /// Bytes downloaded as reported.
    pub downloaded_raw: u64,
    /// Seconds of seeding, summed over torrents.
    pub seed_seconds: u64,
    /// Downloads finished.
    pub snatches: u64,
    /// Credited upload divided by credited download; `null` while nothing is downloaded.
    pub ratio: Option<f64>,
    /// Time of the last announce, `null` if there was none.
    pub announced_at: Option<u32>,
    /// Time of creation.
    pub created_at: u32,
    /// The user's announce URL over HTTP.
    pub announce_url: String,
}

/// A user to be added.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Unique name, 1 to 64 characters.
    pub name: String,
    /// Name of the role; absent for the role with the lowest id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// 1 to 64 of `A-Z a-z 0-9 _ -`; absent for 32 random hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passkey: Option<String>,
    /// The site's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_id: Option<i64>,
    /// Whether the user may announce as a leecher; absent for yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_enabled: Option<bool>,
}

impl NewUser {
    /// A user with a name, and the defaults for all else.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// Changes to a user: what is absent stays.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UserChange {
    /// New name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// New passkey; the old one stops working at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passkey: Option<String>,
    /// Replaces the passkey by 32 random hex digits.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub new_passkey: bool,
    /// New site id, `null` for none.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::present::deserialize"
    )]
    pub site_id: Option<Option<i64>>,
    /// Name of the new role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether the user may announce as a leecher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download_enabled: Option<bool>,
    /// Closes the account, or opens it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<bool>,
    /// Credited upload in bytes, set absolutely, at most 2^63 - 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploaded: Option<u64>,
    /// Credited download in bytes, set absolutely, at most 2^63 - 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downloaded: Option<u64>,
    /// Bytes of credited upload to give, or if negative to take. Unlike an absolute value it
    /// cannot overwrite what the user uploads at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploaded_add: Option<i64>,
    /// Bytes of credited download to add, or if negative to forgive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downloaded_add: Option<i64>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for UserChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserChange").field("name", &self.name).finish_non_exhaustive()
    }
}
