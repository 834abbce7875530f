//! Who announces what: everything about a peer follows from its number.

use std::io::{self, BufWriter, Write as _};

use anyhow::{Context as _, Result, ensure};
use mika_protocol::Event;

use super::options::RunOptions;
use super::zipf;

/// Ports that peers have, from 1024 on.
const PORTS: u32 = 65_536 - 1024;
const FIRST_PORT: u32 = 1024;

/// Spreads numbers that follow each other over the ports; prime to `PORTS`.
const PORT_STEP: u64 = 48_271;

/// Unix time in milliseconds at which all counters were zero: they only grow, also from one run to
/// the next, as those of clients that have not been restarted.
const COUNTERS_BEGIN_MS: u64 = 1_767_225_600_000;

/// The client that all claim to be.
const CLIENT: &[u8; 8] = b"-qB5000-";

/// A population of peers.
#[derive(Debug)]
pub(super) struct Crowd {
    pub(super) peers: u32,
    pub(super) sources: u32,
    pub(super) torrents: u32,
    pub(super) numwant: u32,
    pub(super) users: u32,
    seed: u64,
    /// Of 2^32.
    seeders: u64,
    /// The torrent of each peer; empty when all torrents are alike.
    torrent_of: Vec<u32>,
    /// Those of a file; empty when they follow from the seed.
    passkeys: Vec<Box<[u8]>>,
}

/// What a peer says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Announce {
    pub(super) info_hash: [u8; 20],
    pub(super) peer_id: [u8; 20],
    pub(super) port: u16,
    pub(super) key: u32,
    pub(super) uploaded: u64,
    pub(super) downloaded: u64,
    pub(super) left: u64,
    pub(super) event: Event,
    pub(super) numwant: u32,
}

impl Crowd {
    pub(super) fn new(options: &RunOptions) -> Result<Self> {
        let passkeys = match &options.passkeys {
            None => Vec::new(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let lines: Vec<Box<[u8]>> =
                    text.split_whitespace().map(|line| line.as_bytes().into()).collect();
                ensure!(!lines.is_empty(), "{} holds no passkey", path.display());
                lines
            }
        };
        let users = if passkeys.is_empty() {
            options.users.unwrap_or(0)
        } else {
            u32::try_from(passkeys.len())?
        };
        let torrent_of = if options.zipf == 0.0 {
            Vec::new()
        } else {
            zipf::torrents_of(options.peers, options.torrents, options.zipf, options.seed)
        };
        Ok(Self {
            peers: options.peers,
            sources: options.sources,
            torrents: options.torrents,
            numwant: options.numwant,
            users,
            seed: options.seed,
            seeders: (options.seeders * (1u64 << 32) as f64) as u64,
            torrent_of,
            passkeys,
        })
    }

    /// Peers that have addresses and ports of their own.
    pub(super) fn peers_max(sources: u32) -> u64 {
        u64::from(sources) * u64::from(PORTS)
    }

    /// How many of the peers announce from a source.
    pub(super) fn peers_of(&self, source: u32) -> u32 {
        let (each, rest) = (self.peers / self.sources, self.peers % self.sources);
        each + u32::from(source < rest)
    }

    /// The peer with a number among those of a source; beyond `peers_of` there are others, who do
    /// not belong to the population.
    pub(super) fn peer(&self, source: u32, number: u32) -> u32 {
        number.wrapping_mul(self.sources).wrapping_add(source)
    }

    /// Each pass over the torrents begins one further, so that the peers of a torrent are of
    /// different sources and users.
    pub(super) fn torrent(&self, peer: u32) -> u32 {
        if let Some(torrent) = self.torrent_of.get((peer % self.peers) as usize) {
            return *torrent;
        }
        (peer % self.torrents + peer / self.torrents) % self.torrents
    }

    pub(super) fn info_hash(&self, torrent: u32) -> [u8; 20] {
        info_hash(torrent, self.seed)
    }

    pub(super) fn is_seeder(&self, peer: u32) -> bool {
        (mix(self.seed ^ (u64::from(peer) << 32)) >> 32) < self.seeders
    }

    pub(super) fn announce(&self, peer: u32, event: Event, unix_ms: u64) -> Announce {
        let own = mix(self.seed.wrapping_mul(31) ^ u64::from(peer));
        let seeds = event == Event::Completed || self.is_seeder(peer);
        // 1 to 16 kB per second, from the end of 2025 on.
        let moved = unix_ms.saturating_sub(COUNTERS_BEGIN_MS) * ((own & 15) + 1);
        Announce {
            info_hash: self.info_hash(self.torrent(peer)),
            peer_id: peer_id(peer, own),
            port: self.port(peer),
            key: (own >> 16) as u32,
            uploaded: if seeds { moved } else { moved / 4 },
            downloaded: if seeds { 0 } else { moved },
            left: if seeds { 0 } else { (own >> 32) + 1 },
            event,
            numwant: if event == Event::Stopped { 0 } else { self.numwant },
        }
    }

