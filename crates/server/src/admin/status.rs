//! How the server does: health, readiness, metrics, statistics; and commands to it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use mika_client::types::{
    Check, ConfigChange, FlushStats, Health, KeyChange, NamedCount, ProtocolStats, Readiness,
    RequestStats, Stats,
};
use mika_core::{Mode, Refusal};

use super::Admin;
use super::problem::Failure;
use crate::config;
use crate::counters::{Carrier, CountersSnapshot, EVENTS, ParseFailure};
use crate::metrics;

/// How long the store may take to answer before it counts as not there.
const STORE_TIMEOUT: Duration = Duration::from_secs(3);

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Whether the process runs.
#[utoipa::path(
    get, path = "/health", tag = "health",
    responses((status = 200, body = Health)),
)]
pub(super) async fn health() -> Json<Health> {
    Json(Health { status: "ok".to_owned(), version: VERSION.to_owned() })
}

/// Whether the server does all of its work.
#[utoipa::path(
    get, path = "/ready", tag = "health",
    responses(
        (status = 200, body = Readiness),
        (status = 503, body = Readiness, description = "Something is missing."),
    ),
)]
pub(super) async fn ready(State(admin): State<Admin>) -> impl IntoResponse {
    let checks = vec![store(&admin).await, journal(&admin), registry(&admin)];
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, checks }))
}

/// Asks the store, and believes the flusher when it could not write although it can be read.
async fn store(admin: &Admin) -> Check {
    let asked = tokio::time::timeout(STORE_TIMEOUT, admin.control().probe_store()).await;
    let takes_batches = admin.shared.metrics.flush().store_available.load(Ordering::Relaxed);
    let reason = match asked {
        Err(_) => format!("no answer within {} s", STORE_TIMEOUT.as_secs()),
        Ok(Err(error)) => error.to_string(),
        Ok(Ok(())) if !takes_batches => "it did not take the last batch".to_owned(),
        Ok(Ok(())) => return passed("store"),
    };
    failed("store", format!("{reason}; announces go on, what they report waits in the journal"))
}

fn journal(admin: &Admin) -> Check {
    if admin.shared.metrics.flush().journal_writable.load(Ordering::Relaxed) {
        return passed("journal");
    }
    failed("journal", "it cannot be written; what announces report waits in memory".to_owned())
}

fn registry(admin: &Admin) -> Check {
    if admin.is_loaded() {
        return passed("registry");
    }
    failed("registry", "users and torrents are still being loaded".to_owned())
}

fn passed(name: &str) -> Check {
    Check { name: name.to_owned(), ok: true, reason: String::new() }
}

fn failed(name: &str, reason: String) -> Check {
    Check { name: name.to_owned(), ok: false, reason }
}

/// The metrics in the text format of Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((status = 200, body = String, content_type = "application/openmetrics-text")),
)]
pub(super) async fn metrics(State(admin): State<Admin>) -> Result<impl IntoResponse, Failure> {
    let text = admin.shared.metrics.render();
    let text = text.map_err(|error| Failure::unavailable("metrics", error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text))
}

pub(super) fn stats(admin: &Admin) -> Stats {
    let (control, metrics) = (admin.control(), &admin.shared.metrics);
    let held = control.tracker().stats();
    let counted = metrics.counters().snapshot();
    let answered: u64 = counted.announces.iter().flatten().sum();
    let refused: u64 = counted.refused.as_flattened().iter().sum();
    let mode = match control.tracker().mode() {
        Mode::Private => "private",
        Mode::Public => "public",
    };
    Stats {
        version: VERSION.to_owned(),
        mode: mode.to_owned(),
        uptime_seconds: metrics.uptime_seconds(),
        announce_urls: control.announce_urls().forms().to_vec(),
        torrents: held.torrents,
        swarms: held.swarms,
        users: held.users,
        seeders: held.seeders,
        leechers: held.leechers,
        announces: answered,
        scrapes: counted.scrapes.iter().sum(),
        refused,
        memory_resident_bytes: metrics::resident_bytes().unwrap_or_default(),
        cpu_milliseconds: metrics::cpu_milliseconds().unwrap_or_default(),
        requests: request_stats(&counted),
        flush: flush_stats(metrics.flush(), held.pending_rows),
    }
}

fn request_stats(counted: &CountersSnapshot) -> RequestStats {
    let at = |counts: &[u64], index: usize| counts.get(index).copied().unwrap_or_default();
    let protocol = |carrier: Carrier| {
        let index = carrier as usize;
        ProtocolStats {
            name: carrier.name().to_owned(),
            announces: counted.announces.get(index).map_or(0, |row| row.iter().sum()),
            announces_v6: at(&counted.announces_v6, index),
            scrapes: at(&counted.scrapes, index),
            received_bytes: at(&counted.bytes_in, index),
            sent_bytes: at(&counted.bytes_out, index),
        }
    };
    let named = |name: &str, count: u64| NamedCount { name: name.to_owned(), count };
    let event = |(index, (_, name)): (usize, (_, &str))| {
        named(name, counted.announces.iter().map(|row| at(row, index)).sum())
    };
    let refused = Refusal::ALL.iter().zip(counted.refused.as_flattened());
    let malformed = ParseFailure::ALL.iter().zip(&counted.parse_failures);
    RequestStats {
        protocols: Carrier::ALL.into_iter().map(protocol).collect(),
        events: EVENTS.into_iter().enumerate().map(event).collect(),
        refused: refused
            .filter(|(_, count)| **count > 0)
            .map(|(refusal, count)| named(refusal.name(), *count))
            .collect(),
        malformed: malformed
            .filter(|(_, count)| **count > 0)
            .map(|(kind, count)| named(kind.name(), *count))
            .collect(),
    }
}

fn flush_stats(flush: &metrics::FlushStatus, pending_rows: u64) -> FlushStats {
    let snapshot_at = flush.snapshot_at_seconds.load(Ordering::Relaxed);
    FlushStats {
        store_available: flush.store_available.load(Ordering::Relaxed),
        journal_writable: flush.journal_writable.load(Ordering::Relaxed),
        pending_rows,
        last_batch_number: flush.last_batch_number.load(Ordering::Relaxed),
        applied_batch_number: flush.applied_batch_number.load(Ordering::Relaxed),
        lag_seconds: flush.lag_seconds(metrics::now_seconds()),
        journal_bytes: flush.journal_bytes.load(Ordering::Relaxed),
        dead_letters: flush.dead_letters_total.load(Ordering::Relaxed),
        failures: flush.flush_failures_total.load(Ordering::Relaxed),
        snapshot_at: (snapshot_at != 0).then_some(snapshot_at),
        snapshot_bytes: flush.snapshot_bytes.load(Ordering::Relaxed),
    }
}

pub(super) fn change_json(change: config::ConfigChange) -> ConfigChange {
    let keys = |changes: Vec<config::KeyChange>| {
        let json = |change: config::KeyChange| KeyChange {
            key: change.key,
            from: change.from,
            to: change.to,
        };
        changes.into_iter().map(json).collect()
    };
    ConfigChange { applied: keys(change.applied), needs_restart: keys(change.needs_restart) }
}
