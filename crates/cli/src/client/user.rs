//! `mika client user`.

use clap::{Args, Subcommand};
use mika_client::types::{NewUser, User, UserChange, UserQuery};

use super::pages::{self, ListArguments};
use super::session::Session;
use super::values::OrNone;
use super::watch::Watch;
use crate::{output, time};

/// What an empty list says.
const NOTHING: &str = "no users; add one with `mika client user add NAME`";

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user; prints the passkey and the announce URLs.
    Add(AddArguments),
    /// List users by id.
    List(UserList),
    /// Show one user.
    Get {
        /// Name, id or passkey; `id:`, `name:` or `passkey:` in front says which it is.
        user: String,
        /// Print only which version of it this is, for --if-match.
        #[arg(long)]
        etag: bool,
    },
    /// Change a user.
    Set(SetArguments),
    /// Close a user's account: announces are refused, the totals stay.
    Delete {
        /// Name, id or passkey.
        user: String,
    },
}

#[derive(Debug, Args)]
pub struct AddArguments {
    /// Unique name, 1 to 64 characters.
    name: String,
    /// Role [default: the one with the lowest id].
    #[arg(long)]
    role: Option<String>,
    /// Passkey, 1 to 64 of A-Z a-z 0-9 _ - [default: 32 random hex digits].
    #[arg(long)]
    passkey: Option<String>,
    /// The site's own id.
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    site_id: Option<i64>,
    /// Whether the user may download [default: true].
    #[arg(long, value_name = "true|false")]
    download_enabled: Option<bool>,
    #[command(flatten)]
    rules: Rules,
}

/// What counts for one user, beside the role. `none` is no rule of the user's own.
#[derive(Debug, Args)]
struct Rules {
    /// Upload multiplier in percent, beside the role's.
    #[arg(long, value_name = "PERCENT|none")]
    upload_percent: Option<OrNone<u16>>,
    /// Download multiplier in percent, beside the role's; 0 for a freeleech.
    #[arg(long, value_name = "PERCENT|none")]
    download_percent: Option<OrNone<u16>>,
    /// Whether hit-and-run rules spare the user; `none`: as the role says.
    #[arg(long, value_name = "true|false|none")]
    immune: Option<OrNone<bool>>,
    /// Whether the user's addresses are neither written to the store nor told.
    #[arg(long, value_name = "true|false")]
    address_hidden: Option<bool>,
    /// Seconds from a torrent's creation for which the user may not leech it.
    #[arg(long, value_name = "SECONDS")]
    wait_seconds: Option<u32>,
    /// Sessions that the user may leech one torrent with.
    #[arg(long, value_name = "NUMBER|none")]
    peers_max: Option<OrNone<u32>>,
}

#[derive(Debug, Args)]
pub struct UserList {
    #[command(flatten)]
    part: ListArguments,
    /// Only those whose accounts are closed, or are not.
    #[arg(long, value_name = "true|false")]
    deleted: Option<bool>,
    /// Only those that may download, or may not.
    #[arg(long, value_name = "true|false")]
    download_enabled: Option<bool>,
    /// Only those with this role.
    #[arg(long)]
    role: Option<String>,
    /// Only those whose name has this in it, whatever the case.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    watch: Watch,
}

