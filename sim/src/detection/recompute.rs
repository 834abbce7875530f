//! Findings worked out again, from nothing but what they say.

use mika_core::detection::{Detector, Finding};

/// The numbers that follow from a finding's inputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recomputed {
    /// What was seen.
    pub observed: f64,
    /// What an honest user stays within.
    pub bound: f64,
    /// What it weighs, before it is clipped.
    pub llr: f64,
}

/// Works a finding out by the words of its formula; `None` of detectors whose formulas are not
/// worked out here, or if an input is missing.
pub fn recompute(finding: &Finding) -> Option<Recomputed> {
    match finding.detector {
        Detector::Conservation | Detector::Ledger => of_books(finding),
        Detector::NoSink => {
            let newcomer = finding.excused_by("new seeder that may have leeched")?;
            let by_size = 2.0 + 0.5 * (finding.observed / 16_777_216.0).log2();
            let llr = if newcomer { 0.5 } else { by_size.clamp(0.5, 3.0) };
            Some(Recomputed { observed: finding.observed, bound: 0.0, llr })
        }
        _ => None,
    }
}

fn of_books(finding: &Finding) -> Option<Recomputed> {
    let get = |name| finding.input(name);
    let (uploaded, downloaded) = (get("uploaded")?, get("downloaded")?);
    let pending = get("pending")?;
    let observed = uploaded - downloaded - get("discarded")?;
    let moved = uploaded + downloaded;
    let sigma = 10e6 + get("noise")? * moved + 0.4 * pending + get("soft")?;
    let excess = observed - pending / 2.0 - get("usual")? * moved;
    let without = (excess - get("others without")?) / sigma;
    let explained = get("fraction")? * get("amount")?;
    let with = (excess - get("others with")? - explained) / sigma;
    let alone = with + explained / sigma;
    let bound = pending + 3.0 * sigma;
    let llr = huber(without).min(huber(alone)) - huber(with);
    Some(Recomputed { observed, bound, llr })
}

fn huber(residual: f64) -> f64 {
    let size = residual.abs();
    if size <= 3.0 { size * size / 2.0 } else { 3.0 * (size - 1.5) }
}

/// What a finding weighs if it is usual on the site; as much as before if it does not say so.
fn rebased(finding: &Finding, llr: f64) -> f64 {
    match (finding.input("share of cheats"), finding.input("share of users")) {
        (Some(cheats), Some(users)) => llr.min((cheats / users.max(1e-5)).ln().max(0.0)),
        _ => llr,
    }
}

/// Whether a finding says what follows from its inputs; `None` if that was not worked out.
pub fn agrees(finding: &Finding) -> Option<bool> {
    let Recomputed { observed, bound, llr } = recompute(finding)?;
    let llr = rebased(finding, llr);
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1.0);
    Some(near(observed, finding.observed) && near(bound, finding.bound) && near(llr, finding.llr))
}
