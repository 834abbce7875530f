//! One population in all trackers, announced again and again.

use anyhow::Result;
use serde_json::{Value, json};

use crate::case::Case;

/// CPU time of an announce in nanoseconds, in each round.
pub struct Swarms {
    pub torrents: u32,
    pub peers_per_torrent: u32,
    pub aquatic_ns: Vec<f64>,
    pub private_ns: Vec<f64>,
    pub public_ns: Vec<f64>,
}

impl Swarms {
    /// Takes torrents and peers of each of them.
    pub fn measure(
        (torrents, peers_per_torrent): (u32, u32),
        numwant: u32,
        rounds: u32,
        announces: usize,
    ) -> Result<Self> {
        let mut case = Case::new(torrents, peers_per_torrent, numwant)?;
        let mut figures = [vec![], vec![], vec![]];
        for round in 1..=rounds {
            for (figures, figure) in figures.iter_mut().zip(case.round(announces, round)?) {
                figures.push(figure);
            }
        }
        let [aquatic_ns, private_ns, public_ns] = figures;
        Ok(Self { torrents, peers_per_torrent, aquatic_ns, private_ns, public_ns })
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "torrents": self.torrents,
            "peers_per_torrent": self.peers_per_torrent,
            "aquatic_ns": self.aquatic_ns,
            "private_ns": self.private_ns,
            "public_ns": self.public_ns,
        })
    }
}
