//! `mika client webhook`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use mika_client::types::{
    NewWebhook, NotificationFilter, Webhook, WebhookChange, WebhookDeadLetter,
    WebhookDeadLetterCount,
};

use super::notification::Filter;
use super::session::Session;
use super::watch::Watch;
use crate::{output, time};

#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Add a webhook; the key of its signatures is printed once and cannot be read again.
    Add(AddArguments),
    /// List the webhooks.
    List(Watch),
    /// Show one webhook.
    Get {
        /// Its id.
        id: u32,
    },
    /// Change a webhook.
    Set {
        /// Its id.
        id: u32,
        #[command(flatten)]
        change: ChangeArguments,
    },
    /// Delete a webhook, with what waits to be sent.
    Delete {
        /// Its id.
        id: u32,
    },
    /// Requests that were given up.
    #[command(subcommand)]
    DeadLetter(DeadLetterCommand),
}

#[derive(Debug, Args)]
pub struct AddArguments {
    /// Where notifications are sent to: http:// or https://.
    #[arg(value_name = "URL")]
    to: String,
    /// File with the key of the signatures, 16 to 256 visible characters [default: a random one].
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    #[command(flatten)]
    filter: Filter,
    /// Notifications in one request at most, 1 to 1000 [default: 100].
    #[arg(long, value_name = "NUMBER")]
    batch_max: Option<u32>,
    /// Send nothing yet.
    #[arg(long)]
    disabled: bool,
    /// Begin after the notification with this id [default: with what happens from now on].
    #[arg(long, value_name = "ID")]
    after_id: Option<u64>,
}

/// Each of them is a change: clap knows no groups of groups.
const CHANGES: [&str; 8] =
    ["to", "new_secret", "kinds", "user_ids", "torrent_ids", "everything", "batch_max", "enabled"];

#[derive(Debug, Args)]
#[group(required = true, multiple = true, args = CHANGES)]
pub struct ChangeArguments {
    /// Where notifications are sent to.
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Make a new random key of the signatures; the old one counts no more.
    #[arg(long)]
    new_secret: bool,
    #[command(flatten)]
    filter: Filter,
    /// Send everything: take all conditions away.
    #[arg(long, conflicts_with_all = ["kinds", "user_ids", "torrent_ids"])]
    everything: bool,
    /// Notifications in one request at most, 1 to 1000.
    #[arg(long, value_name = "NUMBER")]
    batch_max: Option<u32>,
    /// Whether they are sent; what happens meanwhile is sent later.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
}

#[derive(Debug, Subcommand)]
pub enum DeadLetterCommand {
    /// List the newest.
    List {
        /// The webhook's id.
        id: u32,
        /// At most so many [default: 1000].
        #[arg(long)]
        limit: Option<u32>,
    },
    /// Try all of them once more.
    Retry {
        /// The webhook's id.
        id: u32,
    },
    /// Forget all of them.
    Drop {
        /// The webhook's id.
        id: u32,
    },
}

impl WebhookCommand {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = &session.client;
        match self {
            Self::Add(arguments) => {
                session.print(&client.add_webhook(&arguments.into_new()?).await?, words)
            }
            Self::List(watch) => {
                let show =
                    async || session.print(&client.webhooks().await?, |webhooks| table(webhooks));
                watch.repeat(session, show).await
            }
            Self::Get { id } => session.print(&client.webhook(id).await?, words),
            Self::Set { id, change } => {
                let webhook = client.update_webhook(id, &change.into_change()).await?;
                session.print(&webhook, words)
            }
            Self::Delete { id } => {
                session.confirm(&format!("Delete webhook {id}, and what waits for it?"))?;
                client.delete_webhook(id).await?;
                session.print(&serde_json::json!({ "deleted": id }), |_| {
                    format!("the webhook {id} is deleted\n")
                })
            }
            Self::DeadLetter(command) => command.run(session).await,
        }
    }
}

