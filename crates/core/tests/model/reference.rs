//! The naive tracker: one list of sessions, searched from front to back.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use mika_core::batch::Traffic;
use mika_core::registry::{GlobalEvent, RoleSpec, TokenSpec};
use mika_core::{Refusal, Settings};
use mika_protocol::{AnnounceRequest, Event, InfoHash, PeerId};

/// From here on the size of a torrent is not known.
const LEFT_UNKNOWN: u64 = (1 << 48) - 1;

#[derive(Debug, Clone)]
pub struct User {
    pub role_id: u16,
    pub download_enabled: bool,
    pub deleted: bool,
}

#[derive(Debug, Clone)]
pub struct Torrent {
    pub hashes: Vec<InfoHash>,
    pub upload_percent: u16,
    pub download_percent: u16,
    pub enabled: bool,
    pub deleted: bool,
    pub snatches: u32,
}

#[derive(Debug, Clone)]
pub struct Session {
    pub torrent: u32,
    pub user: u32,
    pub peer_id: PeerId,
    pub v4: Option<SocketAddr>,
    pub v6: Option<SocketAddr>,
    pub v4_last: u32,
    pub v6_last: u32,
    pub uploaded: u64,
    pub downloaded: u64,
    pub left: u64,
    pub paused: bool,
    pub snatched: bool,
    pub stale: bool,
    pub started: u32,
    pub last: u32,
}

/// What has been counted for one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    pub traffic: Traffic,
    pub seed_seconds: u64,
    pub snatches: u32,
}

impl Sums {
    pub fn add(&mut self, traffic: Traffic, seed_seconds: u64, snatches: u32) {
        self.traffic.add(traffic);
        self.seed_seconds += seed_seconds;
        self.snatches += snatches;
    }
}

/// What an accepted announce is answered with.
#[derive(Debug)]
pub struct Expected {
    pub seeders: u32,
    pub leechers: u32,
    pub snatches: u32,
    /// Everybody who may be given, one entry for each endpoint of each session.
    pub eligible: Vec<SocketAddr>,
    pub want: usize,
}

#[derive(Debug)]
pub struct Reference {
    pub settings: Settings,
    pub blacklist: Vec<Vec<u8>>,
    pub roles: BTreeMap<u16, RoleSpec>,
    pub users: BTreeMap<u32, User>,
    pub torrents: BTreeMap<u32, Torrent>,
    pub tokens: BTreeMap<(u32, u32), TokenSpec>,
    pub events: Vec<GlobalEvent>,
    pub sessions: Vec<Session>,
    /// Sessions that are gone and not drained yet.
    pub waiting: Vec<(u32, u32, PeerId)>,
    /// What users who left lacked, and when they left, by torrent and user.
    pub departed: BTreeMap<(u32, u32), (u64, u32)>,
    pub of_user: BTreeMap<u32, Sums>,
    pub of_torrent: BTreeMap<u32, Sums>,
    pub of_history: BTreeMap<(u32, u32), Sums>,
    /// The last report of each user on each torrent: when, and what was left.
    pub last_report: BTreeMap<(u32, u32), (u32, u64)>,
}

impl Reference {
    pub fn torrent_of(&self, info_hash: InfoHash) -> Option<u32> {
        let mut torrents = self.torrents.iter();
        torrents.find(|(_, torrent)| torrent.hashes.contains(&info_hash)).map(|(id, _)| *id)
    }

    fn role(&self, user: u32) -> RoleSpec {
        self.roles[&self.users[&user].role_id]
    }

    pub fn counts(&self, torrent: u32) -> (u32, u32, u32) {
        let count = |wanted: fn(&Session) -> bool| {
            let of_torrent = self.sessions.iter().filter(|it| it.torrent == torrent);
            of_torrent.filter(|it| wanted(it)).count() as u32
        };
        (count(|it| it.left == 0), count(|it| it.left > 0), count(|it| it.left > 0 && !it.paused))
    }

    fn of(&self, torrent: u32, user: u32) -> impl Iterator<Item = &Session> {
        self.sessions.iter().filter(move |it| (it.torrent, it.user) == (torrent, user))
    }

    pub fn is_active(&self, torrent: u32, user: u32) -> bool {
        self.of(torrent, user).next().is_some()
    }

    /// Departed leechers about whom nothing more recent is known.
    pub fn absent_debtors(&self) -> impl Iterator<Item = ((u32, u32), (u64, u32))> {
        let departed = self.departed.iter().map(|(key, left)| (*key, *left));
        departed.filter(|((torrent, user), (left, at))| {
            let is_debt = *left > 0 && *left < LEFT_UNKNOWN;
            is_debt && self.of(*torrent, *user).all(|it| it.last < *at)
        })
    }

