//! The JSON bodies of the admin API.
//!
//! Times are Unix times in seconds, amounts are bytes, multipliers are whole percents (100 counts
//! every byte once, 0 is freeleech). A body with a field that is not listed here is refused.

mod hash;
mod present;
mod problem;
mod rules;
mod status;
mod torrent;
mod user;

pub use problem::Problem;
pub use rules::{
    ClientRule, ClientRuleChange, Event, NewClientRule, NewEvent, NewRole, NewToken, Role,
    RoleChange, Token,
};
pub use status::{Check, ConfigChange, FlushStats, Flushed, Health, KeyChange, Readiness, Stats};
pub use torrent::{NewTorrent, Torrent, TorrentChange};
pub use user::{NewUser, User, UserChange};

use serde::{Deserialize, Serialize};

/// A list, or a part of a long one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The entries, by id or name.
    pub items: Vec<T>,
    /// What to give as `after_id` for the next part; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_after_id: Option<u32>,
}

/// Which part of a long list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Only entries with a higher id.
    #[serde(default)]
    pub after_id: u32,
    /// At most this many entries, 1 to [`PageQuery::LIMIT_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl PageQuery {
    /// The longest list in one reply, and how long it is when not said otherwise.
    pub const LIMIT_MAX: u32 = 1000;
}
