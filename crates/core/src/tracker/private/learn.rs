//! What the choice of peers has to know of a client, learned from its announces.

use super::{Change, Visit};
use crate::address::{socket4, socket6};
use crate::reply::PeerList;
use crate::selection::place::{PlaceId, PlaceTable, Places};
use crate::selection::profile::{Kept, LogCounter, Profile};
use crate::selection::speed;
use crate::selection::strategy::Strategies;
use crate::selection::weighted::Choice;
use crate::selection::weights::{GIVEN_STEP, Near, SEEDED_STEP_SECONDS};
use crate::shard::Shard;
use crate::swarm::session::{Private, Session};
use crate::swarm::{Class, SizeEstimate, Swarm};

impl<'a> Visit<'a> {
    /// Learns what an announce tells, and says by what the client's peers are to be chosen. `None`:
    /// uniformly at random.
    #[inline]
    pub(in crate::tracker) fn learn(
        &self,
        shard: &mut Shard<Private>,
        slot: u32,
        change: &Change,
        list: &mut PeerList,
    ) -> Option<Choice<'a>> {
        if self.rules.selects { self.learn_for_choice(shard, slot, change, list) } else { None }
    }

    #[inline(never)]
    fn learn_for_choice(
        &self,
        shard: &mut Shard<Private>,
        slot: u32,
        change: &Change,
        list: &mut PeerList,
    ) -> Option<Choice<'a>> {
        let strategies = self.rules.strategies(shard.strategies(slot));
        let swarm = &mut shard.torrents.get_mut(slot)?.swarm;
        if strategies.is_uniform() {
            swarm.drop_profiles();
            return None;
        }
        if change.gone {
            return None;
        }
        let places = self.rules.places(strategies);
        let at = swarm.main.find(&self.id, &self.tracker.hash_key)?;
        let class = swarm.main.class_of(at);
        let marked = class == Class::Seeder
            && self.rules.weights.always_includes(strategies, self.user.role_id);
        let kept = Kept::of(strategies);
        let profiles = swarm.main.keep_profiles(kept)?;
        if class == Class::Leecher {
            profiles.size.tell(self.request.left.saturating_add(self.request.downloaded));
        }
        let mut profile = profiles.get(at);
        if let Some(places) = places {
            let moved = change.before.is_none_or(|before| before.v4 != change.after.v4);
            let ip = socket4(change.after.v4).map(|socket| (*socket.ip()).into());
            profile.learn_place(places, ip, moved);
        }
        if strategies.has_any(Strategies::ECONOMY) {
            self.learn_deeds(&mut profile, (strategies, profiles.size), class, change, list);
            let median = self.tracker.median_speed.eighths();
            let (deeds, role_id) = (profile.deeds(), self.user.role_id);
            profile.set_weight(self.rules.weights.economy(strategies, deeds, role_id, median));
        }
        profiles.set(at, profile);
        profiles.mark(self.id, marked);
        let v6 = self.learn_v6(swarm, change, places, (profile, kept), marked);
        let near = places.and_then(|places| near(places.table(), profile.place(), v6));
        Some(Choice { weights: &self.rules.weights, strategies, near })
    }

    /// The same for the session's IPv6 endpoint; returns its place.
    fn learn_v6(
        &self,
        swarm: &mut Swarm<Private>,
        change: &Change,
        places: Option<&dyn Places>,
        (mut profile, kept): (Profile, Kept),
        marked: bool,
    ) -> PlaceId {
        let learned = change.v6.zip(swarm.extra.as_deref_mut()).and_then(|(endpoint, extra)| {
            let at = extra.v6.find(&self.id, &self.tracker.hash_key)?;
            let profiles = extra.v6.keep_profiles(kept)?;
            profile.take_place_of(&profiles.get(at));
            if let Some(places) = places {
                let ip = socket6(endpoint).map(|socket| (*socket.ip()).into());
                profile.learn_place(places, ip, false);
            }
            profiles.set(at, profile);
            profiles.mark(self.id, marked);
            Some(profile.place())
        });
        learned.unwrap_or(PlaceId::UNKNOWN)
    }

    /// Counts what a client has done since its last announce.
    fn learn_deeds(
        &self,
        profile: &mut Profile,
        (strategies, size): (Strategies, SizeEstimate),
        class: Class,
        change: &Change,
        list: &mut PeerList,
    ) {
        let mut deeds = profile.deeds();
        let before = change.before.as_ref().or(change.silent.as_ref());
        let timeout_seconds = self.rules.settings.peer_timeout_seconds;
        let seconds_since = |at_seconds: u32| self.now_seconds.saturating_sub(at_seconds);
        let seconds = before.map_or(0, |before| seconds_since(before.last_seconds()));
        let seconds = seconds.min(timeout_seconds);
        let speed = speed::class_of(list.counted.uploaded_raw, seconds);
        self.tracker.median_speed.tell(speed);
        deeds.speed = deeds.speed.max(speed);
        let seeded = |before: &&Session| before.left.get() == 0 && class == Class::Seeder;
        if class == Class::Leecher {
            (deeds.given, deeds.seeded) = (LogCounter::default(), LogCounter::default());
        } else if let Some(before) = before.filter(seeded) {
            let (mut given, mut seeded_seconds) = (list.counted.uploaded_credited, seconds);
            if !profile.is_learned() {
                // From before a restart of the tracker, or before a strategy was turned on.
                given = given.saturating_add(before.uploaded.get());
                seeded_seconds = seconds_since(before.started_seconds());
            }
            let rng = &mut list.picker.rng;
            // Others are not kept.
            if strategies.has(Strategies::SEED_TIME) {
                let steps = seeded_seconds as f32 / SEEDED_STEP_SECONDS;
                deeds.seeded = deeds.seeded.add(steps, rng);
            }
            if strategies.has(Strategies::COMPLETION)
                && let Some(size_bytes) = size.bytes()
            {
                let steps = given as f64 / size_bytes / f64::from(GIVEN_STEP);
                deeds.given = deeds.given.add(steps as f32, rng);
            }
        }
        profile.set_deeds(deeds);
    }
}

/// Where the asker is, by either of its addresses.
fn near(table: &PlaceTable, v4: PlaceId, v6: PlaceId) -> Option<(Near, &PlaceTable)> {
    let known = |id| Some(table.get(id)).filter(|place| !place.is_unknown());
    known(v4).or_else(|| known(v6)).map(|place| (Near::new(place), table))
}
