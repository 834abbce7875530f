//! `mika geo` with MaxMind's test files, and with a provider on this machine.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::support::{Tracker, mika_in};

fn fixture(name: &str) -> PathBuf {
    let fixtures = "../server/tests/geo/fixtures/test-data";
    Path::new(env!("CARGO_MANIFEST_DIR")).join(fixtures).join(name)
}

fn folder_with(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mika.toml"), config).unwrap();
    folder
}

fn files() -> String {
    let path = |name: &str| fixture(name).display().to_string();
    format!(
        "[geo]\ncity_path = \"{}\"\nasn_path = \"{}\"\nmax_age_days = 0\n",
        path("GeoLite2-City-Test.mmdb"),
        path("GeoLite2-ASN-Test.mmdb")
    )
}

#[test]
fn two_addresses_are_placed_and_their_distance_is_told() {
    let folder = folder_with(&files());
    let lookup = ["geo", "lookup", "--config", "mika.toml", "89.160.20.128", "216.160.83.56"];
    let run = mika_in(folder.path(), &[], &lookup);
    assert_eq!(run.code, 0, "{run:?}");
    insta::assert_snapshot!(run.output);
    let json = mika_in(folder.path(), &[], &[&lookup[..], &["--json"]].concat()).json();
    assert_eq!(json["places"][0]["country"], "SE");
    assert_eq!(json["places"][0]["asn"], 29518);
    assert_eq!(json["places"][1]["latitude"], 47.2513);
    assert_eq!(json["files"][1]["kind"], "GeoLite2-ASN");
    // By Vincenty's formula.
    assert!((json["distance_km"].as_f64().unwrap() - 7_673.864).abs() < 0.01, "{json}");
}

#[test]
fn an_address_that_no_file_knows_has_no_place() {
    let folder = folder_with(&files());
    let lookup = ["geo", "lookup", "--config", "mika.toml", "10.0.0.1", "--json"];
    let json = mika_in(folder.path(), &[], &lookup).json();
    assert_eq!(json["places"][0]["latitude"], serde_json::Value::Null);
    assert_eq!(json["distance_km"], serde_json::Value::Null);
}

#[test]
fn without_files_it_is_said_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let run = mika_in(folder.path(), &[], &["geo", "lookup", "10.0.0.1"]);
    assert_eq!(run.code, 1);
    assert!(run.errors.contains("set geo.provider and run `mika geo update`"), "{run:?}");
    let run = mika_in(folder.path(), &[], &["geo", "update"]);
    assert_eq!(run.code, 1);
    assert!(run.errors.contains("geo.provider is \"none\""), "{run:?}");
    let run = mika_in(folder.path(), &[], &["geo", "update", "--provider", "maxmind"]);
    assert_eq!(run.code, 1);
    assert!(run.errors.contains("geo.maxmind_license_key_file"), "{run:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_fails() {
    let folder = folder_with("[geo]\ncity_path = \"nothing.mmdb\"\n");
    let lookup = ["geo", "lookup", "--config", "mika.toml", "10.0.0.1"];
    let run = mika_in(folder.path(), &[], &lookup);
    assert_eq!(run.code, 1);
    assert!(run.output.contains("city: NOT READ: it cannot be read: No such file"), "{run:?}");
}

/// A provider that has both files, packed by the system's gzip, and a licence key that it wants.
fn provider() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let lines = BufReader::new(connection.try_clone().unwrap()).lines();
            let head: Vec<_> =
                lines.map_while(Result::ok).take_while(|it| !it.is_empty()).collect();
            let name = match head[0].contains("dbip-city-lite") {
                true => "GeoLite2-City-Test.mmdb",
                false => "GeoLite2-ASN-Test.mmdb",
            };
            let packed = std::process::Command::new("gzip").arg("-c").arg(fixture(name)).output();
            let body = packed.unwrap().stdout;
            let answer = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\
                 Last-Modified: Mon, 02 Nov 2026 10:00:00 GMT\r\n\r\n",
                body.len()
            );
            connection.write_all(answer.as_bytes()).unwrap();
            if !head[0].starts_with("HEAD") {
                connection.write_all(&body).unwrap();
            }
        }
    });
    url
}

#[test]
fn an_update_is_in_force_in_a_running_tracker_without_anybody_telling_it() {
    let tracker = Tracker::start_with(
        "[http]\nlisten = [\"127.0.0.1:0\"]\nworkers = 1\n[udp]\nlisten = []\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n[geo]\nprovider = \"dbip\"\n",
    );
    let url = provider();
    let update = ["geo", "update", "--config", "mika.toml", "--base-url", &url];
    let run = mika_in(tracker.folder.path(), &[], &update);
    assert_eq!(run.code, 0, "{run:?}");
    let lines: Vec<_> = run.output.lines().collect();
    assert!(lines[0].starts_with("city: GeoLite2-City, built 2026-"), "{run:?}");
    assert!(lines[0].ends_with("20.59 KiB: ./mika-data/geo/dbip-city-lite.mmdb"), "{run:?}");
    assert!(lines[1].starts_with("asn: GeoLite2-ASN, built 2026-"), "{run:?}");
    assert_eq!(lines[2], "a running tracker reads it within 10 s");
    assert!(lines[4].contains("GeoLite Data created by MaxMind"), "{run:?}");

    let again = mika_in(tracker.folder.path(), &[], &[&update[..], &["--json"]].concat()).json();
    assert_eq!(again["files"][0]["result"], "unchanged");
    assert_eq!(again["files"][1]["result"], "unchanged");

    let is_read = || tracker.log().matches("geo data read").count() >= 2;
    for _ in 0..600 {
        if is_read() {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    assert!(is_read(), "{}", tracker.log());
}

#[test]
fn an_update_that_fails_is_told_for_each_file() {
    let folder = folder_with("[geo]\nprovider = \"dbip\"\n");
    let update = ["geo", "update", "--config", "mika.toml", "--base-url", "http://127.0.0.1:9"];
    let run = mika_in(folder.path(), &[], &update);
    assert_eq!(run.code, 1);
    assert_eq!(run.output.matches("NOT UPDATED: /free/dbip-").count(), 2, "{run:?}");
}
