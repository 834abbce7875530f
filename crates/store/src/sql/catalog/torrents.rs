//! Single torrents.

use mika_core::batch::RegisteredRow;
use mika_core::registry::TorrentTerms;
use mika_protocol::InfoHash;

use super::{Backend, Desk, Failure, SqlStore};
use crate::catalog::{NewTorrent, TorrentPatch};
use crate::record::TorrentRecord;
use crate::store::StoreError;
use crate::validate;

/// Which torrent a hash names, whatever the column.
const BY_HASH: &str = "info_hash = ? OR info_hash_v2 = ?";

pub(super) async fn list<B: Backend>(
    store: &SqlStore<B>,
    after_id: u32,
    limit: u32,
) -> Result<Vec<TorrentRecord>, Failure> {
    let mut desk = store.reading().await?;
    let page = "id > ? ORDER BY id LIMIT ?";
    desk.records(&store.schema.loads.torrents, page, &[after_id.into(), limit.into()]).await
}

pub(super) async fn find<B: Backend>(
    store: &SqlStore<B>,
    info_hash: InfoHash,
) -> Result<Option<TorrentRecord>, Failure> {
    let mut desk = store.reading().await?;
    // A site's query may know no second hash.
    let (condition, values) = match store.schema.owns_tables {
        true => (BY_HASH, vec![info_hash.into(), info_hash.into()]),
        false => ("info_hash = ?", vec![info_hash.into()]),
    };
    desk.one(&store.schema.loads.torrents, condition, &values).await
}

pub(super) async fn add<B: Backend>(
    store: &SqlStore<B>,
    torrent: &NewTorrent,
) -> Result<TorrentRecord, Failure> {
    validate::new_torrent(torrent)?;
    let mut desk = store.writing().await?;
    for info_hash in [Some(torrent.info_hash), torrent.info_hash_v2].into_iter().flatten() {
        check_free(&mut desk, info_hash).await?;
    }
    let id = match torrent.past.id {
        0 => free_id(&mut desk).await?,
        given => given,
    };
    let added = super::bulk::insert_torrents(store, &mut desk, &[(id, torrent)]).await?;
    if let Some(words) = added.into_iter().flatten().next() {
        return Err(StoreError::Conflict(words).into());
    }
    let added = desk.one(&store.schema.loads.torrents, "id = ?", &[id.into()]).await?;
    let added = added.ok_or_else(|| StoreError::Broken("the new torrent is not there".into()))?;
    desk.commit().await?;
    Ok(added)
}

pub(super) async fn update<B: Backend>(
    store: &SqlStore<B>,
    id: u32,
    patch: &TorrentPatch,
) -> Result<Option<TorrentRecord>, Failure> {
    validate::torrent_patch(patch)?;
    let mut desk = store.writing().await?;
    desk.run("UPDATE torrents SET id = id WHERE id = ?", &[id.into()]).await?;
    let found = desk.one(&store.schema.loads.torrents, "id = ?", &[id.into()]).await?;
    let Some(mut torrent): Option<TorrentRecord> = found else { return Ok(None) };
    change(&mut torrent, patch);
    let changed = super::bulk::update_torrents(store, &mut desk, &[&torrent]).await?;
    if let Some(words) = changed.into_iter().flatten().next() {
        return Err(StoreError::Conflict(words).into());
    }
    desk.commit().await?;
    Ok(Some(torrent))
}

pub(super) fn change(torrent: &mut TorrentRecord, patch: &TorrentPatch) {
    if let Some(title) = &patch.title {
        torrent.title.clone_from(title);
    }
    if let Some(reason) = &patch.reason {
        torrent.reason.clone_from(reason);
    }
    torrent.upload_percent = patch.upload_percent.unwrap_or(torrent.upload_percent);
    torrent.download_percent = patch.download_percent.unwrap_or(torrent.download_percent);
    torrent.enabled = patch.enabled.unwrap_or(torrent.enabled);
    torrent.deleted = patch.deleted.unwrap_or(torrent.deleted);
    if let Some(terms) = patch.terms {
        torrent.terms = TorrentTerms { created_at_seconds: torrent.created_at_seconds, ..terms };
    }
}

/// The lowest id beyond all that the store has chosen.
pub(super) async fn free_id(desk: &mut Desk) -> Result<u32, Failure> {
    let last = "SELECT COALESCE(MAX(id), 0) AS id FROM torrents WHERE id < ?";
    let last = desk.number(last, "id", &[RegisteredRow::FIRST_ID.into()]).await?;
    let id = u32::try_from(last.saturating_add(1)).unwrap_or(u32::MAX);
    if id >= RegisteredRow::FIRST_ID {
        return Err(StoreError::Conflict("there is no torrent id left below 2^31".into()).into());
    }
    Ok(id)
}

/// A hash may stand once, in whichever column: an announce names one torrent by it.
async fn check_free(desk: &mut Desk, info_hash: InfoHash) -> Result<(), Failure> {
    let taken = "SELECT id FROM torrents WHERE info_hash = ? OR info_hash_v2 = ?";
    match desk.finds(taken, &[info_hash.into(), info_hash.into()]).await? {
        false => Ok(()),
        true => Err(StoreError::Conflict(format!(
            "there is a torrent with the info hash {info_hash} already, perhaps a deleted one"
        ))
        .into()),
    }
}
