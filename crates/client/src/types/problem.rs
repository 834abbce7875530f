//! How the API says that it did not do something.

use serde::{Deserialize, Serialize};

/// A problem document (RFC 9457), sent as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Always `about:blank`: `code` tells problems apart.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable word for programs, such as `user_not_found`.
    pub code: String,
    /// For people: what is wrong, and what to do.
    pub detail: String,
}
