//! The tracker against a naive one that keeps lists and maps, written from the design's rules on
//! identity and accounting: sessions, deltas, debts, completion, credit, seed time.
//!
//! Random announces, control changes, drains and restarts go to both; after each step the
//! answers, the peers that may be given and the counts must agree, and after a drain all sums.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "model/crash.rs"]
mod crash;
#[path = "model/reference.rs"]
mod reference;
#[path = "model/steps.rs"]
mod steps;
#[path = "model/world.rs"]
mod world;

use mika_core::selection::strategy::Strategies;
use proptest::prelude::*;

use steps::Step;
use world::World;

fn run(steps: &[Step]) {
    run_in(World::new(), steps);
}

fn run_in(mut world: World, steps: &[Step]) {
    for step in steps {
        world.take(step);
    }
    world.drain();
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        max_shrink_iters: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn the_tracker_does_what_the_naive_one_does(
        steps in prop::collection::vec(steps::step(), 1..150),
    ) {
        run(&steps);
    }

    #[test]
    fn a_crash_loses_nothing_that_clients_still_know_and_counts_nothing_twice(
        before in prop::collection::vec(steps::step(), 10..80),
        lost in prop::collection::vec(crash::lost(), 1..40),
    ) {
        crash::run(&before, &lost);
    }
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn a_crowd_is_served_as_by_the_naive_tracker(
        steps in prop::collection::vec(steps::crowded_step(), 200..600),
    ) {
        run(&steps);
    }

    #[test]
    fn a_crowd_chosen_from_by_strategies_is_served_as_by_the_naive_tracker(
        steps in prop::collection::vec(steps::crowded_step(), 200..600),
        economy in prop::sample::select(Strategies::NAMES.map(|(strategy, _)| strategy).to_vec()),
    ) {
        run_in(World::choosing_by(economy | Strategies::LOCATION), &steps);
    }
}
