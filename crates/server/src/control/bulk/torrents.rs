//! Many torrents.

use std::collections::{HashMap, HashSet};

use mika_client::types::{Bulk, BulkReport, BulkTorrent, TorrentChange, TorrentKey};
use mika_core::registry::TorrentTerms;
use mika_protocol::InfoHash;
use mika_store::StoreError;
use mika_store::catalog::{NewTorrent, TorrentPast, TorrentPut};
use mika_store::record::TorrentRecord;

use super::super::torrents::{patch_of, status_of, taken, torrent_not_found};
use super::super::{Control, ControlError, now_seconds, validate};
use super::{Done, Outcomes, Sorted, What, finished, repeated, set, sorted};

/// What somebody wants a torrent to be.
pub(in crate::control) struct TorrentWish {
    pub(in crate::control) torrent: BulkTorrent,
    /// It has to be there: it is to be deleted.
    pub(in crate::control) deletes: bool,
    /// What another store knew of it, and when it was created there.
    pub(in crate::control) past: TorrentPast,
    pub(in crate::control) created_at_seconds: Option<u32>,
}

impl Control {
    /// Adds, changes and deletes many torrents.
    pub async fn bulk_torrents(
        &self,
        bulk: Bulk<BulkTorrent, TorrentKey>,
    ) -> Result<BulkReport, ControlError> {
        let Sorted { upserts, deletes, report } =
            sorted(bulk, Bulk::<BulkTorrent, TorrentKey>::ITEMS_MAX)?;
        let mut wishes = Vec::new();
        for torrent in upserts {
            let (past, created_at_seconds) = (TorrentPast::default(), None);
            wishes.push(TorrentWish { torrent, deletes: false, past, created_at_seconds });
        }
        for key in deletes {
            let torrent = BulkTorrent {
                deleted: Some(true),
                reason: key.reason,
                ..BulkTorrent::new(key.info_hash)
            };
            let (past, created_at_seconds) = (TorrentPast::default(), None);
            wishes.push(TorrentWish { torrent, deletes: true, past, created_at_seconds });
        }
        let outcomes =
            self.change(|control| async move { control.torrents_now(wishes).await }).await?;
        Ok(report.finish(&outcomes))
    }

    pub(in crate::control) async fn torrents_now(
        &self,
        wishes: Vec<TorrentWish>,
    ) -> Result<Outcomes, ControlError> {
        let hashes: HashSet<InfoHash> = wishes
            .iter()
            .flat_map(|it| [Some(it.torrent.info_hash), it.torrent.info_hash_v2])
            .flatten()
            .collect();
        let hashes: Vec<InfoHash> = hashes.into_iter().collect();
        let known = Known::of(self.catalog().find_torrents(&hashes).await?);
        let mut claimed = HashSet::new();
        let mut outcomes: Vec<_> = wishes.iter().map(|_| None).collect();
        let (mut at, mut puts, mut whats) = (Vec::new(), Vec::new(), Vec::new());
        for (index, wish) in wishes.into_iter().enumerate() {
            let deletes = wish.deletes;
            match known.put(wish, &mut claimed) {
                Err(error) => set(&mut outcomes, index, Err(error)),
                Ok(put) => {
                    whats.push(match put {
                        TorrentPut::Add(_) => What::Created,
                        TorrentPut::Change(..) if deletes => What::Deleted,
                        TorrentPut::Change(..) => What::Updated,
                    });
                    at.push(index);
                    puts.push(put);
                }
            }
        }
        let mut results = self.catalog().put_torrents(&puts).await?;
        self.add_with_other_ids(puts, &mut results).await?;
        for ((index, what), result) in at.into_iter().zip(whats).zip(results) {
            let outcome = match result {
                Ok(record) => {
                    let done = Done { what, id: record.id };
                    self.put_torrent_in_force(&record).map(|()| done)
                }
                Err(error) => Err(error.into()),
            };
            set(&mut outcomes, index, outcome);
        }
        Ok(finished(outcomes))
    }

