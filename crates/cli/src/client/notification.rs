//! `mika client notification`: what has happened, and what happens.

use std::time::Duration;

use clap::{Args, Subcommand};
use mika_client::types::{Notification, NotificationFilter, NotificationKind, NotificationQuery};
use mika_client::{Error, EventStream};

use super::pages::{self, Part};
use super::session::Session;
use super::watch::Watch;
use crate::{output, time};

/// Between attempts to connect again.
const RETRY: Duration = Duration::from_secs(1);

/// What an empty list says.
const NOTHING: &str = "nothing; without `notify.always` it begins with the first webhook or \
                       `mika client notification follow`";

#[derive(Debug, Subcommand)]
pub enum NotificationCommand {
    /// List what is kept, the oldest first.
    List(ListArguments),
    /// Print what happens, as it happens, until interrupted; with --json, JSON lines.
    ///
    /// When the connection breaks it is made again, and nothing that is kept is left out.
    Follow(FollowArguments),
}

/// Which of them. Several values are separated by commas; none is no condition.
#[derive(Debug, Clone, Args)]
pub struct Filter {
    /// Only of these kinds: snatch, first_seed, no_seeders, token_used, ratio_crossed,
    /// hit_and_run, passkey_networks, suspect, client_refused, store_down, store_up, missed.
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',', value_parser = parse_kind)]
    kinds: Vec<NotificationKind>,
    /// Only about these users.
    #[arg(long = "user-id", value_name = "ID", value_delimiter = ',')]
    user_ids: Vec<u32>,
    /// Only about these torrents.
    #[arg(long = "torrent-id", value_name = "ID", value_delimiter = ',')]
    torrent_ids: Vec<u32>,
}

#[derive(Debug, Args)]
pub struct ListArguments {
    /// Only those with a higher id.
    #[arg(long, value_name = "ID", default_value_t = 0)]
    after_id: u64,
    /// At most so many.
    #[arg(long)]
    limit: Option<u32>,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    watch: Watch,
}

#[derive(Debug, Args)]
pub struct FollowArguments {
    /// Begin after this id [default: with what happens from now on].
    #[arg(long, value_name = "ID")]
    after_id: Option<u64>,
    /// Stop after so many.
    #[arg(long)]
    limit: Option<u64>,
    #[command(flatten)]
    filter: Filter,
}

fn parse_kind(text: &str) -> Result<NotificationKind, String> {
    let known = || NotificationKind::ALL.map(NotificationKind::name).join(", ");
    NotificationKind::named(text).ok_or_else(|| format!("a kind is one of {}", known()))
}

impl Filter {
    /// Whether there is a condition.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.user_ids.is_empty() && self.torrent_ids.is_empty()
    }

    /// As a webhook has it.
    pub fn into_filter(self) -> NotificationFilter {
        let Self { kinds, user_ids, torrent_ids } = self;
        NotificationFilter { kinds, user_ids, torrent_ids }
    }

    fn query(&self, after_id: Option<u64>, limit: Option<u32>) -> NotificationQuery {
        let list = |items: Vec<String>| (!items.is_empty()).then(|| items.join(","));
        let ids = |ids: &[u32]| list(ids.iter().map(ToString::to_string).collect());
        NotificationQuery {
            after_id,
            limit,
            kinds: list(self.kinds.iter().map(|kind| kind.name().to_owned()).collect()),
            user_ids: ids(&self.user_ids),
            torrent_ids: ids(&self.torrent_ids),
        }
    }
}

impl NotificationCommand {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        match self {
            Self::List(arguments) => list(session, &arguments).await,
            Self::Follow(arguments) => follow(session, arguments).await,
        }
    }
}

