//! The load at a start.

use std::time::Instant;

use anyhow::{Context as _, Result};
use mika_core::site::Preset;
use mika_core::{Mode, Tracker};
use mika_server::control;

use super::place;

/// Loads everything into a tracker and prints what it took.
pub async fn one(kind: &str, url: &str) -> Result<()> {
    let store = place::open(kind, url).await?;
    let is_site = kind == "unit3d";
    let mut settings = if is_site { Preset::Unit3d } else { Preset::Mika }.settings();
    settings.keep_peer_ids = is_site;
    let tracker = Tracker::new(Mode::Private, settings, [1; 16]);
    let before = status_kib("VmRSS:")?;
    let begin = Instant::now();
    let report = control::load(store.as_ref(), &tracker, 1_700_000_000).await?;
    println!(
        "{kind}: {} torrents and {} users in {:.1} s; {} MiB before, {}",
        report.torrents,
        report.users,
        begin.elapsed().as_secs_f64(),
        before / 1024,
        memory()?
    );
    let begin = Instant::now();
    let peers = control::import_peers(store.as_ref(), &tracker).await?;
    if peers > 0 {
        let seconds = begin.elapsed().as_secs_f64();
        println!("{kind}: and {peers} peers in {seconds:.1} s; {}", memory()?);
    }
    store.close().await;
    Ok(())
}

fn memory() -> Result<String> {
    let (peak, now) = (status_kib("VmHWM:")?, status_kib("VmRSS:")?);
    Ok(format!("{} MiB at the most, {} MiB after", peak / 1024, now / 1024))
}

fn status_kib(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
