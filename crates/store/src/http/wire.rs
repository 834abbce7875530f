//! The rows of the site's answers. Whatever a site need not say has a default.

use mika_core::registry::{TorrentStatus, TorrentTerms, UserTerms};
use mika_protocol::{InfoHash, Passkey};
use serde::{Deserialize, Deserializer};

use crate::record::{
    ClientRuleRecord, EventRecord, RoleRecord, TokenRecord, TorrentRecord, UserRecord,
};

/// A row that becomes a record, unless something is wrong with it.
pub(super) trait Row: serde::de::DeserializeOwned + Send {
    /// The table's name in `bad_row`.
    const TABLE: &'static str;
    /// A field that must be a text and must not be told.
    const SECRET: Option<&'static str> = None;
    type Record;

    /// The record, or what is wrong.
    fn record(self) -> Result<Self::Record, String>;
}

fn hundred() -> u16 {
    100
}

/// The number of a torrent that moderators let pass.
fn approved() -> i64 {
    1
}

fn yes() -> bool {
    true
}

/// `true` and `false`, or 1 and 0 as databases have them.
fn switch<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Switch {
        Bool(bool),
        Number(u8),
    }
    match Switch::deserialize(from)? {
        Switch::Bool(value) => Ok(value),
        Switch::Number(number) => Ok(number != 0),
    }
}

/// A switch that may also be left open.
fn open_switch<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    struct Set(#[serde(deserialize_with = "switch")] bool);
    Ok(Option::<Set>::deserialize(from)?.map(|Set(value)| value))
}

/// A row of `/api/roles`.
#[derive(Deserialize)]
pub(super) struct RoleJson {
    id: u16,
    name: String,
    #[serde(default)]
    priority: i32,
    #[serde(default = "hundred")]
    upload_percent: u16,
    #[serde(default = "hundred")]
    download_percent: u16,
    #[serde(default = "yes", deserialize_with = "switch")]
    upload_enabled: bool,
    #[serde(default = "yes", deserialize_with = "switch")]
    download_enabled: bool,
    #[serde(default)]
    download_slots: Option<u32>,
    #[serde(default, deserialize_with = "switch")]
    immune: bool,
    #[serde(default = "yes", deserialize_with = "switch")]
    enabled: bool,
}

impl Row for RoleJson {
    const TABLE: &'static str = "roles";
    type Record = RoleRecord;

    fn record(self) -> Result<RoleRecord, String> {
        Ok(RoleRecord {
            id: self.id,
            name: self.name,
            priority: self.priority,
            upload_percent: self.upload_percent,
            download_percent: self.download_percent,
            upload_enabled: self.upload_enabled,
            download_enabled: self.download_enabled,
            download_slots: self.download_slots,
            immune: self.immune,
            enabled: self.enabled,
        })
    }
}

/// A row of `/api/users`, and the answer of `/api/user/<passkey>`.
#[derive(Deserialize)]
pub(super) struct UserJson {
    id: u32,
    #[serde(default)]
    site_id: Option<i64>,
    #[serde(default)]
    name: String,
    passkey: String,
    role_id: u16,
    #[serde(default = "yes", deserialize_with = "switch")]
    download_enabled: bool,
    #[serde(default, deserialize_with = "switch")]
    deleted: bool,
    #[serde(default)]
    uploaded: u64,
    #[serde(default)]
    downloaded: u64,
    #[serde(default)]
    uploaded_raw: u64,
    #[serde(default)]
    downloaded_raw: u64,
    #[serde(default)]
    seed_seconds: u64,
    #[serde(default)]
    snatches: u64,
    #[serde(default)]
    announced_at_seconds: u32,
    #[serde(default)]
    created_at_seconds: u32,
    #[serde(default)]
    upload_percent: Option<u16>,
    #[serde(default)]
    download_percent: Option<u16>,
    #[serde(default, deserialize_with = "open_switch")]
    immune: Option<bool>,
    #[serde(default, deserialize_with = "switch")]
    address_hidden: bool,
    #[serde(default)]
    wait_seconds: u32,
    #[serde(default)]
    peers_max: Option<u32>,
}

impl Row for UserJson {
    const TABLE: &'static str = "users";
    const SECRET: Option<&'static str> = Some("passkey");
    type Record = UserRecord;

    fn record(self) -> Result<UserRecord, String> {
        if Passkey::new(self.passkey.as_bytes()).is_none() {
            let id = self.id;
            return Err(format!("user {id}: a passkey is 1 to 64 letters, digits, `_` and `-`"));
        }
        Ok(UserRecord {
            id: self.id,
            site_id: self.site_id,
            name: self.name,
            passkey: self.passkey,
            role_id: self.role_id,
            download_enabled: self.download_enabled,
            deleted: self.deleted,
            uploaded: self.uploaded,
            downloaded: self.downloaded,
            uploaded_raw: self.uploaded_raw,
            downloaded_raw: self.downloaded_raw,
            seed_seconds: self.seed_seconds,
            snatches: self.snatches,
            announced_at_seconds: self.announced_at_seconds,
            created_at_seconds: self.created_at_seconds,
            terms: UserTerms {
                upload_percent: self.upload_percent,
                download_percent: self.download_percent,
                immune: self.immune,
                address_hidden: self.address_hidden,
                wait_seconds: self.wait_seconds,
                peers_max: self.peers_max,
                pass_version: 0,
            },
        })
    }
}

