//! `mika top`: a running tracker, watched at a terminal.
//!
//! * `top/model.rs`: what is shown, and `top/rates.rs`: how it changes per second. No terminal, no
//!   clock.
//! * `top/input.rs`: what a key means.
//! * `top/draw.rs`: the model as a frame of any size.
//! * `top/source.rs`: the admin API, which is all that is asked.
//! * `top/screen.rs`: the terminal, which is left as it was however the program ends.
//! * `top/watch.rs`: the loop that brings them together; `top/once.rs`: one frame, for scripts.

mod draw;
mod input;
mod model;
mod once;
mod rates;
mod screen;
mod source;
mod watch;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;

use crate::client::{Connection, Session, SortKey};
use model::Order;
use source::Source;

const AFTER_HELP: &str = "\
Keys: q quits, s sorts by the next column, S turns the order round, arrows choose a column and move
through the list, p pauses, ? helps.

Exit codes: 0 done, 1 failed, 2 wrong arguments, 5 server not reachable, 78 mistakes in the
configuration. A tracker that goes away later is waited for.";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct TopArguments {
    #[command(flatten)]
    connection: Connection,
    /// Seconds between two looks at the tracker.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 2,
        value_parser = clap::value_parser!(u32).range(1..=3600)
    )]
    interval_seconds: u32,
    /// The column that swarms are sorted by.
    #[arg(long, value_name = "COLUMN", default_value = "peers")]
    sort: SortKey,
    /// The smallest first.
    #[arg(long)]
    ascending: bool,
    /// Print one frame without colours and exit; the rates are of one interval.
    #[arg(long)]
    once: bool,
}

impl TopArguments {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("no runtime")?;
        let session = Session::open(&self.connection)?;
        if !self.once {
            if session.is_json() {
                bail!("--json prints one frame: add --once");
            }
            if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
                bail!("this is not a terminal: --once prints one frame");
            }
        }
        let source = Source::new(session.client.clone());
        let order = Order { by: self.sort.into(), ascending: self.ascending };
        let result = if self.once {
            runtime.block_on(once::print(&session, &source, order, self.interval_seconds))
        } else {
            runtime.block_on(watch::run(source, order, self.interval_seconds))
        };
        // A call that is still under way does not hold up the exit.
        runtime.shutdown_background();
        result.map_err(|error| session.explain(error))
    }
}
