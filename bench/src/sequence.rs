//! Announces made beforehand, so that only the tracker's work is timed.

use std::time::Duration;

use anyhow::{Context as _, Result};
use mika_core::{PeerList, Source, Tracker};
use mika_protocol::AnnounceRequest;
use nix::time::{ClockId, clock_gettime};

use crate::population::{Peer, Population, START_SECONDS};

/// Announces of random peers that have joined before, each with its address.
#[derive(Debug)]
pub struct Sequence {
    /// The announces, in order.
    pub announces: Vec<(AnnounceRequest, Source)>,
}

impl Sequence {
    /// So many announces; which peers they are of follows from `seed`, and what they have moved
    /// from `report`, which has to grow.
    ///
    /// # Errors
    ///
    /// Never, unless the protocol changes what a passkey is.
    pub fn random(
        population: &Population,
        count: usize,
        numwant: u32,
        report: u32,
        seed: u64,
    ) -> Result<Self> {
        let mut random = fastrand::Rng::with_seed(seed);
        let one = |_| {
            let peer: Peer = population.peer(random.u32(..population.peers()), 0);
            Ok((population.request(peer, report, numwant)?, population.source(peer)))
        };
        Ok(Self { announces: (0..count).map(one).collect::<Result<_>>()? })
    }

    /// Announces all of them.
    ///
    /// # Errors
    ///
    /// One is refused.
    pub fn run(&self, tracker: &Tracker, list: &mut PeerList) -> Result<()> {
        for (request, source) in &self.announces {
            let answer = tracker.announce(request, *source, START_SECONDS + 60, list);
            answer.ok().context("an announce was refused")?;
        }
        Ok(())
    }
}

/// The processor time that this thread has had.
///
/// # Errors
///
/// The system has no such clock.
pub fn thread_cpu() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

/// The lowest, the middle and the highest of some figures.
pub fn spread(mut figures: Vec<f64>) -> Option<(f64, f64, f64)> {
    figures.sort_by(f64::total_cmp);
    Some((*figures.first()?, *figures.get(figures.len() / 2)?, *figures.last()?))
}
