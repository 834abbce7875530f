//! A public announce: the same steps without users and accounting.

use std::net::IpAddr;

use mika_protocol::{AnnounceRequest, Event, ScrapeCounts};

use super::Tracker;
use super::shards::Shards;
use crate::address::{self, is_local};
use crate::admission;
use crate::hash::HashKey;
use crate::refusal::Refusal;
use crate::reply::{Answer, PeerList, Source};
use crate::rules::Rules;
use crate::selection::place::{PlaceTable, Places};
use crate::selection::profile::Kept;
use crate::selection::strategy::Strategies;
use crate::selection::weighted::{Choice, select_weighted};
use crate::selection::weights::Near;
use crate::selection::{self, Asker, Picker};
use crate::shard::Shard;
use crate::swarm::public::{PUBLIC_TIMEOUT_SECONDS_MAX, Public, PublicPeer};
use crate::swarm::{Class, Dense, Peer, Row};

/// What one announce says, with the address it came from.
#[derive(Debug, Clone, Copy)]
struct Report<const N: usize> {
    endpoint: [u8; N],
    local: bool,
    class: Class,
    paused: bool,
    leaving: bool,
    now_seconds: u32,
}

/// What it did to a table of peers.
#[derive(Debug, Default)]
struct Outcome {
    came: Option<Class>,
    went: Option<Class>,
    moved: Option<(Class, Class)>,
    was_paused: bool,
    is_paused: bool,
    finished: bool,
}

impl Tracker {
    pub(super) fn announce_public(
        &self,
        shards: &Shards<Public>,
        request: &AnnounceRequest,
        source: Source,
        now_seconds: u32,
        peers: &mut PeerList,
    ) -> Result<Answer, Refusal> {
        let rules = self.rules.load();

        // 1. Admission.
        admission::client(&rules, request, &source)?;
        admission::counters(request)?;
        let entered = self.enter(shards, &rules, request, Ok(()), Ok(()), now_seconds)?;
        let Some((mut shard, slot)) = entered else {
            return Ok(Answer::new(&rules.settings, ScrapeCounts::default()));
        };
        admission::torrent(shard.torrents.get(slot).ok_or(Refusal::TorrentUnknown)?)?;

        // 2. Swarm.
        let class = Class::of_left(request.left);
        let claimed = rules.settings.use_claimed_addresses;
        let ip = match source.ip {
            IpAddr::V4(ip) => request.claimed_v4.filter(|_| claimed).unwrap_or(ip).into(),
            IpAddr::V6(ip) => request.claimed_v6.filter(|_| claimed).unwrap_or(ip).into(),
        };
        let leaving = request.event == Event::Stopped;
        let report = |endpoint| Report {
            endpoint,
            local: is_local(ip),
            class,
            paused: request.paused && class == Class::Leecher,
            leaving,
            now_seconds,
        };
        let peers_max = rules.settings.peers_max;
        match ip {
            IpAddr::V4(ip) => {
                let endpoint = address::endpoint4(ip, request.port);
                self.report(&mut shard, slot, report(endpoint), peers_max, |swarm| swarm.main())?;
            }
            IpAddr::V6(ip) => {
                let Report { local, class, paused, leaving, now_seconds, .. } = report([0; 6]);
                let endpoint = address::endpoint6(ip, request.port);
                let report = Report { endpoint, local, class, paused, leaving, now_seconds };
                self.report(&mut shard, slot, report, peers_max, |swarm| swarm.v6_mut())?;
            }
        }

        // 4. Selection, of the asker's own family: nothing is known of the other.
        let asker = Asker {
            user: u32::MAX,
            wants_no_data: request.left == 0 || request.paused,
            local: is_local(source.ip),
            now_seconds,
            peer_timeout_seconds: timeout(rules.settings.peer_timeout_seconds),
        };
        let want = if leaving { 0 } else { rules.settings.numwant(request) };
        self.select_public(&rules, &mut shard, slot, (ip, request.port), &asker, want, peers);

        // 5. Answer.
        let torrent = shard.torrents.get(slot).ok_or(Refusal::TorrentUnknown)?;
        Ok(Answer::new(&rules.settings, torrent.counts(true)))
    }

    #[expect(clippy::too_many_arguments, reason = "a step of the function above")]
    #[inline(always)]
    fn select_public(
        &self,
        rules: &Rules,
        shard: &mut Shard<Public>,
        slot: u32,
        (ip, port): (IpAddr, u16),
        asker: &Asker,
        want: usize,
        list: &mut PeerList,
    ) {
        let strategies = rules.selects.then(|| rules.strategies(shard.strategies(slot)));
        let learning = strategies.map(|it| (it, rules.places(it)));
        let Some(torrent) = shard.torrents.get_mut(slot) else { return };
        let key = &self.hash_key;
        let PeerList { v4, v6, picker, .. } = list;
        match ip {
            IpAddr::V4(ip) => {
                let own = address::endpoint4(ip, port);
                let table = torrent.swarm.main();
                let near = learning.and_then(|it| learn(table, &own, ip.into(), it, key));
                let choice = choice(rules, near);
                select(table, &own, (asker, choice.as_ref(), key), want, picker, v4);
            }
            IpAddr::V6(ip) => {
                let own = address::endpoint6(ip, port);
                let Some(extra) = torrent.swarm.extra.as_deref_mut() else { return };
                let table = &mut extra.v6;
                let near = learning.and_then(|it| learn(table, &own, ip.into(), it, key));
                let choice = choice(rules, near);
                select(table, &own, (asker, choice.as_ref(), key), want, picker, v6);
            }
        }
    }

