//! Epochs whose books are closed: rows of the system that is solved for who reports too much.

use serde::{Deserialize, Serialize};

use super::noise::Noise;
use crate::hash::spread;

/// What one of a user's programs has reported in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Share {
    pub(super) user_id: u32,
    /// Which program, as [`Looks::client`](super::fingerprint::Looks::client) numbers it.
    pub(super) client: u32,
    pub(super) uploaded: f32,
    /// Of that, what was reported when the answer before had told of no leechers.
    pub(super) without_leechers: f32,
    pub(super) downloaded: f32,
    /// What the user could have received without having said so.
    pub(super) missing: f32,
    pub(super) frozen: u8,
    pub(super) finished: u8,
    pub(super) teleported: bool,
    pub(super) vanished: bool,
    /// The user's score has had its part: as uploader, as downloader.
    pub(super) scored: [bool; 2],
}

impl Share {
    pub(super) fn new(user_id: u32, client: u32) -> Self {
        Self {
            user_id,
            client,
            uploaded: 0.0,
            without_leechers: 0.0,
            downloaded: 0.0,
            missing: 0.0,
            frozen: 0,
            finished: 0,
            teleported: false,
            vanished: false,
            scored: [false; 2],
        }
    }
}

/// A closed epoch of a torrent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ClosedEpoch {
    pub(super) torrent_id: u32,
    pub(super) opened_seconds: u32,
    pub(super) closed_seconds: u32,
    pub(super) uploaded: u64,
    pub(super) downloaded: u64,
    pub(super) corrupt: u64,
    pub(super) pending: u64,
    pub(super) size: u64,
    /// What may not have been reported yet, if it was closed while busy.
    pub(super) soft_bytes: f64,
    pub(super) shares: Vec<Share>,
}

impl ClosedEpoch {
    /// R: uploaded − downloaded − discarded.
    pub(super) fn residual(&self) -> f64 {
        self.uploaded as f64 - self.downloaded as f64 - self.corrupt as f64
    }

    /// What is left over if vanished leechers have received half of what they may have.
    pub(super) fn excess(&self) -> f64 {
        self.residual() - self.pending as f64 / 2.0
    }

    /// Bytes that were uploaded and downloaded.
    pub(super) fn moved(&self) -> f64 {
        self.uploaded as f64 + self.downloaded as f64
    }

    /// The excess without what is usual on the site.
    pub(super) fn unusual(&self, noise: Noise) -> f64 {
        self.excess() - noise.usual * self.moved()
    }

    /// One standard deviation of what honest users leave over.
    pub(super) fn sigma(&self, noise: Noise) -> f64 {
        10e6 + noise.sigma * self.moved() + 0.4 * self.pending as f64 + self.soft_bytes
    }

    /// Names the epoch.
    pub(super) fn key(&self) -> u32 {
        epoch_key(self.torrent_id, self.opened_seconds)
    }
}

/// A number for an epoch, never 0.
pub(super) fn epoch_key(torrent_id: u32, opened_seconds: u32) -> u32 {
    let hash = spread(u64::from(torrent_id) << 32 | u64::from(opened_seconds));
    ((hash >> 32) as u32).max(1)
}
