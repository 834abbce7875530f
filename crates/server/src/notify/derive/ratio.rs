//! Users whose ratio crosses a threshold.
//!
//! A batch says what a user's totals grow by, not what they are. So the totals of a user who moves
//! something are read from the store once, as of a batch, and later batches are added. They are
//! read again when somebody changes them, and after some minutes, for sites change them, too.

use std::collections::{BTreeMap, HashMap};

use mika_client::types::{Notification, NotificationKind};
use mika_core::batch::Batch;
use serde::{Deserialize, Serialize};

/// After so many seconds the totals are read again.
const KNOWN_SECONDS: u32 = 900;

/// What was told of each user: above how many of the thresholds the ratio was.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Told {
    percents: Vec<u16>,
    users: HashMap<u32, u8>,
}

/// What is known of users' totals.
#[derive(Debug, Default)]
pub struct Ratios {
    told: Told,
    known: HashMap<u32, Totals>,
    /// Users whose totals have to be read, as of this batch or a later one.
    wanted: BTreeMap<u32, u64>,
}

#[derive(Debug, Clone, Copy)]
struct Totals {
    uploaded: u64,
    downloaded: u64,
    as_of_batch: u64,
    read_at_seconds: u32,
}

impl Ratios {
    /// Goes on from what was told before.
    pub fn resume(&mut self, told: Told) {
        *self = Self { told, ..Self::default() };
    }

    /// What was told, to be kept.
    pub fn told(&self) -> Told {
        self.told.clone()
    }

    /// Takes in a batch; `percents` are the thresholds.
    pub fn take_in(&mut self, batch: &Batch, percents: &[u16]) -> Vec<Notification> {
        let mut sorted = percents.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        sorted.truncate(usize::from(u8::MAX));
        if sorted != self.told.percents {
            self.told = Told { percents: sorted, users: HashMap::new() };
            self.known.clear();
            self.wanted.clear();
        }
        let mut events = Vec::new();
        if self.told.percents.is_empty() {
            return events;
        }
        let at = batch.drained_at_seconds;
        for row in &batch.users {
            let moved = row.traffic;
            if moved.uploaded_credited == 0 && moved.downloaded_credited == 0 {
                continue;
            }
            let Some(totals) = self.known.get_mut(&row.user_id) else {
                self.wanted.insert(row.user_id, batch.number);
                continue;
            };
            if batch.number > totals.as_of_batch {
                totals.uploaded = totals.uploaded.saturating_add(moved.uploaded_credited);
                totals.downloaded = totals.downloaded.saturating_add(moved.downloaded_credited);
                totals.as_of_batch = batch.number;
            }
            let totals = *totals;
            if at.saturating_sub(totals.read_at_seconds) > KNOWN_SECONDS {
                self.known.remove(&row.user_id);
                self.wanted.insert(row.user_id, batch.number);
            }
            self.compare(row.user_id, totals, at, &mut events);
        }
        events
    }

    /// Says that somebody has changed a user's totals.
    pub fn touch(&mut self, user_id: u32) {
        if self.known.remove(&user_id).is_some() {
            self.wanted.insert(user_id, 0);
        }
    }

    /// A user whose totals have to be read, after the one with an id, from a store that has all
    /// batches up to `applied`.
    pub fn wanted(&self, after: Option<u32>, applied: u64) -> Option<u32> {
        let first = after.map_or(0, |id| id.saturating_add(1));
        let mut later = self.wanted.range(first..).chain(self.wanted.iter());
        later.find(|(_, batch)| **batch <= applied).map(|(id, _)| *id)
    }

    /// Takes in what was read, `None` if there is no such user any more. Batches that came
    /// meanwhile may make it too old: then the user stays wanted.
    pub fn read(
        &mut self,
        user_id: u32,
        totals: Option<(u64, u64)>,
        as_of_batch: u64,
        now_seconds: u32,
    ) -> Vec<Notification> {
        let mut events = Vec::new();
        if self.wanted.get(&user_id).is_none_or(|batch| *batch > as_of_batch) {
            return events;
        }
        self.wanted.remove(&user_id);
        let Some((uploaded, downloaded)) = totals else {
            self.told.users.remove(&user_id);
            return events;
        };
        let totals = Totals { uploaded, downloaded, as_of_batch, read_at_seconds: now_seconds };
        self.known.insert(user_id, totals);
        self.compare(user_id, totals, now_seconds, &mut events);
        events
    }

    fn compare(&mut self, user_id: u32, totals: Totals, at: u32, events: &mut Vec<Notification>) {
        let Totals { uploaded, downloaded, .. } = totals;
        let reaches = |percent: &&u16| {
            u128::from(uploaded) * 100 >= u128::from(downloaded) * u128::from(**percent)
        };
        let percents = &self.told.percents;
        // At most 255 thresholds, and they are sorted.
        let now = percents.iter().take_while(reaches).count() as u8;
        let Some(before) = self.told.users.insert(user_id, now) else { return };
        let crossed = percents.get(usize::from(before.min(now))..usize::from(before.max(now)));
        let below = now < before;
        let event = |percent: &u16| Notification {
            user_id: Some(user_id),
            threshold_percent: Some(*percent),
            below: Some(below),
            uploaded: Some(uploaded),
            downloaded: Some(downloaded),
            ..Notification::of(NotificationKind::RatioCrossed, at)
        };
        let mut crossed: Vec<_> = crossed.unwrap_or_default().iter().map(event).collect();
        if below {
            crossed.reverse();
        }
        events.append(&mut crossed);
    }
}