#[derive(Debug, Args)]
pub struct SetArguments {
    /// Name, id or passkey.
    user: String,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Each of them is a change: clap knows no groups of groups.
const CHANGES: [&str; 17] = [
    "name",
    "role",
    "passkey",
    "new_passkey",
    "site_id",
    "download_enabled",
    "upload_percent",
    "download_percent",
    "immune",
    "address_hidden",
    "wait_seconds",
    "peers_max",
    "uploaded",
    "downloaded",
    "uploaded_add",
    "downloaded_add",
    "restore",
];

#[derive(Debug, Args)]
#[group(required = true, multiple = true, args = CHANGES)]
struct ChangeArguments {
    /// New name.
    #[arg(long)]
    name: Option<String>,
    /// New role.
    #[arg(long)]
    role: Option<String>,
    /// New passkey; the old one stops working at once.
    #[arg(long)]
    passkey: Option<String>,
    /// Replace the passkey by a random one.
    #[arg(long, conflicts_with = "passkey")]
    new_passkey: bool,
    /// The site's own id.
    #[arg(long, value_name = "ID|none", allow_negative_numbers = true)]
    site_id: Option<OrNone<i64>>,
    /// Whether the user may download.
    #[arg(long, value_name = "true|false")]
    download_enabled: Option<bool>,
    #[command(flatten)]
    rules: Rules,
    /// Credited upload in bytes, set absolutely: what is uploaded meanwhile is overwritten.
    #[arg(long, value_name = "BYTES")]
    uploaded: Option<u64>,
    /// Credited download in bytes, set absolutely.
    #[arg(long, value_name = "BYTES")]
    downloaded: Option<u64>,
    /// Bytes of credited upload to give or, with a minus, to take.
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true)]
    uploaded_add: Option<i64>,
    /// Bytes of credited download to add or, with a minus, to forgive.
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true)]
    downloaded_add: Option<i64>,
    /// Open a closed account again.
    #[arg(long)]
    restore: bool,
}

impl UserCommand {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        match self {
            Self::Add(arguments) => add(session, arguments).await,
            Self::List(arguments) => arguments.run(session).await,
            Self::Get { user, etag } => {
                let user = session.client.versioned_user(&user).await?;
                let urls = announce_urls(session, &user.record).await;
                session.print_version_or(&user, etag, |user| words(user, &urls))
            }
            Self::Set(arguments) => {
                let change = arguments.change.into_change();
                let user = session.client.update_user(&arguments.user, &change).await?;
                let urls = announce_urls(session, &user).await;
                session.print(&user, |user| words(user, &urls))
            }
            Self::Delete { user } => {
                let user = session.client.delete_user(&user).await?;
                session.print(&user, |user| format!("the account of {} is closed\n", user.name))
            }
        }
    }
}

impl UserList {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let show = async || {
            let fetch = async |after_id, limit| {
                let query = UserQuery {
                    after_id,
                    limit: Some(limit),
                    deleted: self.deleted,
                    download_enabled: self.download_enabled,
                    role: self.role.clone(),
                    name: self.name.clone(),
                };
                session.client.users_where(&query).await
            };
            let from = (self.part.after_id, self.part.limit);
            pages::print(session, from, fetch, table, NOTHING).await
        };
        self.watch.repeat(session, show).await
    }
}

impl ChangeArguments {
    fn into_change(self) -> UserChange {
        UserChange {
            name: self.name,
            passkey: self.passkey,
            new_passkey: self.new_passkey,
            site_id: self.site_id.map(|id| id.0),
            role: self.role,
            download_enabled: self.download_enabled,
            deleted: self.restore.then_some(false),
            uploaded: self.uploaded,
            downloaded: self.downloaded,
            uploaded_add: self.uploaded_add,
            downloaded_add: self.downloaded_add,
            upload_percent: self.rules.upload_percent.map(|percent| percent.0),
            download_percent: self.rules.download_percent.map(|percent| percent.0),
            immune: self.rules.immune.map(|immune| immune.0),
            address_hidden: self.rules.address_hidden,
            wait_seconds: self.rules.wait_seconds,
            peers_max: self.rules.peers_max.map(|max| max.0),
        }
    }
}

