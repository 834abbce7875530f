//! How clients announce: numwant, events, and when they announce again.
//!
//! The habits are those that requests recorded from the programs show.

use mika_protocol::{Event, PeerId};

use crate::rng::Rng;
use crate::world::Access;

/// A BitTorrent client program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// libtorrent 2.1, as in qBittorrent: asks for 200 peers.
    Libtorrent,
    /// Transmission 3.00: asks for 80 peers, and begins with a `stopped`.
    Transmission,
    /// rTorrent 0.9.8: does not say how many peers it wants.
    Rtorrent,
}

/// Seconds by which no two clients of a kind announce at once.
const JITTER_SECONDS: usize = 30;

impl Program {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Libtorrent, Self::Transmission, Self::Rtorrent];

    pub(crate) fn draw(access: Access, rng: &mut Rng) -> Self {
        let share = rng.unit();
        let (libtorrent, transmission) =
            if access == Access::Seedbox { (0.45, 0.10) } else { (0.65, 0.25) };
        if share < libtorrent {
            Self::Libtorrent
        } else if share < libtorrent + transmission {
            Self::Transmission
        } else {
            Self::Rtorrent
        }
    }

    /// The first 8 bytes of its peer ids.
    pub fn prefix(self) -> &'static [u8; 8] {
        match self {
            Self::Libtorrent => b"-LT2110-",
            Self::Transmission => b"-TR3000-",
            Self::Rtorrent => b"-lt0D80-",
        }
    }

    /// Connections that it has on one torrent at most, by its default settings.
    pub fn connections_max(self) -> usize {
        match self {
            Self::Libtorrent | Self::Rtorrent => 100,
            Self::Transmission => 50,
        }
    }

    fn numwant(self, event: Event) -> Option<u32> {
        match (self, event) {
            (Self::Rtorrent, _) => None,
            (_, Event::Stopped) => Some(0),
            (Self::Libtorrent, _) => Some(200),
            (Self::Transmission, _) => Some(80),
        }
    }

    fn first_events(self) -> &'static [Event] {
        match self {
            Self::Transmission => &[Event::Stopped, Event::Started],
            Self::Libtorrent | Self::Rtorrent => &[Event::Started],
        }
    }
}

/// What a client says in one announce; who it is, and of which torrent, goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announce {
    /// Number of the user.
    pub user: usize,
    /// Number of the torrent.
    pub torrent: usize,
    /// The client's name for itself.
    pub peer_id: PeerId,
    /// The port that it listens on.
    pub port: u16,
    /// Bytes uploaded since the session began.
    pub uploaded: u64,
    /// Bytes downloaded since the session began.
    pub downloaded: u64,
    /// Bytes that it lacks.
    pub left: u64,
    /// What happens.
    pub event: Event,
    /// How many peers it wants; `None` if it does not say.
    pub numwant: Option<u32>,
}

/// What a client would report of its transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Bytes uploaded since the session began.
    pub uploaded: u64,
    /// Bytes downloaded since the session began.
    pub downloaded: u64,
    /// Bytes that it lacks.
    pub left: u64,
}

/// A client's session on one torrent.
#[derive(Debug, Clone)]
pub struct Client {
    program: Program,
    user: usize,
    torrent: usize,
    peer_id: PeerId,
    port: u16,
    rng: Rng,
}

/// The port of a client on torrent 0; the others follow.
const FIRST_PORT: u16 = 20_000;

/// The port on which clients listen for peers of a torrent.
pub fn port_of(torrent: usize) -> u16 {
    FIRST_PORT.saturating_add(u16::try_from(torrent).unwrap_or(u16::MAX))
}

/// The torrent whose peers listen on a port.
pub fn torrent_of(port: u16) -> Option<usize> {
    port.checked_sub(FIRST_PORT).map(usize::from)
}

impl Client {
    /// A client that has just been started.
    pub fn new(program: Program, user: usize, torrent: usize, seed: u64) -> Self {
        let mut rng = Rng::new(seed, 1_000_000 + (user as u64) * 65_536 + torrent as u64);
        let mut peer_id = [0; 20];
        for (at, byte) in peer_id.iter_mut().enumerate() {
            let known = program.prefix().get(at);
            *byte = known.copied().unwrap_or_else(|| b'a' + rng.below(26) as u8);
        }
        Self { program, user, torrent, peer_id: PeerId(peer_id), port: port_of(torrent), rng }
    }

