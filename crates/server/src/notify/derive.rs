//! What batches add up to for a site: notifications.
//!
//! The same batches after the same [`State`] always make the same notifications. So after a crash
//! they are made again from the journal, from the last state that was kept on, and those that are
//! in the log already are passed over.

mod hit_and_run;
mod networks;
mod ratio;
mod seeded;

use std::collections::HashMap;

use mika_client::types::{Notification, NotificationKind};
use mika_core::batch::Batch;
use mika_protocol::InfoHash;
use serde::{Deserialize, Serialize};

pub use hit_and_run::Watches;
pub use networks::Networks;
pub use ratio::{Ratios, Told};
pub use seeded::Seeded;

use crate::config::NotifyConfig;

/// What is known after a batch, and has to be kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct State {
    /// The last batch that it includes.
    pub batch: u64,
    /// Torrents that have a seeder.
    pub seeded: Seeded,
    /// Downloads that have to be seeded.
    pub watches: Watches,
    /// What was told of ratios.
    pub told: Told,
}

impl State {
    /// Takes in the next batch; returns what it means.
    pub fn take_in(
        &mut self,
        batch: &Batch,
        networks: &mut Networks,
        settings: &NotifyConfig,
    ) -> Vec<Notification> {
        let mut events = Vec::new();
        for row in &batch.snatches {
            let event = Notification::of(NotificationKind::Snatch, row.snatched_at_seconds);
            events.push(Notification {
                user_id: Some(row.user_id),
                torrent_id: Some(row.torrent_id),
                ..event
            });
        }
        let at = batch.drained_at_seconds;
        for row in &batch.token_uses {
            events.push(Notification {
                user_id: Some(row.user_id),
                torrent_id: Some(row.torrent_id),
                downloaded: Some(row.downloaded_raw),
                finished: Some(row.finished),
                ..Notification::of(NotificationKind::TokenUsed, at)
            });
        }
        for row in batch.torrents.iter().filter(|row| row.torrent_id != 0) {
            let has_seeder = row.seeders > 0;
            if self.seeded.set(row.torrent_id, has_seeder) == has_seeder {
                continue;
            }
            let kind = match has_seeder {
                true => NotificationKind::FirstSeed,
                false => NotificationKind::NoSeeders,
            };
            events.push(Notification {
                torrent_id: Some(row.torrent_id),
                seeders: Some(row.seeders),
                leechers: Some(row.leechers),
                ..Notification::of(kind, at)
            });
        }
        self.watches.take_in(batch, settings);
        networks.take_in(batch, settings, &mut events);
        name_torrents(batch, &mut events);
        self.batch = batch.number;
        events
    }
}

/// Adds the hashes: every torrent of a private batch is named by one of its sessions.
fn name_torrents(batch: &Batch, events: &mut [Notification]) {
    let mut hashes: HashMap<u32, Option<InfoHash>> =
        events.iter().filter_map(|event| Some((event.torrent_id?, None))).collect();
    if hashes.is_empty() {
        return;
    }
    for row in &batch.sessions {
        if let Some(hash) = hashes.get_mut(&row.torrent_id) {
            *hash = Some(row.info_hash);
        }
    }
    for event in events {
        event.info_hash = event.torrent_id.and_then(|id| hashes.get(&id).copied().flatten());
    }
}

#[cfg(test)]
mod tests;
