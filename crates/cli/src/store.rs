//! `mika store`: what a store has to do, before a tracker uses it.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use mika_store::http::HttpOptions;
use mika_store::http::check::{Check, Outcome, check};

use crate::exit::FAILED;
use crate::output;

/// The variables that a tracker would read.
const TOKEN_VARIABLE: &str = "MIKA__STORE_HTTP__TOKEN";
const SECRET_VARIABLE: &str = "MIKA__STORE_HTTP__SECRET";

#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Check a site's HTTP API, endpoint by endpoint: see docs/http-store.md.
    CheckHttp(CheckHttpArguments),
}

#[derive(Args)]
pub struct CheckHttpArguments {
    /// What stands before /api/, as in https://site.example.
    url: String,
    /// The token that the site expects; without it, MIKA__STORE_HTTP__TOKEN counts.
    #[arg(long)]
    token: Option<String>,
    /// The secret that the site verifies signatures with; without it, MIKA__STORE_HTTP__SECRET
    /// counts.
    #[arg(long)]
    secret: Option<String>,
    /// Seconds that a request may take.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout_seconds: u64,
    /// Send batches even if the site has had some: adds a few bytes to the first user and torrent,
    /// and moves the checkpoint. Never to a site that a tracker uses.
    #[arg(long)]
    write: bool,
}

impl std::fmt::Debug for CheckHttpArguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckHttpArguments").field("url", &self.url).finish_non_exhaustive()
    }
}

impl StoreCommand {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::CheckHttp(arguments) => arguments.run(),
        }
    }
}

impl CheckHttpArguments {
    /// Exits with 1 if something is wrong.
    fn run(self) -> anyhow::Result<ExitCode> {
        let given = |argument: Option<String>, variable| {
            argument.or_else(|| std::env::var(variable).ok()).unwrap_or_default()
        };
        let options = HttpOptions {
            url: self.url,
            token: given(self.token, TOKEN_VARIABLE),
            secret: given(self.secret, SECRET_VARIABLE),
            call_timeout: Duration::from_secs(self.timeout_seconds),
            ..HttpOptions::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut wrong, mut skipped, mut printed) = (0, 0, Ok(()));
        let mut report = |check: &Check| {
            wrong += u32::from(matches!(check.outcome, Outcome::Wrong(_)));
            skipped += u32::from(matches!(check.outcome, Outcome::Skipped(_)));
            if printed.is_ok() {
                printed = output::print(&format!("{}\n", output::printable(&check.to_string())));
            }
        };
        let all_well = runtime.block_on(check(&options, self.write, &mut report))?;
        printed?;
        let not_tried = if skipped > 0 { format!(", {skipped} not tried") } else { String::new() };
        let text = match all_well {
            true => format!("\nnothing is wrong{not_tried}\n"),
            false => format!("\n{wrong} wrong{not_tried}: see docs/http-store.md\n"),
        };
        output::print(&text)?;
        Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
    }
}
