//! Users in JSON.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A user.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    /// Upload multiplier in percent, beside the role's; `null` for none.
    pub upload_percent: Option<u16>,
    /// Download multiplier in percent, beside the role's; `null` for none, 0 for a freeleech.
    pub download_percent: Option<u16>,
    /// Whether hit-and-run rules spare the user; `null`: as the role says.
    pub immune: Option<bool>,
    /// Whether the user's addresses are neither written to the store nor told.
    pub address_hidden: bool,
    /// Seconds from a torrent's creation for which the user may not leech it.
    pub wait_seconds: u32,
    /// Sessions that the user may leech one torrent with; `null` for no limit of its own.
    pub peers_max: Option<u32>,
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    /// Upload multiplier in percent, beside the role's, 0 to 10000; absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_percent: Option<u16>,
    /// Download multiplier in percent, beside the role's, 0 to 10000; absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_percent: Option<u16>,
    /// Whether hit-and-run rules spare the user; absent: as the role says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immune: Option<bool>,
    /// Whether the user's addresses are neither written to the store nor told; absent for no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_hidden: Option<bool>,
    /// Seconds from a torrent's creation for which the user may not leech it; absent for 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_seconds: Option<u32>,
    /// Sessions that the user may leech one torrent with; absent for no limit of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers_max: Option<u32>,
}

impl NewUser {
    /// A user with a name, and the defaults for all else.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// Changes to a user: what is absent stays.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    /// Upload multiplier in percent, beside the role's, 0 to 10000; `null` for none.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::present::deserialize"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u16>))]
    pub upload_percent: Option<Option<u16>>,
    /// Download multiplier in percent, beside the role's, 0 to 10000; `null` for none.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::present::deserialize"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u16>))]
    pub download_percent: Option<Option<u16>>,
    /// Whether hit-and-run rules spare the user; `null`: as the role says.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::present::deserialize"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<bool>))]
    pub immune: Option<Option<bool>>,
    /// Whether the user's addresses are neither written to the store nor told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_hidden: Option<bool>,
    /// Seconds from a torrent's creation for which the user may not leech it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_seconds: Option<u32>,
    /// Sessions that the user may leech one torrent with; `null` for no limit of its own.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::present::deserialize"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>))]
    pub peers_max: Option<Option<u32>>,
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

/// Which of the users are wanted. A page may be short, or empty, and not be the last: the last one
/// has no `next_after_id`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default, deny_unknown_fields)]
pub struct UserQuery {
    /// Only entries with a higher id.
    pub after_id: u32,
    /// At most this many entries, 1 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only those whose accounts are closed, or are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<bool>,
    /// Only those that may leech, or may not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download_enabled: Option<bool>,
    /// Only those with the role of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Only those whose name has this in it, whatever the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
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
