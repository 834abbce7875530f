//! `mika serve`: run the tracker.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mika_server::config::Config;
use mika_server::control::AnnounceUrls;

use crate::config::environment;
use crate::output;

#[derive(Debug, Args)]
pub struct ServeArguments {
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

impl ServeArguments {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.load()?;
        output::print(&welcome(&config))?;
        run_server(config)?;
        Ok(ExitCode::SUCCESS)
    }

    fn load(&self) -> anyhow::Result<Config> {
        let mut overrides = Vec::new();
        if self.public {
            overrides.push(("tracker.mode".to_owned(), "public".to_owned()));
            let register = "tracker.auto_register_torrents".to_owned();
            overrides.push((register, "true".to_owned()));
        }
        if let Some(dir) = &self.data_dir {
            let dir = dir.to_str().ok_or_else(|| anyhow::anyhow!("--data-dir is not UTF-8"))?;
            overrides.push(("data.dir".to_owned(), dir.to_owned()));
        }
        Ok(Config::load(self.config.as_deref(), environment(), overrides)?)
    }
}

fn run_server(_config: Config) -> anyhow::Result<()> {
    anyhow::bail!("this build has no server yet")
}

/// What somebody who starts a tracker for the first time needs next.
fn welcome(config: &Config) -> String {
    let mut text = String::new();
    for (index, form) in AnnounceUrls::from_config(config).forms().iter().enumerate() {
        let name = if index == 0 { "announce URL" } else { "" };
        text.push_str(&format!("{name:<14}{}\n", form.replace("{passkey}", "PASSKEY")));
    }
    text.push_str(&format!("{:<14}http://{}\n", "admin API", config.admin.listen));
    text.push_str(&format!("{:<14}{}\n", "data", config.data.dir.display()));
    text.push_str("add a user     mika client user add NAME\n");
    text.push_str("add a torrent  mika client torrent add FILE.torrent\n");
    text.replace("announce URL  ", "announce URL   ")
        .replace("admin API     ", "admin API      ")
}
