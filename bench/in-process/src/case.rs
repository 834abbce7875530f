//! One population in all trackers.

use anyhow::{Context as _, Result, anyhow};
use mika_core::{Mode, PeerList, Tracker};
use mika_protocol::udp::AnnounceReply;

use crate::aquatic::{Announce, Aquatic};
use crate::population::{Population, START_SECONDS, drain};
use crate::sequence::{Sequence, thread_cpu};

/// The same peers in three trackers.
pub struct Case {
    private: (Population, Tracker),
    public: (Population, Tracker),
    aquatic: Aquatic,
    list: PeerList,
    numwant: u32,
}

impl Case {
    /// Trackers that all peers have joined.
    pub fn new(torrents: u32, peers_per_torrent: u32, numwant: u32) -> Result<Self> {
        let of = |mode| Population {
            mode,
            torrents,
            peers_per_torrent,
            users: 100_000,
            leecher_every: 5,
            v6: false,
        };
        let mut list = PeerList::new(1);
        let mut filled = |mode| {
            let population = of(mode);
            let tracker = population.tracker();
            population.add_users(&tracker)?;
            population.add_torrents(&tracker)?;
            population.join(&tracker, 0..population.peers(), 10_000, &mut list)?;
            anyhow::Ok((population, tracker))
        };
        let (private, public) = (filled(Mode::Private)?, filled(Mode::Public)?);
        let mut aquatic = Aquatic::new(numwant)?;
        let mut out = Vec::new();
        for number in 0..public.0.peers() {
            let peer = public.0.peer(number, 0);
            let (request, source) = (public.0.request(peer, 0, 0)?, public.0.source(peer));
            aquatic.announce(&Announce::of(&request, &source)?, &mut out)?;
        }
        Ok(Self { private, public, aquatic, list, numwant })
    }

    /// CPU time of an announce, in nanoseconds, of aquatic, of mika private and of mika public.
    pub fn round(&mut self, count: usize, round: u32) -> Result<[f64; 3]> {
        let numwant = self.numwant;
        let sequence = |population: &Population| {
            Sequence::random(population, count, numwant, round, u64::from(round))
        };
        let (private, public) = (sequence(&self.private.0)?, sequence(&self.public.0)?);
        let announces =
            public.announces.iter().map(|(request, source)| Announce::of(request, source));
        let announces = announces.collect::<Result<Vec<_>>>()?;
        let mut out = Vec::with_capacity(2048);
        let before = thread_cpu()?;
        for announce in &announces {
            self.aquatic.announce(announce, &mut out)?;
        }
        let aquatic = thread_cpu()?.saturating_sub(before);
        let mut times = vec![aquatic];
        for (tracker, sequence) in [(&self.private.1, &private), (&self.public.1, &public)] {
            drain(tracker, START_SECONDS);
            let before = thread_cpu()?;
            run(tracker, sequence, &mut self.list, &mut out)?;
            times.push(thread_cpu()?.saturating_sub(before));
        }
        let each = times.into_iter().map(|time| time.as_secs_f64() * 1e9 / count as f64);
        each.collect::<Vec<_>>().try_into().ok().context("three figures")
    }
}

/// Announces all of them, and writes each reply to `out`.
fn run(
    tracker: &Tracker,
    sequence: &Sequence,
    list: &mut PeerList,
    out: &mut Vec<u8>,
) -> Result<()> {
    for (request, source) in &sequence.announces {
        let answer = tracker
            .announce(request, *source, START_SECONDS + 60, list)
            .map_err(|refusal| anyhow!("refused: {refusal:?}"))?;
        out.clear();
        AnnounceReply {
            transaction_id: 1,
            interval_seconds: answer.interval_seconds,
            leechers: answer.leechers,
            seeders: answer.seeders,
            rows: &list.v4,
        }
        .encode(out);
    }
    Ok(())
}
