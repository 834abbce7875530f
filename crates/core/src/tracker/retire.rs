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
    pub fn retire_torrents(&self, each: impl FnMut(u32, &mut dyn FnMut())) -> u64 {
        match &self.swarms {
            Swarms::Private(shards) => retire_torrents_in(shards, each),
            Swarms::Public(shards) => retire_torrents_in(shards, each),
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
                (is_stored && torrent.standing != Standing::Deleted).then_some(torrent.id)
            });
            let Some(id) = id else { continue };
            each(id, &mut || {
                let mut shard = shard.lock();
                let torrent = shard.torrents.get_mut(slot).filter(|torrent| torrent.id == id);
                if let Some(torrent) = torrent {
                    torrent.standing = Standing::Deleted;
                    retired = retired.saturating_add(1);
                }
            });
        }
    }
    retired
}
