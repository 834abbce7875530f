//! The keys of the HTTP store: where its secrets come from, what follows from its kind, and what is
//! never shown.
#![allow(clippy::unwrap_used, reason = "a failed assumption should fail the test")]

use std::path::Path;

use mika_server::config::Config;
use mika_server::doctor;

fn load(values: &[(&str, &str)]) -> Result<Config, String> {
    let values = values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Config::load(None, [], values).map_err(|error| error.to_string())
}

const BASE: [(&str, &str); 2] =
    [("store.kind", "http"), ("store_http.url", "https://site.example")];

fn with(more: &[(&str, &str)]) -> Result<Config, String> {
    load(&[&BASE, more].concat())
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn token_and_secret_come_from_files_without_the_space_around_them() {
    let folder = tempfile::tempdir().unwrap();
    let token = file(folder.path(), "token", " abc\n");
    let secret = file(folder.path(), "secret", "d e f\n");
    let config =
        with(&[("store_http.token_file", &token), ("store_http.secret_file", &secret)]).unwrap();
    assert_eq!(config.store_http.token.expose(), "abc");
    assert_eq!(config.store_http.secret.expose(), "d e f");
    let shown = format!("{config:?} {:?}", config.values());
    assert!(!shown.contains("abc") && !shown.contains("d e f"), "{shown}");
}

#[test]
fn a_secret_is_given_once_and_its_file_must_be_readable() {
    let folder = tempfile::tempdir().unwrap();
    let token = file(folder.path(), "token", "abc");
    let error =
        with(&[("store_http.token_file", &token), ("store_http.token", "xyz")]).unwrap_err();
    assert!(error.contains("are both given: keep one of them"), "{error}");
    assert!(!error.contains("xyz"), "{error}");
    let empty = file(folder.path(), "empty", "\n");
    let error = with(&[("store_http.secret_file", &empty)]).unwrap_err();
    assert!(error.contains("`store_http.secret_file` names an empty file"), "{error}");
    let error = with(&[("store_http.secret_file", "/there/is/none")]).unwrap_err();
    assert!(error.contains("/there/is/none cannot be read"), "{error}");
}

#[test]
fn an_http_store_looks_up_what_is_unknown_unless_told_otherwise() {
    let token = ("store_http.token", "abc");
    assert!(with(&[token]).unwrap().store.lookup);
    assert!(!with(&[token, ("store.lookup", "false")]).unwrap().store.lookup);
    assert!(!load(&[]).unwrap().store.lookup);
    assert!(load(&[("store.lookup", "true")]).unwrap().store.lookup);
}

#[test]
fn doctor_counts_what_look_ups_may_cost() {
    let limits = |config: &Config| -> Vec<(&str, u64)> {
        let costs = doctor::costs(config).into_iter();
        let costs = costs.filter(|cost| cost.limit.starts_with("lookup."));
        costs.map(|cost| (cost.limit, cost.count)).collect()
    };
    assert_eq!(limits(&Config::default()), []);
    let config = load(&[("store.lookup", "true")]).unwrap();
    let expected = [("lookup.parked_max", 10_000), ("lookup.remembered_max", 200_000)];
    assert_eq!(limits(&config), expected);
}
