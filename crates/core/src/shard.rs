//! One shard of the tracker's torrents: a table by info-hash, the swarms, and what has changed
//! since the last flush, all behind one lock.

pub(crate) mod departed;
pub(crate) mod pending;
pub(crate) mod scan;
pub(crate) mod silent;
pub(crate) mod slab;
pub(crate) mod tokens;

use hashbrown::HashMap;
use mika_protocol::{InfoHash, ScrapeCounts};

use crate::detection::queue::Queue;
use crate::hash::HashKey;
use crate::refusal::ReasonId;
use crate::registry::{TorrentSpec, TorrentStatus};
use crate::selection::strategy::Strategies;
use crate::swarm::index::Index;
use crate::swarm::{Class, Kind, Swarm};
use departed::Departed;
use pending::Pending;
use scan::Scan;
use silent::Silent;
use slab::Slab;
use tokens::Tokens;

pub(crate) type IntegerMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Whether a torrent may be announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Enabled,
    Disabled,
    Deleted,
    Pending,
    Rejected,
    Postponed,
    NotApproved,
}

impl Standing {
    pub(crate) fn of(spec: &TorrentSpec<'_>) -> Self {
        match (spec.deleted, spec.enabled, spec.terms.status) {
            (true, ..) => Self::Deleted,
            (_, false, _) => Self::Disabled,
            (_, _, TorrentStatus::Approved) => Self::Enabled,
            (_, _, TorrentStatus::Pending) => Self::Pending,
            (_, _, TorrentStatus::Rejected) => Self::Rejected,
            (_, _, TorrentStatus::Postponed) => Self::Postponed,
            (_, _, TorrentStatus::Other) => Self::NotApproved,
        }
    }
}

/// What memory holds of one torrent: a cache line, and its swarm's rows.
#[derive(Debug)]
pub(crate) struct Torrent<K: Kind> {
    pub(crate) swarm: Swarm<K>,
    pub(crate) info_hash: InfoHash,
    /// The store's id; of one that the tracker registered itself, its own.
    pub(crate) id: u32,
    pub(crate) upload_percent: u16,
    pub(crate) download_percent: u16,
    pub(crate) reason: ReasonId,
    pub(crate) standing: Standing,
    pub(crate) marks: Marks,
}

/// Facts about a torrent, one bit each.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Marks(u8);

impl Marks {
    /// Its counts have changed since the last flush: one mark for the changes that are flushed,
    /// the other for those that come in meanwhile.
    pub(crate) const DIRTY: [Marks; 2] = [Marks(1), Marks(16)];
    /// Some user has a token on it.
    pub(crate) const TOKENS: Marks = Marks(2);
    /// Registered by an announce and known to no store (public mode).
    pub(crate) const UNSTORED: Marks = Marks(4);
    /// Some user left its swarm before finishing.
    pub(crate) const DEPARTED: Marks = Marks(8);
    /// Downloads do not count, and uploads count more.
    pub(crate) const FEATURED: Marks = Marks(32);
    /// It has strategies of its own.
    pub(crate) const SELECTION: Marks = Marks(64);
    /// The store has no row of it any more: it is told nothing of it.
    pub(crate) const GONE: Marks = Marks(128);

    pub(crate) fn has(self, mark: Marks) -> bool {
        self.0 & mark.0 != 0
    }

    pub(crate) fn set(&mut self, mark: Marks, on: bool) {
        if on {
            self.0 |= mark.0;
        } else {
            self.0 &= !mark.0;
        }
    }
}

/// No two of them share a bit.
const _: () = {
    let [Marks(even), Marks(odd)] = Marks::DIRTY;
    let (Marks(tokens), Marks(unstored)) = (Marks::TOKENS, Marks::UNSTORED);
    let (Marks(departed), Marks(featured)) = (Marks::DEPARTED, Marks::FEATURED);
    let (Marks(selection), Marks(gone)) = (Marks::SELECTION, Marks::GONE);
    let sum = even + odd + tokens + unstored + departed + featured + selection + gone;
    assert!(sum == even | odd | tokens | unstored | departed | featured | selection | gone);
};

const _: () = assert!(size_of::<Option<Torrent<crate::swarm::session::Private>>>() == 64);
const _: () = assert!(size_of::<Option<Torrent<crate::swarm::public::Public>>>() == 64);

impl<K: Kind> Torrent<K> {
    pub(crate) fn new(info_hash: InfoHash, id: u32) -> Self {
        Self {
            swarm: Swarm::default(),
            info_hash,
            id,
            upload_percent: 100,
            download_percent: 100,
            reason: ReasonId::default(),
            standing: Standing::Enabled,
            marks: Marks::default(),
        }
    }

