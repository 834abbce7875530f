//! What Ocelot counts, under its names, in its three formats.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use mika_core::Stats;
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde_json::{Value, json};

use super::super::super::rates::Rateds;
use super::super::super::{Shared, rates};
use crate::counters::CountersSnapshot;
use crate::metrics::resident_bytes;

/// The place of the 10 s window among [`rates::WINDOWS`].
const WINDOW: usize = 1;

/// Everything that the formats tell.
struct Numbers {
    rates: Rateds,
    stats: Stats,
    counted: CountersSnapshot,
    usage: Option<Usage>,
    uptime_seconds: u64,
    open: u64,
    peak: u64,
    /// Rows that wait for the store.
    queued: u64,
    interval_seconds: u32,
    jitter_seconds: u32,
    /// By kind: calls with a wrong secret, reports with one, malformed requests.
    errors: [u64; 3],
}

/// How Gazelle's page shows a value.
#[derive(Clone, Copy)]
enum Kind {
    Number,
    Bytes,
    Elapsed,
    Text,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Bytes => "byte",
            Self::Elapsed => "elapsed",
            Self::Text => "string",
        }
    }
}

impl Numbers {
    fn of(shared: &Shared) -> Self {
        let tracker = shared.control.tracker();
        let (stats, settings) = (tracker.stats(), tracker.settings());
        let load = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let counts = &shared.counts;
        Self {
            rates: shared.tick(),
            queued: stats.pending_rows,
            stats,
            counted: shared.metrics.counters().snapshot(),
            usage: getrusage(UsageWho::RUSAGE_SELF).ok(),
            uptime_seconds: shared.started_at.elapsed().as_secs(),
            open: load(&counts.connections_open),
            peak: load(&counts.connections_peak),
            interval_seconds: settings.interval_seconds,
            jitter_seconds: settings.site.jitter_seconds,
            errors: [
                load(&counts.bad_secrets),
                load(&counts.bad_report_secrets),
                load(&counts.malformed),
            ],
        }
    }

    fn announced(&self) -> u64 {
        self.counted.announces.iter().flatten().sum()
    }

    fn refused(&self) -> u64 {
        self.counted.refused.iter().flatten().sum()
    }

    fn scrapes(&self) -> u64 {
        self.counted.scrapes.iter().sum()
    }

    fn bytes(&self) -> (u64, u64) {
        (self.counted.bytes_in.iter().sum(), self.counted.bytes_out.iter().sum())
    }

    fn rate(rated: &rates::Rated) -> u64 {
        // A rate is a number of events, far below 2^53.
        rated.per_second.get(WINDOW).copied().unwrap_or_default().round() as u64
    }

    fn usage(&self, of: impl Fn(&Usage) -> i64) -> u64 {
        self.usage.as_ref().map_or(0, |usage| u64::try_from(of(usage)).unwrap_or_default())
    }

    fn times(&self) -> (f64, f64) {
        let seconds = |milliseconds: i64| milliseconds as f64 / 1000.0;
        self.usage.as_ref().map_or((0.0, 0.0), |usage| {
            (
                seconds(usage.user_time().num_milliseconds()),
                seconds(usage.system_time().num_milliseconds()),
            )
        })
    }
}

/// One object with a member for each number: what it is, how it is shown, its value.
pub(super) fn json(shared: &Shared) -> String {
    let numbers = Numbers::of(shared);
    // In Ocelot's order, in which Gazelle's page shows them.
    let mut members = Vec::new();
    let mut put = |label: &str, kind: Kind, value: Value| {
        let member = json!({ "type": kind.name(), "value": value });
        members.push(format!("{}:{member}", json!(label)));
    };
    put("version", Kind::Text, json!(concat!("mika ", env!("CARGO_PKG_VERSION"))));
    put("jemalloc version", Kind::Text, json!("none"));
    let (received, sent) = numbers.bytes();
    let rates = &numbers.rates;
    let plain = [
        ("connections opened", rates.connections.total),
        ("open connections", numbers.open),
        ("peak connections", numbers.peak),
        ("connections/s", Numbers::rate(&rates.connections)),
        ("requests handled", rates.requests.total),
        ("requests/s", Numbers::rate(&rates.requests)),
        ("successful announcements", numbers.announced()),
        ("failed announcements", numbers.refused()),
        ("scrapes", numbers.scrapes()),
        ("leechers tracked", numbers.stats.leechers),
        ("seeders tracked", numbers.stats.seeders),
        ("items in user queue", 0),
        ("items in torrent queue", 0),
        ("items in peer queue", numbers.queued),
        ("items in snatch queue", 0),
        ("items in token queue", 0),
    ];
    for (label, value) in plain {
        put(label, Kind::Number, json!(value));
    }
    put("max client request length", Kind::Bytes, json!(0));
    put("bytes read", Kind::Bytes, json!(received));
    put("bytes written", Kind::Bytes, json!(sent));
    let [bad_secret, bad_report, bad_http] = numbers.errors;
    let plain = [
        ("bad tracker secret received", bad_secret),
        ("bad report secret received", bad_report),
        ("bad announce key received", refused(&numbers, "passkey_unknown")),
        ("bad client configuration", refused(&numbers, "client_not_allowed")),
        ("bad http request", bad_http),
        ("announce interval", numbers.interval_seconds.into()),
        ("announce jitter", numbers.jitter_seconds.into()),
    ];
    for (label, value) in plain {
        put(label, Kind::Number, json!(value));
    }
    let (user, system) = numbers.times();
    put("uptime", Kind::Elapsed, json!(numbers.uptime_seconds));
    put("user time", Kind::Elapsed, json!(user));
    put("system time", Kind::Elapsed, json!(system));
    let resident = numbers.usage(Usage::max_rss).saturating_mul(1024);
    put("maximum resident set size", Kind::Bytes, json!(resident));
    for (label, value) in system_counts(&numbers) {
        put(label, Kind::Number, json!(value));
    }
    format!("{{{}}}\n", members.join(","))
}

