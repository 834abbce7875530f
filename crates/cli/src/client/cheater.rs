//! `mika client cheater`: findings, and the users they are about.

use std::io::{self, Write};

use clap::{Args, Subcommand, ValueEnum};
use mika_client::types::{
    CursorPage, DetectionStatus, ExemptTorrent, Finding, FindingQuery, FindingVerdict,
    RestraintChange, Suspect, SuspectLevel, SuspectQuery, WithheldCredit,
};
use mika_protocol::InfoHash;

use super::pages;
use super::session::Session;
use super::values::CursorArguments;
use super::watch::Watch;
use crate::{output, time};

#[derive(Debug, Subcommand)]
pub enum CheaterCommand {
    /// List findings, the newest first.
    List {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        part: CursorArguments,
        #[command(flatten)]
        watch: Watch,
    },
    /// Show a finding, with everything that is needed to recompute it.
    Show {
        /// Its number.
        id: u64,
    },
    /// Say that a finding is not what it seems: what it added to the score is taken back.
    Dismiss {
        /// Its number.
        id: u64,
        /// Why; others read it.
        #[arg(long)]
        reason: String,
    },
    /// Say that a finding is right: it counts more.
    Confirm {
        /// Its number.
        id: u64,
        /// What it was, such as `ratiomaster`.
        #[arg(long)]
        label: String,
    },
    /// Print all findings as JSON lines, the oldest first.
    Export,
    /// List the users that something is held against, the highest score first.
    Suspects {
        /// Of this level or above [default: note].
        #[arg(long, value_enum)]
        level: Option<Level>,
        #[command(flatten)]
        part: CursorArguments,
        #[command(flatten)]
        watch: Watch,
    },
    /// Show what is held against a user, and what was done about it.
    Suspect {
        /// Name, id or passkey.
        user: String,
    },
    /// Warn a user, withhold credit for upload, close the account, or undo that.
    Restrain {
        /// Name, id or passkey.
        user: String,
        #[command(flatten)]
        change: Change,
    },
    /// Give a user the credit that was withheld.
    Release {
        /// Name, id or passkey.
        user: String,
    },
    /// Drop the credit that was withheld from a user: it is never given.
    Drop {
        /// Name, id or passkey.
        user: String,
    },
    /// Torrents that other trackers have, too: their books need not balance.
    #[command(subcommand)]
    Exempt(ExemptCommand),
    /// Show what detection has seen and holds, and what people made of its findings.
    Status(Watch),
}

#[derive(Debug, Subcommand)]
pub enum ExemptCommand {
    /// List them.
    List(Watch),
    /// Exempt a torrent.
    Add {
        /// Either of its info-hashes.
        #[arg(value_parser = InfoHash::from_hex)]
        info_hash: InfoHash,
    },
    /// Exempt a torrent no more.
    Delete {
        /// Either of its info-hashes.
        #[arg(value_parser = InfoHash::from_hex)]
        info_hash: InfoHash,
    },
}

/// Which findings.
#[derive(Debug, Clone, Args)]
pub struct Filter {
    /// Only about this user: name, id or passkey.
    #[arg(long)]
    user: Option<String>,
    /// Only about the torrent with this id in the store.
    #[arg(long, value_name = "ID")]
    torrent_id: Option<u32>,
    /// Only by this detector, such as `no_sink`.
    #[arg(long)]
    detector: Option<String>,
    /// Only about users who have this level now, or a higher one.
    #[arg(long, value_enum)]
    level: Option<Level>,
    /// Only those of which somebody made this.
    #[arg(long, value_enum)]
    verdict: Option<Verdict>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Level {
    None,
    Note,
    Review,
    Strong,
}

impl From<Level> for SuspectLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::None => Self::None,
            Level::Note => Self::Note,
            Level::Review => Self::Review,
            Level::Strong => Self::Strong,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Verdict {
    Open,
    Dismissed,
    Confirmed,
}

impl From<Verdict> for FindingVerdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Open => Self::Open,
            Verdict::Dismissed => Self::Dismissed,
            Verdict::Confirmed => Self::Confirmed,
        }
    }
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Change {
    /// Whether the user's clients are told a warning.
    #[arg(long, value_name = "true|false")]
    warning: Option<bool>,
    /// Whether credit for upload is withheld from now on.
    #[arg(long, value_name = "true|false")]
    quarantine: Option<bool>,
    /// Whether the account is closed.
    #[arg(long, value_name = "true|false")]
    disabled: Option<bool>,
}

