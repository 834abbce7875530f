//! From the fields of a hash to records, by name, and back.

use std::str::FromStr;

use mika_core::registry::{TorrentStatus, TorrentTerms, UserTerms};
use mika_protocol::InfoHash;

use crate::record::{TorrentRecord, UserRecord};
use crate::validate;

/// The values of some fields of one hash.
pub(super) struct Fields {
    names: &'static [&'static str],
    values: Vec<Option<Vec<u8>>>,
}

impl Fields {
    /// The reply to HMGET with these names; `None` if the hash has none of them.
    pub(super) fn new(
        names: &'static [&'static str],
        values: Vec<Option<Vec<u8>>>,
    ) -> Option<Self> {
        values.iter().any(Option::is_some).then_some(Self { names, values })
    }

    fn text(&self, name: &str) -> Result<Option<&str>, String> {
        let mut pairs = self.names.iter().zip(&self.values);
        let value = pairs.find(|(known, _)| **known == name).and_then(|(_, value)| value.as_ref());
        let Some(bytes) = value else { return Ok(None) };
        std::str::from_utf8(bytes).map(Some).map_err(|_| format!("{name}: not UTF-8"))
    }

    fn required(&self, name: &str) -> Result<&str, String> {
        self.text(name)?.ok_or_else(|| format!("{name}: missing"))
    }

    fn text_or_empty(&self, name: &str) -> Result<String, String> {
        Ok(self.text(name)?.unwrap_or_default().to_owned())
    }

    fn number<T: FromStr>(&self, name: &str, default: T) -> Result<T, String> {
        match self.text(name)? {
            Some(text) => parsed(name, text),
            None => Ok(default),
        }
    }

    /// A number that need not be there: neither if it is missing nor if it is empty.
    fn optional<T: FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.map(|text| parsed(name, text)).transpose()
    }

    /// A total: 0 if it is missing, and never more than the databases of others hold.
    fn total(&self, name: &str) -> Result<u64, String> {
        let total: i64 = self.number(name, 0)?;
        u64::try_from(total).map_err(|_| format!("{name}: {total} is out of range"))
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool, String> {
        match self.text(name)? {
            None => Ok(default),
            Some(text) => switch(name, text),
        }
    }

    /// A switch that need not be there: neither if it is missing nor if it is empty.
    fn optional_flag(&self, name: &str) -> Result<Option<bool>, String> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.map(|text| switch(name, text)).transpose()
    }

    fn info_hash(&self, name: &str) -> Result<Option<InfoHash>, String> {
        let Some(text) = self.text(name)?.filter(|text| !text.is_empty()) else { return Ok(None) };
        let wrong = |_| format!("{name}: {text:?} is no info hash of 40 hexadecimal digits");
        InfoHash::from_hex(text).map(Some).map_err(wrong)
    }
}

fn switch(name: &str, text: &str) -> Result<bool, String> {
    match text {
        "0" => Ok(false),
        "1" => Ok(true),
        other => Err(format!("{name}: {other:?} is neither 0 nor 1")),
    }
}

fn parsed<T: FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name}: {text:?} is out of range or no whole number"))
}

/// A record that is a hash of its own and listed in a sorted set.
pub(super) trait Record: Sized + Send {
    /// The name for errors and for [`LoadSink::bad_row`](crate::LoadSink::bad_row), and the key of
    /// the sorted set of ids.
    const TABLE: &'static str;
    /// The key of its hash, up to the id.
    const KEY: &'static str;
    /// The fields that it is made of.
    const FIELDS: &'static [&'static str];

    /// Never with a passkey in the error.
    fn read(id: u32, fields: &Fields) -> Result<Self, String>;
}

