//! Many threads at once: announces, flushes, a snapshot, sweeps and control changes, after which
//! every byte is where it belongs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use mika_core::batch::{Batch, Traffic};
use mika_core::registry::{GlobalEvent, RoleSpec, TokenSpec, TorrentSpec, UserSpec};
use mika_core::selection::strategy::{Selection, Strategies};
use mika_core::{
    Mode, PeerList, Place, PlaceId, PlaceTable, Places, Settings, SnapshotItem, Source, Tracker,
};
use mika_protocol::{AnnounceRequest, Event, InfoHash, Passkey, PeerId};

const NOW: u32 = 1_800_000_000;
const ANNOUNCERS: u32 = 4;
const USERS_EACH: u32 = 40;
const TORRENTS: u8 = 5;
const ROUNDS: u64 = 30;

fn hash(torrent: u8) -> InfoHash {
    InfoHash([torrent; 20])
}

fn user(id: u32) -> UserSpec {
    UserSpec::new(id, Passkey::new(format!("passkey{id}").as_bytes()).unwrap(), 1)
}

/// Torrent 2 is a hybrid with the second hash 102.
fn torrent(id: u8) -> TorrentSpec<'static> {
    TorrentSpec {
        info_hash_v2: (id == 2).then(|| hash(102)),
        upload_percent: 200,
        ..TorrentSpec::new(id.into(), hash(id))
    }
}

fn register(tracker: &Tracker) {
    (1..=ANNOUNCERS * USERS_EACH).for_each(|id| tracker.put_user(user(id)).unwrap());
    (1..=TORRENTS).for_each(|id| tracker.put_torrent(torrent(id)).unwrap());
}

/// The announce of a user in a round: 100 bytes up and 10 down more each time, and done at last.
fn request(id: u32, torrent: u8, round: u64) -> (AnnounceRequest, Source) {
    let mut peer_id = *b"-TR3000-000000000000";
    peer_id[12..16].copy_from_slice(&id.to_be_bytes());
    let v6 = round % 3 == 1;
    let ip: IpAddr = match v6 {
        true => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, id as u16).into(),
        false => Ipv4Addr::new(20, 0, (id >> 8) as u8, id as u8).into(),
    };
    let request = AnnounceRequest {
        info_hash: if torrent == 2 && v6 { hash(102) } else { hash(torrent) },
        peer_id: PeerId(peer_id),
        passkey: Some(user(id).passkey),
        port: 6881,
        uploaded: 100 * round,
        downloaded: 10 * round,
        left: 10 * (ROUNDS - round.min(ROUNDS)),
        corrupt: 0,
        event: Event::None,
        paused: false,
        numwant: None,
        compact: true,
        compact_given: true,
        no_peer_id: false,
        claimed_v4: None,
        claimed_v6: None,
    };
    (request, Source::new(ip))
}

#[derive(Default)]
struct Written {
    users: BTreeMap<u32, (Traffic, u32)>,
    torrents: BTreeMap<u32, (Traffic, u32)>,
    /// Since the snapshot.
    journal: Vec<Batch>,
}

impl Written {
    fn add(&mut self, batch: Batch) {
        for row in &batch.users {
            let (traffic, snatches) = self.users.entry(row.user_id).or_default();
            traffic.add(row.traffic);
            *snatches += row.snatches;
        }
        for row in &batch.torrents {
            let (traffic, snatches) = self.torrents.entry(row.torrent_id).or_default();
            traffic.add(row.traffic);
            *snatches += row.snatches;
        }
        self.journal.push(batch);
    }

    fn drain(&mut self, tracker: &Tracker) {
        let mut first_shard = Some(0);
        while let Some(first) = first_shard {
            let drained = tracker.drain(NOW, first, 50);
            first_shard = drained.next_shard;
            self.add(drained.batch);
        }
    }

    fn snapshot(&mut self, tracker: &Tracker) -> Vec<SnapshotItem> {
        let mut items = Vec::new();
        let batch = tracker.drain_and_snapshot(NOW, |item| items.push(item));
        // The items count with what was drained since they were begun to be copied.
        self.journal.clear();
        self.add(batch);
        items
    }
}

