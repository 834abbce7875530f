//! The result, as text and as JSON.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::{Value, json};

use super::histogram::Histogram;
use super::options::Rate;
use super::run::{Outcome, PhaseOutcome};
use super::target::Protocol;

/// From here on the generator may be what limits the figures.
const BUSY_SHARE: f64 = 0.9;
const WAITING_SHARE: f64 = 0.1;
const STEAL_PERCENT: f64 = 5.0;
const LAG_NS: u64 = 5_000_000;

/// Two digits are more than such a measurement holds.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn micros(nanoseconds: f64) -> f64 {
    rounded(nanoseconds / 1000.0)
}

fn per(value: f64, count: u64) -> f64 {
    value / count.max(1) as f64
}

impl PhaseOutcome {
    fn rate(&self, count: u64) -> f64 {
        if self.seconds > 0.0 { count as f64 / self.seconds } else { 0.0 }
    }

    fn server_cpu_seconds(&self) -> f64 {
        self.after.server_cpu_seconds - self.before.server_cpu_seconds
    }

    fn server_cpu_us_each(&self) -> f64 {
        per(self.server_cpu_seconds() * 1e6, self.tally.answered())
    }

    fn steal_percent(&self) -> f64 {
        let all = self.after.all_ticks.saturating_sub(self.before.all_ticks);
        let stolen = self.after.steal_ticks.saturating_sub(self.before.steal_ticks);
        per(stolen as f64 * 100.0, all)
    }

    fn drops(&self) -> (u64, u64) {
        let (before, after) = (&self.before, &self.after);
        (
            after.server_drops.saturating_sub(before.server_drops),
            after.generator_drops.saturating_sub(before.generator_drops),
        )
    }

    fn is_generator_busy(&self) -> bool {
        self.threads.iter().any(|thread| thread.busy >= BUSY_SHARE)
    }
}

impl Outcome {
    fn is_open(&self) -> bool {
        matches!(self.plan.options.rate, Rate::PerSecond(_))
    }

    fn has_server(&self) -> bool {
        !self.plan.options.pid.is_empty()
    }

    /// Why the figures may not be the tracker's.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(fill) = &self.fill
            && fill.tally.announces < u64::from(self.plan.options.peers)
        {
            warnings.push("the fill is not complete".to_owned());
        }
        let Some(run) = &self.run else { return warnings };
        if run.is_generator_busy() {
            warnings.push(
                "the generator is the bottleneck: a thread of it was 90 % busy or more".to_owned(),
            );
        }
        if run.threads.iter().any(|thread| thread.waiting >= WAITING_SHARE) {
            warnings.push(
                "the generator waited for a core 10 % of the time or more: latencies are partly its"
                    .to_owned(),
            );
        }
        if self.is_open() && run.tally.lag.quantile(0.99) > LAG_NS {
            warnings.push("the generator sent 1 % of the requests 5 ms late or more".to_owned());
        }
        if run.steal_percent() > STEAL_PERCENT {
            warnings.push(format!("the hypervisor stole {:.0} % of the time", run.steal_percent()));
        }
        if run.drops().1 > 0 {
            warnings.push("replies were lost in the generator's own sockets".to_owned());
        }
        if run.tally.answered() == 0 {
            warnings.push("no request was answered well".to_owned());
        }
        warnings
    }
}

/// One object; the keys are described in the help.
pub(super) fn json(outcome: &Outcome) -> Result<String> {
    let o = &outcome.plan.options;
    let run = outcome.run.as_ref();
    let value = json!({
        "target": o.url,
        "protocol": match outcome.plan.target.protocol {
            Protocol::Udp => "udp",
            Protocol::Http => "http",
        },
        "close": o.close,
        "threads": o.threads,
        "connections": o.connections,
        "sources": o.sources,
        "peers": o.peers,
        "torrents": o.torrents,
        "zipf": o.zipf,
        "users": o.users,
        "numwant": o.numwant,
        "seed": o.seed,
        "seeders": o.seeders,
        "fill": outcome.fill.as_ref().map(|fill| fill_json(outcome, fill)),
        "run": run.map(|run| run_json(outcome, run)),
        "server": run.filter(|_| outcome.has_server()).map(|run| json!({
            "pids": o.pid,
            "cpu_seconds": rounded(run.server_cpu_seconds()),
            "cores": rounded(run.server_cpu_seconds() / run.look_seconds),
            "cpu_us_per_answer": rounded(run.server_cpu_us_each()),
            "rss_bytes_before": run.before.server_rss_bytes,
            "rss_bytes_after": run.after.server_rss_bytes,
        })),
        "system": run.map(|run| json!({
            "steal_percent": rounded(run.steal_percent()),
            "server_udp_drops": run.drops().0,
            "generator_udp_drops": run.drops().1,
        })),
        "generator": run.map(|run| json!({
            "threads": run.threads.iter().map(|thread| json!({
                "busy_percent": rounded(thread.busy * 100.0),
                "waiting_percent": rounded(thread.waiting * 100.0),
            })).collect::<Vec<_>>(),
            "is_bottleneck": run.is_generator_busy(),
        })),
        "warnings": outcome.warnings(),
    });
    Ok(serde_json::to_string_pretty(&value)?)
}

