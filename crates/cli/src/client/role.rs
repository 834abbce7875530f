//! `mika client role`.

use clap::{Args, Subcommand};
use mika_client::types::{NewRole, Role, RoleChange};

use super::session::Session;
use super::values::{OrNone, Percents};
use super::watch::Watch;
use crate::output;

#[derive(Debug, Subcommand)]
pub enum RoleCommand {
    /// List roles by id.
    List(Watch),
    /// Show one role.
    Get {
        /// Its name.
        name: String,
        /// Print only which version of it this is, for --if-match.
        #[arg(long)]
        etag: bool,
    },
    /// Add a role; without options its members may do everything at 100 %.
    Add {
        /// Unique name, 1 to 64 characters.
        name: String,
        #[command(flatten)]
        values: Values,
    },
    /// Change a role, for all its members at once.
    Set {
        /// Its name.
        name: String,
        #[command(flatten)]
        change: ChangeArguments,
    },
    /// Delete a role that no user has.
    Delete {
        /// Its name.
        name: String,
    },
}

#[derive(Debug, Args)]
pub struct Values {
    /// Rank among roles; higher is more privileged.
    #[arg(long, allow_negative_numbers = true)]
    priority: Option<i32>,
    #[command(flatten)]
    percents: Percents,
    /// Whether its members may seed.
    #[arg(long, value_name = "true|false")]
    upload_enabled: Option<bool>,
    /// Whether its members may download.
    #[arg(long, value_name = "true|false")]
    download_enabled: Option<bool>,
    /// Torrents that a member may download at the same time, or `none` for no limit.
    #[arg(long, value_name = "NUMBER|none")]
    download_slots: Option<OrNone<u32>>,
    /// Whether hit-and-run rules spare its members.
    #[arg(long, value_name = "true|false")]
    immune: Option<bool>,
    /// Whether its members may announce at all; if not, they are told the role's name.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
}

/// Each of them is a change: clap knows no groups of groups.
const CHANGES: [&str; 9] = [
    "new_name",
    "priority",
    "upload_percent",
    "download_percent",
    "upload_enabled",
    "download_enabled",
    "download_slots",
    "immune",
    "enabled",
];

#[derive(Debug, Args)]
#[group(required = true, multiple = true, args = CHANGES)]
pub struct ChangeArguments {
    /// New name.
    #[arg(long = "name", value_name = "NAME")]
    new_name: Option<String>,
    #[command(flatten)]
    values: Values,
}

impl RoleCommand {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = &session.client;
        match self {
            Self::List(watch) => {
                let show = async || session.print(&client.roles().await?, |roles| table(roles));
                watch.repeat(session, show).await
            }
            Self::Get { name, etag } => {
                session.print_version_or(&client.versioned_role(&name).await?, etag, one)
            }
            Self::Add { name, values } => {
                let new = NewRole {
                    name,
                    priority: values.priority,
                    upload_percent: values.percents.upload_percent,
                    download_percent: values.percents.download_percent,
                    upload_enabled: values.upload_enabled,
                    download_enabled: values.download_enabled,
                    download_slots: values.download_slots.and_then(|slots| slots.0),
                    immune: values.immune,
                    enabled: values.enabled,
                };
                session.print(&client.add_role(&new).await?, one)
            }
            Self::Set { name, change: ChangeArguments { new_name, values } } => {
                let change = RoleChange {
                    name: new_name,
                    priority: values.priority,
                    upload_percent: values.percents.upload_percent,
                    download_percent: values.percents.download_percent,
                    upload_enabled: values.upload_enabled,
                    download_enabled: values.download_enabled,
                    download_slots: values.download_slots.map(|slots| slots.0),
                    immune: values.immune,
                    enabled: values.enabled,
                };
                session.print(&client.update_role(&name, &change).await?, one)
            }
            Self::Delete { name } => {
                client.delete_role(&name).await?;
                session.print(&serde_json::json!({ "deleted": name }), |_| {
                    format!("the role {name} is deleted\n")
                })
            }
        }
    }
}

fn one(role: &Role) -> String {
    table(std::slice::from_ref(role))
}

fn table(roles: &[Role]) -> String {
    let mut titles = vec![
        "#ID",
        "NAME",
        "#PRIORITY",
        "#UPLOAD",
        "#DOWNLOAD",
        "MAY SEED",
        "MAY DOWNLOAD",
        "#SLOTS",
    ];
    // Of most sites no role has one.
    if roles.iter().any(|role| !state(role).is_empty()) {
        titles.push("STATE");
    }
    let mut table = output::Table::new(&titles);
    for role in roles {
        let cells = [
            role.id.to_string(),
            role.name.clone(),
            role.priority.to_string(),
            format!("{} %", role.upload_percent),
            format!("{} %", role.download_percent),
            output::yes(role.upload_enabled),
            output::yes(role.download_enabled),
            output::optional(role.download_slots),
            state(role).to_owned(),
        ];
        table.row(cells.into_iter().take(titles.len()));
    }
    table.render("no roles")
}

fn state(role: &Role) -> &'static str {
    match (role.enabled, role.immune) {
        (false, _) => "disabled",
        (true, true) => "immune to hit-and-run rules",
        (true, false) => "",
    }
}