impl DeadLetterCommand {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = &session.client;
        let count = |what: &'static str| {
            move |count: &WebhookDeadLetterCount| format!("{}: {what}\n", count.dead_letters)
        };
        match self {
            Self::List { id, limit } => {
                let letters = client.newest_webhook_dead_letters(id, limit).await?;
                session.print(&letters, |letters| letters_table(letters))
            }
            Self::Retry { id } => {
                let tried = client.retry_webhook_dead_letters(id).await?;
                session.print(&tried, count("on their way again"))
            }
            Self::Drop { id } => {
                session.confirm(&format!("Forget all dead letters of webhook {id}?"))?;
                session.print(&client.drop_webhook_dead_letters(id).await?, count("dropped"))
            }
        }
    }
}

impl AddArguments {
    fn into_new(self) -> anyhow::Result<NewWebhook> {
        Ok(NewWebhook {
            url: self.to,
            secret: self.secret_file.as_deref().map(read_secret).transpose()?,
            filter: self.filter.into_filter(),
            enabled: self.disabled.then_some(false),
            batch_max: self.batch_max,
            after_id: self.after_id,
        })
    }
}

impl ChangeArguments {
    fn into_change(self) -> WebhookChange {
        let filter = match (self.everything, self.filter.is_empty()) {
            (true, _) => Some(NotificationFilter::default()),
            (false, true) => None,
            (false, false) => Some(self.filter.into_filter()),
        };
        let (url, new_secret) = (self.to, self.new_secret);
        WebhookChange { url, new_secret, filter, enabled: self.enabled, batch_max: self.batch_max }
    }
}

fn read_secret(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the file with the key {} cannot be read", path.display()))?;
    Ok(text.trim().to_owned())
}

fn table(webhooks: &[Webhook]) -> String {
    let titles =
        ["#ID", "URL", "ENABLED", "#WAITING", "#FAILURES", "#DEAD LETTERS", "DELIVERED", "ERROR"];
    let mut table = output::Table::new(&titles);
    for webhook in webhooks {
        table.row([
            webhook.id.to_string(),
            webhook.url.clone(),
            output::yes(webhook.enabled),
            webhook.waiting.to_string(),
            webhook.failures.to_string(),
            webhook.dead_letters.to_string(),
            time::format_optional(webhook.delivered_at),
            webhook.error.clone().unwrap_or_default(),
        ]);
    }
    table.render("no webhooks")
}

fn words(webhook: &Webhook) -> String {
    let filter = &webhook.filter;
    let list = |items: Vec<String>| match items.is_empty() {
        true => "all".to_owned(),
        false => items.join(","),
    };
    let ids = |ids: &[u32]| list(ids.iter().map(ToString::to_string).collect());
    let kinds = filter.kinds.iter().map(|kind| kind.name().to_owned()).collect();
    let mut lines = vec![
        ("id", webhook.id.to_string()),
        ("URL", webhook.url.clone()),
        ("enabled", output::yes(webhook.enabled)),
        ("kinds", list(kinds)),
        ("users", ids(&filter.user_ids)),
        ("torrents", ids(&filter.torrent_ids)),
        ("batch max", webhook.batch_max.to_string()),
        ("created", time::format(webhook.created_at)),
        ("delivered", time::format_optional(webhook.delivered_at)),
        ("delivered up to", webhook.delivered_id.to_string()),
        ("waiting", webhook.waiting.to_string()),
        ("missed", webhook.missed.to_string()),
        ("failures", webhook.failures.to_string()),
        ("error", webhook.error.clone().unwrap_or_default()),
        ("dead letters", webhook.dead_letters.to_string()),
    ];
    if let Some(secret) = &webhook.secret {
        lines.push(("secret", secret.clone()));
        lines.push(("", "keep it: it is not shown again".to_owned()));
    }
    output::fields(&lines)
}

fn letters_table(letters: &[WebhookDeadLetter]) -> String {
    let mut table = output::Table::new(&["GIVEN UP", "#ATTEMPTS", "#EVENTS", "REASON"]);
    for letter in letters {
        table.row([
            time::format(letter.at),
            letter.attempts.to_string(),
            letter.events.len().to_string(),
            letter.reason.clone(),
        ]);
    }
    table.render("no dead letters")
}