fn fill_json(outcome: &Outcome, fill: &PhaseOutcome) -> Value {
    let (tally, known) = (&fill.tally, outcome.has_server());
    json!({
        "peers": outcome.plan.options.peers,
        "answered": tally.announces,
        "failed": tally.failed,
        "failures": tally.failures,
        "resent": tally.resent,
        "unanswered": tally.given_up,
        "seconds": rounded(fill.seconds),
        "per_second": rounded(fill.rate(tally.announces)),
        "server_rss_bytes_before": known.then_some(fill.before.server_rss_bytes),
        "server_rss_bytes_after": known.then_some(fill.after.server_rss_bytes),
        "server_cpu_us_per_answer": known.then(|| rounded(fill.server_cpu_us_each())),
    })
}

fn run_json(outcome: &Outcome, run: &PhaseOutcome) -> Value {
    let tally = &run.tally;
    let offered = match outcome.plan.options.rate {
        Rate::PerSecond(rate) => Some(rate),
        Rate::Max => None,
    };
    let quantile = |histogram: &Histogram, share| micros(histogram.quantile(share) as f64);
    json!({
        "mode": if outcome.is_open() { "open" } else { "closed" },
        "seconds": rounded(run.seconds),
        "offered_per_second": offered,
        "sent": tally.sent,
        "sent_per_second": rounded(run.rate(tally.sent)),
        "replies": tally.answered(),
        "replies_per_second": rounded(run.rate(tally.answered())),
        "announces": tally.announces,
        "scrapes": tally.scrapes,
        "failed": tally.failed,
        "failures": tally.failures,
        "drops": tally.drops,
        "late": tally.late,
        "unsent": tally.unsent,
        "connects": tally.connects,
        "resumed": tally.resumed,
        "closed_by_server": tally.closed_by_server,
        "bytes_per_reply": rounded(per(tally.bytes as f64, tally.answered())),
        "peers_per_reply": rounded(per(tally.peers as f64, tally.announces)),
        "latency_us": {
            "p50": quantile(&tally.latency, 0.5),
            "p90": quantile(&tally.latency, 0.9),
            "p99": quantile(&tally.latency, 0.99),
            "p99_9": quantile(&tally.latency, 0.999),
            "max": micros(tally.latency.max() as f64),
            "mean": micros(tally.latency.mean()),
        },
        "latency_histogram_us": tally.latency.coarse().iter()
            .map(|(nanoseconds, count)| (micros(*nanoseconds as f64), *count))
            .collect::<Vec<_>>(),
        "send_lag_us": outcome.is_open().then(|| json!({
            "p50": quantile(&tally.lag, 0.5),
            "p99": quantile(&tally.lag, 0.99),
            "max": micros(tally.lag.max() as f64),
        })),
    })
}

/// For people.
pub(super) fn text(outcome: &Outcome) -> String {
    let mut out = String::new();
    // Writing to memory does not fail.
    if let Some(fill) = &outcome.fill {
        let _ = write_fill(&mut out, outcome, fill);
    }
    if let Some(run) = &outcome.run {
        let _ = write_run(&mut out, outcome, run);
    }
    for warning in outcome.warnings() {
        let _ = writeln!(out, "warning         {warning}");
    }
    out.truncate(out.trim_end().len());
    out
}