fn refused(numbers: &Numbers, name: &str) -> u64 {
    let all = mika_core::Refusal::ALL.iter().filter(|refusal| refusal.name() == name);
    let counts = numbers.counted.refused.as_flattened();
    all.filter_map(|refusal| counts.get(refusal.index())).sum()
}

fn system_counts(numbers: &Numbers) -> [(&'static str, u64); 6] {
    [
        ("minor page faults", numbers.usage(Usage::minor_page_faults)),
        ("major page faults", numbers.usage(Usage::major_page_faults)),
        ("blocks in", numbers.usage(Usage::block_reads)),
        ("blocks out", numbers.usage(Usage::block_writes)),
        ("voluntary context switches", numbers.usage(Usage::voluntary_context_switches)),
        ("involuntary context switches", numbers.usage(Usage::involuntary_context_switches)),
    ]
}

/// Lines of a number and what it is, as What.CD's Gazelle splits them at the first space.
pub(super) fn text(shared: &Shared) -> String {
    let numbers = Numbers::of(shared);
    let uptime = numbers.uptime_seconds;
    let (days, hours) = (uptime / 86_400, uptime / 3600 % 24);
    let (minutes, seconds) = (uptime / 60 % 60, uptime % 60);
    let mut text = format!("Uptime: {days} days, {hours:02}:{minutes:02}:{seconds:02}\n");
    let (received, sent) = numbers.bytes();
    let rates = &numbers.rates;
    let lines = [
        (rates.connections.total, "connections opened"),
        (numbers.open, "open connections"),
        (Numbers::rate(&rates.connections), "connections/s"),
        (rates.requests.total, "requests handled"),
        (Numbers::rate(&rates.requests), "requests/s"),
        (numbers.announced(), "successful announcements"),
        (numbers.refused(), "failed announcements"),
        (numbers.scrapes(), "scrapes"),
        (numbers.stats.leechers, "leechers tracked"),
        (numbers.stats.seeders, "seeders tracked"),
        (received, "bytes read"),
        (sent, "bytes written"),
    ];
    for (value, label) in lines {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{value} {label}");
    }
    text.push_str("success");
    text
}

/// What this process takes, in place of the report of an allocator.
pub(super) fn memory() -> String {
    match resident_bytes() {
        Some(bytes) => format!("resident memory: {bytes} bytes\n"),
        None => "resident memory: not known on this system\n".to_owned(),
    }
}

/// For Prometheus, under Ocelot's names. The last line is a comment without an end, for Gazelle
/// takes what stands before the last line break.
pub(super) fn prometheus(shared: &Shared) -> String {
    let numbers = Numbers::of(shared);
    let (received, sent) = numbers.bytes();
    let (user, system) = numbers.times();
    let rates = &numbers.rates;
    let [secret, report, http] = numbers.errors;
    let mut text = format!(
        "ocelot_version{{version=\"mika {}\"}} 1\n\
         ocelot_time_user {user}\nocelot_time_system {system}\n\
         ocelot_error{{kind=\"secret\"}} {secret}\nocelot_error{{kind=\"report\"}} {report}\n\
         ocelot_error{{kind=\"http\"}} {http}\n",
        env!("CARGO_PKG_VERSION")
    );
    let total = numbers.announced().saturating_add(numbers.refused());
    let lines = [
        ("uptime", numbers.uptime_seconds),
        ("open_connections", numbers.open),
        ("peak_connections", numbers.peak),
        ("connection_rate", Numbers::rate(&rates.connections)),
        ("requests", rates.requests.total),
        ("request_rate", Numbers::rate(&rates.requests)),
        ("succ_announcements", numbers.announced()),
        ("total_announcements", total),
        ("scrapes", numbers.scrapes()),
        ("leechers", numbers.stats.leechers),
        ("seeders", numbers.stats.seeders),
        ("user_queue", 0),
        ("torrent_queue", 0),
        ("peer_queue", numbers.queued),
        ("snatch_queue", 0),
        ("token_queue", 0),
        ("bytes_read", received),
        ("bytes_written", sent),
        ("error{kind=\"announce\"}", refused(&numbers, "passkey_unknown")),
        ("error{kind=\"client\"}", refused(&numbers, "client_not_allowed")),
        ("max_rss", numbers.usage(Usage::max_rss).saturating_mul(1024)),
        ("minor_fault", numbers.usage(Usage::minor_page_faults)),
        ("major_fault", numbers.usage(Usage::major_page_faults)),
        ("block{op=\"in\"}", numbers.usage(Usage::block_reads)),
        ("block{op=\"out\"}", numbers.usage(Usage::block_writes)),
        ("nvcsw", numbers.usage(Usage::voluntary_context_switches)),
        ("nivcsw", numbers.usage(Usage::involuntary_context_switches)),
    ];
    for (name, value) in lines {
        // Writing to a string does not fail.
        let _ = writeln!(text, "ocelot_{name} {value}");
    }
    text.push('#');
    text
}
