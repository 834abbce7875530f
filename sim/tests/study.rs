//! The study in its short form.
#![allow(clippy::unwrap_used, reason = "a proof that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;

use mika_sim::study::figures::{Figure, Part};
use mika_sim::study::page::{Results, WorldResults};
use mika_sim::study::plan::{Seeds, short};
use mika_sim::study::selection::{Study, StudyPlan};
use mika_sim::tracker::Strategy;
use mika_sim::world::Members;

fn plan(threads: usize) -> StudyPlan {
    StudyPlan {
        world: short(),
        members: Members::OfPrivateSite,
        oracles: true,
        strategies: vec![Strategy::Location, Strategy::SeedTime],
        seeds: Seeds::Training,
        seed_count: 2,
        threads,
    }
}

#[test]
fn a_study_is_the_same_on_any_number_of_threads() {
    let study = |threads| Study::run(&plan(threads), |_, _| {}).unwrap();
    assert_eq!(study(1), study(4));
}

#[test]
fn a_short_study_fills_the_page_and_draws_its_plots() {
    let plan = plan(2);
    let study = Study::run(&plan, |_, _| {}).unwrap();
    let location = study.ratio(Strategy::Location, Part::All, Figure::InterRegion).unwrap();
    assert!(location.mean < 0.95, "{location:?}");
    assert_eq!(study.seeder_slots().1, 0);
    let docs = tempfile::tempdir().unwrap();
    fs::create_dir(docs.path().join("images")).unwrap();
    let real = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/selection-study.md");
    let page = docs.path().join("selection-study.md");
    fs::copy(real, &page).unwrap();
    let bound = study.bound_ratio(Strategy::Location, Figure::InterNetwork).unwrap();
    assert!(bound.mean < 1.0, "{bound:?}");
    assert!(study.bound_ratio(Strategy::SeedTime, Figure::Young).is_none());
    let worlds = vec![WorldResults { name: "A site", slug: "private", plan, study }];
    let results = Results { worlds, connectivity: BTreeMap::new(), connectivity_peers: 0 };
    results.write(docs.path()).unwrap();
    let written = fs::read_to_string(page).unwrap();
    assert!(written.contains("| location | bytes between regions | ≤ 60 % of uniform |"));
    assert!(!written.contains("| completion |"), "what was not run is not told");
    for name in ["traffic", "times", "sharing"] {
        assert!(written.contains(&format!("images/selection-private-{name}.svg")));
        let plot = docs.path().join("images").join(format!("selection-private-{name}.svg"));
        assert!(fs::read_to_string(plot).unwrap().starts_with("<svg"));
    }
}
