//! The tracker as a simulation sees it, and the real core behind it.
//!
//! This file alone knows the core: what a strategy means in its settings, and how a user of the
//! world is one of its users.

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use mika_core::batch::Traffic;
use mika_core::registry::{RoleSpec, TorrentSpec, UserSpec};
use mika_core::selection::place::{Continent, Place, PlaceId, PlaceTable, Places};
use mika_core::selection::strategy::{RoleWeight, Selection, Strategies};
use mika_core::{Mode, PeerList, Settings, Source, Tracker as Core};
use mika_protocol::{AnnounceRequest, InfoHash, Passkey};

use crate::client::Announce;
use crate::rng::Rng;
use crate::world::{City, REGIONS, Role, User, World};

/// Unix time in seconds at which every simulation begins.
pub const START_SECONDS: u32 = 1_800_000_000;

/// Peers in a reply at most, however many a client asks for.
pub const NUMWANT_MAX: u32 = 50;

/// No batch is as large.
const ROWS_MAX: usize = usize::MAX;

/// The secret that fixes the order in the core's tables; none here.
const HASH_KEY: [u8; 16] = *b"simulated hashes";

/// What a tracker answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// Seconds until the next announce.
    pub interval_seconds: u32,
    /// Peers that have the whole torrent, the asker included.
    pub seeders: u32,
    /// Peers that lack some of it, the asker included.
    pub leechers: u32,
    /// Where others listen.
    pub peers: Vec<SocketAddrV4>,
}

/// Something that answers announces.
pub trait Tracker {
    /// Answers one announce made at a Unix time.
    ///
    /// # Errors
    ///
    /// The tracker refused it, or is not there.
    fn announce(&mut self, announce: &Announce, now_seconds: u32, reply: &mut Reply) -> Result<()>;

    /// Called when the seeders of old have announced, and what is simulated begins.
    fn begin(&mut self, _now_seconds: u32) {}

    /// Called every now and then.
    fn tidy(&mut self, _now_seconds: u32) {}
}

/// How peers are selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strategy {
    /// Every peer is as likely as every other.
    Uniform,
    /// Peers near the asker.
    Location,
    /// Seeders who have given little since they completed.
    Completion,
    /// Seeders who upload fast.
    Fast,
    /// Seeders who upload slowly.
    Slow,
    /// Uploaders always, donors with a larger weight.
    UserClass,
    /// Seeders who came last.
    SeedTime,
    /// Location and completion at once.
    LocationCompletion,
}

impl Strategy {
    /// All of them, uniform first.
    pub const ALL: [Self; 8] = [
        Self::Uniform,
        Self::Location,
        Self::Completion,
        Self::Fast,
        Self::Slow,
        Self::UserClass,
        Self::SeedTime,
        Self::LocationCompletion,
    ];

    /// As in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Location => "location",
            Self::Completion => "completion",
            Self::Fast => "fast",
            Self::Slow => "slow",
            Self::UserClass => "user_class",
            Self::SeedTime => "seed_time",
            Self::LocationCompletion => "location+completion",
        }
    }

    fn of_core(self) -> Strategies {
        match self {
            Self::Uniform => Strategies::UNIFORM,
            Self::Location => Strategies::LOCATION,
            Self::Completion => Strategies::COMPLETION,
            Self::Fast => Strategies::FAST,
            Self::Slow => Strategies::SLOW,
            Self::UserClass => Strategies::USER_CLASS,
            Self::SeedTime => Strategies::SEED_TIME,
            Self::LocationCompletion => Strategies::LOCATION | Strategies::COMPLETION,
        }
    }

    /// The core's settings for it.
    fn selection(self) -> Selection {
        let roles = vec![
            RoleWeight { role_id: Role::Uploader.id(), weight_percent: 100, always_include: true },
            RoleWeight { role_id: Role::Donor.id(), weight_percent: 400, always_include: false },
        ];
        Selection { strategies: self.of_core(), roles, ..Selection::default() }
    }
}

/// The places of the world's users, by their addresses.
#[derive(Debug)]
struct WorldPlaces {
    table: PlaceTable,
    first_address: u32,
    by_user: Vec<PlaceId>,
}

/// The continent of each region.
const CONTINENTS: [Continent; REGIONS.len()] = [
    Continent::Europe,
    Continent::NorthAmerica,
    Continent::Asia,
    Continent::SouthAmerica,
    Continent::Oceania,
];

impl WorldPlaces {
    fn new(world: &World) -> Self {
        let table = PlaceTable::default();
        let place = |user: &User| {
            let city = world.earth.cities[user.city];
            let asn = u32::try_from(user.network + 1).unwrap_or_default();
            let place = Place::of_asn(asn).at(city.latitude, city.longitude);
            table
                .intern(place.in_country(&country_code(city)).on_continent(CONTINENTS[city.region]))
        };
        let by_user = world.users.iter().map(place).collect();
        Self { table, first_address: world.plan.first_address.into(), by_user }
    }
}

/// Two letters that no other country has.
fn country_code(city: City) -> String {
    let letter = |number: usize| char::from(b'A' + (number % 26) as u8);
    [letter(city.country / 26), letter(city.country)].iter().collect()
}

impl Places for WorldPlaces {
    fn place_of(&self, address: IpAddr) -> PlaceId {
        let IpAddr::V4(address) = address else { return PlaceId::UNKNOWN };
        let user = u32::from(address).wrapping_sub(self.first_address) as usize;
        self.by_user.get(user).copied().unwrap_or(PlaceId::UNKNOWN)
    }

    fn table(&self) -> &PlaceTable {
        &self.table
    }
}

/// The core's settings under a strategy.
pub fn settings(strategy: Strategy) -> Settings {
    let selection = Arc::new(strategy.selection());
    Settings { numwant_max: NUMWANT_MAX, selection, ..Settings::default() }
}