    /// Who announces what, and what speaks against it if the session is to be told a refusal
    /// after its report was counted.
    fn admit(
        &self,
        user: Option<u32>,
        request: &AnnounceRequest,
    ) -> Result<(u32, u32, Option<Refusal>), Refusal> {
        let user = user.ok_or(Refusal::PasskeyMissing)?;
        let record = self.users.get(&user).ok_or(Refusal::PasskeyUnknown)?;
        let stopping = request.event == Event::Stopped;
        if record.deleted {
            return Err(Refusal::UserDeleted);
        }
        let unwelcome = self.blacklist.iter().any(|it| request.peer_id.0.starts_with(it));
        let client = match () {
            () if unwelcome => Some(Refusal::ClientNotAllowed),
            () if !stopping && request.port < self.settings.port_min => {
                Some(Refusal::PortNotAllowed(request.port))
            }
            () => None,
        };
        if request.uploaded > 1 << 50 || request.downloaded > 1 << 50 {
            return Err(client.unwrap_or(Refusal::CounterTooLarge));
        }
        let unknown = client.unwrap_or(Refusal::TorrentUnknown);
        let torrent = self.torrent_of(request.info_hash).ok_or(unknown)?;
        let standing = match &self.torrents[&torrent] {
            it if it.deleted => Some(Refusal::TorrentDeleted(Default::default())),
            it if !it.enabled => Some(Refusal::TorrentDisabled(Default::default())),
            _ => None,
        };
        let role = self.role(user);
        let rights = match (stopping, request.left) {
            (true, _) => None,
            (false, 0) => (!role.upload_enabled).then_some(Refusal::RoleUploadDisabled),
            (false, _) if !record.download_enabled => Some(Refusal::DownloadDisabled),
            (false, _) => (!role.download_enabled).then_some(Refusal::RoleDownloadDisabled),
        };
        Ok((user, torrent, client.or(standing).or(rights)))
    }

    pub fn announce(
        &mut self,
        user: Option<u32>,
        request: &AnnounceRequest,
        ip: IpAddr,
        one_family: bool,
        now: u32,
    ) -> Result<Expected, Refusal> {
        let (user, torrent, refusal) = self.admit(user, request)?;
        let mine =
            |it: &Session| (it.torrent, it.user, it.peer_id) == (torrent, user, request.peer_id);
        let at = self.sessions.iter().position(mine);
        let stopping = request.event == Event::Stopped;
        if let (None, Some(refusal)) = (at, refusal) {
            return Err(refusal);
        }
        let session = match (at, stopping) {
            (Some(at), false) => {
                let session = self.go_on(at, request, ip, now);
                if let Some(refusal) = refusal {
                    // Its report counts, and nobody is sent to it.
                    (self.sessions[at].v4, self.sessions[at].v6) = (None, None);
                    return Err(refusal);
                }
                Some(session)
            }
            (Some(at), true) => {
                self.go_on(at, request, ip, now);
                self.remove(at);
                self.remember(torrent, user, request.left, now);
                None
            }
            (None, true) => {
                // Departed sessions only: it is one of them that says `stopped` again.
                let departed = self.departed.get(&(torrent, user)).copied();
                let is_last = |(left, at): &(u64, u32)| {
                    *left < LEFT_UNKNOWN && self.of(torrent, user).all(|it| it.last < *at)
                };
                if let Some((known, _)) = departed.filter(is_last) {
                    let charged = known.saturating_sub(request.left).min(request.downloaded);
                    // Of one that is charged nothing, nothing is written and nothing remembered.
                    if charged > 0 {
                        let key = (torrent, user, request.peer_id);
                        self.take_place(key)?;
                        self.waiting.push(key);
                        self.remember(torrent, user, request.left, now);
                        self.count(torrent, user, (0, charged), now, 0, 0);
                        self.last_report.insert((torrent, user), (now, left_of(request)));
                    }
                }
                None
            }
            (None, false) => Some(self.join(torrent, user, request, ip, now)?),
        };
        let want = request.numwant.unwrap_or(self.settings.numwant_default);
        let want = want.min(self.settings.numwant_max) as usize;
        let eligible = match &session {
            Some(session) => self.eligible(session, ip, one_family, now),
            None => Vec::new(),
        };
        let (seeders, leechers, _) = self.counts(torrent);
        let snatches = self.torrents[&torrent].snatches;
        Ok(Expected { seeders, leechers, snatches, eligible, want })
    }

