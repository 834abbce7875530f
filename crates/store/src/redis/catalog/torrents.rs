//! Single torrents.

use mika_core::batch::RegisteredRow;
use mika_protocol::InfoHash;

use super::{added, changed, one, pairs};
use crate::catalog::{NewTorrent, TorrentPatch};
use crate::record::TorrentRecord;
use crate::redis::error::Failure;
use crate::redis::server::Server;
use crate::store::StoreError;
use crate::validate;

pub(super) async fn find(
    server: &Server,
    info_hash: InfoHash,
) -> Result<Option<TorrentRecord>, Failure> {
    let mut reader = server.reader().await?;
    let id: Option<u32> = redis::cmd("HGET")
        .arg(server.key("torrents:info_hash"))
        .arg(info_hash.to_string())
        .query_async(&mut reader)
        .await?;
    let Some(id) = id else { return Ok(None) };
    one(server, &mut reader, id).await
}

pub(super) async fn add(server: &Server, torrent: &NewTorrent) -> Result<TorrentRecord, Failure> {
    validate::new_torrent(torrent)?;
    let mut arguments = vec![
        torrent.info_hash.to_string(),
        torrent.info_hash_v2.map_or(String::new(), |hash| hash.to_string()),
        RegisteredRow::FIRST_ID.to_string(),
        if torrent.past.id == 0 { String::new() } else { torrent.past.id.to_string() },
    ];
    let past = &torrent.past;
    let fields = [
        ("title", torrent.title.clone()),
        ("upload_percent", torrent.upload_percent.to_string()),
        ("download_percent", torrent.download_percent.to_string()),
        ("created_at_seconds", torrent.created_at_seconds.to_string()),
        ("status", torrent.terms.status.number().to_string()),
        ("featured", u8::from(torrent.terms.featured).to_string()),
        ("enabled", u8::from(!past.disabled).to_string()),
        ("deleted", u8::from(past.deleted).to_string()),
        ("reason", past.reason.clone()),
        ("snatches", past.snatches.to_string()),
        ("uploaded", past.uploaded.to_string()),
        ("downloaded", past.downloaded.to_string()),
        ("uploaded_raw", past.uploaded_raw.to_string()),
        ("downloaded_raw", past.downloaded_raw.to_string()),
        ("announced_at_seconds", past.announced_at_seconds.to_string()),
    ];
    arguments.extend(pairs(fields));
    let mut writer = server.writer().await?;
    let answer: String = server.run(&mut writer, &server.scripts.add_torrent, &arguments).await?;
    if answer == "full" {
        let text = "there is no id left for another torrent".into();
        return Err(StoreError::Invalid(text).into());
    }
    if answer == "id" {
        return Err(StoreError::Conflict("another torrent has this id already".into()).into());
    }
    let hashes = [Some(torrent.info_hash), torrent.info_hash_v2];
    if let Some(taken) = hashes.into_iter().flatten().find(|hash| hash.to_string() == answer) {
        return Err(StoreError::Conflict(format!(
            "there is a torrent with the info hash {taken} already, perhaps a deleted one"
        ))
        .into());
    }
    added(server, &mut writer, &answer).await
}

pub(super) async fn update(
    server: &Server,
    id: u32,
    patch: &TorrentPatch,
) -> Result<Option<TorrentRecord>, Failure> {
    validate::torrent_patch(patch)?;
    let flag = |flag: Option<bool>| flag.map(|flag| u8::from(flag).to_string());
    let fields = [
        ("title", patch.title.clone()),
        ("upload_percent", patch.upload_percent.map(|percent| percent.to_string())),
        ("download_percent", patch.download_percent.map(|percent| percent.to_string())),
        ("enabled", flag(patch.enabled)),
        ("deleted", flag(patch.deleted)),
        ("reason", patch.reason.clone()),
        ("status", patch.terms.map(|terms| terms.status.number().to_string())),
        ("featured", flag(patch.terms.map(|terms| terms.featured))),
    ];
    let mut arguments = vec![id.to_string()];
    arguments.extend(pairs(fields));
    let mut writer = server.writer().await?;
    let answer: String =
        server.run(&mut writer, &server.scripts.update_torrent, &arguments).await?;
    changed(server, &mut writer, id, &answer).await
}
