//! `mika client`: administer a running tracker.

mod event;
mod pages;
mod role;
mod session;
mod status;
mod token;
mod torrent;
mod user;
mod whitelist;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

pub use session::Session;

const AFTER_HELP: &str = "\
The admin token is taken from the first of these that is there: --token, --token-file, the variable
MIKA_TOKEN, admin.token in --data-dir, the configuration of --config, ./mika-data/admin.token.

Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 not found, 4 conflicts with what is there,
5 server not reachable, 78 mistakes in the configuration.";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct ClientArguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

/// How to reach the tracker, and how to print what it says.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// The admin API [default: that of --config, or http://127.0.0.1:34001].
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// The admin token; other users of this machine may see it in the process list.
    #[arg(long, global = true, value_name = "TOKEN", conflicts_with = "token_file")]
    token: Option<String>,
    /// The file with the admin token.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The tracker's data directory, in which admin.token is.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The tracker's configuration file.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
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
    #[command(subcommand)]
    Whitelist(whitelist::WhitelistCommand),
    /// Tokens: a multiplier for one user on one torrent, such as a personal freeleech.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Events: a multiplier for everybody on everything, for a time.
    #[command(subcommand)]
    Event(event::EventCommand),
    /// What the tracker holds and has done.
    Stats,
    /// The configuration of the running tracker.
    #[command(subcommand)]
    Config(status::ConfigCommand),
    /// Write everything that waits to the store, now.
    Flush,
    /// Whether the tracker runs and does all of its work; exits with 1 if it does not.
    Health,
}

impl ClientArguments {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("no runtime")?;
        let session = Session::open(&self.connection)?;
        let result = runtime.block_on(self.command.run(&session));
        result.map_err(|error| session.explain(error))
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
            Self::Stats => status::stats(session).await?,
            Self::Config(status::ConfigCommand::Reload) => status::reload(session).await?,
            Self::Flush => status::flush(session).await?,
            Self::Health => return status::health(session).await,
        }
        Ok(ExitCode::SUCCESS)
    }
}
