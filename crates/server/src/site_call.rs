//! What the tracker tells the site by itself: which freeleech tokens have done their work.
//!
//! Gazelle keeps the tokens of each user in a cache, and clears it when its tracker calls a page:
//!
//! ```text
//! GET <path>/tools.php?key=<key>&type=expiretoken&action=ocelot&tokens=<user>:<torrent>,… HTTP/1.0
//! ```
//!
//! The calls follow from the batches. Before the [applier](crate::flush::Applier) hands a batch to
//! the store, the tokens that are done go to a file; once the store has the batch, they are called
//! for. A process that dies in between finds them in the file, or applies the batch again: each
//! token is called for at least once, and the site does not mind twice. No announce ever waits for
//! the site, and what waits for it is bounded.
//!
//! * [`SiteCallQueue`]: what is still to be called for.
//! * [`SiteCaller`]: the task that calls.

mod exchange;
mod queue;
mod spool;
mod target;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing::{info, warn};

pub use exchange::CallError;
pub use queue::{SiteCallQueue, Token};
pub use target::{Target, TargetError};

use crate::config::Config;
use crate::config::Secret;

/// Characters of the list of tokens in one call at most.
const LIST_CHARACTERS_MAX: usize = 350;
/// The wait after the first failure; it doubles.
const RETRY_FIRST: Duration = Duration::from_secs(1);

/// What metrics say of the calls.
#[derive(Debug, Default)]
pub struct SiteCallStatus {
    /// Calls that the site answered with 200.
    pub calls_total: AtomicU64,
    /// Calls that failed, and are made again.
    pub failures_total: AtomicU64,
    /// Tokens that wait for a call.
    pub waiting: AtomicU64,
    /// Tokens that are not called for, because too many waited.
    pub dropped_total: AtomicU64,
}

/// Calls the site, one call after the other, until it is aborted.
pub struct SiteCaller {
    target: Target,
    key: Secret,
    timeout: Duration,
    retry_max: Duration,
    queue: Arc<SiteCallQueue>,
}

impl fmt::Debug for SiteCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SiteCaller").field("target", &self.target).finish_non_exhaustive()
    }
}

impl SiteCaller {
    /// A caller for `[site_call]`.
    ///
    /// # Errors
    ///
    /// `site_call.url` is not good, or the system's root certificates cannot be used.
    pub fn new(config: &Config, queue: Arc<SiteCallQueue>) -> Result<Self, TargetError> {
        let config = &config.site_call;
        Ok(Self {
            target: Target::parse(&config.url)?,
            key: config.key.clone(),
            timeout: Duration::from_secs(config.timeout_seconds.into()),
            retry_max: Duration::from_secs(config.retry_seconds_max.into()),
            queue,
        })
    }

    /// Calls for what waits, again and again if need be.
    pub async fn run(self) {
        let mut wait = RETRY_FIRST;
        let mut failures = 0_u64;
        let status = self.queue.status();
        loop {
            let tokens = self.queue.next(LIST_CHARACTERS_MAX).await;
            match self.call(&tokens).await {
                Ok(()) => {
                    self.queue.done(&tokens);
                    status.calls_total.fetch_add(1, Ordering::Relaxed);
                    if failures > 0 {
                        info!(failures, "the site takes expired tokens again");
                    }
                    (wait, failures) = (RETRY_FIRST, 0);
                }
                Err(error) => {
                    failures += 1;
                    status.failures_total.fetch_add(1, Ordering::Relaxed);
                    if failures.is_power_of_two() {
                        let site = &self.target;
                        warn!(%error, %site, failures, "the site was not told of expired tokens");
                    }
                    tokio::time::sleep(wait.min(self.retry_max)).await;
                    wait = wait.saturating_mul(2).min(self.retry_max);
                }
            }
        }
    }

    async fn call(&self, tokens: &[Token]) -> Result<(), CallError> {
        let request = self.target.request(self.key.expose(), tokens);
        let exchange = exchange::exchange(&self.target, request.as_bytes());
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(Ok(200)) => Ok(()),
            Ok(Ok(status)) => Err(CallError::Status(status)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(CallError::Timeout(self.timeout.as_secs())),
        }
    }
}
