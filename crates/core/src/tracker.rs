//! The tracker, and the five steps of an announce.

mod approach;
mod changed;
mod control;
mod departure;
mod derived;
mod drain;
mod expire;
mod explain;
mod known;
mod observe;
mod private;
mod public;
mod restore;
mod restrain;
mod retire;
mod rewrite;
mod seeded;
mod sessions;
mod shards;
mod snapshot;
mod swarms;
mod trace;
mod unregistered;
mod walk;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use mika_protocol::{AnnounceRequest, InfoHash, Passkey, PeerId, ScrapeCounts};
use parking_lot::{Mutex, RwLock};

use crate::admission;
use crate::batch::RegisteredRow;
use crate::detection::experiment::Plan;
use crate::hash::HashKey;
use crate::refusal::Refusal;
use crate::reply::{Answer, PeerList, Source};
use crate::restraint::Restraints;
use crate::rules::{Reasons, Rules};
use crate::selection::speed::MedianSpeed;
use crate::settings::{Mode, Settings};
use crate::swarm::public::Public;
use crate::swarm::session::Private;
use crate::terms::Terms;
use crate::trace::Recorder;
use crate::users::Users;
use crate::withheld::Withheld;
pub use approach::Approach;
use changed::Changed;
pub use changed::{ChangedSwarms, Expired};
pub use drain::Drained;
pub use known::{KnownTorrent, KnownUser};
use private::Visit;
pub use sessions::{SessionPage, SessionPlace, SessionView, SessionsOf};
use shards::Shards;
pub use snapshot::SnapshotItem;
pub use swarms::{SwarmCounts, SwarmPage, SwarmPlace};
use unregistered::Unregistered;

/// A tracker: users, torrents, rules and swarms.
#[derive(Debug)]
pub struct Tracker {
    hash_key: HashKey,
    rules: ArcSwap<Rules>,
    /// Serialises changes of `rules`; announces never take it.
    rules_change: Mutex<()>,
    reasons: RwLock<Reasons>,
    users: Users,
    terms: Terms,
    restraints: Restraints,
    withheld: Withheld,
    swarms: Swarms,
    totals: Totals,
    unregistered: Unregistered,
    /// Swarms whose counts changed, for those who follow them.
    changed: Changed,
    recorder: Recorder,
    median_speed: MedianSpeed,
    /// What some clients are told to see what they make of it; usually nothing.
    experiments: ArcSwap<Plan>,
    /// As the settings say, for whoever needs nothing else of them.
    watched: AtomicBool,
    /// Serialises drains; announces never take it.
    drains: Mutex<()>,
}

/// The swarms of a tracker's mode.
#[derive(Debug)]
enum Swarms {
    Private(Shards<Private>),
    Public(Shards<Public>),
}

/// Counts over all shards, for the limits.
#[derive(Debug)]
struct Totals {
    torrents: AtomicU64,
    /// Peers, and sessions that are gone but wait for a flush.
    peers: AtomicU64,
    /// `u32::MAX` once all were given.
    next_registered_id: AtomicU32,
    resumed_at_seconds: AtomicU32,
    departed_forgotten: AtomicU64,
}

/// How many of everything the tracker holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Torrents registered, deleted ones included.
    pub torrents: u64,
    /// Torrents with at least one peer.
    pub swarms: u64,
    /// Users registered, deleted ones included.
    pub users: u64,
    /// Sessions that have the whole torrent.
    pub seeders: u64,
    /// Sessions that lack some of it.
    pub leechers: u64,
    /// Rows that wait for the next flush.
    pub pending_rows: u64,
    /// Departed leechers that are remembered.
    pub departed: u64,
    /// Departed leechers and silent sessions not remembered because `limits.departed_sessions` was
    /// reached.
    pub departed_forgotten: u64,
    /// Announces of unknown or deleted torrents that were not noted, for there were too many.
    pub unregistered_dropped: u64,
}

impl Tracker {
    /// An empty tracker. `hash_key` is secret and random, and kept over restarts: it keeps
    /// strangers from choosing names that collide, and snapshots contain session keys.
    pub fn new(mode: Mode, settings: Settings, hash_key: [u8; 16]) -> Self {
        let watched = settings.detection.is_some();
        let hash_key = HashKey::new(hash_key);
        let swarms = match mode {
            Mode::Private => Swarms::Private(Shards::new(hash_key)),
            Mode::Public => Swarms::Public(Shards::new(hash_key)),
        };
        Self {
            hash_key,
            rules: ArcSwap::from_pointee(Rules::new(settings)),
            rules_change: Mutex::new(()),
            reasons: RwLock::default(),
            users: Users::new(hash_key),
            terms: Terms::default(),
            restraints: Restraints::default(),
            withheld: Withheld::default(),
            swarms,
            totals: Totals {
                torrents: AtomicU64::new(0),
                peers: AtomicU64::new(0),
                next_registered_id: AtomicU32::new(RegisteredRow::FIRST_ID),
                resumed_at_seconds: AtomicU32::new(0),
                departed_forgotten: AtomicU64::new(0),
            },
            unregistered: Unregistered::default(),
            changed: Changed::default(),
            recorder: Recorder::default(),
            median_speed: MedianSpeed::default(),
            experiments: ArcSwap::default(),
            watched: AtomicBool::new(watched),
            drains: Mutex::new(()),
        }
    }

