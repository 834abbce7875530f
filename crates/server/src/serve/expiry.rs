//! The thread that removes peers who have fallen silent, a little at a time.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use mika_core::Tracker;

use crate::clock::Clock;
use crate::config::Config;
use crate::listen::ShutdownSignal;

/// A pass over all torrents takes this long at most, so that a peer outlives its timeout by no
/// more than that.
const PASS_SECONDS_MAX: u32 = 60;

/// Starts the thread; it ends with the server.
pub(super) fn start(
    tracker: &Arc<Tracker>,
    clock: &Clock,
    config: &Arc<ArcSwap<Config>>,
    signal: &ShutdownSignal,
) -> io::Result<JoinHandle<()>> {
    let (tracker, clock) = (Arc::clone(tracker), clock.clone());
    let (config, signal) = (Arc::clone(config), signal.clone());
    thread::Builder::new().name("mika-expiry".to_owned()).spawn(move || {
        let mut part = 0;
        while !signal.is_triggered() {
            thread::sleep(pause(&config.load()));
            tracker.expire(part, clock.now_seconds());
            part = (part + 1) % Tracker::PARTS;
        }
    })
}

/// The time between two parts: a pass takes a tenth of the timeout.
fn pause(config: &Config) -> Duration {
    let pass_seconds = (config.tracker.peer_timeout_seconds / 10).clamp(1, PASS_SECONDS_MAX);
    Duration::from_secs(pass_seconds.into()) / u32::try_from(Tracker::PARTS).unwrap_or(1)
}
