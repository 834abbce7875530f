//! Made-up users, torrents and peers. Everything follows from small numbers, so that nothing has
//! to be kept beside the tracker whose memory is measured, and every run sees the same.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result, anyhow};
use mika_core::registry::{RoleSpec, TorrentSpec, UserSpec};
use mika_core::{Mode, PeerList, Settings, Source, Tracker};
use mika_protocol::{AnnounceRequest, Event, InfoHash, Passkey, PeerId};

/// Unix time in seconds at which everybody joins.
pub const START_SECONDS: u32 = 1_800_000_000;

/// Bytes that a leecher lacks when it joins.
const LEECHER_LEFT_BYTES: u64 = 4 << 30;

/// The tracker's secret, which is no secret here: it fixes the order in its tables.
const HASH_KEY: [u8; 16] = *b"benchmark hash k";

const ROLE_ID: u16 = 1;

/// So many peers on so many torrents.
#[derive(Debug, Clone, Copy)]
pub struct Population {
    /// Private or public.
    pub mode: Mode,
    /// Torrents, all alike.
    pub torrents: u32,
    /// Peers of each torrent.
    pub peers_per_torrent: u32,
    /// Users; a private torrent's peers are different users as long as this allows.
    pub users: u32,
    /// Every n-th peer of a torrent is a leecher, from the first on; 0 for none.
    pub leecher_every: u32,
    /// The peers announce over IPv6 instead of IPv4.
    pub v6: bool,
}

/// One peer of a [`Population`].
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// Number of its torrent.
    pub torrent: u32,
    /// Number within its torrent.
    pub place: u32,
    /// How often the peer at this place was replaced: each time by another user and client.
    pub generation: u32,
}

impl Population {
    /// Peers of all torrents.
    pub fn peers(&self) -> u32 {
        self.torrents * self.peers_per_torrent
    }

    /// The peer with a number below [`Population::peers`].
    pub fn peer(&self, number: u32, generation: u32) -> Peer {
        let torrent = number / self.peers_per_torrent;
        Peer { torrent, place: number % self.peers_per_torrent, generation }
    }

    /// A tracker without users, torrents and peers.
    pub fn tracker(&self) -> Tracker {
        let tracker = Tracker::new(self.mode, Settings::default(), HASH_KEY);
        tracker.put_role(RoleSpec::new(ROLE_ID));
        tracker
    }

    /// Registers the users; a public tracker has none.
    ///
    /// # Errors
    ///
    /// The tracker does not take one.
    pub fn add_users(&self, tracker: &Tracker) -> Result<()> {
        if self.mode == Mode::Public {
            return Ok(());
        }
        for number in 0..self.users {
            tracker.put_user(UserSpec::new(number + 1, passkey(number)?, ROLE_ID))?;
        }
        Ok(())
    }

    /// Registers the torrents.
    ///
    /// # Errors
    ///
    /// The tracker does not take one.
    pub fn add_torrents(&self, tracker: &Tracker) -> Result<()> {
        for number in 0..self.torrents {
            tracker.put_torrent(TorrentSpec::new(number + 1, info_hash(number)))?;
        }
        Ok(())
    }

    /// A tracker that knows the users and torrents, and has no peers yet.
    ///
    /// # Errors
    ///
    /// The tracker does not take one of them.
    pub fn registered(&self) -> Result<Tracker> {
        let tracker = self.tracker();
        self.add_users(&tracker)?;
        self.add_torrents(&tracker)?;
        Ok(tracker)
    }

    /// A tracker that all peers have joined, one after the other; it is drained as the flusher
    /// would after so many of them, and at the end.
    ///
    /// # Errors
    ///
    /// The tracker does not take a record, or refuses an announce.
    pub fn joined(&self, announces_per_drain: usize, list: &mut PeerList) -> Result<Tracker> {
        let tracker = self.registered()?;
        self.join(&tracker, 0..self.peers(), announces_per_drain, list)?;
        Ok(tracker)
    }

