//! Users, torrents and tokens that the store has no more.

use super::shards::Shards;
use super::{Swarms, Tracker};
use crate::batch::RegisteredRow;
use crate::shard::{Marks, Standing};
use crate::swarm::Kind;

impl Tracker {
    /// Goes through the users that are not deleted: `each` is given the id, and what closes the
    /// account if it decides so. Returns how many were closed.
    pub fn retire_users(&self, mut each: impl FnMut(u32, &mut dyn FnMut())) -> u64 {
        let mut retired = 0u64;
        for index in 0..u32::try_from(self.users.len()).unwrap_or(u32::MAX) {
            let Some(user) = self.users.by_index(index).filter(|user| !user.deleted) else {
                continue;
            };
            each(user.id, &mut || {
                self.users.retire(index);
                retired = retired.saturating_add(1);
            });
        }
        retired
    }

    /// Goes through the torrents that are not deleted, as [`Tracker::retire_users`]; those that
    /// the tracker registered itself are left out, for they may be on their way to the store.
    /// `each` is told once of those that were deleted before, too, which do not count as retired.
    ///
    /// No batch speaks of a torrent that is retired: the store has no row for what it says.
    pub fn retire_torrents(&self, each: impl FnMut(u32, &mut dyn FnMut())) -> u64 {
        match &self.swarms {
            Swarms::Private(shards) => retire_torrents_in(shards, each),
            Swarms::Public(shards) => retire_torrents_in(shards, each),
        }
    }

    /// Says that the store has removed the rows of some deleted torrents: no batch speaks of them
    /// from now on.
    pub fn torrents_removed(&self, is_removed: impl Fn(u32) -> bool) {
        match &self.swarms {
            Swarms::Private(shards) => removed_in(shards, is_removed),
            Swarms::Public(shards) => removed_in(shards, is_removed),
        }
    }

    /// Forgets the tokens that `keep` does not know, by user and torrent.
    pub fn retain_tokens(&self, keep: impl Fn(u32, u32) -> bool) {
        let Swarms::Private(shards) = &self.swarms else { return };
        for shard in shards.iter() {
            let mut shard = shard.lock();
            let shard = &mut *shard;
            let torrents = &shard.torrents;
            shard.tokens.retain(|slot, user| {
                let torrent = torrents.get(slot).map(|torrent| torrent.id);
                let user = self.users.by_index(user).map(|user| user.id);
                torrent.zip(user).is_some_and(|(torrent, user)| keep(user, torrent))
            });
        }
    }
}

fn retire_torrents_in<K: Kind>(
    shards: &Shards<K>,
    mut each: impl FnMut(u32, &mut dyn FnMut()),
) -> u64 {
    let mut retired = 0u64;
    for shard in shards.iter() {
        // One lock a torrent, for `each` may wait.
        let slots = shard.lock().torrents.slots();
        for slot in 0..slots {
            let id = shard.lock().torrents.get(slot).and_then(|torrent| {
                let is_stored =
                    torrent.id < RegisteredRow::FIRST_ID && !torrent.marks.has(Marks::UNSTORED);
                let is_gone = torrent.marks.has(Marks::GONE);
                (is_stored && !is_gone).then_some(torrent.id)
            });
            let Some(id) = id else { continue };
            each(id, &mut || {
                let mut shard = shard.lock();
                let torrent = shard.torrents.get_mut(slot).filter(|torrent| torrent.id == id);
                if let Some(torrent) = torrent {
                    if torrent.standing != Standing::Deleted {
                        retired = retired.saturating_add(1);
                    }
                    torrent.standing = Standing::Deleted;
                    torrent.marks.set(Marks::GONE, true);
                }
            });
        }
    }
    retired
}

fn removed_in<K: Kind>(shards: &Shards<K>, is_removed: impl Fn(u32) -> bool) {
    for shard in shards.iter() {
        let mut shard = shard.lock();
        for slot in 0..shard.torrents.slots() {
            if let Some(torrent) = shard.torrents.get_mut(slot)
                && torrent.standing == Standing::Deleted
                && is_removed(torrent.id)
            {
                torrent.marks.set(Marks::GONE, true);
            }
        }
    }
}
