//! Both trackers side by side, their clients, and a store that adds up what is flushed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use mika_core::batch::{Batch, SessionRow};
use mika_core::registry::{ClientRule, GlobalEvent, RoleSpec, TokenSpec, TorrentSpec, UserSpec};
use mika_core::selection::strategy::{Selection, Strategies};
use mika_core::{
    Answer, Mode, PeerList, Place, PlaceId, PlaceTable, Places, Settings, SnapshotItem, Source,
    Stats, Tracker,
};
use mika_protocol::{AnnounceRequest, Event, InfoHash, LEFT_UNKNOWN_BYTES, Passkey, PeerId};

use crate::reference::{Reference, Session, Sums, Torrent, User};
use crate::steps::{Family, Left, Odd, Progress, Report, Step};

const USERS: u32 = 40;

/// A client's own idea of its counters on one torrent.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    pub uploaded: u64,
    pub downloaded: u64,
    pub left: u64,
}

#[derive(Debug)]
pub struct World {
    pub tracker: Tracker,
    pub model: Reference,
    pub now: u32,
    list: PeerList,
    /// By user, client, torrent.
    pub clients: BTreeMap<(u32, u8, u8), Client>,
    pub store: Store,
    snapshot: Vec<SnapshotItem>,
    /// Batches since the snapshot.
    journal: Vec<Batch>,
}

/// The sums of all batches.
#[derive(Debug, Default, Clone)]
pub struct Store {
    pub users: BTreeMap<u32, Sums>,
    pub torrents: BTreeMap<u32, Sums>,
    pub history: BTreeMap<(u32, u32), Sums>,
}

impl Store {
    pub fn add(&mut self, batch: &Batch) {
        for row in &batch.users {
            let sums = self.users.entry(row.user_id).or_default();
            sums.add(row.traffic, row.seed_seconds, row.snatches);
        }
        for row in &batch.torrents {
            let sums = self.torrents.entry(row.torrent_id).or_default();
            sums.add(row.traffic, 0, row.snatches);
        }
        for row in &batch.history {
            let sums = self.history.entry((row.user_id, row.torrent_id)).or_default();
            sums.add(row.traffic, row.seed_seconds, row.snatches);
        }
    }
}

pub fn hash(torrent: u8) -> InfoHash {
    InfoHash([torrent; 20])
}

pub fn passkey(user: u32) -> Passkey {
    Passkey::new(format!("passkey-of-{user}").as_bytes()).unwrap()
}

pub fn peer_id(client: u8) -> PeerId {
    let mut id = *b"-qB4650-abcdefghijkl";
    id[19] = client;
    PeerId(id)
}

/// Clients 0 and 1 take turns at one address: one is the other after a restart.
pub fn address(report: &Report) -> (IpAddr, u16) {
    let user = report.user as u8;
    let machine = report.client.max(1);
    let port = 5000 + u16::from(machine);
    match report.family {
        Family::V4 => (Ipv4Addr::new(20, 0, user, machine).into(), port),
        // A client that moves does not take the place of another.
        Family::V4Moved => (Ipv4Addr::new(21, 0, user, report.client).into(), port),
        Family::Local => (Ipv4Addr::new(10, 0, user, report.client).into(), port),
        Family::V6 => {
            let (user, client) = (user.into(), report.client.into());
            (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, user, client).into(), port)
        }
    }
}

impl World {
    pub fn new() -> Self {
        Self::choosing_by(Strategies::UNIFORM)
    }

