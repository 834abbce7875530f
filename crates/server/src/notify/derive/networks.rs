//! In how many networks a passkey is in use.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use mika_client::types::{Notification, NotificationKind};
use mika_core::batch::{Batch, SessionRow};

use crate::config::NotifyConfig;

/// Users of whom it is known where they are; when there are more, those not seen for longest go.
const USERS_MAX: usize = 1_000_000;

/// Where users were seen. Not kept over a restart: clients announce again.
#[derive(Debug, Default)]
pub struct Networks {
    users: HashMap<u32, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Networks, and when each was seen last.
    networks: Vec<(u64, u32)>,
    told_at_seconds: Option<u32>,
}

impl Networks {
    pub(super) fn take_in(
        &mut self,
        batch: &Batch,
        settings: &NotifyConfig,
        events: &mut Vec<Notification>,
    ) {
        let most = settings.passkey_networks as usize;
        if most == 0 {
            self.users.clear();
            return;
        }
        let window_seconds = settings.passkey_networks_seconds;
        for row in batch.sessions.iter().filter(|row| row.announces > 0) {
            let now = row.announced_at_seconds;
            let seen = self.users.entry(row.user_id).or_default();
            for network in networks_of(row) {
                seen.see(network, now, most);
            }
            let is_over = |at: u32| now.saturating_sub(at) >= window_seconds;
            seen.networks.retain(|(_, at)| !is_over(*at));
            if seen.networks.len() > most && seen.told_at_seconds.is_none_or(is_over) {
                seen.told_at_seconds = Some(now);
                events.push(Notification {
                    user_id: Some(row.user_id),
                    count: Some(seen.networks.len() as u64),
                    ..Notification::of(NotificationKind::PasskeyNetworks, now)
                });
            }
        }
        if self.users.len() > USERS_MAX {
            self.forget(batch.drained_at_seconds, window_seconds);
        }
    }

    /// Forgets who was not seen within the window, or half of it, and so on.
    fn forget(&mut self, now: u32, window_seconds: u32) {
        let mut age_seconds = window_seconds;
        while self.users.len() > USERS_MAX && age_seconds > 0 {
            let is_recent = |(_, at): &(u64, u32)| now.saturating_sub(*at) < age_seconds;
            self.users.retain(|_, seen| seen.networks.iter().any(is_recent));
            age_seconds /= 2;
        }
    }
}

impl Seen {
    fn see(&mut self, network: u64, now: u32, most: usize) {
        if let Some((_, at)) = self.networks.iter_mut().find(|(known, _)| *known == network) {
            *at = (*at).max(now);
            return;
        }
        if self.networks.len() > most.saturating_mul(2) {
            let oldest = self.networks.iter().enumerate().min_by_key(|(_, (_, at))| *at);
            if let Some(place) = oldest.map(|(place, _)| place) {
                self.networks.swap_remove(place);
            }
        }
        self.networks.push((network, now));
    }
}

/// The networks of a session's addresses: /24 of IPv4, /48 of IPv6.
fn networks_of(row: &SessionRow) -> impl Iterator<Item = u64> {
    let v4 = row.address_v4.map(|address| u64::from(Ipv4Addr::to_bits(*address.ip()) >> 8));
    // The first bit of a 48-bit prefix is far above the 24 of the other kind.
    let v6 = row.address_v6.map(|address| (Ipv6Addr::to_bits(*address.ip()) >> 80) as u64);
    v4.into_iter().chain(v6.map(|prefix| prefix | 1 << 63))
}
