//! What happens in which swarm, for somebody who watches.
//!
//! Nothing is noted until somebody asks, and nothing any more when nobody has asked for a while.
//! An announce does nothing for it: each batch says how often every session has announced and what
//! it has moved, and is added up when it is drained.

use std::collections::{HashMap, VecDeque};

use mika_client::types::SwarmActivity;
use mika_core::batch::Batch;
use mika_protocol::InfoHash;
use parking_lot::Mutex;

/// What is asked for: the last minute, as far as it was watched.
const WINDOW_SECONDS: u64 = 60;
/// Batches are added up in pieces of so many seconds.
const PIECE_SECONDS: u64 = 5;
/// How long it goes on when nobody asks.
const KEPT_SECONDS: u64 = 120;
/// Torrents in a piece at most, about 64 bytes each; what others do then is not seen.
const TORRENTS_MAX: usize = if cfg!(test) { 2 } else { 1 << 16 };

type ByTorrent = HashMap<InfoHash, SwarmActivity>;

/// The activity of the last minute, while somebody watches.
#[derive(Debug, Default)]
pub struct Activity(Mutex<Watched>);

#[derive(Debug, Default)]
struct Watched {
    asked_at_seconds: u64,
    /// When it began; 0 while nobody watches.
    since_seconds: u64,
    /// The oldest first, each with the time at which it begins.
    pieces: VecDeque<(u64, ByTorrent)>,
}

/// What happened in the swarms of late.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecentActivity {
    /// The seconds within which it happened.
    pub seconds: u32,
    /// What happened; a torrent that is not there was quiet.
    pub by_torrent: HashMap<InfoHash, SwarmActivity>,
}

impl Activity {
    /// Adds a batch, if somebody watches.
    pub fn note(&self, batch: &Batch, now_seconds: u64) {
        let mut watched = self.0.lock();
        if watched.since_seconds == 0 {
            return;
        }
        if now_seconds.saturating_sub(watched.asked_at_seconds) > KEPT_SECONDS {
            *watched = Watched::default();
            return;
        }
        watched.note(batch, now_seconds);
    }

    /// What happened within the last minute; begins to watch if nobody did.
    pub fn watch(&self, now_seconds: u64) -> RecentActivity {
        let mut watched = self.0.lock();
        watched.asked_at_seconds = now_seconds;
        if watched.since_seconds == 0 {
            watched.since_seconds = now_seconds;
        }
        watched.forget(now_seconds);
        let seconds = now_seconds.saturating_sub(watched.since_seconds).min(WINDOW_SECONDS);
        let mut by_torrent = ByTorrent::new();
        for (info_hash, moved) in watched.pieces.iter().flat_map(|(_, piece)| piece) {
            add(by_torrent.entry(*info_hash).or_default(), moved);
        }
        RecentActivity { seconds: u32::try_from(seconds).unwrap_or(u32::MAX), by_torrent }
    }
}

impl Watched {
    fn note(&mut self, batch: &Batch, now_seconds: u64) {
        self.forget(now_seconds);
        let is_new = |(at, _): &(u64, _)| now_seconds.saturating_sub(*at) >= PIECE_SECONDS;
        if self.pieces.back().is_none_or(is_new) {
            self.pieces.push_back((now_seconds, ByTorrent::new()));
        }
        let Some((_, piece)) = self.pieces.back_mut() else { return };
        for row in &batch.sessions {
            let moved = SwarmActivity {
                announces: row.announces.into(),
                uploaded_bytes: row.uploaded_delta_bytes,
                downloaded_bytes: row.downloaded_delta_bytes,
            };
            if moved == SwarmActivity::default() {
                continue;
            }
            if let Some(sum) = piece.get_mut(&row.info_hash) {
                add(sum, &moved);
            } else if piece.len() < TORRENTS_MAX {
                piece.insert(row.info_hash, moved);
            }
        }
    }

    fn forget(&mut self, now_seconds: u64) {
        let is_old = |(at, _): &(u64, _)| now_seconds.saturating_sub(*at) > WINDOW_SECONDS;
        while self.pieces.front().is_some_and(is_old) {
            self.pieces.pop_front();
        }
    }
}

fn add(sum: &mut SwarmActivity, moved: &SwarmActivity) {
    sum.announces = sum.announces.saturating_add(moved.announces);
    sum.uploaded_bytes = sum.uploaded_bytes.saturating_add(moved.uploaded_bytes);
    sum.downloaded_bytes = sum.downloaded_bytes.saturating_add(moved.downloaded_bytes);
}

#[cfg(test)]
mod tests;
