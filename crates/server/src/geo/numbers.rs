//! What is counted about geo data.

use std::sync::atomic::{AtomicU64, Ordering};

use super::found::Found;

/// Counters since the start.
#[derive(Debug, Default)]
pub struct GeoNumbers {
    /// Addresses that were looked up.
    pub lookups_total: AtomicU64,
    /// Of those, addresses without coordinates.
    pub unknown_total: AtomicU64,
    /// Records that could not be read.
    pub failures_total: AtomicU64,
    /// Times that files were read again because they, or the settings, had changed.
    pub reloads_total: AtomicU64,
}

impl GeoNumbers {
    pub(super) fn count(&self, found: &Found) {
        self.lookups_total.fetch_add(1, Ordering::Relaxed);
        if found.point.is_none() {
            self.unknown_total.fetch_add(1, Ordering::Relaxed);
        }
    }
}
