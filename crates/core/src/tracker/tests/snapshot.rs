//! Snapshots that are taken while announces and flushes go on, and what a restart makes of them.

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::*;
use crate::restraint::Restraint;
use crate::swarm::session::SessionId;

const USERS: u32 = 30;
const TORRENTS: u8 = 2;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A client reports more, or a new one joins.
    Report {
        user: u32,
        torrent: u8,
        more: u16,
        seeds: bool,
    },
    Stop {
        user: u32,
        torrent: u8,
    },
    /// The client is gone without a word; the next one is another.
    Vanish {
        user: u32,
        torrent: u8,
    },
    Drain,
    Expire,
    /// Begins or ends the quarantine of a user.
    Quarantine {
        user: u32,
        on: bool,
    },
    /// Decides about what is withheld from a user; of every fifth it may be discarded.
    Decide {
        user: u32,
    },
    /// So many of the next steps are done after each item.
    Snapshot {
        steps_per_item: usize,
    },
    /// The process dies, also in the midst of a snapshot.
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let place = || (1..=USERS, 1..=TORRENTS);
    let step = prop_oneof![
        12 => (place(), any::<u16>(), any::<bool>()).prop_map(|((user, torrent), more, seeds)| {
            Step::Report { user, torrent, more, seeds }
        }),
        4 => place().prop_map(|(user, torrent)| Step::Stop { user, torrent }),
        2 => place().prop_map(|(user, torrent)| Step::Vanish { user, torrent }),
        1 => Just(Step::Drain),
        1 => Just(Step::Expire),
        2 => (1..=USERS, any::<bool>()).prop_map(|(user, on)| Step::Quarantine { user, on }),
        1 => (1..=USERS).prop_map(|user| Step::Decide { user }),
        1 => (1..4_usize).prop_map(|steps_per_item| Step::Snapshot { steps_per_item }),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 50..400)
}

/// What a client is: its peer id and what it has uploaded.
#[derive(Debug, Clone, Copy)]
struct Client {
    peer_id: PeerId,
    uploaded: u64,
}

/// A tracker with its clients, and a disk.
struct World {
    tracker: std::sync::Arc<Tracker>,
    now: u32,
    list: PeerList,
    clients: BTreeMap<(u32, u8), Client>,
    clients_begun: u32,
    quarantined: BTreeMap<u32, bool>,
    /// All batches; number 1 is the first.
    journal: Vec<Batch>,
    /// The batches that it contains, and its items.
    snapshot: (usize, Vec<SnapshotItem>),
}

fn fresh() -> Tracker {
    let settings = Settings { peer_timeout_seconds: 50, ..Settings::default() };
    let tracker = Tracker::new(Mode::Private, settings, KEY);
    tracker.put_role(ROLE);
    (1..=USERS).for_each(|id| tracker.put_user(user(id)).unwrap());
    (1..=TORRENTS).for_each(|id| tracker.put_torrent(torrent(id)).unwrap());
    tracker
}

