//! How fast bytes go: lines, connections and networks are shared out.
//!
//! An uploader offers each peer that it unchoked an even part of its line, as far as the
//! connection carries it; where a downloader's line or a network is too narrow for all that it is
//! offered, all are cut in proportion. What is left over is offered again.

use super::{LinkNumber, PeerNumber, Transfer};
use crate::world::{Tier, World};

/// How often what is left over is offered again.
const ROUNDS: usize = 3;

/// Upload from one peer to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) from: PeerNumber,
    pub(super) to: PeerNumber,
    pub(super) link: LinkNumber,
    /// Bytes per second.
    pub(super) rate: f64,
    from_user: usize,
    to_user: usize,
    /// Networks that it leaves and enters, if they differ.
    networks: Option<(usize, usize)>,
    limit_left: f64,
    offer: f64,
}

/// What is left of every line and network in this step.
#[derive(Debug)]
pub(super) struct Rates {
    pub(super) edges: Vec<Edge>,
    /// Those that could carry more.
    open: Vec<usize>,
    up: Pool,
    down: Pool,
    out: Pool,
    into: Pool,
}

/// Lines or networks.
#[derive(Debug)]
struct Pool {
    capacities: Vec<f64>,
    left: Vec<f64>,
    /// Edges that want some, or bytes per second that are offered.
    claims: Vec<f64>,
}

impl Pool {
    fn new(capacities: Vec<f64>) -> Self {
        Self { left: capacities.clone(), claims: vec![0.0; capacities.len()], capacities }
    }

    fn reset(&mut self) {
        self.left.copy_from_slice(&self.capacities);
    }

    /// How much of a claim can be met.
    fn share(&self, at: usize) -> f64 {
        let claim = self.claims[at];
        if claim > self.left[at] { self.left[at] / claim } else { 1.0 }
    }

    fn use_up(&mut self, at: usize, rate: f64) {
        self.left[at] = (self.left[at] - rate).max(0.0);
    }
}

impl Rates {
    pub(super) fn new(world: &World) -> Self {
        let networks = world.earth.networks.iter();
        Self {
            edges: Vec::new(),
            open: Vec::new(),
            up: Pool::new(world.users.iter().map(|user| user.up).collect()),
            down: Pool::new(world.users.iter().map(|user| user.down).collect()),
            out: Pool::new(networks.clone().map(|network| network.external_out).collect()),
            into: Pool::new(networks.map(|network| network.external_in).collect()),
        }
    }

    fn share_out(&mut self) {
        for pool in [&mut self.up, &mut self.down, &mut self.out, &mut self.into] {
            pool.reset();
        }
        self.open.clear();
        self.open.extend(0..self.edges.len());
        for _ in 0..ROUNDS {
            self.offer();
            self.accept();
            let (edges, up, down) = (&self.edges, &self.up.left, &self.down.left);
            self.open.retain(|number| {
                let edge = &edges[*number];
                edge.limit_left > 1.0 && up[edge.from_user] > 1.0 && down[edge.to_user] > 1.0
            });
        }
    }

    fn offer(&mut self) {
        for number in &self.open {
            let edge = &self.edges[*number];
            self.up.claims[edge.from_user] = 0.0;
            self.down.claims[edge.to_user] = 0.0;
        }
        self.out.claims.fill(0.0);
        self.into.claims.fill(0.0);
        for number in &self.open {
            self.up.claims[self.edges[*number].from_user] += 1.0;
        }
        for number in &self.open {
            let edge = &mut self.edges[*number];
            let part = self.up.left[edge.from_user] / self.up.claims[edge.from_user];
            edge.offer = part.min(edge.limit_left);
            self.down.claims[edge.to_user] += edge.offer;
            if let Some((out, into)) = edge.networks {
                self.out.claims[out] += edge.offer;
                self.into.claims[into] += edge.offer;
            }
        }
    }

    fn accept(&mut self) {
        // All shares are of what was left before the first edge of this round took something.
        for number in &self.open {
            let edge = &mut self.edges[*number];
            let mut share = self.down.share(edge.to_user);
            if let Some((out, into)) = edge.networks {
                share = share.min(self.out.share(out)).min(self.into.share(into));
            }
            edge.offer *= share;
        }
        for number in &self.open {
            let edge = &mut self.edges[*number];
            edge.rate += edge.offer;
            edge.limit_left -= edge.offer;
            self.up.use_up(edge.from_user, edge.offer);
            self.down.use_up(edge.to_user, edge.offer);
            if let Some((out, into)) = edge.networks {
                self.out.use_up(out, edge.offer);
                self.into.use_up(into, edge.offer);
            }
        }
    }
}

impl Transfer<'_> {
    /// Finds who uploads to whom in this step, and how fast.
    pub(super) fn share_out(&mut self) {
        let rates = &mut self.rates;
        rates.edges.clear();
        for leecher in &self.leechers {
            let to = &self.peers[*leecher];
            for link_number in &to.links {
                let link = &self.links[*link_number];
                let from_number = link.other(*leecher);
                let from = &self.peers[from_number];
                let unchoked = link.flows[link.side(from_number)].unchoked;
                if !unchoked || !to.pieces.want_from(&from.pieces) {
                    continue;
                }
                let users = &self.world.users;
                let networks = (link.tier != Tier::Network)
                    .then(|| (users[from.user].network, users[to.user].network));
                rates.edges.push(Edge {
                    from: from_number,
                    to: *leecher,
                    link: *link_number,
                    rate: 0.0,
                    from_user: from.user,
                    to_user: to.user,
                    networks,
                    limit_left: link.limit,
                    offer: 0.0,
                });
            }
        }
        rates.share_out();
    }
}
