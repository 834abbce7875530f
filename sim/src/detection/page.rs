//! The generated part of `docs/detection-study.md`, and its plots.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use mika_core::detection::{DetectionSettings, Detector};

use super::outcome::UserOutcome;
use super::rates::{Rate, median, precision, upper_bound};
use super::rivals::Rule;
use super::study::{Group, Study, StudyPlan, has_target};
use super::targets;
use crate::cheats::Cheat;
use crate::study::markdown::{table, write_page};
use crate::study::statistics::Estimate;
use crate::study::svg::Chart;
use crate::world::Access;

/// Whoever has made up less than this has gained little.
pub(super) const MUCH_BYTES: u64 = 10_000_000_000;
const HOUR: f64 = 3600.0;
const DAY: u32 = 86_400;

/// Everything that the page tells.
#[derive(Debug)]
pub struct Results {
    /// What was run.
    pub plan: StudyPlan,
    /// What came of it.
    pub study: Study,
    /// Whether to tell how long things took, which no two runs agree on.
    pub timed: bool,
}

/// Whether a cheat was up for review within a time from the first announce that was not true.
pub(super) fn found_within(user: &UserOutcome, days: u32) -> bool {
    user.seconds_to_review().is_some_and(|seconds| seconds <= days * DAY)
}

impl Results {
    /// Writes the page's part, and the plots, below a directory of documents.
    ///
    /// # Errors
    ///
    /// A file cannot be written, or the page has lost its markers.
    pub fn write(&self, docs: &Path) -> Result<()> {
        write_page(docs, "detection", &self.markdown(), self.charts())
    }

    /// All tables.
    pub fn markdown(&self) -> String {
        let mut out = self.introduction();
        out += &targets::table_of(&self.study, self.timed);
        for (name, chart) in self.charts() {
            let _ = writeln!(out, "![{}](images/{name})\n", chart.title);
        }
        out += &targets::by_amount(&self.study);
        out += &self.by_cheat(Group::Usual);
        out += &self.by_line();
        out += &self.changed_worlds();
        out += &self.honest();
        out += &self.precisions();
        out += &self.rivals();
        out += &self.thresholds();
        out += &self.example();
        out += &self.cost();
        out.trim_end().to_owned()
    }

    fn introduction(&self) -> String {
        let base = &self.plan.base;
        let all = self.study.all();
        let runs = all.clone().count().max(1) as f64;
        let announces = all.clone().map(|run| run.announces as f64).sum::<f64>() / runs / 1e6;
        let moved = all.clone().map(|run| run.moved_bytes as f64).sum::<f64>() / runs / 1e12;
        let epochs = all.clone().map(|run| run.seen.epochs as f64).sum::<f64>() / runs;
        let (counted, wrong) =
            all.fold((0, 0), |sum, run| (sum.0 + run.recomputed.0, sum.1 + run.recomputed.1));
        let mut rows = Vec::new();
        for (group, count) in &self.plan.runs {
            let plan = group.plan(base);
            let first = group.seed(0);
            let last = group.seed(count.saturating_sub(1));
            let months: f64 = self.study.of(*group).map(|run| run.honest_months()).sum();
            rows.push([
                group.name().to_owned(),
                format!("{first}–{last}"),
                plan.cheat_count().to_string(),
                format!("{} s", plan.interval_seconds),
                format!("{months:.0}"),
            ]);
        }
        let header = ["World", "Seeds", "Cheats", "Interval", "Months of honest users"];
        format!(
            "Each run is a site of its own: {} users, {} torrents, {} days. On average a run has \
             {announces:.1} million announces, moves {moved:.0} TB, and closes {epochs:.0} epochs. \
             Of {counted} findings all numbers were worked out again from their inputs; {wrong} \
             did not say what follows from them.\n\n{}",
            base.users,
            base.torrents,
            base.days,
            table(&header, &rows)
        )
    }

