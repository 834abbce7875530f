//! The time, for those who pass it on: the tracker itself never looks at a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Unix time in whole seconds, which never goes back within the process.
///
/// A system clock that is set back stands still here until it has caught up: a session whose last
/// announce lies in the future would otherwise confuse expiry and seed time. Clones share the time
/// that they have shown.
#[derive(Debug, Clone)]
pub struct Clock {
    source: Source,
    latest_seconds: Arc<AtomicU32>,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    System,
    Test,
}

impl Clock {
    /// The clock of the operating system.
    pub fn system() -> Self {
        Self { source: Source::System, latest_seconds: Arc::default() }
    }

    /// A clock that stands still until [`Clock::advance`] is called.
    pub fn test(now_seconds: u32) -> Self {
        let latest_seconds = Arc::new(AtomicU32::new(now_seconds));
        Self { source: Source::Test, latest_seconds }
    }

    /// Seconds since 1970; `u32::MAX` from February 2106 on.
    pub fn now_seconds(&self) -> u32 {
        let latest = self.latest_seconds.load(Ordering::Relaxed);
        match self.source {
            Source::Test => latest,
            Source::System => {
                let now = system_seconds();
                // The shared word is written once a second, not once an announce.
                if now > latest {
                    self.latest_seconds.fetch_max(now, Ordering::Relaxed).max(now)
                } else {
                    latest
                }
            }
        }
    }

    /// Moves a test clock forward; the system's clock does not care.
    pub fn advance(&self, seconds: u32) {
        if let Source::Test = self.source {
            let _ = self.latest_seconds.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
                Some(now.saturating_add(seconds))
            });
        }
    }
}

fn system_seconds() -> u32 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since_epoch.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_clock_moves_only_when_told() {
        let clock = Clock::test(100);
        let clone = clock.clone();
        assert_eq!(clock.now_seconds(), 100);
        clone.advance(20);
        assert_eq!(clock.now_seconds(), 120);
        clock.advance(u32::MAX);
        assert_eq!(clone.now_seconds(), u32::MAX);
    }

    #[test]
    fn the_system_clock_shows_this_century_and_cannot_be_advanced() {
        let clock = Clock::system();
        let before = clock.now_seconds();
        assert!((1_700_000_000..4_000_000_000).contains(&before));
        clock.advance(1_000_000);
        assert!(clock.now_seconds() < before + 1_000_000);
    }

    #[test]
    fn the_system_clock_never_goes_back() {
        let clock = Clock::system();
        clock.latest_seconds.store(u32::MAX - 1, Ordering::Relaxed);
        assert_eq!(clock.now_seconds(), u32::MAX - 1);
    }
}