fn write_fill(out: &mut String, outcome: &Outcome, fill: &PhaseOutcome) -> std::fmt::Result {
    let (tally, peers) = (&fill.tally, outcome.plan.options.peers);
    writeln!(
        out,
        "fill            {} of {peers} peers answered in {:.1} s, {:.0} per second; {} sent again",
        tally.announces,
        fill.seconds,
        fill.rate(tally.announces),
        tally.resent
    )?;
    if outcome.has_server() {
        let (before, after) = (fill.before.server_rss_bytes, fill.after.server_rss_bytes);
        let grown = after as f64 - before as f64;
        writeln!(
            out,
            "fill, server    {:.2} us CPU per answer; memory {:.1} MiB -> {:.1} MiB, \
             {:.1} B per peer",
            fill.server_cpu_us_each(),
            before as f64 / 1_048_576.0,
            after as f64 / 1_048_576.0,
            per(grown, tally.announces)
        )?;
    }
    write_failures(out, fill)
}

fn write_failures(out: &mut String, phase: &PhaseOutcome) -> std::fmt::Result {
    for (text, count) in &phase.tally.failures {
        writeln!(out, "failure         {count} x {text}")?;
    }
    Ok(())
}

fn write_run(out: &mut String, outcome: &Outcome, run: &PhaseOutcome) -> std::fmt::Result {
    let (tally, o) = (&run.tally, &outcome.plan.options);
    match (o.rate, outcome.plan.target.protocol) {
        (Rate::PerSecond(rate), _) => {
            writeln!(out, "offered         {rate} requests per second, on schedule (open loop)")?;
        }
        (Rate::Max, Protocol::Udp) => writeln!(
            out,
            "offered         as fast as replies come, {} outstanding (closed loop)",
            o.window * o.threads
        )?,
        (Rate::Max, Protocol::Http) => writeln!(
            out,
            "offered         as fast as replies come, {} connections (closed loop)",
            o.connections
        )?,
    }
    writeln!(
        out,
        "sent            {} in {:.1} s, {:.0} per second",
        tally.sent,
        run.seconds,
        run.rate(tally.sent)
    )?;
    writeln!(
        out,
        "answered        {} announces and {} scrapes, {:.0} per second",
        tally.announces,
        tally.scrapes,
        run.rate(tally.answered())
    )?;
    writeln!(
        out,
        "not answered    {} failures, {} without a reply, {} never sent; {} replies came too late",
        tally.failed, tally.drops, tally.unsent, tally.late
    )?;
    write_failures(out, run)?;
    writeln!(
        out,
        "reply           {:.1} bytes, {:.1} peers",
        per(tally.bytes as f64, tally.answered()),
        per(tally.peers as f64, tally.announces)
    )?;
    let quantile = |histogram: &Histogram, share| micros(histogram.quantile(share) as f64);
    writeln!(
        out,
        "latency         p50 {} us, p90 {}, p99 {}, p99.9 {}, max {}, from {}",
        quantile(&tally.latency, 0.5),
        quantile(&tally.latency, 0.9),
        quantile(&tally.latency, 0.99),
        quantile(&tally.latency, 0.999),
        micros(tally.latency.max() as f64),
        if outcome.is_open() { "the scheduled moment" } else { "sending" }
    )?;
    if outcome.is_open() {
        writeln!(
            out,
            "sent late by    p50 {} us, p99 {}, max {}",
            quantile(&tally.lag, 0.5),
            quantile(&tally.lag, 0.99),
            micros(tally.lag.max() as f64)
        )?;
    }
    if outcome.plan.target.protocol == Protocol::Http {
        writeln!(
            out,
            "connections     {} opened, {} closed by the server{}",
            tally.connects,
            tally.closed_by_server,
            match outcome.plan.target.is_tls {
                true => format!(", {} resumed a session", tally.resumed),
                false => String::new(),
            }
        )?;
    }
    if outcome.has_server() {
        writeln!(
            out,
            "server          {:.2} us CPU per answer, {:.2} cores; memory {:.1} MiB -> {:.1} MiB",
            run.server_cpu_us_each(),
            run.server_cpu_seconds() / run.look_seconds,
            run.before.server_rss_bytes as f64 / 1_048_576.0,
            run.after.server_rss_bytes as f64 / 1_048_576.0
        )?;
    }
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let busy: Vec<_> = run.threads.iter().map(|thread| percent(thread.busy)).collect();
    let waiting: Vec<_> = run.threads.iter().map(|thread| percent(thread.waiting)).collect();
    writeln!(
        out,
        "generator       threads busy {}; waiting for a core {}",
        busy.join(", "),
        waiting.join(", ")
    )?;
    let (server_drops, generator_drops) = run.drops();
    writeln!(
        out,
        "system          {:.1} % stolen by the hypervisor; UDP drops: {} server, {} generator",
        run.steal_percent(),
        server_drops,
        generator_drops
    )
}
