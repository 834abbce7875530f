//! `mika client flush`.

use clap::{Args, Subcommand};
use mika_client::types::FlushStats;

use super::session::Session;
use super::watch::Watch;
use crate::output;

#[derive(Debug, Args)]
pub struct FlushArguments {
    #[command(subcommand)]
    command: Option<FlushCommand>,
}

#[derive(Debug, Subcommand)]
enum FlushCommand {
    /// Write nothing, and say what is on its way to the store.
    Lag(Watch),
}

impl FlushArguments {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = &session.client;
        match self.command {
            None => session.print(&client.flush().await?, |flushed| {
                format!("the store has everything up to batch {}\n", flushed.applied_batch_number)
            }),
            Some(FlushCommand::Lag(watch)) => {
                let show = async || {
                    let flush = client.stats().await?.flush;
                    session.print(&flush, |flush| output::fields(&lines(flush)))
                };
                watch.repeat(session, show).await
            }
        }
    }
}

/// What is on its way to the store.
pub(super) fn lines(flush: &FlushStats) -> Vec<(&'static str, String)> {
    vec![
        ("pending rows", flush.pending_rows.to_string()),
        ("last batch", flush.last_batch_number.to_string()),
        ("applied batch", flush.applied_batch_number.to_string()),
        ("flush lag", output::duration(flush.lag_seconds)),
        ("flush failures", flush.failures.to_string()),
        ("dead letters", flush.dead_letters.to_string()),
        ("journal", output::bytes(flush.journal_bytes)),
        ("snapshot", output::bytes(flush.snapshot_bytes)),
    ]
}
