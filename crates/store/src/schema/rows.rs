//! A batch's rows as flush statements see them: named columns of whole numbers, bytes and text.

use std::net::{IpAddr, SocketAddr};

use mika_core::batch::{
    HistoryRow, RegisteredRow, SessionRow, SnatchRow, TokenUseRow, TorrentRow, Traffic,
    UnregisteredRow, UserRow,
};
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
    /// Words for people: at most 1024 characters.
    LongText,
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

    /// A column of long text.
    pub const fn long_text(name: &'static str) -> Self {
        Self { name, kind: Kind::LongText }
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
        Column::integer("corrupt_bytes"),
        Column::integer("snatches"),
        Column::integer("seeders"),
        Column::integer("leechers"),
        Column::integer("announced_at_seconds"),
    ];
    const UNKNOWN: Option<&'static str> = Some("no such torrent");

    fn values(&self, into: &mut Vec<Value>) {
        into.push(self.torrent_id.into());
        into.extend(traffic(&self.traffic));
        into.push(self.corrupt_bytes.into());
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
        Column::integer("first_announced_at_seconds"),
        Column::integer("uploaded_client_bytes"),
        Column::integer("downloaded_client_bytes"),
        Column::integer("seeder"),
        Column::integer("completed_at_seconds"),
        Column::integer("immune"),
        Column::integer("corrupt_bytes"),
        Column::integer("announces"),
        Column::text("agent"),
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
        into.push(self.first_announced_at_seconds.into());
        into.push(self.uploaded_client_bytes.into());
        into.push(self.downloaded_client_bytes.into());
        into.push(self.seeder.into());
        into.push(self.completed_at_seconds.into());
        into.push(self.immune.into());
        into.push(self.corrupt_bytes.into());
        into.push(self.announces.into());
        into.push(self.agent.as_str().into());
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

impl FlushRow for SessionRow {
    const TABLE: &'static str = "sessions";
    const COLUMNS: &'static [Column] = &[
        Column::integer("torrent_id"),
        Column::integer("user_id"),
        Column::bytes("info_hash"),
        Column::bytes("peer_id"),
        Column::bytes("address"),
        Column::text("address_text"),
        Column::integer("port"),
        Column::bytes("address_v6"),
        Column::integer("port_v6"),
        Column::integer("uploaded_bytes"),
        Column::integer("downloaded_bytes"),
        Column::integer("left_bytes"),
        Column::integer("seeder"),
        Column::integer("active"),
        Column::integer("visible"),
        Column::text("agent"),
        Column::integer("started_at_seconds"),
        Column::integer("announced_at_seconds"),
        Column::integer("announces"),
        Column::integer("uploaded_delta_bytes"),
        Column::integer("downloaded_delta_bytes"),
        Column::integer("corrupt_bytes"),
        Column::integer("elapsed_seconds"),
        Column::integer("upload_speed"),
        Column::integer("download_speed"),
    ];
    const UNKNOWN: Option<&'static str> = None;

    fn values(&self, into: &mut Vec<Value>) {
        let (v4, v6) = self.written_addresses();
        let first = v4.map(SocketAddr::V4).or(v6.map(SocketAddr::V6));
        let speed = |bytes: u64| bytes.checked_div(self.speed_seconds.into()).unwrap_or(0);
        into.push(self.torrent_id.into());
        into.push(self.user_id.into());
        into.push(self.info_hash.into());
        into.push(self.peer_id.map_or(Value::Null(Kind::Bytes), |id| Value::Bytes(id.0.to_vec())));
        into.extend(address(first.map(|first| first.ip())));
        into.push(first.map(|first| u32::from(first.port())).into());
        let bytes_v6 = v6.map(|v6| Value::Bytes(v6.ip().octets().to_vec()));
        into.push(bytes_v6.unwrap_or(Value::Null(Kind::Bytes)));
        into.push(v6.map(|v6| u32::from(v6.port())).into());
        into.push(self.uploaded_bytes.into());
        into.push(self.downloaded_bytes.into());
        into.push(self.left_bytes.into());
        into.push((self.left_bytes == 0).into());
        into.push((!self.gone).into());
        into.push(self.visible.into());
        into.push(self.agent.as_str().into());
        into.push(self.started_at_seconds.into());
        into.push(self.announced_at_seconds.into());
        into.push(self.announces.into());
        into.push(self.uploaded_delta_bytes.into());
        into.push(self.downloaded_delta_bytes.into());
        into.push(self.corrupt_bytes.into());
        into.push(self.speed_seconds.into());
        into.push(speed(self.uploaded_delta_bytes).into());
        into.push(speed(self.downloaded_delta_bytes).into());
    }
}

impl FlushRow for SnatchRow {
    const TABLE: &'static str = "snatches";
    const COLUMNS: &'static [Column] = &[
        Column::integer("user_id"),
        Column::integer("torrent_id"),
        Column::integer("snatched_at_seconds"),
        Column::bytes("address"),
        Column::text("address_text"),
    ];
    const UNKNOWN: Option<&'static str> = None;

    fn values(&self, into: &mut Vec<Value>) {
        into.push(self.user_id.into());
        into.push(self.torrent_id.into());
        into.push(self.snatched_at_seconds.into());
        into.extend(address(self.address));
    }
}

impl FlushRow for TokenUseRow {
    const TABLE: &'static str = "token_uses";
    const COLUMNS: &'static [Column] = &[
        Column::integer("user_id"),
        Column::integer("torrent_id"),
        Column::integer("downloaded_raw"),
        Column::integer("finished"),
    ];
    const UNKNOWN: Option<&'static str> = None;

    fn values(&self, into: &mut Vec<Value>) {
        into.push(self.user_id.into());
        into.push(self.torrent_id.into());
        into.push(self.downloaded_raw.into());
        into.push(self.finished.into());
    }
}

impl FlushRow for UnregisteredRow {
    const TABLE: &'static str = "unregistered";
    const COLUMNS: &'static [Column] = &[
        Column::integer("user_id"),
        Column::bytes("info_hash"),
        Column::integer("announced_at_seconds"),
    ];
    const UNKNOWN: Option<&'static str> = None;

    fn values(&self, into: &mut Vec<Value>) {
        into.push(self.user_id.into());
        into.push(self.info_hash.into());
        into.push(self.announced_at_seconds.into());
    }
}

/// An address as 4 or 16 bytes, and as text.
fn address(ip: Option<IpAddr>) -> [Value; 2] {
    let Some(ip) = ip else { return [Value::Null(Kind::Bytes), Value::Null(Kind::Text)] };
    let bytes = match ip {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    [Value::Bytes(bytes), Value::Text(ip.to_string())]
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
