//! What is shown: the latest look at the tracker, what the looks before it were like, and what the
//! person at the keys has chosen.

use std::collections::VecDeque;
use std::time::Duration;

use mika_client::types::{RankedSwarm, Stats, SwarmRank, SwarmRanking};

use super::input::Action;
use super::rates::Rates;
use super::source::Seen;

/// Looks whose rate is kept for the curve.
const HISTORY_MAX: usize = 512;

/// The columns of the list in order, by what they are ranked by.
pub const COLUMNS: [SwarmRank; 7] = [
    SwarmRank::Peers,
    SwarmRank::Seeders,
    SwarmRank::Leechers,
    SwarmRank::Announces,
    SwarmRank::Uploaded,
    SwarmRank::Downloaded,
    SwarmRank::Snatches,
];

/// How swarms are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    pub by: SwarmRank,
    pub ascending: bool,
}

/// Whether the tracker answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    Up,
    /// Since when it does not, as a Unix time in seconds, and why.
    Down {
        since_seconds: u64,
        reason: String,
    },
}

/// What the loop has to do after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Draw,
    /// Another order is wanted: look at once.
    Look,
    Quit,
}

#[derive(Debug)]
pub struct Model {
    pub url: String,
    pub interval_seconds: u32,
    pub order: Order,
    pub is_paused: bool,
    pub shows_help: bool,
    pub link: Link,
    /// The wall clock at the last look or attempt, as a Unix time in seconds.
    pub now_seconds: u64,
    pub seen: Option<Seen>,
    pub rates: Option<Rates>,
    /// Announces per second, the oldest first.
    pub history: VecDeque<u64>,
    /// The first swarm of the list that is shown.
    pub scrolled: usize,
    seen_at: Duration,
}

impl Model {
    pub fn new(url: &str, order: Order, interval_seconds: u32) -> Self {
        Self {
            url: url.to_owned(),
            interval_seconds,
            order,
            is_paused: false,
            shows_help: false,
            link: Link::Up,
            now_seconds: 0,
            seen: None,
            rates: None,
            history: VecDeque::new(),
            scrolled: 0,
            seen_at: Duration::ZERO,
        }
    }

    /// The statistics, once there are some.
    pub fn stats(&self) -> Option<&Stats> {
        self.seen.as_ref().map(|seen| &seen.stats)
    }

    /// Takes in what was seen at a moment of a clock that never goes back.
    pub fn see(&mut self, seen: Seen, at: Duration, now_seconds: u64) {
        let before = self.stats();
        let seconds = at.saturating_sub(self.seen_at).as_secs_f64();
        // A look that comes early, because of a key, says too little of a second.
        let is_early = before.is_some() && seconds < 0.5;
        if is_early {
            let before = self.seen.take();
            self.seen = before.map(|before| Seen { stats: before.stats, ..seen });
        } else {
            self.rates = before.and_then(|before| Rates::between(before, &seen.stats, seconds));
            if let Some(rates) = &self.rates {
                self.history.push_back(rates.announces.round() as u64);
            }
            self.seen = Some(seen);
            self.seen_at = at;
        }
        while self.history.len() > HISTORY_MAX {
            self.history.pop_front();
        }
        self.link = Link::Up;
        self.now_seconds = now_seconds;
        self.sort();
        self.scroll_to(self.scrolled);
    }

    /// Takes note that the tracker did not answer.
    pub fn miss(&mut self, reason: String, now_seconds: u64) {
        self.now_seconds = now_seconds;
        match &mut self.link {
            Link::Down { reason: old, .. } => *old = reason,
            Link::Up => self.link = Link::Down { since_seconds: now_seconds, reason },
        }
    }

    /// Does what a key says.
    pub fn act(&mut self, action: Action) -> Next {
        if self.shows_help {
            self.shows_help = false;
            return Next::Draw;
        }
        match action {
            Action::Quit => return Next::Quit,
            Action::NextColumn => return self.choose(1),
            Action::PreviousColumn => return self.choose(COLUMNS.len() - 1),
            Action::Reverse => {
                self.order.ascending = !self.order.ascending;
                return self.reorder();
            }
            Action::Pause => self.is_paused = !self.is_paused,
            Action::Help => self.shows_help = true,
            Action::Up(lines) => self.scroll_to(self.scrolled.saturating_sub(lines)),
            Action::Down(lines) => self.scroll_to(self.scrolled.saturating_add(lines)),
            Action::Other => {}
        }
        Next::Draw
    }

    fn choose(&mut self, steps: usize) -> Next {
        let at = COLUMNS.iter().position(|column| *column == self.order.by).unwrap_or_default();
        let next = COLUMNS.get((at + steps) % COLUMNS.len());
        self.order.by = next.copied().unwrap_or_default();
        self.reorder()
    }

    /// What is there is sorted at once; others may come to it when the tracker is asked.
    fn reorder(&mut self) -> Next {
        self.scrolled = 0;
        self.sort();
        Next::Look
    }

    fn scroll_to(&mut self, line: usize) {
        let swarms = self.seen.as_ref().map_or(0, |seen| seen.ranking.items.len());
        self.scrolled = line.min(swarms.saturating_sub(1));
    }

    fn sort(&mut self) {
        let order = self.order;
        let Some(seen) = &mut self.seen else { return };
        seen.ranking.items.sort_by(|a, b| {
            let by_value = value(order.by, a).cmp(&value(order.by, b));
            let by_value = if order.ascending { by_value } else { by_value.reverse() };
            by_value.then(a.swarm.info_hash.cmp(&b.swarm.info_hash))
        });
    }
}

/// What a swarm has in a column.
pub fn value(by: SwarmRank, item: &RankedSwarm) -> u64 {
    let (swarm, activity) = (&item.swarm, &item.activity);
    match by {
        SwarmRank::Peers => u64::from(swarm.seeders).saturating_add(swarm.leechers.into()),
        SwarmRank::Seeders => swarm.seeders.into(),
        SwarmRank::Leechers => swarm.leechers.into(),
        SwarmRank::Snatches => swarm.snatches.into(),
        SwarmRank::Announces => activity.announces,
        SwarmRank::Uploaded => activity.uploaded_bytes,
        SwarmRank::Downloaded => activity.downloaded_bytes,
    }
}

/// The same per second, of what happened of late; `None` as long as nothing was watched.
pub fn per_second(ranking: &SwarmRanking, by: SwarmRank, item: &RankedSwarm) -> Option<f64> {
    let seconds = ranking.activity_seconds;
    (seconds > 0).then(|| value(by, item) as f64 / f64::from(seconds))
}

#[cfg(test)]
pub(in crate::top) mod tests;
