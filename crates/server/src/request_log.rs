//! Requests that a site wants written down in a table of its own, as XBT does.
//!
//! Workers put them into memory; a task writes them once a second. They are for people who look
//! into something: when the database does not keep up, or the process dies, some are left out.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mika_core::Tracker;
use mika_protocol::{AnnounceRequest, InfoHash, Passkey};
use mika_store::Catalog;
use mika_store::request_log::{AnnounceLogRow, RequestLog, ScrapeLogRow};
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tracing::warn;

use crate::listen::ListenContext;

/// Requests that wait at most; of more, the newest are left out.
const WAITING_MAX: usize = 100_000;
const INTERVAL: Duration = Duration::from_secs(1);

/// Requests that wait to be written.
#[derive(Debug, Default)]
pub struct PendingRequests {
    waiting: Mutex<RequestLog>,
    dropped: AtomicU64,
}

impl PendingRequests {
    /// Requests that were not written down, because too many waited.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn add(&self, add: impl FnOnce(&mut RequestLog)) {
        let mut waiting = self.waiting.lock();
        if waiting.len() < WAITING_MAX {
            add(&mut waiting);
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn take(&self) -> RequestLog {
        std::mem::take(&mut self.waiting.lock())
    }

    /// Puts back what the store did not take, as far as there is room.
    fn put_back(&self, mut older: RequestLog) {
        let mut waiting = self.waiting.lock();
        let all = older.len() + waiting.len();
        older.announces.append(&mut waiting.announces);
        older.scrapes.append(&mut waiting.scrapes);
        older.announces.truncate(WAITING_MAX);
        older.scrapes.truncate(WAITING_MAX - older.announces.len());
        self.dropped.fetch_add((all - older.len()) as u64, Ordering::Relaxed);
        *waiting = older;
    }
}

/// The user of a passkey; 0 if there is none.
fn user_id_of(tracker: &Tracker, passkey: Option<&Passkey>, info_hash: Option<InfoHash>) -> u32 {
    passkey.and_then(|passkey| tracker.announcer_id_of(passkey, info_hash)).unwrap_or(0)
}

impl ListenContext {
    /// Has an announce written down.
    #[cold]
    pub(crate) fn log_announce(&self, request: &AnnounceRequest, ip: IpAddr, now_seconds: u32) {
        let row = AnnounceLogRow {
            user_id: user_id_of(&self.tracker, request.passkey.as_ref(), Some(request.info_hash)),
            address: ip,
            port: request.port,
            event: request.event,
            info_hash: request.info_hash,
            peer_id: request.peer_id,
            uploaded_bytes: request.uploaded,
            downloaded_bytes: request.downloaded,
            left_bytes: request.left,
            announced_at_seconds: now_seconds,
        };
        self.request_log().add(|log| log.announces.push(row));
    }

    /// Has a scrape written down.
    #[cold]
    pub(crate) fn log_scrape(
        &self,
        passkey: Option<&Passkey>,
        first: Option<InfoHash>,
        ip: IpAddr,
        now_seconds: u32,
    ) {
        let user_id = user_id_of(&self.tracker, passkey, first);
        let row = ScrapeLogRow { user_id, address: ip, scraped_at_seconds: now_seconds };
        self.request_log().add(|log| log.scrapes.push(row));
    }
}

/// Starts the task that writes them; it ends when it is aborted.
pub(crate) fn start(pending: Arc<PendingRequests>, catalog: Arc<dyn Catalog>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut failures = 0_u64;
        loop {
            tokio::time::sleep(INTERVAL).await;
            match write(&pending, catalog.as_ref()).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures += 1;
                    if failures.is_power_of_two() {
                        let dropped = pending.dropped();
                        warn!(%error, failures, dropped, "requests are not written down");
                    }
                }
            }
        }
    })
}

/// Writes what waits.
///
/// # Errors
///
/// Those of the store; what is wrong with rows themselves loses them.
pub async fn write(
    pending: &PendingRequests,
    catalog: &dyn Catalog,
) -> Result<(), mika_store::StoreError> {
    let requests = pending.take();
    if requests.is_empty() {
        return Ok(());
    }
    let result = catalog.keep_requests(&requests).await;
    match &result {
        Err(mika_store::StoreError::Invalid(_)) => {
            pending.dropped.fetch_add(requests.len() as u64, Ordering::Relaxed);
        }
        Err(_) => pending.put_back(requests),
        Ok(()) => {}
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at_seconds: u32) -> ScrapeLogRow {
        let address = IpAddr::from([10, 0, 0, 1]);
        ScrapeLogRow { user_id: 1, address, scraped_at_seconds: at_seconds }
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_left_out_is_counted() {
        let pending = PendingRequests::default();
        for at in 0..WAITING_MAX as u32 + 5 {
            pending.add(|log| log.scrapes.push(row(at)));
        }
        assert_eq!(pending.dropped(), 5);
        let taken = pending.take();
        assert_eq!(taken.len(), WAITING_MAX);
        pending.add(|log| log.scrapes.push(row(7)));
        pending.put_back(taken);
        assert_eq!(pending.dropped(), 6);
        let taken = pending.take();
        assert_eq!((taken.len(), taken.scrapes[0]), (WAITING_MAX, row(0)));
    }
}
