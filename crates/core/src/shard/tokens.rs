//! The multipliers of single users on single torrents.

use super::IntegerMap;
use crate::registry::TokenSpec;

/// Tokens of one shard, by torrent slot and user index.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    by_user: IntegerMap<(u32, u32), TokenSpec>,
    /// No token ends before this.
    first_end_seconds: Option<u32>,
}

impl Tokens {
    pub(crate) fn get(&self, slot: u32, user: u32) -> Option<&TokenSpec> {
        self.by_user.get(&(slot, user))
    }

    pub(crate) fn put(&mut self, slot: u32, user: u32, token: TokenSpec) {
        self.by_user.insert((slot, user), token);
        let first = self.first_end_seconds.into_iter().chain(token.ends_at_seconds).min();
        self.first_end_seconds = first;
    }

    /// The indexes of the users who have one on a torrent.
    pub(crate) fn users(&self, slot: u32) -> impl Iterator<Item = u32> {
        self.by_user.keys().filter(move |(of, _)| *of == slot).map(|(_, user)| *user)
    }

    /// Forgets those that `keep` does not know, by torrent slot and user index.
    pub(crate) fn retain(&mut self, keep: impl Fn(u32, u32) -> bool) {
        self.by_user.retain(|(slot, user), _| keep(*slot, *user));
    }

    /// Whether there was one.
    pub(crate) fn remove(&mut self, slot: u32, user: u32) -> bool {
        self.by_user.remove(&(slot, user)).is_some()
    }

    /// Whether [`Tokens::remove_ended`] may find something: it looks at all tokens, which is too
    /// much for every sweep.
    pub(crate) fn may_have_ended(&self, now_seconds: u32) -> bool {
        self.first_end_seconds.is_some_and(|end| end <= now_seconds)
    }

    /// Forgets the tokens that count no more; returns the torrents that have none any more.
    pub(crate) fn remove_ended(&mut self, now_seconds: u32) -> Vec<u32> {
        let mut slots = Vec::new();
        let mut first_end_seconds = None;
        self.by_user.retain(|(slot, _), token| {
            let lasts = token.ends_at_seconds.is_none_or(|end| now_seconds < end);
            if lasts {
                let ends = first_end_seconds.into_iter().chain(token.ends_at_seconds);
                first_end_seconds = ends.min();
            } else {
                slots.push(*slot);
            }
            lasts
        });
        self.first_end_seconds = first_end_seconds;
        if self.by_user.len() < self.by_user.capacity() / 4 {
            self.by_user.shrink_to_fit();
        }
        slots.sort_unstable();
        slots.dedup();
        for (slot, _) in self.by_user.keys() {
            if let Ok(at) = slots.binary_search(slot) {
                slots.remove(at);
            }
        }
        slots
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.by_user.len()
    }
}
