//! `mika client stats`, `config reload`, `flush` and `health`.

use std::process::ExitCode;

use clap::Subcommand;
use mika_client::types::{ConfigChange, KeyChange, Readiness, Stats};

use super::session::Session;
use crate::output;

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Read the configuration again and apply what can change in a running tracker.
    Reload,
}

pub async fn stats(session: &Session) -> anyhow::Result<()> {
    session.print(&session.client.stats().await?, stats_words)
}

pub async fn reload(session: &Session) -> anyhow::Result<()> {
    session.print(&session.client.reload_config().await?, change_words)
}

pub async fn flush(session: &Session) -> anyhow::Result<()> {
    session.print(&session.client.flush().await?, |flushed| {
        format!("the store has everything up to batch {}\n", flushed.applied_batch_number)
    })
}

pub async fn health(session: &Session) -> anyhow::Result<ExitCode> {
    let readiness = session.client.ready().await?;
    session.print(&readiness, readiness_words)?;
    Ok(if readiness.ready { ExitCode::SUCCESS } else { ExitCode::from(crate::exit::FAILED) })
}

fn stats_words(stats: &Stats) -> String {
    let flush = &stats.flush;
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
        ("pending rows", flush.pending_rows.to_string()),
        ("last batch", flush.last_batch_number.to_string()),
        ("applied batch", flush.applied_batch_number.to_string()),
        ("flush lag", output::duration(flush.lag_seconds)),
        ("flush failures", flush.failures.to_string()),
        ("dead letters", flush.dead_letters.to_string()),
        ("journal", output::bytes(flush.journal_bytes)),
        ("snapshot", output::bytes(flush.snapshot_bytes)),
    ];
    for (index, url) in stats.announce_urls.iter().enumerate() {
        lines.push((if index == 0 { "announce URL" } else { "" }, url.clone()));
    }
    output::fields(&lines)
}

fn change_words(change: &ConfigChange) -> String {
    if change.applied.is_empty() && change.needs_restart.is_empty() {
        return "nothing has changed\n".to_owned();
    }
    let mut table = output::Table::new(&["KEY", "FROM", "TO", "IN FORCE"]);
    let mut add = |changes: &[KeyChange], in_force: &str| {
        for change in changes {
            let (key, from, to) = (change.key.clone(), change.from.clone(), change.to.clone());
            table.row([key, from, to, in_force.to_owned()]);
        }
    };
    add(&change.applied, "now");
    add(&change.needs_restart, "after a restart");
    table.render("")
}

fn readiness_words(readiness: &Readiness) -> String {
    let mut table = output::Table::new(&["CHECK", "STATE", "REASON"]);
    for check in &readiness.checks {
        let state = if check.ok { "ok" } else { "failed" };
        table.row([check.name.clone(), state.to_owned(), check.reason.clone()]);
    }
    table.render("no checks")
}
