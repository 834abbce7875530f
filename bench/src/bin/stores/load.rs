//! The load at a start.

use std::time::Instant;

use anyhow::{Context as _, Result};
use mika_core::{Mode, Settings, Tracker};
use mika_server::control;

use super::place;

/// Loads everything into a tracker and prints what it took.
pub async fn one(kind: &str, url: &str) -> Result<()> {
    let store = place::open(kind, url).await?;
    let tracker = Tracker::new(Mode::Private, Settings::default(), [1; 16]);
    let before = status_kib("VmRSS:")?;
    let begin = Instant::now();
    let report = control::load(store.as_ref(), &tracker, 1_700_000_000).await?;
    let seconds = begin.elapsed().as_secs_f64();
    let (peak, after) = (status_kib("VmHWM:")?, status_kib("VmRSS:")?);
    println!(
        "{kind}: {} torrents and {} users in {seconds:.1} s; {} MiB before, {} MiB at the most, {} \
         MiB after",
        report.torrents,
        report.users,
        before / 1024,
        peak / 1024,
        after / 1024
    );
    store.close().await;
    Ok(())
}

fn status_kib(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
