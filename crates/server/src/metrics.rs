//! The metrics, in the text format of Prometheus.
//!
//! Nothing is counted here: workers count in [`crate::counters`], the flusher writes its state to
//! [`FlushStatus`], the tracker knows what it holds. A scrape reads them all.

mod activity;
mod collect;
mod cpu;
mod flush_status;
mod memory;

pub use activity::{Activity, RecentActivity};
pub use cpu::cpu_milliseconds;
pub use flush_status::FlushStatus;
pub use memory::resident_bytes;

use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mika_core::Tracker;
use mika_store::http::HttpStore;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use crate::counters::Counters;
use crate::detection::Inspector;
use crate::geo::Geo;
use crate::lookup::LookupStatus;
use crate::notify::Notify;
use crate::request_log::PendingRequests;

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where all numbers come from. Clones share everything.
#[derive(Clone)]
pub struct Metrics {
    tracker: Arc<Tracker>,
    counters: Arc<Counters>,
    flush: Arc<FlushStatus>,
    notify: Option<Notify>,
    lookup: Arc<LookupStatus>,
    http: Option<Arc<HttpStore>>,
    requests: Arc<PendingRequests>,
    geo: Arc<Geo>,
    detection: Option<Inspector>,
    started_at: Instant,
}

impl Metrics {
    /// Metrics of a server that starts now.
    pub fn new(tracker: Arc<Tracker>, counters: Arc<Counters>, flush: Arc<FlushStatus>) -> Self {
        Self {
            tracker,
            counters,
            flush,
            notify: None,
            lookup: Arc::default(),
            http: None,
            requests: Arc::default(),
            geo: Arc::default(),
            detection: None,
            started_at: Instant::now(),
        }
    }

    /// The same, with those of the notifications.
    pub fn with_notify(self, notify: Notify) -> Self {
        Self { notify: Some(notify), ..self }
    }

    /// The same, with look-ups, and the site that they are made at, if it is one.
    pub fn with_lookup(self, lookup: Arc<LookupStatus>, http: Option<Arc<HttpStore>>) -> Self {
        Self { lookup, http, ..self }
    }

    /// The same, with what is not written down of requests.
    pub fn with_requests(self, requests: Arc<PendingRequests>) -> Self {
        Self { requests, ..self }
    }

    /// The same, with those of geo data.
    pub fn with_geo(self, geo: Arc<Geo>) -> Self {
        Self { geo, ..self }
    }

    /// The same, with those of detection, if there is any.
    pub fn with_detection(self, detection: Option<Inspector>) -> Self {
        Self { detection, ..self }
    }

    /// All metrics as text (OpenMetrics 1.0), for one scrape.
    ///
    /// # Errors
    ///
    /// None are known: writing to a string does not fail.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut text = String::with_capacity(16 << 10);
        text::encode(&mut text, &registry)?;
        Ok(text)
    }

    /// What the workers count.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What the flusher does.
    pub fn flush(&self) -> &FlushStatus {
        &self.flush
    }

    /// Where addresses are.
    pub fn geo(&self) -> &Geo {
        &self.geo
    }

    /// Seconds since the start.
    pub fn uptime_seconds(&self) -> u64 {
        self.started_at.elapsed().as_secs()
    }
}

/// The time now, as a Unix time in seconds.
pub(crate) fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
