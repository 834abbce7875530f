//! `mika client`: administer a running tracker.

mod api_token;
mod audit;
mod bulk;
mod cheater;
mod config;
mod confirm;
mod connection;
mod dead_letter;
mod event;
mod flush;
mod geo;
mod live_sessions;
mod notification;
mod pages;
mod role;
mod session;
mod state;
mod status;
mod swarm;
mod token;
mod torrent;
mod trace;
mod user;
mod values;
mod watch;
mod webhook;
mod whitelist;

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::exit::ForPrograms;
pub use connection::Connection;
pub use session::Session;
pub use swarm::SortKey;

const AFTER_HELP: &str = "\
The admin token is taken from the first of these that is there: --token, --token-file, the variable
MIKA_TOKEN, the file that MIKA_TOKEN_FILE names, admin.token in --data-dir, the configuration of
--config, ./mika-data/admin.token.

Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 not found, 4 conflicts with what is there,
5 server not reachable, 6 the token is refused or may not do it, 78 mistakes in the configuration.";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct ClientArguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Users and their passkeys.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Torrents.
    #[command(subcommand)]
    Torrent(torrent::TorrentCommand),
    /// Roles: classes of users.
    #[command(subcommand)]
    Role(role::RoleCommand),
    /// Which BitTorrent clients may announce: rules by the beginning of the peer id.
    #[command(subcommand, visible_alias = "client-rule")]
    Whitelist(whitelist::WhitelistCommand),
    /// Tokens: a multiplier for one user on one torrent, such as a personal freeleech.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Events: a multiplier for everybody on everything, for a time.
    #[command(subcommand)]
    Event(event::EventCommand),
    /// Many records at once, from a file of JSON lines.
    #[command(subcommand)]
    Bulk(bulk::BulkCommand),
    /// Who announces now: the sessions of a torrent, a user or an address.
    #[command(subcommand)]
    Session(live_sessions::SessionCommand),
    /// Seeders, leechers and snatches of all torrents, and what has changed of them.
    #[command(subcommand)]
    Swarm(swarm::SwarmCommand),
    /// What the tracker holds and has done.
    Stats(watch::Watch),
    /// The metrics in the text format of Prometheus; needs no token.
    Metrics,
    /// What has happened: snatches, first seeds, ratios crossed and others.
    #[command(subcommand, visible_alias = "events")]
    Notification(notification::NotificationCommand),
    /// Addresses that notifications are sent to.
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// Single announces of a user, a torrent or an address, with what became of each.
    #[command(subcommand)]
    Trace(trace::TraceCommand),
    /// Users whose clients report what cannot be: findings, suspects, and what to do about them.
    #[command(subcommand, visible_alias = "cheaters")]
    Cheater(cheater::CheaterCommand),
    /// The configuration of the running tracker.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Write everything that waits to the store, now.
    Flush(flush::FlushArguments),
    /// Rows that the store refused.
    #[command(subcommand)]
    DeadLetter(dead_letter::DeadLetterCommand),
    /// Write everything but peers out, as JSON lines. It contains passkeys.
    Export(state::ExportArguments),
    /// Bring an export in: adds and changes records, deletes none.
    Import(state::ImportArguments),
    /// Tokens with which programs use the admin API.
    #[command(subcommand)]
    ApiToken(api_token::ApiTokenCommand),
    /// Who has changed what.
    Audit(audit::AuditArguments),
    /// Whether the tracker does all of its work; exits with 1 if it does not. Needs no token.
    Health(watch::Watch),
    /// Where the tracker's geo data has an address, and how far it is from another.
    Geo(geo::GeoArguments),
    /// Whether the tracker answers, and its version. Needs no token.
    Ping,
    /// What the tracker is, and whose data it uses. Needs no token.
    About,
}

impl ClientArguments {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("no runtime")?;
        let session = Session::open(&self.connection)?;
        let result = runtime.block_on(self.command.run(&session));
        // A thread that reads from a terminal would not let it end.
        runtime.shutdown_background();
        let is_json = session.is_json();
        result.map_err(|error| session.explain(error)).map_err(|error| match is_json {
            true => ForPrograms(error).into(),
            false => error,
        })
    }
}

impl Command {
    async fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        match self {
            Self::User(command) => command.run(session).await?,
            Self::Torrent(command) => command.run(session).await?,
            Self::Role(command) => command.run(session).await?,
            Self::Whitelist(command) => command.run(session).await?,
            Self::Token(command) => command.run(session).await?,
            Self::Event(command) => command.run(session).await?,
            Self::Bulk(command) => return command.run(session).await,
            Self::Session(command) => command.run(session).await?,
            Self::Swarm(command) => command.run(session).await?,
            Self::Stats(watch) => status::stats(session, watch).await?,
            Self::Metrics => status::metrics(session).await?,
            Self::Notification(command) => command.run(session).await?,
            Self::Webhook(command) => command.run(session).await?,
            Self::Trace(command) => command.run(session).await?,
            Self::Cheater(command) => command.run(session).await?,
            Self::Config(command) => command.run(session).await?,
            Self::Flush(arguments) => arguments.run(session).await?,
            Self::DeadLetter(command) => return command.run(session).await,
            Self::Export(arguments) => arguments.run(session).await?,
            Self::Import(arguments) => return arguments.run(session).await,
            Self::ApiToken(command) => command.run(session).await?,
            Self::Audit(arguments) => arguments.run(session).await?,
            Self::Health(watch) => return status::health(session, watch).await,
            Self::Geo(arguments) => arguments.run(session).await?,
            Self::Ping => status::ping(session).await?,
            Self::About => status::about(session).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
