//! The program as people call it.
#![allow(clippy::unwrap_used, reason = "a proof that cannot go on fails")]

use std::process::{Command, Output};

fn mika_sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mika-sim")).args(arguments).output().unwrap()
}

#[test]
fn two_processes_print_the_same_study() {
    let arguments = "selection --short --seeds 1 --strategies location --connectivity-swarms 1 \
                     --connectivity-peers 300";
    let arguments: Vec<_> = arguments.split_whitespace().collect();
    let (first, second) = (mika_sim(&arguments), mika_sim(&arguments));
    assert!(first.status.success(), "{first:?}");
    let text = String::from_utf8(first.stdout).unwrap();
    assert_eq!(text, String::from_utf8(second.stdout).unwrap());
    assert!(text.contains("| location | graphs of 300 peers in one piece | 20 of 20 | 20 of 20 |"));
}

#[test]
fn nothing_but_the_whole_study_on_seeds_for_reports_is_written() {
    for extra in ["--training", "--short", "--strategies=location"] {
        let output = mika_sim(&["selection", "--write", "--seeds", "1", extra]);
        assert!(!output.status.success(), "{extra}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("--write takes the whole study"), "{told}");
    }
}

#[test]
fn a_strategy_that_there_is_not_is_answered_with_those_that_there_are() {
    let output = mika_sim(&["selection", "--strategies", "nearest"]);
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("there are: uniform, location, completion, fast"), "{told}");
}