/// All that a tracker knows, in an order.
fn known(tracker: &Tracker) -> Vec<String> {
    let mut items = Vec::new();
    for part in 0..Tracker::PARTS {
        tracker.snapshot(part, START, |item| items.push(format!("{item:?}")));
    }
    items.sort();
    items
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            tracker: fresh().into(),
            now: START,
            list: PeerList::new(1),
            clients: BTreeMap::new(),
            clients_begun: 0,
            quarantined: (1..=USERS).map(|user| (user, user % 2 == 0)).collect(),
            journal: Vec::new(),
            snapshot: (0, Vec::new()),
        };
        world.restrain();
        for user in 1..=USERS {
            world.report(user, 1, 0, user % 3 != 0);
        }
        world
    }

    fn run(&mut self, steps: &[Step]) -> TestCaseResult {
        let mut steps = steps.iter().copied();
        while let Some(step) = steps.next() {
            match step {
                Step::Snapshot { steps_per_item } => {
                    self.take_snapshot(&mut steps, steps_per_item)?;
                }
                Step::Crash => self.crash()?,
                other => self.step(other),
            }
        }
        self.crash()
    }

    fn step(&mut self, step: Step) {
        self.now += 1;
        match step {
            Step::Report { user, torrent, more, seeds } => {
                self.report(user, torrent, more.into(), seeds);
            }
            Step::Stop { user, torrent } => self.stop(user, torrent),
            Step::Vanish { user, torrent } => {
                self.clients.remove(&(user, torrent));
            }
            Step::Drain => self.drain(),
            Step::Expire => {
                for part in 0..Tracker::PARTS {
                    self.tracker.expire(part, self.now);
                }
            }
            Step::Quarantine { user, on } => {
                self.quarantined.insert(user, on);
                self.restrain();
            }
            Step::Decide { user } if user % 5 == 0 => {
                self.tracker.drop_withheld(user);
            }
            Step::Decide { user } => {
                self.tracker.release_withheld(user);
            }
            Step::Snapshot { .. } | Step::Crash => {}
        }
    }

    fn restrain(&self) {
        for (user, on) in &self.quarantined {
            let restraint = Restraint { quarantine: *on, ..Restraint::default() };
            assert!(self.tracker.set_restraint(*user, restraint));
        }
    }

    fn announce(&mut self, user: u32, torrent: u8, client: Client, left: u64, event: Event) {
        let mut by = by(user).on(hash(torrent)).moved(client.uploaded, 0).left(left).event(event);
        by.request.peer_id = client.peer_id;
        let source = Source { agent: Agent::NONE, ..Source::new(by.ip) };
        self.tracker.announce(&by.request, source, self.now, &mut self.list).unwrap();
    }

    fn report(&mut self, user: u32, torrent: u8, more: u64, seeds: bool) {
        let known = self.clients.get(&(user, torrent)).filter(|it| self.knows(user, torrent, it));
        let client = match known {
            Some(client) => Client { uploaded: client.uploaded + more, ..*client },
            None => {
                self.clients_begun += 1;
                let mut peer_id = PeerId(*b"-TR3000-000000000000");
                peer_id.0[8..12].copy_from_slice(&self.clients_begun.to_be_bytes());
                Client { peer_id, uploaded: 0 }
            }
        };
        self.announce(user, torrent, client, if seeds { 0 } else { 1000 }, Event::None);
        self.clients.insert((user, torrent), client);
    }

    fn stop(&mut self, user: u32, torrent: u8) {
        if let Some(client) = self.clients.remove(&(user, torrent))
            && self.knows(user, torrent, &client)
        {
            self.announce(user, torrent, client, 500, Event::Stopped);
        }
    }

    fn drain(&mut self) {
        let mut first_shard = Some(0);
        while let Some(first) = first_shard {
            let drained = self.tracker.drain(self.now, first, 5);
            first_shard = drained.next_shard;
            if !drained.batch.is_empty() {
                let number = self.journal.len() as u64 + 1;
                self.journal.push(Batch { number, ..drained.batch });
            }
        }
    }

    /// A client that is forgotten begins anew, for it would earn nothing for its first report.
    fn knows(&self, user: u32, torrent: u8, client: &Client) -> bool {
        let Swarms::Private(shards) = &self.tracker.swarms else { return false };
        let key = self.tracker.hash_key.session(user, &client.peer_id);
        let id = SessionId { user: self.tracker.users.index_of(user).unwrap(), key };
        let Ok((shard, slot)) = shards.find(hash(torrent)) else { return false };
        let swarm = &shard.torrents.get(slot).unwrap().swarm;
        swarm.main.find(&id, &self.tracker.hash_key).is_some()
    }

    fn take_snapshot(
        &mut self,
        steps: &mut impl Iterator<Item = Step>,
        steps_per_item: usize,
    ) -> TestCaseResult {
        let (number, tracker) = (self.journal.len(), self.tracker.clone());
        let (mut items, mut crashed) = (Vec::new(), false);
        for part in 0..Tracker::PARTS {
            tracker.snapshot(part, self.now, |item| {
                items.push(item);
                for step in steps.by_ref().take(if crashed { 0 } else { steps_per_item }) {
                    crashed |= matches!(step, Step::Crash);
                    self.step(step);
                }
            });
        }
        if crashed {
            return self.crash();
        }
        self.drain();
        self.snapshot = (number, items);
        Ok(())
    }

    fn crash(&mut self) -> TestCaseResult {
        let (number, items) = &self.snapshot;
        let tracker = fresh();
        for item in items {
            prop_assert!(tracker.restore(item));
        }
        for batch in &self.journal[*number..] {
            prop_assert_eq!(tracker.replay(batch), batch.sessions.len());
        }
        let by_batches = fresh();
        for batch in &self.journal {
            prop_assert_eq!(by_batches.replay(batch), batch.sessions.len());
        }
        prop_assert_eq!(known(&tracker), known(&by_batches));
        self.check_credit()?;
        self.check_withheld(&tracker)?;
        self.tracker = tracker.into();
        self.restrain();
        Ok(())
    }

    /// All clients began at 0, so what users are credited is what their sessions have come to.
    fn check_credit(&self) -> TestCaseResult {
        let rows = self.journal.iter().flat_map(|batch| &batch.sessions);
        let last: BTreeMap<_, _> = rows.map(|row| ((row.torrent_id, row.key), row)).collect();
        for user in 1..=USERS {
            let of_user = last.values().filter(|row| row.user_id == user);
            let uploaded: u64 = of_user.map(|row| row.uploaded_bytes).sum();
            let rows = self.journal.iter().flat_map(|batch| &batch.users);
            let of_user = rows.filter(|row| row.user_id == user);
            let credited: u64 = of_user.map(|row| row.traffic.uploaded_raw).sum();
            prop_assert_eq!(credited, uploaded, "user {}", user);
        }
        Ok(())
    }

    /// What was reported is credited, or withheld, or was withheld once and then discarded.
    fn check_withheld(&self, tracker: &Tracker) -> TestCaseResult {
        for user in 1..=USERS {
            let mut withheld = 0;
            for batch in &self.journal {
                let total = batch.withheld.iter().find(|row| row.user_id == user);
                let row = batch.users.iter().find(|row| row.user_id == user);
                let traffic = row.map(|row| row.traffic).unwrap_or_default();
                let before = withheld + traffic.uploaded_raw;
                withheld = total.map_or(withheld, |row| row.uploaded_bytes);
                let after = withheld + traffic.uploaded_credited;
                let discarded = user % 5 == 0 && total.is_some() && withheld == 0;
                prop_assert!(before == after || (discarded && before > after), "user {}", user);
            }
            prop_assert_eq!(tracker.withheld(user), withheld, "user {}", user);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_crash_at_any_point_brings_every_session_to_what_the_batches_add_up_to(steps in steps()) {
        World::new().run(&steps)?;
    }
}

/// Users with a session on torrent 1 that were there all the time, but not copied, if `change` is
/// what happens after the first four were.
fn missed(change: impl Fn(&mut World)) -> Vec<u32> {
    let mut world = World::new();
    world.drain();
    let tracker = world.tracker.clone();
    let mut copied = Vec::new();
    for part in 0..Tracker::PARTS {
        tracker.snapshot(part, START, |item| {
            let SnapshotItem::Session(row) = item else { return };
            copied.push(row.user_id);
            if copied.len() == 4 {
                change(&mut world);
            }
        });
    }
    let stayed = (1..=USERS).filter(|user| world.clients.contains_key(&(*user, 1)));
    stayed.filter(|user| !copied.contains(user)).collect()
}

#[test]
fn a_session_that_takes_the_place_of_one_that_left_is_copied_nevertheless() {
    // The ten leechers were the first; all others move into their places.
    let leavers: Vec<u32> = (1..=10).map(|it| it * 3).chain((1..=5).map(|it| it * 3 + 1)).collect();
    assert_eq!(missed(|world| leavers.iter().for_each(|user| world.stop(*user, 1))), []);
    for user in leavers {
        assert_eq!(missed(|world| world.stop(user, 1)), [], "user {user}");
    }
}

#[test]
fn a_session_that_takes_the_place_of_one_that_finished_is_copied_nevertheless() {
    for user in (1..=10).map(|it| it * 3) {
        assert_eq!(missed(|world| world.report(user, 1, 5, true)), [], "user {user}");
    }
}

#[test]
fn a_session_moves_towards_the_front_only_from_the_end_of_its_class_or_of_the_swarm() {
    use crate::swarm::session::Session;
    use crate::swarm::{Class, Dense, Row};
    let key = crate::hash::HashKey::new(KEY);
    let mut random = fastrand::Rng::with_seed(5);
    let mut dense: Dense<Session> = Dense::default();
    let class = |seeds| if seeds { Class::Seeder } else { Class::Leecher };
    for user in 0..3000 {
        let before: Vec<SessionId> = dense.iter().map(Row::id).collect();
        let movable = [dense.leechers().checked_sub(1), dense.len().checked_sub(1)];
        let grows = dense.len() < 8 || (user / 500 % 2 == 0 && random.u32(..3) > 0);
        let subject = if grows {
            let id = SessionId { user, key: random.u64(..) };
            dense.insert(Session::new(id, START), class(random.bool()), &key);
            id
        } else {
            let at = random.usize(..dense.len());
            let id = dense.get(at).unwrap().id();
            match random.bool() {
                true => drop(dense.remove(at, &key)),
                false => drop(dense.set_class(at, class(random.bool()), &key)),
            }
            id
        };
        for (at, id) in before.iter().enumerate().filter(|(_, id)| **id != subject) {
            let now = dense.find(id, &key).unwrap();
            assert!(now >= at || movable.contains(&Some(at)), "{at} to {now}");
        }
    }
}

#[test]
fn a_public_torrent_that_no_store_knows_is_copied_once_however_many_peers_it_has() {
    let mut site = Site::public();
    for user in 1..=9 {
        site.ok(by(user).on(hash(99)));
    }
    site.ok(by(1).on(hash(98)));
    site.ok(by(1).on(hash(98)).stopped());
    let mut items = Vec::new();
    for part in 0..Tracker::PARTS {
        site.tracker.snapshot(part, site.now, |item| items.push(item));
    }
    let torrents = items.iter().filter(|item| matches!(item, SnapshotItem::Torrent { .. }));
    let peers = items.iter().filter(|item| matches!(item, SnapshotItem::Peer { .. }));
    assert_eq!((torrents.count(), peers.count()), (2, 9));
}