fn announce_all(tracker: &Tracker, first: u32, rounds: std::ops::RangeInclusive<u64>) {
    let mut list = PeerList::new(first.into());
    for round in rounds {
        for id in first..first + USERS_EACH {
            for torrent in 1..=TORRENTS {
                let (request, source) = request(id, torrent, round);
                let answer = tracker.announce(&request, source, NOW, &mut list).unwrap();
                assert!(answer.seeders + answer.leechers <= ANNOUNCERS * USERS_EACH);
                let own = u16::try_from(id).unwrap().to_be_bytes();
                assert!(list.v4.chunks(6).all(|row| row[2..4] != own), "nobody gets themselves");
            }
        }
    }
}

/// Everything is by the last two bytes of the address; another one is handed in with each turn.
#[derive(Debug)]
struct Known {
    table: Arc<PlaceTable>,
    is_gone: bool,
}

impl Places for Known {
    fn place_of(&self, address: IpAddr) -> PlaceId {
        let degrees = match address {
            IpAddr::V4(ip) => f64::from(ip.octets()[3] % 90),
            IpAddr::V6(ip) => f64::from(ip.octets()[15] % 90),
        };
        if self.is_gone {
            return PlaceId::UNKNOWN;
        }
        self.table.intern(Place::UNKNOWN.at(degrees, degrees))
    }

    fn table(&self) -> &PlaceTable {
        &self.table
    }
}

/// Geo data that is swapped, and lost, and strategies that are turned on and off.
fn choose(tracker: &Tracker, turn: u32) {
    static TABLE: LazyLock<Arc<PlaceTable>> = LazyLock::new(Arc::default);
    let is_gone = turn.is_multiple_of(3);
    tracker.set_places(Arc::new(Known { table: Arc::clone(&TABLE), is_gone }));
    let (one, _) = Strategies::NAMES[turn as usize % Strategies::NAMES.len()];
    let strategies = if turn % 4 < 3 { one | Strategies::LOCATION } else { Strategies::UNIFORM };
    let own = turn.is_multiple_of(5).then_some(one);
    tracker.set_torrent_strategies(hash((turn % u32::from(TORRENTS)) as u8 + 1), own);
    tracker.set_settings(Settings {
        numwant_default: turn % 60,
        selection: Arc::new(Selection { strategies, ..Selection::default() }),
        ..Settings::default()
    });
}

/// Changes of which none changes what a byte counts.
fn change(tracker: &Tracker, turn: u32) {
    let id = turn % (ANNOUNCERS * USERS_EACH) + 1;
    let number = (turn % u32::from(TORRENTS)) as u8 + 1;
    tracker.put_user(user(id)).unwrap();
    tracker.put_torrent(torrent(number)).unwrap();
    let token = TokenSpec {
        user_id: id,
        upload_percent: 100,
        download_percent: 100,
        ends_at_seconds: None,
    };
    tracker.put_token(hash(number), token).unwrap();
    tracker.remove_token(hash(number), id);
    choose(tracker, turn);
    tracker.set_events(vec![GlobalEvent {
        upload_percent: 0,
        download_percent: 0,
        starts_at_seconds: NOW + 1,
        ends_at_seconds: NOW + turn,
    }]);
    tracker.put_role(RoleSpec::new((turn % 3) as u16 + 1));
    assert!(tracker.scrape(hash(number)).is_some());
    assert!(tracker.stats().torrents == u64::from(TORRENTS));
}

fn assert_sums(written: &Written, rounds: u64) {
    let users = u64::from(ANNOUNCERS * USERS_EACH);
    let traffic = |sessions: u64| Traffic {
        uploaded_raw: 100 * rounds * sessions,
        downloaded_raw: 10 * rounds * sessions,
        uploaded_credited: 200 * rounds * sessions,
        downloaded_credited: 10 * rounds * sessions,
    };
    assert_eq!(written.users.len() as u64, users);
    assert_eq!(written.torrents.len(), usize::from(TORRENTS));
    for sums in written.users.values() {
        assert_eq!(*sums, (traffic(TORRENTS.into()), TORRENTS.into()));
    }
    for sums in written.torrents.values() {
        assert_eq!(*sums, (traffic(users), users as u32));
    }
}

