//! Step 3 of a private announce: what the difference of two reports counts.

use std::net::SocketAddr;

use super::{Change, Visit};
use crate::accounting::{self, Counters, Multipliers};
use crate::batch::Traffic;
use crate::shard::pending::{PendingSession, Report, TokenUse};
use crate::shard::{Marks, Shard};
use crate::site::CreditRule;
use crate::swarm::Row;
use crate::swarm::session::{Flags, Private, Session};

impl Visit<'_> {
    pub(in crate::tracker) fn account(
        &self,
        shard: &mut Shard<Private>,
        slot: u32,
        change: &Change,
    ) {
        let now = self.counters();
        let site = &self.rules.settings.site;
        let raw = match &change.before {
            Some(before) if before.flags.has(Flags::STALE) => Traffic::default(),
            Some(before) => accounting::continued(counters_of(before), now, site.deltas),
            None => {
                let known = change.last_known_left.filter(|_| site.charge_resumed);
                accounting::first_report(known, now)
            }
        };
        let seed_seconds = match &change.before {
            Some(before) if before.flags.has(Flags::STALE) => 0,
            Some(before) if before.left.get() == 0 => accounting::seed_seconds(
                before.last_seconds(),
                self.now_seconds,
                self.rules.settings.peer_timeout_seconds,
                site.seed_gap_dropped_seconds,
            ),
            _ => 0,
        };
        let (traffic, token) = self.credited(shard, slot, raw, change.finished);
        if change.before.is_none() && change.gone && traffic.is_zero() {
            return;
        }
        let report = self.report(shard, slot, change, token);
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
            report,
        };
        shard.pending.put(slot, session);
        shard.mark_dirty(slot);
    }

    fn report(
        &self,
        shard: &mut Shard<Private>,
        slot: u32,
        change: &Change,
        token: TokenUse,
    ) -> Report {
        let now_seconds = self.now_seconds;
        let continued = change.before.filter(|before| !before.flags.has(Flags::STALE));
        let corrupt_bytes =
            if self.rules.settings.site.record_corrupt { self.request.corrupt } else { 0 };
        let mut corrupt_delta = 0;
        if corrupt_bytes > 0 || !shard.corrupt.is_empty() {
            let before = if change.gone {
                change.corrupt_before
            } else {
                shard.put_corrupt(slot, change.after.id().key, corrupt_bytes)
            };
            corrupt_delta =
                if continued.is_some() { corrupt_bytes.saturating_sub(before) } else { 0 };
        }
        Report {
            announces: 1,
            first_at_seconds: now_seconds,
            completed_at_seconds: change.finished.then_some(now_seconds),
            speed_seconds: continued
                .map_or(0, |before| now_seconds.saturating_sub(before.last_seconds())),
            agent: self.source.agent,
            from: Some(SocketAddr::new(self.source.ip, self.request.port)),
            address_hidden: self.terms.address_hidden,
            immune: self.terms.immune.unwrap_or(self.role.spec.immune),
            corrupt_delta,
            corrupt_bytes,
            token,
        }
    }

    fn credited(
        &self,
        shard: &Shard<Private>,
        slot: u32,
        raw: Traffic,
        finished: bool,
    ) -> (Traffic, TokenUse) {
        let Some(torrent) = shard.torrents.get(slot).filter(|_| !raw.is_zero() || finished) else {
            return (raw, TokenUse::default());
        };
        let site = &self.rules.settings.site;
        let neutral = torrent.upload_percent == 0 && torrent.download_percent == 0;
        let token = torrent
            .marks
            .has(Marks::TOKENS)
            .then(|| shard.tokens.get(&(slot, self.user.index)))
            .flatten()
            .filter(|token| token.ends_at_seconds.is_none_or(|end| self.now_seconds < end))
            .filter(|_| !(neutral && site.neutral_spares_tokens));
        let token_use = token.map_or(TokenUse::default(), |_| TokenUse {
            downloaded_raw: raw.downloaded_raw,
            finished,
        });
        if torrent.marks.has(Marks::FEATURED) && site.credit != CreditRule::Raw {
            let uploaded_credited =
                accounting::percent_of(raw.uploaded_raw, site.featured_upload_percent);
            return (Traffic { uploaded_credited, downloaded_credited: 0, ..raw }, token_use);
        }
        let (token_up, token_down) =
            token.map_or((100, 100), |token| (token.upload_percent, token.download_percent));
        let (event_up, event_down) = self.rules.event_percents(self.now_seconds);
        let (role, terms) = (&self.role.spec, &self.terms);
        let up = Multipliers::new(
            role.upload_percent,
            terms.upload_percent.unwrap_or(100),
            torrent.upload_percent,
            token_up,
            event_up,
        );
        let down = Multipliers::new(
            role.download_percent,
            terms.download_percent.unwrap_or(100),
            torrent.download_percent,
            token_down,
            event_down,
        );
        let traffic = Traffic {
            uploaded_credited: up.credit_upload(raw.uploaded_raw, site.credit),
            downloaded_credited: down.credit_download(raw.downloaded_raw, site.credit),
            ..raw
        };
        (traffic, token_use)
    }
}

fn counters_of(row: &Session) -> Counters {
    Counters {
        uploaded: row.uploaded.get(),
        downloaded: row.downloaded.get(),
        left: row.left.get(),
    }
}