impl CheaterCommand {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = &session.client;
        match self {
            Self::List { filter, part, watch } => {
                watch.repeat(session, async || list(session, &filter, &part).await).await
            }
            Self::Show { id } => session.print(&client.finding(id).await?, finding_words),
            Self::Dismiss { id, reason } => {
                session.print(&client.dismiss_finding(id, &reason).await?, finding_words)
            }
            Self::Confirm { id, label } => {
                session.print(&client.confirm_finding(id, &label).await?, finding_words)
            }
            Self::Export => export(session).await,
            Self::Suspects { level, part, watch } => {
                watch.repeat(session, async || suspects(session, level, &part).await).await
            }
            Self::Suspect { user } => session.print(&client.suspect(&user).await?, suspect_words),
            Self::Restrain { user, change: Change { warning, quarantine, disabled } } => {
                if disabled == Some(true) {
                    session.confirm(&format!("Close the account of {user}?"))?;
                }
                let change = RestraintChange { warning, quarantine, disabled };
                session.print(&client.restrain(&user, &change).await?, suspect_words)
            }
            Self::Release { user } => session
                .print(&client.release_withheld(&user).await?, |credit| {
                    withheld_words(credit, "given")
                }),
            Self::Drop { user } => {
                let question = format!("Drop the credit that was withheld from {user} for good?");
                session.confirm(&question)?;
                session.print(&client.drop_withheld(&user).await?, |credit| {
                    withheld_words(credit, "dropped")
                })
            }
            Self::Exempt(command) => command.run(session).await,
            Self::Status(watch) => {
                let show = async || session.print(&client.detection().await?, words);
                watch.repeat(session, show).await
            }
        }
    }
}

impl ExemptCommand {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = &session.client;
        match self {
            Self::List(watch) => {
                let show = async || {
                    session.print(&client.exempt_torrents().await?, |all| exempt_table(all))
                };
                watch.repeat(session, show).await
            }
            Self::Add { info_hash } => {
                let torrent = client.exempt_torrent(info_hash).await?;
                session.print(&torrent, |torrent| exempt_table(std::slice::from_ref(torrent)))
            }
            Self::Delete { info_hash } => {
                client.unexempt_torrent(info_hash).await?;
                session.print(&serde_json::json!({ "deleted": info_hash.to_string() }), |_| {
                    format!("the books of {info_hash} have to balance\n")
                })
            }
        }
    }
}

async fn list(session: &Session, filter: &Filter, part: &CursorArguments) -> anyhow::Result<()> {
    let query = FindingQuery {
        cursor: None,
        limit: None,
        user: filter.user.clone(),
        torrent_id: filter.torrent_id,
        detector: filter.detector.clone(),
        level: filter.level.map(Into::into),
        verdict: filter.verdict.map(Into::into),
    };
    let fetch = async |cursor: Option<String>, limit| -> Result<CursorPage<Finding>, _> {
        session.client.findings(&FindingQuery { cursor, limit: Some(limit), ..query.clone() }).await
    };
    let from = (part.cursor.clone(), part.limit);
    pages::print(session, from, fetch, findings_table, "no findings").await
}

