//! `mika client stats`, `metrics`, `health` and `ping`.

use std::cell::Cell;
use std::process::ExitCode;

use mika_client::types::{Readiness, Stats};

use super::session::Session;
use super::watch::Watch;
use crate::output;

pub async fn stats(session: &Session, watch: Watch) -> anyhow::Result<()> {
    watch.repeat(session, async || session.print(&session.client.stats().await?, stats_words)).await
}

pub async fn metrics(session: &Session) -> anyhow::Result<()> {
    session.write(&session.client.metrics().await?)
}

pub async fn health(session: &Session, watch: Watch) -> anyhow::Result<ExitCode> {
    let is_ready = Cell::new(false);
    let show = async || {
        let readiness = session.client.ready().await?;
        is_ready.set(readiness.ready);
        session.print(&readiness, readiness_words)
    };
    watch.repeat(session, show).await?;
    Ok(if is_ready.get() { ExitCode::SUCCESS } else { ExitCode::from(crate::exit::FAILED) })
}

pub async fn ping(session: &Session) -> anyhow::Result<()> {
    session.print(&session.client.health().await?, |health| {
        format!("mika {} answers at {}\n", health.version, session.client.url())
    })
}

pub async fn about(session: &Session) -> anyhow::Result<()> {
    session.print(&session.client.about().await?, |about| {
        let mut lines = vec![("version", format!("{} {}", about.name, about.version))];
        lines.extend(about.attributions.iter().map(|text| ("uses", output::printable(text))));
        output::fields(&lines)
    })
}

fn stats_words(stats: &Stats) -> String {
    let mut lines = vec![
        ("version", stats.version.clone()),
        ("mode", stats.mode.clone()),
        ("up for", output::duration(stats.uptime_seconds)),
        ("torrents", stats.torrents.to_string()),
        ("swarms", stats.swarms.to_string()),
        ("users", stats.users.to_string()),
        ("seeders", stats.seeders.to_string()),
        ("leechers", stats.leechers.to_string()),
        ("announces", stats.announces.to_string()),
        ("scrapes", stats.scrapes.to_string()),
        ("refused", stats.refused.to_string()),
        ("memory", output::bytes(stats.memory_resident_bytes)),
    ];
    lines.extend(super::flush::lines(&stats.flush));
    for (index, url) in stats.announce_urls.iter().enumerate() {
        lines.push((if index == 0 { "announce URL" } else { "" }, url.clone()));
    }
    output::fields(&lines)
}

fn readiness_words(readiness: &Readiness) -> String {
    let mut table = output::Table::new(&["CHECK", "STATE", "REASON"]);
    for check in &readiness.checks {
        let state = if check.ok { "ok" } else { "failed" };
        table.row([check.name.clone(), state.to_owned(), check.reason.clone()]);
    }
    table.render("no checks")
}
