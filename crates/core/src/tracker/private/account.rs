//! Step 3 of a private announce: what the difference of two reports counts.

use super::{Change, Visit};
use crate::accounting::{self, Counters, Multipliers};
use crate::batch::Traffic;
use crate::shard::pending::{PendingSession, Report, Special, TokenUse};
use crate::shard::{Marks, Shard, Torrent};
use crate::site::CreditRule;
use crate::swarm::Row;
use crate::swarm::session::{Flags, Private, Session};

impl Visit<'_> {
    /// Returns what the announce adds to the user's totals.
    pub(in crate::tracker) fn account(
        &self,
        shard: &mut Shard<Private>,
        slot: u32,
        change: &Change,
    ) -> Traffic {
        let now = self.counters();
        let site = &self.rules.settings.site;
        let raw = match change.before.as_ref().or(change.silent.as_ref()) {
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
        let mut token = TokenUse::default();
        let mut traffic = match raw.is_zero() && !change.finished {
            true => raw,
            false => self.credited(shard, slot, raw, change.finished, &mut token),
        };
        let withheld_bytes = match self.user.restrained {
            true => self.withhold(&mut traffic),
            false => 0,
        };
        let was_known = change.before.is_some() || change.silent.is_some();
        if !was_known && change.gone && traffic.is_zero() {
            return traffic;
        }
        let report = self.report(shard, slot, change, token, withheld_bytes);
        let Some(torrent) = shard.torrents.get_mut(slot) else { return traffic };
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
        shard.pending.put(slot, &session, &self.source.agent);
        shard.mark_dirty(slot);
        traffic
    }

    fn report(
        &self,
        shard: &mut Shard<Private>,
        slot: u32,
        change: &Change,
        token: TokenUse,
        withheld_bytes: u64,
    ) -> Report {
        let now_seconds = self.now_seconds;
        let role_immune = self.role.spec.immune;
        let (immune, address_hidden) = self.terms.map_or((role_immune, false), |terms| {
            (terms.immune.unwrap_or(role_immune), terms.address_hidden)
        });
        let discarded = self.rules.settings.site.record_corrupt && self.request.corrupt > 0;
        let is_special = change.finished
            || change.after.flags.has(Flags::HIDDEN)
            || discarded
            || !shard.corrupt.is_empty()
            || !token.is_none()
            || withheld_bytes > 0;
        Report {
            announces: 1,
            first_at_seconds: now_seconds,
            speed_seconds: match &change.before {
                Some(before) if !before.flags.has(Flags::STALE) => {
                    now_seconds.saturating_sub(before.last_seconds())
                }
                _ => 0,
            },
            address_hidden,
            immune,
            special: match is_special {
                true => {
                    Some(Special { withheld_bytes, ..self.special(shard, slot, change, token) })
                }
                false => None,
            },
        }
    }

    #[inline(never)]
    fn special(
        &self,
        shard: &mut Shard<Private>,
        slot: u32,
        change: &Change,
        token: TokenUse,
    ) -> Special {
        let corrupt_bytes = match self.rules.settings.site.record_corrupt {
            true => self.request.corrupt,
            false => 0,
        };
        let is_told = change.finished || change.after.flags.has(Flags::HIDDEN);
        Special {
            completed_at_seconds: change.finished.then_some(self.now_seconds),
            from: is_told.then_some((self.source.ip, self.request.port)),
            corrupt_delta: self.corrupt_delta(shard, slot, change, corrupt_bytes),
            corrupt_bytes,
            token,
            withheld_bytes: 0,
        }
    }

    /// What a session has discarded since its last report.
    fn corrupt_delta(
        &self,
        shard: &mut Shard<Private>,
        slot: u32,
        change: &Change,
        corrupt_bytes: u64,
    ) -> u64 {
        let key = change.after.id().key;
        let before = match change.gone {
            true => shard.forget_corrupt(slot, key),
            false => shard.put_corrupt(slot, key, corrupt_bytes),
        };
        let continued = change.before.is_some_and(|before| !before.flags.has(Flags::STALE));
        if continued { corrupt_bytes.saturating_sub(before) } else { 0 }
    }

    fn credited(
        &self,
        shard: &Shard<Private>,
        slot: u32,
        raw: Traffic,
        finished: bool,
        used: &mut TokenUse,
    ) -> Traffic {
        let Some(torrent) = shard.torrents.get(slot) else { return raw };
        // Nearly always nothing multiplies.
        let role = &self.role.spec;
        let percents = [
            role.upload_percent,
            role.download_percent,
            torrent.upload_percent,
            torrent.download_percent,
        ];
        let special = torrent.marks.has(Marks::TOKENS)
            || torrent.marks.has(Marks::FEATURED)
            || self.terms.is_some()
            || self.rules.has_events();
        if !special && percents == [100; 4] {
            return Traffic {
                uploaded_credited: raw.uploaded_raw,
                downloaded_credited: raw.downloaded_raw,
                ..raw
            };
        }
        self.multiplied(shard, slot, torrent, raw, finished, used)
    }

    #[inline(never)]
    fn multiplied(
        &self,
        shard: &Shard<Private>,
        slot: u32,
        torrent: &Torrent<Private>,
        raw: Traffic,
        finished: bool,
        used: &mut TokenUse,
    ) -> Traffic {
        let site = &self.rules.settings.site;
        let neutral = torrent.upload_percent == 0 && torrent.download_percent == 0;
        let token = torrent
            .marks
            .has(Marks::TOKENS)
            .then(|| shard.tokens.get(slot, self.user.index))
            .flatten()
            .filter(|token| token.ends_at_seconds.is_none_or(|end| self.now_seconds < end))
            .filter(|_| !(neutral && site.neutral_spares_tokens));
        if token.is_some() {
            *used = TokenUse { downloaded_raw: raw.downloaded_raw, finished };
        }
        if torrent.marks.has(Marks::FEATURED) && site.credit != CreditRule::Raw {
            let uploaded_credited =
                accounting::percent_of(raw.uploaded_raw, site.featured_upload_percent);
            return Traffic { uploaded_credited, downloaded_credited: 0, ..raw };
        }
        let (token_up, token_down) =
            token.map_or((100, 100), |token| (token.upload_percent, token.download_percent));
        let (event_up, event_down) = self.rules.event_percents(self.now_seconds);
        let role = &self.role.spec;
        let (user_up, user_down) = self.terms.map_or((100, 100), |terms| {
            (terms.upload_percent.unwrap_or(100), terms.download_percent.unwrap_or(100))
        });
        let up = Multipliers::new(
            role.upload_percent,
            user_up,
            torrent.upload_percent,
            token_up,
            event_up,
        );
        let down = Multipliers::new(
            role.download_percent,
            user_down,
            torrent.download_percent,
            token_down,
            event_down,
        );
        Traffic {
            uploaded_credited: up.credit_upload(raw.uploaded_raw, site.credit),
            downloaded_credited: down.credit_download(raw.downloaded_raw, site.credit),
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