    /// Seeders and leechers of both families; a public swarm counts addresses.
    pub(crate) fn counts(&self, v6_are_peers: bool) -> ScrapeCounts {
        let main = &self.swarm.main;
        let v6 = self.swarm.v6().filter(|_| v6_are_peers);
        let count = |main: usize, v6: usize| u32::try_from(main + v6).unwrap_or(u32::MAX);
        let seeders = count(main.seeders(), v6.map_or(0, |rows| rows.seeders()));
        let leechers = count(main.leechers(), v6.map_or(0, |rows| rows.leechers()));
        let leechers = leechers.saturating_sub(self.swarm.hidden());
        ScrapeCounts {
            seeders,
            snatches: main.snatches,
            leechers,
            downloaders: leechers.saturating_sub(self.swarm.paused()),
        }
    }
}

/// A part of all torrents, chosen by a keyed hash of the info-hash.
#[derive(Debug)]
pub(crate) struct Shard<K: Kind> {
    pub(crate) torrents: Slab<Torrent<K>>,
    table: Index,
    /// Second hashes of hybrid torrents, each with the first. They stay with a torrent that is
    /// deleted, as its record does: its clients are told the reason by either hash, and nobody
    /// registers it anew by the second.
    aliases: std::collections::HashMap<InfoHash, InfoHash>,
    pub(crate) tokens: Tokens,
    pub(crate) departed: Departed,
    pub(crate) silent: Silent,
    /// Bytes discarded, by torrent slot and session key, of sessions that have some, if the site
    /// asks for them.
    pub(crate) corrupt: IntegerMap<(u32, u64), u64>,
    /// Unix times of creation in seconds by torrent slot, if the site has wait times.
    created: IntegerMap<u32, u32>,
    /// Strategies by primary hash, of torrents that have their own, or will once they are known.
    strategies: std::collections::HashMap<InfoHash, Strategies>,
    pub(crate) pending: Pending,
    /// What detection has not taken yet.
    pub(crate) observed: Queue,
    /// The next cut contains every peer.
    pub(crate) write_all: bool,
    /// Walks over the rows that others take part in.
    pub(crate) scans: Vec<Scan>,
    /// Where the search for expired peers goes on: torrent slot, row.
    pub(crate) expiry_cursor: (u32, usize),
    pub(crate) seeders: u64,
    pub(crate) leechers: u64,
    /// Torrents with at least one peer.
    pub(crate) swarms: u64,
}

impl<K: Kind> Shard<K> {
    pub(crate) fn new() -> Self {
        Self {
            torrents: Slab::default(),
            table: Index::default(),
            aliases: std::collections::HashMap::new(),
            tokens: Tokens::default(),
            departed: Departed::new(),
            silent: Silent::new(),
            corrupt: IntegerMap::default(),
            created: IntegerMap::default(),
            strategies: std::collections::HashMap::new(),
            pending: Pending::default(),
            observed: Queue::default(),
            write_all: false,
            scans: Vec::new(),
            expiry_cursor: (0, 0),
            seeders: 0,
            leechers: 0,
            swarms: 0,
        }
    }

    pub(crate) fn find(&self, info_hash: &InfoHash, hash: u64) -> Option<u32> {
        self.torrents.prefetch();
        let is_it =
            |slot: u32| self.torrents.get(slot).is_some_and(|it| it.info_hash == *info_hash);
        self.table.find(hash, is_it)
    }

    /// Has what tells a torrent's slot brought near from memory.
    pub(crate) fn prefetch_slot(&self, hash: u64) {
        self.table.prefetch(hash);
        self.torrents.prefetch();
    }

    /// Has the record brought near that probably is that of a torrent with this hash.
    pub(crate) fn prefetch_record(&self, hash: u64) {
        if let Some(slot) = self.table.with_hash(hash).next() {
            self.torrents.prefetch_record(slot);
        }
    }

    /// The record that probably is that of a torrent with this hash.
    pub(crate) fn probable(&self, hash: u64) -> Option<&Torrent<K>> {
        self.torrents.get(self.table.with_hash(hash).next()?)
    }

    /// The first hash of a hybrid torrent, if this is its second.
    pub(crate) fn alias(&self, info_hash: &InfoHash) -> Option<InfoHash> {
        if self.aliases.is_empty() { None } else { self.aliases.get(info_hash).copied() }
    }

    pub(crate) fn set_alias(&mut self, second: InfoHash, first: InfoHash) {
        self.aliases.insert(second, first);
    }

