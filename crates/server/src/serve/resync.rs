//! The task that looks from time to time at what the site has changed in its tables by itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use super::commands::ServerCommands;
use crate::clock::Clock;

/// How often the task looks whether it is time.
const TICK: Duration = Duration::from_secs(1);
/// What a site writes takes some time to be committed, and its clock may be behind.
const OVERLAP_SECONDS: u32 = 30;

/// Starts the task; it ends when it is aborted.
pub(super) fn start(commands: Arc<ServerCommands>, clock: Clock) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut last = Instant::now();
        let mut last_full = Instant::now();
        let mut read_to_seconds = clock.now_seconds();
        loop {
            sleep(TICK).await;
            let (every, every_full) = {
                let config = commands.config.load();
                (config.store.resync_seconds, config.store.full_resync_seconds)
            };
            let is_due = |every: u32, last: Instant| {
                every > 0 && last.elapsed() >= Duration::from_secs(every.into())
            };
            let is_full = is_due(every_full, last_full);
            if !is_full && !is_due(every, last) {
                continue;
            }
            if commands.site_settings.refresh().await {
                info!("the site has changed its settings");
                commands.reload_and_log().await;
            }
            let since = read_to_seconds.saturating_sub(OVERLAP_SECONDS);
            let began_seconds = clock.now_seconds();
            match commands.control.resync((!is_full).then_some(since)).await {
                Ok(report) => {
                    debug!(?report, "looked at the site's tables");
                    if report.retired > 0 {
                        info!(gone = report.retired, "users and torrents that the site removed");
                    }
                    read_to_seconds = began_seconds;
                    if report.was_full {
                        last_full = Instant::now();
                    }
                    remove_deleted(&commands).await;
                }
                Err(error) => warn!(%error, "the site's tables could not be read again"),
            }
            last = Instant::now();
        }
    })
}

/// Removes what the site wants deleted, where that is the tracker's to do.
async fn remove_deleted(commands: &ServerCommands) {
    if commands.config.load().tracker.auto_register_torrents {
        return;
    }
    match commands.control.remove_deleted().await {
        Ok(0) => {}
        Ok(removed) => info!(removed, "torrents that the site wants deleted"),
        Err(error) => warn!(%error, "torrents that the site wants deleted are still there"),
    }
}
