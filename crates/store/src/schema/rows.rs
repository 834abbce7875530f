//! A batch's rows as flush statements see them: named columns of whole numbers, bytes and text.

use mika_core::batch::{HistoryRow, RegisteredRow, TorrentRow, Traffic, UserRow};
use mika_protocol::InfoHash;
use serde::Serialize;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A counter, id, time or switch: a signed 64-bit integer.
    Integer,
    /// An info-hash, a peer id, an address: at most 32 bytes.
    Bytes,
    /// Words for people: at most 255 characters.
    Text,
}

/// A column of `{{rows}}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name in statements.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

impl Column {
    /// A column of integers.
    pub const fn integer(name: &'static str) -> Self {
        Self { name, kind: Kind::Integer }
    }

    /// A column of bytes.
    pub const fn bytes(name: &'static str) -> Self {
        Self { name, kind: Kind::Bytes }
    }

    /// A column of text.
    pub const fn text(name: &'static str) -> Self {
        Self { name, kind: Kind::Text }
    }
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing, in a column of this kind.
    Null(Kind),
    /// A counter, id, time or switch.
    Integer(i64),
    /// An info-hash, a peer id, an address.
    Bytes(Vec<u8>),
    /// Words for people.
    Text(String),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u16> for Value {
    fn from(value: u16) -> Self {
        Self::Integer(value.into())
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

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::Null(Kind::Integer), Self::Integer)
    }
}

impl From<Option<u32>> for Value {
    fn from(value: Option<u32>) -> Self {
        value.map(i64::from).into()
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<InfoHash> for Value {
    fn from(value: InfoHash) -> Self {
        Self::Bytes(value.0.to_vec())
    }
}

impl From<Option<InfoHash>> for Value {
    fn from(value: Option<InfoHash>) -> Self {
        value.map_or(Self::Null(Kind::Bytes), Self::from)
    }
}

/// A kind of row that flush statements write.
pub trait FlushRow: Serialize + Sync {
    /// Which kind, as in [`DeadLetter::table`](crate::DeadLetter::table).
    const TABLE: &'static str;
    /// The columns of `{{rows}}`.
    const COLUMNS: &'static [Column];
    /// For rows that only change records that exist: what to say when there is no such record.
    const UNKNOWN: Option<&'static str>;

    /// Appends one value per column.
    fn values(&self, into: &mut Vec<Value>);
}

impl FlushRow for UserRow {
    const TABLE: &'static str = "users";
    const COLUMNS: &'static [Column] = &[
        Column::integer("user_id"),
        Column::integer("uploaded_raw"),
        Column::integer("downloaded_raw"),
        Column::integer("uploaded_credited"),
        Column::integer("downloaded_credited"),
        Column::integer("seed_seconds"),
        Column::integer("snatches"),
        Column::integer("announced_at_seconds"),
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
    const COLUMNS: &'static [Column] = &[
        Column::integer("torrent_id"),
        Column::integer("uploaded_raw"),
        Column::integer("downloaded_raw"),
        Column::integer("uploaded_credited"),
        Column::integer("downloaded_credited"),
        Column::integer("snatches"),
        Column::integer("seeders"),
        Column::integer("leechers"),
        Column::integer("announced_at_seconds"),
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
    const COLUMNS: &'static [Column] = &[
        Column::integer("user_id"),
        Column::integer("torrent_id"),
        Column::integer("uploaded_raw"),
        Column::integer("downloaded_raw"),
        Column::integer("uploaded_credited"),
        Column::integer("downloaded_credited"),
        Column::integer("seed_seconds"),
        Column::integer("snatches"),
        Column::integer("left_bytes"),
        Column::integer("active"),
        Column::integer("announced_at_seconds"),
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
    const COLUMNS: &'static [Column] = &[
        Column::integer("torrent_id"),
        Column::bytes("info_hash"),
        Column::integer("registered_at_seconds"),
    ];
    const UNKNOWN: Option<&'static str> = None;

    fn values(&self, into: &mut Vec<Value>) {
        into.push(self.torrent_id.into());
        into.push(self.info_hash.into());
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