    /// What a peer announces; `report` is how often it has announced before.
    ///
    /// # Errors
    ///
    /// Never, unless the protocol changes what a passkey is.
    pub fn request(&self, peer: Peer, report: u32, numwant: u32) -> Result<AnnounceRequest> {
        let number = self.number(peer);
        let user = number.wrapping_add(peer.generation.wrapping_mul(7919)) % self.users.max(1);
        let is_leecher = self.leecher_every > 0 && peer.place.is_multiple_of(self.leecher_every);
        let moved_bytes = u64::from(report) * 100_000;
        let left = if is_leecher { LEECHER_LEFT_BYTES.saturating_sub(moved_bytes) } else { 0 };
        let public = self.mode == Mode::Public;
        Ok(AnnounceRequest {
            info_hash: info_hash(peer.torrent),
            peer_id: peer_id(number, peer.generation),
            passkey: if public { None } else { Some(passkey(user)?) },
            port: port(number),
            uploaded: moved_bytes / 2,
            downloaded: if is_leecher { moved_bytes } else { 0 },
            left,
            corrupt: 0,
            event: if report == 0 { Event::Started } else { Event::None },
            paused: false,
            numwant: Some(numwant),
            compact: true,
            compact_given: true,
            no_peer_id: true,
            claimed_v4: None,
            claimed_v6: None,
        })
    }

    /// Where a peer announces from: hardly any two of a torrent from the same address.
    pub fn source(&self, peer: Peer) -> Source {
        let number = mix(u64::from(self.number(peer)) << 32 | u64::from(peer.generation));
        let [a, b, c, ..] = number.to_le_bytes();
        let ip = if self.v6 {
            let [d, e, f, g] = self.number(peer).to_be_bytes();
            let network = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0];
            let mut octets = [0; 16];
            let bytes = network.into_iter().chain([a, b, c, d, e, f, g]);
            octets.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
            IpAddr::V6(Ipv6Addr::from(octets))
        } else {
            // 16 to 95: no private, loopback or shared networks.
            IpAddr::V4(Ipv4Addr::new(16 + a % 80, b, c, number.to_be_bytes()[0]))
        };
        Source::new(ip)
    }

    /// Lets all peers join, in the order of `numbers`, and drains as the flusher would.
    ///
    /// # Errors
    ///
    /// An announce is refused.
    pub fn join(
        &self,
        tracker: &Tracker,
        numbers: impl Iterator<Item = u32>,
        announces_per_drain: usize,
        list: &mut PeerList,
    ) -> Result<()> {
        for (count, number) in numbers.enumerate() {
            let peer = self.peer(number, 0);
            self.announce(tracker, &self.request(peer, 0, 0)?, peer, START_SECONDS, list)?;
            if count % announces_per_drain == announces_per_drain - 1 {
                drain(tracker, START_SECONDS);
            }
        }
        drain(tracker, START_SECONDS);
        Ok(())
    }

    /// Announces.
    ///
    /// # Errors
    ///
    /// The announce is refused.
    pub fn announce(
        &self,
        tracker: &Tracker,
        request: &AnnounceRequest,
        peer: Peer,
        now_seconds: u32,
        list: &mut PeerList,
    ) -> Result<()> {
        tracker
            .announce(request, self.source(peer), now_seconds, list)
            .map_err(|refusal| anyhow!("the announce of {peer:?} was refused: {refusal:?}"))?;
        Ok(())
    }

    fn number(&self, peer: Peer) -> u32 {
        peer.torrent * self.peers_per_torrent + peer.place
    }
}

/// Takes all pending changes out of the tracker and drops them, as after a flush.
pub fn drain(tracker: &Tracker, now_seconds: u32) {
    drop(tracker.drain(now_seconds, 0, usize::MAX));
}

fn info_hash(torrent: u32) -> InfoHash {
    let mut bytes = [0; 20];
    let words = (0..3u64).flat_map(|word| mix(u64::from(torrent) << 8 | word).to_le_bytes());
    bytes.iter_mut().zip(words).for_each(|(to, from)| *to = from);
    InfoHash(bytes)
}

fn passkey(user: u32) -> Result<Passkey> {
    let low = mix(u64::from(user));
    Passkey::new(format!("{low:016x}{:016x}", mix(low)).as_bytes()).context("not a passkey")
}

fn peer_id(number: u32, generation: u32) -> PeerId {
    let mut bytes = *b"-qB5000-............";
    let digits = mix(u64::from(number) << 32 | u64::from(generation)).to_le_bytes();
    let tail = digits.into_iter().chain(number.to_le_bytes());
    bytes.iter_mut().skip(8).zip(tail).for_each(|(to, from)| *to = from);
    PeerId(bytes)
}

fn port(number: u32) -> u16 {
    let [low, high, ..] = mix(u64::from(number) + 17).to_le_bytes();
    u16::from_le_bytes([low, high]).max(1024)
}

/// Spreads a number over 64 bits (SplitMix64, public domain).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
