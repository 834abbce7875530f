//! What comes next.

use std::sync::Arc;

use fastrand::Rng;
use mika_protocol::Event;

use super::crowd::Crowd;
use super::options::RunOptions;

/// How often a peer of the fill announces at most.
const ATTEMPTS_MAX: u8 = 5;

/// Attempts to find a leecher for a `completed`.
const LEECHER_ATTEMPTS: u32 = 64;

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Announce { peer: u32, event: Event, attempt: u8 },
    Scrape { torrent: u32 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Every peer once.
    Fill,
    /// Peers at random, with the shares of the options.
    Mix,
}

/// Shares of the requests, as upper bounds of a random number below 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shares {
    scrape: f64,
    new: f64,
    stopped: f64,
    completed: f64,
}

impl Shares {
    pub(super) fn of(options: &RunOptions) -> Self {
        let announce = 1.0 - options.scrape_share;
        let new = options.scrape_share + options.share_new * announce;
        let stopped = new + options.share_stopped * announce;
        let completed = stopped + options.share_completed * announce;
        Self { scrape: options.scrape_share, new, stopped, completed }
    }
}

/// The requests of one thread.
#[derive(Debug)]
pub(super) struct Work {
    crowd: Arc<Crowd>,
    kind: Kind,
    shares: Shares,
    rng: Rng,
    sources: Vec<SourceWork>,
}

/// Those of one source address.
#[derive(Debug)]
struct SourceWork {
    source: u32,
    peers: u32,
    /// Peers that have announced, in a fill.
    filled: u32,
    /// New peers that have come, and how many of them have gone.
    come: u32,
    gone: u32,
    /// To be done before anything else.
    again: Vec<Task>,
}

impl Work {
    pub(super) fn new(
        crowd: Arc<Crowd>,
        kind: Kind,
        shares: Shares,
        sources: &[u32],
        seed: u64,
    ) -> Self {
        let sources = sources.iter().map(|&source| SourceWork {
            source,
            peers: crowd.peers_of(source),
            filled: 0,
            come: 0,
            gone: 0,
            again: Vec::new(),
        });
        Self { sources: sources.collect(), crowd, kind, shares, rng: Rng::with_seed(seed) }
    }

    /// The next request from a source, given by its place in the list; `None` when a fill has no
    /// more.
    pub(super) fn next(&mut self, place: usize) -> Option<Task> {
        let source = self.sources.get_mut(place)?;
        if let Some(task) = source.again.pop() {
            return Some(task);
        }
        if self.kind == Kind::Fill {
            if source.filled == source.peers {
                return None;
            }
            let peer = self.crowd.peer(source.source, source.filled);
            source.filled += 1;
            return Some(Task::Announce { peer, event: Event::Started, attempt: 1 });
        }
        let (rng, crowd) = (&mut self.rng, &*self.crowd);
        let any = |rng: &mut Rng| crowd.peer(source.source, rng.u32(0..source.peers.max(1)));
        let share = rng.f64();
        let (peer, event) = if share < self.shares.scrape {
            return Some(Task::Scrape { torrent: crowd.torrent(any(rng)) });
        } else if share < self.shares.new {
            let number = source.peers.wrapping_add(source.come);
            source.come = source.come.wrapping_add(1);
            (crowd.peer(source.source, number), Event::Started)
        } else if share < self.shares.stopped {
            if source.gone == source.come {
                (any(rng), Event::Stopped)
            } else {
                let number = source.peers.wrapping_add(source.gone);
                source.gone = source.gone.wrapping_add(1);
                (crowd.peer(source.source, number), Event::Stopped)
            }
        } else if share < self.shares.completed {
            let mut peer = any(rng);
            for _ in 0..LEECHER_ATTEMPTS {
                if !crowd.is_seeder(peer) {
                    break;
                }
                peer = any(rng);
            }
            (peer, Event::Completed)
        } else {
            (any(rng), Event::None)
        };
        Some(Task::Announce { peer, event, attempt: 1 })
    }

    /// Takes back what could not be sent.
    pub(super) fn put_back(&mut self, place: usize, task: Task) {
        if let Some(source) = self.sources.get_mut(place) {
            source.again.push(task);
        }
    }

    /// Whether a request without a reply is to be sent again; notes it if so. Only a fill does.
    pub(super) fn retry(&mut self, place: usize, task: Task) -> bool {
        match task {
            Task::Announce { peer, event, attempt }
                if self.kind == Kind::Fill && attempt < ATTEMPTS_MAX =>
            {
                self.put_back(place, Task::Announce { peer, event, attempt: attempt + 1 });
                true
            }
            _ => false,
        }
    }

    pub(super) fn is_fill(&self) -> bool {
        self.kind == Kind::Fill
    }

    /// Whether nothing is left of a fill, but for what is under way.
    pub(super) fn is_done(&self) -> bool {
        self.is_fill() && self.sources.iter().all(|s| s.filled == s.peers && s.again.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::crowd::tests::options;
    use super::*;

    fn work(kind: Kind, arguments: &str, sources: &[u32]) -> Work {
        let options = options(arguments);
        let crowd = Arc::new(Crowd::new(&options).unwrap());
        Work::new(crowd, kind, Shares::of(&options), sources, 3)
    }

    #[test]
    fn a_fill_is_everybody_once() {
        let mut seen = HashSet::new();
        for sources in [[0, 2], [1, 3]] {
            let mut work = work(Kind::Fill, "--peers 1003 --torrents 10 --sources 4", &sources);
            for place in 0..2 {
                while let Some(Task::Announce { peer, event, .. }) = work.next(place) {
                    assert_eq!(event, Event::Started);
                    assert!(seen.insert(peer));
                }
            }
            assert!(work.is_done());
        }
        assert_eq!(seen, (0..1003).collect());
    }

    #[test]
    fn what_is_lost_is_sent_five_times_in_all() {
        let mut work = work(Kind::Fill, "--peers 1 --torrents 1 --sources 1", &[0]);
        let mut count = 0;
        while let Some(task) = work.next(0) {
            count += 1;
            work.retry(0, task);
        }
        assert_eq!(count, 5);
    }

    #[test]
    fn shares_are_kept_and_new_peers_leave_in_order() {
        let shares = "--share-new 0.1 --share-stopped 0.1 --share-completed 0.05";
        let arguments =
            format!("--peers 1000 --torrents 10 --sources 2 --scrape-share 0.5 {shares}");
        let mut work = work(Kind::Mix, &arguments, &[1]);
        let mut counts = [0; 5];
        let (mut come, mut gone) = (Vec::new(), Vec::new());
        for _ in 0..100_000 {
            match work.next(0).unwrap() {
                Task::Scrape { .. } => counts[0] += 1,
                Task::Announce { peer, event: Event::Started, .. } => {
                    counts[1] += 1;
                    come.push(peer);
                }
                Task::Announce { peer, event: Event::Stopped, .. } => {
                    counts[2] += 1;
                    if peer >= 1000 {
                        gone.push(peer);
                    }
                }
                Task::Announce { peer, event: Event::Completed, .. } => {
                    counts[3] += 1;
                    assert!(!work.crowd.is_seeder(peer));
                }
                Task::Announce { .. } => counts[4] += 1,
            }
        }
        for (count, expected) in counts.into_iter().zip([50_000, 5000, 5000, 2500, 37_500]) {
            assert!(i32::abs(count - expected) < 800, "{counts:?}");
        }
        assert!(come.iter().all(|peer| *peer >= 1000));
        assert_eq!(gone, come[..gone.len()]);
    }
}
