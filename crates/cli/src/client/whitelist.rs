//! `mika client whitelist`.

use clap::{Args, Subcommand};
use mika_client::types::{ClientRule, ClientRuleChange, NewClientRule};

use super::session::Session;
use super::watch::Watch;
use crate::output;

#[derive(Debug, Subcommand)]
pub enum WhitelistCommand {
    /// List the rules by prefix.
    List(Watch),
    /// Show the rule for a prefix.
    Get {
        /// The first characters of a peer id, such as -TR3.
        #[arg(allow_hyphen_values = true)]
        prefix: String,
        /// Print only which version of it this is, for --if-match.
        #[arg(long)]
        etag: bool,
    },
    /// Add a rule; the longest prefix that fits a client decides.
    Add {
        /// The first characters of a peer id, such as -TR3: 1 to 20 of printable ASCII.
        #[arg(allow_hyphen_values = true)]
        prefix: String,
        /// A note, such as "Transmission 3.x".
        #[arg(long, default_value = "")]
        name: String,
        /// Refuse these clients instead.
        #[arg(long)]
        deny: bool,
    },
    /// Change the rule for a prefix.
    Set {
        /// The prefix of the rule.
        #[arg(allow_hyphen_values = true)]
        prefix: String,
        #[command(flatten)]
        change: ChangeArguments,
    },
    /// Delete the rule for a prefix.
    Delete {
        /// The prefix of the rule.
        #[arg(allow_hyphen_values = true)]
        prefix: String,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct ChangeArguments {
    /// A note.
    #[arg(long)]
    name: Option<String>,
    /// Welcome these clients.
    #[arg(long, conflicts_with = "deny")]
    allow: bool,
    /// Refuse these clients.
    #[arg(long)]
    deny: bool,
}

impl WhitelistCommand {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = &session.client;
        match self {
            Self::List(watch) => {
                let show =
                    async || session.print(&client.client_rules().await?, |rules| table(rules));
                watch.repeat(session, show).await
            }
            Self::Get { prefix, etag } => {
                session.print_version_or(&client.versioned_client_rule(&prefix).await?, etag, one)
            }
            Self::Add { prefix, name, deny } => {
                let new = NewClientRule { prefix, allowed: Some(!deny), name };
                session.print(&client.add_client_rule(&new).await?, one)
            }
            Self::Set { prefix, change } => {
                let allowed = (change.allow || change.deny).then_some(change.allow);
                let change = ClientRuleChange { allowed, name: change.name };
                session.print(&client.update_client_rule(&prefix, &change).await?, one)
            }
            Self::Delete { prefix } => {
                client.delete_client_rule(&prefix).await?;
                session.print(&serde_json::json!({ "deleted": prefix }), |_| {
                    format!("the rule for {prefix} is deleted\n")
                })
            }
        }
    }
}

fn one(rule: &ClientRule) -> String {
    table(std::slice::from_ref(rule))
}

fn table(rules: &[ClientRule]) -> String {
    let mut table = output::Table::new(&["PREFIX", "RULE", "NAME"]);
    for rule in rules {
        let verdict = if rule.allowed { "allow" } else { "deny" };
        table.row([rule.prefix.clone(), verdict.to_owned(), rule.name.clone()]);
    }
    table.render("no rules")
}