async fn suspects(
    session: &Session,
    level: Option<Level>,
    part: &CursorArguments,
) -> anyhow::Result<()> {
    let level = level.map(Into::into);
    let fetch = async |cursor: Option<String>, limit| -> Result<CursorPage<Suspect>, _> {
        session.client.suspects(&SuspectQuery { cursor, limit: Some(limit), level }).await
    };
    let from = (part.cursor.clone(), part.limit);
    pages::print(session, from, fetch, suspects_table, "no suspects").await
}

async fn export(session: &Session) -> anyhow::Result<()> {
    let mut export = session.client.export_findings().await?;
    let mut output = io::stdout().lock();
    while let Some(bytes) = export.next().await? {
        output.write_all(&bytes)?;
    }
    Ok(output.flush()?)
}

/// A number with its unit, as people read it.
fn amount(value: f64, unit: &str) -> String {
    let whole = || value.max(0.0).round() as u64;
    match unit {
        "bytes" => output::bytes(whole()),
        "bytes_per_second" => format!("{}/s", output::bytes(whole())),
        "seconds" => output::duration(whole()),
        "unix_seconds" => time::format(u32::try_from(whole()).unwrap_or(u32::MAX)),
        "kilometres_per_hour" => format!("{value:.0} km/h"),
        "nats" => format!("{value:.2} nats"),
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        _ => format!("{value:.4}"),
    }
}

fn findings_table(findings: &[Finding]) -> output::Table {
    let titles =
        ["#ID", "AT", "#USER", "LEVEL", "#TORRENT", "DETECTOR", "#OBSERVED", "#BOUND", "#SCORE"];
    let mut table = output::Table::new(&[&titles[..], &["VERDICT"]].concat());
    for finding in findings {
        table.row([
            finding.id.to_string(),
            time::format(finding.at),
            finding.user_id.to_string(),
            finding.user_level.name().to_owned(),
            output::optional(finding.torrent_id),
            finding.detector.clone(),
            amount(finding.observed, &finding.unit),
            amount(finding.bound, &finding.unit),
            format!("{:.2}", finding.score_after),
            finding.verdict.name().to_owned(),
        ]);
    }
    table
}

fn finding_words(finding: &Finding) -> String {
    let mut lines = vec![
        ("id", finding.id.to_string()),
        ("made", time::format(finding.at)),
        ("user", finding.user_id.to_string()),
        ("user's level now", finding.user_level.name().to_owned()),
        ("torrent", output::optional(finding.torrent_id)),
        ("info-hash", output::optional(finding.info_hash)),
        ("detector", format!("{} {}", finding.detector, finding.version)),
        ("family", finding.family.clone()),
        ("says", finding.says.clone()),
        ("from", time::format(finding.from)),
        ("to", time::format(finding.to)),
        ("observed", amount(finding.observed, &finding.unit)),
        ("bound", amount(finding.bound, &finding.unit)),
        ("formula", finding.formula.clone()),
        ("llr", format!("{:.3} nats", finding.llr)),
        ("score before", format!("{:.3}", finding.score_before)),
        ("score after", format!("{:.3}", finding.score_after)),
        ("gained", format!("{:.3}", finding.gained)),
    ];
    let verdict = finding.verdict.name().to_owned();
    lines.push(("verdict", verdict));
    if let (Some(text), Some(at)) = (&finding.verdict_text, finding.verdict_at) {
        lines.push(("because", text.clone()));
        lines.push(("judged", time::format(at)));
    }
    let mut text = output::fields(&lines);
    text.push_str("inputs\n");
    for input in &finding.inputs {
        let value = amount(input.value, &input.unit);
        text.push_str(&format!("  {}: {value}\n", output::printable(&input.name)));
    }
    if !finding.excuses.is_empty() {
        text.push_str("excuses looked for\n");
    }
    for excuse in &finding.excuses {
        let applies = if excuse.applies { "may apply" } else { "does not apply" };
        let name = output::printable(&excuse.name);
        text.push_str(&format!("  {name}: {applies} ({})\n", excuse.value));
    }
    text
}

