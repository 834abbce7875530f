//! `mika doctor`: what a configuration needs, before it needs it.

use std::process::ExitCode;

use clap::Args;
use mika_server::doctor;
use mika_server::schema::Grade;

use crate::output::{self, Table};
use crate::schema::runtime;
use crate::serve::TrackerArguments;

#[derive(Debug, Args)]
pub struct DoctorArguments {
    #[command(flatten)]
    tracker: TrackerArguments,
}

impl DoctorArguments {
    /// Exits with 1 if something was found.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.tracker.load()?;
        let mut table = Table::new(&["limit", "#count", "#memory"]);
        let mut total = 0_u64;
        for cost in doctor::costs(&config) {
            total = total.saturating_add(cost.bytes);
            let count = if cost.limit.is_empty() { String::new() } else { cost.count.to_string() };
            let name = if cost.limit.is_empty() { "the process itself" } else { cost.limit };
            table.row([name.to_owned(), count, output::bytes(cost.bytes)]);
        }
        table.row(["at worst".to_owned(), String::new(), output::bytes(total)]);
        let mut text = table.render("");
        let journal = output::bytes(config.limits.journal_bytes);
        text.push_str(&format!("\non disk, the journal grows to {journal} at most\n\n"));
        let mut findings = doctor::findings(&config);
        findings.extend(runtime()?.block_on(doctor::store_findings(&config)));
        for finding in &findings {
            let mark = mark(finding.grade);
            text.push_str(&format!("{mark}{}\n", output::printable(&finding.text)));
        }
        output::print(&text)?;
        let all_well = findings.iter().all(|finding| finding.grade < Grade::Bad);
        Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn mark(grade: Grade) -> &'static str {
    match grade {
        Grade::Ok => "ok   ",
        Grade::Note => "note ",
        Grade::Bad => "BAD  ",
    }
}
