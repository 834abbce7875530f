//! How fast peers upload, and how fast they do as a rule.

use std::sync::atomic::{AtomicI32, Ordering};

/// The slowest class: at least so many bytes a second; each class is twice as fast as the one
/// before.
const SLOWEST_BYTES_PER_SECOND: u64 = 16 * 1024;
/// The fastest class, of 256 MiB a second and more.
const FASTEST: u8 = 15;
/// A shorter time says little about speed.
const SECONDS_MIN: u32 = 60;
/// The median moves by 1/64 of a doubling with each report.
const STEPS_PER_CLASS: i32 = 64;

/// The class of an upload, 1 to 15; 0 if it says nothing.
pub(crate) fn class_of(bytes: u64, seconds: u32) -> u8 {
    if bytes == 0 || seconds < SECONDS_MIN {
        return 0;
    }
    let units = (bytes / u64::from(seconds) / SLOWEST_BYTES_PER_SECOND).max(1);
    u8::try_from(units.ilog2() + 1).unwrap_or(FASTEST).min(FASTEST)
}

/// The median class of those who report, in steps. It follows them one step at a time, so that it
/// costs 4 bytes and no list.
#[derive(Debug, Default)]
pub(crate) struct MedianSpeed {
    /// 0: nobody has reported.
    steps: AtomicI32,
}

impl MedianSpeed {
    /// Takes a report of a class. Two at once may count as one, which does no harm.
    pub(crate) fn tell(&self, class: u8) {
        if class == 0 {
            return;
        }
        let told = i32::from(class) * STEPS_PER_CLASS;
        let steps = self.steps.load(Ordering::Relaxed);
        let next = if steps == 0 { told } else { steps + (told - steps).signum() };
        self.steps.store(next, Ordering::Relaxed);
    }

    /// In eighths of a class.
    pub(crate) fn eighths(&self) -> i32 {
        self.steps.load(Ordering::Relaxed) * 8 / STEPS_PER_CLASS
    }
}