    pub(crate) fn insert(&mut self, mut torrent: Torrent<K>, key: &HashKey) -> u32 {
        if !self.strategies.is_empty() && self.strategies.contains_key(&torrent.info_hash) {
            torrent.marks.set(Marks::SELECTION, true);
        }
        let hash = key.info_hash(&torrent.info_hash);
        let slot = self.torrents.insert(torrent);
        self.table.insert(hash, slot, hash_of(&self.torrents, key));
        slot
    }

    pub(crate) fn remove(&mut self, slot: u32, key: &HashKey) -> Option<Torrent<K>> {
        let hash = key.info_hash(&self.torrents.get(slot)?.info_hash);
        self.table.remove(hash, slot, hash_of(&self.torrents, key));
        self.torrents.remove(slot)
    }

    /// Puts a torrent on the list of those whose counts the next flush writes.
    pub(crate) fn mark_dirty(&mut self, slot: u32) {
        let dirty = self.pending.dirty_mark();
        if let Some(torrent) = self.torrents.get_mut(slot)
            && !torrent.marks.has(dirty)
        {
            torrent.marks.set(dirty, true);
            self.pending.torrents.push(slot);
        }
    }

    pub(crate) fn put_created(&mut self, slot: u32, at_seconds: u32) {
        if at_seconds > 0 {
            self.created.insert(slot, at_seconds);
        }
    }

    /// When a torrent was created, if that is kept.
    pub(crate) fn created_seconds(&self, slot: u32) -> Option<u32> {
        self.created.get(&slot).copied()
    }

    /// Gives a torrent strategies of its own, or takes them away; it need not be known yet.
    pub(crate) fn put_strategies(
        &mut self,
        info_hash: InfoHash,
        slot: Option<u32>,
        strategies: Option<Strategies>,
    ) {
        match strategies {
            Some(strategies) => _ = self.strategies.insert(info_hash, strategies),
            None => _ = self.strategies.remove(&info_hash),
        }
        if let Some(torrent) = slot.and_then(|slot| self.torrents.get_mut(slot)) {
            torrent.marks.set(Marks::SELECTION, strategies.is_some());
        }
    }

    /// The strategies that a torrent has of its own.
    pub(crate) fn strategies(&self, slot: u32) -> Option<Strategies> {
        let torrent = self.torrents.get(slot)?;
        let own = || self.strategies.get(&torrent.info_hash).copied();
        if torrent.marks.has(Marks::SELECTION) { own() } else { None }
    }

    /// Notes what a session has discarded; returns what it had before.
    pub(crate) fn put_corrupt(&mut self, slot: u32, key: u64, bytes: u64) -> u64 {
        match bytes {
            0 => self.forget_corrupt(slot, key),
            bytes => self.corrupt.insert((slot, key), bytes).unwrap_or(0),
        }
    }

    /// Forgets what a session has discarded; returns it.
    pub(crate) fn forget_corrupt(&mut self, slot: u32, key: u64) -> u64 {
        if self.corrupt.is_empty() { 0 } else { self.corrupt.remove(&(slot, key)).unwrap_or(0) }
    }

    /// Counts a peer that came.
    pub(crate) fn count_in(&mut self, class: Class, swarm_was_empty: bool) {
        *self.counter(class) += 1;
        self.swarms += u64::from(swarm_was_empty);
    }

    /// Counts a peer that went.
    pub(crate) fn count_out(&mut self, class: Class, swarm_is_empty: bool) {
        let counter = self.counter(class);
        *counter = counter.saturating_sub(1);
        self.swarms = self.swarms.saturating_sub(u64::from(swarm_is_empty));
    }

    /// Counts a peer that finished, or that lost a part.
    pub(crate) fn count_moved(&mut self, from: Class, to: Class) {
        self.count_out(from, false);
        self.count_in(to, false);
    }

    /// Counts a leecher that was hidden, or shows itself.
    pub(crate) fn count_hidden(&mut self, is_hidden: bool) {
        let leechers = &mut self.leechers;
        *leechers = if is_hidden { leechers.saturating_sub(1) } else { leechers.saturating_add(1) };
    }

    fn counter(&mut self, class: Class) -> &mut u64 {
        match class {
            Class::Seeder => &mut self.seeders,
            Class::Leecher => &mut self.leechers,
        }
    }
}

/// The hash of a torrent by its slot.
fn hash_of<K: Kind>(torrents: &Slab<Torrent<K>>, key: &HashKey) -> impl Fn(u32) -> u64 {
    |slot| torrents.get(slot).map_or(0, |torrent| key.info_hash(&torrent.info_hash))
}
