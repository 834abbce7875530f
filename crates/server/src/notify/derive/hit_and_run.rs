//! Who has to seed what they have downloaded, and for how long they have.

use std::collections::{BTreeMap, HashMap, HashSet};

use mika_client::types::{Notification, NotificationKind};
use mika_core::batch::Batch;
use serde::{Deserialize, Serialize};

use crate::config::NotifyConfig;

/// Downloads that are watched at most; further ones are not.
const WATCHES_MAX: usize = 4_000_000;

/// User and torrent.
type Key = (u32, u32);

/// Downloads that have finished, and were not seeded for long enough yet.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Watches {
    /// Seconds of seeding since.
    seeded: HashMap<Key, u64>,
    /// By the time at which it has finished, in seconds.
    by_time: BTreeMap<u32, HashSet<Key>>,
}

impl Watches {
    pub(super) fn take_in(&mut self, batch: &Batch, settings: &NotifyConfig) {
        let required = u64::from(settings.hit_and_run_seed_seconds);
        if required == 0 {
            *self = Self::default();
            return;
        }
        for row in &batch.history {
            let key = (row.user_id, row.torrent_id);
            if let Some(at) = row.completed_at_seconds
                && !row.immune
                && self.seeded.len() < WATCHES_MAX
                && !self.seeded.contains_key(&key)
            {
                // What the batch says was seeded may be from before.
                self.seeded.insert(key, 0);
                self.by_time.entry(at).or_default().insert(key);
            } else if let Some(seeded) = self.seeded.get_mut(&key) {
                *seeded = seeded.saturating_add(row.seed_seconds);
                if *seeded >= required || row.immune {
                    // Its entry by time goes when its time has come.
                    self.seeded.remove(&key);
                }
            }
        }
    }

    /// Those whose time is over.
    pub fn due(&mut self, now_seconds: u32, settings: &NotifyConfig) -> Vec<Notification> {
        let Some(over) = now_seconds.checked_sub(settings.hit_and_run_grace_seconds) else {
            return Vec::new();
        };
        let mut events = Vec::new();
        while let Some(first) = self.by_time.first_entry().filter(|first| *first.key() <= over) {
            for key in first.remove() {
                let Some(seed_seconds) = self.seeded.remove(&key) else { continue };
                events.push(Notification {
                    user_id: Some(key.0),
                    torrent_id: Some(key.1),
                    seed_seconds: Some(seed_seconds),
                    ..Notification::of(NotificationKind::HitAndRun, now_seconds)
                });
            }
        }
        events
    }
}
