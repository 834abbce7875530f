//! Each rule of the tracker as a scenario: what clients announce, and what comes of it.

mod accounting;
mod admission;
mod approach;
mod attack;
mod control;
mod detection;
mod expiry;
mod listing;
mod peers;
mod public;
mod refused;
mod restore;
mod restraint;
mod rows;
mod selection;
mod site;
mod snapshot;
mod trace;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};

use mika_protocol::{AnnounceRequest, Event, InfoHash, Passkey, PeerId};

use super::*;
use crate::address::{socket4, socket6};
use crate::batch::Agent;
use crate::batch::{Batch, HistoryRow, SessionRow, Traffic, UserRow};
use crate::registry::{RoleSpec, TorrentSpec, UserSpec};

/// When every scenario begins.
const START: u32 = 1_800_000_000;
const KEY: [u8; 16] = [7; 16];
const ROLE: RoleSpec = RoleSpec::new(1);

fn hash(number: u8) -> InfoHash {
    InfoHash([number; 20])
}

fn passkey(user: u32) -> Passkey {
    Passkey::new(format!("passkey{user}").as_bytes()).unwrap()
}

fn user(id: u32) -> UserSpec {
    UserSpec::new(id, passkey(id), ROLE.id)
}

/// Torrent `id` has the hash of its number.
fn torrent(id: u8) -> TorrentSpec<'static> {
    TorrentSpec::new(id.into(), hash(id))
}

/// One announce in the making: a leecher with 1000 bytes left, at an address of its own.
#[derive(Debug, Clone, Copy)]
struct By {
    request: AnnounceRequest,
    ip: IpAddr,
    one_family: bool,
    agent: Agent,
}

/// An announce of a user's first client on torrent 1.
fn by(user: u32) -> By {
    let [_, _, high, low] = user.to_be_bytes();
    By {
        request: AnnounceRequest {
            info_hash: hash(1),
            peer_id: PeerId(*b"-TR3000-000000000000"),
            passkey: Some(passkey(user)),
            port: 6881,
            uploaded: 0,
            downloaded: 0,
            left: 1000,
            corrupt: 0,
            event: Event::None,
            paused: false,
            numwant: None,
            compact: true,
            compact_given: true,
            no_peer_id: false,
            claimed_v4: None,
            claimed_v6: None,
        },
        ip: IpAddr::from([20, 0, high, low]),
        one_family: false,
        agent: Agent::NONE,
    }
}

impl By {
    /// Another client of the user, at another port.
    fn client(mut self, number: u8) -> Self {
        self.request.peer_id.0[19] = b'0' + number;
        self.request.port = 6881 + u16::from(number);
        self
    }

    fn on(mut self, info_hash: InfoHash) -> Self {
        self.request.info_hash = info_hash;
        self
    }

    fn port(mut self, port: u16) -> Self {
        self.request.port = port;
        self
    }

    fn from(mut self, ip: &str) -> Self {
        self.ip = ip.parse().unwrap();
        self
    }

    fn moved(mut self, uploaded: u64, downloaded: u64) -> Self {
        (self.request.uploaded, self.request.downloaded) = (uploaded, downloaded);
        self
    }

    fn left(mut self, left: u64) -> Self {
        self.request.left = left;
        self
    }

    fn seeding(self) -> Self {
        self.left(0)
    }

    fn event(mut self, event: Event) -> Self {
        self.request.event = event;
        self
    }

    fn stopped(self) -> Self {
        self.event(Event::Stopped)
    }

    fn paused(mut self) -> Self {
        self.request.paused = true;
        self
    }

    fn numwant(mut self, numwant: u32) -> Self {
        self.request.numwant = Some(numwant);
        self
    }

    /// The IPv4 endpoint that it announces from.
    fn endpoint(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.request.port)
    }
}

/// A tracker, its clock, and what its flushes have written.
struct Site {
    tracker: Tracker,
    now: u32,
    list: PeerList,
    written: Vec<Batch>,
}

impl Site {
    /// Torrents 1 to 3, of which 2 is a hybrid with the second hash 22; users 1 to 9.
    fn private() -> Self {
        Self::with(Mode::Private, Settings::default())
    }

    fn public() -> Self {
        let settings = Settings { auto_register_torrents: true, ..Settings::default() };
        Self::with(Mode::Public, settings)
    }

    fn with(mode: Mode, settings: Settings) -> Self {
        let tracker = Tracker::new(mode, settings, KEY);
        register(&tracker);
        Self { tracker, now: START, list: PeerList::new(1), written: Vec::new() }
    }

    fn set(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.tracker.rules.load().settings.clone();
        change(&mut settings);
        self.tracker.set_settings(settings);
    }

