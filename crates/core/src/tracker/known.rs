//! What the tracker holds of single users and torrents, for a control plane that is told only a
//! part of what has changed.

use mika_protocol::{InfoHash, Passkey, ScrapeCounts};

use super::shards::Shards;
use super::{Swarms, Tracker};
use crate::registry::{ClientRule, TorrentSpec, TorrentStatus, TorrentTerms, UserSpec, UserTerms};
use crate::settings::Settings;
use crate::shard::{Marks, Standing};
use crate::swarm::Kind;

/// A user as the tracker holds it. The passkey is not part of it: only its digest is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownUser {
    /// Id in the store.
    pub id: u32,
    /// Role id.
    pub role_id: u16,
    /// Whether the user may announce as a leecher.
    pub download_enabled: bool,
    /// Whether the user's announces are refused for good.
    pub deleted: bool,
    /// What is different for this user.
    pub terms: UserTerms,
    /// Torrents that the user leeches now.
    pub leeching: u32,
}

impl KnownUser {
    /// One of whom nothing is known but the id and the role.
    pub fn new(id: u32, role_id: u16) -> Self {
        Self {
            id,
            role_id,
            download_enabled: true,
            deleted: false,
            terms: UserTerms::default(),
            leeching: 0,
        }
    }

    /// The form in which [`Tracker::put_user`] takes it.
    pub fn spec(&self, passkey: Passkey) -> UserSpec {
        UserSpec {
            id: self.id,
            passkey,
            role_id: self.role_id,
            download_enabled: self.download_enabled,
            deleted: self.deleted,
            terms: self.terms,
        }
    }
}

/// A torrent as the tracker holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownTorrent {
    /// Id in the store.
    pub id: u32,
    /// The hash by which announces name it.
    pub info_hash: InfoHash,
    /// Upload multiplier in percent.
    pub upload_percent: u16,
    /// Download multiplier in percent.
    pub download_percent: u16,
    /// A disabled torrent refuses announces for now.
    pub enabled: bool,
    /// A deleted torrent refuses announces for good.
    pub deleted: bool,
    /// Why it was deleted or disabled; empty for no reason given.
    pub reason: String,
    /// What is different for this torrent.
    pub terms: TorrentTerms,
    /// Seeders, leechers and snatches.
    pub counts: ScrapeCounts,
    /// The store has no row of it any more, so that no batch speaks of it.
    pub gone: bool,
}

impl KnownTorrent {
    /// One of which nothing is known but its names.
    pub fn new(id: u32, info_hash: InfoHash) -> Self {
        Self {
            id,
            info_hash,
            upload_percent: 100,
            download_percent: 100,
            enabled: true,
            deleted: false,
            reason: String::new(),
            terms: TorrentTerms::default(),
            counts: ScrapeCounts::default(),
            gone: false,
        }
    }

    /// The form in which [`Tracker::put_torrent`] takes it.
    pub fn spec(&self) -> TorrentSpec<'_> {
        TorrentSpec {
            id: self.id,
            info_hash: self.info_hash,
            info_hash_v2: None,
            upload_percent: self.upload_percent,
            download_percent: self.download_percent,
            enabled: self.enabled,
            deleted: self.deleted,
            reason: &self.reason,
            snatches: self.counts.snatches,
            terms: self.terms,
        }
    }
}

impl Tracker {
    /// A user by the store's id, deleted or not.
    pub fn known_user(&self, id: u32) -> Option<KnownUser> {
        let user = self.users.by_index(self.users.index_of(id)?)?;
        Some(KnownUser {
            id: user.id,
            role_id: user.role_id,
            download_enabled: user.download_enabled,
            deleted: user.deleted,
            terms: self.terms.of(&user).unwrap_or_default(),
            leeching: self.users.leeching(user.index),
        })
    }

    /// Replaces what is different for a user; false if there is none with this id.
    pub fn put_user_terms(&self, id: u32, terms: UserTerms) -> bool {
        let Some(index) = self.users.index_of(id) else { return false };
        self.terms.put(index, terms);
        self.users.mark_terms(index, terms != UserTerms::default());
        true
    }

    /// Closes one account; false if there is none with this id, or it is closed.
    pub fn retire_user(&self, id: u32) -> bool {
        let user = self.users.index_of(id).and_then(|index| self.users.by_index(index));
        let Some(user) = user.filter(|user| !user.deleted) else { return false };
        self.users.retire(user.index);
        true
    }

    /// A torrent by either of its hashes, deleted or not.
    pub fn known_torrent(&self, info_hash: InfoHash) -> Option<KnownTorrent> {
        match &self.swarms {
            Swarms::Private(shards) => self.known_in(shards, info_hash, false),
            Swarms::Public(shards) => self.known_in(shards, info_hash, true),
        }
    }

    fn known_in<K: Kind>(
        &self,
        shards: &Shards<K>,
        info_hash: InfoHash,
        v6_are_peers: bool,
    ) -> Option<KnownTorrent> {
        let (shard, slot) = shards.find(info_hash).ok()?;
        let torrent = shard.torrents.get(slot)?;
        let status = match torrent.standing {
            Standing::Enabled | Standing::Disabled | Standing::Deleted => TorrentStatus::Approved,
            Standing::Pending => TorrentStatus::Pending,
            Standing::Rejected => TorrentStatus::Rejected,
            Standing::Postponed => TorrentStatus::Postponed,
            Standing::NotApproved => TorrentStatus::Other,
        };
        let featured = torrent.marks.has(Marks::FEATURED);
        let created_at_seconds = shard.created_seconds(slot).unwrap_or_default();
        Some(KnownTorrent {
            id: torrent.id,
            info_hash: torrent.info_hash,
            upload_percent: torrent.upload_percent,
            download_percent: torrent.download_percent,
            enabled: torrent.standing != Standing::Disabled,
            deleted: torrent.standing == Standing::Deleted,
            reason: self.reasons.read().text(torrent.reason).to_owned(),
            terms: TorrentTerms { status, featured, created_at_seconds },
            counts: torrent.counts(v6_are_peers),
            gone: torrent.marks.has(Marks::GONE),
        })
    }

    /// Says that the store has removed the row of a torrent: no batch speaks of it from now on.
    pub fn torrent_removed(&self, info_hash: InfoHash) {
        match &self.swarms {
            Swarms::Private(shards) => removed_in(shards, info_hash),
            Swarms::Public(shards) => removed_in(shards, info_hash),
        }
    }

    /// The store's ids of the users who have a token on a torrent, in order.
    pub fn token_users(&self, info_hash: InfoHash) -> Vec<u32> {
        let Swarms::Private(shards) = &self.swarms else { return Vec::new() };
        let Ok((shard, slot)) = shards.find(info_hash) else { return Vec::new() };
        let id = |index: u32| self.users.by_index(index).map(|user| user.id);
        let mut ids: Vec<u32> = shard.tokens.users(slot).filter_map(id).collect();
        ids.sort_unstable();
        ids
    }

    /// The client rules in force.
    pub fn client_rules(&self) -> Vec<ClientRule> {
        self.rules.load().client_rules().to_vec()
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        self.rules.load().settings.clone()
    }
}

fn removed_in<K: Kind>(shards: &Shards<K>, info_hash: InfoHash) {
    if let Ok((mut shard, slot)) = shards.find(info_hash)
        && let Some(torrent) = shard.torrents.get_mut(slot)
    {
        torrent.marks.set(Marks::GONE, true);
    }
}
