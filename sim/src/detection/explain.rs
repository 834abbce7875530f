//! What led to each accusation, and what is missing of those that came late: for whoever tunes.

use std::fmt::Write as _;

use mika_core::detection::{Detector, Finding};

use super::outcome::UserOutcome;
use super::run::Run;
use super::study::has_target;
use super::targets::days_for;
use crate::cheats::Cheat;
use crate::tracker::START_SECONDS;

const HOUR: f64 = 3600.0;
/// Findings told of one user.
const FINDINGS_TOLD: usize = 16;
/// Honest users from this score on are told of.
const NATS_MIN: f64 = 5.0;

fn hours(seconds: u32) -> f64 {
    f64::from(seconds) / HOUR
}

/// Honest users with a score, and cheats with a target that were found after three days or never:
/// what was found of each, and who else cheats on those torrents.
pub fn explain(run: &Run, users: &[UserOutcome]) -> String {
    let mut out = String::new();
    for cheat in Cheat::ALL {
        let all = || users.iter().filter(|it| it.person.cheat == cheat);
        let mut times: Vec<u32> = all().filter_map(UserOutcome::seconds_to_review).collect();
        times.sort_unstable();
        let shown: Vec<String> = times.iter().map(|it| format!("{:.0}", hours(*it))).collect();
        let name = cheat.name();
        let _ =
            writeln!(out, "{name}: {} of {}: {} h", times.len(), all().count(), shown.join(" "));
    }
    for (number, user) in users.iter().enumerate() {
        let late = user.seconds_to_review().is_none_or(|seconds| seconds > 3 * 86_400);
        let told = match user.is_honest() {
            true => user.said.score_max >= NATS_MIN,
            false => has_target(user.person.cheat) && late,
        };
        if told {
            one(run, number, user, &mut out);
        }
    }
    out
}

fn one(run: &Run, number: usize, user: &UserOutcome, out: &mut String) {
    let (person, tally) = (&user.person, &user.tally);
    let _ = writeln!(
        out,
        "\n## user {number}, {}, {:?}, {:.1} MB/s, {:?}; since {:.0} h, {:.1} GB, {:.1} in \
         time; review {:?} h, score {:.1}",
        person.cheat.name(),
        person.access,
        person.up / 1e6,
        person.look,
        tally.first_seconds.map_or(0.0, hours),
        tally.faked_bytes as f64 / 1e9,
        tally.faked_within(days_for(person.cheat)) as f64 / 1e9,
        user.said.review_seconds.map(|it| hours(it) as u32),
        user.said.score_max,
    );
    let id = number as u32 + 1;
    let mut told = 0;
    for finding in run.site.findings().filter(|it| it.user_id == id && it.gained != 0.0) {
        told += 1;
        if told <= FINDINGS_TOLD {
            line(run, finding, out);
        }
    }
    let _ = writeln!(out, "{told} findings that count");
}

fn line(run: &Run, finding: &Finding, out: &mut String) {
    let get = |name: &str| finding.input(name).unwrap_or(0.0);
    let at = |seconds: u32| hours(seconds.saturating_sub(START_SECONDS));
    let (from, to) = finding.window_seconds;
    let _ = write!(
        out,
        "{:6.1} h {:?} t{} [{:.1}, {:.1}] llr {:.2} score {:.1}",
        at(finding.at_seconds),
        finding.detector,
        finding.torrent_id.unwrap_or(0),
        at(from),
        at(to),
        finding.llr,
        finding.score_after,
    );
    let of_books = matches!(finding.detector, Detector::Conservation | Detector::Ledger);
    if of_books {
        let _ = write!(
            out,
            " R {:.2} GB, sigma {:.2}, soft {:.2}, pending {:.2}, amount {:.2}, x {:.2}, z {:.1}, \
             r {:.1} to {:.1}",
            finding.observed / 1e9,
            get("sigma") / 1e9,
            get("soft") / 1e9,
            get("pending") / 1e9,
            get("amount") / 1e9,
            get("fraction"),
            get("z"),
            get("r0"),
            get("r1"),
        );
    } else {
        let _ = write!(out, " observed {:.3e}, bound {:.3e}", finding.observed, finding.bound);
    }
    if let Some(torrent_id) = finding.torrent_id {
        let others = run.cheats_on(torrent_id - 1, finding.user_id - 1);
        let _ = write!(out, "; also {others:?}");
    }
    out.push('\n');
}
