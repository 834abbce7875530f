//! From the columns of a row to a record. The columns of each are listed in `docs/schema.md`.

use mika_core::registry::{TorrentStatus, TorrentTerms, UserTerms};
use mika_protocol::{InfoHash, PeerId};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::backend::Columns;
use crate::record::{
    ClientRuleRecord, EventRecord, PeerRecord, RoleRecord, SettingRecord, TokenRecord,
    TorrentRecord, UserRecord,
};
use crate::store::LoadSink;
use crate::validate;

/// A record that can be read from a row. The error says what is wrong, never with a passkey in it.
pub(crate) trait Record: Sized + Send {
    /// The name for errors and for [`LoadSink::bad_row`].
    const TABLE: &'static str;

    fn read(row: &dyn Columns) -> Result<Self, String>;

    fn load_into(self, sink: &mut dyn LoadSink);
}

/// Reads columns; those that a site may lack have a default.
struct Reader<'a>(&'a dyn Columns);

impl Reader<'_> {
    fn number<T: TryFrom<i128>>(&self, column: &str) -> Result<T, String> {
        let value = self.0.integer(column)?.ok_or_else(|| format!("{column}: NULL"))?;
        ranged(value, column)
    }

    /// The default stands for a column that is not there and for NULL.
    fn number_or<T: TryFrom<i128>>(&self, column: &str, default: T) -> Result<T, String> {
        Ok(self.optional_number(column)?.unwrap_or(default))
    }

    fn optional_number<T: TryFrom<i128>>(&self, column: &str) -> Result<Option<T>, String> {
        if !self.0.has(column) {
            return Ok(None);
        }
        self.0.integer(column)?.map(|value| ranged(value, column)).transpose()
    }

    /// An id, which is never 0.
    fn id<T: TryFrom<i128>>(&self, column: &str) -> Result<T, String> {
        match self.number::<i128>(column)? {
            0 => Err(format!("{column}: 0 is out of range")),
            value => ranged(value, column),
        }
    }

    fn flag_or(&self, column: &str, default: bool) -> Result<bool, String> {
        Ok(self.optional_flag(column)?.unwrap_or(default))
    }

    fn optional_flag(&self, column: &str) -> Result<Option<bool>, String> {
        match self.optional_number::<i128>(column)? {
            None => Ok(None),
            Some(0) => Ok(Some(false)),
            Some(1) => Ok(Some(true)),
            Some(other) => Err(format!("{column}: {other} is neither 0 nor 1")),
        }
    }

    fn text(&self, column: &str) -> Result<String, String> {
        self.0.text(column)?.ok_or_else(|| format!("{column}: NULL"))
    }

    fn text_or_empty(&self, column: &str) -> Result<String, String> {
        if !self.0.has(column) {
            return Ok(String::new());
        }
        Ok(self.0.text(column)?.unwrap_or_default())
    }

    fn optional_hash(&self, column: &str) -> Result<Option<InfoHash>, String> {
        if !self.0.has(column) {
            return Ok(None);
        }
        let Some(bytes) = self.0.bytes(column)? else { return Ok(None) };
        let length = bytes.len();
        let hash = bytes.try_into().map_err(|_| format!("{column}: {length} bytes, not 20"))?;
        Ok(Some(InfoHash(hash)))
    }

    fn hash(&self, column: &str) -> Result<InfoHash, String> {
        if !self.0.has(column) {
            return Err(format!("the statement has no column {column}"));
        }
        self.optional_hash(column)?.ok_or_else(|| format!("{column}: NULL"))
    }
}

fn ranged<T: TryFrom<i128>>(value: i128, column: &str) -> Result<T, String> {
    T::try_from(value).map_err(|_| format!("{column}: {value} is out of range"))
}

impl Record for RoleRecord {
    const TABLE: &'static str = "roles";

    fn read(row: &dyn Columns) -> Result<Self, String> {
        let row = Reader(row);
        Ok(Self {
            id: row.id("id")?,
            name: row.text("name")?,
            priority: row.number_or("priority", 0)?,
            upload_percent: row.number_or("upload_percent", 100)?,
            download_percent: row.number_or("download_percent", 100)?,
            upload_enabled: row.flag_or("upload_enabled", true)?,
            download_enabled: row.flag_or("download_enabled", true)?,
            download_slots: row.optional_number("download_slots")?,
            immune: row.flag_or("immune", false)?,
            enabled: row.flag_or("enabled", true)?,
        })
    }