#[test]
fn sums_are_exact_while_everything_happens_at_once() {
    let tracker = Tracker::new(Mode::Private, Settings::default(), [1; 16]);
    register(&tracker);
    let (running, flushes) = (AtomicU32::new(ANNOUNCERS), AtomicU32::new(0));
    let (mut written, mut items) = (Written::default(), Vec::new());
    let is_running = || running.load(Ordering::Acquire) > 0;
    std::thread::scope(|scope| {
        for announcer in 0..ANNOUNCERS {
            let (tracker, running) = (&tracker, &running);
            scope.spawn(move || {
                announce_all(tracker, announcer * USERS_EACH + 1, 0..=ROUNDS);
                running.fetch_sub(1, Ordering::Release);
            });
        }
        scope.spawn(|| {
            while is_running() {
                let parts = 0..Tracker::PARTS;
                let removed: usize = parts.map(|part| tracker.expire(part, NOW - 5)).sum();
                assert_eq!(removed, 0);
            }
        });
        scope.spawn(|| {
            for turn in 1.. {
                if !is_running() {
                    break;
                }
                change(&tracker, turn);
            }
        });
        scope.spawn(|| {
            while is_running() {
                written.drain(&tracker);
                if flushes.fetch_add(1, Ordering::Relaxed) == 3 {
                    items = written.snapshot(&tracker);
                }
            }
        });
    });
    written.drain(&tracker);
    assert_sums(&written, ROUNDS);

    // The snapshot was taken in the middle: with the batches since, it is the state of the end.
    let restored = Tracker::new(Mode::Private, Settings::default(), [1; 16]);
    register(&restored);
    items.iter().for_each(|item| assert!(restored.restore(item)));
    for batch in &written.journal {
        assert_eq!(restored.replay(batch), batch.sessions.len());
    }
    assert_eq!(restored.stats(), tracker.stats());
    let last = ROUNDS + 3;
    (0..ANNOUNCERS).for_each(|it| announce_all(&restored, it * USERS_EACH + 1, last..=last));
    written.drain(&restored);
    assert_sums(&written, last);
}

#[test]
fn peers_that_come_and_go_in_many_threads_leave_exact_counts() {
    let settings = Settings { auto_register_torrents: true, ..Settings::default() };
    for mode in [Mode::Private, Mode::Public] {
        let tracker = Tracker::new(mode, settings.clone(), [1; 16]);
        (1..=ANNOUNCERS * USERS_EACH).for_each(|id| tracker.put_user(user(id)).unwrap());
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let announcers: Vec<_> = (0..ANNOUNCERS)
                .map(|announcer| {
                    let tracker = &tracker;
                    let first = announcer * USERS_EACH + 1;
                    scope.spawn(move || come_and_go(tracker, first))
                })
                .collect();
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    for part in 0..Tracker::PARTS {
                        tracker.expire(part, NOW);
                    }
                    tracker.drain(NOW, 0, usize::MAX);
                }
            });
            announcers.into_iter().for_each(|announcer| announcer.join().unwrap());
            done.store(true, Ordering::Release);
        });
        tracker.drain(NOW, 0, usize::MAX);
        let stats = tracker.stats();
        // Those with an odd number have stayed.
        let stayed = u64::from(ANNOUNCERS * USERS_EACH / 2) * u64::from(TORRENTS);
        assert_eq!((stats.seeders, stats.leechers), (stayed, 0));
        assert_eq!((stats.swarms, stats.pending_rows), (TORRENTS.into(), 0));
        for part in 0..Tracker::PARTS {
            tracker.expire(part, NOW + 10_000);
        }
        let stats = tracker.stats();
        assert_eq!((stats.seeders, stats.leechers, stats.swarms), (0, 0, 0));
        // Room is counted rightly: as many as before may come again, and not one more.
        tracker.set_settings(Settings { peers_max: stayed, ..settings.clone() });
        let mut list = PeerList::new(1);
        let mut came = 0;
        for id in 1..=ANNOUNCERS * USERS_EACH {
            for torrent in 1..=TORRENTS {
                let (request, source) = request(id, torrent, 0);
                let answer = tracker.announce(&request, source, NOW + 10_000, &mut list);
                came += u64::from(answer.is_ok());
            }
        }
        assert_eq!(came, stayed);
    }
}

fn come_and_go(tracker: &Tracker, first: u32) {
    let mut list = PeerList::new(first.into());
    for turn in 0..20 {
        for id in first..first + USERS_EACH {
            for torrent in 1..=TORRENTS {
                let send = |round: u64, event, list: &mut PeerList| {
                    let (mut request, _) = request(id, torrent, round);
                    let (_, source) = self::request(id, torrent, 0);
                    request.info_hash = hash(torrent);
                    request.event = event;
                    tracker.announce(&request, source, NOW, list).unwrap();
                };
                send(turn, Event::Started, &mut list);
                send(ROUNDS, Event::Completed, &mut list);
                if id % 2 == 0 || turn < 19 {
                    send(ROUNDS, Event::Stopped, &mut list);
                }
            }
        }
    }
}
