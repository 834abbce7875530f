//! Torrents.

use mika_client::types::{NewTorrent, Page, PageQuery, Torrent, TorrentChange};
use mika_core::registry::{TorrentSpec, TorrentTerms};
use mika_protocol::InfoHash;
use mika_store::catalog::{self, TorrentPatch};
use mika_store::record::TorrentRecord;

use super::error::ControlError;
use super::resync::Key;
use super::{Control, happened, now_seconds, validate};

impl Control {
    /// A part of the torrents, by id.
    pub async fn torrents(&self, page: PageQuery) -> Result<Page<Torrent>, ControlError> {
        let limit = super::page_limit(page)?;
        let records = self.catalog().torrents(page.after_id, limit).await?;
        let next_after_id = super::next_page(&records, limit, |record| record.id);
        let items = records.into_iter().map(|record| self.torrent_json(record)).collect();
        Ok(Page { items, next_after_id })
    }

    /// One torrent by either of its hashes.
    pub async fn torrent(&self, info_hash: InfoHash) -> Result<Torrent, ControlError> {
        Ok(self.torrent_json(self.find_torrent(info_hash).await?))
    }

    /// Adds a torrent, which may be announced when this returns.
    pub async fn add_torrent(&self, new: NewTorrent) -> Result<Torrent, ControlError> {
        self.change(move |control| async move { control.add_torrent_now(new).await }).await
    }

    /// Changes a torrent. What is neither deleted nor disabled any more has no reason.
    pub async fn update_torrent(
        &self,
        info_hash: InfoHash,
        change: TorrentChange,
    ) -> Result<Torrent, ControlError> {
        self.change(
            move |control| async move { control.update_torrent_now(info_hash, change).await },
        )
        .await
    }

    /// Deletes a torrent; clients are told the reason.
    pub async fn delete_torrent(
        &self,
        info_hash: InfoHash,
        reason: Option<String>,
    ) -> Result<Torrent, ControlError> {
        let change = TorrentChange { deleted: Some(true), reason, ..TorrentChange::default() };
        self.update_torrent(info_hash, change).await
    }

    async fn add_torrent_now(&self, new: NewTorrent) -> Result<Torrent, ControlError> {
        validate::title(&new.title)?;
        validate::percents(new.upload_percent, new.download_percent)?;
        // Both hashes the same: not a hybrid, the second says nothing new.
        let info_hash_v2 = new.info_hash_v2.filter(|second| *second != new.info_hash);
        for hash in [Some(new.info_hash), info_hash_v2].into_iter().flatten() {
            if let Some(other) = self.catalog().torrent(hash).await? {
                return Err(taken(hash, &other));
            }
        }
        let torrent = catalog::NewTorrent {
            info_hash: new.info_hash,
            info_hash_v2,
            title: new.title,
            upload_percent: new.upload_percent.unwrap_or(100),
            download_percent: new.download_percent.unwrap_or(100),
            created_at_seconds: now_seconds(),
        };
        let record = self.catalog().add_torrent(&torrent).await?;
        self.put_torrent_in_force(&record)?;
        Ok(self.torrent_json(record))
    }

    async fn update_torrent_now(
        &self,
        info_hash: InfoHash,
        change: TorrentChange,
    ) -> Result<Torrent, ControlError> {
        validate::title(change.title.as_deref().unwrap_or_default())?;
        validate::reason(change.reason.as_deref().unwrap_or_default())?;
        validate::percents(change.upload_percent, change.download_percent)?;
        let before = self.find_torrent(info_hash).await?;
        let deleted = change.deleted.unwrap_or(before.deleted);
        let enabled = change.enabled.unwrap_or(before.enabled);
        let was_refused = before.deleted || !before.enabled;
        let reason = match change.reason {
            None if was_refused && enabled && !deleted => Some(String::new()),
            given => given,
        };
        let patch = TorrentPatch {
            title: change.title,
            upload_percent: change.upload_percent,
            download_percent: change.download_percent,
            enabled: change.enabled,
            deleted: change.deleted,
            reason,
        };
        let record = self.catalog().update_torrent(before.id, &patch).await?;
        let record = record.ok_or_else(|| torrent_not_found(info_hash))?;
        self.put_torrent_in_force(&record)?;
        Ok(self.torrent_json(record))
    }

    pub(super) async fn find_torrent(
        &self,
        info_hash: InfoHash,
    ) -> Result<TorrentRecord, ControlError> {
        let record = self.catalog().torrent(info_hash).await?;
        record.ok_or_else(|| torrent_not_found(info_hash))
    }

    fn put_torrent_in_force(&self, record: &TorrentRecord) -> Result<(), ControlError> {
        self.touch(Key::Torrent(record.id));
        Ok(self.tracker().put_torrent(torrent_spec(record))?)
    }

    fn torrent_json(&self, record: TorrentRecord) -> Torrent {
        let live = self.tracker().scrape(record.info_hash).unwrap_or_default();
        Torrent {
            id: record.id,
            info_hash: record.info_hash,
            info_hash_v2: record.info_hash_v2,
            title: record.title,
            seeders: live.seeders,
            leechers: live.leechers,
            snatches: live.snatches.max(record.snatches),
            uploaded: record.uploaded,
            downloaded: record.downloaded,
            uploaded_raw: record.uploaded_raw,
            downloaded_raw: record.downloaded_raw,
            upload_percent: record.upload_percent,
            download_percent: record.download_percent,
            enabled: record.enabled,
            deleted: record.deleted,
            reason: record.reason,
            announced_at: happened(record.announced_at_seconds),
            created_at: record.created_at_seconds,
        }
    }
}

/// What the tracker holds of a torrent.
pub(crate) fn torrent_spec(record: &TorrentRecord) -> TorrentSpec<'_> {
    TorrentSpec {
        id: record.id,
        info_hash: record.info_hash,
        info_hash_v2: record.info_hash_v2,
        upload_percent: record.upload_percent,
        download_percent: record.download_percent,
        enabled: record.enabled,
        deleted: record.deleted,
        reason: &record.reason,
        snatches: record.snatches,
        terms: TorrentTerms { created_at_seconds: record.created_at_seconds, ..record.terms },
    }
}

fn torrent_not_found(info_hash: InfoHash) -> ControlError {
    let detail = format!("there is no torrent with the info-hash {info_hash}");
    ControlError::not_found("torrent_not_found", detail)
}

fn taken(info_hash: InfoHash, other: &TorrentRecord) -> ControlError {
    let state = if other.deleted { " (deleted: it can be restored)" } else { "" };
    let detail = format!("torrent {} has the info-hash {info_hash} already{state}", other.id);
    ControlError::conflict("info_hash_taken", detail)
}
