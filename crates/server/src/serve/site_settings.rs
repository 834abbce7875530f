//! What the site has set in a table of its own: it counts where the configuration says nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mika_store::record::SettingRecord;
use mika_store::{Catalog, StoreError};
use parking_lot::Mutex;
use tracing::warn;

use crate::config::{Config, SettingRemark};

/// The settings as they were last read.
pub(super) struct SiteSettings {
    catalog: Arc<dyn Catalog>,
    rows: Mutex<Vec<SettingRecord>>,
    /// What was last said of them, so that it is not said every minute.
    told: Mutex<Vec<SettingRemark>>,
    failures: AtomicU64,
}

impl SiteSettings {
    /// Settings that are read for the first time.
    pub(super) async fn read(catalog: Arc<dyn Catalog>) -> Self {
        let (rows, told) = (Mutex::default(), Mutex::default());
        let settings = Self { catalog, rows, told, failures: AtomicU64::new(0) };
        settings.refresh().await;
        settings
    }

    /// Reads them again; returns whether they have changed.
    pub(super) async fn refresh(&self) -> bool {
        match self.catalog.settings().await {
            Ok(rows) => {
                self.failures.store(0, Ordering::Relaxed);
                let mut known = self.rows.lock();
                let has_changed = *known != rows;
                *known = rows;
                has_changed
            }
            Err(error) => {
                self.failed(&error);
                false
            }
        }
    }

    fn failed(&self, error: &StoreError) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures.is_power_of_two() {
            warn!(%error, failures, "the site's settings could not be read");
        }
    }

    /// The configuration with them, where it says nothing itself.
    pub(super) fn over(&self, config: Config) -> Config {
        let rows = self.rows.lock().clone();
        if rows.is_empty() {
            return config;
        }
        let (config, remarks) = config.with_settings(&rows);
        let mut told = self.told.lock();
        for SettingRemark { name, text } in remarks.iter().filter(|it| !told.contains(it)) {
            warn!(setting = name, "the site's setting does not count: {text}");
        }
        *told = remarks;
        config
    }
}
