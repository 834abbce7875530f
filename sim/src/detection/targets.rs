//! What detection is to achieve. A target missed is printed as missed.

use super::page::{Cost, found_within};
use super::rates::{Rate, upper_bound};
use super::study::{Group, Study};
use crate::cheats::Cheat;
use crate::study::markdown::table;

/// A share of cheats that is to be up for review in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// Of which cheats.
    pub cheat: Cheat,
    /// Days from the first announce that was not true.
    pub days: u32,
    /// The share.
    pub least: f64,
}

/// Below so many bytes each, how much somebody has made up.
const AMOUNTS_BYTES: [(&str, u64); 4] = [
    ("< 1 GB", 1_000_000_000),
    ("1–3 GB", 3_000_000_000),
    ("3–10 GB", 10_000_000_000),
    ("≥ 10 GB", u64::MAX),
];

/// All of them.
pub const TARGETS: [Target; 7] = [
    target(Cheat::Joal, 3, 0.99),
    target(Cheat::RatioMasterOld, 3, 0.99),
    target(Cheat::RatioMasterNew, 3, 0.99),
    target(Cheat::Rustatio, 3, 0.99),
    target(Cheat::RustatioIdle, 3, 0.99),
    target(Cheat::DownloadZero, 14, 0.95),
    target(Cheat::GhostMultiplier, 30, 0.75),
];

/// Reviews of an honest user a month.
const ACCUSED_MAX: f64 = 1e-4;
/// Months without which that cannot be claimed.
const MONTHS_MIN: f64 = 30_000.0;
/// Of the work of an announce.
const CPU_MAX: f64 = 0.05;

const fn target(cheat: Cheat, days: u32, least: f64) -> Target {
    Target { cheat, days, least }
}

/// Days for the target of a cheat; 30 of one without.
pub fn days_for(cheat: Cheat) -> u32 {
    TARGETS.iter().find(|it| it.cheat == cheat).map_or(30, |it| it.days)
}

fn verdict(met: bool) -> String {
    if met { "met" } else { "**missed**" }.to_owned()
}

/// The targets, and what became of them.
pub fn table_of(study: &Study, timed: bool) -> String {
    let mut rows = Vec::new();
    for Target { cheat, days, least } in TARGETS {
        let rate = Rate::of(study.cheats(Group::Usual, cheat), |it| found_within(it, days));
        let found = rate.wilson();
        let certain = (found.low >= least) == (found.mean >= least)
            && (found.high >= least) == (found.mean >= least);
        let by_mean = if certain { "" } else { " by the mean" };
        rows.push([
            format!("{}: recall in {days} days", cheat.name()),
            format!("≥ {least}"),
            rate.shown(),
            verdict(found.mean >= least) + by_mean,
        ]);
    }
    let months: f64 = study.of(Group::Usual).map(|run| run.honest_months()).sum();
    let honest = study.users(Group::Usual).filter(|it| it.is_honest());
    let reviews = honest.filter(|it| it.said.review_seconds.is_some()).count() as u64;
    let bound = upper_bound(reviews, months);
    rows.push([
        "honest users up for review, a month".to_owned(),
        format!("≤ {ACCUSED_MAX:.0e}"),
        format!("{reviews} in {months:.0} months (≤ {bound:.1e})"),
        verdict(bound <= ACCUSED_MAX),
    ]);
    rows.push([
        "months of honest users among cheats".to_owned(),
        format!("≥ {MONTHS_MIN}"),
        format!("{months:.0}"),
        verdict(months >= MONTHS_MIN),
    ]);
    if timed {
        let share = Cost::of(study).share;
        rows.push([
            "detection in the background, of an announce by function call".to_owned(),
            format!("≤ {} %", 100.0 * CPU_MAX),
            format!("{:.1} %", 100.0 * share),
            verdict(share <= CPU_MAX),
        ]);
    }
    format!("## Are the targets met?\n\n{}", table(&["", "Target", "Found", ""], &rows))
}

/// Who is found in time, by what there was to find: upload that is small beside what books vary by
/// cannot show in them.
pub fn by_amount(study: &Study) -> String {
    let mut header = vec!["Found in time, of those who by then had made up"];
    header.extend(AMOUNTS_BYTES.map(|(name, _)| name));
    let rows = TARGETS.map(|Target { cheat, days, .. }| {
        let mut row = vec![format!("{}: {days} days", cheat.name())];
        let mut least = 0;
        for (_, below) in AMOUNTS_BYTES {
            let all = study.cheats(Group::Usual, cheat);
            let some = all.filter(|it| (least..below).contains(&it.tally.faked_within(days)));
            row.push(Rate::of(some, |it| found_within(it, days)).counted());
            least = below;
        }
        row
    });
    format!("## How much was there to find?\n\n{}", table(&header, &rows))
}
