//! `mika client dead-letter`: rows that the store refused.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use mika_client::types::{CursorQuery, DeadLetter, DeadLetterAnswer, DeadLetterIds};

use super::pages;
use super::session::Session;
use super::values::CursorArguments;
use super::watch::Watch;
use crate::{exit, output, time};

/// Ids in one call.
const IDS_MAX: usize = 10_000;

#[derive(Debug, Subcommand)]
pub enum DeadLetterCommand {
    /// List them, the oldest first.
    List {
        #[command(flatten)]
        part: CursorArguments,
        #[command(flatten)]
        watch: Watch,
    },
    /// Put them into the next batch; exits with 1 if some are unknown or cannot be tried again.
    Retry(Which),
    /// Forget them: what is in them is never counted.
    Drop(Which),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// Their ids.
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// All that there are now.
    #[arg(long)]
    all: bool,
}

impl DeadLetterCommand {
    pub async fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = &session.client;
        match self {
            Self::List { part: CursorArguments { cursor, limit }, watch } => {
                let show = async || {
                    let fetch = async |cursor, limit| {
                        let page = CursorQuery { cursor, limit: Some(limit) };
                        client.dead_letters(&page).await
                    };
                    let from = (cursor.clone(), limit);
                    pages::print(session, from, fetch, table, "the store has refused nothing").await
                };
                watch.repeat(session, show).await?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Retry(which) => {
                let mut all = DeadLetterAnswer::default();
                for ids in which.ids(session).await? {
                    add(&mut all, client.retry_dead_letters(&ids).await?);
                }
                answer(session, &all, "on their way again")
            }
            Self::Drop(which) => {
                let parts = which.ids(session).await?;
                let count: usize = parts.iter().map(|part| part.ids.len()).sum();
                session.confirm(&format!("Forget {count} rows that the store refused?"))?;
                let mut all = DeadLetterAnswer::default();
                for ids in parts {
                    add(&mut all, client.drop_dead_letters(&ids).await?);
                }
                answer(session, &all, "dropped")
            }
        }
    }
}

impl Which {
    /// The ids, in parts for a call each.
    async fn ids(self, session: &Session) -> anyhow::Result<Vec<DeadLetterIds>> {
        let ids = if self.all { all_ids(session).await? } else { self.ids };
        let parts = ids.chunks(IDS_MAX).map(|part| DeadLetterIds { ids: part.to_vec() });
        Ok(parts.collect())
    }
}

async fn all_ids(session: &Session) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::new();
    let mut page = CursorQuery::default();
    loop {
        let part = session.client.dead_letters(&page).await?;
        ids.extend(part.items.into_iter().map(|letter| letter.id));
        match part.next_cursor {
            Some(cursor) => page.cursor = Some(cursor),
            None => return Ok(ids),
        }
    }
}

fn add(all: &mut DeadLetterAnswer, part: DeadLetterAnswer) {
    all.done = all.done.saturating_add(part.done);
    all.batch = part.batch.or(all.batch);
    all.unknown.extend(part.unknown);
    all.unreadable.extend(part.unreadable);
}

fn answer(session: &Session, all: &DeadLetterAnswer, what: &str) -> anyhow::Result<ExitCode> {
    session.print(all, |all| {
        let batch = all.batch.map(|batch| format!(", in batch {batch}")).unwrap_or_default();
        let mut text = format!("{}: {what}{batch}\n", all.done);
        for id in &all.unknown {
            text.push_str(&format!("{id}: there is none of this id\n"));
        }
        for id in &all.unreadable {
            text.push_str(&format!("{id}: cannot be tried again, because of what is in it\n"));
        }
        text
    })?;
    let is_all = all.unknown.is_empty() && all.unreadable.is_empty();
    Ok(if is_all { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) })
}

fn table(letters: &[DeadLetter]) -> output::Table {
    let mut table = output::Table::new(&["ID", "#BATCH", "AT", "TABLE", "REASON"]);
    for letter in letters {
        table.row([
            letter.id.clone(),
            letter.batch.to_string(),
            time::format(letter.at),
            letter.table.clone(),
            letter.reason.clone(),
        ]);
    }
    table
}