    /// Torrents of another store whose ids are taken here get others.
    async fn add_with_other_ids(
        &self,
        puts: Vec<TorrentPut>,
        results: &mut [Result<TorrentRecord, StoreError>],
    ) -> Result<(), ControlError> {
        let (mut again, mut at) = (Vec::new(), Vec::new());
        for (index, (put, result)) in puts.into_iter().zip(results.iter()).enumerate() {
            if let (TorrentPut::Add(mut new), Err(StoreError::Conflict(_))) = (put, result)
                && new.past.id != 0
            {
                new.past.id = 0;
                again.push(TorrentPut::Add(new));
                at.push(index);
            }
        }
        if again.is_empty() {
            return Ok(());
        }
        let second = self.catalog().put_torrents(&again).await?;
        for (index, result) in at.into_iter().zip(second) {
            if let Some(slot) = results.get_mut(index) {
                *slot = result;
            }
        }
        Ok(())
    }
}

/// The torrents that are there, by both hashes.
struct Known {
    records: Vec<TorrentRecord>,
    by_hash: HashMap<InfoHash, usize>,
}

impl Known {
    fn of(records: Vec<TorrentRecord>) -> Self {
        let mut by_hash = HashMap::with_capacity(records.len());
        for (at, record) in records.iter().enumerate() {
            by_hash.insert(record.info_hash, at);
            by_hash.extend(record.info_hash_v2.map(|hash| (hash, at)));
        }
        Self { records, by_hash }
    }

    fn get(&self, info_hash: InfoHash) -> Option<&TorrentRecord> {
        self.by_hash.get(&info_hash).and_then(|at| self.records.get(*at))
    }

    /// What is to be written for a wish. `claimed` are the hashes of the items before.
    fn put(
        &self,
        wish: TorrentWish,
        claimed: &mut HashSet<InfoHash>,
    ) -> Result<TorrentPut, ControlError> {
        let TorrentWish { torrent, deletes, past, created_at_seconds } = wish;
        validate::title(torrent.title.as_deref().unwrap_or_default())?;
        validate::reason(torrent.reason.as_deref().unwrap_or_default())?;
        validate::percents(torrent.upload_percent, torrent.download_percent)?;
        let info_hash_v2 = torrent.info_hash_v2.filter(|second| *second != torrent.info_hash);
        let Some(before) = self.get(torrent.info_hash) else {
            if deletes {
                return Err(torrent_not_found(torrent.info_hash));
            }
            if let Some((hash, other)) = info_hash_v2.and_then(|hash| Some((hash, self.get(hash)?)))
            {
                return Err(taken(hash, other));
            }
            let hashes = [Some(torrent.info_hash), info_hash_v2];
            if hashes.iter().flatten().any(|hash| claimed.contains(hash)) {
                return Err(repeated());
            }
            claimed.extend(hashes.into_iter().flatten());
            let status = status_of(torrent.status.unwrap_or_default());
            let featured = torrent.featured.unwrap_or_default();
            return Ok(TorrentPut::Add(NewTorrent {
                info_hash: torrent.info_hash,
                info_hash_v2,
                title: torrent.title.unwrap_or_default(),
                upload_percent: torrent.upload_percent.unwrap_or(100),
                download_percent: torrent.download_percent.unwrap_or(100),
                created_at_seconds: created_at_seconds.unwrap_or_else(now_seconds),
                terms: TorrentTerms { status, featured, created_at_seconds: 0 },
                past: TorrentPast {
                    disabled: !torrent.enabled.unwrap_or(true),
                    deleted: torrent.deleted.unwrap_or_default(),
                    reason: torrent.reason.unwrap_or_default(),
                    ..past
                },
            }));
        };
        let names = [Some(before.info_hash), before.info_hash_v2];
        if let Some(second) = info_hash_v2.filter(|hash| !names.contains(&Some(*hash))) {
            let detail = format!(
                "torrent {} is there with other hashes than {second}: hashes cannot be changed",
                before.id
            );
            return Err(ControlError::conflict("info_hash_differs", detail));
        }
        if !claimed.insert(before.info_hash) {
            return Err(repeated());
        }
        let change = TorrentChange {
            title: torrent.title,
            upload_percent: torrent.upload_percent,
            download_percent: torrent.download_percent,
            enabled: torrent.enabled,
            deleted: torrent.deleted,
            reason: torrent.reason,
            status: torrent.status,
            featured: torrent.featured,
            strategies: None,
        };
        Ok(TorrentPut::Change(before.id, patch_of(change, before)))
    }
}
