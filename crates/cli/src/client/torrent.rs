//! `mika client torrent`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use mika_client::types::{NewTorrent, Torrent, TorrentChange, TorrentQuery, TorrentStatus};
use mika_protocol::InfoHash;
use mika_protocol::metainfo::{self, METAINFO_BYTES_MAX};

use super::pages::{self, ListArguments};
use super::session::Session;
use super::values::Percents;
use super::watch::Watch;
use crate::{output, time};

/// Longest title that the tracker takes, in characters.
const TITLE_CHARS_MAX: usize = 255;

/// What an empty list says.
const NOTHING: &str = "no torrents; add one with `mika client torrent add FILE.torrent`";

#[derive(Debug, Subcommand)]
pub enum TorrentCommand {
    /// Add a torrent, from its file or by info-hash.
    Add(AddArguments),
    /// List torrents by id.
    List(TorrentList),
    /// Show one torrent.
    Get {
        /// Either of its info-hashes: 40 hex digits, or 64 (v2).
        #[arg(value_parser = InfoHash::from_hex)]
        info_hash: InfoHash,
        /// Print only which version of it this is, for --if-match.
        #[arg(long)]
        etag: bool,
    },
    /// Change a torrent.
    Set(SetArguments),
    /// Delete a torrent: announces are refused with the reason, the totals stay.
    Delete {
        /// Either of its info-hashes.
        #[arg(value_parser = InfoHash::from_hex)]
        info_hash: InfoHash,
        /// Why, as clients are told.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

#[derive(Debug, Args)]
pub struct AddArguments {
    /// A .torrent file (v1, v2 or hybrid).
    #[arg(required_unless_present = "info_hash", conflicts_with = "info_hash")]
    file: Option<PathBuf>,
    /// The info-hash: 40 hex digits (v1), or 64 (v2).
    #[arg(long, value_name = "HEX", value_parser = InfoHash::from_hex)]
    info_hash: Option<InfoHash>,
    /// The v2 info-hash of a hybrid torrent.
    #[arg(long, value_name = "HEX", value_parser = InfoHash::from_hex, requires = "info_hash")]
    info_hash_v2: Option<InfoHash>,
    /// Title [default: the name in the file].
    #[arg(long)]
    title: Option<String>,
    #[command(flatten)]
    percents: Percents,
    #[command(flatten)]
    decisions: Decisions,
}

/// What a site decides of a torrent.
#[derive(Debug, Args)]
struct Decisions {
    /// What the moderators say: approved, or pending, rejected, postponed or other, which refuse
    /// announces.
    #[arg(long, value_parser = parse_status)]
    status: Option<TorrentStatus>,
    /// Whether downloads do not count, and uploads by the site's multiplier for it.
    #[arg(long, value_name = "true|false")]
    featured: Option<bool>,
}

#[derive(Debug, Args)]
pub struct TorrentList {
    #[command(flatten)]
    part: ListArguments,
    /// Only those that are deleted, or that are not.
    #[arg(long, value_name = "true|false")]
    deleted: Option<bool>,
    /// Only those that are enabled, or that are not.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    /// Only those that are featured, or that are not.
    #[arg(long, value_name = "true|false")]
    featured: Option<bool>,
    /// Only those of which the moderators say this.
    #[arg(long, value_parser = parse_status)]
    status: Option<TorrentStatus>,
    /// Only those whose title has this in it, whatever the case.
    #[arg(long)]
    title: Option<String>,
    #[command(flatten)]
    watch: Watch,
}

fn parse_status(text: &str) -> Result<TorrentStatus, String> {
    let read = serde_json::from_value(serde_json::Value::String(text.to_owned()));
    read.map_err(|_| "a status is approved, pending, rejected, postponed or other".to_owned())
}

#[derive(Debug, Args)]
pub struct SetArguments {
    /// Either of its info-hashes.
    #[arg(value_parser = InfoHash::from_hex)]
    info_hash: InfoHash,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Each of them is a change: clap knows no groups of groups.
const CHANGES: [&str; 9] = [
    "title",
    "upload_percent",
    "download_percent",
    "status",
    "featured",
    "enabled",
    "reason",
    "restore",
    "strategies",
];

#[derive(Debug, Args)]
#[group(required = true, multiple = true, args = CHANGES)]
struct ChangeArguments {
    /// New title.
    #[arg(long)]
    title: Option<String>,
    #[command(flatten)]
    percents: Percents,
    #[command(flatten)]
    decisions: Decisions,
    /// Whether announces are answered.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    /// Why it is disabled or deleted, as clients are told.
    #[arg(long)]
    reason: Option<String>,
    /// Bring a deleted torrent back.
    #[arg(long)]
    restore: bool,
    /// How its peers are chosen: names with commas between them, `uniform` for at random, `default`
    /// for as the configuration says.
    #[arg(long, value_name = "NAMES")]
    strategies: Option<String>,
}

impl TorrentCommand {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        match self {
            Self::Add(arguments) => {
                let torrent = session.client.add_torrent(&arguments.into_new()?).await?;
                session.print(&torrent, words)
            }
            Self::List(arguments) => arguments.run(session).await,
            Self::Get { info_hash, etag } => {
                let torrent = session.client.versioned_torrent(info_hash).await?;
                session.print_version_or(&torrent, etag, words)
            }
            Self::Set(arguments) => {
                let change = arguments.change.into_change();
                let torrent = session.client.update_torrent(arguments.info_hash, &change).await?;
                session.print(&torrent, words)
            }
            Self::Delete { info_hash, reason } => {
                let torrent = session.client.delete_torrent(info_hash, &reason).await?;
                session.print(&torrent, |_| format!("the torrent {info_hash} is deleted\n"))
            }
        }
    }
}

impl TorrentList {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let show = async || {
            let fetch = async |after_id, limit| {
                let query = TorrentQuery {
                    after_id,
                    limit: Some(limit),
                    deleted: self.deleted,
                    enabled: self.enabled,
                    featured: self.featured,
                    status: self.status,
                    title: self.title.clone(),
                };
                session.client.torrents_where(&query).await
            };
            let from = (self.part.after_id, self.part.limit);
            pages::print(session, from, fetch, table, NOTHING).await
        };
        self.watch.repeat(session, show).await
    }
}

impl AddArguments {
    fn into_new(self) -> anyhow::Result<NewTorrent> {
        let mut new = match (self.info_hash, self.file) {
            (Some(info_hash), _) => {
                NewTorrent { info_hash_v2: self.info_hash_v2, ..NewTorrent::new(info_hash) }
            }
            (None, Some(path)) => {
                read_torrent(&path).with_context(|| format!("{} was not added", path.display()))?
            }
            (None, None) => anyhow::bail!("a .torrent file or --info-hash is needed"),
        };
        new.title = self.title.unwrap_or(new.title);
        new.upload_percent = self.percents.upload_percent;
        new.download_percent = self.percents.download_percent;
        new.status = self.decisions.status;
        new.featured = self.decisions.featured;
        Ok(new)
    }
}

impl ChangeArguments {
    fn into_change(self) -> TorrentChange {
        TorrentChange {
            title: self.title,
            upload_percent: self.percents.upload_percent,
            download_percent: self.percents.download_percent,
            enabled: self.enabled,
            deleted: self.restore.then_some(false),
            reason: self.reason,
            status: self.decisions.status,
            featured: self.decisions.featured,
            strategies: self.strategies.as_deref().map(strategies_of),
        }
    }
}

fn strategies_of(text: &str) -> Option<Vec<String>> {
    match text {
        "default" => None,
        "uniform" => Some(Vec::new()),
        names => Some(names.split(',').map(|name| name.trim().to_owned()).collect()),
    }
}

fn read_torrent(path: &Path) -> anyhow::Result<NewTorrent> {
    let mut bytes = Vec::new();
    let limit = METAINFO_BYTES_MAX as u64 + 1;
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    let hashes = metainfo::info_hashes(&bytes)?;
    let (first, second) = (hashes.v1, hashes.v2_truncated());
    let (info_hash, info_hash_v2) = match (first, second) {
        (Some(v1), v2) => (v1, v2),
        (None, Some(v2)) => (v2, None),
        (None, None) => anyhow::bail!("the file has no info-hash"),
    };
    if !hashes.private {
        let name = path.display();
        eprintln!(
            "mika: note: {name} is not marked private, so clients also look for peers elsewhere"
        );
    }
    let title = hashes.name.chars().filter(|c| !c.is_control()).take(TITLE_CHARS_MAX).collect();
    Ok(NewTorrent { info_hash_v2, title, ..NewTorrent::new(info_hash) })
}

fn table(torrents: &[Torrent]) -> output::Table {
    let titles = ["#ID", "INFO HASH", "TITLE", "#SEEDERS", "#LEECHERS", "#SNATCHES", "STATE"];
    let mut table = output::Table::new(&titles);
    for torrent in torrents {
        table.row([
            torrent.id.to_string(),
            torrent.info_hash.to_string(),
            torrent.title.clone(),
            torrent.seeders.to_string(),
            torrent.leechers.to_string(),
            torrent.snatches.to_string(),
            state(torrent),
        ]);
    }
    table
}

fn state(torrent: &Torrent) -> String {
    let state = match (torrent.deleted, torrent.enabled, torrent.status) {
        (true, _, _) => "deleted",
        (false, false, _) => "disabled",
        (false, true, TorrentStatus::Approved) => "",
        (false, true, status) => status_name(status),
    };
    if state.is_empty() || torrent.reason.is_empty() {
        return state.to_owned();
    }
    format!("{state}: {}", torrent.reason)
}

fn status_name(status: TorrentStatus) -> &'static str {
    match status {
        TorrentStatus::Approved => "approved",
        TorrentStatus::Pending => "pending",
        TorrentStatus::Rejected => "rejected",
        TorrentStatus::Postponed => "postponed",
        TorrentStatus::Other => "other",
    }
}

