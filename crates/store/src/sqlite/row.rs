//! From SQLite's rows to records, column by column, by name.

use mika_core::registry::{TorrentTerms, UserTerms};
use mika_protocol::InfoHash;
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Row, Type};

use crate::record::{
    ClientRuleRecord, EventRecord, RoleRecord, TokenRecord, TorrentRecord, UserRecord,
};
use crate::validate;

/// A record that can be read from a row. The error says what is wrong, never with a passkey in it.
pub(super) trait Record: Sized + Send {
    /// The name for errors and for [`LoadSink::bad_row`](crate::LoadSink::bad_row).
    const TABLE: &'static str;

    fn read(row: &SqliteRow) -> Result<Self, String>;
}

fn get<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(
    row: &'r SqliteRow,
    column: &str,
) -> Result<T, String> {
    row.try_get(column).map_err(|error| match error {
        sqlx::Error::ColumnNotFound(_) => format!("the statement has no column {column}"),
        sqlx::Error::ColumnDecode { source, .. } => format!("{column}: {source}"),
        other => format!("{column}: {other}"),
    })
}

/// A whole number in the range of the type.
fn number<T: TryFrom<i64>>(row: &SqliteRow, column: &str) -> Result<T, String> {
    ranged(get(row, column)?, column)
}

fn optional_number<T: TryFrom<i64>>(row: &SqliteRow, column: &str) -> Result<Option<T>, String> {
    get::<Option<i64>>(row, column)?.map(|value| ranged(value, column)).transpose()
}

fn ranged<T: TryFrom<i64>>(value: i64, column: &str) -> Result<T, String> {
    T::try_from(value).map_err(|_| format!("{column}: {value} is out of range"))
}

/// An id, which is never 0.
fn id<T: TryFrom<i64>>(row: &SqliteRow, column: &str) -> Result<T, String> {
    match get(row, column)? {
        0 => Err(format!("{column}: 0 is out of range")),
        value => ranged(value, column),
    }
}

fn flag(row: &SqliteRow, column: &str) -> Result<bool, String> {
    match get::<i64>(row, column)? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(format!("{column}: {other} is neither 0 nor 1")),
    }
}

fn optional_hash(row: &SqliteRow, column: &str) -> Result<Option<InfoHash>, String> {
    let Some(bytes) = get::<Option<&[u8]>>(row, column)? else { return Ok(None) };
    let hash = bytes.try_into().map_err(|_| format!("{column}: {} bytes, not 20", bytes.len()))?;
    Ok(Some(InfoHash(hash)))
}

fn hash(row: &SqliteRow, column: &str) -> Result<InfoHash, String> {
    optional_hash(row, column)?.ok_or_else(|| format!("{column}: NULL"))
}

impl Record for RoleRecord {
    const TABLE: &'static str = "roles";

    fn read(row: &SqliteRow) -> Result<Self, String> {
        Ok(Self {
            id: id(row, "id")?,
            name: get(row, "name")?,
            priority: number(row, "priority")?,
            upload_percent: number(row, "upload_percent")?,
            download_percent: number(row, "download_percent")?,
            upload_enabled: flag(row, "upload_enabled")?,
            download_enabled: flag(row, "download_enabled")?,
            download_slots: optional_number(row, "download_slots")?,
            immune: false,
            enabled: true,
        })
    }
}

impl Record for UserRecord {
    const TABLE: &'static str = "users";

    fn read(row: &SqliteRow) -> Result<Self, String> {
        let id = id(row, "id")?;
        read_user(row, id).map_err(|reason| format!("user {id}: {reason}"))
    }
}

fn read_user(row: &SqliteRow, id: u32) -> Result<UserRecord, String> {
    let passkey: String = get(row, "passkey")?;
    validate::passkey(&passkey).map_err(|error| error.to_string())?;
    Ok(UserRecord {
        id,
        site_id: get(row, "site_id")?,
        name: get(row, "name")?,
        passkey,
        role_id: number(row, "role_id")?,
        download_enabled: flag(row, "download_enabled")?,
        deleted: flag(row, "deleted")?,
        uploaded: number(row, "uploaded")?,
        downloaded: number(row, "downloaded")?,
        uploaded_raw: number(row, "uploaded_raw")?,
        downloaded_raw: number(row, "downloaded_raw")?,
        seed_seconds: number(row, "seed_seconds")?,
        snatches: number(row, "snatches")?,
        announced_at_seconds: number(row, "announced_at_seconds")?,
        created_at_seconds: number(row, "created_at_seconds")?,
        terms: UserTerms::default(),
    })
}

impl Record for TorrentRecord {
    const TABLE: &'static str = "torrents";

    fn read(row: &SqliteRow) -> Result<Self, String> {
        let id = id(row, "id")?;
        read_torrent(row, id).map_err(|reason| format!("torrent {id}: {reason}"))
    }
}

fn read_torrent(row: &SqliteRow, id: u32) -> Result<TorrentRecord, String> {
    Ok(TorrentRecord {
        id,
        info_hash: hash(row, "info_hash")?,
        info_hash_v2: optional_hash(row, "info_hash_v2")?,
        title: get(row, "title")?,
        upload_percent: number(row, "upload_percent")?,
        download_percent: number(row, "download_percent")?,
        enabled: flag(row, "enabled")?,
        deleted: flag(row, "deleted")?,
        reason: get(row, "reason")?,
        snatches: number(row, "snatches")?,
        uploaded: number(row, "uploaded")?,
        downloaded: number(row, "downloaded")?,
        uploaded_raw: number(row, "uploaded_raw")?,
        downloaded_raw: number(row, "downloaded_raw")?,
        seeders: number(row, "seeders")?,
        leechers: number(row, "leechers")?,
        announced_at_seconds: number(row, "announced_at_seconds")?,
        created_at_seconds: number(row, "created_at_seconds")?,
        terms: TorrentTerms::default(),
    })
}

impl Record for ClientRuleRecord {
    const TABLE: &'static str = "client_rules";

    fn read(row: &SqliteRow) -> Result<Self, String> {
        let prefix: String = get(row, "prefix")?;
        validate::prefix(&prefix).map_err(|error| format!("{prefix:?}: {error}"))?;
        Ok(Self { allowed: flag(row, "allowed")?, name: get(row, "name")?, prefix })
    }
}

impl Record for TokenRecord {
    const TABLE: &'static str = "tokens";

    fn read(row: &SqliteRow) -> Result<Self, String> {
        Ok(Self {
            user_id: id(row, "user_id")?,
            torrent_id: id(row, "torrent_id")?,
            upload_percent: number(row, "upload_percent")?,
            download_percent: number(row, "download_percent")?,
            ends_at_seconds: optional_number(row, "ends_at_seconds")?,
        })
    }
}

impl Record for EventRecord {
    const TABLE: &'static str = "events";

    fn read(row: &SqliteRow) -> Result<Self, String> {
        Ok(Self {
            name: get(row, "name")?,
            upload_percent: number(row, "upload_percent")?,
            download_percent: number(row, "download_percent")?,
            starts_at_seconds: number(row, "starts_at_seconds")?,
            ends_at_seconds: number(row, "ends_at_seconds")?,
        })
    }
}
