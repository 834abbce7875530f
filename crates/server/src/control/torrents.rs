//! Torrents.

use mika_client::types::{
    NewTorrent, Page, PageQuery, Torrent, TorrentChange, TorrentQuery, TorrentStatus,
};
use mika_core::registry::{self, TorrentSpec, TorrentTerms};
use mika_protocol::InfoHash;
use mika_store::catalog::{self, TorrentPatch};
use mika_store::record::TorrentRecord;

use super::error::ControlError;
use super::paging::Paging;
use super::resync::Key;
use super::{Control, Expected, happened, now_seconds, strategies, validate};

impl Control {
    /// A part of the torrents, by id.
    pub async fn torrents(&self, query: TorrentQuery) -> Result<Page<Torrent>, ControlError> {
        let page = PageQuery { after_id: query.after_id, limit: query.limit };
        let is_filtered =
            TorrentQuery { after_id: 0, limit: None, ..query.clone() } != TorrentQuery::default();
        let mut paging = Paging::new(page, is_filtered)?;
        let text = query.title.as_deref().map(str::to_lowercase);
        let fits = |torrent: &TorrentRecord| {
            query.deleted.is_none_or(|it| it == torrent.deleted)
                && query.enabled.is_none_or(|it| it == torrent.enabled)
                && query.featured.is_none_or(|it| it == torrent.terms.featured)
                && query.status.is_none_or(|it| it == status_json(torrent.terms.status))
                && text.as_ref().is_none_or(|it| torrent.title.to_lowercase().contains(it))
        };
        while let Some((after_id, count)) = paging.wanted() {
            let records = self.catalog().torrents(after_id, count).await?;
            let item = |record| fits(&record).then(|| self.torrent_json(record));
            paging.take(records, |record| record.id, item);
        }
        Ok(paging.finish())
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
        expected: Expected,
    ) -> Result<Torrent, ControlError> {
        self.change(move |control| async move {
            control.update_torrent_now(info_hash, change, &expected).await
        })
        .await
    }

    /// Deletes a torrent; clients are told the reason.
    pub async fn delete_torrent(
        &self,
        info_hash: InfoHash,
        reason: Option<String>,
        expected: Expected,
    ) -> Result<Torrent, ControlError> {
        let change = TorrentChange { deleted: Some(true), reason, ..TorrentChange::default() };
        self.update_torrent(info_hash, change, expected).await
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
            terms: TorrentTerms {
                status: status_of(new.status.unwrap_or_default()),
                featured: new.featured.unwrap_or_default(),
                created_at_seconds: 0,
            },
            past: catalog::TorrentPast::default(),
        };
        let record = self.catalog().add_torrent(&torrent).await?;
        self.put_torrent_in_force(&record)?;
        Ok(self.torrent_json(record))
    }

    async fn update_torrent_now(
        &self,
        info_hash: InfoHash,
        change: TorrentChange,
        expected: &Expected,
    ) -> Result<Torrent, ControlError> {
        validate::title(change.title.as_deref().unwrap_or_default())?;
        validate::reason(change.reason.as_deref().unwrap_or_default())?;
        validate::percents(change.upload_percent, change.download_percent)?;
        if let Some(Some(names)) = &change.strategies {
            strategies::strategies_of(names)?;
        }
        let before = self.find_torrent(info_hash).await?;
        expected.check(&self.torrent_json(before.clone()))?;
        let strategies = change.strategies.clone();
        let patch = patch_of(change, &before);
        let record = self.catalog().update_torrent(before.id, &patch).await?;
        let record = record.ok_or_else(|| torrent_not_found(info_hash))?;
        if let Some(strategies) = strategies {
            self.set_torrent_strategies(record.info_hash, strategies)?;
        }
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

    pub(super) fn put_torrent_in_force(&self, record: &TorrentRecord) -> Result<(), ControlError> {
        self.touch(Key::Torrent(record.id));
        Ok(self.tracker().put_torrent(torrent_spec(record))?)
    }

    pub(super) fn torrent_json(&self, record: TorrentRecord) -> Torrent {
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
            status: status_json(record.terms.status),
            featured: record.terms.featured,
            strategies: strategies::names_of(self.tracker(), record.info_hash),
            announced_at: happened(record.announced_at_seconds),
            created_at: record.created_at_seconds,
        }
    }
}

/// What a change sets. What is neither deleted nor disabled any more has no reason.
pub(super) fn patch_of(change: TorrentChange, before: &TorrentRecord) -> TorrentPatch {
    let deleted = change.deleted.unwrap_or(before.deleted);
    let enabled = change.enabled.unwrap_or(before.enabled);
    let was_refused = before.deleted || !before.enabled;
    let reason = match change.reason {
        None if was_refused && enabled && !deleted => Some(String::new()),
        given => given,
    };
    TorrentPatch {
        title: change.title,
        upload_percent: change.upload_percent,
        download_percent: change.download_percent,
        enabled: change.enabled,
        deleted: change.deleted,
        reason,
        terms: Some(TorrentTerms {
            status: change.status.map_or(before.terms.status, status_of),
            featured: change.featured.unwrap_or(before.terms.featured),
            created_at_seconds: before.created_at_seconds,
        }),
    }
}

pub(super) fn status_of(status: TorrentStatus) -> registry::TorrentStatus {
    match status {
        TorrentStatus::Approved => registry::TorrentStatus::Approved,
        TorrentStatus::Pending => registry::TorrentStatus::Pending,
        TorrentStatus::Rejected => registry::TorrentStatus::Rejected,
        TorrentStatus::Postponed => registry::TorrentStatus::Postponed,
        TorrentStatus::Other => registry::TorrentStatus::Other,
    }
}

pub(super) fn status_json(status: registry::TorrentStatus) -> TorrentStatus {
    match status {
        registry::TorrentStatus::Approved => TorrentStatus::Approved,
        registry::TorrentStatus::Pending => TorrentStatus::Pending,
        registry::TorrentStatus::Rejected => TorrentStatus::Rejected,
        registry::TorrentStatus::Postponed => TorrentStatus::Postponed,
        registry::TorrentStatus::Other => TorrentStatus::Other,
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

pub(super) fn torrent_not_found(info_hash: InfoHash) -> ControlError {
    let detail = format!("there is no torrent with the info-hash {info_hash}");
    ControlError::not_found("torrent_not_found", detail)
}

pub(super) fn taken(info_hash: InfoHash, other: &TorrentRecord) -> ControlError {
    let state = if other.deleted { " (deleted: it can be restored)" } else { "" };
    let detail = format!("torrent {} has the info-hash {info_hash} already{state}", other.id);
    ControlError::conflict("info_hash_taken", detail)
}
