//! The example file is complete, true and the one that is checked in.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mika_server::config::{Config, Effect, Key};

fn checked_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../etc/mika.example.toml")
}

/// Whether a line is a key that is commented out: `#name = …`, without a space after the `#`.
fn is_commented_key(line: &str) -> bool {
    line.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
}

fn with_keys_uncommented() -> String {
    let line = |line: &str| {
        if is_commented_key(line) { line.replacen('#', "", 1) } else { line.to_owned() }
    };
    Config::example().lines().map(line).collect::<Vec<_>>().join("\n")
}

fn keys() -> impl Iterator<Item = &'static Key> {
    Config::SECTIONS.iter().flat_map(|section| section.keys)
}

/// The keys of a table of tables: `section.key`.
fn paths(config: &toml::Table) -> BTreeSet<String> {
    config
        .iter()
        .flat_map(|(section, keys)| {
            keys.as_table().unwrap().keys().map(move |key| format!("{section}.{key}"))
        })
        .collect()
}

#[test]
fn the_checked_in_example_is_what_the_code_says() {
    let path = checked_in();
    if std::env::var_os("MIKA_UPDATE").is_some() {
        std::fs::write(&path, Config::example()).unwrap();
    }
    let checked_in = std::fs::read_to_string(&path).unwrap();
    assert!(
        checked_in == Config::example(),
        "etc/mika.example.toml is out of date: run this test with MIKA_UPDATE=1"
    );
}

#[test]
fn the_example_as_it_is_sets_nothing() {
    let set: toml::Table = Config::example().parse().unwrap();
    assert_eq!(set.len(), Config::SECTIONS.len());
    assert_eq!(paths(&set), BTreeSet::new());
}

#[test]
fn the_example_with_all_keys_uncommented_is_exactly_the_defaults() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mika.toml");
    std::fs::write(&file, with_keys_uncommented()).unwrap();
    let loaded = Config::load(Some(&file), [], []).unwrap();
    assert_eq!(loaded, Config::default());
}

#[test]
fn every_key_of_the_configuration_is_in_the_example() {
    let serialized = toml::Table::try_from(Config::default()).unwrap();
    let example: toml::Table = with_keys_uncommented().parse().unwrap();
    assert_eq!(paths(&serialized), paths(&example));
    let declared: BTreeSet<String> = keys().map(Key::path).collect();
    assert_eq!(paths(&serialized), declared);
}

#[test]
fn nothing_given_is_exactly_the_defaults() {
    assert_eq!(Config::load(None, [], []).unwrap(), Config::default());
}

#[test]
fn a_commented_key_is_explained_by_the_lines_above_it() {
    let example = Config::example();
    let expected = "
# Seconds without an announce after which a peer is gone.
# More than interval_seconds. Left out, it is 2 × interval_seconds + 600,
# and site.jitter_seconds on top.
# From 61 to 259200. Changes live.
#peer_timeout_seconds = 4200
";
    assert!(example.contains(expected), "{example}");
    assert!(example.contains("\n#listen = [\"0.0.0.0:34000\", \"[::]:34000\"]\n"), "{example}");
}

#[test]
fn every_key_and_section_has_an_explanation_that_fits_the_page() {
    for section in Config::SECTIONS {
        assert!(!section.documentation.is_empty(), "{}", section.name);
        for key in section.keys {
            assert!(!key.documentation.is_empty(), "{}", key.path());
        }
    }
    for line in Config::example().lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn every_number_has_a_range_that_holds_its_default_and_its_unit_last() {
    let units = ["_seconds", "_milliseconds", "_bytes"];
    for (key, value) in Config::default().values() {
        let number = value.parse::<u64>().ok();
        assert_eq!(number.is_some(), key.range.is_some(), "{}", key.path());
        if let (Some(number), Some((least, most))) = (number, key.range) {
            assert!((least..=most).contains(&number), "{}", key.path());
        }
        for unit in units {
            let ends_well = key.name.ends_with(unit) || key.name.ends_with(&format!("{unit}_max"));
            assert!(!key.name.contains(unit) || ends_well, "{}", key.path());
        }
    }
}

#[test]
fn the_keys_that_need_a_restart_are_these() {
    let restart: Vec<String> =
        keys().filter(|key| key.effect == Effect::Restart).map(Key::path).collect();
    assert_eq!(
        restart,
        [
            "tracker.mode",
            "tracker.keep_peer_ids",
            "tracker.announce_cores",
            "detection.fingerprints_file",
            "detection.weights_file",
            "http.listen",
            "http.workers",
            "http.header_timeout_seconds",
            "http.idle_timeout_seconds",
            "http.request_bytes_max",
            "http.proxy_protocol",
            "https.listen",
            "udp.listen",
            "udp.workers",
            "udp.connection_id_seconds",
            "udp.receive_buffer_bytes",
            "admin.listen",
            "admin.tcp",
            "admin.certificate_file",
            "admin.key_file",
            "admin.allow_public",
            "admin.unix_socket",
            "admin.unix_socket_mode",
            "admin.audit_bytes",
            "data.dir",
            "store.kind",
            "store.path",
            "store.url",
            "store.url_file",
            "store.schema",
            "store.names",
            "store.prefix",
            "store.lookup",
            "store_http.url",
            "store_http.token",
            "store_http.token_file",
            "store_http.secret",
            "store_http.secret_file",
            "store_http.connect_timeout_seconds",
            "store_http.timeout_seconds",
            "store_http.page_rows",
            "store_http.breaker_failures",
            "store_http.breaker_pause_seconds",
            "store_http.changes_interval_seconds",
            "store_http.push_counts",
            "store_http.push_peers",
            "site_call.url",
            "site_call.key",
            "site_call.key_file",
            "site_call.timeout_seconds",
            "site_call.retry_seconds_max",
            "site_call.waiting_max",
            "site_api.listen",
            "site_api.allow_public",
            "site_api.unix_socket",
            "site_api.unix_socket_mode",
            "site_api.ocelot_password",
            "site_api.ocelot_password_file",
            "site_api.ocelot_report_password",
            "site_api.ocelot_report_password_file",
            "site_api.report_format",
            "site_api.unit3d_key",
            "site_api.unit3d_key_file",
            "site_api.xbt_pages",
            "site_api.xbt_debug",
            "lookup.wait_milliseconds",
            "lookup.parked_max",
            "lookup.concurrent",
            "lookup.unknown_seconds",
            "lookup.known_seconds",
            "lookup.remembered_max",
            "notify.always",
            "geo.places_max",
            "limits.connections",
            "log.format",
        ]
    );
}