    fn by_cheat(&self, group: Group) -> String {
        let mut rows = Vec::new();
        for cheat in Cheat::ALL {
            let all = || self.study.cheats(group, cheat);
            if all().next().is_none() {
                continue;
            }
            let within = |days: u32| Rate::of(all(), |it| found_within(it, days));
            let much = Rate::of(all().filter(|it| it.tally.faked_bytes >= MUCH_BYTES), |it| {
                found_within(it, 30)
            });
            let found: Vec<&UserOutcome> =
                all().filter(|it| it.seconds_to_review().is_some()).collect();
            let middle = |of: &dyn Fn(&UserOutcome) -> Option<f64>| {
                let mut values: Vec<f64> = found.iter().filter_map(|it| of(it)).collect();
                median(&mut values)
            };
            let shown = |value: Option<f64>, digits: usize| {
                value.map_or_else(|| "–".to_owned(), |it| format!("{it:.digits$}"))
            };
            let hours = middle(&|it| Some(f64::from(it.seconds_to_review()?) / HOUR));
            let announces = middle(&|it| Some(f64::from(it.tally.at_review?.1)));
            let faked = middle(&|it| Some(it.tally.at_review?.0 as f64 / 1e9));
            let flagged = Rate::of(all(), |it| it.said.findings.iter().any(|count| *count > 0));
            rows.push([
                cheat.name().to_owned(),
                within(3).shown(),
                format!("{:.2}", within(14).wilson().mean),
                within(30).shown(),
                much.shown(),
                shown(hours, 0),
                shown(announces, 0),
                shown(faked, 1),
                format!("{:.2}", flagged.wilson().mean),
            ]);
        }
        let header = [
            "Cheat",
            "Recall in 72 h",
            "in 14 d",
            "in 30 d",
            "in 30 d, of those with ≥ 10 GB",
            "Hours to review",
            "Announces",
            "GB faked by then",
            "Any finding",
        ];
        format!(
            "## Who is found, and when: the {} world\n\nFound: up for review. Times are medians of \
             those found, from the first announce that was not true. In parentheses: 95 % \
             confidence intervals.\n\n{}",
            group.name(),
            table(&header, &rows)
        )
    }

    /// Who has a fast line seeds much that is true, beside what is not.
    fn by_line(&self) -> String {
        let mut rows = Vec::new();
        for cheat in Cheat::ALL.into_iter().filter(|it| has_target(*it)) {
            let of = |seedbox: bool| {
                let all = self.study.cheats(Group::Usual, cheat);
                let some = all.filter(move |it| (it.person.access == Access::Seedbox) == seedbox);
                Rate::of(some, |it| found_within(it, 30)).shown()
            };
            rows.push([cheat.name().to_owned(), of(false), of(true)]);
        }
        let header = ["Cheat", "Recall in 30 d: lines to homes", "Seedboxes"];
        format!(
            "## Who seeds much beside it\n\nEvery cheat is an ordinary user as well, who downloads \
             and seeds with a real client: on a seedbox much more than what is made up.\n\n{}",
            table(&header, &rows)
        )
    }

    fn changed_worlds(&self) -> String {
        let worlds = [Group::Usual, Group::Harsh, Group::Quick, Group::Slow, Group::Rare];
        let worlds: Vec<Group> =
            worlds.into_iter().filter(|it| self.study.of(*it).next().is_some()).collect();
        let mut header = vec!["Recall in 30 d"];
        header.extend(worlds.iter().map(|it| it.name()));
        let mut rows = Vec::new();
        for cheat in Cheat::ALL {
            let mut row = vec![cheat.name().to_owned()];
            row.extend(worlds.iter().map(|group| {
                let rate = Rate::of(self.study.cheats(*group, cheat), |it| found_within(it, 30));
                if rate.tries == 0 {
                    return "–".to_owned();
                }
                format!("{:.2} of {}", rate.wilson().mean, rate.tries)
            }));
            rows.push(row);
        }
        format!("## Worlds that are different\n\n{}", table(&header, &rows))
    }