    /// One whose peers are chosen by strategies, which changes who comes, and never who may.
    pub fn choosing_by(strategies: Strategies) -> Self {
        let settings = Settings {
            sessions_per_user_and_torrent_max: 3,
            selection: Arc::new(Selection { strategies, ..Selection::default() }),
            ..Settings::default()
        };
        let torrent = |number: u8| Torrent {
            hashes: if number == 2 { vec![hash(2), hash(202)] } else { vec![hash(number)] },
            upload_percent: 100,
            download_percent: 100,
            enabled: true,
            deleted: false,
            snatches: 0,
        };
        let user = User { role_id: 1, download_enabled: true, deleted: false };
        let model = Reference {
            settings: settings.clone(),
            blacklist: vec![b"-XX".to_vec()],
            roles: [(1, RoleSpec::new(1)), (2, RoleSpec::new(2))].into(),
            users: (1..=USERS).map(|id| (id, user.clone())).collect(),
            torrents: (1..=4).map(|id| (u32::from(id), torrent(id))).collect(),
            tokens: BTreeMap::new(),
            events: Vec::new(),
            sessions: Vec::new(),
            waiting: Vec::new(),
            departed: BTreeMap::new(),
            of_user: BTreeMap::new(),
            of_torrent: BTreeMap::new(),
            of_history: BTreeMap::new(),
            last_report: BTreeMap::new(),
        };
        Self {
            tracker: fresh(&model),
            model,
            now: 1_800_000_000,
            list: PeerList::new(42),
            clients: BTreeMap::new(),
            store: Store::default(),
            snapshot: Vec::new(),
            journal: Vec::new(),
        }
    }

    pub fn take(&mut self, step: &Step) {
        match step {
            Step::Announce(report) => self.announce(report),
            Step::Wait(seconds) => self.wait(*seconds),
            Step::MarkStale => {
                self.drain();
                let marked = self.tracker.mark_sessions_stale();
                assert_eq!(marked, self.model.sessions.len());
                self.model.sessions.iter_mut().for_each(|session| session.stale = true);
                self.model.departed.clear();
                // The marks are in force from here on, whatever a replay would say.
                self.take_snapshot();
            }
            Step::Drain => self.drain(),
            Step::Snapshot => self.take_snapshot(),
            Step::Restart => {
                self.take_snapshot();
                self.rebuild();
            }
            Step::Replay => {
                self.drain();
                self.rebuild();
            }
            control => self.change(control),
        }
        self.compare_counts();
    }

    // ---- Announces ----

    pub fn announce(&mut self, report: &Report) {
        self.wait(report.after);
        let request = self.request(report);
        self.send(report, &request);
        if report.echo && report.family == Family::V4 {
            let echo = Report { family: Family::V6, ..*report };
            self.send(&echo, &request);
        }
    }

    /// The announce of a client that keeps its counters.
    pub fn request(&mut self, report: &Report) -> AnnounceRequest {
        let key = (report.user, report.client, report.torrent);
        let fresh = Client { uploaded: 0, downloaded: 0, left: 1_000_000 };
        let client = self.clients.entry(key).or_insert(fresh);
        let mut nonsense = false;
        match report.progress {
            Progress::Moves { up, down } => {
                client.uploaded += up;
                client.downloaded += down;
                if matches!(report.left, Left::Downloaded) {
                    client.left = client.left.saturating_sub(down);
                }
            }
            Progress::Restarts { up, down } => (client.uploaded, client.downloaded) = (up, down),
            Progress::Same => {}
            Progress::Nonsense => nonsense = true,
        }
        match report.left {
            Left::Same | Left::Downloaded => {}
            Left::Nothing => client.left = 0,
            Left::Size(left) => client.left = left,
            Left::Unknown => client.left = LEFT_UNKNOWN_BYTES,
        }
        let client = *client;
        let mut name = peer_id(report.client);
        if report.odd == Odd::Blacklisted {
            name.0[..3].copy_from_slice(b"-XX");
        }
        AnnounceRequest {
            info_hash: match report {
                Report { odd: Odd::UnknownTorrent, .. } => hash(99),
                Report { torrent: 2, second_hash: true, .. } => hash(202),
                _ => hash(report.torrent),
            },
            peer_id: name,
            passkey: match report.odd {
                Odd::NoPasskey => None,
                Odd::WrongPasskey => Some(passkey(999)),
                _ => Some(passkey(report.user)),
            },
            port: if report.odd == Odd::LowPort { 80 } else { address(report).1 },
            uploaded: if nonsense { u64::MAX } else { client.uploaded },
            downloaded: client.downloaded,
            left: client.left,
            corrupt: 0,
            event: [Event::None, Event::Started, Event::Completed, Event::Stopped]
                [usize::from(report.event)],
            paused: report.paused,
            numwant: report.numwant,
            compact: true,
            compact_given: true,
            no_peer_id: false,
            claimed_v4: None,
            claimed_v6: None,
        }
    }

