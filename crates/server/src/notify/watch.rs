//! What no batch says: the state of the store, and refused clients.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use mika_client::types::{Notification, NotificationKind};
use mika_core::RefusalKind;

use crate::counters::Counters;
use crate::metrics::FlushStatus;

/// Refusals for what the client is, not for who announces what.
const CLIENT: [RefusalKind; 7] = [
    RefusalKind::HeaderForbidden,
    RefusalKind::AgentMissing,
    RefusalKind::AgentTooLong,
    RefusalKind::AgentForbidden,
    RefusalKind::CompactRequired,
    RefusalKind::ClientNotAllowed,
    RefusalKind::PortNotAllowed,
];

/// Refused clients are told in sums of so many seconds.
const REFUSED_SECONDS: u32 = 10;

/// Compares now with a moment ago.
#[derive(Debug)]
pub(super) struct Watch {
    status: Arc<FlushStatus>,
    counters: Arc<Counters>,
    store_is_up: bool,
    refused: [u64; CLIENT.len()],
    /// When refused clients are looked at again.
    refused_at_seconds: u32,
}

impl Watch {
    pub(super) fn new(status: Arc<FlushStatus>, counters: Arc<Counters>) -> Self {
        Self {
            status,
            counters,
            store_is_up: true,
            refused: [0; CLIENT.len()],
            refused_at_seconds: 0,
        }
    }

    /// Passes over what has happened until now.
    pub(super) fn begin(&mut self) {
        self.refused = self.count();
    }

    pub(super) fn look(&mut self, now_seconds: u32) -> Vec<Notification> {
        let mut events = Vec::new();
        let is_up = self.status.store_available.load(Ordering::Relaxed);
        if is_up != std::mem::replace(&mut self.store_is_up, is_up) {
            let kind = if is_up { NotificationKind::StoreUp } else { NotificationKind::StoreDown };
            events.push(Notification::of(kind, now_seconds));
        }
        if now_seconds < self.refused_at_seconds {
            return events;
        }
        self.refused_at_seconds = now_seconds.saturating_add(REFUSED_SECONDS);
        let now = self.count();
        for ((kind, now), before) in CLIENT.into_iter().zip(now).zip(self.refused) {
            if now > before {
                events.push(Notification {
                    reason: Some(kind.name().to_owned()),
                    count: Some(now - before),
                    ..Notification::of(NotificationKind::ClientRefused, now_seconds)
                });
            }
        }
        self.refused = now;
        events
    }

    fn count(&self) -> [u64; CLIENT.len()] {
        let refused = self.counters.snapshot().refused;
        CLIENT.map(|kind| refused.as_flattened().get(kind.index()).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use mika_core::Refusal;

    use super::*;

    #[test]
    fn turns_of_the_store_and_refused_clients_are_told_once() {
        let (status, counters) = (Arc::new(FlushStatus::default()), Arc::new(Counters::default()));
        status.store_available.store(true, Ordering::Relaxed);
        let worker = counters.register();
        worker.refusal(Refusal::ClientNotAllowed);
        let mut watch = Watch::new(Arc::clone(&status), counters);
        watch.begin();
        assert_eq!(watch.look(5), []);
        status.store_available.store(false, Ordering::Relaxed);
        worker.refusal(Refusal::ClientNotAllowed);
        worker.refusal(Refusal::ClientNotAllowed);
        worker.refusal(Refusal::TorrentUnknown);
        let down = watch.look(6);
        assert_eq!((down[0].kind, down[0].at), (NotificationKind::StoreDown, 6));
        assert_eq!(watch.look(14), []);
        let refused = watch.look(15);
        assert_eq!(refused[0].reason.as_deref(), Some("client_not_allowed"));
        assert_eq!((down.len(), refused.len(), refused[0].count), (1, 1, Some(2)));
        assert_eq!(watch.look(25), []);
        status.store_available.store(true, Ordering::Relaxed);
        let told = watch.look(26);
        assert_eq!((told[0].kind, told.len()), (NotificationKind::StoreUp, 1));
    }
}
