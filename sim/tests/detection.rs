//! Small sites with one cheat or one excuse, and the study in its short form.
#![allow(clippy::unwrap_used, reason = "a proof that cannot go on fails")]

use std::fs;

use mika_core::detection::{Detector, Finding, Level};
use mika_sim::cheats::Cheat;
use mika_sim::detection::page::Results;
use mika_sim::detection::plan::{Noise, SitePlan};
use mika_sim::detection::run::Run;
use mika_sim::detection::site::{FEED_SECONDS, Reply, Site};
use mika_sim::detection::study::{Study, StudyPlan};
use mika_sim::detection::{recompute, record};
use mika_sim::tracker::START_SECONDS;

const DAY: u32 = 86_400;
const HOUR: u32 = 3600;

fn run(plan: SitePlan, seed: u64) -> Run {
    let mut run = Run::new(plan, seed).unwrap();
    run.run().unwrap();
    run
}

/// Users whom detection holds anything of a level against, at the end.
fn suspects(run: &Run, level: Level) -> Vec<u32> {
    let now_seconds = START_SECONDS + run.plan.days * DAY;
    let all = run.site.detection().suspects(level, now_seconds);
    all.iter().map(|it| it.user_id - 1).collect()
}

fn user_who(run: &Run, cheat: Cheat) -> usize {
    run.people.iter().position(|it| it.cheat == cheat).unwrap()
}

fn findings_of(run: &Run, user: usize) -> Vec<&Finding> {
    run.site.findings().filter(|it| it.user_id as usize == user + 1).collect()
}

#[test]
fn honest_books_balance_to_the_byte() {
    let run = run(SitePlan { noise: Noise::NONE, ..SitePlan::short() }, 1);
    let (uploaded, downloaded) = run.real_bytes();
    assert_eq!(uploaded, downloaded);
    assert_eq!(uploaded, run.moved_bytes());
    assert!(uploaded > 100_000_000_000, "{uploaded} bytes");
    assert!(run.site.seen().epochs > 50, "{:?}", run.site.seen());
    assert!(suspects(&run, Level::Note).is_empty());
}

#[test]
fn a_seed_gives_the_same_run_each_time() {
    let plan = SitePlan { days: 2, ..SitePlan::short() }.with([(Cheat::Rustatio, 2)]);
    let of = |seed| {
        let run = run(plan.clone(), seed);
        let findings: Vec<Finding> = run.site.findings().cloned().collect();
        (run.site.announces, run.real_bytes(), findings)
    };
    let first = of(3);
    assert!(!first.2.is_empty());
    assert_eq!(first, of(3));
    assert_ne!(first.1, of(4).1);
}

#[test]
fn b2_nobody_of_an_honest_site_is_up_for_review() {
    for seed in [1001, 1002] {
        let run = run(SitePlan::short(), seed);
        assert!(suspects(&run, Level::Review).is_empty(), "seed {seed}");
        let reviewed =
            (0..run.people.len()).filter(|user| run.site.watch.of(*user).review_seconds.is_some());
        assert_eq!(reviewed.count(), 0, "seed {seed}");
        assert_eq!(run.site.seen().dropped, 0);
    }
}

#[test]
fn b3_joal_on_20_torrents_is_up_for_review_in_72_hours_with_a_record_to_recompute() {
    let plan = SitePlan { users: 250, torrents: 120, days: 4, ..SitePlan::whole() };
    let run = run(plan.with([(Cheat::Joal, 1)]), 1);
    let joal = user_who(&run, Cheat::Joal);
    let said = run.site.watch.of(joal);
    let since = said.review_seconds.unwrap() - run.tally[joal].first_seconds.unwrap();
    assert!(since <= 72 * HOUR, "{} hours", since / HOUR);
    assert_eq!(suspects(&run, Level::Review), [joal as u32]);
    let books = findings_of(&run, joal);
    let books: Vec<_> =
        books.into_iter().filter(|it| it.detector == Detector::Conservation).collect();
    assert!(!books.is_empty());
    for finding in books {
        assert_eq!(recompute::agrees(finding), Some(true), "{finding:?}");
        assert!(finding.input("pending").is_some() && finding.formula.contains("R = uploaded"));
    }
}

#[test]
fn b7_download_zero_is_up_for_review_in_14_days_and_cross_seeders_never() {
    let plan = SitePlan { users: 100, torrents: 50, days: 15, ..SitePlan::whole() };
    let run = run(plan.with([(Cheat::DownloadZero, 1)]), 2);
    let zero = user_who(&run, Cheat::DownloadZero);
    let said = run.site.watch.of(zero);
    let since = said.review_seconds.unwrap() - run.tally[zero].first_seconds.unwrap();
    assert!(since <= 14 * DAY, "{} hours", since / HOUR);
    assert_eq!(suspects(&run, Level::Review), [zero as u32]);
}

#[test]
fn b7_cross_seeders_and_rechecks_are_never_flagged() {
    let noise = Noise { cross_seeds: 0.5, rechecks: 0.2, ..Noise::NONE };
    let run = run(SitePlan { noise, ..SitePlan::short() }, 1);
    assert!(suspects(&run, Level::Note).is_empty());
    assert!(run.site.seen().epochs > 30, "{:?}", run.site.seen());
}