    pub fn send(&mut self, report: &Report, request: &AnnounceRequest) {
        let (ip, _) = address(report);
        let user = match report.odd {
            Odd::NoPasskey => None,
            Odd::WrongPasskey => Some(999),
            _ => Some(report.user),
        };
        let one_family = report.one_family;
        let expected = self.model.announce(user, request, ip, one_family, self.now);
        let source = Source { one_family, ..Source::new(ip) };
        let answer = self.tracker.announce(request, source, self.now, &mut self.list);
        match (answer, expected) {
            (Ok(answer), Ok(expected)) => {
                let Answer { seeders, leechers, snatches, .. } = answer;
                let counts = (expected.seeders, expected.leechers, expected.snatches);
                assert_eq!((seeders, leechers, snatches), counts);
                self.check_peers(&expected.eligible, expected.want);
            }
            (Err(refusal), Err(expected)) => {
                assert_eq!(refusal.index(), expected.index(), "{refusal:?}, not {expected:?}");
                assert!(self.list.is_empty());
            }
            (answer, expected) => panic!("{answer:?}, not {expected:?}"),
        }
    }

    fn check_peers(&self, eligible: &[SocketAddr], want: usize) {
        let given = endpoints(&self.list);
        assert_eq!(given.len(), want.min(eligible.len()), "of {eligible:?}");
        let mut rest = eligible.to_vec();
        for peer in given {
            let at = rest.iter().position(|other| *other == peer);
            rest.swap_remove(at.unwrap_or_else(|| panic!("{peer} is not of {eligible:?}")));
        }
    }

    /// Time passes; the sweep comes by.
    pub fn wait(&mut self, seconds: u32) {
        let now = self.now + seconds;
        // A session row knows nothing of a side that fell silent while the other went on, so a
        // replay of it brings the endpoint back. Here it is kept out of the journal.
        let one_sided = self.model.sessions.iter().any(|it| {
            let timeout = self.model.settings.peer_timeout_seconds;
            let v4 = it.v4.is_some() && now - it.v4_last > timeout;
            let v6 = it.v6.is_some() && now - it.v6_last > timeout;
            (v4 || v6) && now - it.last <= timeout
        });
        if one_sided {
            self.drain();
        }
        self.now = now;
        let expired: usize = (0..Tracker::PARTS).map(|part| self.tracker.expire(part, now)).sum();
        assert_eq!(expired, self.model.expire(now));
        if one_sided {
            self.take_snapshot();
        }
    }

    // ---- Control ----

    fn change(&mut self, step: &Step) {
        let model = &mut self.model;
        match *step {
            Step::PutUser { user, role, download_enabled, deleted } => {
                let record = User { role_id: role, download_enabled, deleted };
                model.users.insert(user, record);
            }
            Step::PutTorrent { torrent, up, down, enabled, deleted } => {
                let record = model.torrents.get_mut(&u32::from(torrent)).unwrap();
                (record.upload_percent, record.download_percent) = (up, down);
                (record.enabled, record.deleted) = (enabled, deleted);
            }
            Step::PutRole { role: id, up, down, rights, slots } => {
                let record = RoleSpec {
                    upload_percent: up,
                    download_percent: down,
                    upload_enabled: rights.0,
                    download_enabled: rights.1,
                    download_slots: slots,
                    ..RoleSpec::new(id)
                };
                model.roles.insert(id, record);
            }
            Step::PutToken { torrent, user, up, down, lasts } => {
                let token = TokenSpec {
                    user_id: user,
                    upload_percent: up,
                    download_percent: down,
                    ends_at_seconds: lasts.map(|seconds| self.now + seconds),
                };
                model.tokens.insert((torrent.into(), user), token);
            }
            Step::RemoveToken { torrent, user } => {
                let removed = model.tokens.remove(&(torrent.into(), user)).is_some();
                assert_eq!(self.tracker.remove_token(hash(torrent), user), removed);
            }
            Step::Events(ref events) => {
                let event = |&(up, down, after, lasts): &(u16, u16, u32, u32)| GlobalEvent {
                    upload_percent: up,
                    download_percent: down,
                    starts_at_seconds: self.now + after,
                    ends_at_seconds: self.now + after + lasts,
                };
                model.events = events.iter().map(event).collect();
            }
            Step::SessionsMax(max) => model.settings.sessions_per_user_and_torrent_max = max,
            Step::PeersMax(max) => model.settings.peers_max = max,
            ref other => panic!("{other:?} is no control step"),
        }
        register(&self.tracker, &self.model);
    }

