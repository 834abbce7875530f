//! The columns of load statements, as their readers take them. Those of `{{rows}}` are in
//! [`FlushRow::COLUMNS`](super::FlushRow::COLUMNS).

/// A column that a load statement returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadColumn {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub holds: Holds,
    /// What stands for a missing column and for NULL; `None`: the column has to be there.
    pub default: Option<&'static str>,
    /// What it means.
    pub about: &'static str,
}

/// What a column holds: any type of the database that has such values is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// A whole number from … to ….
    Integer(i64, i64),
    /// 0 or 1.
    Switch,
    /// Text.
    Text,
    /// Exactly so many bytes.
    Bytes(u8),
    /// 4 or 16 bytes.
    Address,
}

/// An id: 1 to 4294967295.
const ID: Holds = Holds::Integer(1, u32::MAX as i64);
const U16: Holds = Holds::Integer(0, u16::MAX as i64);
/// A Unix time, or a number of records.
const U32: Holds = Holds::Integer(0, u32::MAX as i64);
const U64: Holds = Holds::Integer(0, i64::MAX);

const fn needed(name: &'static str, holds: Holds, about: &'static str) -> LoadColumn {
    LoadColumn { name, holds, default: None, about }
}

const fn or(
    name: &'static str,
    holds: Holds,
    default: &'static str,
    about: &'static str,
) -> LoadColumn {
    LoadColumn { name, holds, default: Some(default), about }
}

/// What `roles.load.sql` returns.
pub const ROLES: &[LoadColumn] = &[
    needed("id", Holds::Integer(1, u16::MAX as i64), "The role."),
    needed("name", Holds::Text, "Its unique name."),
    or("priority", Holds::Integer(i32::MIN as i64, i32::MAX as i64), "0", "Its rank."),
    or("upload_percent", U16, "100", "Upload multiplier in percent."),
    or("download_percent", U16, "100", "Download multiplier in percent."),
    or("upload_enabled", Holds::Switch, "1", "Whether members may announce as seeders."),
    or("download_enabled", Holds::Switch, "1", "Whether members may announce as leechers."),
    or("download_slots", U32, "no limit", "Torrents that a member may leech at a time."),
    or("immune", Holds::Switch, "0", "Whether hit-and-run rules spare members."),
    or("enabled", Holds::Switch, "1", "0: announces of members are refused."),
];

/// What `users.load.sql` and `users.changes.sql` return.
pub const USERS: &[LoadColumn] = &[
    needed("id", ID, "The user."),
    needed("passkey", Holds::Text, "1 to 64 letters, digits, `_` and `-`; unique."),
    or("site_id", Holds::Integer(i64::MIN, i64::MAX), "none", "The site's id if it differs."),
    or("name", Holds::Text, "empty", "For people."),
    or("role_id", U16, "1", "The role."),
    or("download_enabled", Holds::Switch, "1", "Whether the user may announce as a leecher."),
    or("deleted", Holds::Switch, "0", "The user's announces are refused."),
    or("uploaded", U64, "0", "Bytes uploaded, credited."),
    or("downloaded", U64, "0", "Bytes downloaded, credited."),
    or("uploaded_raw", U64, "0", "Bytes uploaded, as reported."),
    or("downloaded_raw", U64, "0", "Bytes downloaded, as reported."),
    or("seed_seconds", U64, "0", "Seconds of seeding, summed over torrents."),
    or("snatches", U64, "0", "Downloads finished."),
    or("announced_at_seconds", U32, "0", "Unix time of the last announce, 0 if never."),
    or("created_at_seconds", U32, "0", "Unix time of creation."),
    or("upload_percent", U16, "none", "Upload multiplier in percent, beside the role's."),
    or("download_percent", U16, "none", "Download multiplier in percent, beside the role's."),
    or("immune", Holds::Switch, "the role's", "Whether hit-and-run rules spare the user."),
    or("address_hidden", Holds::Switch, "0", "1: the user's addresses are not written."),
    or("wait_seconds", U32, "0", "Seconds from a torrent's creation without leeching it."),
    or("peers_max", U32, "no limit", "Sessions that the user may leech one torrent with."),
    or("pass_version", U32, "0", "Passes derived with another version are void (XBT)."),
];

