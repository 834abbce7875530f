//! The real tracker core with its real detection behind it, in simulated time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use mika_core::detection::{Counters as Seen, Detection, DetectionSettings, Feed, Fingerprints};
use mika_core::detection::{Finding, Observation};
use mika_core::registry::{RoleSpec, TorrentSpec, UserSpec};
use mika_core::{Mode, PeerList, Refusal, Settings, Source, Tracker as Core};
use mika_protocol::{AnnounceRequest, Event, InfoHash, Passkey, PeerId};

use super::looks::Look;
use super::people::NETWORKS;
use super::rivals::Rivals;
use super::watch::Watch;
use crate::cheats::mask::{Counters, Told};
use crate::rng::Rng;
use crate::tracker::{NUMWANT_MAX, START_SECONDS, info_hash, passkey_text};

/// Seconds after which detection is given what has been observed.
pub const FEED_SECONDS: u32 = 120;
/// Seconds after which rows are drained, and scores are read; timed-out peers are looked for three
/// times as often.
pub const TIDY_SECONDS: u32 = 1800;
/// Detection is there since so many seconds before the first announce: long enough for everything
/// before that to be known.
pub const KNOWN_SECONDS: u32 = 86_400;
/// The secret that orders the core's tables and names networks.
pub const HASH_KEY: [u8; 16] = *b"simulated hashes";
const FIRST_ADDRESS: u32 = 0x1400_0000;
const QUEUE: u32 = 8192;
/// The role of everybody.
const ROLE: u16 = 1;

/// What a client says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announce {
    /// Number of the user.
    pub user: u32,
    /// Number of the user's network.
    pub network: u8,
    /// Number of the torrent.
    pub torrent: u32,
    /// The client's name.
    pub peer_id: PeerId,
    /// The port that it listens on.
    pub port: u16,
    /// What it has moved.
    pub counters: Counters,
    /// Bytes that failed their check.
    pub corrupt: u64,
    /// What happens.
    pub event: Event,
    /// It wants no more data (BEP 21).
    pub paused: bool,
    /// How it looks.
    pub look: Look,
    /// It comes over IPv6.
    pub v6: bool,
}

impl Announce {
    /// Where it comes from.
    pub fn address(&self) -> IpAddr {
        if self.v6 {
            let [high, low] = [(self.user >> 16) as u16, self.user as u16];
            let network = u16::from(self.network);
            return Ipv6Addr::new(0x2a00 + high, low, network, 0, 0, 0, 0, 7).into();
        }
        let number = self.user * NETWORKS as u32 + u32::from(self.network);
        Ipv4Addr::from(FIRST_ADDRESS + (number << 8) + 7).into()
    }
}

/// What the tracker answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// The counts.
    pub told: Told,
    /// Users and ports.
    pub peers: Vec<(u32, u16)>,
    /// The client has too many sessions and is to try again.
    pub refused: bool,
}

/// How long things took, by the wall clock: the only figures that differ from run to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// In announces, the making of observations included.
    pub announcing: Duration,
    /// In looking at observations.
    pub observing: Duration,
    /// In closing and solving the books.
    pub advancing: Duration,
}

/// A tracker, its detection, and the rules of others beside it.
#[derive(Debug)]
pub struct Site {
    core: Core,
    detection: Detection,
    /// What the rules of others would say.
    pub rivals: Rivals,
    /// What detection has said about each user.
    pub watch: Watch,
    peers: PeerList,
    taken: Vec<Observation>,
    info_hashes: Vec<InfoHash>,
    passkeys: Vec<Passkey>,
    /// Announces answered.
    pub announces: u64,
    /// Time spent.
    pub spent: Spent,
    /// Announces are kept, to be sent again: with the second of each.
    pub record: Option<Vec<(u32, Announce)>>,
}

impl Site {
    /// A site of so many users and torrents.
    ///
    /// # Errors
    ///
    /// The core does not take one of them.
    pub fn new(users: usize, sizes: &[u64], interval_seconds: u32, seed: u64) -> Result<Self> {
        let peer_timeout_seconds = interval_seconds * 7 / 3;
        let settings = Settings {
            interval_seconds,
            peer_timeout_seconds,
            numwant_max: NUMWANT_MAX,
            detection: Some(Feed { queued_per_shard_max: QUEUE, experiments: false }),
            ..Settings::default()
        };
        let core = Core::new(Mode::Private, settings, HASH_KEY);
        core.put_role(RoleSpec::new(ROLE));
        let passkeys = (0..users).map(passkey).collect::<Result<Vec<_>>>()?;
        for (number, passkey) in passkeys.iter().enumerate() {
            core.put_user(user(number, *passkey)?)?;
        }
        for number in 0..sizes.len() {
            core.put_torrent(torrent(number)?)?;
        }
        let fingerprints: Fingerprints = toml::from_str(Fingerprints::DEFAULT_TOML)?;
        let of_tracker =
            DetectionSettings { interval_seconds, peer_timeout_seconds, ..Default::default() };
        let since_seconds = START_SECONDS - KNOWN_SECONDS;
        Ok(Self {
            core,
            detection: Detection::new(of_tracker, &fingerprints, seed, since_seconds),
            rivals: Rivals::new(users, sizes),
            watch: Watch::new(users),
            peers: PeerList::new(Rng::new(seed, 4).bits()),
            taken: Vec::new(),
            info_hashes: (0..sizes.len()).map(info_hash).collect(),
            passkeys,
            announces: 0,
            spent: Spent::default(),
            record: None,
        })
    }