    /// Lifts all limits, and leaves only multipliers of which no fraction of a byte is lost.
    pub fn allow_everything(&mut self) {
        let model = &mut self.model;
        for role in model.roles.values_mut() {
            *role = RoleSpec { upload_percent: 200, ..RoleSpec::new(role.id) };
        }
        for user in model.users.values_mut() {
            (user.download_enabled, user.deleted) = (true, false);
        }
        for torrent in model.torrents.values_mut() {
            (torrent.enabled, torrent.deleted) = (true, false);
            (torrent.upload_percent, torrent.download_percent) = (100, 300);
        }
        for token in model.tokens.values_mut() {
            (token.upload_percent, token.download_percent) = (100, 100);
        }
        model.events.clear();
        register(&self.tracker, model);
    }

    // ---- Flushes and restarts ----

    pub fn drain(&mut self) {
        let mut first_shard = 0;
        loop {
            // Small batches, so that a drain takes several.
            let drained = self.tracker.drain(self.now, first_shard, 3);
            self.apply(drained.batch);
            match drained.next_shard {
                Some(next) => first_shard = next,
                None => break,
            }
        }
        self.model.waiting.clear();
        self.compare_sums();
    }

    fn take_snapshot(&mut self) {
        let mut items = Vec::new();
        let batch = self.tracker.drain_and_snapshot(self.now, |item| items.push(item));
        self.apply(batch);
        self.model.waiting.clear();
        self.compare_sums();
        self.check_items(&items);
        self.snapshot = items;
        self.journal.clear();
    }

    /// A tracker from the last snapshot and all batches since.
    pub fn restored(&self) -> Tracker {
        let tracker = fresh(&self.model);
        // Limits are for newcomers.
        tracker.set_settings(Settings { peers_max: 10_000, ..self.model.settings.clone() });
        for item in &self.snapshot {
            assert!(tracker.restore(item), "{item:?}");
        }
        for batch in &self.journal {
            assert_eq!(tracker.replay(batch), batch.sessions.len());
        }
        tracker.set_settings(self.model.settings.clone());
        tracker
    }

    fn rebuild(&mut self) {
        let before = self.tracker.stats();
        let tracker = self.restored();
        let after = tracker.stats();
        // Of a user who has come back, what was lacked before is remembered or not.
        assert!(after.departed >= self.model.absent_debtors().count() as u64);
        assert_eq!(Stats { departed: 0, ..after }, Stats { departed: 0, ..before });
        self.tracker = tracker;
        // A session row has one time for both families.
        for session in &mut self.model.sessions {
            (session.v4_last, session.v6_last) = (session.last, session.last);
        }
        self.take_snapshot();
    }

