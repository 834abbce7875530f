//! `mika schema check`: what the live database says of the statements.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mika_server::config::Config;
use mika_server::schema::{self, Grade, Report};

use crate::config::environment;
use crate::output::{self, Table};

#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The configuration file; without it the defaults and the environment count.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl CheckArguments {
    /// Exits with 1 if a statement does not work.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let config = Config::load(self.config.as_deref(), environment(), [])?;
        let report = super::runtime()?.block_on(schema::check(&config.store))?;
        output::print(&told(&config.store.schema, &report))?;
        Ok(match report.grade() {
            Grade::Bad => ExitCode::FAILURE,
            Grade::Ok | Grade::Note => ExitCode::SUCCESS,
        })
    }
}

fn told(schema: &str, report: &Report) -> String {
    let mut table = Table::new(&["STATEMENT", "", "WHAT WAS FOUND"]);
    for check in &report.checks {
        let mut file = check.file;
        for remark in &check.remarks {
            let mark = match remark.grade {
                Grade::Ok => "ok",
                Grade::Note => "note",
                Grade::Bad => "BAD",
            };
            table.row([file.to_owned(), mark.to_owned(), remark.text.clone()]);
            file = "";
            if !remark.hint.is_empty() {
                table.row([String::new(), String::new(), format!("→ {}", remark.hint)]);
            }
        }
    }
    let bad = report.checks.iter().filter(|check| check.grade() == Grade::Bad).count();
    let all = report.checks.len();
    let mut text = table.render("no statements");
    text.push_str(&match bad {
        0 => format!("\nschema {schema} works on this database; nothing was changed in it\n"),
        bad => format!("\n{bad} of {all} do not work; nothing was changed in the database\n"),
    });
    text
}