    /// Distinct for the peers of a source, as far as there are ports.
    fn port(&self, peer: u32) -> u16 {
        let place = u64::from(peer / self.sources) * PORT_STEP % u64::from(PORTS);
        (FIRST_PORT + place as u32) as u16
    }

    /// Appends the passkey of the peer's user, if there are users.
    pub(super) fn append_passkey(&self, peer: u32, out: &mut Vec<u8>) {
        if self.users == 0 {
            return;
        }
        let user = peer % self.users;
        match self.passkeys.get(user as usize) {
            Some(passkey) => out.extend_from_slice(passkey),
            None => out.extend_from_slice(&passkey(user, self.seed)),
        }
    }
}

fn info_hash(torrent: u32, seed: u64) -> [u8; 20] {
    let mut bytes = [0; 20];
    let first = mix(seed.rotate_left(40) ^ u64::from(torrent));
    let second = mix(first);
    let words = [first, second, mix(second)].map(u64::to_le_bytes);
    bytes.iter_mut().zip(words.as_flattened()).for_each(|(to, from)| *to = *from);
    bytes
}

/// Letters and digits only, as clients have them.
fn peer_id(peer: u32, own: u64) -> [u8; 20] {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let mut bytes = [b'0'; 20];
    // 32 bits that no other peer has, and 28 that nobody can guess.
    let mut bits = u64::from(peer) | (own << 32);
    for (index, byte) in bytes.iter_mut().enumerate() {
        if let Some(letter) = CLIENT.get(index) {
            *byte = *letter;
        } else {
            *byte = DIGITS.get((bits & 31) as usize).copied().unwrap_or(b'0');
            bits >>= 5;
        }
    }
    bytes
}

/// 32 hex digits.
fn passkey(user: u32, seed: u64) -> [u8; 32] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let first = mix(mix(seed) ^ u64::from(user));
    let bits = (u128::from(first) << 64) | u128::from(mix(first));
    let mut text = [b'0'; 32];
    for (index, byte) in text.iter_mut().enumerate() {
        let digit = (bits >> (124 - 4 * index)) & 15;
        *byte = DIGITS.get(digit as usize).copied().unwrap_or(b'0');
    }
    text
}

pub(super) fn print_passkeys(users: u32, seed: u64) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for user in 0..users {
        out.write_all(&passkey(user, seed))?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

pub(super) fn print_torrents(torrents: u32, seed: u64) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for torrent in 0..torrents {
        for byte in info_hash(torrent, seed) {
            write!(out, "{byte:02x}")?;
        }
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// Spreads a number over 64 bits (SplitMix64, public domain).
pub(super) fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::load::options::{Arguments, Command};

    /// What the command line says.
    pub(in crate::load) fn options(arguments: &str) -> RunOptions {
        use clap::Parser as _;
        let words = ["load", "run", "udp://127.0.0.1:1/announce"];
        let words = words.into_iter().chain(arguments.split_whitespace());
        match Arguments::try_parse_from(words).unwrap().command {
            Command::Run(options) => *options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn no_two_peers_share_an_address_or_an_id() {
        let crowd = Crowd::new(&options("--peers 300000 --torrents 7000 --sources 6")).unwrap();
        let mut addresses = HashSet::new();
        let mut ids = HashSet::new();
        let mut counts = vec![0; 7000];
        let mut seeders = 0;
        for source in 0..6 {
            for number in 0..crowd.peers_of(source) {
                let peer = crowd.peer(source, number);
                assert!(peer < 300_000);
                let announce = crowd.announce(peer, Event::None, 1_770_000_000_000);
                assert!(announce.port >= 1024);
                assert!(addresses.insert((source, announce.port)));
                assert!(ids.insert(announce.peer_id));
                assert_eq!(announce.left == 0, crowd.is_seeder(peer));
                seeders += u32::from(announce.left == 0);
                counts[crowd.torrent(peer) as usize] += 1;
            }
        }
        assert_eq!(addresses.len(), 300_000);
        assert!(counts.iter().all(|count| (42..=43).contains(count)));
        assert!((209_000..211_000).contains(&seeders), "{seeders}");
    }

    #[test]
    fn the_peers_of_a_torrent_are_different_users() {
        let text = "--peers 100000 --torrents 10000 --users 1000";
        let crowd = Crowd::new(&options(text)).unwrap();
        let mut seen = HashSet::new();
        for peer in 0..100_000 {
            let mut passkey = Vec::new();
            crowd.append_passkey(peer, &mut passkey);
            assert_eq!(passkey.len(), 32);
            assert!(seen.insert((crowd.torrent(peer), passkey)));
        }
    }

    #[test]
    fn counters_only_grow() {
        let crowd = Crowd::new(&options("--peers 100 --torrents 10")).unwrap();
        for peer in 0..100 {
            let early = crowd.announce(peer, Event::Started, 1_780_000_000_000);
            let late = crowd.announce(peer, Event::None, 1_780_000_001_000);
            assert!(late.uploaded > early.uploaded);
            assert!(late.downloaded >= early.downloaded);
            assert!(late.uploaded < mika_protocol::COUNTER_MAX_BYTES);
        }
    }
}
