//! The largest and the busiest swarms.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use mika_client::types::{RankedSwarm, SwarmActivity, SwarmRank, SwarmRankQuery, SwarmRanking};
use mika_core::{SwarmCounts, SwarmPlace};
use mika_protocol::InfoHash;

use super::swarms::swarm_json;
use super::{Control, ControlError};
use crate::metrics::RecentActivity;

/// Swarms in one reply at most.
const LIMIT_MAX: u32 = 1000;
const LIMIT: u32 = 20;
/// Swarms that are looked at in one go.
const PART: usize = 10_000;

/// How a swarm compares: what it is ranked by, then its hash, so that the order is always the same.
type Place = (Reverse<u64>, InfoHash);

impl Control {
    /// The first swarms of all that have peers.
    ///
    /// # Errors
    ///
    /// [`ControlError::Invalid`] if the limit is not allowed.
    pub async fn swarm_ranking(
        &self,
        query: SwarmRankQuery,
        activity: RecentActivity,
    ) -> Result<SwarmRanking, ControlError> {
        let limit = super::page_limit(query.limit.or(Some(LIMIT)), LIMIT_MAX)?;
        let control = self.clone();
        let look = move || control.rank(&query, limit, &activity);
        tokio::task::spawn_blocking(look).await.map_err(|_| ControlError::Interrupted)
    }

    fn rank(
        &self,
        query: &SwarmRankQuery,
        limit: usize,
        activity: &RecentActivity,
    ) -> SwarmRanking {
        let mut first = BinaryHeap::<Ranked>::with_capacity(limit.saturating_add(1));
        let mut place = Some(SwarmPlace::default());
        while let Some(from) = place {
            let page = self.tracker().swarms(from, PART, false);
            for counts in page.swarms {
                let moved = activity.by_torrent.get(&counts.info_hash).copied();
                let moved = moved.unwrap_or_default();
                let value = value(query.by, &counts, &moved);
                let value = if query.ascending { u64::MAX - value } else { value };
                first.push(Ranked { place: (Reverse(value), counts.info_hash), counts, moved });
                if first.len() > limit {
                    first.pop();
                }
            }
            place = page.next;
        }
        let item = |ranked: Ranked| RankedSwarm {
            swarm: swarm_json(&ranked.counts),
            activity: ranked.moved,
        };
        SwarmRanking {
            items: first.into_sorted_vec().into_iter().map(item).collect(),
            activity_seconds: activity.seconds,
        }
    }
}

struct Ranked {
    place: Place,
    counts: SwarmCounts,
    moved: SwarmActivity,
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place.cmp(&other.place)
    }
}

fn value(by: SwarmRank, swarm: &SwarmCounts, moved: &SwarmActivity) -> u64 {
    let counts = &swarm.counts;
    match by {
        SwarmRank::Peers => u64::from(counts.seeders).saturating_add(counts.leechers.into()),
        SwarmRank::Seeders => counts.seeders.into(),
        SwarmRank::Leechers => counts.leechers.into(),
        SwarmRank::Snatches => counts.snatches.into(),
        SwarmRank::Announces => moved.announces,
        SwarmRank::Uploaded => moved.uploaded_bytes,
        SwarmRank::Downloaded => moved.downloaded_bytes,
    }
}
