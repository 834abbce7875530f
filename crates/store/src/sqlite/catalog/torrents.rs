//! Single torrents.

use mika_core::batch::RegisteredRow;
use mika_protocol::InfoHash;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::{begin, record, records};
use crate::catalog::{NewTorrent, TorrentPatch};
use crate::record::TorrentRecord;
use crate::sqlite::error::Failure;
use crate::store::StoreError;
use crate::validate;

macro_rules! columns {
    () => {
        "id, info_hash, info_hash_v2, title, upload_percent, download_percent, enabled, deleted,
         reason, snatches, uploaded, downloaded, uploaded_raw, downloaded_raw, seeders, leechers,
         announced_at_seconds, created_at_seconds"
    };
}

pub(super) async fn list(
    readers: &SqlitePool,
    after_id: u32,
    limit: u32,
) -> Result<Vec<TorrentRecord>, Failure> {
    let statement =
        concat!("SELECT ", columns!(), " FROM torrents WHERE id > ? ORDER BY id LIMIT ?");
    records(&sqlx::query(statement).bind(after_id).bind(limit).fetch_all(readers).await?)
}

pub(super) async fn find(
    readers: &SqlitePool,
    info_hash: InfoHash,
) -> Result<Option<TorrentRecord>, Failure> {
    let statement =
        concat!("SELECT ", columns!(), " FROM torrents WHERE info_hash = ?1 OR info_hash_v2 = ?1");
    let row = sqlx::query(statement).bind(&info_hash.0[..]).fetch_optional(readers).await?;
    row.map(|row| record(&row)).transpose()
}

pub(super) async fn add(
    writer: &SqlitePool,
    torrent: &NewTorrent,
) -> Result<TorrentRecord, Failure> {
    validate::new_torrent(torrent)?;
    let mut transaction = begin(writer).await?;
    for info_hash in [Some(torrent.info_hash), torrent.info_hash_v2].into_iter().flatten() {
        check_free(&mut transaction, info_hash).await?;
    }
    let statement = concat!(
        "INSERT INTO torrents (id, info_hash, info_hash_v2, title, upload_percent,
             download_percent, created_at_seconds)
         SELECT COALESCE(MAX(id), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7 FROM torrents WHERE id < ?1
         RETURNING ",
        columns!()
    );
    let row = sqlx::query(statement)
        .bind(RegisteredRow::FIRST_ID)
        .bind(&torrent.info_hash.0[..])
        .bind(torrent.info_hash_v2.as_ref().map(|hash| &hash.0[..]))
        .bind(&torrent.title)
        .bind(torrent.upload_percent)
        .bind(torrent.download_percent)
        .bind(torrent.created_at_seconds)
        .fetch_one(&mut *transaction)
        .await?;
    let added = record(&row)?;
    transaction.commit().await?;
    Ok(added)
}

pub(super) async fn update(
    writer: &SqlitePool,
    id: u32,
    patch: &TorrentPatch,
) -> Result<Option<TorrentRecord>, Failure> {
    validate::torrent_patch(patch)?;
    let mut transaction = begin(writer).await?;
    let statement = concat!(
        "UPDATE torrents
         SET title = COALESCE(?2, title),
             upload_percent = COALESCE(?3, upload_percent),
             download_percent = COALESCE(?4, download_percent),
             enabled = COALESCE(?5, enabled),
             deleted = COALESCE(?6, deleted),
             reason = COALESCE(?7, reason)
         WHERE id = ?1
         RETURNING ",
        columns!()
    );
    let row = sqlx::query(statement)
        .bind(id)
        .bind(patch.title.as_deref())
        .bind(patch.upload_percent)
        .bind(patch.download_percent)
        .bind(patch.enabled)
        .bind(patch.deleted)
        .bind(patch.reason.as_deref())
        .fetch_optional(&mut *transaction)
        .await?;
    let updated = row.map(|row| record(&row)).transpose()?;
    transaction.commit().await?;
    Ok(updated)
}

/// A hash may stand once, in whichever column: an announce names one torrent by it.
async fn check_free(connection: &mut SqliteConnection, info_hash: InfoHash) -> Result<(), Failure> {
    let statement = "SELECT id FROM torrents WHERE info_hash = ?1 OR info_hash_v2 = ?1";
    let found = sqlx::query(statement).bind(&info_hash.0[..]).fetch_optional(connection).await?;
    match found {
        None => Ok(()),
        Some(_) => Err(StoreError::Conflict(format!(
            "there is a torrent with the info hash {info_hash} already, perhaps a deleted one"
        ))
        .into()),
    }
}