    fn check_items(&self, items: &[SnapshotItem]) {
        let rows: Vec<&SessionRow> = items
            .iter()
            .filter_map(|item| match item {
                SnapshotItem::Session(row) => Some(row),
                _ => None,
            })
            .collect();
        assert_eq!(rows.len(), self.model.sessions.len());
        rows.into_iter().for_each(|row| self.check_session(row));
        let departed: BTreeMap<(u32, u32), (u64, u32)> = items
            .iter()
            .filter_map(|item| match item {
                SnapshotItem::Departed { info_hash, user_id, left_bytes, at_seconds } => {
                    let torrent = self.model.torrent_of(*info_hash).unwrap();
                    Some(((torrent, *user_id), (*left_bytes, *at_seconds)))
                }
                _ => None,
            })
            .collect();
        for (key, left) in self.model.absent_debtors() {
            assert_eq!(departed.get(&key), Some(&left), "{key:?}");
        }
    }

    fn check_session(&self, row: &SessionRow) {
        let of_user = |it: &&Session| (it.torrent, it.user) == (row.torrent_id, row.user_id);
        let candidates: Vec<&Session> = self.model.sessions.iter().filter(of_user).collect();
        let found = candidates.iter().any(|session| session_matches(session, row));
        assert!(found, "{row:?} is none of {candidates:?}");
    }

    /// What a store does with a batch, after a look at its form.
    fn apply(&mut self, batch: Batch) {
        assert!(batch.users.is_sorted_by(|a, b| a.user_id < b.user_id));
        assert!(batch.torrents.is_sorted_by(|a, b| a.torrent_id < b.torrent_id));
        let key = |row: &SessionRow| (row.torrent_id, row.user_id, row.key);
        assert!(batch.sessions.is_sorted_by(|a, b| key(a) < key(b)));
        self.store.add(&batch);
        for row in &batch.torrents {
            let (seeders, leechers, _) = self.model.counts(row.torrent_id);
            assert_eq!((row.seeders, row.leechers), (seeders, leechers));
        }
        for row in &batch.history {
            assert_eq!(row.active, self.model.is_active(row.torrent_id, row.user_id), "{row:?}");
            let (at, left) = self.model.last_report[&(row.torrent_id, row.user_id)];
            if row.announced_at_seconds == at {
                assert_eq!(row.left_bytes, left);
            }
        }
        batch.sessions.iter().filter(|row| !row.gone).for_each(|row| self.check_session(row));
        self.journal.push(batch);
    }

    // ---- Comparisons ----

    fn compare_counts(&self) {
        let model = &self.model;
        let mut expected = Stats {
            torrents: model.torrents.len() as u64,
            users: model.users.len() as u64,
            ..Stats::default()
        };
        for (id, torrent) in &model.torrents {
            let (seeders, leechers, downloaders) = model.counts(*id);
            expected.seeders += u64::from(seeders);
            expected.leechers += u64::from(leechers);
            expected.swarms += u64::from(seeders + leechers > 0);
            for info_hash in &torrent.hashes {
                let counts = self.tracker.scrape(*info_hash);
                assert_eq!(counts.is_none(), torrent.deleted);
                if let Some(counts) = counts {
                    assert_eq!((counts.seeders, counts.leechers), (seeders, leechers));
                    assert_eq!(
                        (counts.downloaders, counts.snatches),
                        (downloaders, torrent.snatches)
                    );
                }
            }
        }
        let stats = self.tracker.stats();
        assert!(stats.departed >= model.absent_debtors().count() as u64);
        let (pending_rows, departed) = (stats.pending_rows, stats.departed);
        assert_eq!(stats, Stats { pending_rows, departed, ..expected });
    }

    fn compare_sums(&self) {
        let (store, model) = (&self.store, &self.model);
        assert_eq!(difference(&store.users, &model.of_user), []);
        // Seed time is not kept by torrent.
        let of_torrent = model.of_torrent.iter();
        let of_torrent = of_torrent.map(|(id, sums)| (*id, Sums { seed_seconds: 0, ..*sums }));
        assert_eq!(difference(&store.torrents, &of_torrent.collect()), []);
        assert_eq!(difference(&store.history, &model.of_history), []);
    }
}