    fn load_into(self, sink: &mut dyn LoadSink) {
        sink.role(self);
    }
}

impl Record for UserRecord {
    const TABLE: &'static str = "users";

    fn read(row: &dyn Columns) -> Result<Self, String> {
        let row = Reader(row);
        let id = row.id("id")?;
        read_user(&row, id).map_err(|reason| format!("user {id}: {reason}"))
    }

    fn load_into(self, sink: &mut dyn LoadSink) {
        sink.user(self);
    }
}

fn read_user(row: &Reader<'_>, id: u32) -> Result<UserRecord, String> {
    let passkey = row.text("passkey")?;
    validate::passkey(&passkey).map_err(|error| error.to_string())?;
    Ok(UserRecord {
        id,
        site_id: row.optional_number("site_id")?,
        name: row.text_or_empty("name")?,
        passkey,
        role_id: row.number_or("role_id", RoleRecord::ONLY_ID)?,
        download_enabled: row.flag_or("download_enabled", true)?,
        deleted: row.flag_or("deleted", false)?,
        uploaded: row.number_or("uploaded", 0)?,
        downloaded: row.number_or("downloaded", 0)?,
        uploaded_raw: row.number_or("uploaded_raw", 0)?,
        downloaded_raw: row.number_or("downloaded_raw", 0)?,
        seed_seconds: row.number_or("seed_seconds", 0)?,
        snatches: row.number_or("snatches", 0)?,
        announced_at_seconds: row.number_or("announced_at_seconds", 0)?,
        created_at_seconds: row.number_or("created_at_seconds", 0)?,
        terms: UserTerms {
            upload_percent: row.optional_number("upload_percent")?,
            download_percent: row.optional_number("download_percent")?,
            immune: row.optional_flag("immune")?,
            address_hidden: row.flag_or("address_hidden", false)?,
            wait_seconds: row.number_or("wait_seconds", 0)?,
            peers_max: row.optional_number("peers_max")?,
            pass_version: row.number_or("pass_version", 0)?,
        },
    })
}

impl Record for TorrentRecord {
    const TABLE: &'static str = "torrents";

    fn read(row: &dyn Columns) -> Result<Self, String> {
        let row = Reader(row);
        let id = row.id("id")?;
        read_torrent(&row, id).map_err(|reason| format!("torrent {id}: {reason}"))
    }

    fn load_into(self, sink: &mut dyn LoadSink) {
        sink.torrent(self);
    }
}

fn read_torrent(row: &Reader<'_>, id: u32) -> Result<TorrentRecord, String> {
    let created_at_seconds = row.number_or("created_at_seconds", 0)?;
    Ok(TorrentRecord {
        id,
        info_hash: row.hash("info_hash")?,
        info_hash_v2: row.optional_hash("info_hash_v2")?,
        title: row.text_or_empty("title")?,
        upload_percent: row.number_or("upload_percent", 100)?,
        download_percent: row.number_or("download_percent", 100)?,
        enabled: row.flag_or("enabled", true)?,
        deleted: row.flag_or("deleted", false)?,
        reason: row.text_or_empty("reason")?,
        snatches: row.number_or("snatches", 0)?,
        uploaded: row.number_or("uploaded", 0)?,
        downloaded: row.number_or("downloaded", 0)?,
        uploaded_raw: row.number_or("uploaded_raw", 0)?,
        downloaded_raw: row.number_or("downloaded_raw", 0)?,
        seeders: row.number_or("seeders", 0)?,
        leechers: row.number_or("leechers", 0)?,
        announced_at_seconds: row.number_or("announced_at_seconds", 0)?,
        created_at_seconds,
        terms: TorrentTerms {
            status: TorrentStatus::from_number(row.number_or("status", 1)?),
            featured: row.flag_or("featured", false)?,
            created_at_seconds,
        },
    })
}

impl Record for ClientRuleRecord {
    const TABLE: &'static str = "client_rules";

