//! `mika client role`.

use clap::{Args, Subcommand};
use mika_client::types::{NewRole, Role, RoleChange};

use super::session::Session;
use crate::output;

#[derive(Debug, Subcommand)]
pub enum RoleCommand {
    /// List roles by id.
    List,
    /// Show one role.
    Get {
        /// Its name.
        name: String,
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
    /// Upload multiplier in percent.
    #[arg(long, value_name = "PERCENT")]
    upload_percent: Option<u16>,
    /// Download multiplier in percent.
    #[arg(long, value_name = "PERCENT")]
    download_percent: Option<u16>,
    /// Whether its members may seed.
    #[arg(long, value_name = "true|false")]
    upload_enabled: Option<bool>,
    /// Whether its members may download.
    #[arg(long, value_name = "true|false")]
    download_enabled: Option<bool>,
    /// Torrents that a member may download at the same time, or `none` for no limit.
    #[arg(long, value_name = "NUMBER|none")]
    download_slots: Option<Slots>,
}

/// Each of them is a change: clap knows no groups of groups.
const CHANGES: [&str; 7] = [
    "new_name",
    "priority",
    "upload_percent",
    "download_percent",
    "upload_enabled",
    "download_enabled",
    "download_slots",
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

/// A number of slots, or no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slots(Option<u32>);

impl std::str::FromStr for Slots {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        text.parse().map(|slots| Self(Some(slots))).map_err(|_| "a number or `none`".to_owned())
    }
}

impl RoleCommand {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = &session.client;
        match self {
            Self::List => session.print(&client.roles().await?, |roles| table(roles)),
            Self::Get { name } => session.print(&client.role(&name).await?, one),
            Self::Add { name, values } => {
                let new = NewRole {
                    name,
                    priority: values.priority,
                    upload_percent: values.upload_percent,
                    download_percent: values.download_percent,
                    upload_enabled: values.upload_enabled,
                    download_enabled: values.download_enabled,
                    download_slots: values.download_slots.and_then(|slots| slots.0),
                    ..NewRole::default()
                };
                session.print(&client.add_role(&new).await?, one)
            }
            Self::Set { name, change: ChangeArguments { new_name, values } } => {
                let change = RoleChange {
                    name: new_name,
                    priority: values.priority,
                    upload_percent: values.upload_percent,
                    download_percent: values.download_percent,
                    upload_enabled: values.upload_enabled,
                    download_enabled: values.download_enabled,
                    download_slots: values.download_slots.map(|slots| slots.0),
                    ..RoleChange::default()
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
    let titles =
        ["#ID", "NAME", "#PRIORITY", "#UPLOAD", "#DOWNLOAD", "MAY SEED", "MAY DOWNLOAD", "#SLOTS"];
    let mut table = output::Table::new(&titles);
    for role in roles {
        table.row([
            role.id.to_string(),
            role.name.clone(),
            role.priority.to_string(),
            format!("{} %", role.upload_percent),
            format!("{} %", role.download_percent),
            output::yes(role.upload_enabled),
            output::yes(role.download_enabled),
            output::optional(role.download_slots),
        ]);
    }
    table.render("no roles")
}