    fn go_on(&mut self, at: usize, request: &AnnounceRequest, ip: IpAddr, now: u32) -> Session {
        let before = self.sessions[at].clone();
        let grown = |new: u64, old: u64| if new >= old && !before.stale { new - old } else { 0 };
        let raw = (
            grown(request.uploaded, before.uploaded),
            grown(request.downloaded, before.downloaded),
        );
        let seeded = if before.left == 0 && !before.stale { now - before.last } else { 0 };
        let finished = before.left > 0 && request.left == 0 && !before.snatched;
        let seeded = seeded.min(self.settings.peer_timeout_seconds);
        self.count(before.torrent, before.user, raw, now, seeded, u32::from(finished));

        let session = &mut self.sessions[at];
        report(session, request, now);
        session.snatched |= finished;
        if request.event != Event::Stopped {
            place(session, ip, request.port, now);
        }
        let session = session.clone();
        self.last_report.insert((session.torrent, session.user), (now, session.left));
        session
    }

    fn join(
        &mut self,
        torrent: u32,
        user: u32,
        request: &AnnounceRequest,
        ip: IpAddr,
        now: u32,
    ) -> Result<Session, Refusal> {
        let known = self.last_known_left(torrent, user);
        let endpoint = SocketAddr::new(ip, request.port);
        let superseded = |it: &Session| {
            let at_it = if ip.is_ipv4() { it.v4 } else { it.v6 };
            (it.torrent, it.user) == (torrent, user) && at_it == Some(endpoint)
        };
        if let Some(at) = self.sessions.iter().position(superseded) {
            self.depart(at);
        }
        let sessions = self.of(torrent, user).count();
        if sessions >= self.settings.sessions_per_user_and_torrent_max as usize {
            return Err(Refusal::TooManySessions);
        }
        let leeching = self.sessions.iter().filter(|it| it.user == user && it.left > 0);
        let leeching: BTreeSet<u32> = leeching.map(|it| it.torrent).collect();
        let slots = self.role(user).download_slots;
        let wants_slot = request.left > 0 && !leeching.contains(&torrent);
        if wants_slot && slots.is_some_and(|slots| leeching.len() >= slots as usize) {
            return Err(Refusal::NoDownloadSlot);
        }
        self.take_place((torrent, user, request.peer_id))?;
        self.departed.remove(&(torrent, user));
        let mut session = Session {
            torrent,
            user,
            peer_id: request.peer_id,
            v4: None,
            v6: None,
            v4_last: 0,
            v6_last: 0,
            uploaded: 0,
            downloaded: 0,
            left: 0,
            paused: false,
            snatched: false,
            stale: false,
            started: now / 60 * 60,
            last: now,
        };
        report(&mut session, request, now);
        place(&mut session, ip, request.port, now);
        self.last_report.insert((torrent, user), (now, session.left));
        self.sessions.push(session.clone());
        let charged = known.map_or(0, |left| left.saturating_sub(request.left));
        self.count(torrent, user, (0, charged.min(request.downloaded)), now, 0, 0);
        Ok(session)
    }

    /// Those who are gone keep their places until a drain.
    fn take_place(&mut self, key: (u32, u32, PeerId)) -> Result<(), Refusal> {
        let waiting = self.waiting.iter().filter(|it| **it != key).count();
        if (self.sessions.len() + waiting) as u64 >= self.settings.peers_max
            && !self.waiting.contains(&key)
        {
            return Err(Refusal::PeerLimit);
        }
        self.waiting.retain(|it| *it != key);
        Ok(())
    }

    fn remove(&mut self, at: usize) -> Session {
        let gone = self.sessions.remove(at);
        self.waiting.push((gone.torrent, gone.user, gone.peer_id));
        gone
    }

    fn last_known_left(&self, torrent: u32, user: u32) -> Option<u64> {
        let known = self.of(torrent, user).filter(|it| !it.stale);
        let live = known.map(|it| (it.left, it.last));
        let reports = live.chain(self.departed.get(&(torrent, user)).copied());
        let last = reports.max_by_key(|(left, at)| (*at, std::cmp::Reverse(*left)));
        last.map(|(left, _)| left).filter(|left| *left < LEFT_UNKNOWN)
    }

    fn remember(&mut self, torrent: u32, user: u32, left: u64, at: u32) {
        let recency = |(left, at): (u64, u32)| (at, std::cmp::Reverse(left));
        let known = self.departed.entry((torrent, user)).or_insert((left, at));
        if recency((left, at)) >= recency(*known) {
            *known = (left, at);
        }
    }

    fn depart(&mut self, at: usize) {
        let gone = self.remove(at);
        // What a stale session lacked may be older than the totals.
        if !gone.stale {
            self.remember(gone.torrent, gone.user, gone.left, gone.last);
        }
    }

