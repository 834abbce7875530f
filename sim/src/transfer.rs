//! Bytes between peers: along connections that come from a tracker's replies, and no others.
//!
//! A fluid model in steps of some seconds. In each step every peer chooses whom it uploads to
//! (`choke`), lines and networks are shared out (`rates`), and bytes go into pieces, the rarest
//! first (`pieces`). It knows neither the tracker nor the users' plans.

mod choke;
mod pieces;
mod rates;

use crate::client::Counters;
use crate::rng::Rng;
use crate::world::{Tier, World};
use pieces::Pieces;

/// Number of a peer: a client on a torrent.
pub type PeerNumber = usize;

type LinkNumber = usize;

/// Bytes that went from one peer to another in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Who uploaded.
    pub from: PeerNumber,
    /// Who downloaded.
    pub to: PeerNumber,
    /// How much.
    pub bytes: u64,
    /// How far.
    pub tier: Tier,
    /// The uploader has the whole torrent.
    pub from_seeder: bool,
}

/// A client on a torrent, as far as others can tell.
#[derive(Debug)]
struct Peer {
    user: usize,
    torrent: usize,
    pieces: Pieces,
    links: Vec<LinkNumber>,
    connections_max: usize,
    uploaded: u64,
    downloaded: u64,
    present: bool,
}

/// One direction of a connection.
#[derive(Debug, Clone, Copy, Default)]
struct Flow {
    unchoked: bool,
    /// Bytes since the uploader last chose.
    recent: u64,
}

/// A connection between two peers.
#[derive(Debug, Clone, Copy)]
struct Link {
    ends: [PeerNumber; 2],
    /// From the first end to the second, and back.
    flows: [Flow; 2],
    /// Bytes per second, each way.
    limit: f64,
    tier: Tier,
}

impl Link {
    /// Which end a peer is.
    fn side(&self, peer: PeerNumber) -> usize {
        usize::from(self.ends[1] == peer)
    }

    fn other(&self, peer: PeerNumber) -> PeerNumber {
        self.ends[1 - self.side(peer)]
    }
}

/// All peers, and the connections between them.
#[derive(Debug)]
pub struct Transfer<'w> {
    world: &'w World,
    rng: Rng,
    step_seconds: u32,
    steps: u64,
    peers: Vec<Peer>,
    links: Vec<Link>,
    free_links: Vec<LinkNumber>,
    /// Copies of each piece, by torrent.
    copies: Vec<pieces::Copies>,
    /// Peers that lack something, in the order in which they came.
    leechers: Vec<PeerNumber>,
    rates: rates::Rates,
    chooser: choke::Chooser,
    moved: Vec<Moved>,
    finished: Vec<PeerNumber>,
}

impl<'w> Transfer<'w> {
    /// Nobody is there yet.
    pub fn new(world: &'w World, step_seconds: u32) -> Self {
        Self {
            world,
            rng: Rng::new(world.seed, 3),
            step_seconds,
            steps: 0,
            peers: Vec::new(),
            links: Vec::new(),
            free_links: Vec::new(),
            copies: vec![pieces::Copies::default(); world.torrents.len()],
            leechers: Vec::new(),
            rates: rates::Rates::new(world),
            chooser: choke::Chooser::default(),
            moved: Vec::new(),
            finished: Vec::new(),
        }
    }

    /// A client comes, with everything or nothing.
    pub fn join(&mut self, user: usize, torrent: usize, has_everything: bool) -> PeerNumber {
        let number = self.peers.len();
        let pieces = Pieces::new(self.world.torrents[torrent].bytes, has_everything);
        if has_everything {
            self.copies[torrent].add_all();
        } else {
            self.leechers.push(number);
        }
        self.peers.push(Peer {
            user,
            torrent,
            pieces,
            links: Vec::new(),
            connections_max: self.world.users[user].program.connections_max(),
            uploaded: 0,
            downloaded: 0,
            present: true,
        });
        number
    }

    /// A client goes.
    pub fn leave(&mut self, number: PeerNumber) {
        let peer = &mut self.peers[number];
        peer.present = false;
        self.copies[peer.torrent].remove(&peer.pieces);
        let links = std::mem::take(&mut peer.links);
        for link in links {
            let other = self.links[link].other(number);
            self.forget(other, link);
            self.free_links.push(link);
        }
        self.leechers.retain(|leecher| *leecher != number);
    }

    fn forget(&mut self, peer: PeerNumber, link: LinkNumber) {
        let links = &mut self.peers[peer].links;
        if let Some(at) = links.iter().position(|other| *other == link) {
            links.swap_remove(at);
        }
    }

