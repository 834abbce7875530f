//! How the control plane changes a tracker. Everything is in force for the next announce.

use mika_protocol::InfoHash;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::shards::Shards;
use super::{Swarms, Tracker};
use crate::batch::RegisteredRow;
use crate::refusal::ReasonId;
use crate::registry::{
    ClientRule, GlobalEvent, RegistryError, RoleSpec, TokenSpec, TorrentSpec, UserSpec,
};
use crate::rules::Rules;
use crate::selection::place::Places;
use crate::selection::strategy::Strategies;
use crate::settings::Settings;
use crate::shard::{Marks, Standing, Torrent};
use crate::swarm::Kind;

impl Tracker {
    /// Replaces the settings; announces under way finish with the old ones.
    pub fn set_settings(&self, settings: Settings) {
        self.change_rules(|rules| rules.set_settings(settings));
    }

    /// Hands in who knows the places of addresses. Strategies that need places are without effect
    /// until then. Its [`PlaceTable`](crate::selection::place::PlaceTable) must be the same one
    /// each time.
    pub fn set_places(&self, places: Arc<dyn Places>) {
        self.change_rules(|rules| rules.places = Some(places));
    }

    /// Gives a torrent strategies of its own, maybe [`Strategies::UNIFORM`]; `None`: those of the
    /// settings. They stay until they are changed, whatever becomes of the torrent's record, and
    /// wait for a torrent that is not known yet. How many there are is the caller's to limit.
    pub fn set_torrent_strategies(&self, info_hash: InfoHash, strategies: Option<Strategies>) {
        if strategies.is_some() && !self.rules.load().has_single_strategies() {
            self.change_rules(Rules::allow_single_strategies);
        }
        match &self.swarms {
            Swarms::Private(shards) => shards.put_strategies(info_hash, strategies),
            Swarms::Public(shards) => shards.put_strategies(info_hash, strategies),
        }
    }

    /// The strategies that a torrent has of its own.
    pub fn torrent_strategies(&self, info_hash: InfoHash) -> Option<Strategies> {
        match &self.swarms {
            Swarms::Private(shards) => shards.strategies(info_hash),
            Swarms::Public(shards) => shards.strategies(info_hash),
        }
    }

    /// Adds a role or replaces the one with its id.
    pub fn put_role(&self, role: RoleSpec) {
        self.put_named_role(role, "");
    }

    /// The same with the role's name, which members of a disabled role are told.
    pub fn put_named_role(&self, role: RoleSpec, name: &str) {
        let name = self.reasons.write().intern(name);
        self.change_rules(|rules| rules.put_role(role, name));
    }

    /// Removes a role; users who still have it may do everything at 100 %.
    pub fn remove_role(&self, id: u16) {
        self.change_rules(|rules| rules.remove_role(id));
    }

    /// Replaces all client rules.
    pub fn set_client_rules(&self, rules: Vec<ClientRule>) {
        self.change_rules(|all| all.set_clients(rules));
    }

    /// Replaces all global events.
    pub fn set_events(&self, events: Vec<GlobalEvent>) {
        self.change_rules(|rules| rules.set_events(events));
    }

    fn change_rules(&self, change: impl FnOnce(&mut Rules)) {
        let _one_at_a_time = self.rules_change.lock();
        let mut rules = Rules::clone(&self.rules.load());
        change(&mut rules);
        self.watched.store(rules.settings.detection.is_some(), Ordering::Relaxed);
        self.rules.store(Arc::new(rules));
    }

    /// Adds a user or replaces the one with its id; a changed passkey counts at once.
    pub fn put_user(&self, user: UserSpec) -> Result<(), RegistryError> {
        self.users.put(&user, self.rules.load().settings.users_max)?;
        if let Some(index) = self.users.index_of(user.id) {
            self.terms.put(index, user.terms);
        }
        Ok(())
    }

    /// Adds a torrent or replaces the one with its info-hash; its swarm stays.
    pub fn put_torrent(&self, torrent: TorrentSpec<'_>) -> Result<(), RegistryError> {
        let reason = self.reasons.write().intern(torrent.reason);
        if torrent.id >= RegisteredRow::FIRST_ID {
            self.totals
                .next_registered_id
                .fetch_max(torrent.id.saturating_add(1), Ordering::Relaxed);
        }
        match &self.swarms {
            Swarms::Private(shards) => self.put_torrent_in(shards, &torrent, reason),
            Swarms::Public(shards) => self.put_torrent_in(shards, &torrent, reason),
        }
    }

