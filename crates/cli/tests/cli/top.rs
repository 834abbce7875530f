//! `mika top`, in a real terminal, beside a real tracker.

mod crowd;
mod picture;
mod terminal;

use std::path::Path;

use super::live::free_port;
use super::support::{Run, Tracker, mika_in};
use crowd::{Crowd, Peer};
use terminal::{Rows, Terminal};

/// A tracker with an API at a port that stays the same over a restart.
fn tracker(port: u16, admin: u16) -> Tracker {
    let config = format!(
        "[http]\nlisten = [\"127.0.0.1:{port}\"]\nworkers = 1\n\
         [udp]\nlisten = [\"127.0.0.1:{port}\"]\nworkers = 1\n\
         [admin]\nlisten = \"127.0.0.1:{admin}\"\n"
    );
    Tracker::start_with(&config)
}

fn watch(tracker: &Tracker, rows: u16, columns: u16, more: &[&str]) -> Terminal {
    let arguments = ["top", "--url", &tracker.url, "--interval-seconds", "1"];
    Terminal::start(tracker.folder.path(), rows, columns, &[&arguments, more].concat())
}

/// The titles of the swarms from top to bottom.
fn order(rows: &Rows) -> Vec<&'static str> {
    let mut found: Vec<_> = ["alpha", "beta", "gamma"]
        .into_iter()
        .filter_map(|title| {
            Some((rows.iter().position(|row| row.starts_with(&format!("│{title}")))?, title))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, title)| title).collect()
}

/// alpha has 6 seeders; beta 2, and 3 leechers; gamma 1, and 2 leechers.
fn three_swarms(tracker: &Tracker, port: u16) -> Crowd {
    let mut crowd = Crowd::new(tracker, port, &["alpha", "beta", "gamma"], 6);
    for (torrent, seeders, leechers) in [(0, 6, 0), (1, 2, 3), (2, 1, 2)] {
        for user in 0..seeders + leechers {
            let left = if user < seeders { 0 } else { 1000 };
            crowd.http(Peer { torrent, user, left, event: "started", ..Peer::default() });
        }
    }
    crowd
}

#[test]
fn keys_sort_pause_and_quit_and_the_terminal_is_as_it_was() {
    let (port, admin) = (free_port(), free_port());
    let tracker = tracker(port, admin);
    let mut crowd = three_swarms(&tracker, port);
    let mut top = watch(&tracker, 30, 100, &[]);
    top.wait(|rows| order(rows) == ["alpha", "beta", "gamma"]);
    top.wait(|rows| rows[1] == "seeders 9  leechers 5  swarms 3  torrents 3  users 6");
    let rows = top.rows();
    assert!(rows[0].starts_with("mika "), "{rows:#?}");
    assert!(rows.iter().any(|row| row.contains("PEERS▼")), "{rows:#?}");
    let alpha = rows.iter().find(|row| row.starts_with("│alpha")).unwrap();
    let cells: Vec<_> = alpha.split_whitespace().collect();
    assert_eq!(cells[1..4], ["6", "6", "0"], "{rows:#?}");
    assert!(top.is_alternate());

    top.press("ss");
    top.wait(|rows| order(rows) == ["beta", "gamma", "alpha"]);
    assert!(top.rows().iter().any(|row| row.contains("LEECH▼")));
    top.press("S");
    top.wait(|rows| order(rows) == ["alpha", "gamma", "beta"]);
    top.press("\x1b[D");
    top.wait(|rows| order(rows) == ["gamma", "beta", "alpha"]);
    assert!(top.rows().iter().any(|row| row.contains("SEED▲")));

    top.wait_while(|| crowd.udp(Peer::default()), |rows| number(rows, "UDP") > 0.0);
    top.wait_while(|| crowd.refused(0), |rows| has(rows, "torrent_unknown"));
    top.wait_while(|| crowd.http(Peer::default()), |rows| number(rows, "HTTP") > 0.0);
    top.wait(|rows| has(rows, "batch") && has(rows, "up"));

    top.press("?");
    top.wait(|rows| has(rows, "Keys") && has(rows, "turn the order round"));
    top.press("p");
    top.wait(|rows| !has(rows, "turn the order round"));
    top.press("p");
    top.wait(|rows| rows[0].ends_with("paused"));
    top.press("p");
    top.wait(|rows| rows[0].ends_with("every 1 s"));
    top.press("q");
    assert_eq!(top.exit_code(), 0);
    top.assert_restored();
}

fn has(rows: &Rows, text: &str) -> bool {
    rows.iter().any(|row| row.contains(text))
}

