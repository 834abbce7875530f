//! `mika config`: look at configurations without running the tracker.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use mika_server::config::Config;
use mika_server::listen::tls::TlsCertificates;

use crate::output;
use crate::serve::process;

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check a configuration: list what is wrong with it, or the values that differ from defaults.
    ///
    /// Exits with 0 if it is fine and with 78 if it has mistakes.
    Check(CheckArguments),
    /// Print a configuration that explains every key and changes none.
    Example,
}

#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The configuration file; without it the environment alone is checked.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigCommand {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Check(arguments) => check(&arguments)?,
            Self::Example => output::print(&Config::example())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn check(arguments: &CheckArguments) -> anyhow::Result<()> {
    let config = Config::load(arguments.config.as_deref(), environment(), [])?;
    if !config.https.listen.is_empty() {
        TlsCertificates::load(&config.https.certificate_file, &config.https.key_file)?;
    }
    process::parse_filter(&config)?;
    let defaults = Config::default().values();
    let values = config.values();
    let mut text = String::new();
    for ((key, value), (_, default)) in values.iter().zip(&defaults) {
        // A token is mostly one that was made at the first start, and never shown.
        if value != default && key.path() != "admin.token" {
            text.push_str(&format!("{} = {value}\n", key.path()));
        }
    }
    if text.is_empty() {
        text.push_str("every value is the default\n");
    }
    for warning in config.warnings() {
        text.push_str(&format!("warning: {warning}\n"));
    }
    output::print(&format!("the configuration is fine\n{text}"))?;
    Ok(())
}

/// The environment as far as it is text; what is not can be no key of the configuration.
pub fn environment() -> Vec<(String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}
