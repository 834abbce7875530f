//! The pages of the XBT tracker: `/statistics`, `/metrics` and, if wanted, `/debug`.

use std::fmt::Write;

use super::connection::{Reply, Request};
use super::{Shared, rates};
use crate::counters::Carrier;

/// `None` for a path that is none of these.
pub(super) fn answer(shared: &Shared, request: &Request<'_>) -> Option<Reply> {
    match request.path {
        b"/statistics" => Some(page(statistics(shared))),
        b"/metrics" => Some(Reply::text(200, metrics(shared))),
        b"/debug" if shared.settings.xbt_debug => Some(page(debug(shared))),
        b"/debug" => Some(Reply::empty(404)),
        _ => None,
    }
}

fn page(table: String) -> Reply {
    let body = format!("<!DOCTYPE html><title>mika</title><table>{table}</table>");
    Reply { status: 200, content_type: "text/html", body: body.into_bytes() }
}

fn rows(rows: &[(&str, String)]) -> String {
    let mut text = String::new();
    for (name, value) in rows {
        // Writing to a string does not fail.
        let _ = write!(text, "<tr><td>{name}<td align=right>{value}");
    }
    text
}

/// Announces and scrapes that were answered, by carrier.
fn answered(shared: &Shared, carrier: Carrier) -> (u64, u64) {
    let counted = shared.metrics.counters().snapshot();
    let announces = counted.announces.get(carrier as usize).map_or(0, |row| row.iter().sum());
    let scrapes = counted.scrapes.get(carrier as usize).copied().unwrap_or_default();
    (announces, scrapes)
}

/// Of TCP, which is plain or within TLS, and of UDP.
fn by_carrier(shared: &Shared) -> [(&'static str, u64, u64); 2] {
    let (http, https) = (answered(shared, Carrier::Http), answered(shared, Carrier::Https));
    let udp = answered(shared, Carrier::Udp);
    let tcp = ("tcp", http.0.saturating_add(https.0), http.1.saturating_add(https.1));
    [tcp, ("udp", udp.0, udp.1)]
}

fn statistics(shared: &Shared) -> String {
    let stats = shared.control.tracker().stats();
    let peers = stats.seeders.saturating_add(stats.leechers);
    let [tcp, udp] = by_carrier(shared);
    let settings = shared.control.tracker().settings();
    rows(&[
        ("peers", peers.to_string()),
        ("seeders", stats.seeders.to_string()),
        ("leechers", stats.leechers.to_string()),
        ("torrents", stats.swarms.to_string()),
        ("announced", tcp.1.saturating_add(udp.1).to_string()),
        ("announced http", tcp.1.to_string()),
        ("announced udp", udp.1.to_string()),
        ("scraped", tcp.2.saturating_add(udp.2).to_string()),
        ("scraped http", tcp.2.to_string()),
        ("scraped udp", udp.2.to_string()),
        ("up time", format!("{} s", shared.started_at.elapsed().as_secs())),
        ("announce interval", format!("{} s", settings.interval_seconds)),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ])
}

fn metrics(shared: &Shared) -> String {
    let stats = shared.control.tracker().stats();
    let counted = shared.metrics.counters().snapshot();
    let uptime = shared.started_at.elapsed().as_secs();
    let mut text = format!(
        "xbt_uptime {uptime}\nxbt_infohashes_count {}\n\
         xbt_peers_count{{type=\"seeders\"}} {}\nxbt_peers_count{{type=\"leechers\"}} {}\n\
         xbt_connections_count{{proto=\"tcp\",type=\"accepted\"}} {}\n\
         xbt_connections_count{{proto=\"tcp\",type=\"rejected\"}} {}\n",
        stats.swarms,
        stats.seeders,
        stats.leechers,
        counted.connections_accepted,
        counted.connections_refused,
    );
    for (carrier, announces, scrapes) in by_carrier(shared) {
        let requests = [("announce", announces), ("scrape", scrapes)];
        for (method, count) in requests {
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "xbt_requests_count{{proto=\"{carrier}\",method=\"{method}\"}} {count}"
            );
        }
    }
    text
}

/// What the tracker is busy with; nobody is named.
fn debug(shared: &Shared) -> String {
    let (now, stats) = (shared.tick(), shared.control.tracker().stats());
    let mut table = rows(&[
        ("torrents known", stats.torrents.to_string()),
        ("users known", stats.users.to_string()),
        ("rows that wait for the next batch", stats.pending_rows.to_string()),
    ]);
    for (rate, window) in now.requests.per_second.into_iter().zip(rates::WINDOWS) {
        // Writing to a string does not fail.
        let _ = write!(table, "<tr><td>requests/s over {window:.0} s<td align=right>{rate:.1}");
    }
    table
}
