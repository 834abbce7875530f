use std::collections::HashMap;

use mika_client::types::{Swarm, SwarmActivity};
use mika_protocol::InfoHash;

use super::*;
use crate::top::rates::tests::stats;

/// Swarms by title: seeders, leechers, snatches, announces within the minute.
pub(in crate::top) fn seen(stats: Stats, swarms: &[(&str, u32, u32, u32, u64)]) -> Seen {
    let mut titles = HashMap::new();
    let mut items = Vec::new();
    for (number, (title, seeders, leechers, snatches, announces)) in (1_u8..).zip(swarms) {
        let info_hash = InfoHash([number; 20]);
        titles.insert(info_hash, (*title).to_owned());
        let swarm = Swarm {
            torrent_id: number.into(),
            info_hash,
            seeders: *seeders,
            leechers: *leechers,
            downloaders: *leechers,
            snatches: *snatches,
        };
        let moved = (announces * 60) << 20;
        let activity = SwarmActivity {
            announces: *announces,
            uploaded_bytes: moved,
            downloaded_bytes: moved / 2,
        };
        items.push(RankedSwarm { swarm, activity });
    }
    Seen { stats, ranking: SwarmRanking { items, activity_seconds: 60 }, titles }
}

pub(in crate::top) const SWARMS: [(&str, u32, u32, u32, u64); 3] =
    [("alpha", 6, 0, 70, 2), ("beta", 2, 3, 5, 90), ("gamma", 1, 2, 600, 7)];

/// A model that has looked twice, 10 seconds apart: 25 announces per second.
pub(in crate::top) fn model() -> Model {
    let order = Order { by: SwarmRank::Peers, ascending: false };
    let mut model = Model::new("http://127.0.0.1:34001", order, 2);
    let second = |seconds| Duration::from_secs(seconds);
    model.see(seen(stats(100, [100, 10, 40]), &SWARMS), second(0), 1_795_341_600);
    model.see(seen(stats(110, [300, 20, 80]), &SWARMS), second(10), 1_795_341_610);
    model
}

fn order(model: &Model) -> Vec<String> {
    let seen = model.seen.as_ref().unwrap();
    seen.ranking.items.iter().map(|item| seen.titles[&item.swarm.info_hash].clone()).collect()
}

#[test]
fn columns_are_gone_through_in_turn_and_sort_at_once() {
    let mut model = model();
    assert_eq!(order(&model), ["alpha", "beta", "gamma"]);
    let mut seen = Vec::new();
    for _ in 0..7 {
        assert_eq!(model.act(Action::NextColumn), Next::Look);
        seen.push((model.order.by, order(&model).concat()));
    }
    let expected = [
        (SwarmRank::Seeders, "alphabetagamma"),
        (SwarmRank::Leechers, "betagammaalpha"),
        (SwarmRank::Announces, "betagammaalpha"),
        (SwarmRank::Uploaded, "betagammaalpha"),
        (SwarmRank::Downloaded, "betagammaalpha"),
        (SwarmRank::Snatches, "gammaalphabeta"),
        (SwarmRank::Peers, "alphabetagamma"),
    ];
    assert_eq!(seen, expected.map(|(by, order)| (by, order.to_owned())));
    model.act(Action::PreviousColumn);
    assert_eq!(model.order.by, SwarmRank::Snatches);
    model.act(Action::Reverse);
    assert_eq!(
        (model.order.ascending, order(&model).concat()),
        (true, "betaalphagamma".to_owned())
    );
}

#[test]
fn rates_are_of_the_last_two_looks_and_make_the_curve() {
    let mut model = model();
    assert_eq!(model.rates.as_ref().map(|rates| rates.announces), Some(25.0));
    model.see(seen(stats(112, [400, 20, 80]), &SWARMS), Duration::from_secs(12), 0);
    assert_eq!(model.rates.as_ref().map(|rates| rates.announces), Some(50.0));
    assert_eq!(model.history, [25, 50]);
    for _ in 0..600 {
        let at = model.seen_at + Duration::from_secs(1);
        model.see(seen(stats(112, [400, 20, 80]), &SWARMS), at, 0);
    }
    assert_eq!(model.history.len(), HISTORY_MAX);
}

#[test]
fn a_look_right_after_another_one_changes_the_swarms_and_not_the_rates() {
    let mut model = model();
    let now = Duration::from_millis(10_100);
    model.see(seen(stats(110, [900, 20, 80]), &[("delta", 1, 1, 1, 1)]), now, 0);
    assert_eq!(order(&model), ["delta"]);
    assert_eq!(model.history, [25]);
    model.see(seen(stats(111, [325, 20, 80]), &SWARMS), Duration::from_secs(11), 0);
    assert_eq!(model.history, [25, 25]);
}

#[test]
fn a_tracker_is_away_since_the_first_failure_and_back_with_the_first_answer() {
    let mut model = model();
    model.miss("refused".to_owned(), 2000);
    model.miss("no answer".to_owned(), 2010);
    let down = Link::Down { since_seconds: 2000, reason: "no answer".to_owned() };
    assert_eq!(model.link, down);
    // It was started again: its counters say nothing yet.
    model.see(seen(stats(3, [1, 0, 0]), &SWARMS), Duration::from_secs(30), 2020);
    assert_eq!((model.link.clone(), model.rates.clone()), (Link::Up, None));
    assert_eq!(model.history, [25]);
}

#[test]
fn scrolling_stays_within_the_list() {
    let mut model = model();
    model.act(Action::Up(1));
    assert_eq!(model.scrolled, 0);
    model.act(Action::Down(usize::MAX));
    assert_eq!(model.scrolled, 2);
    model.act(Action::Up(1));
    assert_eq!(model.scrolled, 1);
    model.see(seen(stats(111, [300, 20, 80]), &[]), Duration::from_secs(11), 0);
    assert_eq!(model.scrolled, 0);
    assert_eq!(model.act(Action::Down(10)), Next::Draw);
    assert_eq!(model.scrolled, 0);
}

#[test]
fn every_key_takes_the_help_away_and_does_nothing_else() {
    let mut model = model();
    model.act(Action::Help);
    assert!(model.shows_help);
    assert_eq!(model.act(Action::Quit), Next::Draw);
    assert!(!model.shows_help);
    assert_eq!(model.act(Action::Quit), Next::Quit);
    model.act(Action::Help);
    model.act(Action::Other);
    assert!(!model.shows_help);
    model.act(Action::Pause);
    assert!(model.is_paused);
}
