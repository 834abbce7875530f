//! A crash: what was announced after the last batch is gone, but the clients still know it.
//!
//! The run goes on twice from the last batch: with the tracker that lives, and with one that was
//! restored from the last snapshot and all batches since. After every client has announced once
//! more, the sums of both must be equal. Clients that stop, start or restart between the last
//! batch and the crash are left out: nobody knows any more what they had said.

use mika_core::{PeerList, Source, Tracker};
use proptest::prelude::*;

use crate::reference::Sums;
use crate::steps::{Family, Left, Odd, Progress, Report, Step};
use crate::world::{Store, World, address};

/// An announce that no batch contains.
#[derive(Debug, Clone)]
pub struct Lost {
    who: prop::sample::Index,
    up: u64,
    down: u64,
    after: u32,
}

pub fn lost() -> impl Strategy<Value = Lost> {
    (any::<prop::sample::Index>(), 0..1_000_000_u64, 0..600_000_u64, 1..20_u32)
        .prop_map(|(who, up, down, after)| Lost { who, up, down, after })
}

/// A regular announce of one client on one torrent.
fn report((user, client, torrent): (u32, u8, u8), up: u64, down: u64) -> Report {
    Report {
        user,
        client,
        torrent,
        second_hash: false,
        family: Family::V6,
        one_family: false,
        progress: Progress::Moves { up, down },
        left: Left::Downloaded,
        event: 0,
        paused: false,
        numwant: None,
        odd: Odd::Nothing,
        after: 1,
        echo: false,
    }
}

pub fn run(before: &[Step], lost: &[Lost]) {
    let mut world = World::new();
    before.iter().for_each(|step| world.take(step));
    world.allow_everything();
    let name = |peer_id: [u8; 20]| peer_id[19];
    let sessions = world.model.sessions.iter();
    let live: Vec<(u32, u8, u8)> =
        sessions.map(|it| (it.user, name(it.peer_id.0), it.torrent as u8)).collect();
    if live.is_empty() {
        return;
    }
    live.iter().for_each(|key| world.announce(&report(*key, 0, 0)));
    world.drain();
    let (written, restored) = (world.store.clone(), world.restored());

    for Lost { who, up, down, after } in lost {
        let key = live[who.index(live.len())];
        world.announce(&Report { after: *after, ..report(key, *up, *down) });
    }
    let mut list = PeerList::new(1);
    for key in &live {
        let report = report(*key, 7, 11);
        world.wait(1);
        let request = world.request(&report);
        world.send(&report, &request);
        let source = Source::new(address(&report).0);
        restored.announce(&request, source, world.now, &mut list).unwrap();
    }
    world.drain();
    compare(&world.store, &after(written, &restored, world.now));
}

fn after(mut written: Store, tracker: &Tracker, now: u32) -> Store {
    let drained = tracker.drain(now, 0, usize::MAX);
    assert_eq!(drained.next_shard, None);
    written.add(&drained.batch);
    written
}

fn compare(lived: &Store, crashed: &Store) {
    let moved = |(key, sums): (&u32, &Sums)| (*key, sums.traffic, sums.snatches);
    assert!(lived.users.iter().map(moved).eq(crashed.users.iter().map(moved)));
    assert!(lived.torrents.iter().map(moved).eq(crashed.torrents.iter().map(moved)));
    let moved = |(key, sums): (&(u32, u32), &Sums)| (*key, sums.traffic, sums.snatches);
    assert!(lived.history.iter().map(moved).eq(crashed.history.iter().map(moved)));
    for (key, sums) in &lived.history {
        // Of one who finished meanwhile, the restored tracker does not know when.
        assert!(crashed.history[key].seed_seconds <= sums.seed_seconds);
        if sums.snatches == 0 {
            assert_eq!(crashed.history[key].seed_seconds, sums.seed_seconds);
        }
    }
}
