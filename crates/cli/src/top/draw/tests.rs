use std::time::Duration;

use mika_client::types::SwarmRank;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::top::input::Action;
use crate::top::model::Order;
use crate::top::model::tests::{SWARMS, model, seen};
use crate::top::once::lines;
use crate::top::rates::tests::stats;

fn drawn(model: &Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, model)).unwrap();
    lines(terminal.backend().buffer())
}

#[test]
fn everything_is_on_a_usual_screen() {
    insta::assert_snapshot!(drawn(&model(), 100, 30));
}

#[test]
fn a_small_screen_has_the_most_important() {
    insta::assert_snapshot!(drawn(&model(), 40, 10));
}

#[test]
fn the_help_is_in_the_middle() {
    let mut model = model();
    model.act(Action::Help);
    insta::assert_snapshot!(drawn(&model, 80, 24));
}

#[test]
fn a_tracker_that_is_away_and_a_store_that_is_down_are_said_so() {
    let mut model = model();
    let mut stats = stats(111, [325, 20, 80]);
    stats.flush.store_available = false;
    stats.flush.lag_seconds = 75;
    stats.flush.applied_batch_number = 2;
    stats.flush.dead_letters = 3;
    model.see(seen(stats, &SWARMS), Duration::from_secs(11), 0);
    model.miss("connection refused".to_owned(), 1_795_341_600);
    insta::assert_snapshot!(drawn(&model, 80, 24));
    let small = drawn(&model, 40, 10);
    assert!(small.starts_with("not reachable since 10:00:00 UTC: conn"), "{small}");
    assert!(small.contains("store down"), "{small}");
}

#[test]
fn before_the_second_look_there_are_no_rates() {
    let order = Order { by: SwarmRank::Snatches, ascending: true };
    let mut model = Model::new("http://127.0.0.1:34001", order, 2);
    let mut first = seen(stats(100, [100, 10, 40]), &SWARMS);
    first.ranking.activity_seconds = 0;
    first.titles.clear();
    model.see(first, Duration::ZERO, 0);
    insta::assert_snapshot!(drawn(&model, 80, 20));
}

#[test]
fn no_size_is_too_small_or_too_large() {
    let mut model = model();
    for help in [false, true] {
        model.shows_help = help;
        for (width, height) in [(0, 0), (1, 1), (2, 50), (300, 2), (40, 10), (20, 5), (72, 16)] {
            drawn(&model, width, height);
        }
        assert!(drawn(&model, 400, 120).contains("alpha"));
    }
}

#[test]
fn nothing_in_a_title_or_a_reason_steers_the_terminal() {
    let mut model = model();
    let swarm = [("\u{1b}[2Jevil\nname", 5, 5, 5, 5)];
    model.see(seen(stats(111, [325, 20, 80]), &swarm), Duration::from_secs(11), 0);
    model.miss("\u{1b}[31mred".to_owned(), 1_795_341_600);
    let text = drawn(&model, 100, 30);
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.contains("\u{fffd}[2Jevil\u{fffd}name"), "{text}");
}

#[test]
fn rates_are_short() {
    let shown = [0.0, 0.04, 12.34, 99.94, 99.96, 9_999.0, 12_345.0, 2.5e6].map(rate);
    assert_eq!(shown, ["0.0", "0.0", "12.3", "99.9", "100", "9999", "12.3k", "2.5M"]);
}
