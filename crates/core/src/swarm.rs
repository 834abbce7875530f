//! The peers of one torrent.
//!
//! A private swarm holds **sessions** (torrent, user, peer id), each with at most one IPv4 and
//! one IPv6 endpoint; a public swarm holds **addresses**. Both are a [`Dense`] array for IPv4 and
//! whatever else is rare in a side table that only swarms which need it pay for.

mod chunks;
pub(crate) mod dense;
pub(crate) mod index;
mod profiles;
pub(crate) mod public;
pub(crate) mod session;
pub(crate) mod size_class;

use crate::hash::HashKey;
pub(crate) use dense::{Class, Dense, Row};
pub(crate) use profiles::{Profiles, SizeEstimate};

/// What a tracker of one mode keeps of its peers.
pub(crate) trait Kind {
    /// A row of the main table.
    type Main: Peer + std::fmt::Debug;
    /// A row of the IPv6 side table.
    type V6: Peer + std::fmt::Debug;
    /// A row of the peer-id side table.
    type PeerId: Row + std::fmt::Debug;
}

/// A row that can be handed out.
pub(crate) trait Peer: Row {
    /// The user it belongs to; `u32::MAX` for nobody.
    fn user(&self) -> u32;
    /// A partial seed (BEP 21), which wants no more data.
    fn is_paused(&self) -> bool;
    /// At an address of no use outside of its network.
    fn is_local(&self) -> bool;
    /// Seconds since its last announce.
    fn age_seconds(&self, now_seconds: u32) -> u32;
    /// Whether it can be reached at an address of this table's family.
    fn has_endpoint(&self) -> bool;
}

/// What only some swarms need.
#[derive(Debug)]
pub(crate) struct Extra<K: Kind> {
    /// IPv6 endpoints, in the same classes as their sessions.
    pub(crate) v6: Dense<K::V6>,
    /// Full peer ids, if they are kept.
    pub(crate) peer_ids: Dense<K::PeerId>,
    /// Leechers that are partial seeds.
    pub(crate) paused: u32,
    /// Leechers above their download slots, which are counted nowhere else.
    pub(crate) hidden: u32,
}

/// The peers of one torrent: 32 bytes and an allocation for the rows.
#[derive(Debug)]
pub(crate) struct Swarm<K: Kind> {
    pub(crate) main: Dense<K::Main>,
    pub(crate) extra: Option<Box<Extra<K>>>,
}

impl<K: Kind> Default for Swarm<K> {
    fn default() -> Self {
        Self { main: Dense::default(), extra: None }
    }
}

impl<K: Kind> Default for Extra<K> {
    fn default() -> Self {
        Self { v6: Dense::default(), peer_ids: Dense::default(), paused: 0, hidden: 0 }
    }
}

impl<K: Kind> Swarm<K> {
    pub(crate) fn main(&mut self) -> &mut Dense<K::Main> {
        &mut self.main
    }

    pub(crate) fn v6_mut(&mut self) -> &mut Dense<K::V6> {
        &mut self.extra_mut().v6
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.main.len() == 0 && self.v6().is_none_or(|v6| v6.len() == 0)
    }

    pub(crate) fn extra_mut(&mut self) -> &mut Extra<K> {
        self.extra.get_or_insert_default()
    }

    pub(crate) fn paused(&self) -> u32 {
        self.extra.as_ref().map_or(0, |extra| extra.paused)
    }

    pub(crate) fn hidden(&self) -> u32 {
        self.extra.as_ref().map_or(0, |extra| extra.hidden)
    }

    pub(crate) fn v6(&self) -> Option<&Dense<K::V6>> {
        self.extra.as_ref().map(|extra| &extra.v6)
    }

    /// Forgets what the choice of peers knew.
    pub(crate) fn drop_profiles(&mut self) {
        self.main.drop_profiles();
        if let Some(extra) = self.extra.as_deref_mut() {
            extra.v6.drop_profiles();
        }
    }

    /// Gives the side tables back once nothing is left in them.
    pub(crate) fn drop_empty_extra(&mut self) {
        let empty = |extra: &Extra<K>| {
            extra.v6.len() == 0
                && extra.peer_ids.len() == 0
                && extra.paused == 0
                && extra.hidden == 0
        };
        if self.extra.as_deref().is_some_and(empty) {
            self.extra = None;
        }
    }

    /// Counts a leecher that was hidden, or shows itself.
    pub(crate) fn count_hidden(&mut self, is_hidden: bool) {
        let hidden = &mut self.extra_mut().hidden;
        *hidden = if is_hidden { hidden.saturating_add(1) } else { hidden.saturating_sub(1) };
    }

    /// Counts a partial seed that came or went.
    pub(crate) fn count_paused(&mut self, was: bool, is: bool) {
        match (was, is) {
            (false, true) => self.extra_mut().paused += 1,
            (true, false) => {
                let extra = self.extra_mut();
                extra.paused = extra.paused.saturating_sub(1);
            }
            _ => {}
        }
    }
}

/// Adds a row, or overwrites the one with its identity and moves it to `class`.
pub(crate) fn upsert<R: Row>(dense: &mut Dense<R>, row: R, class: Class, key: &HashKey) -> bool {
    match dense.find(&row.id(), key) {
        Some(at) => {
            replace(dense, at, row, class, key);
            false
        }
        None => {
            dense.insert(row, class, key);
            true
        }
    }
}

/// Overwrites the row at a place, which has the same identity, and moves it to `class`.
pub(crate) fn replace<R: Row>(
    dense: &mut Dense<R>,
    at: usize,
    row: R,
    class: Class,
    key: &HashKey,
) {
    let at = dense.set_class(at, class, key);
    if let Some(slot) = dense.get_mut(at) {
        *slot = row;
    }
}

/// Removes the row with this identity, if there is one.
pub(crate) fn remove<R: Row>(dense: &mut Dense<R>, id: &R::Id, key: &HashKey) -> Option<R> {
    let at = dense.find(id, key)?;
    dense.remove(at, key)
}