    fn honest(&self) -> String {
        let mut rows = Vec::new();
        for group in Group::ALL {
            let months: f64 = self.study.of(group).map(|run| run.honest_months()).sum();
            if months == 0.0 {
                continue;
            }
            let honest = || self.study.users(group).filter(|it| it.is_honest());
            let count = |of: &dyn Fn(&&UserOutcome) -> bool| honest().filter(of).count() as u64;
            let reviews = count(&|it| it.said.review_seconds.is_some());
            let most = honest().map(|it| it.said.score_max).fold(0.0, f64::max);
            rows.push([
                group.name().to_owned(),
                format!("{months:.0}"),
                count(&|it| it.said.note_seconds.is_some()).to_string(),
                reviews.to_string(),
                format!("{:.1e}", reviews as f64 / months),
                format!("≤ {:.1e}", upper_bound(reviews, months)),
                count(&|it| it.said.strong_seconds.is_some()).to_string(),
                format!("{most:.1}"),
            ]);
        }
        let header = [
            "World",
            "Months",
            "Notes",
            "Reviews",
            "Reviews a month",
            "95 % bound",
            "Strong",
            "Highest score",
        ];
        let mut out = format!("## Honest users who are accused\n\n{}", table(&header, &rows));
        out += &self.accused();
        out
    }

    /// Every honest user who was up for review, by what led to it.
    fn accused(&self) -> String {
        let mut rows = Vec::new();
        for group in Group::ALL {
            for run in self.study.of(group) {
                let honest = run.users.iter().filter(|it| it.is_honest());
                for user in honest.filter(|it| it.said.review_seconds.is_some()) {
                    let main = user.said.main_detector();
                    rows.push([
                        group.name().to_owned(),
                        run.seed.to_string(),
                        main.map_or_else(String::new, |it| format!("{it:?}")),
                        causes(user),
                        traits(user),
                        format!("{:.1}", user.said.score_max),
                    ]);
                }
            }
        }
        if rows.is_empty() {
            return "No honest user was up for review in any run.\n\n".to_owned();
        }
        let header = ["World", "Seed", "Main detector", "Findings", "The user", "Highest score"];
        table(&header, &rows)
    }

    fn precisions(&self) -> String {
        let months: f64 = self.study.of(Group::Usual).map(|run| run.honest_months()).sum();
        let honest = self.study.users(Group::Usual).filter(|it| it.is_honest());
        let reviews = honest.filter(|it| it.said.review_seconds.is_some()).count() as u64;
        let cheats = self.study.users(Group::Usual).filter(|it| has_target(it.person.cheat));
        let cheats = cheats.filter(|it| it.tally.first_seconds.is_some());
        let recall = Rate::of(cheats, |it| found_within(it, 30)).wilson();
        let (found, bound) = (reviews as f64 / months.max(1.0), upper_bound(reviews, months));
        let rows = [0.001, 0.01, 0.05].map(|prevalence| {
            [
                format!("{} %", 100.0 * prevalence),
                format!("{:.3}", precision(recall.mean, found, prevalence)),
                format!("{:.3}", precision(recall.low, bound, prevalence)),
            ]
        });
        let header = ["Users who cheat", "Precision", "At the bounds of both rates"];
        format!(
            "## Of those up for review, how many cheat?\n\nBy the recall of the cheats that have a \
             target ({:.2}) and the reviews of honest users a month, in the usual world.\n\n{}",
            recall.mean,
            table(&header, &rows)
        )
    }

