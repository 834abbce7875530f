//! Whom to ask for a handshake: suspects, at the addresses that they announce from, and seldom.
//!
//! Each user at most once in six hours, at most [`USERS_MAX`] in [`EVERY_SECONDS`], and never an
//! address that is not public: nobody is to find out by announcing what is behind the tracker.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mika_core::detection::Probe;
use mika_core::{SessionView, SessionsOf, is_local};
use mika_protocol::PeerId;
use tokio::runtime::Handle;

use super::Inspector;
use super::handshake::{Patience, ask};

/// Seconds from one look for suspects to the next.
const EVERY_SECONDS: u32 = 10;
/// Users per look: five a second.
const USERS_MAX: usize = 50;
/// Handshakes under way at most; each ends within a minute.
const UNDER_WAY_MAX: usize = 256;
/// Sessions of a user, one of which is asked.
const SESSIONS_MAX: usize = 64;
/// Below it there are services of the system.
const PORT_MIN: u16 = 1024;
/// How the tracker names itself; the rest is random.
const NAME: [u8; 8] = *b"-MK0001-";

/// When suspects were looked for last, and how many handshakes are under way.
#[derive(Debug, Default)]
pub(super) struct Prober {
    looked_at_seconds: u32,
    under_way: Arc<AtomicUsize>,
}

impl Prober {
    fn room(&mut self, now_seconds: u32) -> usize {
        if now_seconds.saturating_sub(self.looked_at_seconds) < EVERY_SECONDS {
            return 0;
        }
        self.looked_at_seconds = now_seconds;
        let under_way = self.under_way.load(Ordering::Relaxed);
        UNDER_WAY_MAX.saturating_sub(under_way).min(USERS_MAX)
    }
}

impl Inspector {
    /// Asks clients of some suspects, if the configuration says so. The answers come later.
    pub(super) fn probe(&self, prober: &mut Prober, runtime: &Handle, now_seconds: u32) {
        let config = self.shared.config.load();
        if !config.detects() || !config.detection.handshakes {
            return;
        }
        let room = prober.room(now_seconds);
        if room == 0 {
            return;
        }
        let users = self.shared.watched.lock().detection.to_probe(now_seconds, room);
        for user_id in users {
            let of = SessionsOf::User(user_id);
            let page = self.shared.tracker.sessions(of, None, SESSIONS_MAX, now_seconds);
            let sessions = page.unwrap_or_default().sessions;
            let Some((session, endpoint)) = chosen(&sessions) else { continue };
            let (inspector, under_way) = (self.clone(), Arc::clone(&prober.under_way));
            under_way.fetch_add(1, Ordering::Relaxed);
            runtime.spawn(async move {
                let own = own_name();
                let patience = Patience::default();
                let probe = ask(endpoint, session.info_hash, session.peer_id, own, patience).await;
                under_way.fetch_sub(1, Ordering::Relaxed);
                inspector.note_probe(user_id, session.torrent_id, probe);
            });
        }
    }

    /// Says what a client of a user showed that was asked for a handshake.
    pub fn note_probe(&self, user_id: u32, torrent_id: u32, probe: Probe) {
        self.shared.numbers.probed(probe);
        let now_seconds = self.shared.clock.now_seconds();
        let mut watched = self.shared.watched.lock();
        watched.detection.note_probe(user_id, torrent_id, probe, now_seconds);
    }
}

/// One of the sessions that can be asked, those that have the torrent first.
fn chosen(sessions: &[SessionView]) -> Option<(SessionView, SocketAddr)> {
    let endpoint = |session: &SessionView| {
        let v4 = session.address_v4.map(SocketAddr::from);
        let v6 = session.address_v6.map(SocketAddr::from);
        [v4, v6].into_iter().flatten().find(|it| may_be_asked(*it))
    };
    let usable = sessions.iter().filter_map(|it| Some((*it, endpoint(it)?)));
    let (seeding, others): (Vec<_>, Vec<_>) = usable.partition(|(session, _)| session.seeder);
    let from = if seeding.is_empty() { others } else { seeding };
    fastrand::choice(from)
}