    /// Number of the user.
    pub fn user(&self) -> usize {
        self.user
    }

    /// Number of the torrent.
    pub fn torrent(&self) -> usize {
        self.torrent
    }

    /// The announces with which a session begins.
    pub fn begin(&self, counters: Counters) -> impl Iterator<Item = Announce> + use<'_> {
        let events = self.program.first_events().iter();
        events.map(move |event| self.announce(*event, counters))
    }

    /// A regular announce.
    pub fn again(&self, counters: Counters) -> Announce {
        self.announce(Event::None, counters)
    }

    /// The download has finished.
    pub fn completed(&self, counters: Counters) -> Announce {
        self.announce(Event::Completed, counters)
    }

    /// The session ends.
    pub fn stopped(&self, counters: Counters) -> Announce {
        self.announce(Event::Stopped, counters)
    }

    /// Seconds until the next regular announce, when the tracker told so many.
    pub fn wait_seconds(&mut self, interval_seconds: u32) -> u32 {
        let jitter = u32::try_from(self.rng.below(JITTER_SECONDS)).unwrap_or_default();
        interval_seconds.saturating_add(jitter)
    }

    fn announce(&self, event: Event, counters: Counters) -> Announce {
        Announce {
            user: self.user,
            torrent: self.torrent,
            peer_id: self.peer_id,
            port: self.port,
            uploaded: counters.uploaded,
            downloaded: counters.downloaded,
            left: counters.left,
            event,
            numwant: self.program.numwant(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTERS: Counters = Counters { uploaded: 5, downloaded: 7, left: 11 };

    fn events_and_numwants(program: Program) -> Vec<(Event, Option<u32>)> {
        let client = Client::new(program, 1, 2, 3);
        let mut all: Vec<_> = client.begin(COUNTERS).collect();
        all.push(client.again(COUNTERS));
        all.push(client.completed(COUNTERS));
        all.push(client.stopped(COUNTERS));
        all.iter().map(|announce| (announce.event, announce.numwant)).collect()
    }

    #[test]
    fn libtorrent_asks_for_200_peers_and_for_none_when_it_stops() {
        let expected = [
            (Event::Started, Some(200)),
            (Event::None, Some(200)),
            (Event::Completed, Some(200)),
            (Event::Stopped, Some(0)),
        ];
        assert_eq!(events_and_numwants(Program::Libtorrent), expected);
    }

    #[test]
    fn transmission_begins_with_stopped_and_asks_for_80_peers() {
        let expected = [
            (Event::Stopped, Some(0)),
            (Event::Started, Some(80)),
            (Event::None, Some(80)),
            (Event::Completed, Some(80)),
            (Event::Stopped, Some(0)),
        ];
        assert_eq!(events_and_numwants(Program::Transmission), expected);
    }

    #[test]
    fn rtorrent_never_says_how_many_peers_it_wants() {
        let expected = [
            (Event::Started, None),
            (Event::None, None),
            (Event::Completed, None),
            (Event::Stopped, None),
        ];
        assert_eq!(events_and_numwants(Program::Rtorrent), expected);
    }

    #[test]
    fn a_session_keeps_its_peer_id_and_reports_its_counters() {
        let client = Client::new(Program::Libtorrent, 1, 2, 3);
        let (one, other) = (client.again(COUNTERS), client.stopped(Counters::default()));
        assert_eq!(one.peer_id, other.peer_id);
        assert_eq!(&one.peer_id.0[..8], b"-LT2110-");
        assert_eq!((one.uploaded, one.downloaded, one.left), (5, 7, 11));
        assert_eq!(torrent_of(one.port), Some(2));
    }

    #[test]
    fn clients_wait_for_the_interval_and_little_more() {
        let mut client = Client::new(Program::Rtorrent, 1, 2, 3);
        assert!((0..1000).all(|_| (1800..1830).contains(&client.wait_seconds(1800))));
    }
}