    fn rivals(&self) -> String {
        let users = || self.study.users(Group::Usual);
        let cheats = || {
            users().filter(|it| has_target(it.person.cheat) && it.tally.faked_bytes >= MUCH_BYTES)
        };
        let honest = || users().filter(|it| it.is_honest());
        let percent = |rate: Rate| format!("{:.2} %", 100.0 * rate.wilson().mean);
        let mut rows = Vec::new();
        for (at, rule) in Rule::ALL.into_iter().enumerate() {
            for least in [1, 10] {
                rows.push([
                    format!("{}, {least} or more", rule.name()),
                    percent(Rate::of(cheats(), |it| it.rivals[at] >= least)),
                    percent(Rate::of(honest(), |it| it.rivals[at] >= least)),
                ]);
            }
        }
        rows.push([
            "mika, up for review".to_owned(),
            percent(Rate::of(cheats(), |it| it.said.review_seconds.is_some())),
            percent(Rate::of(honest(), |it| it.said.review_seconds.is_some())),
        ]);
        let header = ["Rule, hits in a month", "Cheats found", "Honest users accused"];
        format!(
            "## The rules of other trackers, on the same announces\n\nCheats that have a target, \
             and have made up 10 GB or more.\n\n{}",
            table(&header, &rows)
        )
    }

    fn thresholds(&self) -> String {
        let honest = || self.study.users(Group::Training).filter(|it| it.is_honest());
        let cheats = || {
            let all = self.study.users(Group::Training);
            all.filter(|it| has_target(it.person.cheat) && it.tally.first_seconds.is_some())
        };
        let rows = [4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0].map(|nats| {
            [
                format!("{nats}"),
                honest().filter(|it| it.said.score_max >= nats).count().to_string(),
                Rate::of(cheats(), |it| it.said.score_max >= nats).shown(),
            ]
        });
        let header = ["Score in nats", "Honest users at or above", "Cheats with a target"];
        format!(
            "## Why eight nats\n\nOn seeds for tuning: the highest score that users ever had. A \
             review begins at 8.\n\n{}",
            table(&header, &rows)
        )
    }

    fn example(&self) -> String {
        let Some((finding, cheat)) = self.study.all().find_map(|run| run.example.as_ref()) else {
            return String::new();
        };
        let rows: Vec<[String; 2]> = finding
            .inputs
            .iter()
            .map(|input| [input.name.to_string(), format!("{:.6}", input.value)])
            .collect();
        format!(
            "## A finding to work out by hand\n\nUser {}, torrent {}; in truth: {}. `{}`\n\n{}\
             Observed {:.0}, bound {:.0}, llr {:.6}; score {:.2} before, {:.2} after.\n\n",
            finding.user_id,
            finding.torrent_id.unwrap_or_default(),
            cheat.name(),
            finding.formula,
            table(&["Input", "Value"], &rows),
            finding.observed,
            finding.bound,
            finding.llr,
            finding.score_before,
            finding.score_after,
        )
    }

    fn cost(&self) -> String {
        if !self.timed {
            return String::new();
        }
        let Cost { announce, observe, advance, share } = Cost::of(&self.study);
        let settings = DetectionSettings::default();
        let most = settings.bytes_max() as f64 / 1e6;
        let rows = [
            ["Announce, by function call".to_owned(), format!("{announce:.0} ns")],
            ["Of detection in the background, per announce".to_owned(), format!("{observe:.0} ns")],
            ["The same, of the announce".to_owned(), format!("{:.1} %", 100.0 * share)],
            ["Closing and solving books, per simulated day".to_owned(), format!("{advance:.2} s")],
            ["State at most, by the default limits".to_owned(), format!("{most:.0} MB")],
        ];
        format!(
            "## What it costs\n\nBy the wall clock of one machine that others used, too: these \
             figures differ from run to run.\n\n{}",
            table(&["", ""], &rows)
        )
    }