async fn add(session: &Session, arguments: AddArguments) -> anyhow::Result<()> {
    let rules = arguments.rules;
    let new = NewUser {
        name: arguments.name,
        role: arguments.role,
        passkey: arguments.passkey,
        site_id: arguments.site_id,
        download_enabled: arguments.download_enabled,
        upload_percent: rules.upload_percent.and_then(|percent| percent.0),
        download_percent: rules.download_percent.and_then(|percent| percent.0),
        immune: rules.immune.and_then(|immune| immune.0),
        address_hidden: rules.address_hidden,
        wait_seconds: rules.wait_seconds,
        peers_max: rules.peers_max.and_then(|max| max.0),
    };
    let user = session.client.add_user(&new).await?;
    if session.is_json() {
        return session.print_json(&user);
    }
    let urls = announce_urls(session, &user).await;
    let id = user.id.to_string();
    let mut lines = vec![("user", user.name), ("id", id), ("passkey", user.passkey)];
    lines.extend(url_lines(&urls));
    session.write(&output::fields(&lines))
}

/// A user's announce URLs for people: one of each protocol, or the one that came with the user if
/// the token may not ask for the others. JSON has that one alone.
async fn announce_urls(session: &Session, user: &User) -> Vec<String> {
    if session.is_json() || user.passkey.is_empty() {
        return Vec::new();
    }
    let stats = session.client.stats().await;
    let forms = stats.map(|stats| stats.announce_urls).unwrap_or_default();
    match forms.as_slice() {
        [] => vec![user.announce_url.clone()],
        forms => forms.iter().map(|form| form.replace("{passkey}", &user.passkey)).collect(),
    }
}

fn url_lines(urls: &[String]) -> impl Iterator<Item = (&'static str, String)> {
    let names = std::iter::once("announce URL").chain(std::iter::repeat(""));
    names.zip(urls.iter().cloned())
}

fn table(users: &[User]) -> output::Table {
    let titles =
        ["#ID", "NAME", "ROLE", "#UPLOADED", "#DOWNLOADED", "#RATIO", "LAST ANNOUNCE", "STATE"];
    let mut table = output::Table::new(&titles);
    for user in users {
        table.row([
            user.id.to_string(),
            user.name.clone(),
            user.role.clone(),
            output::bytes(user.uploaded),
            output::bytes(user.downloaded),
            output::ratio(user.ratio),
            time::format_optional(user.announced_at),
            state(user).to_owned(),
        ]);
    }
    table
}

fn state(user: &User) -> &'static str {
    match (user.deleted, user.download_enabled) {
        (true, _) => "closed",
        (false, false) => "no download",
        (false, true) => "",
    }
}

fn words(user: &User, urls: &[String]) -> String {
    let mut lines = vec![
        ("id", user.id.to_string()),
        ("site id", output::optional(user.site_id)),
        ("name", user.name.clone()),
        ("passkey", user.passkey.clone()),
        ("role", user.role.clone()),
        ("may download", output::yes(user.download_enabled)),
        ("closed", output::yes(user.deleted)),
        ("uploaded", output::bytes(user.uploaded)),
        ("downloaded", output::bytes(user.downloaded)),
        ("uploaded raw", output::bytes(user.uploaded_raw)),
        ("downloaded raw", output::bytes(user.downloaded_raw)),
        ("ratio", output::ratio(user.ratio)),
        ("seed time", output::duration(user.seed_seconds)),
        ("snatches", user.snatches.to_string()),
        ("last announce", time::format_optional(user.announced_at)),
        ("created", time::format(user.created_at)),
    ];
    lines.extend(url_lines(urls));
    lines.extend(rules(user));
    output::fields(&lines)
}

/// What counts for the user alone.
fn rules(user: &User) -> impl Iterator<Item = (&'static str, String)> {
    let hidden = user.address_hidden.then(|| output::yes(true));
    let wait = (user.wait_seconds > 0).then(|| output::duration(user.wait_seconds.into()));
    let rules = [
        ("upload percent", user.upload_percent.map(|percent| percent.to_string())),
        ("download percent", user.download_percent.map(|percent| percent.to_string())),
        ("immune", user.immune.map(output::yes)),
        ("address hidden", hidden),
        ("wait", wait),
        ("peers max", user.peers_max.map(|max| max.to_string())),
    ];
    rules.into_iter().filter_map(|(name, value)| Some((name, value?)))
}
