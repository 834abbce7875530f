//! How to reach the tracker, as arguments and variables.

use std::path::PathBuf;

use clap::Args;

/// How to reach the tracker, and how to print what it says.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// The admin API [default: that of --config, MIKA_URL, or http://127.0.0.1:34001].
    #[arg(long, global = true, value_name = "URL")]
    pub(super) url: Option<String>,
    /// The unix socket of the admin API, in place of a URL [default: MIKA_SOCKET].
    #[arg(long, global = true, value_name = "PATH", conflicts_with = "url")]
    pub(super) socket: Option<PathBuf>,
    /// PEM file with the only authority that https:// is believed by [default: MIKA_CA_FILE].
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// The admin token; other users of this machine may see it in the process list.
    #[arg(long, global = true, value_name = "TOKEN", conflicts_with = "token_file")]
    pub(super) token: Option<String>,
    /// The file with the admin token.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// The tracker's data directory, in which admin.token is.
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// The tracker's configuration file.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Make the change only if the record is still this version, which `get --etag` prints; else
    /// nothing is changed, and the exit code is 4.
    #[arg(long, global = true, value_name = "ETAG")]
    pub(super) if_match: Option<String>,
    /// Add only once, however often the command is given with this key. Kept for 24 hours.
    #[arg(long, global = true, value_name = "KEY")]
    pub(super) idempotency_key: Option<String>,
    /// Print JSON, errors on standard error too.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Ask nothing: do it.
    #[arg(long, short = 'y', global = true)]
    pub(super) yes: bool,
}

/// What the environment says of the connection. An empty variable says nothing.
#[derive(Default)]
pub(super) struct Variables {
    pub(super) url: Option<String>,
    pub(super) socket: Option<PathBuf>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) token: Option<String>,
    pub(super) token_file: Option<PathBuf>,
}

impl Variables {
    /// The variable with the token.
    pub(super) const TOKEN: &'static str = "MIKA_TOKEN";

    /// Those of the process.
    pub(super) fn of_process() -> Self {
        let text = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            url: text("MIKA_URL"),
            socket: path("MIKA_SOCKET").map(PathBuf::from),
            ca_file: path("MIKA_CA_FILE").map(PathBuf::from),
            token: text(Self::TOKEN),
            token_file: path("MIKA_TOKEN_FILE").map(PathBuf::from),
        }
    }
}
