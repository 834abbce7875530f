//! The counts of all swarms, and of those that changed.

use mika_client::types::{Swarm, SwarmChanges, SwarmChangesQuery, SwarmList, SwarmQuery};
use mika_core::{SwarmCounts, SwarmPlace};

use super::cursor::{from_hex, not_a_cursor, to_hex};
use super::paging::page_limit;
use super::{Control, ControlError, now_seconds};

/// Swarms in one reply at most.
const LIMIT_MAX: u32 = 10_000;

impl Control {
    /// A part of the swarms.
    pub async fn swarms(&self, query: SwarmQuery) -> Result<SwarmList, ControlError> {
        let limit = page_limit(query.limit, LIMIT_MAX)?;
        let place = query.cursor.as_deref().map(place_of).transpose()?;
        let control = self.clone();
        let look = move || {
            let tracker = control.tracker();
            // Before the first swarm is looked at, so that no change falls in between.
            let changes = place.is_none().then(|| tracker.follow_swarms(now_seconds()));
            let page = tracker.swarms(place.unwrap_or_default(), limit, query.empty);
            SwarmList {
                items: page.swarms.iter().map(swarm_json).collect(),
                next_cursor: page.next.map(cursor_of),
                changes_cursor: changes.map(|position| control.changes_cursor(position)),
            }
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| ControlError::Interrupted)
    }

    /// Swarms that have changed.
    ///
    /// # Errors
    ///
    /// [`ControlError::Gone`] if the changes since then are not known any more.
    pub async fn swarm_changes(
        &self,
        query: SwarmChangesQuery,
    ) -> Result<SwarmChanges, ControlError> {
        let limit = page_limit(query.limit, LIMIT_MAX)?;
        let bytes = from_hex::<16>(&query.since).ok_or_else(not_a_cursor)?;
        let (epoch, position) = halves(bytes);
        let gone = |detail: String| ControlError::Gone { code: "cursor_expired", detail };
        if epoch != self.shared.epoch {
            return Err(gone(mika_core::Expired.to_string()));
        }
        let control = self.clone();
        let look = move || control.tracker().changed_swarms(position, limit, now_seconds());
        let changed = tokio::task::spawn_blocking(look).await;
        let changed = changed.map_err(|_| ControlError::Interrupted)?;
        let changed = changed.map_err(|expired| gone(expired.to_string()))?;
        Ok(SwarmChanges {
            items: changed.swarms.iter().map(swarm_json).collect(),
            next_cursor: self.changes_cursor(changed.next),
            more: changed.more,
        })
    }

    /// A position counts for the process that gave it.
    fn changes_cursor(&self, position: u64) -> String {
        to_hex(self.shared.epoch.to_be_bytes().into_iter().chain(position.to_be_bytes()))
    }
}

fn halves(bytes: [u8; 16]) -> (u64, u64) {
    let both = u128::from_be_bytes(bytes);
    let low = both & u128::from(u64::MAX);
    (u64::try_from(both >> 64).unwrap_or_default(), u64::try_from(low).unwrap_or_default())
}

pub(super) fn swarm_json(swarm: &SwarmCounts) -> Swarm {
    Swarm {
        torrent_id: swarm.torrent_id,
        info_hash: swarm.info_hash,
        seeders: swarm.counts.seeders,
        leechers: swarm.counts.leechers,
        downloaders: swarm.counts.downloaders,
        snatches: swarm.counts.snatches,
    }
}

fn cursor_of(place: SwarmPlace) -> String {
    to_hex(place.part.to_be_bytes().into_iter().chain(place.slot.to_be_bytes()))
}

fn place_of(cursor: &str) -> Result<SwarmPlace, ControlError> {
    let bytes = from_hex::<8>(cursor).ok_or_else(not_a_cursor)?;
    let both = u64::from_be_bytes(bytes);
    let low = both & u64::from(u32::MAX);
    Ok(SwarmPlace {
        part: u32::try_from(both >> 32).unwrap_or_default(),
        slot: u32::try_from(low).unwrap_or_default(),
    })
}