    fn report<const N: usize>(
        &self,
        shard: &mut Shard<Public>,
        slot: u32,
        report: Report<N>,
        peers_max: u64,
        table: impl FnOnce(&mut crate::swarm::Swarm<Public>) -> &mut Dense<PublicPeer<N>>,
    ) -> Result<(), Refusal> {
        let swarm = &mut shard.torrents.get_mut(slot).ok_or(Refusal::TorrentUnknown)?.swarm;
        let was_empty = swarm.is_empty();
        let outcome = apply(table(swarm), &report, &self.hash_key, || self.reserve_peer(peers_max))
            .ok_or(Refusal::PeerLimit)?;
        swarm.count_paused(outcome.was_paused, outcome.is_paused);
        swarm.drop_empty_extra();
        let is_empty = swarm.is_empty();
        if let Some(class) = outcome.came {
            shard.count_in(class, was_empty);
        }
        if let Some(class) = outcome.went {
            shard.count_out(class, is_empty);
            self.release_peer();
        }
        if let Some((from, to)) = outcome.moved {
            shard.count_moved(from, to);
        }
        self.count_public(shard, slot, outcome.finished);
        Ok(())
    }

    /// Puts the torrent's counts on the list for the next flush, if a store knows the torrent.
    pub(super) fn count_public(&self, shard: &mut Shard<Public>, slot: u32, finished: bool) {
        let Some(torrent) = shard.torrents.get_mut(slot) else { return };
        if finished {
            torrent.swarm.main.snatches = torrent.swarm.main.snatches.saturating_add(1);
        }
        if torrent.marks.has(crate::shard::Marks::UNSTORED) {
            return;
        }
        if finished {
            let id = torrent.id;
            let snatches = shard.pending.public_snatches.entry(id).or_insert(0);
            *snatches = snatches.saturating_add(1);
        }
        shard.mark_dirty(slot);
    }
}

/// The timeout of a public swarm, whose rows cannot count further.
pub(super) fn timeout(peer_timeout_seconds: u32) -> u32 {
    peer_timeout_seconds.min(PUBLIC_TIMEOUT_SECONDS_MAX)
}

/// Enters a report into its table; `None` if there is no room.
fn apply<const N: usize>(
    table: &mut Dense<PublicPeer<N>>,
    report: &Report<N>,
    key: &HashKey,
    reserve: impl FnOnce() -> bool,
) -> Option<Outcome> {
    table.prefetch_few();
    let at = table.find(&report.endpoint, key);
    match (at, report.leaving) {
        (None, true) => Some(Outcome::default()),
        (Some(at), true) => {
            let class = table.class_of(at);
            let was_paused = table.get(at).is_some_and(Peer::is_paused);
            table.remove(at, key);
            Some(Outcome { went: Some(class), was_paused, ..Outcome::default() })
        }
        (Some(at), false) => {
            let from = table.class_of(at);
            let to = report.class;
            let finishes = from == Class::Leecher && to == Class::Seeder;
            let at = table.set_class(at, to, key);
            let row = table.get_mut(at)?;
            let (was_paused, finished) = row.announce(report.now_seconds, report.paused, finishes);
            let moved = (from != to).then_some((from, to));
            let is_paused = report.paused;
            Some(Outcome { moved, was_paused, is_paused, finished, ..Outcome::default() })
        }
        (None, false) => {
            if !reserve() {
                return None;
            }
            let mut row = PublicPeer::new(report.endpoint, report.local);
            row.announce(report.now_seconds, report.paused, false);
            table.insert(row, report.class, key);
            let is_paused = report.paused;
            Some(Outcome { came: Some(report.class), is_paused, ..Outcome::default() })
        }
    }
}

/// Where a public asker is. Nothing else is known of it, for it has neither user nor account.
#[inline(never)]
fn learn<'p, const N: usize>(
    table: &mut Dense<PublicPeer<N>>,
    own: &[u8; N],
    ip: IpAddr,
    (strategies, places): (Strategies, Option<&'p dyn Places>),
    key: &HashKey,
) -> Option<(Near, &'p PlaceTable)> {
    let Some(places) = places else {
        table.drop_profiles();
        return None;
    };
    let at = table.find(own, key)?;
    let profiles = table.keep_profiles(Kept::NoDeeds)?;
    let mut profile = profiles.get(at);
    profile.learn_place(places, Some(ip), false);
    profiles.set(at, profile);
    let place = places.table().get(profile.place());
    let matters = strategies.has(Strategies::LOCATION) && !place.is_unknown();
    matters.then(|| (Near::new(place), places.table()))
}

/// By what a public asker's peers are chosen; `None` for uniformly at random.
fn choice<'a>(rules: &'a Rules, near: Option<(Near, &'a PlaceTable)>) -> Option<Choice<'a>> {
    let strategies = Strategies::LOCATION;
    near.map(|near| Choice { weights: &rules.weights, strategies, near: Some(near) })
}

/// Picks for a public asker, who is recognised by its endpoint.
fn select<const N: usize>(
    table: &Dense<PublicPeer<N>>,
    own: &[u8; N],
    (asker, choice, key): (&Asker, Option<&Choice<'_>>, &HashKey),
    want: usize,
    picker: &mut Picker,
    rows: &mut Vec<u8>,
) {
    // One more than wanted, for the asker may be among them.
    let more = want.saturating_add(usize::from(want > 0));
    let mut left = want;
    let take = |peer: &PublicPeer<N>| {
        if left > 0 && peer.id() != *own {
            rows.extend_from_slice(&peer.endpoint);
            left -= 1;
        }
    };
    match choice {
        None => selection::select(table, asker, more, picker, take),
        Some(choice) => select_weighted(table, asker, choice, more, picker, key, take),
    };
}
