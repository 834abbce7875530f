//! Rules of which a site has one of several.

use serde::{Deserialize, Serialize};

/// How the multipliers of role, user, torrent, token and global events combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreditRule {
    /// All of them apply, one after the other.
    #[default]
    Product,
    /// The kindest one counts: the highest for upload, the lowest for download.
    Best,
    /// None applies: every byte counts once.
    Raw,
}

/// What a counter that went back means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeltaRule {
    /// Nothing for the other one.
    #[default]
    Independent,
    /// The client has restarted: neither of the two counts.
    BothOrNone,
}

/// What makes a download a finished one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Completion {
    /// `left` comes to 0, once in a session, whatever the event.
    #[default]
    Transition,
    /// `event=completed` with nothing left, once in a session, of one that was no seeder before.
    Event,
    /// Every `event=completed` with nothing left.
    EveryEvent,
}

/// What becomes of a leecher above the download slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotRule {
    /// It is refused.
    #[default]
    Refuse,
    /// It is told, its reports count, and it is handed out and counted once a slot is free.
    Hide,
}

/// Which clients have to ask for compact lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompactRule {
    /// None.
    #[default]
    Any,
    /// `compact=0` is refused.
    NotRefused,
    /// All: `compact=1` has to be there.
    Required,
}
