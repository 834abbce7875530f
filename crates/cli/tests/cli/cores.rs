//! Cores that nothing but announces runs on, seen in the threads of a running tracker.

use super::support::{Tracker, mika_in};

const CONFIG: &str = "[http]\nlisten = [\"127.0.0.1:0\"]\n[udp]\nlisten = [\"127.0.0.1:0\"]\n\
                      [admin]\nlisten = \"127.0.0.1:0\"\n[tracker]\n";

/// The cores in a list such as `0-2,5`.
fn cores(list: &str) -> Vec<u32> {
    let ranges =
        list.trim().split(',').map(|range| range.split_once('-').unwrap_or((range, range)));
    ranges.flat_map(|(from, to)| from.parse().unwrap()..=to.parse::<u32>().unwrap()).collect()
}

fn allowed(status: &str) -> Vec<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    cores(line.unwrap())
}

fn own() -> Vec<u32> {
    allowed(&std::fs::read_to_string("/proc/thread-self/status").unwrap())
}

#[test]
fn announces_have_their_cores_and_everything_else_keeps_to_the_others() {
    let all = own();
    let (first, others) = all.split_first().unwrap();
    assert!(!others.is_empty(), "this test needs two cores");
    let tracker = Tracker::start_with(&format!("{CONFIG}announce_cores = [{first}]\n"));
    let (mut answering, mut rest) = (Vec::new(), 0);
    for thread in std::fs::read_dir(format!("/proc/{}/task", tracker.id())).unwrap() {
        let thread = thread.unwrap().path();
        // One that has ended since has neither.
        let Ok(name) = std::fs::read_to_string(thread.join("comm")) else { continue };
        let Ok(status) = std::fs::read_to_string(thread.join("status")) else { continue };
        if name.starts_with("http-") || name.starts_with("udp") {
            assert_eq!(allowed(&status), [*first], "{name}");
            answering.push(name.trim().to_owned());
        } else if name.trim() != "jemalloc_bg_thd" {
            // That one comes with the process, and works for milliseconds a minute.
            assert_eq!(allowed(&status), others, "{name}");
            rest += 1;
        }
    }
    answering.sort();
    assert_eq!(answering, ["http-0", "udp4-0"], "one worker for the one core");
    assert!(rest >= 5, "{rest} threads");
}

#[test]
fn a_core_that_is_not_there_keeps_the_tracker_from_starting_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!("{CONFIG}announce_cores = [60000]\n");
    std::fs::write(folder.path().join("mika.toml"), config).unwrap();
    let run = mika_in(folder.path(), &[], &["serve", "--config", "mika.toml"]);
    assert_eq!(run.code, 1, "{run:?}");
    let expected = format!("core 60000 is none of those that there are: {:?}", own());
    assert!(run.errors.contains(&expected), "{run:?}");
}
