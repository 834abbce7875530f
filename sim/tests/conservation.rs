//! Whole runs: the same twice, and no byte lost or made up.
#![allow(clippy::unwrap_used, reason = "a proof that cannot go on fails")]

use mika_sim::measure::Measures;
use mika_sim::simulation::{Simulation, simulate};
use mika_sim::study::plan::short;
use mika_sim::tracker::{Direct, START_SECONDS, Strategy};
use mika_sim::world::{World, WorldPlan};

fn run(seed: u64, strategy: Strategy) -> Measures {
    let world = World::new(short(), seed);
    simulate(&world, Direct::new(&world, strategy).unwrap()).unwrap()
}

#[test]
fn a_seed_gives_the_same_run_each_time_and_another_seed_another() {
    let first = run(1, Strategy::Uniform);
    assert_eq!(first, run(1, Strategy::Uniform));
    assert_ne!(first.digest, run(2, Strategy::Uniform).digest);
}

#[test]
fn a_strategy_meets_the_same_users_at_the_same_times_and_gives_them_others() {
    let (uniform, location) = (run(1, Strategy::Uniform), run(1, Strategy::Location));
    assert_ne!(uniform.digest, location.digest);
    let who = |measures: &Measures| -> Vec<(usize, usize)> {
        measures.downloads.iter().map(|download| (download.torrent, download.user)).collect()
    };
    assert_eq!(who(&uniform), who(&location));
    assert!(location.inter_region_share() < uniform.inter_region_share());
}

#[test]
fn everybody_finishes_and_leechers_get_their_seeders() {
    let measures = run(3, Strategy::Uniform);
    assert!(measures.downloads.len() > 100, "{} downloads", measures.downloads.len());
    assert!(measures.unfinished_share() < 0.2, "{}", measures.unfinished_share());
    assert_eq!(measures.replies.short_of_seeders, 0);
}

#[test]
fn the_tracker_counts_every_byte_that_was_moved_once_everybody_has_stopped() {
    for strategy in [Strategy::Uniform, Strategy::LocationCompletion] {
        let world = World::new(WorldPlan { stopped_lost: 0.0, ..short() }, 4);
        let tracker = Direct::new(&world, strategy).unwrap();
        let mut simulation = Simulation::new(&world, tracker).unwrap();
        simulation.run().unwrap();
        simulation.stop_all().unwrap();
        let truth = simulation.user_totals();
        let (uploaded, downloaded) = simulation.measures().totals;
        assert_eq!(uploaded, downloaded);
        assert!(uploaded > 100_000_000_000, "{uploaded} bytes");
        let mut counted = vec![(0, 0); truth.len()];
        for (user, traffic) in simulation.tracker().drain(START_SECONDS) {
            counted[user] = (traffic.uploaded_raw, traffic.downloaded_raw);
        }
        assert_eq!(counted, truth);
    }
}

#[test]
fn what_a_lost_goodbye_would_have_reported_is_all_that_the_tracker_lacks() {
    let world = World::new(WorldPlan { stopped_lost: 1.0, ..short() }, 4);
    let tracker = Direct::new(&world, Strategy::Uniform).unwrap();
    let mut simulation = Simulation::new(&world, tracker).unwrap();
    simulation.run().unwrap();
    simulation.stop_all().unwrap();
    let truth = simulation.user_totals();
    let mut lacking = 0;
    for (user, traffic) in simulation.tracker().drain(START_SECONDS) {
        assert!(traffic.uploaded_raw <= truth[user].0 && traffic.downloaded_raw <= truth[user].1);
        assert_eq!(traffic.downloaded_raw, truth[user].1, "what completes is announced at once");
        lacking += truth[user].0 - traffic.uploaded_raw;
    }
    assert!(lacking > 0);
}
