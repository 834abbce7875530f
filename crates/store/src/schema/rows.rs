//! A batch's rows as flush statements see them: named columns of whole numbers and bytes.

use mika_core::batch::{HistoryRow, RegisteredRow, TorrentRow, Traffic, UserRow};
use serde::Serialize;

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// A counter, id, time or switch.
    Integer(i64),
    /// An info-hash.
    Bytes([u8; 20]),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
    }
}

/// Clamped to `i64::MAX`: the largest integer that all databases have in common.
impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

/// A kind of row that flush statements write.
pub trait FlushRow: Serialize + Sync {
    /// Which kind, as in [`DeadLetter::table`](crate::DeadLetter::table).
    const TABLE: &'static str;
    /// The columns of `{{rows}}`.
    const COLUMNS: &'static [&'static str];
    /// For rows that only change records that exist: what to say when there is no such record.
    const UNKNOWN: Option<&'static str>;

    /// Appends one value per column.
    fn values(&self, into: &mut Vec<Value>);
}

impl FlushRow for UserRow {
    const TABLE: &'static str = "users";
    const COLUMNS: &'static [&'static str] = &[
        "user_id",
        "uploaded_raw",
        "downloaded_raw",
        "uploaded_credited",
        "downloaded_credited",
        "seed_seconds",
        "snatches",
        "announced_at_seconds",
    ];
    const UNKNOWN: Option<&'static str> = Some("no such user");

    fn values(&self, into: &mut Vec<Value>) {
        into.push(self.user_id.into());
        into.extend(traffic(&self.traffic));
        into.push(self.seed_seconds.into());
        into.push(self.snatches.into());
        into.push(self.announced_at_seconds.into());
    }
}

impl FlushRow for TorrentRow {
    const TABLE: &'static str = "torrents";
    const COLUMNS: &'static [&'static str] = &[
        "torrent_id",
        "uploaded_raw",
        "downloaded_raw",
        "uploaded_credited",
        "downloaded_credited",
        "snatches",
        "seeders",
        "leechers",
        "announced_at_seconds",
    ];
    const UNKNOWN: Option<&'static str> = Some("no such torrent");

    fn values(&self, into: &mut Vec<Value>) {
        into.push(self.torrent_id.into());
        into.extend(traffic(&self.traffic));
        into.push(self.snatches.into());
        into.push(self.seeders.into());
        into.push(self.leechers.into());
        into.push(self.announced_at_seconds.into());
    }
}

impl FlushRow for HistoryRow {
    const TABLE: &'static str = "history";
    const COLUMNS: &'static [&'static str] = &[
        "user_id",
        "torrent_id",
        "uploaded_raw",
        "downloaded_raw",
        "uploaded_credited",
        "downloaded_credited",
        "seed_seconds",
        "snatches",
        "left_bytes",
        "active",
        "announced_at_seconds",
    ];
    const UNKNOWN: Option<&'static str> = None;

    fn values(&self, into: &mut Vec<Value>) {
        into.push(self.user_id.into());
        into.push(self.torrent_id.into());
        into.extend(traffic(&self.traffic));
        into.push(self.seed_seconds.into());
        into.push(self.snatches.into());
        into.push(self.left_bytes.into());
        into.push(self.active.into());
        into.push(self.announced_at_seconds.into());
    }
}

impl FlushRow for RegisteredRow {
    const TABLE: &'static str = "registered";
    const COLUMNS: &'static [&'static str] = &["torrent_id", "info_hash", "registered_at_seconds"];
    const UNKNOWN: Option<&'static str> = None;

    fn values(&self, into: &mut Vec<Value>) {
        into.push(self.torrent_id.into());
        into.push(Value::Bytes(self.info_hash.0));
        into.push(self.registered_at_seconds.into());
    }
}

/// In the order of the columns.
fn traffic(traffic: &Traffic) -> [Value; 4] {
    [
        traffic.uploaded_raw.into(),
        traffic.downloaded_raw.into(),
        traffic.uploaded_credited.into(),
        traffic.downloaded_credited.into(),
    ]
}