fn suspects_table(suspects: &[Suspect]) -> output::Table {
    let titles = ["#USER", "LEVEL", "#SCORE", "#RECORDS", "WARNED", "QUARANTINED", "#WITHHELD"];
    let mut table = output::Table::new(&[&titles[..], &["CLOSED"]].concat());
    for suspect in suspects {
        table.row([
            suspect.user_id.to_string(),
            suspect.level.name().to_owned(),
            format!("{:.2}", suspect.score),
            suspect.records.to_string(),
            output::yes(suspect.warning),
            output::yes(suspect.quarantine),
            output::bytes(suspect.withheld),
            output::yes(suspect.disabled),
        ]);
    }
    table
}

fn suspect_words(suspect: &Suspect) -> String {
    let families = &suspect.families;
    let score = |nats: f64| format!("{nats:.3}");
    output::fields(&[
        ("user", suspect.user_id.to_string()),
        ("level", suspect.level.name().to_owned()),
        ("score", score(suspect.score)),
        ("  accounting", score(families.accounting)),
        ("  experiment", score(families.experiment)),
        ("  identity", score(families.identity)),
        ("  history", score(families.history)),
        ("  sharing", score(families.sharing)),
        ("records", suspect.records.to_string()),
        ("warned", output::yes(suspect.warning)),
        ("quarantined", output::yes(suspect.quarantine)),
        ("withheld", output::bytes(suspect.withheld)),
        ("account closed", output::yes(suspect.disabled)),
        ("decided at level", suspect.acted_level.name().to_owned()),
    ])
}

fn withheld_words(credit: &WithheldCredit, what: &str) -> String {
    format!("{} of user {}: {what}\n", output::bytes(credit.bytes), credit.user_id)
}

fn exempt_table(torrents: &[ExemptTorrent]) -> String {
    let mut table = output::Table::new(&["#TORRENT", "INFO HASH"]);
    for torrent in torrents {
        table.row([torrent.torrent_id.to_string(), torrent.info_hash.to_string()]);
    }
    table.render("no torrent is exempt")
}

fn words(status: &DetectionStatus) -> String {
    let held = |now: u64| now.to_string();
    let mut text = output::fields(&[
        ("mode", status.mode.clone()),
        ("data", output::duration(status.watched_seconds)),
        ("may close accounts", output::yes(status.may_disable)),
        ("announces looked at", status.observations.to_string()),
        ("announces dropped", status.dropped.to_string()),
        ("books closed", status.epochs.to_string()),
        ("books thrown away", status.epochs_void.to_string()),
        ("findings made", status.findings.to_string()),
        ("findings kept", held(status.findings_held)),
        ("users known", held(status.users_held)),
        ("open books", held(status.torrents_held)),
        ("closed books kept", held(status.epochs_held)),
        ("state on disk", output::bytes(status.state_bytes)),
        ("memory at most", output::bytes(status.bytes_max)),
        ("processor time", format!("{} ms", status.cpu_milliseconds)),
    ]);
    let titles = ["DETECTOR", "#FINDINGS", "#DISMISSED", "#CONFIRMED", "#PRECISION"];
    let mut table = output::Table::new(&titles);
    for detector in &status.detectors {
        let precision = detector.precision.map(|it| format!("{:.0} %", it * 100.0));
        table.row([
            detector.detector.clone(),
            detector.findings.to_string(),
            detector.dismissed.to_string(),
            detector.confirmed.to_string(),
            precision.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    text.push('\n');
    text.push_str(&table.render("no detectors"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_in_their_units() {
        assert_eq!(amount(1_048_576.0, "bytes"), "1.00 MiB");
        assert_eq!(amount(2048.0, "bytes_per_second"), "2.00 KiB/s");
        assert_eq!(amount(3.0, "number"), "3");
        assert_eq!(amount(0.25, "number"), "0.2500");
        assert_eq!(amount(900.4, "kilometres_per_hour"), "900 km/h");
        assert_eq!(amount(-1.5, "nats"), "-1.50 nats");
    }
}
