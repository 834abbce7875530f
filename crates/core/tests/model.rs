//! The tracker against a naive one that keeps lists and maps, written from the design's rules on
//! identity and accounting (`docs`: sessions, deltas, debts, completion, credit, seed time).
//!
//! Random announces, control changes, drains and restarts go to both; after each step the
//! answers, the peers that may be given, the counts, and after a drain all sums must agree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "model/reference.rs"]
mod reference;
#[path = "model/steps.rs"]
mod steps;
#[path = "model/world.rs"]
mod world;

use proptest::prelude::*;

use steps::Step;
use world::World;

fn run(steps: &[Step]) {
    let mut world = World::new();
    for step in steps {
        world.take(step);
    }
    world.drain();
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 300,
        max_shrink_iters: 200,
        failure_persistence: Some(Box::new(proptest::test_runner::FileFailurePersistence::Direct(
            "/tmp/regress.txt",
        ))),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_tracker_does_what_the_naive_one_does(
        steps in prop::collection::vec(steps::step(), 1..150),
    ) {
        run(&steps);
    }

    #[test]
    fn a_crowd_is_served_like_by_the_naive_tracker(
        steps in prop::collection::vec(steps::crowded_step(), 200..600),
    ) {
        run(&steps);
    }
}
