//! The time, for those who pass it on: the tracker itself never looks at a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Unix time in whole seconds, as of the start plus the time that has passed since.
///
/// A system clock that is set while the tracker runs does not matter: put forward, it would end
/// all sessions at once; put back, it would stop expiry and seed time until it had caught up.
/// Clones show the same time.
#[derive(Debug, Clone)]
pub struct Clock {
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    System { started: Instant, started_at_seconds: u32 },
    Test(Arc<AtomicU32>),
}

impl Clock {
    /// A clock that begins at the operating system's time.
    pub fn system() -> Self {
        let (started, started_at_seconds) = (Instant::now(), system_seconds());
        Self { source: Source::System { started, started_at_seconds } }
    }

    /// A clock that stands still until [`Clock::advance`] is called.
    pub fn test(now_seconds: u32) -> Self {
        Self { source: Source::Test(Arc::new(AtomicU32::new(now_seconds))) }
    }

    /// Seconds since 1970; `u32::MAX` from February 2106 on.
    pub fn now_seconds(&self) -> u32 {
        match &self.source {
            Source::Test(now_seconds) => now_seconds.load(Ordering::Relaxed),
            Source::System { started, started_at_seconds } => {
                let passed = u32::try_from(started.elapsed().as_secs()).unwrap_or(u32::MAX);
                started_at_seconds.saturating_add(passed)
            }
        }
    }

    /// Moves a test clock forward; the system's clock does not care.
    pub fn advance(&self, seconds: u32) {
        if let Source::Test(now_seconds) = &self.source {
            let _ = now_seconds.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
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
}
