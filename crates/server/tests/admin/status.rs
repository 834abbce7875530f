use std::sync::Arc;
use std::sync::atomic::Ordering;

use mika_core::{Mode, Refusal, Settings};
use mika_server::admin::{Access, AccessSettings, Admin, AdminCommands, AdminToken, CommandError};
use mika_server::config::ConfigChange;
use mika_server::counters::Counters;
use mika_server::metrics::{FlushStatus, Metrics};

use super::support::{Server, TOKEN, problem, refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn health_readiness_and_metrics_need_no_token() {
    let server = Server::start().await;
    for path in ["/health", "/ready", "/metrics"] {
        assert_eq!(server.request_with("GET", path, "", "").status, 200, "{path}");
    }
    let health = server.client.health().await.unwrap();
    assert_eq!(
        (health.status.as_str(), health.version.as_str()),
        ("ok", env!("CARGO_PKG_VERSION"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn readiness_says_what_is_missing() {
    let server = Server::start().await;
    let ready = server.client.ready().await.unwrap();
    assert!(ready.ready);
    let names: Vec<_> = ready.checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names, ["store", "journal", "registry"]);
    server.flush.journal_writable.store(false, Ordering::Relaxed);
    let failed = failed_checks(&server).await;
    assert_eq!(failed, ["journal"]);
    server.lose_store().await;
    assert_eq!(failed_checks(&server).await, ["store", "journal"]);
    assert_eq!(server.request_with("GET", "/ready", "", "").status, 503);
    assert_eq!(server.request_with("GET", "/health", "", "").status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_store_that_cannot_be_written_is_not_ready() {
    let server = Server::start().await;
    server.flush.store_available.store(false, Ordering::Relaxed);
    assert_eq!(failed_checks(&server).await, ["store"]);
}

async fn failed_checks(server: &Server) -> Vec<String> {
    let ready = server.client.ready().await.unwrap();
    assert!(!ready.ready);
    let failed = ready.checks.into_iter().filter(|check| !check.ok);
    failed
        .map(|check| {
            assert!(!check.reason.is_empty());
            check.name
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn until_the_tracker_is_loaded_the_api_says_so() {
    struct Nothing;
    #[async_trait::async_trait]
    impl AdminCommands for Nothing {
        async fn reload_config(&self) -> Result<ConfigChange, CommandError> {
            Err(CommandError::Config("mika.toml:1:1: no".to_owned()))
        }
        async fn flush(&self) -> Result<mika_client::types::Flushed, CommandError> {
            Ok(mika_client::types::Flushed { applied_batch_number: 7 })
        }
    }
    let server = Server::start().await;
    let flush = Arc::new(FlushStatus::default());
    let metrics = Metrics::new(Arc::clone(&server.tracker), Arc::new(Counters::default()), flush);
    let token = AdminToken::new(TOKEN).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let access = Access::open(folder.path(), 1 << 20, AccessSettings::default()).unwrap();
    let admin = Admin::new(server.control.clone(), metrics, Arc::new(Nothing), token, access);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let running = admin.start(listener).unwrap();
    let url = running.url();
    let client = mika_client::Client::new(url, TOKEN).unwrap();
    assert_eq!(refused(client.stats().await), problem(503, "loading"));
    let failed = client.ready().await.unwrap().checks;
    let failed: Vec<_> = failed.iter().filter(|check| !check.ok).map(|c| c.name.as_str()).collect();
    assert_eq!(failed, ["store", "journal", "registry"]);
    admin.set_loaded();
    assert!(client.stats().await.is_ok());
    assert_eq!(client.flush().await.unwrap().applied_batch_number, 7);
    assert_eq!(refused(client.reload_config().await), problem(422, "config_invalid"));
    running.stop().unwrap();
    let gone = client.health().await.unwrap_err();
    assert!(matches!(gone, mika_client::Error::Unreachable { .. }), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_reload_says_what_changed_and_a_failed_flush_is_a_503() {
    let server = Server::start().await;
    let change = server.client.reload_config().await.unwrap();
    assert_eq!(change.applied[0].key, "tracker.interval_seconds");
    assert_eq!((change.applied[0].from.as_str(), change.applied[0].to.as_str()), ("1800", "900"));
    assert!(change.needs_restart.is_empty());
    assert_eq!(refused(server.client.flush().await), problem(503, "unavailable"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn statistics_name_the_mode_and_the_announce_urls() {
    let server = Server::start_in(Mode::Public, Settings::default()).await;
    let stats = server.client.stats().await.unwrap();
    assert_eq!(
        (stats.mode.as_str(), stats.version.as_str()),
        ("public", env!("CARGO_PKG_VERSION"))
    );
    let expected =
        ["http://t.example:34000/{passkey}/announce", "udp://t.example:34000/{passkey}/announce"];
    assert_eq!(stats.announce_urls, expected);
    server.flush.last_batch_number.store(9, Ordering::Relaxed);
    server.flush.applied_batch_number.store(7, Ordering::Relaxed);
    server.flush.oldest_unapplied_at_seconds.store(1, Ordering::Relaxed);
    let flush = server.client.stats().await.unwrap().flush;
    assert_eq!((flush.last_batch_number, flush.applied_batch_number), (9, 7));
    assert!(flush.lag_seconds > 1_000_000_000);
    assert_eq!(flush.snapshot_at, None);
}

const METRICS: &[&str] = &[
    "mika_accept_failures",
    "mika_announces",
    "mika_batch_applied_number",
    "mika_batch_journalled_number",
    "mika_build_info",
    "mika_connections",
    "mika_connections_closed",
    "mika_dead_letters",
    "mika_departed_leechers",
    "mika_departed_leechers_forgotten",
    "mika_flush_batches",
    "mika_flush_failures",
    "mika_flush_lag_seconds",
    "mika_flush_last_timestamp_seconds",
    "mika_flush_rows",
    "mika_geo_age_seconds",
    "mika_geo_built_timestamp_seconds",
    "mika_geo_failures",
    "mika_geo_lookups",
    "mika_geo_old",
    "mika_geo_places",
    "mika_geo_readable",
    "mika_geo_reloads",
    "mika_geo_unknown",
    "mika_journal_bytes",
    "mika_journal_writable",
    "mika_lookup_breaker_open",
    "mika_lookup_not_parked",
    "mika_lookup_parked",
    "mika_lookups",
    "mika_lookups_asked",
    "mika_malformed",
    "mika_peers",
    "mika_pending_rows",
    "mika_received_bytes",
    "mika_refused",
    "mika_requests_not_logged",
    "mika_scrapes",
    "mika_sent_bytes",
    "mika_site_call_failures",
    "mika_site_call_tokens_dropped",
    "mika_site_call_tokens_waiting",
    "mika_site_calls",
    "mika_snapshot_age_seconds",
    "mika_snapshot_bytes",
    "mika_store_available",
    "mika_swarms",
    "mika_torrents",
    "mika_udp_connection_ids_refused",
    "mika_udp_connects",
    "mika_udp_received_datagrams",
    "mika_udp_scrapes_unidentified",
    "mika_udp_sent_datagrams",
    "mika_udp_sources_evicted",
    "mika_udp_unsent_datagrams",
    "mika_uptime_seconds",
    "mika_users",
    "process_resident_memory_bytes",
];

/// Those that are absent without a snapshot, and without a file of geo data.
const MAY_BE_ABSENT: &[&str] = &[
    "mika_geo_age_seconds",
    "mika_geo_built_timestamp_seconds",
    "mika_geo_old",
    "mika_geo_readable",
    "mika_snapshot_age_seconds",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_metric_has_help_and_a_value() {
    let server = Server::start().await;
    let text = server.client.metrics().await.unwrap();
    let help = text.lines().filter_map(|line| line.strip_prefix("# HELP "));
    let mut names: Vec<_> = help.clone().map(|line| line.split(' ').next().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, METRICS);
    assert!(help.clone().all(|line| line.ends_with('.')), "{text}");
    for name in METRICS.iter().filter(|name| !MAY_BE_ABSENT.contains(name)) {
        let has_value = text.lines().any(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{', '_']))
        });
        assert!(has_value, "{name}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn metrics_have_one_value_per_reason_protocol_and_event() {
    let server = Server::start().await;
    server.flush.snapshot_at_seconds.store(1, Ordering::Relaxed);
    server.flush.rows_applied_total.store(12, Ordering::Relaxed);
    let text = server.client.metrics().await.unwrap();
    for refusal in Refusal::ALL {
        let line = format!("mika_refused_total{{reason=\"{}\"}} 0", refusal.name());
        assert!(text.lines().any(|other| other == line), "{line}");
    }
    for line in [
        "mika_announces_total{protocol=\"udp\",event=\"completed\"} 0",
        "mika_scrapes_total{protocol=\"https\"} 0",
        "mika_peers{role=\"seeder\"} 0",
        "mika_flush_rows_total 12",
        "mika_store_available 1",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    assert!(text.lines().any(|line| line.starts_with("mika_snapshot_age_seconds 1")), "{text}");
}