/// The real core, called directly.
#[derive(Debug)]
pub struct Direct {
    core: Core,
    settings: Settings,
    first_address: Ipv4Addr,
    info_hashes: Vec<InfoHash>,
    passkeys: Vec<Passkey>,
    peers: PeerList,
    tidied_at_seconds: u32,
    next_part: usize,
}

/// Seconds in which every part of the core is looked at once for peers that have timed out.
const TIDY_SECONDS: u32 = 600;

impl Direct {
    /// A tracker that knows the world's users and torrents.
    ///
    /// # Errors
    ///
    /// The core does not take one of them.
    pub fn new(world: &World, strategy: Strategy) -> Result<Self> {
        let settings = settings(strategy);
        let core = Core::new(Mode::Private, settings.clone(), HASH_KEY);
        core.set_places(Arc::new(WorldPlaces::new(world)));
        for role in [Role::Member, Role::Uploader, Role::Donor] {
            core.put_role(RoleSpec::new(role.id()));
        }
        for (number, user) in world.users.iter().enumerate() {
            core.put_user(user_spec(number, user.role)?)?;
        }
        for number in 0..world.torrents.len() {
            core.put_torrent(torrent_spec(number)?)?;
        }
        let peers = PeerList::new(Rng::new(world.seed, 4).bits());
        let first_address = world.plan.first_address;
        let info_hashes = (0..world.torrents.len()).map(info_hash).collect();
        let passkeys = (0..world.users.len()).map(passkey).collect::<Result<_>>()?;
        let direct = Self {
            core,
            settings,
            first_address,
            info_hashes,
            passkeys,
            peers,
            tidied_at_seconds: 0,
            next_part: 0,
        };
        // Seeders of old announce once, far apart: none of them is to be forgotten before the
        // simulation begins.
        direct.set_peer_timeout(u32::MAX / 2);
        Ok(direct)
    }

    fn set_peer_timeout(&self, peer_timeout_seconds: u32) {
        self.core.set_settings(Settings { peer_timeout_seconds, ..self.settings.clone() });
    }

    /// What the core is asked for an announce.
    fn request(&self, announce: &Announce) -> AnnounceRequest {
        AnnounceRequest {
            info_hash: self.info_hashes[announce.torrent],
            peer_id: announce.peer_id,
            passkey: self.passkeys.get(announce.user).copied(),
            port: announce.port,
            uploaded: announce.uploaded,
            downloaded: announce.downloaded,
            left: announce.left,
            corrupt: 0,
            event: announce.event,
            paused: false,
            numwant: announce.numwant,
            compact: true,
            compact_given: true,
            no_peer_id: true,
            claimed_v4: None,
            claimed_v6: None,
        }
    }

    /// Everything that was reported since the last call, as users' totals.
    pub fn drain(&self, now_seconds: u32) -> Vec<(usize, Traffic)> {
        let batch = self.core.drain(now_seconds, 0, ROWS_MAX).batch;
        let users = batch.users.iter();
        users.map(|row| (row.user_id.saturating_sub(1) as usize, row.traffic)).collect()
    }
}

impl Tracker for Direct {
    fn announce(&mut self, announce: &Announce, now_seconds: u32, reply: &mut Reply) -> Result<()> {
        let request = self.request(announce);
        let offset = u32::try_from(announce.user).context("too many users")?;
        let address = Ipv4Addr::from(u32::from(self.first_address).wrapping_add(offset));
        let source = Source::new(IpAddr::V4(address));
        let answer = self
            .core
            .announce(&request, source, now_seconds, &mut self.peers)
            .map_err(|refusal| anyhow!("refused: {refusal:?} {announce:?}"))?;
        reply.interval_seconds = answer.interval_seconds;
        reply.seeders = answer.seeders;
        reply.leechers = answer.leechers;
        reply.peers.clear();
        reply.peers.extend(self.peers.v4.chunks_exact(6).filter_map(endpoint));
        Ok(())
    }

    fn begin(&mut self, _now_seconds: u32) {
        self.set_peer_timeout(self.settings.peer_timeout_seconds);
    }

    fn tidy(&mut self, now_seconds: u32) {
        let parts = 64;
        let part_seconds = TIDY_SECONDS * parts / u32::try_from(Core::PARTS).unwrap_or(parts);
        if now_seconds < self.tidied_at_seconds.saturating_add(part_seconds) {
            return;
        }
        self.tidied_at_seconds = now_seconds;
        for _ in 0..parts {
            self.core.expire(self.next_part % Core::PARTS, now_seconds);
            self.next_part += 1;
        }
    }
}

fn endpoint(row: &[u8]) -> Option<SocketAddrV4> {
    let [a, b, c, d, high, low] = row.try_into().ok()?;
    Some(SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])))
}

/// The text of a user's passkey.
pub fn passkey_text(user: usize) -> String {
    format!("{user:032x}")
}

fn passkey(user: usize) -> Result<Passkey> {
    Passkey::new(passkey_text(user).as_bytes()).context("a passkey")
}

/// The info-hash of a torrent.
pub fn info_hash(torrent: usize) -> InfoHash {
    let mut rng = Rng::new(torrent as u64, 5);
    InfoHash(std::array::from_fn(|_| rng.below(256) as u8))
}

fn user_spec(number: usize, role: Role) -> Result<UserSpec> {
    Ok(UserSpec::new(u32::try_from(number + 1)?, passkey(number)?, role.id()))
}

fn torrent_spec(number: usize) -> Result<TorrentSpec<'static>> {
    Ok(TorrentSpec::new(u32::try_from(number + 1)?, info_hash(number)))
}

#[cfg(test)]
mod tests;