    fn put_torrent_in<K: Kind>(
        &self,
        shards: &Shards<K>,
        spec: &TorrentSpec<'_>,
        reason: ReasonId,
    ) -> Result<(), RegistryError> {
        let change = |torrent: &mut Torrent<K>| {
            torrent.id = spec.id;
            torrent.upload_percent = spec.upload_percent;
            torrent.download_percent = spec.download_percent;
            torrent.reason = reason;
            torrent.marks.set(Marks::UNSTORED, false);
            torrent.marks.set(Marks::GONE, false);
            torrent.marks.set(Marks::FEATURED, spec.terms.featured);
            torrent.standing = Standing::of(spec);
        };
        let created_at_seconds = match self.rules.load().settings.site.wait_times {
            true => spec.terms.created_at_seconds,
            false => 0,
        };
        match shards.find(spec.info_hash) {
            Ok((mut shard, slot)) => {
                let torrent = shard.torrents.get_mut(slot).ok_or(RegistryError::TorrentUnknown)?;
                if torrent.info_hash != spec.info_hash {
                    return Err(RegistryError::InfoHashTaken);
                }
                change(torrent);
                shard.put_created(slot, created_at_seconds);
                // The store has it by now, under its own id.
                shard.pending.registered.retain(|row| row.info_hash != spec.info_hash);
            }
            Err(Some(mut shard)) => {
                if !self.reserve_torrent(self.rules.load().settings.torrents_max) {
                    return Err(RegistryError::TorrentLimit);
                }
                let mut torrent = Torrent::new(spec.info_hash, spec.id);
                torrent.swarm.main.snatches = spec.snatches;
                change(&mut torrent);
                let slot = shard.insert(torrent, &self.hash_key);
                shard.put_created(slot, created_at_seconds);
            }
            Err(None) => return Err(RegistryError::InfoHashTaken),
        }
        if let Some(second) = spec.info_hash_v2 {
            self.put_alias(shards, second, spec.info_hash)?;
        }
        Ok(())
    }

    fn put_alias<K: Kind>(
        &self,
        shards: &Shards<K>,
        second: InfoHash,
        first: InfoHash,
    ) -> Result<(), RegistryError> {
        if let Ok((shard, slot)) = shards.find(second)
            && shard.torrents.get(slot).is_none_or(|torrent| torrent.info_hash != first)
        {
            return Err(RegistryError::InfoHashTaken);
        }
        shards.set_alias(second, first);
        Ok(())
    }

    /// Adds or replaces a user's token on a torrent.
    pub fn put_token(&self, info_hash: InfoHash, token: TokenSpec) -> Result<(), RegistryError> {
        let Swarms::Private(shards) = &self.swarms else { return Err(RegistryError::UserUnknown) };
        let user = self.users.index_of(token.user_id).ok_or(RegistryError::UserUnknown)?;
        let (mut shard, slot) =
            shards.find(info_hash).map_err(|_| RegistryError::TorrentUnknown)?;
        shard.tokens.put(slot, user, token);
        if let Some(torrent) = shard.torrents.get_mut(slot) {
            torrent.marks.set(Marks::TOKENS, true);
        }
        Ok(())
    }

    /// Removes a user's token on a torrent; false if there is none.
    pub fn remove_token(&self, info_hash: InfoHash, user_id: u32) -> bool {
        let Swarms::Private(shards) = &self.swarms else { return false };
        let (Some(user), Ok((mut shard, slot))) =
            (self.users.index_of(user_id), shards.find(info_hash))
        else {
            return false;
        };
        shard.tokens.remove(slot, user)
    }

    /// The info-hashes of torrents by their ids, for those ids that `wanted` accepts.
    pub fn info_hashes_of(&self, wanted: impl Fn(u32) -> bool) -> Vec<(u32, InfoHash)> {
        match &self.swarms {
            Swarms::Private(shards) => shards.info_hashes_of(wanted),
            Swarms::Public(shards) => shards.info_hashes_of(wanted),
        }
    }
}

impl<K: Kind> Shards<K> {
    fn put_strategies(&self, info_hash: InfoHash, strategies: Option<Strategies>) {
        match self.find(info_hash) {
            Ok((mut shard, slot)) => {
                let primary = shard.torrents.get(slot).map_or(info_hash, |it| it.info_hash);
                shard.put_strategies(primary, Some(slot), strategies);
            }
            Err(Some(mut shard)) => shard.put_strategies(info_hash, None, strategies),
            // The second hash of a torrent that is gone.
            Err(None) => {}
        }
    }

    fn strategies(&self, info_hash: InfoHash) -> Option<Strategies> {
        let (shard, slot) = self.find(info_hash).ok()?;
        shard.strategies(slot)
    }

    fn info_hashes_of(&self, wanted: impl Fn(u32) -> bool) -> Vec<(u32, InfoHash)> {
        let mut found = Vec::new();
        for shard in self.iter() {
            let shard = shard.lock();
            let torrents = shard.torrents.iter().map(|(_, torrent)| torrent);
            let wanted = torrents.filter(|torrent| wanted(torrent.id));
            found.extend(wanted.map(|torrent| (torrent.id, torrent.info_hash)));
        }
        found
    }
}
