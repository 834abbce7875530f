//! `mika client trace`: the flight recorder.

use std::net::IpAddr;

use clap::{Args, Subcommand, ValueEnum};
use mika_client::Error;
use mika_client::types::{NewTrace, Trace, TraceQuery, TraceSubject, TracedAnnounce};
use mika_protocol::InfoHash;
use tokio::signal::unix::{SignalKind, signal};

use super::session::Session;
use super::watch::Watch;
use crate::{output, time};

#[derive(Debug, Subcommand)]
pub enum TraceCommand {
    /// Print a user's announces as they come, until interrupted.
    User {
        /// Name, id or passkey.
        user: String,
        #[command(flatten)]
        live: Live,
    },
    /// Print a torrent's announces as they come, until interrupted.
    Torrent {
        /// Either of its info-hashes.
        #[arg(value_parser = InfoHash::from_hex)]
        info_hash: InfoHash,
        #[command(flatten)]
        live: Live,
    },
    /// Print the announces from an address as they come, until interrupted.
    Address {
        /// IPv4 or IPv6 address, without a port.
        address: IpAddr,
        #[command(flatten)]
        live: Live,
    },
    /// List what is recorded.
    List(Watch),
    /// Record, without printing anything.
    Start {
        #[command(flatten)]
        of: Subject,
        /// Announces that are kept, 1 to 10000 [default: 1000].
        #[arg(long, value_name = "NUMBER")]
        keep: Option<u32>,
    },
    /// Print the announces that were recorded.
    Show {
        #[command(flatten)]
        of: Subject,
        /// Only announces with a higher number.
        #[arg(long, value_name = "NUMBER")]
        after: Option<u64>,
        /// At most so many, 1 to 1000 [default: 1000].
        #[arg(long)]
        limit: Option<u32>,
    },
    /// Record no more, and forget what was recorded.
    Stop {
        #[command(flatten)]
        of: Subject,
    },
}

/// How to follow announces. With --json they are JSON lines.
#[derive(Debug, Args)]
pub struct Live {
    /// Announces that the tracker keeps, 1 to 10000 [default: 1000].
    #[arg(long, value_name = "NUMBER")]
    keep: Option<u32>,
    /// Stop after so many.
    #[arg(long)]
    limit: Option<u64>,
    /// Let the tracker go on to record in the end. It also does if it had recorded before.
    #[arg(long)]
    keep_on: bool,
}

#[derive(Debug, Args)]
pub struct Subject {
    /// What the announces have in common.
    #[arg(value_enum)]
    subject: Kind,
    /// The user (name, id or passkey), the info-hash, or the address.
    key: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    User,
    Torrent,
    Address,
}

impl From<Kind> for TraceSubject {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::User => Self::User,
            Kind::Torrent => Self::Torrent,
            Kind::Address => Self::Address,
        }
    }
}

impl TraceCommand {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = &session.client;
        match self {
            Self::User { user, live } => follow(session, TraceSubject::User, &user, &live).await,
            Self::Torrent { info_hash, live } => {
                follow(session, TraceSubject::Torrent, &info_hash.to_string(), &live).await
            }
            Self::Address { address, live } => {
                follow(session, TraceSubject::Address, &address.to_string(), &live).await
            }
            Self::List(watch) => {
                let show = async || session.print(&client.traces().await?, |traces| table(traces));
                watch.repeat(session, show).await
            }
            Self::Start { of: Subject { subject, key }, keep } => {
                let trace = client.start_trace(subject.into(), &key, &NewTrace { keep }).await?;
                session.print(&trace, |trace| table(std::slice::from_ref(trace)))
            }
            Self::Show { of: Subject { subject, key }, after, limit } => {
                let page = client.trace(subject.into(), &key, &TraceQuery { after, limit }).await?;
                session.print(&page, |page| announces(&page.items).render("no announces"))
            }
            Self::Stop { of: Subject { subject, key } } => {
                client.stop_trace(subject.into(), &key).await?;
                session.print(&serde_json::json!({ "stopped": key }), |_| {
                    format!("announces of {key} are recorded no more\n")
                })
            }
        }
    }
}

