//! The made-up site: users, machines and torrents, and what everything adds up to.

mod amounts;
mod population;
mod seat;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use mika_protocol::InfoHash;

pub use amounts::{Amounts, Percents};
pub use population::{Population, Terms, register};
pub use seat::{GRAIN_BYTES, Phase, Proof, Seat};

use crate::wire::Carrier;

/// A user of the site.
#[derive(Debug, Clone)]
pub struct User {
    /// Unique name.
    pub name: String,
    /// What the announce URLs contain.
    pub passkey: String,
    /// Which of [`Terms::roles`].
    pub role: usize,
}

/// A torrent of the site.
#[derive(Debug, Clone)]
pub struct Torrent {
    /// The first hash.
    pub info_hash: InfoHash,
    /// The second hash of a hybrid torrent.
    pub info_hash_v2: Option<InfoHash>,
    /// Its multipliers.
    pub percents: Percents,
}

/// The addresses that a machine announces from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Families {
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
    /// Every announce is made twice, with the same counters.
    Both,
}

/// A computer with a BitTorrent client.
#[derive(Debug)]
pub struct Machine {
    /// Index of the user.
    pub user: usize,
    /// Its IPv4 address, which no other machine has. The IPv6 address of all is `::1`.
    pub v4: Ipv4Addr,
    /// Which addresses it has.
    pub families: Families,
    /// How it announces.
    pub carrier: Carrier,
    /// What it seeds and leeches.
    pub seats: Vec<Seat>,
}

/// What a torrent's row has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TorrentTotals {
    /// Sums.
    pub amounts: Amounts,
    /// Live sessions that have everything.
    pub seeders: u64,
    /// Live sessions that lack something.
    pub leechers: u64,
}

/// What a user's row on a torrent has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryTotals {
    /// Sums.
    pub amounts: Amounts,
    /// There is a live session.
    pub active: bool,
}

/// All totals of a site.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// By name.
    pub users: BTreeMap<String, Amounts>,
    /// By first hash.
    pub torrents: BTreeMap<InfoHash, TorrentTotals>,
    /// By name and first hash.
    pub history: BTreeMap<(String, InfoHash), HistoryTotals>,
}

impl Population {
    /// What the totals have to be, once every live session has announced a last time.
    pub fn totals<'m>(&self, machines: impl IntoIterator<Item = &'m Machine>) -> Totals {
        let mut totals = Totals::default();
        totals.users.extend(self.users.iter().map(|user| (user.name.clone(), Amounts::default())));
        let hashes = self.torrents.iter().map(|torrent| torrent.info_hash);
        totals.torrents.extend(hashes.map(|hash| (hash, TorrentTotals::default())));
        for machine in machines {
            let name = &self.users[machine.user].name;
            for seat in &machine.seats {
                let hash = self.torrents[seat.torrent].info_hash;
                totals.users.entry(name.clone()).or_default().add(seat.owed);
                let torrent = totals.torrents.entry(hash).or_default();
                torrent.amounts.add(seat.owed);
                let live = seat.phase != Phase::Absent;
                torrent.seeders += u64::from(live && seat.left == 0);
                torrent.leechers += u64::from(live && seat.left > 0);
                if seat.was_announced {
                    let history = totals.history.entry((name.clone(), hash)).or_default();
                    history.amounts.add(seat.owed);
                    history.active |= live;
                }
            }
        }
        totals
    }
}
