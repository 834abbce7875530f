//! Files that are damaged, by others, by chance, or on purpose.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mika_server::geo::Database;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::support::{BYTES_MAX, Mmdb, NOW_SECONDS, all_files, city_file, fixture, flat};

/// Addresses all over both families, and those that the test files know.
fn addresses() -> impl Iterator<Item = IpAddr> {
    let v4 = (0..=255_u8).map(|first| IpAddr::from(Ipv4Addr::new(first, 160, 20, 128)));
    let v6 = (0..64_u16).map(|first| IpAddr::from(Ipv6Addr::new(first << 10, 1, 2, 3, 4, 5, 6, 7)));
    let known = ["81.2.69.142", "216.160.83.56", "2a02:cf40::1", "203.0.113.9", "::"];
    v4.chain(v6).chain(known.map(|address| address.parse().unwrap()))
}

/// Asks a file for many addresses, if it can be opened; whether anything was wrong.
fn has_errors(content: Vec<u8>) -> bool {
    match Database::from_bytes(content) {
        Err(error) => !error.to_string().is_empty(),
        Ok(database) => {
            let failures = addresses().filter(|address| database.find(*address).is_err()).count();
            failures > 0 || database.verify().is_err()
        }
    }
}

/// D3: all files that have hurt readers before.
#[test]
fn d3_every_damaged_file_of_maxmind_gives_an_error_and_no_panic() {
    let files = all_files("bad-data");
    assert_eq!(files.len(), 21);
    for path in files {
        let error = Database::open(&path, BYTES_MAX).err();
        assert!(error.is_some_and(|error| !error.to_string().is_empty()), "{}", path.display());
    }
}

#[test]
fn no_file_of_maxmind_makes_a_look_up_panic() {
    let files = all_files("test-data");
    assert_eq!(files.len(), 22);
    let wrong = |path: &std::path::PathBuf| has_errors(std::fs::read(path).unwrap());
    let bad: Vec<_> = files.iter().filter(|path| !wrong(path)).collect();
    let names: Vec<_> =
        bad.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    // All others are damaged, hostile, or without geo data.
    assert_eq!(
        names,
        [
            "GeoIP2-City-Test.mmdb",
            "GeoLite2-ASN-Test.mmdb",
            "GeoLite2-City-Test.mmdb",
            "GeoLite2-Country-Test.mmdb",
        ]
    );
}

#[test]
fn a_number_in_the_wrong_form_fails_its_own_record_only() {
    let path = fixture("test-data/GeoIP2-City-Test-Broken-Double-Format.mmdb");
    let content = std::fs::read(path).unwrap();
    assert!(has_errors(content));
}

/// Changed bytes and cut ends. A share of the files can still be opened, and is asked.
#[test]
fn no_change_of_a_file_makes_the_reader_panic() {
    let sample = Mmdb::new("city ipv4", NOW_SECONDS)
        .with("203.0.113.0/24", flat("DE", 50.0, 8.0))
        .with("0.0.0.0/3", flat("FR", 48.0, 2.0))
        .bytes();
    let files = [std::fs::read(city_file()).unwrap(), sample];
    const CASES: u32 = 400;
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    for file in files {
        let mut runner = TestRunner::new(config.clone());
        let opened = Cell::new(0);
        let length = file.len();
        // One for each thousand bytes, so that not every file is beyond opening.
        let changes = prop::collection::vec((0..length, any::<u8>()), 1..length / 1000 + 3);
        let end = prop_oneof![9 => Just(length), 1 => 0..length];
        // Damage near the end is in the metadata, on which everything else depends.
        let change = (length - 300..length, any::<u8>());
        let near_end = prop_oneof![3 => Just(vec![]), 1 => prop::collection::vec(change, 1..3)];
        runner
            .run(&(changes, near_end, end), |(changes, near_end, end)| {
                let mut content = file.clone();
                for (at, byte) in changes.into_iter().chain(near_end) {
                    content[at] = byte;
                }
                content.truncate(end);
                opened.set(opened.get() + u32::from(Database::from_bytes(content.clone()).is_ok()));
                has_errors(content);
                Ok(())
            })
            .unwrap();
        assert!(opened.get() > CASES / 20, "{} of {CASES} could be opened", opened.get());
    }
}