/// Records, if that is not done already, and prints until interrupted.
async fn follow(
    session: &Session,
    subject: TraceSubject,
    key: &str,
    live: &Live,
) -> anyhow::Result<()> {
    let client = &session.client;
    let first = TraceQuery { after: None, limit: Some(1) };
    let is_ours = match client.trace(subject, key, &first).await {
        Ok(_) => false,
        Err(Error::Problem(problem)) if problem.status == 404 => {
            client.start_trace(subject, key, &NewTrace { keep: live.keep }).await?;
            true
        }
        Err(error) => return Err(error.into()),
    };
    let interrupted = interrupted();
    if !session.is_json() {
        eprintln!("mika: note: recording; it ends with Ctrl-C");
    }
    let result = tokio::select! {
        result = print_announces(session, subject, key, live) => result,
        () = interrupted => Ok(()),
    };
    if is_ours && !live.keep_on {
        client.stop_trace(subject, key).await?;
    }
    result
}

/// Ctrl-C, or a polite end. It listens from the call on, not from when it is waited for.
fn interrupted() -> impl Future<Output = ()> {
    let listen = |kind| signal(kind).ok();
    let both = listen(SignalKind::interrupt()).zip(listen(SignalKind::terminate()));
    async {
        match both {
            Some((mut interrupt, mut terminate)) => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            // No signals: it ends in the usual way, and what is recorded stays.
            None => std::future::pending().await,
        }
    }
}

async fn print_announces(
    session: &Session,
    subject: TraceSubject,
    key: &str,
    live: &Live,
) -> anyhow::Result<()> {
    let mut stream = session.client.trace_stream(subject, key, &TraceQuery::default()).await?;
    let mut is_first = true;
    for _ in 0..live.limit.unwrap_or(u64::MAX) {
        let Some(announce) = stream.next().await? else {
            anyhow::bail!("the tracker has ended the recording");
        };
        if session.is_json() {
            session.write(&format!("{}\n", serde_json::to_string(&announce)?))?;
        } else {
            session.write(&announces(std::slice::from_ref(&announce)).render_part(is_first))?;
        }
        is_first = false;
    }
    Ok(())
}

fn table(traces: &[Trace]) -> String {
    let mut table = output::Table::new(&["SUBJECT", "KEY", "#KEPT AT MOST", "#ANNOUNCES"]);
    for trace in traces {
        table.row([
            trace.subject.name().to_owned(),
            trace.key.clone(),
            trace.keep.to_string(),
            trace.last_number.to_string(),
        ]);
    }
    table.render("nothing is recorded")
}

/// As wide as most announces, so that lines that are printed one by one stand below each other.
fn announces(announces: &[TracedAnnounce]) -> output::Table {
    let titles = [
        "AT                     ",
        "#   USER",
        "INFO HASH",
        "ADDRESS              ",
        "EVENT    ",
        "#  UPLOADED",
        "#DOWNLOADED",
        "#      LEFT",
        "#PEERS",
        "VERDICT",
    ];
    let mut table = output::Table::new(&titles);
    for announce in announces {
        let address =
            announce.address.map(|address| std::net::SocketAddr::new(address, announce.port));
        let told = if announce.told.is_empty() { "" } else { ": " };
        table.row([
            time::format(announce.at),
            format!("{:>7}", output::optional(announce.user_id)),
            announce.info_hash.to_string(),
            format!("{:<21}", output::optional(address)),
            format!("{:<9}", announce.event),
            format!("{:>10}", output::bytes(announce.uploaded)),
            format!("{:>10}", output::bytes(announce.downloaded)),
            format!("{:>10}", output::bytes(announce.left)),
            announce.peers.to_string(),
            format!("{}{told}{}", announce.verdict, announce.told),
        ]);
    }
    table
}