/// A row of `/api/torrents`, and the answer of `/api/torrent/<info_hash>`.
#[derive(Deserialize)]
pub(super) struct TorrentJson {
    id: u32,
    info_hash: String,
    #[serde(default)]
    info_hash_v2: Option<String>,
    #[serde(default)]
    title: String,
    #[serde(default = "hundred")]
    upload_percent: u16,
    #[serde(default = "hundred")]
    download_percent: u16,
    #[serde(default = "yes", deserialize_with = "switch")]
    enabled: bool,
    #[serde(default, deserialize_with = "switch")]
    deleted: bool,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    snatches: u32,
    #[serde(default)]
    uploaded: u64,
    #[serde(default)]
    downloaded: u64,
    #[serde(default)]
    uploaded_raw: u64,
    #[serde(default)]
    downloaded_raw: u64,
    #[serde(default)]
    seeders: u32,
    #[serde(default)]
    leechers: u32,
    #[serde(default)]
    announced_at_seconds: u32,
    #[serde(default)]
    created_at_seconds: u32,
    #[serde(default = "approved")]
    status: i64,
    #[serde(default, deserialize_with = "switch")]
    featured: bool,
}

impl Row for TorrentJson {
    const TABLE: &'static str = "torrents";
    type Record = TorrentRecord;

    fn record(self) -> Result<TorrentRecord, String> {
        let id = self.id;
        let hash =
            |text: &str| InfoHash::from_hex(text).map_err(|error| format!("torrent {id}: {error}"));
        Ok(TorrentRecord {
            id,
            info_hash: hash(&self.info_hash)?,
            info_hash_v2: self.info_hash_v2.as_deref().map(hash).transpose()?,
            title: self.title,
            upload_percent: self.upload_percent,
            download_percent: self.download_percent,
            enabled: self.enabled,
            deleted: self.deleted,
            reason: self.reason,
            snatches: self.snatches,
            uploaded: self.uploaded,
            downloaded: self.downloaded,
            uploaded_raw: self.uploaded_raw,
            downloaded_raw: self.downloaded_raw,
            seeders: self.seeders,
            leechers: self.leechers,
            announced_at_seconds: self.announced_at_seconds,
            created_at_seconds: self.created_at_seconds,
            terms: TorrentTerms {
                status: TorrentStatus::from_number(self.status),
                featured: self.featured,
                created_at_seconds: self.created_at_seconds,
            },
        })
    }
}

/// A row of `/api/client_rules`.
#[derive(Deserialize)]
pub(super) struct ClientRuleJson {
    prefix: String,
    #[serde(deserialize_with = "switch")]
    allowed: bool,
    #[serde(default)]
    name: String,
}

impl Row for ClientRuleJson {
    const TABLE: &'static str = "client_rules";
    type Record = ClientRuleRecord;

    fn record(self) -> Result<ClientRuleRecord, String> {
        Ok(ClientRuleRecord { prefix: self.prefix, allowed: self.allowed, name: self.name })
    }
}

/// A row of `/api/tokens`.
#[derive(Deserialize)]
pub(super) struct TokenJson {
    user_id: u32,
    torrent_id: u32,
    #[serde(default = "hundred")]
    upload_percent: u16,
    #[serde(default = "hundred")]
    download_percent: u16,
    #[serde(default)]
    ends_at_seconds: Option<u32>,
}

impl Row for TokenJson {
    const TABLE: &'static str = "tokens";
    type Record = TokenRecord;

    fn record(self) -> Result<TokenRecord, String> {
        Ok(TokenRecord {
            user_id: self.user_id,
            torrent_id: self.torrent_id,
            upload_percent: self.upload_percent,
            download_percent: self.download_percent,
            ends_at_seconds: self.ends_at_seconds,
        })
    }
}

/// A row of `/api/events`.
#[derive(Deserialize)]
pub(super) struct EventJson {
    name: String,
    #[serde(default = "hundred")]
    upload_percent: u16,
    #[serde(default = "hundred")]
    download_percent: u16,
    starts_at_seconds: u32,
    ends_at_seconds: u32,
}

impl Row for EventJson {
    const TABLE: &'static str = "events";
    type Record = EventRecord;

    fn record(self) -> Result<EventRecord, String> {
        Ok(EventRecord {
            name: self.name,
            upload_percent: self.upload_percent,
            download_percent: self.download_percent,
            starts_at_seconds: self.starts_at_seconds,
            ends_at_seconds: self.ends_at_seconds,
        })
    }
}
