//! Simulates a site around the tracker core.
#![forbid(unsafe_code)]

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(version, about = "Simulates users, clients and transfers around the tracker core")]
struct Arguments {
    #[command(subcommand)]
    study: StudyKind,
}

#[derive(Debug, Subcommand)]
enum StudyKind {
    /// Compares strategies of peer selection with uniform, and prints tables in Markdown
    Selection(mika_sim::study::command::Command),
    /// Tries cheater detection on honest users and on cheats, and prints tables in Markdown
    Detection(mika_sim::detection::command::Command),
}

fn main() -> Result<()> {
    match Arguments::parse().study {
        StudyKind::Selection(selection) => selection.run(),
        StudyKind::Detection(detection) => detection.run(),
    }
}