fn may_be_asked(endpoint: SocketAddr) -> bool {
    let ip = endpoint.ip().to_canonical();
    let is_reserved = match ip {
        IpAddr::V4(ip) => ip.is_broadcast() || ip.is_documentation() || ip.octets()[0] == 0,
        IpAddr::V6(_) => false,
    };
    endpoint.port() >= PORT_MIN && !is_local(ip) && !ip.is_multicast() && !is_reserved
}

fn own_name() -> PeerId {
    let mut name = [0; 20];
    let (head, tail) = name.split_at_mut(NAME.len());
    head.copy_from_slice(&NAME);
    tail.fill_with(|| fastrand::alphanumeric() as u8);
    PeerId(name)
}

#[cfg(test)]
mod tests {
    use mika_protocol::InfoHash;

    use super::*;

    fn session(torrent_id: u32, address: &str, seeder: bool) -> SessionView {
        let address: SocketAddr = address.parse().unwrap();
        let (mut address_v4, mut address_v6) = (None, None);
        match address {
            SocketAddr::V4(it) => address_v4 = Some(it),
            SocketAddr::V6(it) => address_v6 = Some(it),
        }
        SessionView {
            torrent_id,
            info_hash: InfoHash([7; 20]),
            user_id: Some(1),
            peer_id: None,
            address_v4,
            address_v6,
            uploaded_bytes: 0,
            downloaded_bytes: 0,
            left_bytes: Some(0),
            seeder,
            paused: false,
            visible: true,
            started_at_seconds: 0,
            announced_at_seconds: 0,
        }
    }

    #[test]
    fn a_session_that_has_the_torrent_is_asked_before_one_that_has_not() {
        let leeching = session(1, "1.2.3.4:6881", false);
        let seeding = session(2, "1.2.3.4:6881", true);
        let (found, endpoint) = chosen(&[leeching, seeding, leeching]).unwrap();
        assert_eq!((found.torrent_id, endpoint), (2, "1.2.3.4:6881".parse().unwrap()));
        assert_eq!(chosen(&[leeching]).unwrap().0.torrent_id, 1);
        assert_eq!(chosen(&[]), None);
    }

    #[test]
    fn only_public_addresses_and_ports_of_users_are_asked() {
        for refused in [
            "127.0.0.1:6881",
            "10.0.0.7:6881",
            "192.168.1.1:6881",
            "169.254.169.254:8080",
            "100.64.0.1:6881",
            "0.1.2.3:6881",
            "224.0.0.1:6881",
            "255.255.255.255:6881",
            "192.0.2.7:6881",
            "1.2.3.4:80",
            "1.2.3.4:1023",
            "[::1]:6881",
            "[fe80::1]:6881",
            "[fd00::1]:6881",
            "[ff02::1]:6881",
            "[::ffff:10.0.0.1]:6881",
        ] {
            assert_eq!(chosen(&[session(1, refused, true)]), None, "{refused}");
        }
        for asked in ["1.2.3.4:1024", "[2a00::7]:51413"] {
            let (_, endpoint) = chosen(&[session(1, asked, true)]).unwrap();
            assert_eq!(endpoint, asked.parse().unwrap());
        }
    }

    #[test]
    fn suspects_are_looked_for_every_ten_seconds_while_there_is_room() {
        let mut prober = Prober::default();
        assert_eq!(prober.room(1_800_000_000), USERS_MAX);
        assert_eq!(prober.room(1_800_000_009), 0);
        prober.under_way.store(UNDER_WAY_MAX - 3, Ordering::Relaxed);
        assert_eq!(prober.room(1_800_000_010), 3);
        prober.under_way.store(UNDER_WAY_MAX, Ordering::Relaxed);
        assert_eq!(prober.room(1_800_000_020), 0);
    }

    #[test]
    fn the_name_says_who_asks_and_differs_each_time() {
        let (one, other) = (own_name(), own_name());
        assert!(one.0.starts_with(b"-MK0001-") && one.0.is_ascii());
        assert_ne!(one, other);
    }
}
