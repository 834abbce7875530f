//! Made-up rows that are like real ones.

use mika_protocol::InfoHash;

use crate::schema::{Column, Kind, Value};

/// Whom made-up rows are of: a user and a torrent that there are, so that foreign keys hold.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Subject {
    pub(super) user_id: Option<u32>,
    pub(super) torrent: Option<(u32, InfoHash)>,
    /// User and torrent of a token.
    pub(super) token: Option<(u32, u32)>,
}

/// Kinds of rows that databases find fault with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// Over IPv4, with everything known.
    Whole,
    /// Over IPv6 only.
    Ipv6,
    /// Of a client that fell silent: whatever may be missing is, and nothing was moved.
    Silent,
}

impl Variant {
    pub(super) const ALL: [Variant; 3] = [Self::Whole, Self::Ipv6, Self::Silent];
    /// Rows of logs, in which everything is known: a client that fell silent sends no request.
    pub(super) const OF_REQUESTS: [Variant; 2] = [Self::Whole, Self::Ipv6];

    /// What kind of row it is, for people.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Whole => "an ordinary row",
            Self::Ipv6 => "a row of a client on IPv6",
            Self::Silent => "a row of a client that fell silent (NULL where there may be)",
        }
    }
}

/// More than 32 bits hold, as real totals are.
const BYTES: i64 = 5 << 30;
const SPEED: i64 = 50_000_000;
/// As long as they come.
const AGENT: &str = "qBittorrent/5.0.0 (a user agent that is as long as mika keeps them)";
/// Not text, as some clients have it.
const PEER_ID: [u8; 20] = *b"-qB5000-\xf0\x9f\x92\xabcheckmik";
const HASH: [u8; 20] = *b"mika schema check --";
const IPV4: [u8; 4] = [192, 0, 2, 1];
const IPV6: [u8; 16] = *b"\x20\x01\x0d\xb8\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
const IPV6_TEXT: &str = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff";
const AGENT_BYTES: usize = 63;

/// Columns that are NULL when something is not known.
const MAY_BE_NULL: &[&str] = &[
    "peer_id",
    "address",
    "address_text",
    "port",
    "address_v6",
    "port_v6",
    "completed_at_seconds",
];
const SWITCHES: &[&str] = &["active", "visible", "seeder", "immune", "finished", "paused"];

/// A made-up row: one value per column.
pub(super) fn row(
    file: &str,
    columns: &[Column],
    variant: Variant,
    subject: &Subject,
    now_seconds: u32,
) -> Vec<Value> {
    let token = subject.token.filter(|_| file == "token_uses.flush.sql");
    let value = |column: &Column| match (column.name, token) {
        ("user_id", Some((user_id, _))) => user_id.into(),
        ("torrent_id", Some((_, torrent_id))) => torrent_id.into(),
        (_, _) => ordinary(file, column, variant, subject, now_seconds),
    };
    columns.iter().map(value).collect()
}

fn ordinary(
    file: &str,
    column: &Column,
    variant: Variant,
    subject: &Subject,
    now_seconds: u32,
) -> Value {
    match column.name {
        "user_id" => subject.user_id.unwrap_or(1).into(),
        // The last id that the tracker would choose.
        "torrent_id" if file == "registered.flush.sql" => u32::MAX.into(),
        "torrent_id" => subject.torrent.map_or(1, |(id, _)| id).into(),
        "info_hash" => match subject.torrent {
            Some((_, hash)) if file == "sessions.flush.sql" => hash.into(),
            _ => InfoHash(HASH).into(),
        },
        "started_at_seconds" | "first_announced_at_seconds" => {
            now_seconds.saturating_sub(3600).into()
        }
        name if variant == Variant::Silent && MAY_BE_NULL.contains(&name) => {
            Value::Null(column.kind)
        }
        name if name.ends_with("_at_seconds") => now_seconds.into(),
        _ => match variant {
            Variant::Silent => nothing(column),
            Variant::Whole | Variant::Ipv6 => something(column, variant),
        },
    }
}

fn nothing(column: &Column) -> Value {
    match column.kind {
        Kind::Integer => 0.into(),
        Kind::Bytes => Value::Bytes(Vec::new()),
        Kind::Text | Kind::LongText => "".into(),
    }
}

fn something(column: &Column, variant: Variant) -> Value {
    let over_v6 = variant == Variant::Ipv6;
    match (column.name, column.kind) {
        ("peer_id", _) => PEER_ID.as_slice().into(),
        ("address", _) if over_v6 => IPV6.as_slice().into(),
        ("address", _) => IPV4.as_slice().into(),
        ("address_text", _) if over_v6 => IPV6_TEXT.into(),
        ("address_text", _) => "192.0.2.1".into(),
        ("address_v6", _) if over_v6 => IPV6.as_slice().into(),
        ("port", _) => 65_535.into(),
        ("port_v6", _) if over_v6 => 65_535.into(),
        ("address_v6" | "port_v6", kind) => Value::Null(kind),
        ("agent", _) => AGENT.get(..AGENT_BYTES).unwrap_or(AGENT).into(),
        (name, Kind::Integer) if SWITCHES.contains(&name) => 1.into(),
        (name, Kind::Integer) if name.ends_with("_speed") => SPEED.into(),
        (name, Kind::Integer)
            if name.contains("bytes") || name.ends_with("_raw") || name.ends_with("_credited") =>
        {
            BYTES.into()
        }
        (_, Kind::Integer) => 1.into(),
        (_, Kind::Bytes) => HASH.as_slice().into(),
        (_, Kind::Text | Kind::LongText) => "mika".into(),
    }
}
