//! Step 3 of a private announce: what the difference of two reports counts.

use super::{Change, Visit};
use crate::accounting::{self, Counters, Multipliers};
use crate::batch::Traffic;
use crate::shard::pending::PendingSession;
use crate::shard::{Marks, Shard};
use crate::swarm::session::{Flags, Private, Session};

impl Visit<'_> {
    pub(in crate::tracker) fn account(
        &self,
        shard: &mut Shard<Private>,
        slot: u32,
        change: &Change,
    ) {
        let now = self.counters();
        let raw = match &change.before {
            Some(before) if before.flags.has(Flags::STALE) => Traffic::default(),
            Some(before) => accounting::continued(counters_of(before), now),
            None => accounting::first_report(change.last_known_left, now),
        };
        let seed_seconds = match &change.before {
            Some(before) if before.flags.has(Flags::STALE) => 0,
            Some(before) if before.left.get() == 0 => accounting::seed_seconds(
                before.last_seconds(),
                self.now_seconds,
                self.rules.settings.peer_timeout_seconds,
            ),
            _ => 0,
        };
        let traffic = self.credited(shard, slot, raw);
        if change.before.is_none() && change.gone && traffic.is_zero() {
            return;
        }
        let Some(torrent) = shard.torrents.get_mut(slot) else { return };
        if change.finished {
            torrent.swarm.main.snatches = torrent.swarm.main.snatches.saturating_add(1);
        }
        let session = PendingSession {
            torrent_id: torrent.id,
            info_hash: torrent.info_hash,
            user_id: self.user.id,
            peer_id: Some(self.request.peer_id),
            row: change.after,
            v6: change.v6,
            gone: change.gone,
            user_active: !change.gone,
            traffic,
            seed_seconds: u64::from(seed_seconds),
            snatches: u32::from(change.finished),
        };
        shard.pending.put(slot, session);
        shard.mark_dirty(slot);
    }

    fn credited(&self, shard: &Shard<Private>, slot: u32, raw: Traffic) -> Traffic {
        let Some(torrent) = shard.torrents.get(slot).filter(|_| !raw.is_zero()) else {
            return raw;
        };
        let token = torrent
            .marks
            .has(Marks::TOKENS)
            .then(|| shard.tokens.get(slot, self.user.index))
            .flatten()
            .filter(|token| token.ends_at_seconds.is_none_or(|end| self.now_seconds < end));
        let (token_up, token_down) =
            token.map_or((100, 100), |token| (token.upload_percent, token.download_percent));
        let (event_up, event_down) = self.rules.event_percents(self.now_seconds);
        let role = &self.role;
        let up = Multipliers::new(role.upload_percent, torrent.upload_percent, token_up, event_up);
        let down = Multipliers::new(
            role.download_percent,
            torrent.download_percent,
            token_down,
            event_down,
        );
        Traffic {
            uploaded_credited: up.credit(raw.uploaded_raw),
            downloaded_credited: down.credit(raw.downloaded_raw),
            ..raw
        }
    }
}

fn counters_of(row: &Session) -> Counters {
    Counters {
        uploaded: row.uploaded.get(),
        downloaded: row.downloaded.get(),
        left: row.left.get(),
    }
}