    /// What the core is asked for an announce.
    pub fn request(&self, announce: &Announce) -> AnnounceRequest {
        AnnounceRequest {
            info_hash: self.info_hashes[announce.torrent as usize],
            peer_id: announce.peer_id,
            passkey: self.passkeys.get(announce.user as usize).copied(),
            port: announce.port,
            uploaded: announce.counters.uploaded,
            downloaded: announce.counters.downloaded,
            left: announce.counters.left,
            corrupt: announce.corrupt,
            event: announce.event,
            paused: announce.paused,
            numwant: announce.look.numwant(announce.event),
            compact: true,
            compact_given: true,
            no_peer_id: true,
            claimed_v4: None,
            claimed_v6: None,
        }
    }

    /// Answers what a client says at a second of the simulation.
    ///
    /// # Errors
    ///
    /// The core refused it.
    pub fn announce(&mut self, of: &Announce, at_seconds: u32, reply: &mut Reply) -> Result<()> {
        let request = self.request(of);
        let shape = of.look.shape(of.corrupt > 0);
        let source = Source { agent: of.look.agent(), shape, ..Source::new(of.address()) };
        if let Some(record) = &mut self.record {
            record.push((at_seconds, *of));
        }
        self.answer(&request, source, at_seconds, reply)
    }

    /// The same of a request as it came over the wire.
    ///
    /// # Errors
    ///
    /// The core refused it.
    pub fn answer(
        &mut self,
        request: &AnnounceRequest,
        source: Source,
        at_seconds: u32,
        reply: &mut Reply,
    ) -> Result<()> {
        let begun = Instant::now();
        let now_seconds = START_SECONDS + at_seconds;
        let answer = self.core.announce(request, source, now_seconds, &mut self.peers);
        self.spent.announcing += begun.elapsed();
        self.announces += 1;
        reply.refused = matches!(answer, Err(Refusal::TooManySessions));
        if reply.refused {
            reply.peers.clear();
            return Ok(());
        }
        let answer = answer.map_err(|refusal| anyhow!("refused: {refusal:?} {request:?}"))?;
        reply.told = Told { seeders: answer.seeders, leechers: answer.leechers };
        reply.peers.clear();
        reply.peers.extend(self.peers.v4.chunks_exact(6).filter_map(peer_v4));
        reply.peers.extend(self.peers.v6.chunks_exact(18).filter_map(peer_v6));
        Ok(())
    }

    /// Gives detection what was observed, and lets the tracker tidy up: every
    /// [`FEED_SECONDS`].
    pub fn tick(&mut self, at_seconds: u32) {
        let now_seconds = START_SECONDS + at_seconds;
        if at_seconds.is_multiple_of(TIDY_SECONDS / 3) {
            for part in 0..Core::PARTS {
                self.core.expire(part, now_seconds);
            }
        }
        for part in 0..Core::PARTS {
            let dropped = self.core.take_observations(part, &mut self.taken);
            if self.taken.is_empty() && dropped == 0 {
                continue;
            }
            self.rivals.observe(&self.taken);
            let begun = Instant::now();
            self.detection.note_dropped(dropped, now_seconds);
            self.detection.observe(&self.taken);
            self.spent.observing += begun.elapsed();
        }
        let begun = Instant::now();
        self.detection.advance(now_seconds);
        self.spent.advancing += begun.elapsed();
        if at_seconds.is_multiple_of(TIDY_SECONDS) {
            self.rivals.balance(at_seconds);
            // Nobody reads it; kept, it would only grow.
            drop(self.core.drain(now_seconds, 0, usize::MAX));
        }
        self.watch.look(&self.detection, now_seconds, at_seconds.is_multiple_of(TIDY_SECONDS));
    }

    /// How much detection has seen.
    pub fn seen(&self) -> Seen {
        self.detection.counters()
    }

    /// All findings that are kept.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.detection.findings_after(0)
    }

    /// The detection itself.
    pub fn detection(&self) -> &Detection {
        &self.detection
    }
}

fn user_of_number(number: u32) -> u32 {
    number / NETWORKS as u32
}

fn peer_v4(row: &[u8]) -> Option<(u32, u16)> {
    let [a, b, c, d, high, low] = row.try_into().ok()?;
    let address = u32::from_be_bytes([a, b, c, d]).checked_sub(FIRST_ADDRESS)?;
    Some((user_of_number(address >> 8), u16::from_be_bytes([high, low])))
}

fn peer_v6(row: &[u8]) -> Option<(u32, u16)> {
    let (address, port) = row.split_first_chunk::<16>()?;
    let [high, low, ..] = Ipv6Addr::from(*address).segments();
    let user = u32::from(high.checked_sub(0x2a00)?) << 16 | u32::from(low);
    Some((user, u16::from_be_bytes(port.try_into().ok()?)))
}

fn passkey(user: usize) -> Result<Passkey> {
    Passkey::new(passkey_text(user).as_bytes()).context("a passkey")
}

fn user(number: usize, passkey: Passkey) -> Result<UserSpec> {
    Ok(UserSpec::new(u32::try_from(number + 1)?, passkey, ROLE))
}

fn torrent(number: usize) -> Result<TorrentSpec<'static>> {
    Ok(TorrentSpec::new(u32::try_from(number + 1)?, info_hash(number)))
}