    /// The identity in memory of a user's client, as in
    /// [`SessionRow::key`](crate::batch::SessionRow::key).
    pub fn session_key(&self, user_id: u32, peer_id: &PeerId) -> u64 {
        self.hash_key.session(user_id, peer_id)
    }

    /// Private or public.
    pub fn mode(&self) -> Mode {
        match self.swarms {
            Swarms::Private(_) => Mode::Private,
            Swarms::Public(_) => Mode::Public,
        }
    }

    /// Answers one announce; the peers are written to `peers`.
    pub fn announce(
        &self,
        request: &AnnounceRequest,
        source: Source,
        now_seconds: u32,
        peers: &mut PeerList,
    ) -> Result<Answer, Refusal> {
        peers.clear();
        let result = match &self.swarms {
            Swarms::Private(shards) => {
                self.announce_private(shards, request, source, now_seconds, peers)
            }
            Swarms::Public(shards) => {
                self.announce_public(shards, request, source, now_seconds, peers)
            }
        };
        if self.recorder.is_on() {
            self.record(request, &source, now_seconds, peers, &result);
        }
        result
    }

    /// The five steps. The lock of the torrent's shard is held from the second to the last.
    fn announce_private(
        &self,
        shards: &Shards<Private>,
        request: &AnnounceRequest,
        source: Source,
        now_seconds: u32,
        peers: &mut PeerList,
    ) -> Result<Answer, Refusal> {
        let rules = self.rules.load();

        // 1. Admission: who is it, and may they announce this torrent?
        let user = admission::user(&self.users, request)
            .or_else(|it| self.admit_derived(&rules, request, it))
            .map_err(|it| self.refuse_stranger(shards, &rules, request, &source, it))?;
        let visit = Visit::new(self, &rules, user, request, &source, now_seconds);
        let Some((mut shard, slot)) = visit.enter(shards)? else { return Ok(visit.farewell()) };

        // 2. Swarm: the session as it was, and as it is now.
        let change = visit.change_swarm(&mut shard, slot).inspect_err(|it| visit.note(*it))?;

        // 3. Accounting: the difference is what the next flush writes.
        peers.counted = visit.account(&mut shard, slot, &change);
        if let Some(refusal) = change.refusal() {
            visit.note(refusal);
            visit.observe(&mut shard, slot, &change, None, peers);
            return Err(refusal);
        }

        // 4. Selection: whom the client may talk to.
        let choice = visit.learn(&mut shard, slot, &change, peers);
        visit.select_peers(&shard, slot, &change, choice.as_ref(), peers);

        // 5. Answer, and look after one row that may have expired. Detection is told, if it is on.
        let mut answer = visit.answer(&shard, slot, &change, peers);
        visit.observe(&mut shard, slot, &change, Some(&mut answer), peers);
        visit.clean_one(&mut shard, slot, peers);
        Ok(answer)
    }

    /// Whether a scrape with this passkey may be answered. `info_hash`: the first that it asks for,
    /// to which a derived passkey has to belong.
    pub fn admit_scrape(
        &self,
        passkey: Option<&Passkey>,
        info_hash: Option<InfoHash>,
    ) -> Result<(), Refusal> {
        if self.mode() == Mode::Public {
            return Ok(());
        }
        let passkey = passkey.ok_or(Refusal::PasskeyMissing)?;
        match self.user_of(passkey, info_hash) {
            None => Err(Refusal::PasskeyUnknown),
            Some(user) if user.deleted => Err(Refusal::UserDeleted),
            Some(_) => Ok(()),
        }
    }

    /// The store's id of whoever has a passkey.
    pub fn user_id_of(&self, passkey: &Passkey) -> Option<u32> {
        self.users.by_passkey(passkey).map(|user| user.id)
    }

    /// The store's id of whoever announces or scrapes a torrent with a passkey, which may be a
    /// derived one.
    pub fn announcer_id_of(&self, passkey: &Passkey, info_hash: Option<InfoHash>) -> Option<u32> {
        self.user_of(passkey, info_hash).map(|user| user.id)
    }

    /// The counts of one torrent. `None` if a private tracker does not know it, or it is deleted;
    /// a public one answers zeros.
    pub fn scrape(&self, info_hash: InfoHash) -> Option<ScrapeCounts> {
        match &self.swarms {
            Swarms::Private(shards) => shards.counts(info_hash, false),
            Swarms::Public(shards) => Some(shards.counts(info_hash, true).unwrap_or_default()),
        }
    }

    /// How many of everything there is now.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats {
            torrents: self.totals.torrents.load(Ordering::Relaxed),
            users: self.users.len() as u64,
            departed_forgotten: self.totals.departed_forgotten.load(Ordering::Relaxed),
            unregistered_dropped: self.unregistered.counts().1,
            pending_rows: self.unregistered.counts().0,
            ..Stats::default()
        };
        match &self.swarms {
            Swarms::Private(shards) => shards.add_stats(&mut stats),
            Swarms::Public(shards) => shards.add_stats(&mut stats),
        }
        stats
    }
}

#[cfg(test)]
mod tests;