impl Record for UserRecord {
    const TABLE: &'static str = "users";
    const KEY: &'static str = "user:";
    const FIELDS: &'static [&'static str] = &[
        "site_id",
        "name",
        "passkey",
        "role_id",
        "download_enabled",
        "deleted",
        "uploaded",
        "downloaded",
        "uploaded_raw",
        "downloaded_raw",
        "seed_seconds",
        "snatches",
        "announced_at_seconds",
        "created_at_seconds",
        "upload_percent",
        "download_percent",
        "immune",
        "address_hidden",
        "wait_seconds",
        "peers_max",
    ];

    fn read(id: u32, fields: &Fields) -> Result<Self, String> {
        let passkey = fields.required("passkey")?.to_owned();
        validate::passkey(&passkey).map_err(|error| error.to_string())?;
        Ok(Self {
            id,
            site_id: fields.optional("site_id")?,
            name: fields.required("name")?.to_owned(),
            passkey,
            role_id: parsed("role_id", fields.required("role_id")?)?,
            download_enabled: fields.flag("download_enabled", true)?,
            deleted: fields.flag("deleted", false)?,
            uploaded: fields.total("uploaded")?,
            downloaded: fields.total("downloaded")?,
            uploaded_raw: fields.total("uploaded_raw")?,
            downloaded_raw: fields.total("downloaded_raw")?,
            seed_seconds: fields.total("seed_seconds")?,
            snatches: fields.total("snatches")?,
            announced_at_seconds: fields.number("announced_at_seconds", 0)?,
            created_at_seconds: fields.number("created_at_seconds", 0)?,
            terms: UserTerms {
                upload_percent: fields.optional("upload_percent")?,
                download_percent: fields.optional("download_percent")?,
                immune: fields.optional_flag("immune")?,
                address_hidden: fields.flag("address_hidden", false)?,
                wait_seconds: fields.number("wait_seconds", 0)?,
                peers_max: fields.optional("peers_max")?,
                pass_version: 0,
            },
        })
    }
}

impl Record for TorrentRecord {
    const TABLE: &'static str = "torrents";
    const KEY: &'static str = "torrent:";
    const FIELDS: &'static [&'static str] = &[
        "info_hash",
        "info_hash_v2",
        "title",
        "upload_percent",
        "download_percent",
        "enabled",
        "deleted",
        "reason",
        "snatches",
        "uploaded",
        "downloaded",
        "uploaded_raw",
        "downloaded_raw",
        "seeders",
        "leechers",
        "announced_at_seconds",
        "created_at_seconds",
        "status",
        "featured",
    ];

    fn read(id: u32, fields: &Fields) -> Result<Self, String> {
        let created_at_seconds = fields.number("created_at_seconds", 0)?;
        let status =
            fields.optional("status")?.map_or_else(Default::default, TorrentStatus::from_number);
        Ok(Self {
            id,
            info_hash: fields.info_hash("info_hash")?.ok_or("info_hash: missing")?,
            info_hash_v2: fields.info_hash("info_hash_v2")?,
            title: fields.text_or_empty("title")?,
            upload_percent: fields.number("upload_percent", 100)?,
            download_percent: fields.number("download_percent", 100)?,
            enabled: fields.flag("enabled", true)?,
            deleted: fields.flag("deleted", false)?,
            reason: fields.text_or_empty("reason")?,
            snatches: fields.number("snatches", 0)?,
            uploaded: fields.total("uploaded")?,
            downloaded: fields.total("downloaded")?,
            uploaded_raw: fields.total("uploaded_raw")?,
            downloaded_raw: fields.total("downloaded_raw")?,
            seeders: fields.number("seeders", 0)?,
            leechers: fields.number("leechers", 0)?,
            announced_at_seconds: fields.number("announced_at_seconds", 0)?,
            created_at_seconds,
            terms: TorrentTerms {
                status,
                featured: fields.flag("featured", false)?,
                created_at_seconds,
            },
        })
    }
}

/// The record of an id, `None` if there is none, or what is wrong with it.
pub(super) fn read<R: Record>(id: u32, values: Vec<Option<Vec<u8>>>) -> Option<Result<R, String>> {
    let fields = Fields::new(R::FIELDS, values)?;
    let name = R::KEY.trim_end_matches(':');
    Some(R::read(id, &fields).map_err(|reason| format!("{name} {id}: {reason}")))
}
