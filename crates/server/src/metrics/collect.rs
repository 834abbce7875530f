//! Every metric: its name, its help and where its value comes from.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mika_core::Refusal;
use mika_core::selection::place::Places;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::{Metrics, now_seconds};
use crate::counters::{Carrier, CountersSnapshot, EVENTS, ParseFailure};
use crate::detection::Inspector;
use crate::geo::FileState;

/// The labels of one value.
type Labels<'a> = &'a [(&'static str, &'static str)];

/// Writes metrics one after the other.
struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    /// A number that only grows; `_total` is appended to the name.
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let encoder = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(encoder)
    }

    /// A number that goes up and down; `None` writes the description only.
    fn gauge(&mut self, name: &str, help: &str, value: Option<u64>) -> fmt::Result {
        let encoder = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        value.map_or(Ok(()), |value| gauge(value).encode(encoder))
    }

    /// A counter with several values.
    fn counters<'l>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'l>, u64)>,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            ConstCounter::new(value).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// A counter with one value per carrier.
    fn by_carrier(&mut self, name: &str, help: &str, values: &[u64]) -> fmt::Result {
        let labels = Carrier::ALL.map(|carrier| [("protocol", carrier.name())]);
        let values = labels.iter().map(|labels| labels.as_slice()).zip(values.iter().copied());
        self.counters(name, help, values)
    }

    /// A number for each file of geo data that has one.
    fn by_file(
        &mut self,
        name: &str,
        help: &str,
        states: &[FileState],
        value: impl Fn(&FileState) -> Option<u64>,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for state in states {
            let labels: Labels<'_> = &[("file", state.role.name())];
            if let Some(value) = value(state) {
                gauge(value).encode(encoder.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    /// A counter with one value per reason.
    fn by_reason(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (&'static str, u64)>,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (reason, value) in values {
            let labels: Labels<'_> = &[("reason", reason)];
            ConstCounter::new(value).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut writer = Writer(encoder);
        self.process(&mut writer)?;
        self.holdings(&mut writer)?;
        let counted = self.counters.snapshot();
        requests(&mut writer, &counted)?;
        connections(&mut writer, &counted)?;
        datagrams(&mut writer, &counted)?;
        self.flushing(&mut writer)?;
        self.disk(&mut writer)?;
        self.look_ups(&mut writer)?;
        self.site_calls(&mut writer)?;
        self.notifications(&mut writer)?;
        self.geo_data(&mut writer)?;
        self.findings(&mut writer)
    }
}

impl Metrics {
    fn process(&self, to: &mut Writer<'_>) -> fmt::Result {
        let version: Labels<'_> = &[("version", env!("CARGO_PKG_VERSION"))];
        let mut build = to.0.encode_descriptor(
            "mika_build_info",
            "Always 1; the label tells the version.",
            None,
            MetricType::Gauge,
        )?;
        gauge(1).encode(build.encode_family(&version)?)?;
        let uptime = Some(self.uptime_seconds());
        to.gauge("mika_uptime_seconds", "Seconds since the start.", uptime)?;
        to.gauge("process_resident_memory_bytes", "Resident memory.", super::resident_bytes())
    }

    fn holdings(&self, to: &mut Writer<'_>) -> fmt::Result {
        let stats = self.tracker.stats();
        let help = "Peers, by whether they have the whole torrent.";
        let mut peers = to.0.encode_descriptor("mika_peers", help, None, MetricType::Gauge)?;
        for (role, count) in [("seeder", stats.seeders), ("leecher", stats.leechers)] {
            let labels: Labels<'_> = &[("role", role)];
            gauge(count).encode(peers.encode_family(&labels)?)?;
        }
        let torrents = Some(stats.torrents);
        to.gauge("mika_torrents", "Torrents known, deleted ones included.", torrents)?;
        to.gauge("mika_swarms", "Torrents with at least one peer.", Some(stats.swarms))?;
        to.gauge("mika_users", "Users known, deleted ones included.", Some(stats.users))?;
        let pending = Some(stats.pending_rows);
        to.gauge("mika_pending_rows", "Rows that wait for the next batch.", pending)?;
        let help = "Departed leechers that are remembered.";
        to.gauge("mika_departed_leechers", help, Some(stats.departed))?;
        let help = "Leechers that left, and silent clients, not remembered because of \
                    limits.departed_sessions.";
        to.counter("mika_departed_leechers_forgotten", help, stats.departed_forgotten)
    }

    fn flushing(&self, to: &mut Writer<'_>) -> fmt::Result {
        let flush = &self.flush;
        let lag = Some(flush.lag_seconds(now_seconds()));
        let help = "Seconds since the oldest batch that the store lacks; 0 if it has all.";
        to.gauge("mika_flush_lag_seconds", help, lag)?;
        let help = "Time of the last flush that succeeded, 0 if there was none.";
        let last = get(&flush.last_flush_at_seconds);
        to.gauge("mika_flush_last_timestamp_seconds", help, Some(last))?;
        let help = "Number of the last batch in the journal.";
        let number = get(&flush.last_batch_number);
        to.gauge("mika_batch_journalled_number", help, Some(number))?;
        let help = "Number of the last batch that the store has.";
        let number = get(&flush.applied_batch_number);
        to.gauge("mika_batch_applied_number", help, Some(number))?;
        let batches = get(&flush.batches_applied_total);
        to.counter("mika_flush_batches", "Batches that the store took.", batches)?;
        let rows = get(&flush.rows_applied_total);
        to.counter("mika_flush_rows", "Rows that the store took.", rows)?;
        let failures = get(&flush.flush_failures_total);
        to.counter("mika_flush_failures", "Batches that failed and are tried again.", failures)?;
        let dead = get(&flush.dead_letters_total);
        to.counter("mika_dead_letters", "Rows that the store refused for good.", dead)?;
        let up = flag(&flush.store_available);
        to.gauge("mika_store_available", "1 if the store took the last batch.", Some(up))
    }

    fn disk(&self, to: &mut Writer<'_>) -> fmt::Result {
        let flush = &self.flush;
        let bytes = get(&flush.journal_bytes);
        to.gauge("mika_journal_bytes", "Size of the journal.", Some(bytes))?;
        let writable = flag(&flush.journal_writable);
        let help = "1 if the journal took the last batch.";
        to.gauge("mika_journal_writable", help, Some(writable))?;
        let age = flush.snapshot_age_seconds(now_seconds());
        let help = "Seconds since the last snapshot of the peers; absent if there was none.";
        to.gauge("mika_snapshot_age_seconds", help, age)?;
        let bytes = get(&flush.snapshot_bytes);
        to.gauge("mika_snapshot_bytes", "Size of the last snapshot.", Some(bytes))
    }

    fn look_ups(&self, to: &mut Writer<'_>) -> fmt::Result {
        let lookup = &self.lookup;
        let asked = get(&lookup.asked_total);
        to.counter("mika_lookups_asked", "Look-ups in the store, begun.", asked)?;
        let ended: [(Labels<'_>, u64); 3] = [
            (&[("result", "found")], get(&lookup.found_total)),
            (&[("result", "unknown")], get(&lookup.unknown_total)),
            (&[("result", "failed")], get(&lookup.failures_total)),
        ];
        to.counters("mika_lookups", "Look-ups in the store, ended, by result.", ended)?;
        let parked = lookup.parked() as u64;
        to.gauge("mika_lookup_parked", "Announces that wait for a look-up.", Some(parked))?;
        let help = "Announces told to come back soon, because too many waited for look-ups.";
        to.counter("mika_lookup_not_parked", help, get(&lookup.not_parked_total))?;
        let paused = self.http.as_ref().is_some_and(|http| http.look_ups_are_paused());
        let help = "1 while the site is not asked, because look-ups failed too often in a row.";
        to.gauge("mika_lookup_breaker_open", help, Some(u64::from(paused)))
    }

    fn site_calls(&self, to: &mut Writer<'_>) -> fmt::Result {
        let calls = &self.flush.site_calls;
        let answered = get(&calls.calls_total);
        to.counter("mika_site_calls", "Calls of the site's page of expired tokens.", answered)?;
        let help = "Such calls that failed, and are made again.";
        to.counter("mika_site_call_failures", help, get(&calls.failures_total))?;
        let help = "Expired tokens that the site is not told of yet.";
        to.gauge("mika_site_call_tokens_waiting", help, Some(get(&calls.waiting)))?;
        let help = "Expired tokens that the site is never told of, because too many waited.";
        to.counter("mika_site_call_tokens_dropped", help, get(&calls.dropped_total))?;
        let help = "Requests that are missing in the site's log, because too many waited.";
        to.counter("mika_requests_not_logged", help, self.requests.dropped())
    }
}

impl Metrics {
    fn notifications(&self, to: &mut Writer<'_>) -> fmt::Result {
        let Some(notify) = &self.notify else { return Ok(()) };
        let numbers = notify.numbers();
        let help = "Notifications that were made.";
        to.counter("mika_notify_events", help, get(&numbers.events))?;
        let help = "Notifications that webhooks took.";
        to.counter("mika_notify_delivered", help, get(&numbers.delivered))?;
        let help = "Requests to webhooks that failed and are tried again.";
        to.counter("mika_notify_failures", help, get(&numbers.failures))?;
        let help = "Requests to webhooks that were given up.";
        to.counter("mika_notify_dead_letters", help, get(&numbers.dead_letters))?;
        let help = "Notifications that the log had lost when a webhook's turn came.";
        to.counter("mika_notify_missed", help, get(&numbers.missed))?;
        let help = "Notifications that the slowest webhook has before it.";
        to.gauge("mika_notify_waiting", help, Some(notify.waiting()))?;
        let help = "Size of the log of notifications.";
        to.gauge("mika_notify_log_bytes", help, Some(get(&numbers.log_bytes)))?;
        let writable = 1_u64.saturating_sub(get(&numbers.stuck));
        let help = "1 if the log of notifications can be written.";
        to.gauge("mika_notify_log_writable", help, Some(writable))
    }
}

impl Metrics {
    fn geo_data(&self, to: &mut Writer<'_>) -> fmt::Result {
        let (states, now) = (self.geo.states(), now_seconds());
        let help = "Seconds since a file of geo data was built, by file.";
        to.by_file("mika_geo_age_seconds", help, &states, |state| state.age_seconds(now))?;
        let help = "When a file of geo data was built, by file.";
        to.by_file("mika_geo_built_timestamp_seconds", help, &states, |state| {
            (state.bytes > 0).then_some(state.built_at_seconds)
        })?;
        let help = "1 if a file of geo data could be read the last time, by file.";
        to.by_file("mika_geo_readable", help, &states, |state| {
            Some(u64::from(state.problem.is_empty()))
        })?;
        let help = "1 if a file of geo data is older than geo.max_age_days, by file.";
        to.by_file("mika_geo_old", help, &states, |state| Some(u64::from(state.is_old)))?;
        let numbers = self.geo.numbers();
        let help = "Addresses of peers whose places were looked up.";
        to.counter("mika_geo_lookups", help, get(&numbers.lookups_total))?;
        let help = "Such addresses without coordinates.";
        to.counter("mika_geo_unknown", help, get(&numbers.unknown_total))?;
        let help = "Records of geo data that could not be read.";
        to.counter("mika_geo_failures", help, get(&numbers.failures_total))?;
        let help = "Times that files of geo data were read again.";
        to.counter("mika_geo_reloads", help, get(&numbers.reloads_total))?;
        let places = Some(self.geo.table().len() as u64);
        to.gauge("mika_geo_places", "Places that are told apart.", places)
    }
}

impl Metrics {
    fn findings(&self, to: &mut Writer<'_>) -> fmt::Result {
        let Some(numbers) = self.detection.as_ref().map(Inspector::numbers) else { return Ok(()) };
        let help = "Announces that detection has looked at.";
        to.counter("mika_detection_observations", help, numbers.observations())?;
        let help = "Announces that detection's queues had no room for.";
        to.counter("mika_detection_dropped", help, numbers.dropped())?;
        let help = "Announces that waited when detection looked last.";
        to.gauge("mika_detection_queued", help, Some(numbers.queued()))?;
        let help = "Findings, by detector.";
        let name = "mika_detection_findings";
        let mut findings = to.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (detector, count) in numbers.findings() {
            let labels = [("detector", crate::detection::name_of(detector))];
            ConstCounter::new(count).encode(findings.encode_family(&labels)?)?;
        }
        let help = "Handshakes that clients of suspects were asked for, by what came of them.";
        let name = "mika_detection_handshakes";
        let mut handshakes = to.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (outcome, count) in numbers.probes() {
            let labels = [("outcome", outcome)];
            ConstCounter::new(count).encode(handshakes.encode_family(&labels)?)?;
        }
        let help = "Users that detection knows something of.";
        to.gauge("mika_detection_users", help, Some(numbers.users()))?;
        let help = "Torrents whose books are open.";
        to.gauge("mika_detection_torrents", help, Some(numbers.books()))?;
        let help = "Findings that are kept.";
        to.gauge("mika_detection_findings_kept", help, Some(numbers.findings_held()))?;
        let help = "Size of detection.state in the data directory.";
        to.gauge("mika_detection_state_bytes", help, Some(numbers.state_bytes()))?;
        let help = "Times that detection.state could not be written.";
        to.counter("mika_detection_save_failures", help, numbers.save_failures())?;
        let help = "Processor time of the detection thread, in milliseconds.";
        to.counter("mika_detection_cpu_milliseconds", help, numbers.cpu_milliseconds())
    }
}

fn requests(to: &mut Writer<'_>, counted: &CountersSnapshot) -> fmt::Result {
    let rows = Carrier::ALL.into_iter().zip(&counted.announces);
    let help = "Announces answered with peers, by protocol and event.";
    let mut announces =
        to.0.encode_descriptor("mika_announces", help, None, MetricType::Counter)?;
    for (carrier, row) in rows {
        for ((_, event), count) in EVENTS.into_iter().zip(row) {
            let labels: Labels<'_> = &[("protocol", carrier.name()), ("event", event)];
            ConstCounter::new(*count).encode(announces.encode_family(&labels)?)?;
        }
    }
    let help = "Announces and scrapes refused, by reason.";
    let refused = Refusal::ALL.iter().map(|refusal| refusal.name());
    to.by_reason(
        "mika_refused",
        help,
        refused.zip(counted.refused.as_flattened().iter().copied()),
    )?;
    to.by_carrier("mika_scrapes", "Scrapes answered, by protocol.", &counted.scrapes)?;
    let help = "Requests that could not be read, by what is wrong with them.";
    let kinds = ParseFailure::ALL.iter().map(|kind| kind.name());
    to.by_reason("mika_malformed", help, kinds.zip(counted.parse_failures))?;
    let help = "Bytes received, by protocol; TLS as plain text.";
    to.by_carrier("mika_received_bytes", help, &counted.bytes_in)?;
    let help = "Bytes sent, by protocol; TLS as plain text.";
    to.by_carrier("mika_sent_bytes", help, &counted.bytes_out)
}

fn connections(to: &mut Writer<'_>, counted: &CountersSnapshot) -> fmt::Result {
    let accepted = counted.connections_accepted;
    to.counter("mika_connections", "Connections accepted.", accepted)?;
    let closed = [
        ("too_many", counted.connections_refused),
        ("timeout", counted.connections_timed_out),
        ("idle", counted.connections_idled_out),
        ("tls", counted.tls_failures),
        ("proxy_header", counted.proxy_failures),
    ];
    to.by_reason("mika_connections_closed", "Connections closed by the tracker.", closed)?;
    let help = "Attempts to accept a connection that failed.";
    to.counter("mika_accept_failures", help, counted.accept_failures)
}

fn datagrams(to: &mut Writer<'_>, counted: &CountersSnapshot) -> fmt::Result {
    to.counter("mika_udp_received_datagrams", "Datagrams received.", counted.datagrams_in)?;
    to.counter("mika_udp_sent_datagrams", "Datagrams sent.", counted.datagrams_out)?;
    let help = "Datagrams that the system did not take.";
    to.counter("mika_udp_unsent_datagrams", help, counted.datagrams_unsent)?;
    to.counter("mika_udp_connects", "Connects answered (BEP 15).", counted.connects)?;
    let help = "Datagrams with a connection id that is wrong or too old.";
    to.counter("mika_udp_connection_ids_refused", help, counted.connection_ids_refused)?;
    let help = "Scrapes from sources that had not announced with a passkey.";
    to.counter("mika_udp_scrapes_unidentified", help, counted.scrapes_unidentified)?;
    let help = "Sources forgotten early because more announced than are remembered.";
    to.counter("mika_udp_sources_evicted", help, counted.identified_evicted)
}

fn gauge(value: u64) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
}

fn get(value: &AtomicU64) -> u64 {
    value.load(Ordering::Relaxed)
}

fn flag(value: &AtomicBool) -> u64 {
    value.load(Ordering::Relaxed).into()
}