    fn announce(&mut self, by: By) -> Result<Answer, Refusal> {
        let source = Source { one_family: by.one_family, agent: by.agent, ..Source::new(by.ip) };
        self.tracker.announce(&by.request, source, self.now, &mut self.list)
    }

    /// An announce that must succeed; the peers it was given, sorted.
    fn ok(&mut self, by: By) -> Vec<SocketAddr> {
        self.announce(by).unwrap();
        endpoints(&self.list)
    }

    fn refused(&mut self, by: By) -> Refusal {
        self.announce(by).unwrap_err()
    }

    fn wait(&mut self, seconds: u32) {
        self.now += seconds;
    }

    fn expire(&mut self) -> usize {
        (0..Tracker::PARTS).map(|part| self.tracker.expire(part, self.now)).sum()
    }

    fn drain(&mut self) -> Batch {
        let drained = self.tracker.drain(self.now, 0, usize::MAX);
        assert_eq!(drained.next_shard, None);
        self.written.push(drained.batch.clone());
        drained.batch
    }

    /// What has been written of a user's traffic, after another flush.
    fn traffic(&mut self, user: u32) -> Traffic {
        self.user_sums(user).traffic
    }

    fn user_sums(&mut self, user: u32) -> UserRow {
        self.drain();
        let rows = self.written.iter().flat_map(|batch| &batch.users);
        let mut sum = UserRow {
            user_id: user,
            traffic: Traffic::default(),
            seed_seconds: 0,
            snatches: 0,
            announced_at_seconds: 0,
        };
        for row in rows.filter(|row| row.user_id == user) {
            sum.traffic.add(row.traffic);
            sum.seed_seconds += row.seed_seconds;
            sum.snatches += row.snatches;
            sum.announced_at_seconds = row.announced_at_seconds;
        }
        sum
    }

    /// Raw bytes up and down.
    fn moved(&mut self, user: u32) -> (u64, u64) {
        let traffic = self.traffic(user);
        (traffic.uploaded_raw, traffic.downloaded_raw)
    }

    /// The history row of a user and a torrent in the next batch.
    fn history(&mut self, user: u32, torrent: u32) -> HistoryRow {
        let batch = self.drain();
        let mut rows = batch.history.into_iter();
        rows.find(|row| (row.user_id, row.torrent_id) == (user, torrent)).unwrap()
    }

    fn sessions(&mut self) -> Vec<SessionRow> {
        self.drain().sessions
    }

    /// Seeders, leechers, snatches.
    fn counts(&self, info_hash: InfoHash) -> (u32, u32, u32) {
        let counts = self.tracker.scrape(info_hash).unwrap();
        (counts.seeders, counts.leechers, counts.snatches)
    }

    /// A new process with the same users and torrents, and the sessions handed over.
    fn restart(&mut self) {
        let mut items = Vec::new();
        let batch = self.tracker.drain_and_snapshot(self.now, |item| items.push(item));
        self.written.push(batch);
        let settings = self.tracker.rules.load().settings.clone();
        let tracker = Tracker::new(self.tracker.mode(), settings, KEY);
        register(&tracker);
        for item in &items {
            assert!(tracker.restore(item), "{item:?}");
        }
        self.tracker = tracker;
    }

    /// A new process after the death of the old one, which had written what was drained.
    fn crash(&mut self) {
        let settings = self.tracker.rules.load().settings.clone();
        let tracker = Tracker::new(self.tracker.mode(), settings, KEY);
        register(&tracker);
        for batch in &self.written {
            assert_eq!(tracker.replay(batch), batch.sessions.len());
        }
        self.tracker = tracker;
    }
}

fn register(tracker: &Tracker) {
    tracker.put_role(ROLE);
    for id in 1..=9 {
        tracker.put_user(user(id)).unwrap();
    }
    tracker.put_torrent(torrent(1)).unwrap();
    tracker.put_torrent(TorrentSpec { info_hash_v2: Some(hash(22)), ..torrent(2) }).unwrap();
    tracker.put_torrent(torrent(3)).unwrap();
}

fn endpoints(list: &PeerList) -> Vec<SocketAddr> {
    let v4 = list.v4.chunks(6).map(|row| SocketAddr::from(v4_of(row)));
    let v6 = list.v6.chunks(18).map(|row| SocketAddr::from(v6_of(row)));
    let mut all: Vec<SocketAddr> = v4.chain(v6).collect();
    all.sort();
    all
}

fn v4_of(row: &[u8]) -> SocketAddrV4 {
    socket4(row.try_into().unwrap()).unwrap()
}

fn v6_of(row: &[u8]) -> SocketAddrV6 {
    socket6(row.try_into().unwrap()).unwrap()
}
