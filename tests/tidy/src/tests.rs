use std::fs;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 800;
const COLUMNS_MAX: usize = 100;
const MAIN_LINES_MAX: usize = 120;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All Rust files below a folder of the project, with their text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && name != "target" && name != "corpus" {
                folders.push(path);
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(&path).unwrap();
                let shown = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((shown, text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} holds no Rust file: is the path right?");
    found
}

fn all_sources() -> Vec<(String, String)> {
    ["crates", "bench", "sim", "tests"].into_iter().flat_map(sources).collect()
}

/// The lines of a file that are code, as far as a line tells.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

fn assert_none(found: Vec<String>, rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn no_file_is_longer_than_800_lines_and_main_than_120() {
    let limit = |path: &str| if path.ends_with("/main.rs") { MAIN_LINES_MAX } else { LINES_MAX };
    let long = all_sources()
        .into_iter()
        .map(|(path, text)| (text.lines().count(), path))
        .filter(|(lines, path)| *lines > limit(path))
        .map(|(lines, path)| format!("{path}: {lines} lines"));
    assert_none(long.collect(), "one concept a file: split it");
}

#[test]
fn no_line_is_wider_than_100_columns() {
    let mut wide = Vec::new();
    for (path, text) in all_sources() {
        for (number, line) in text.lines().enumerate() {
            if line.chars().count() > COLUMNS_MAX {
                wide.push(format!("{path}:{}", number + 1));
            }
        }
    }
    assert_none(wide, "100 columns");
}

#[test]
fn modules_are_x_rs_beside_x_and_none_is_called_utils() {
    let odd = |path: &str| {
        ["mod.rs", "utils.rs", "util.rs", "helpers.rs", "misc.rs"]
            .iter()
            .any(|name| path.ends_with(&format!("/{name}")))
    };
    let found = all_sources().into_iter().map(|(path, _)| path).filter(|path| odd(path));
    assert_none(found.collect(), "name the file after its concept");
}

#[test]
fn the_only_unsafe_is_what_forbids_it() {
    let word = ["un", "safe"].concat();
    let mut found = Vec::new();
    for (path, text) in sources("crates") {
        let uses = code(&text).filter(|line| line.contains(&word));
        let others = uses.filter(|line| !line.contains(&format!("forbid({word}_code)")));
        found.extend(others.map(|line| format!("{path}: {line}")));
    }
    assert_none(found, "no such code in mika");
}

#[test]
fn every_crate_forbids_it_at_its_root() {
    let forbid = ["#![forbid(un", "safe_code)]"].concat();
    let roots = sources("crates")
        .into_iter()
        .filter(|(path, _)| path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs"));
    let missing = roots.filter(|(_, text)| !text.contains(&forbid)).map(|(path, _)| path);
    assert_none(missing.collect(), &forbid);
}

#[test]
fn each_crate_depends_only_on_those_below_it() {
    let below: [(&str, &[&str]); 6] = [
        ("protocol", &[]),
        ("core", &["mika-protocol"]),
        ("store", &["mika-core", "mika-protocol"]),
        ("client", &["mika-protocol"]),
        ("server", &["mika-client", "mika-core", "mika-protocol", "mika-store"]),
        ("cli", &["mika-client", "mika-protocol", "mika-server", "mika-store"]),
    ];
    for (name, allowed) in below {
        let manifest = root().join("crates").join(name).join("Cargo.toml");
        let text = fs::read_to_string(manifest).unwrap();
        let normal = text.split("[dev-dependencies]").next().unwrap();
        let dependencies = normal.split("[dependencies]").nth(1).unwrap();
        let forbidden = dependencies
            .lines()
            .filter_map(|line| line.split(['.', ' ', '=']).next())
            .filter(|dependency| dependency.starts_with("mika-") && !allowed.contains(dependency));
        assert_none(forbidden.map(str::to_owned).collect(), name);
    }
}

/// Lines of code below `folder`, tests aside, that contain one of the words.
fn lines_with(folder: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources(folder) {
        if path.contains("/tests") || path.contains("/benches") {
            continue;
        }
        let shipped = text.split("#[cfg(test)]").next().unwrap();
        for line in code(shipped) {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{path}: {line}"));
            }
        }
    }
    found
}

#[test]
fn core_and_protocol_know_no_clock_socket_logger_or_database() {
    let foreign = [
        "tokio",
        "std::time",
        "SystemTime",
        "Instant",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "std::fs",
        "std::thread",
        "tracing",
        "println!",
        "sqlx",
    ];
    for folder in ["crates/core/src", "crates/protocol/src"] {
        assert_none(lines_with(folder, &foreign), "a pure state machine has no surroundings");
    }
}

#[test]
fn an_announce_never_waits_for_a_store() {
    let found = lines_with("crates/server/src/listen", &["mika_store", "control::", "flush::"]);
    assert_none(found, "listen knows the tracker and its own socket");
}

#[test]
fn the_store_does_not_know_the_server() {
    assert_none(lines_with("crates/store/src", &["mika_server"]), "store is below server");
}

#[test]
fn mapped_sql_is_let_through_at_one_place() {
    let found = lines_with("crates/store/src", &["AssertSqlSafe("]);
    assert_eq!(found.len(), 1, "only the statement renderer may: {found:#?}");
}

#[test]
fn no_test_is_ignored_and_nothing_is_left_to_do() {
    let words =
        [["#[ig", "nore"].concat(), ["to", "do!("].concat(), ["unimpl", "emented!("].concat()];
    let mut found = Vec::new();
    for (path, text) in all_sources() {
        let marks = code(&text).filter(|line| words.iter().any(|word| line.contains(word)));
        found.extend(marks.map(|line| format!("{path}: {line}")));
    }
    assert_none(found, "finish it, or leave it out");
}
