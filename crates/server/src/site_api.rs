//! What a site tells its tracker, in the words of the tracker that the site was written for.
//!
//! Gazelle calls Ocelot, and UNIT3D calls UNIT3D-Announce, over HTTP. This listener answers those
//! calls, so that the site's own code drives mika unchanged:
//!
//! ```text
//! GET /<ocelot_password>/update?action=add_torrent&info_hash=…&id=10&freetorrent=0
//! GET /<ocelot_report_password>/report?get=stats
//! PUT /announce/<unit3d_key>/torrents      {"id": 10, "info_hash": "…", …}
//! ```
//!
//! What is told counts for the next announce. It goes through [`Control`], which does not write it
//! to the store: the records are the site's, which has written them itself or is about to.
//!
//! * `site_api/listen.rs`, `site_api/connection.rs`: sockets and HTTP. Targets are read by hand,
//!   for Gazelle writes values into them as they are, also a `#`.
//! * `site_api/ocelot.rs`: Gazelle's calls. `site_api/unit3d.rs`: UNIT3D's.
//! * `site_api/xbt.rs`: the pages of the XBT tracker.
//! * `site_api/rates.rs`: what is counted for their reports.

mod connection;
mod listen;
mod ocelot;
mod rates;
mod unit3d;
mod xbt;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use subtle::ConstantTimeEq;

pub use listen::{RunningSiteApi, SiteApiListeners};

use crate::admin::AdminCommands;
use crate::config::{ReportFormat, Secret, SiteApiConfig};
use crate::control::Control;
use crate::metrics::Metrics;
use connection::{Reply, Request};
use mika_core::site::Preset;
use rates::Rates;
use unit3d::Unit3d;

/// The interface, to be [started](SiteApi::start) on bound sockets. Clones share everything.
#[derive(Clone)]
pub struct SiteApi {
    shared: Arc<Shared>,
}

struct Shared {
    control: Control,
    metrics: Metrics,
    commands: Arc<dyn AdminCommands>,
    settings: Settings,
    rates: Rates,
    counts: Counts,
    unit3d: Unit3d,
    started_at: Instant,
}

/// What an operator has chosen. Has no `Debug`: it holds secrets.
struct Settings {
    ocelot_password: Secret,
    ocelot_report_password: Secret,
    reports_are_text: bool,
    unit3d_key: Secret,
    xbt_pages: bool,
    xbt_debug: bool,
}

/// What has been asked of this interface since the start.
#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    malformed: AtomicU64,
    bad_secrets: AtomicU64,
    bad_report_secrets: AtomicU64,
    connections: AtomicU64,
    connections_open: AtomicU64,
    connections_peak: AtomicU64,
}

impl SiteApi {
    /// An interface that changes what `control` is in front of.
    pub fn new(
        control: Control,
        metrics: Metrics,
        commands: Arc<dyn AdminCommands>,
        config: &SiteApiConfig,
        preset: Preset,
    ) -> Self {
        let settings = Settings {
            ocelot_password: config.ocelot_password.clone(),
            ocelot_report_password: config.ocelot_report_password.clone(),
            reports_are_text: match config.report_format {
                ReportFormat::Auto => preset == Preset::GazelleWcd,
                ReportFormat::Json => false,
                ReportFormat::Text => true,
            },
            unit3d_key: config.unit3d_key.clone(),
            xbt_pages: config.xbt_pages,
            xbt_debug: config.xbt_debug,
        };
        let shared = Shared {
            control,
            metrics,
            commands,
            settings,
            rates: Rates::default(),
            counts: Counts::default(),
            unit3d: Unit3d::default(),
            started_at: Instant::now(),
        };
        Self { shared: Arc::new(shared) }
    }
}

impl Shared {
    /// Answers one request.
    async fn answer(&self, request: &Request<'_>) -> Reply {
        Counts::count(&self.counts.requests);
        let settings = &self.settings;
        if settings.xbt_pages
            && let Some(reply) = xbt::answer(self, request)
        {
            return reply;
        }
        if !settings.unit3d_key.is_empty()
            && let Some(path) = request.path.strip_prefix(b"/announce/")
        {
            return unit3d::answer(self, request, path).await;
        }
        if !settings.ocelot_password.is_empty() || !settings.ocelot_report_password.is_empty() {
            return ocelot::answer(self, request).await;
        }
        Reply::empty(404)
    }
}

impl Counts {
    fn count(total: &AtomicU64) {
        total.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether somebody knows a secret, which has to be there; takes as long for a wrong guess as for
/// another of the same length.
fn is_secret(guess: &[u8], secret: &Secret) -> bool {
    !secret.is_empty() && bool::from(guess.ct_eq(secret.expose().as_bytes()))
}