/// What `torrents.load.sql` and `torrents.changes.sql` return.
pub const TORRENTS: &[LoadColumn] = &[
    needed("id", ID, "The torrent."),
    needed("info_hash", Holds::Bytes(20), "The hash by which announces name it; unique."),
    or("info_hash_v2", Holds::Bytes(20), "none", "The second hash of a hybrid, truncated."),
    or("title", Holds::Text, "empty", "For people."),
    or("upload_percent", U16, "100", "Upload multiplier in percent."),
    or("download_percent", U16, "100", "Download multiplier in percent; 0 is freeleech."),
    or("enabled", Holds::Switch, "1", "Announces are refused for the time being if 0."),
    or("deleted", Holds::Switch, "0", "Announces are refused for good."),
    or("reason", Holds::Text, "empty", "Why; told to clients."),
    or("snatches", U32, "0", "Downloads finished."),
    or("uploaded", U64, "0", "Bytes uploaded, credited."),
    or("downloaded", U64, "0", "Bytes downloaded, credited."),
    or("uploaded_raw", U64, "0", "Bytes uploaded, as reported."),
    or("downloaded_raw", U64, "0", "Bytes downloaded, as reported."),
    or("seeders", U32, "0", "Seeders at the last flush."),
    or("leechers", U32, "0", "Leechers at the last flush."),
    or("announced_at_seconds", U32, "0", "Unix time of the last announce, 0 if never."),
    or("created_at_seconds", U32, "0", "Unix time of creation."),
    or("status", Holds::Integer(i64::MIN, i64::MAX), "1", STATUS),
    or(
        "featured",
        Holds::Switch,
        "0",
        "1: downloads do not count, uploads count by the site's rule.",
    ),
];

/// What moderators say, as UNIT3D numbers it.
const STATUS: &str = "0 pending, 1 approved, 2 rejected, 3 postponed; all but 1 refuse announces.";

/// What `client_rules.load.sql` returns.
pub const CLIENT_RULES: &[LoadColumn] = &[
    needed("prefix", Holds::Text, "The first 1 to 20 bytes of a peer id, printable ASCII."),
    or("allowed", Holds::Switch, "1", "1: whitelisted, 0: blacklisted."),
    or("name", Holds::Text, "empty", "For people."),
];

/// What `tokens.load.sql` returns.
pub const TOKENS: &[LoadColumn] = &[
    needed("user_id", ID, "The user."),
    needed("torrent_id", ID, "The torrent."),
    or("upload_percent", U16, "100", "Upload multiplier in percent."),
    or("download_percent", U16, "0", "Download multiplier in percent."),
    or("ends_at_seconds", U32, "never", "Unix time from which it counts no more."),
];

/// What `events.load.sql` returns.
pub const EVENTS: &[LoadColumn] = &[
    needed("name", Holds::Text, "Its unique name."),
    needed("starts_at_seconds", U32, "Unix time from which it counts."),
    needed("ends_at_seconds", U32, "Unix time from which it counts no more."),
    or("upload_percent", U16, "100", "Upload multiplier in percent."),
    or("download_percent", U16, "100", "Download multiplier in percent."),
];

/// What `peers.load.sql` returns.
pub const PEERS: &[LoadColumn] = &[
    needed("user_id", ID, "The user."),
    needed("torrent_id", ID, "The torrent."),
    needed("peer_id", Holds::Bytes(20), "The client's name for itself."),
    needed("uploaded_bytes", U64, "The client's own counter since its session began."),
    needed("downloaded_bytes", U64, "The client's own counter since its session began."),
    needed("left_bytes", U64, "Bytes that the client lacks."),
    needed("announced_at_seconds", U32, "Unix time of its last announce."),
    or("address", Holds::Address, "none", "Its address; without one it is not handed out."),
    or("port", U16, "none", "Its port; without one it is not handed out."),
    or("active", Holds::Switch, "1", "0: it was gone; only its counters are kept."),
    or("started_at_seconds", U32, "announced_at_seconds", "Unix time of its first announce."),
];

/// What `checkpoint.load.sql` returns.
pub const CHECKPOINT: &[LoadColumn] =
    &[needed("number", U64, "The number of the last batch applied, 0 if none.")];

/// What `settings.load.sql` returns.
pub const SETTINGS: &[LoadColumn] = &[
    needed("name", Holds::Text, "The setting, as the site calls it."),
    needed("value", Holds::Text, "Its value as text."),
];

/// What `{{rows}}` has in `torrents.remove.sql`.
pub(crate) const REMOVED: &[super::Column] = &[super::Column::integer("torrent_id")];