    fn read(row: &dyn Columns) -> Result<Self, String> {
        let row = Reader(row);
        let (prefix, allowed) = (row.text("prefix")?, row.flag_or("allowed", true)?);
        // UNIT3D bans everybody with an empty prefix; one that allowed everybody would be a hole.
        if allowed || !prefix.is_empty() {
            validate::prefix(&prefix).map_err(|error| format!("{prefix:?}: {error}"))?;
        }
        Ok(Self { allowed, name: row.text_or_empty("name")?, prefix })
    }

    fn load_into(self, sink: &mut dyn LoadSink) {
        sink.client_rule(self);
    }
}

impl Record for TokenRecord {
    const TABLE: &'static str = "tokens";

    fn read(row: &dyn Columns) -> Result<Self, String> {
        let row = Reader(row);
        Ok(Self {
            user_id: row.id("user_id")?,
            torrent_id: row.id("torrent_id")?,
            upload_percent: row.number_or("upload_percent", 100)?,
            download_percent: row.number_or("download_percent", 0)?,
            ends_at_seconds: row.optional_number("ends_at_seconds")?,
        })
    }

    fn load_into(self, sink: &mut dyn LoadSink) {
        sink.token(self);
    }
}

impl Record for SettingRecord {
    const TABLE: &'static str = "settings";

    fn read(row: &dyn Columns) -> Result<Self, String> {
        let row = Reader(row);
        Ok(Self { name: row.text("name")?, value: row.text("value")? })
    }

    /// They are asked for by themselves.
    fn load_into(self, _: &mut dyn LoadSink) {}
}

impl Record for EventRecord {
    const TABLE: &'static str = "events";

    fn read(row: &dyn Columns) -> Result<Self, String> {
        let row = Reader(row);
        Ok(Self {
            name: row.text("name")?,
            upload_percent: row.number_or("upload_percent", 100)?,
            download_percent: row.number_or("download_percent", 100)?,
            starts_at_seconds: row.number("starts_at_seconds")?,
            ends_at_seconds: row.number("ends_at_seconds")?,
        })
    }

    fn load_into(self, sink: &mut dyn LoadSink) {
        sink.event(self);
    }
}

impl Record for PeerRecord {
    const TABLE: &'static str = "peers";

    fn read(row: &dyn Columns) -> Result<Self, String> {
        let row = Reader(row);
        let (user_id, torrent_id) = (row.id::<u32>("user_id")?, row.id::<u32>("torrent_id")?);
        read_peer(&row, user_id, torrent_id)
            .map_err(|reason| format!("peer of user {user_id} on torrent {torrent_id}: {reason}"))
    }

    fn load_into(self, sink: &mut dyn LoadSink) {
        sink.peer(self);
    }
}

fn read_peer(row: &Reader<'_>, user_id: u32, torrent_id: u32) -> Result<PeerRecord, String> {
    let peer_id = row.0.bytes("peer_id")?.ok_or("peer_id: NULL")?;
    let length = peer_id.len();
    let peer_id = peer_id.try_into().map_err(|_| format!("peer_id: {length} bytes, not 20"))?;
    let announced_at_seconds = row.number("announced_at_seconds")?;
    Ok(PeerRecord {
        user_id,
        torrent_id,
        peer_id: PeerId(peer_id),
        address: read_address(row)?,
        uploaded_bytes: row.number("uploaded_bytes")?,
        downloaded_bytes: row.number("downloaded_bytes")?,
        left_bytes: row.number("left_bytes")?,
        active: row.flag_or("active", true)?,
        started_at_seconds: row.number_or("started_at_seconds", announced_at_seconds)?,
        announced_at_seconds,
    })
}

/// 4 or 16 bytes, and a port.
fn read_address(row: &Reader<'_>) -> Result<Option<SocketAddr>, String> {
    let port = row.number_or("port", 0u16)?;
    if port == 0 || !row.0.has("address") {
        return Ok(None);
    }
    let Some(bytes) = row.0.bytes("address")? else { return Ok(None) };
    let v4 = <[u8; 4]>::try_from(bytes.as_slice()).map(|v4| IpAddr::V4(Ipv4Addr::from(v4)));
    let v6 = <[u8; 16]>::try_from(bytes.as_slice()).map(|v6| IpAddr::V6(Ipv6Addr::from(v6)));
    let ip = v4.or(v6).map_err(|_| format!("address: {} bytes, not 4 or 16", bytes.len()))?;
    Ok(Some(SocketAddr::new(ip, port)))
}
