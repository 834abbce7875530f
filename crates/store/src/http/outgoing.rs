//! A batch as the site is to get it: the torrents under the site's own ids, and no address that is
//! not to be written.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use mika_core::batch::Batch;
use mika_protocol::InfoHash;
use parking_lot::Mutex;

use super::{HttpStore, bad_answer};
use crate::redirect;
use crate::store::StoreError;

/// Questions at a time.
const CONCURRENT: usize = 8;
/// Torrents that are not asked for again; with more than these, all are asked for again.
const SETTLED_MAX: usize = 100_000;

/// Torrents that the site took over from the tracker, with the tracker's id.
#[derive(Default)]
pub(super) struct Settled(Mutex<HashSet<(u32, InfoHash)>>);

impl Settled {
    fn has(&self, torrent: (u32, InfoHash)) -> bool {
        self.0.lock().contains(&torrent)
    }

    fn add(&self, torrent: (u32, InfoHash)) {
        let mut settled = self.0.lock();
        if settled.len() >= SETTLED_MAX {
            settled.clear();
        }
        settled.insert(torrent);
    }
}

impl HttpStore {
    /// What is sent of a batch.
    pub(super) async fn outgoing<'a>(
        &self,
        batch: &'a Batch,
    ) -> Result<Cow<'a, Batch>, StoreError> {
        let known_ids = self.known_ids(batch).await?;
        let mut outgoing = Cow::Borrowed(batch);
        if !known_ids.is_empty() {
            outgoing = Cow::Owned(redirect::redirected(batch, &known_ids));
        }
        if outgoing.sessions.iter().any(|row| row.address_hidden) {
            for row in &mut outgoing.to_mut().sessions {
                (row.address_v4, row.address_v6) = row.written_addresses();
            }
        }
        Ok(outgoing)
    }

    /// The torrents of a batch that the site has under another id than the tracker, with that id.
    async fn known_ids(&self, batch: &Batch) -> Result<HashMap<u32, u32>, StoreError> {
        let registered = redirect::registered_ids(batch).into_iter();
        let unsettled: Vec<_> = registered.filter(|torrent| !self.settled.has(*torrent)).collect();
        let questions = stream::iter(unsettled).map(|torrent| self.known_id(torrent));
        let known: Vec<_> = questions.buffer_unordered(CONCURRENT).try_collect().await?;
        Ok(known.into_iter().flatten().collect())
    }

    /// Asks the site for a torrent that has an id of the tracker's.
    async fn known_id(
        &self,
        (id, info_hash): (u32, InfoHash),
    ) -> Result<Option<(u32, u32)>, StoreError> {
        let path = format!("/api/torrent/{info_hash}");
        let found = self.torrent_at(super::Call::get(path, self.options.call_timeout)).await?;
        let Some(record) = found else { return Ok(None) };
        if record.info_hash != info_hash && record.info_hash_v2 != Some(info_hash) {
            let gave = record.info_hash;
            return Err(bad_answer(format!("asked for torrent {info_hash}, it gave {gave}")));
        }
        if record.id == id {
            self.settled.add((id, info_hash));
            return Ok(None);
        }
        Ok(Some((id, record.id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_settled_is_forgotten_when_it_is_too_much() {
        let settled = Settled::default();
        let hash = InfoHash([1; 20]);
        for id in 0..SETTLED_MAX as u32 {
            settled.add((id, hash));
        }
        assert!(settled.has((0, hash)) && !settled.has((0, InfoHash([2; 20]))));
        settled.add((u32::MAX, hash));
        assert!(!settled.has((0, hash)) && settled.has((u32::MAX, hash)));
    }
}