    /// Removes all that have timed out; returns how many.
    pub fn expire(&mut self, now: u32) -> usize {
        let timeout = self.settings.peer_timeout_seconds;
        self.tokens.retain(|_, token| token.ends_at_seconds.is_none_or(|end| now < end));
        let mut expired = 0;
        let oldest = |sessions: &[Session]| {
            let all = sessions.iter().enumerate().map(|(at, it)| (it.last, at));
            all.min().filter(|(last, _)| now - last > timeout)
        };
        while let Some((_, at)) = oldest(&self.sessions) {
            self.depart(at);
            expired += 1;
        }
        for session in &mut self.sessions {
            if now - session.v4_last > timeout {
                session.v4 = None;
            }
            if now - session.v6_last > timeout {
                session.v6 = None;
            }
        }
        expired
    }

    fn count(
        &mut self,
        torrent: u32,
        user: u32,
        (up, down): (u64, u64),
        now: u32,
        seed_seconds: u32,
        snatches: u32,
    ) {
        let role = self.role(user);
        let of_torrent = &self.torrents[&torrent];
        let token = self.tokens.get(&(torrent, user));
        let token = token.filter(|token| token.ends_at_seconds.is_none_or(|end| now < end));
        let token = token.map_or((100, 100), |it| (it.upload_percent, it.download_percent));
        let events =
            self.events.iter().filter(|it| it.starts_at_seconds <= now && now < it.ends_at_seconds);
        let event_up = events.clone().map(|it| it.upload_percent).max().unwrap_or(100);
        let event_down = events.map(|it| it.download_percent).min().unwrap_or(100);
        let credited = |raw: u64, factors: [u16; 4]| {
            let product = factors.iter().fold(u128::from(raw), |it, by| it * u128::from(*by));
            u64::try_from(product / 100_u128.pow(4)).unwrap()
        };
        let up_factors = [role.upload_percent, of_torrent.upload_percent, token.0, event_up];
        let down_factors =
            [role.download_percent, of_torrent.download_percent, token.1, event_down];
        let traffic = Traffic {
            uploaded_raw: up,
            downloaded_raw: down,
            uploaded_credited: credited(up, up_factors),
            downloaded_credited: credited(down, down_factors),
        };
        let keys = [
            self.of_user.entry(user).or_default(),
            self.of_torrent.entry(torrent).or_default(),
            self.of_history.entry((user, torrent)).or_default(),
        ];
        for sums in keys {
            sums.add(traffic, seed_seconds.into(), snatches);
        }
        self.torrents.get_mut(&torrent).unwrap().snatches += snatches;
    }

    fn eligible(&self, asker: &Session, ip: IpAddr, one_family: bool, now: u32) -> Vec<SocketAddr> {
        let mut all = Vec::new();
        let no_data = asker.left == 0 || asker.paused;
        let is_local = mika_core::address::is_local;
        let reachable = |peer: &SocketAddr| is_local(ip) || !is_local(peer.ip());
        for peer in self.sessions.iter().filter(|it| it.torrent == asker.torrent) {
            let useless = no_data && (peer.left == 0 || peer.paused);
            let timeout = self.settings.peer_timeout_seconds;
            if peer.user == asker.user || useless || now - peer.last > timeout {
                continue;
            }
            let v4 = peer.v4.filter(|_| asker.v4.is_some() && !(one_family && ip.is_ipv6()));
            let v6 = peer.v6.filter(|_| asker.v6.is_some() && !(one_family && ip.is_ipv4()));
            let v4 = v4.filter(|_| now - peer.v4_last <= timeout);
            let v6 = v6.filter(|_| now - peer.v6_last <= timeout);
            all.extend(v4.into_iter().chain(v6).filter(reachable));
        }
        all.sort();
        all
    }
}

fn left_of(request: &AnnounceRequest) -> u64 {
    request.left.min(LEFT_UNKNOWN)
}

fn report(session: &mut Session, request: &AnnounceRequest, now: u32) {
    session.uploaded = request.uploaded;
    session.downloaded = request.downloaded;
    session.left = left_of(request);
    session.paused = request.paused && request.left > 0;
    session.stale = false;
    session.last = now;
}

fn place(session: &mut Session, ip: IpAddr, port: u16, now: u32) {
    let endpoint = Some(SocketAddr::new(ip, port));
    match ip {
        IpAddr::V4(_) => (session.v4, session.v4_last) = (endpoint, now),
        IpAddr::V6(_) => (session.v6, session.v6_last) = (endpoint, now),
    }
}
