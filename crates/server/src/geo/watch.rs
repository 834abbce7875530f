//! Looks after the files while the tracker runs.

use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use super::Geo;

/// How often files are looked at, in seconds. To look costs next to nothing: whether a file is
/// another one is seen without reading it.
pub const WATCH_SECONDS: u64 = 10;
/// A file that has become too old is told of once in as many periods: a day.
const PERIODS_BETWEEN_WARNINGS: u64 = 86_400 / WATCH_SECONDS;

/// Reads files again when they have changed, until it is aborted. On a thread of its own, so that
/// nobody waits.
pub(crate) fn watch(geo: Arc<Geo>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut periods = 0_u64;
        loop {
            tokio::time::sleep(Duration::from_secs(WATCH_SECONDS)).await;
            periods = periods.wrapping_add(1);
            let tells_age = periods.is_multiple_of(PERIODS_BETWEEN_WARNINGS);
            let geo = Arc::clone(&geo);
            let looked = tokio::task::spawn_blocking(move || {
                geo.refresh();
                if tells_age {
                    geo.files.load().tell_age();
                }
            });
            if let Err(error) = looked.await {
                warn!(%error, "the files of geo data were not looked at");
            }
        }
    })
}
