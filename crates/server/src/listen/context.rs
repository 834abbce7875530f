//! What all workers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use mika_core::Tracker;

use super::lookup::Lookup;
use crate::clock::Clock;
use crate::config::{Config, Network};
use crate::counters::Counters;
use crate::request_log::PendingRequests;

/// What all workers share.
#[derive(Debug)]
pub struct ListenContext {
    /// Who answers.
    pub tracker: Arc<Tracker>,
    /// What time it is.
    pub clock: Clock,
    /// What has happened so far.
    pub counters: Arc<Counters>,
    lookup: Option<Arc<dyn Lookup>>,
    /// What is to be written down of requests.
    request_log: Arc<PendingRequests>,
    live: ArcSwap<LiveSettings>,
    /// As in `live`, for whoever needs nothing else of it.
    logs_announces: AtomicBool,
    connections_open: AtomicUsize,
}

/// Settings that can change while the workers run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSettings {
    /// Networks of the proxies that are believed about the client's address.
    pub trusted_proxies: Vec<Network>,
    /// The header in which those proxies put it; `None`: no header is read.
    pub client_address_header: Option<String>,
    /// Torrents answered in one scrape; the others are left out.
    pub scrape_hashes_max: usize,
    /// Seconds between two scrapes that clients are told to keep.
    pub scrape_interval_seconds: Option<u32>,
    /// Announces are written down.
    pub log_announces: bool,
    /// Scrapes are written down.
    pub log_scrapes: bool,
    /// Sent as `tracker id` (BEP 3) when set.
    pub tracker_id: Option<String>,
    /// Sent as `warning message` when set.
    pub notice: Option<String>,
    /// Replies tell the client its own address (BEP 24).
    pub external_ip: bool,
    /// The site looks at the headers of announces.
    pub reads_headers: bool,
    /// Headers that no announce may have, in lower case.
    pub headers_forbidden: Vec<String>,
}

/// Settings of the HTTP workers, for as long as they run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// How long a request, a TLS handshake or a PROXY header may take to arrive, and a reply to
    /// be taken.
    pub header_timeout: Duration,
    /// How long a connection may be silent between two requests.
    pub idle_timeout: Duration,
    /// Bytes of a request's head at most.
    pub request_bytes_max: usize,
    /// Bytes of a request's body, which is skipped, at most.
    pub body_bytes_max: u64,
    /// Connections of all workers together at most.
    pub connections_max: usize,
    /// Trusted proxies begin each connection with a PROXY header.
    pub proxy_protocol: bool,
    /// How long requests under way may take after the shutdown was asked for.
    pub drain_timeout: Duration,
    /// Cores that its threads are kept to; any if there are none.
    pub announce_cores: Vec<u16>,
}

impl ListenContext {
    /// A context whose counters are at zero.
    pub fn new(tracker: Arc<Tracker>, clock: Clock, live: LiveSettings) -> Self {
        Self {
            tracker,
            clock,
            counters: Arc::default(),
            lookup: None,
            request_log: Arc::default(),
            logs_announces: AtomicBool::new(live.log_announces),
            live: ArcSwap::from_pointee(live),
            connections_open: AtomicUsize::new(0),
        }
    }

    /// The same, with somebody to ask about what the tracker does not know.
    pub fn with_lookup(self, lookup: Option<Arc<dyn Lookup>>) -> Self {
        if lookup.is_some() {
            self.tracker.defer_unregistered();
        }
        Self { lookup, ..self }
    }

    /// What is to be written down of requests.
    pub fn request_log(&self) -> Arc<PendingRequests> {
        Arc::clone(&self.request_log)
    }

    /// Who is asked about what the tracker does not know.
    pub(super) fn lookup(&self) -> Option<&dyn Lookup> {
        self.lookup.as_deref()
    }

    /// The settings that hold now.
    pub(super) fn live(&self) -> arc_swap::Guard<Arc<LiveSettings>> {
        self.live.load()
    }

    /// Replaces the settings; requests under way finish with the old ones.
    pub fn set_live(&self, live: LiveSettings) {
        self.logs_announces.store(live.log_announces, Ordering::Relaxed);
        self.live.store(Arc::new(live));
    }

    /// Whether announces are written down.
    pub(super) fn logs_announces(&self) -> bool {
        self.logs_announces.load(Ordering::Relaxed)
    }

    /// HTTP and HTTPS connections that are open now.
    pub fn connections_open(&self) -> usize {
        self.connections_open.load(Ordering::Relaxed)
    }

    /// Takes a place for a connection; `None` when all are taken.
    pub(super) fn take_place(self: &Arc<Self>, connections_max: usize) -> Option<Place> {
        let place = Place { context: Arc::clone(self) };
        let before = self.connections_open.fetch_add(1, Ordering::Relaxed);
        (before < connections_max).then_some(place)
    }
}

/// The place of one connection among those that may be open; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place {
    context: Arc<ListenContext>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.context.connections_open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl LiveSettings {
    /// What the configuration says.
    pub fn of(config: &Config) -> Self {
        let set = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Self {
            trusted_proxies: config.http.trusted_proxies.clone(),
            client_address_header: set(&config.http.client_address_header),
            scrape_hashes_max: config.limits.scrape_hashes as usize,
            scrape_interval_seconds: Some(config.site.scrape_interval_seconds)
                .filter(|seconds| *seconds > 0),
            log_announces: config.store.log_announces,
            log_scrapes: config.store.log_scrapes,
            tracker_id: set(&config.tracker.tracker_id),
            notice: set(&config.tracker.notice),
            external_ip: config.site.external_ip,
            reads_headers: config.site.reads_headers(),
            headers_forbidden: config.site.headers_forbidden.clone(),
        }
    }
}

impl HttpSettings {
    /// What the configuration says.
    pub fn of(config: &Config) -> Self {
        Self {
            header_timeout: Duration::from_secs(config.http.header_timeout_seconds.into()),
            idle_timeout: Duration::from_secs(config.http.idle_timeout_seconds.into()),
            request_bytes_max: config.http.request_bytes_max as usize,
            connections_max: config.limits.connections as usize,
            proxy_protocol: config.http.proxy_protocol,
            announce_cores: config.tracker.announce_cores.clone(),
            ..Self::default()
        }
    }
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            client_address_header: None,
            scrape_hashes_max: 74,
            scrape_interval_seconds: None,
            log_announces: false,
            log_scrapes: false,
            tracker_id: None,
            notice: None,
            external_ip: true,
            reads_headers: false,
            headers_forbidden: Vec::new(),
        }
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            request_bytes_max: 8192,
            body_bytes_max: 65_536,
            connections_max: 50_000,
            proxy_protocol: false,
            drain_timeout: Duration::from_secs(5),
            announce_cores: Vec::new(),
        }
    }
}