async fn list(session: &Session, arguments: &ListArguments) -> anyhow::Result<()> {
    let show = async || {
        let fetch = async |after_id, limit| {
            let query = arguments.filter.query(Some(after_id), Some(limit));
            let page = session.client.notifications(&query).await?;
            // A part without any may only have had others.
            let next = (page.next_after_id < page.last_id).then_some(page.next_after_id);
            Ok(Part { items: page.items, next })
        };
        let from = (arguments.after_id, arguments.limit);
        pages::print(session, from, fetch, table, NOTHING).await
    };
    arguments.watch.repeat(session, show).await
}

async fn follow(session: &Session, arguments: FollowArguments) -> anyhow::Result<()> {
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    let mut last_id = match arguments.after_id {
        Some(id) => id,
        None => {
            let query = NotificationQuery { limit: Some(1), ..NotificationQuery::default() };
            session.client.notifications(&query).await?.last_id
        }
    };
    let mut stream = open(session, &arguments.filter, last_id).await?;
    if !session.is_json() {
        eprintln!("mika: note: following; it ends with Ctrl-C");
    }
    while left > 0 {
        match stream.next().await {
            Ok(Some(notification)) => {
                last_id = notification.id.max(last_id);
                print(session, &notification)?;
                left -= 1;
            }
            Ok(None) | Err(Error::Unreachable { .. }) => {
                eprintln!("mika: note: the tracker has gone; waiting for it");
                stream = reopen(session, &arguments.filter, last_id).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn open(
    session: &Session,
    filter: &Filter,
    after_id: u64,
) -> Result<EventStream<Notification>, Error> {
    session.client.notification_stream(&filter.query(Some(after_id), None)).await
}

async fn reopen(
    session: &Session,
    filter: &Filter,
    after_id: u64,
) -> Result<EventStream<Notification>, Error> {
    loop {
        tokio::time::sleep(RETRY).await;
        match open(session, filter, after_id).await {
            Err(Error::Unreachable { .. }) => {}
            Err(Error::Problem(problem)) if problem.status == 503 => {}
            other => return other,
        }
    }
}

fn print(session: &Session, notification: &Notification) -> anyhow::Result<()> {
    if session.is_json() {
        return session.write(&format!("{}\n", serde_json::to_string(notification)?));
    }
    let line = format!(
        "{}  {}  {}",
        time::format(notification.at),
        notification.kind.name(),
        words(notification)
    );
    session.write(&format!("{}\n", output::printable(line.trim_end()).replace('\n', "\u{fffd}")))
}

fn table(notifications: &[Notification]) -> output::Table {
    let mut table = output::Table::new(&["#ID", "AT", "KIND", "WHAT"]);
    for notification in notifications {
        table.row([
            notification.id.to_string(),
            time::format(notification.at),
            notification.kind.name().to_owned(),
            words(notification),
        ]);
    }
    table
}

/// The fields that there are.
fn words(of: &Notification) -> String {
    let number = |name: &str, value: Option<u64>| value.map(|value| format!("{name} {value}"));
    let amount = |name: &str, value: Option<u64>| {
        value.map(|value| format!("{name} {}", output::bytes(value)))
    };
    let side = of.below.map(|below| if below { "below" } else { "above" });
    let parts = [
        number("user", of.user_id.map(u64::from)),
        number("torrent", of.torrent_id.map(u64::from)),
        of.info_hash.map(|hash| hash.to_string()),
        number("seeders", of.seeders.map(u64::from)),
        number("leechers", of.leechers.map(u64::from)),
        amount("uploaded", of.uploaded),
        amount("downloaded", of.downloaded),
        of.finished.filter(|finished| *finished).map(|_| "finished".to_owned()),
        of.threshold_percent
            .map(|percent| format!("{} {:.2}", side.unwrap_or("at"), f64::from(percent) / 100.0)),
        of.seed_seconds.map(|seconds| format!("seeded {}", output::duration(seconds))),
        number("count", of.count),
        of.level.map(|level| format!("level {}", level.name())),
        number("finding", of.finding_id),
        of.reason.clone(),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