    fn charts(&self) -> Vec<(&'static str, Chart)> {
        let recall = |cheat: Cheat| {
            let rate = |days| {
                Rate::of(self.study.cheats(Group::Usual, cheat), |it| found_within(it, days))
            };
            (label(cheat.name()), vec![rate(3).wilson(), rate(30).wilson()])
        };
        let recalls = Chart {
            title: "Up for review, of all who cheat: the usual world".to_owned(),
            series: vec!["in 72 hours".to_owned(), "in 30 days".to_owned()],
            groups: Cheat::ALL.into_iter().map(recall).collect(),
            mark: Some(1.0),
        };
        let plain = |value: f64| Estimate { mean: value, low: value, high: value };
        let users = || self.study.users(Group::Usual);
        let rule = |(at, rule): (usize, Rule)| {
            let cheats = users().filter(|it| has_target(it.person.cheat));
            let found = Rate::of(cheats, |it| it.rivals[at] > 0).wilson();
            let honest = users().filter(|it| it.is_honest());
            let accused = Rate::of(honest, |it| it.rivals[at] > 0).wilson();
            (label(rule.name()), vec![found, accused])
        };
        let mut groups: Vec<_> = Rule::ALL.into_iter().enumerate().map(rule).collect();
        let review = |it: &&UserOutcome| it.said.review_seconds.is_some();
        let cheats = users().filter(|it| has_target(it.person.cheat));
        let accused = Rate::of(users().filter(|it| it.is_honest()), review).wilson();
        let mine = vec![Rate::of(cheats, review).wilson(), accused];
        groups.push(("mika: review".to_owned(), mine));
        let rules = Chart {
            title: "Rules on the same announces: shares of users".to_owned(),
            series: vec!["cheats found".to_owned(), "honest users accused".to_owned()],
            groups,
            mark: Some(1.0),
        };
        let hours = |cheat: Cheat| {
            let all = self.study.cheats(Group::Usual, cheat);
            let mut days: Vec<f64> = all
                .filter_map(|it| Some(f64::from(it.seconds_to_review()?) / f64::from(DAY)))
                .collect();
            Some((label(cheat.name()), vec![plain(median(&mut days)?)]))
        };
        let times = Chart {
            title: "Days to review: medians of those found".to_owned(),
            series: vec!["days".to_owned()],
            groups: Cheat::ALL.into_iter().filter_map(hours).collect(),
            mark: Some(3.0),
        };
        vec![
            ("detection-recall.svg", recalls),
            ("detection-times.svg", times),
            ("detection-rules.svg", rules),
        ]
    }
}

/// How long things took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cost {
    /// Nanoseconds of an announce.
    announce: f64,
    /// Nanoseconds of looking at observations, per announce.
    observe: f64,
    /// Seconds of books per simulated day.
    advance: f64,
    /// Of the announce, the part of looking at observations.
    pub(super) share: f64,
}

impl Cost {
    pub(super) fn of(study: &Study) -> Self {
        let sum = |of: &dyn Fn(&super::outcome::Outcome) -> f64| study.all().map(of).sum::<f64>();
        let announces = sum(&|run| run.announces as f64).max(1.0);
        let announcing = sum(&|run| run.spent.announcing.as_secs_f64());
        let observing = sum(&|run| run.spent.observing.as_secs_f64());
        let advancing = sum(&|run| run.spent.advancing.as_secs_f64());
        Self {
            announce: 1e9 * announcing / announces,
            observe: 1e9 * observing / announces,
            advance: advancing / sum(&|run| f64::from(run.days)).max(1.0),
            share: observing / announcing.max(1e-9),
        }
    }
}

/// A name as short as a chart has room for.
fn label(name: &str) -> String {
    let shorter = name.replace("Ratio Ghost", "Ghost").replace("upload into an ", "");
    shorter.replace(", idles without leechers", ", idling")
}

/// What detectors found, and how often.
fn causes(user: &UserOutcome) -> String {
    let counted = Detector::ALL.into_iter().zip(user.said.findings);
    let counted = counted.filter(|(_, count)| *count > 0);
    let words: Vec<String> =
        counted.map(|(detector, count)| format!("{count} {detector:?}")).collect();
    words.join(", ")
}

fn traits(user: &UserOutcome) -> String {
    let person = &user.person;
    let mut words = vec![format!("{:?}", person.access).to_lowercase()];
    let also = [
        (person.moves(), "moves between networks"),
        (person.sleeps, "off at night"),
        (person.second_home, "seedbox beside"),
        (person.firewalled, "firewalled"),
        (person.dual_stack, "dual stack"),
    ];
    words.extend(also.into_iter().filter(|it| it.0).map(|it| it.1.to_owned()));
    words.join(", ")
}