    /// What a client would report now.
    pub fn counters(&self, number: PeerNumber) -> Counters {
        let peer = &self.peers[number];
        Counters {
            uploaded: peer.uploaded,
            downloaded: peer.downloaded,
            left: peer.pieces.left_bytes(),
        }
    }

    /// Whether a client has the whole torrent.
    pub fn has_everything(&self, number: PeerNumber) -> bool {
        self.peers[number].pieces.are_complete()
    }

    /// A client connects to another that it was told of, unless that is of no use to either, or
    /// one of them has no place for it.
    pub fn connect(&mut self, from: PeerNumber, to: PeerNumber) {
        let (one, other) = (&self.peers[from], &self.peers[to]);
        let users = &self.world.users;
        let both_seed = one.pieces.are_complete() && other.pieces.are_complete();
        let full = |peer: &Peer| peer.links.len() >= peer.connections_max;
        let unreachable = users[other.user].firewalled || !other.present;
        if from == to || both_seed || unreachable || full(one) || full(other) {
            return;
        }
        if one.links.iter().any(|link| self.links[*link].other(from) == to) {
            return;
        }
        let link = Link {
            ends: [from, to],
            flows: [Flow::default(); 2],
            limit: self.world.connection_limit(one.user, other.user),
            tier: self.world.tier(one.user, other.user),
        };
        let number = match self.free_links.pop() {
            Some(number) => {
                self.links[number] = link;
                number
            }
            None => {
                self.links.push(link);
                self.links.len() - 1
            }
        };
        self.peers[from].links.push(number);
        self.peers[to].links.push(number);
    }

    /// Lets a step's time pass. Afterwards [`moved`](Self::moved) and
    /// [`finished`](Self::finished) tell of it.
    pub fn step(&mut self) {
        self.moved.clear();
        self.finished.clear();
        self.choose();
        self.share_out();
        self.deliver();
        self.commit();
        self.steps += 1;
    }

    /// What went where in the last step.
    pub fn moved(&self) -> &[Moved] {
        &self.moved
    }

    /// Who got the last piece in the last step.
    pub fn finished(&self) -> &[PeerNumber] {
        &self.finished
    }

    /// Bytes uploaded and downloaded by all peers that there ever were.
    pub fn totals(&self) -> (u64, u64) {
        let uploaded = self.peers.iter().map(|peer| peer.uploaded).sum();
        let downloaded = self.peers.iter().map(|peer| peer.downloaded).sum();
        (uploaded, downloaded)
    }

    fn deliver(&mut self) {
        for edge in &self.rates.edges {
            let budget = (edge.rate * f64::from(self.step_seconds)) as u64;
            let Ok([from, to]) = self.peers.get_disjoint_mut([edge.from, edge.to]) else {
                continue;
            };
            let copies = &self.copies[from.torrent];
            let bytes = to.pieces.take(&from.pieces, budget, copies, &mut self.rng);
            if bytes == 0 {
                continue;
            }
            from.uploaded += bytes;
            to.downloaded += bytes;
            let link = &mut self.links[edge.link];
            let side = link.side(edge.from);
            link.flows[side].recent += bytes;
            let from_seeder = from.pieces.are_complete();
            let (from, to, tier) = (edge.from, edge.to, link.tier);
            self.moved.push(Moved { from, to, bytes, tier, from_seeder });
        }
    }

    /// Pieces that came whole in this step can be passed on in the next.
    fn commit(&mut self) {
        for at in 0..self.leechers.len() {
            let number = self.leechers[at];
            let peer = &mut self.peers[number];
            peer.pieces.commit(&mut self.copies[peer.torrent]);
            if peer.pieces.are_complete() {
                self.finished.push(number);
            }
        }
        for at in 0..self.finished.len() {
            let number = self.finished[at];
            self.leechers.retain(|leecher| *leecher != number);
            self.drop_other_seeders(number);
        }
    }

    fn drop_other_seeders(&mut self, number: PeerNumber) {
        let links = std::mem::take(&mut self.peers[number].links);
        let (of_no_use, kept): (Vec<_>, Vec<_>) = links.into_iter().partition(|link| {
            let other = self.links[*link].other(number);
            self.peers[other].pieces.are_complete()
        });
        self.peers[number].links = kept;
        for link in of_no_use {
            let other = self.links[link].other(number);
            self.forget(other, link);
            self.free_links.push(link);
        }
    }
}

#[cfg(test)]
mod tests;