fn words(torrent: &Torrent) -> String {
    let mut lines = vec![
        ("id", torrent.id.to_string()),
        ("info hash", torrent.info_hash.to_string()),
        ("info hash v2", output::optional(torrent.info_hash_v2)),
        ("title", torrent.title.clone()),
        ("seeders", torrent.seeders.to_string()),
        ("leechers", torrent.leechers.to_string()),
        ("snatches", torrent.snatches.to_string()),
        ("uploaded", output::bytes(torrent.uploaded)),
        ("downloaded", output::bytes(torrent.downloaded)),
        ("uploaded raw", output::bytes(torrent.uploaded_raw)),
        ("downloaded raw", output::bytes(torrent.downloaded_raw)),
        ("upload percent", torrent.upload_percent.to_string()),
        ("download percent", torrent.download_percent.to_string()),
        ("enabled", output::yes(torrent.enabled)),
        ("deleted", output::yes(torrent.deleted)),
        ("reason", torrent.reason.clone()),
        ("last announce", time::format_optional(torrent.announced_at)),
        ("created", time::format(torrent.created_at)),
    ];
    if torrent.status != TorrentStatus::Approved {
        lines.push(("status", status_name(torrent.status).to_owned()));
    }
    if torrent.featured {
        lines.push(("featured", output::yes(true)));
    }
    match torrent.strategies.as_deref() {
        None => {}
        Some([]) => lines.push(("strategies", "uniform".to_owned())),
        Some(names) => lines.push(("strategies", names.join(", "))),
    }
    output::fields(&lines)
}
