//! Torrents that the site has flagged as deleted, and leaves it to the tracker to remove.

use std::collections::HashSet;

use mika_store::StoreError;
use parking_lot::Mutex;

use super::Control;

/// Torrents that were deleted at the last two looks at the store. Those of the older one are
/// refused for so long that no batch speaks of them any more.
#[derive(Debug, Default)]
pub(super) struct Deleted(Mutex<[HashSet<u32>; 2]>);

impl Deleted {
    /// Puts down what was deleted at a look.
    pub(super) fn saw(&self, ids: Vec<u32>) {
        let [before, last] = &mut *self.0.lock();
        *before = std::mem::replace(last, ids.into_iter().collect());
    }

    /// Those that were deleted at both.
    fn at_both(&self) -> Vec<u32> {
        let [before, last] = &*self.0.lock();
        let mut ids: Vec<_> = before.intersection(last).copied().collect();
        ids.sort_unstable();
        ids
    }
}

impl Control {
    /// Removes torrents from the store that were deleted at the last two resyncs already, if that
    /// is the tracker's to do; returns how many.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn remove_deleted(&self) -> Result<u64, StoreError> {
        let ids = self.shared.deleted.at_both();
        match ids.is_empty() {
            true => Ok(0),
            false => {
                let removed = self.catalog().remove_torrents(&ids).await?;
                self.tracker().torrents_removed(|id| ids.binary_search(&id).is_ok());
                Ok(removed)
            }
        }
    }
}