/// The number after a word in the panel of rates.
fn number(rows: &Rows, name: &str) -> f64 {
    let row = rows.iter().find_map(|row| row.strip_prefix(&format!("│{name} ")));
    let word = row.and_then(|row| row.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

#[test]
fn a_tracker_that_goes_away_is_waited_for_and_a_signal_restores_the_terminal() {
    let (port, admin) = (free_port(), free_port());
    let mut tracker = tracker(port, admin);
    three_swarms(&tracker, port);
    assert_eq!(tracker.client(&["flush"]).code, 0);
    let mut top = watch(&tracker, 24, 100, &[]);
    top.wait(|rows| rows[1].starts_with("seeders 9") && rows[0].ends_with("every 1 s"));
    tracker.kill();
    top.wait(|rows| has(rows, "not reachable since"));
    // What was known last stays.
    assert!(has(&top.rows(), "seeders 9"));
    tracker.start_again();
    top.wait(|rows| rows[0].ends_with("every 1 s") && has(rows, "seeders 9"));
    top.terminate();
    assert_eq!(top.exit_code(), 143);
    top.assert_restored();
}

#[test]
fn no_size_is_too_small() {
    let (port, admin) = (free_port(), free_port());
    let tracker = tracker(port, admin);
    let mut crowd = three_swarms(&tracker, port);
    let mut top = watch(&tracker, 10, 40, &["--sort", "leechers"]);
    top.wait(|rows| order(rows).first() == Some(&"beta"));
    assert!(top.rows()[1].starts_with("seeders 9  leechers 5"), "{:#?}", top.rows());
    for (rows, columns) in [(3, 10), (1, 1), (2, 200), (60, 20), (24, 80)] {
        top.resize(rows, columns);
        crowd.http(Peer::default());
        top.press("?");
        top.press("x");
    }
    // A key that comes together with a change of the size is read with the next key only.
    top.wait(|rows| rows.len() == 24 && rows.first().is_some_and(|row| row.ends_with("every 1 s")));
    top.press("?");
    top.wait(|rows| has(rows, "turn the order round"));
    top.press("\x03");
    top.wait(|rows| !has(rows, "turn the order round"));
    top.press("\x03");
    assert_eq!(top.exit_code(), 0);
    top.assert_restored();
}

fn once(tracker: &Tracker, folder: &Path, more: &[&str]) -> Run {
    let arguments = ["top", "--once", "--url", &tracker.url, "--interval-seconds", "1"];
    mika_in(folder, &[("COLUMNS", "100")], &[&arguments, more].concat())
}

#[test]
fn one_frame_is_printed_for_scripts() {
    let (port, admin) = (free_port(), free_port());
    let tracker = tracker(port, admin);
    three_swarms(&tracker, port);
    let run = once(&tracker, tracker.folder.path(), &["--sort", "leechers"]);
    assert_eq!(run.code, 0, "{run:?}");
    let rows: Rows = run.output.lines().map(str::to_owned).collect();
    assert_eq!(order(&rows), ["beta", "gamma", "alpha"], "{}", run.output);
    assert_eq!(rows[1], "seeders 9  leechers 5  swarms 3  torrents 3  users 6");
    assert_eq!(rows.len(), 3 + 8 + 3 + 3, "{}", run.output);
    assert!(!run.output.contains('\x1b') && !run.output.contains("quit"), "{}", run.output);

    let json = once(&tracker, tracker.folder.path(), &["--ascending", "--json"]).json();
    assert_eq!(json["stats"]["seeders"], 9);
    assert_eq!(json["stats"]["requests"]["protocols"][0]["announces"], 14);
    assert_eq!(json["per_second"]["announces"], 0.0);
    assert_eq!(json["swarms"].as_array().unwrap().len(), 3);
    assert_eq!(json["swarms"][0]["swarm"]["leechers"], 2);
}

#[test]
fn what_cannot_be_watched_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let run = mika_in(folder.path(), &[], &["top", "--token", "t"]);
    assert_eq!((run.code, run.output.as_str()), (1, ""));
    assert_eq!(run.errors, "mika: this is not a terminal: --once prints one frame\n");
    let nobody = ["top", "--once", "--token", "t", "--url", "http://127.0.0.1:1"];
    let run = mika_in(folder.path(), &[], &nobody);
    assert_eq!(run.code, 5, "{run:?}");
    assert!(run.errors.contains("start the tracker with `mika serve`"), "{run:?}");
    let run = mika_in(folder.path(), &[], &["top", "--json", "--token", "t"]);
    assert_eq!(run.errors, "mika: --json prints one frame: add --once\n");
    assert_eq!(mika_in(folder.path(), &[], &["top", "--interval-seconds", "0"]).code, 2);
    assert_eq!(mika_in(folder.path(), &[], &["top", "--sort", "size"]).code, 2);
}
