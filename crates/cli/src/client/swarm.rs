//! `mika client swarm`.

use clap::{Args, Subcommand, ValueEnum};
use mika_client::types::{
    Swarm, SwarmChanges, SwarmChangesQuery, SwarmQuery, SwarmRank, SwarmRankQuery, SwarmRanking,
};

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
    /// List the first swarms by a column, with what happened in them of late.
    Top {
        /// The column that swarms are sorted by.
        #[arg(long, value_name = "COLUMN", default_value = "peers")]
        sort: SortKey,
        /// The smallest first.
        #[arg(long)]
        ascending: bool,
        /// At most so many, 1 to 1000 [default: 20].
        #[arg(long)]
        limit: Option<u32>,
        #[command(flatten)]
        watch: Watch,
    },
}

/// A column of the list of swarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SortKey {
    /// Seeders and leechers together.
    Peers,
    Seeders,
    Leechers,
    Announces,
    Uploaded,
    Downloaded,
    Snatches,
}

impl From<SortKey> for SwarmRank {
    fn from(key: SortKey) -> Self {
        match key {
            SortKey::Peers => Self::Peers,
            SortKey::Seeders => Self::Seeders,
            SortKey::Leechers => Self::Leechers,
            SortKey::Announces => Self::Announces,
            SortKey::Uploaded => Self::Uploaded,
            SortKey::Downloaded => Self::Downloaded,
            SortKey::Snatches => Self::Snatches,
        }
    }
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
            Self::Top { sort, ascending, limit, watch } => {
                let query = SwarmRankQuery { by: sort.into(), ascending, limit };
                let show = async || {
                    session.print(&session.client.swarm_ranking(&query).await?, ranking_words)
                };
                watch.repeat(session, show).await
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

fn ranking_words(ranking: &SwarmRanking) -> String {
    let titles = ["INFO HASH", "#SEEDERS", "#LEECHERS", "#ANNOUNCES", "#UPLOADED", "#DOWNLOADED"];
    let mut table = output::Table::new(&titles);
    for ranked in &ranking.items {
        table.row([
            ranked.swarm.info_hash.to_string(),
            ranked.swarm.seeders.to_string(),
            ranked.swarm.leechers.to_string(),
            ranked.activity.announces.to_string(),
            output::bytes(ranked.activity.uploaded_bytes),
            output::bytes(ranked.activity.downloaded_bytes),
        ]);
    }
    let seconds = ranking.activity_seconds;
    format!("{}announces and bytes of the last {seconds} s\n", table.render("no swarms"))
}
