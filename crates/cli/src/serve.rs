//! `mika serve`: run the tracker.

pub mod process;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use mika_server::config::{Config, Mode};
use mika_server::control::AnnounceUrls;
use tracing::{info, warn};

use crate::config::environment;
use crate::output;

/// Which tracker it is.
#[derive(Debug, Args)]
pub struct TrackerArguments {
    /// The configuration file; without it the defaults and the environment count.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Let anybody announce any torrent: no users, no accounting.
    #[arg(long)]
    public: bool,
    /// The directory for everything that the tracker keeps [default: ./mika-data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ServeArguments {
    #[command(flatten)]
    tracker: TrackerArguments,
}

impl ServeArguments {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let client = self.tracker.client_command();
        let read = move || self.tracker.load();
        let config: Config = read()?;
        let words = config.clone();
        process::run(config, read, move |started| {
            if words.tracker.announce_url_base.is_empty() {
                info!("tracker.announce_url_base is not set: announce URLs have this host's name");
            }
            if let Err(error) = output::print(&welcome(&words, &started.admin, &client)) {
                warn!(%error, "standard output cannot be written");
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl TrackerArguments {
    /// Its configuration.
    pub fn load(&self) -> anyhow::Result<Config> {
        Ok(Config::load(self.config.as_deref(), environment(), self.overrides()?)?)
    }

    /// How the client finds this tracker.
    fn client_command(&self) -> String {
        let mut command = "mika client".to_owned();
        for (option, path) in [("--config", &self.config), ("--data-dir", &self.data_dir)] {
            if let Some(path) = path {
                command.push_str(&format!(" {option} {}", path.display()));
            }
        }
        command
    }

    /// What the command line says goes before the file and the environment.
    fn overrides(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut overrides = Vec::new();
        if self.public {
            overrides.push(("tracker.mode".to_owned(), "public".to_owned()));
            overrides.push(("tracker.auto_register_torrents".to_owned(), "true".to_owned()));
        }
        if let Some(dir) = &self.data_dir {
            let dir = dir.to_str().context("--data-dir is not UTF-8")?;
            overrides.push(("data.dir".to_owned(), dir.to_owned()));
        }
        Ok(overrides)
    }
}

/// What somebody who starts a tracker for the first time needs next.
fn welcome(config: &Config, admin: &str, client: &str) -> String {
    let mut lines: Vec<(&str, String)> = Vec::new();
    for form in AnnounceUrls::from_config(config).forms() {
        let name = if lines.is_empty() { "announce URL" } else { "" };
        lines.push((name, form.replace("{passkey}", "PASSKEY")));
    }
    lines.push(("admin API", admin.to_owned()));
    lines.push(("data", config.data.dir.display().to_string()));
    if config.tracker.mode == Mode::Private {
        lines.push(("add a user", format!("{client} user add NAME")));
    }
    if !config.tracker.auto_register_torrents {
        lines.push(("add a torrent", format!("{client} torrent add FILE.torrent")));
    }
    output::fields(&lines)
}
