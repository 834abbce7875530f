//! Rows that the store refused, in JSON.

use serde::{Deserialize, Serialize};

/// A row of a batch that the store refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeadLetter {
    /// Its name, made of what is in it.
    pub id: String,
    /// Number of the batch.
    pub batch: u64,
    /// Time of the batch.
    pub at: u32,
    /// Which kind of row: `users`, `torrents`, `history` and others.
    pub table: String,
    /// The store's own words.
    pub reason: String,
    /// The row.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub row: serde_json::Value,
}

/// Which dead letters are meant.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct DeadLetterIds {
    /// Their ids, at most 10000.
    #[cfg_attr(feature = "openapi", schema(max_items = 10_000))]
    pub ids: Vec<String>,
}

/// What became of dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeadLetterAnswer {
    /// How many are on their way again, or dropped.
    pub done: u32,
    /// The batch that they are in again; absent if they were dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u64>,
    /// Ids that there are not, or not any more.
    pub unknown: Vec<String>,
    /// Ids of rows that cannot be tried again, because of what is in them.
    pub unreadable: Vec<String>,
}