#[test]
fn b8_leechers_that_are_killed_accuse_no_seeder() {
    let noise = Noise { aborted: 0.6, stopped_lost: 1.0, crashes: 0.3, ..Noise::NONE };
    let run = run(SitePlan { noise, ..SitePlan::short() }, 1);
    assert!(suspects(&run, Level::Review).is_empty());
    assert!(run.site.seen().epochs > 30, "{:?}", run.site.seen());
}

#[test]
fn b9_a_line_that_becomes_fifty_times_faster_is_no_review() {
    let plan = SitePlan { users: 60, torrents: 20, days: 8, ..SitePlan::short() };
    let mut run = Run::new(SitePlan { downloads_per_day: 2.0, ..plan }, 1).unwrap();
    run.run_until(5 * DAY).unwrap();
    run.people.iter_mut().step_by(3).for_each(|it| it.up = (it.up * 50.0).min(1.25e9));
    run.run().unwrap();
    assert!(suspects(&run, Level::Review).is_empty());
    let history = run.site.findings().filter(|it| it.detector == Detector::History);
    for finding in history {
        assert!(finding.gained <= 1.0 && finding.detector.says().contains("seedbox?"));
    }
}

#[test]
fn b10_families_with_dual_stack_and_two_clients_share_no_passkey() {
    let mut run = Run::new(SitePlan { days: 3, ..SitePlan::short() }, 1).unwrap();
    for person in &mut run.people {
        (person.dual_stack, person.second_home) = (true, true);
    }
    run.run().unwrap();
    let shared = run
        .site
        .findings()
        .filter(|it| matches!(it.detector, Detector::Networks | Detector::Travel));
    let moving = |it: &&Finding| run.people[it.user_id as usize - 1].moves();
    assert_eq!(shared.filter(|it| !moving(it)).count(), 0);
}

#[test]
fn every_number_of_the_findings_follows_from_their_inputs() {
    let plan = SitePlan::short().with([(Cheat::Rustatio, 1), (Cheat::RatioMasterNew, 1)]);
    let run = run(plan, 5);
    let agree: Vec<bool> = run.site.findings().filter_map(recompute::agrees).collect();
    assert!(agree.len() > 20, "{}", agree.len());
    assert!(agree.iter().all(|it| *it));
}

#[test]
fn announces_that_are_recorded_and_sent_again_give_the_same_findings() {
    let plan = SitePlan { users: 60, torrents: 30, days: 2, ..SitePlan::short() };
    let plan = plan.with([(Cheat::Rustatio, 1), (Cheat::RatioPy, 1), (Cheat::DownloadZero, 1)]);
    let mut run = Run::new(plan.clone(), 1).unwrap();
    run.site.record = Some(Vec::new());
    run.run().unwrap();
    let recorded = run.site.record.take().unwrap();
    let sizes: Vec<u64> = run.torrents.iter().map(|it| it.size).collect();
    let mut again = Site::new(plan.users, &sizes, plan.interval_seconds, 1).unwrap();
    let (mut ticked, mut reply) = (0, Reply::default());
    for (at_seconds, said) in &recorded {
        let (at, request, source) = record::parse(&record::line(*at_seconds, said)).unwrap();
        let direct = again.request(said);
        assert_eq!((at, request.event, request.left), (*at_seconds, direct.event, direct.left));
        while ticked < at {
            again.tick(ticked);
            ticked += FEED_SECONDS;
        }
        again.answer(&request, source, at, &mut reply).unwrap();
    }
    while ticked < plan.days * DAY {
        again.tick(ticked);
        ticked += FEED_SECONDS;
    }
    assert_eq!(again.announces, run.site.announces);
    let first: Vec<&Finding> = run.site.findings().collect();
    assert!(first.len() > 50, "{}", first.len());
    assert_eq!(first, again.findings().collect::<Vec<_>>());
}

#[test]
fn a_short_study_fills_the_page_and_is_the_same_on_any_number_of_threads() {
    let results = |threads| {
        let mut plan = StudyPlan::short(threads);
        plan.base = SitePlan { users: 60, torrents: 30, days: 2, ..plan.base };
        let study = Study::run(&plan, |_, _| {}).unwrap();
        Results { plan, study, timed: false }
    };
    let first = results(1);
    assert_eq!(first.markdown(), results(2).markdown());
    let docs = tempfile::tempdir().unwrap();
    fs::create_dir(docs.path().join("images")).unwrap();
    let page = docs.path().join("detection-study.md");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/detection-study.md"), &page).unwrap();
    first.write(docs.path()).unwrap();
    let written = fs::read_to_string(page).unwrap();
    assert!(written.contains("JOAL, 30–170 kB/s: recall in 3 days"));
    for name in ["recall", "times", "rules"] {
        assert!(written.contains(&format!("images/detection-{name}.svg")));
        let plot = docs.path().join("images").join(format!("detection-{name}.svg"));
        assert!(fs::read_to_string(plot).unwrap().starts_with("<svg"));
    }
}