/// The keys whose sums differ, with both.
fn difference<K: Copy + Ord>(
    written: &BTreeMap<K, Sums>,
    expected: &BTreeMap<K, Sums>,
) -> Vec<(K, Sums, Sums)> {
    let of = |sums: &BTreeMap<K, Sums>, key| sums.get(key).copied().unwrap_or_default();
    let keys: BTreeSet<&K> = written.keys().chain(expected.keys()).collect();
    let both = keys.into_iter().map(|key| (*key, of(written, key), of(expected, key)));
    both.filter(|(_, written, expected)| written != expected).collect()
}

fn session_matches(session: &Session, row: &SessionRow) -> bool {
    let v4 = row.address_v4.map(SocketAddr::from);
    let v6 = row.address_v6.map(SocketAddr::from);
    let same_name = row.peer_id.is_none_or(|peer_id| peer_id == session.peer_id);
    same_name
        && !row.gone
        && (row.torrent_id, row.user_id) == (session.torrent, session.user)
        && (v4, v6) == (session.v4, session.v6)
        && (row.uploaded_bytes, row.downloaded_bytes) == (session.uploaded, session.downloaded)
        && (row.left_bytes, row.paused) == (session.left, session.paused)
        && (row.snatched, row.stale) == (session.snatched, session.stale)
        && row.started_at_seconds == session.started
        && row.announced_at_seconds == session.last
}

/// Of each address something is known, and of some nothing.
#[derive(Debug, Default)]
struct Atlas {
    table: PlaceTable,
}

impl Places for Atlas {
    fn place_of(&self, address: IpAddr) -> PlaceId {
        let number = match address {
            IpAddr::V4(ip) => ip.octets()[3],
            IpAddr::V6(ip) => ip.octets()[15],
        };
        let degrees = f64::from(number % 60);
        self.table.intern(Place::of_asn(u32::from(number % 3)).at(degrees, degrees))
    }

    fn table(&self) -> &PlaceTable {
        &self.table
    }
}

/// A tracker that has all records and no sessions.
pub fn fresh(model: &Reference) -> Tracker {
    let tracker = Tracker::new(Mode::Private, model.settings.clone(), [9; 16]);
    tracker.set_places(Arc::new(Atlas::default()));
    register(&tracker, model);
    tracker
}

/// Puts all records, known ones again.
fn register(tracker: &Tracker, model: &Reference) {
    tracker.set_settings(model.settings.clone());
    let rule = |prefix: &Vec<u8>| ClientRule { prefix: prefix.clone(), allowed: false };
    tracker.set_client_rules(model.blacklist.iter().map(rule).collect());
    tracker.set_events(model.events.clone());
    model.roles.values().for_each(|role| tracker.put_role(*role));
    for (id, user) in &model.users {
        let record = UserSpec {
            download_enabled: user.download_enabled,
            deleted: user.deleted,
            ..UserSpec::new(*id, passkey(*id), user.role_id)
        };
        tracker.put_user(record).unwrap();
    }
    for (id, torrent) in &model.torrents {
        let record = TorrentSpec {
            info_hash_v2: torrent.hashes.get(1).copied(),
            upload_percent: torrent.upload_percent,
            download_percent: torrent.download_percent,
            enabled: torrent.enabled,
            deleted: torrent.deleted,
            snatches: torrent.snatches,
            ..TorrentSpec::new(*id, torrent.hashes[0])
        };
        tracker.put_torrent(record).unwrap();
    }
    for ((torrent, _), token) in &model.tokens {
        tracker.put_token(model.torrents[torrent].hashes[0], *token).unwrap();
    }
}

fn endpoints(list: &PeerList) -> Vec<SocketAddr> {
    let v4 = list.v4.chunks(6).map(|row| {
        let ip: [u8; 4] = row[..4].try_into().unwrap();
        SocketAddr::new(ip.into(), u16::from_be_bytes([row[4], row[5]]))
    });
    let v6 = list.v6.chunks(18).map(|row| {
        let ip: [u8; 16] = row[..16].try_into().unwrap();
        SocketAddr::new(ip.into(), u16::from_be_bytes([row[16], row[17]]))
    });
    v4.chain(v6).collect()
}
