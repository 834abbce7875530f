//! `mika client swarm`.

use clap::{Args, Subcommand};
use mika_client::types::{Swarm, SwarmChanges, SwarmChangesQuery, SwarmQuery};

use super::pages::{self, Part};
use super::session::Session;
use super::values::CursorArguments;
use super::watch::Watch;
use crate::output;

#[derive(Debug, Subcommand)]
pub enum SwarmCommand {
    /// List the swarms, in no order that means anything.
    List(ListArguments),
    /// List the swarms that have changed since a cursor, with the counts that they have now.
    ///
    /// To keep a copy of all counts: ask once without --since, then list all swarms, then ask for
    /// the changes since the cursor of the answer before, for ever.
    Changes {
        /// `next_cursor` of the answer before; without it the answer has the cursor of this moment
        /// and no changes.
        #[arg(long, value_name = "CURSOR")]
        since: Option<String>,
        /// At most so many, 1 to 10000 [default: 1000].
        #[arg(long)]
        limit: Option<u32>,
    },
}

#[derive(Debug, Args)]
pub struct ListArguments {
    /// Torrents without peers, too.
    #[arg(long)]
    empty: bool,
    #[command(flatten)]
    part: CursorArguments,
    #[command(flatten)]
    watch: Watch,
}

impl SwarmCommand {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        match self {
            Self::List(arguments) => list(session, arguments).await,
            Self::Changes { since, limit } => {
                let changes = changes(session, since, limit).await?;
                session.print(&changes, words)
            }
        }
    }
}

async fn list(session: &Session, arguments: ListArguments) -> anyhow::Result<()> {
    let CursorArguments { cursor, limit } = arguments.part;
    let show = async || {
        let fetch = async |cursor, limit| {
            let query = SwarmQuery { cursor, limit: Some(limit), empty: arguments.empty };
            let page = session.client.swarms(&query).await?;
            Ok(Part { items: page.items, next: page.next_cursor.map(Some) })
        };
        pages::print(session, (cursor.clone(), limit), fetch, table, "no swarms").await
    };
    arguments.watch.repeat(session, show).await
}

async fn changes(
    session: &Session,
    since: Option<String>,
    limit: Option<u32>,
) -> anyhow::Result<SwarmChanges> {
    let Some(since) = since else {
        let query = SwarmQuery { limit: Some(1), ..SwarmQuery::default() };
        let cursor = session.client.swarms(&query).await?.changes_cursor;
        let next_cursor = cursor.ok_or_else(|| anyhow::anyhow!("the list has no cursor"))?;
        return Ok(SwarmChanges { items: Vec::new(), next_cursor, more: false });
    };
    Ok(session.client.swarm_changes(&SwarmChangesQuery { since, limit }).await?)
}

fn table(swarms: &[Swarm]) -> output::Table {
    let titles = ["#TORRENT", "INFO HASH", "#SEEDERS", "#LEECHERS", "#DOWNLOADERS", "#SNATCHES"];
    let mut table = output::Table::new(&titles);
    for swarm in swarms {
        table.row([
            swarm.torrent_id.to_string(),
            swarm.info_hash.to_string(),
            swarm.seeders.to_string(),
            swarm.leechers.to_string(),
            swarm.downloaders.to_string(),
            swarm.snatches.to_string(),
        ]);
    }
    table
}

fn words(changes: &SwarmChanges) -> String {
    let more = if changes.more { "there are more already" } else { "go on" };
    let table = table(&changes.items).render("no changes");
    format!("{table}{more}: mika client swarm changes --since {}\n", changes.next_cursor)
}
