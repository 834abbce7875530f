//! The task that reads users' totals from the store, for their ratios.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mika_store::catalog::UserKey;
use mika_store::{Catalog, StoreError};
use tokio::time::sleep;
use tracing::{debug, warn};

use super::Notify;

/// When nobody is wanted.
const PAUSE: Duration = Duration::from_millis(250);
/// Between two users: the store has better things to do.
const BETWEEN: Duration = Duration::from_millis(2);
/// When the store does not answer.
const RETRY: Duration = Duration::from_secs(5);

/// Reads until the server stops, or the store turns out not to tell.
pub(super) async fn read(notify: Notify, catalog: Arc<dyn Catalog>) {
    let mut after = None;
    loop {
        let applied = || notify.shared.status.applied_batch_number.load(Ordering::Relaxed);
        let before = applied();
        let wanted = notify.shared.ratios.lock().wanted(after, before);
        let Some(user_id) = wanted else {
            after = None;
            sleep(PAUSE).await;
            continue;
        };
        after = Some(user_id);
        let user = match catalog.user(&UserKey::Id(user_id)).await {
            Ok(user) => user,
            Err(StoreError::Unsupported(reason)) => {
                warn!(reason, "this store tells no totals of users: no ratios are told");
                return;
            }
            Err(error) => {
                debug!(%error, "totals of users");
                sleep(RETRY).await;
                continue;
            }
        };
        // If a batch was applied meanwhile it is not known whether it is in what was read.
        if applied() != before {
            continue;
        }
        let totals = user.map(|user| (user.uploaded, user.downloaded));
        let now_seconds = u32::try_from(crate::metrics::now_seconds()).unwrap_or(u32::MAX);
        let mut events = notify.shared.ratios.lock().read(user_id, totals, before, now_seconds);
        if let Err(error) = notify.publish(0, &mut events) {
            warn!(%error, "a crossed ratio could not be written to the disk");
        }
        sleep(BETWEEN).await;
    }
}
