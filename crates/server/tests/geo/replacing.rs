//! Files that are missing, damaged, old, or replaced while the tracker runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use mika_core::selection::place::{PlaceId, Places};
use mika_server::geo::{Geo, Point, Role};
use tempfile::TempDir;

use super::support::{Mmdb, NOW_SECONDS, asn_file, city_file, fixture, flat, geo, ip, settings};

const ADDRESS: &str = "203.0.113.9";

fn write(path: &Path, country: &'static str, latitude: f32, built_at_seconds: u64) {
    let mmdb = Mmdb::new("city ipv4", built_at_seconds);
    let new = path.with_extension("new");
    mmdb.with("203.0.113.0/24", flat(country, latitude, 8.0)).write(&new);
    fs::rename(new, path).unwrap();
}

fn folder() -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.mmdb");
    (folder, path)
}

fn latitude(geo: &Geo) -> Option<f64> {
    geo.find(ip(ADDRESS)).point.map(|point| point.latitude)
}

#[test]
fn a_file_that_is_missing_leaves_every_place_unknown_and_is_read_once_it_is_there() {
    let (_folder, path) = folder();
    let geo = geo(&[(Role::City, &path)]);
    assert!(!geo.has_data());
    assert_eq!(geo.place_of(ip(ADDRESS)), PlaceId::UNKNOWN);
    let state = &geo.states()[0];
    assert!(state.problem.contains("No such file"), "{state:?}");
    assert_eq!(state.age_seconds(NOW_SECONDS), None);
    write(&path, "DE", 50.0, NOW_SECONDS);
    geo.refresh();
    assert_eq!(latitude(&geo), Some(50.0));
    assert_eq!(geo.states()[0].problem, "");
    assert_eq!(geo.states()[0].age_seconds(NOW_SECONDS + 7), Some(7));
}

#[test]
fn a_file_that_is_damaged_from_the_start_leaves_every_place_unknown() {
    let bad = fixture("bad-data/maxminddb-golang/cyclic-data-structure.mmdb");
    let both = geo(&[(Role::City, &bad), (Role::Asn, &asn_file())]);
    assert!(both.has_data());
    assert_eq!(both.find(ip("1.128.0.1")).asn, Some(1221));
    let states = both.states();
    assert!(!states[0].problem.is_empty() && states[0].bytes == 0, "{states:?}");
    assert!(states[1].problem.is_empty() && states[1].kind == "GeoLite2-ASN", "{states:?}");
}

#[test]
fn a_file_that_becomes_damaged_or_goes_leaves_the_old_data_in_use() {
    let (_folder, path) = folder();
    write(&path, "DE", 50.0, NOW_SECONDS);
    let geo = geo(&[(Role::City, &path)]);
    for content in [&b"half a file"[..], b""] {
        fs::write(&path, content).unwrap();
        geo.refresh();
        assert_eq!(latitude(&geo), Some(50.0));
        assert!(geo.states()[0].problem.contains("not in the MaxMind DB format"));
    }
    fs::remove_file(&path).unwrap();
    geo.refresh();
    assert_eq!(latitude(&geo), Some(50.0));
    assert!(geo.states()[0].problem.contains("cannot be read"));
    write(&path, "DE", 51.0, NOW_SECONDS);
    geo.refresh();
    assert_eq!(latitude(&geo), Some(51.0));
    assert_eq!(geo.states()[0].problem, "");
}

#[test]
fn a_number_that_a_peer_has_stands_for_its_place_after_the_file_is_replaced() {
    let (_folder, path) = folder();
    write(&path, "DE", 50.0, NOW_SECONDS);
    let geo = geo(&[(Role::City, &path)]);
    let (before, place) = (geo.place_of(ip(ADDRESS)), geo.table().get(geo.place_of(ip(ADDRESS))));
    write(&path, "FR", 45.0, NOW_SECONDS);
    geo.refresh();
    let after = geo.place_of(ip(ADDRESS));
    assert_ne!(before, after);
    assert_eq!(geo.table().get(before), place);
    assert_eq!(geo.table().get(before).country(), Some(*b"DE"));
    assert_eq!(geo.table().get(after).country(), Some(*b"FR"));
    write(&path, "DE", 50.0, NOW_SECONDS);
    geo.refresh();
    assert_eq!(geo.place_of(ip(ADDRESS)), before);
}

#[test]
fn a_file_that_is_the_same_is_not_read_again() {
    let (_folder, path) = folder();
    write(&path, "DE", 50.0, NOW_SECONDS);
    let geo = geo(&[(Role::City, &path)]);
    let reloads = || geo.numbers().reloads_total.load(Ordering::Relaxed);
    geo.refresh();
    geo.reload(settings(&[(Role::City, &path)]));
    assert_eq!(reloads(), 0);
    write(&path, "DE", 50.0, NOW_SECONDS);
    geo.refresh();
    assert_eq!(reloads(), 1);
}

#[test]
fn new_settings_bring_files_and_take_them_away() {
    let geo = geo(&[]);
    assert!(geo.find(ip("89.160.20.128")).is_empty());
    geo.reload(settings(&[(Role::City, &city_file())]));
    assert_eq!(geo.find(ip("89.160.20.128")).point, Point::new(58.4167, 15.6167));
    geo.reload(settings(&[]));
    assert!(geo.find(ip("89.160.20.128")).is_empty());
    assert_eq!(geo.states(), []);
}

#[test]
fn an_old_file_is_marked_and_stays_in_use() {
    let (_folder, path) = folder();
    write(&path, "DE", 50.0, 1_600_000_000);
    let mut wanted = settings(&[(Role::City, &path)]);
    let geo = Geo::open(wanted.clone());
    assert!(geo.states()[0].is_old);
    assert_eq!(latitude(&geo), Some(50.0));
    wanted.age_max_seconds = 0;
    geo.reload(wanted);
    assert!(!geo.states()[0].is_old);
}

#[test]
fn a_file_from_a_far_future_has_no_age() {
    let (_folder, path) = folder();
    write(&path, "DE", 50.0, 1 << 40);
    let geo = geo(&[(Role::City, &path)]);
    assert!(!geo.states()[0].is_old);
    assert_eq!(geo.states()[0].age_seconds(NOW_SECONDS), Some(0));
}

#[test]
fn places_beyond_the_limit_are_unknown() {
    let mut wanted = settings(&[(Role::City, &city_file())]);
    wanted.places_max = 1;
    let geo = Geo::open(wanted);
    let first = geo.place_of(ip("89.160.20.128"));
    assert_eq!(first, PlaceId(1));
    assert_eq!(geo.place_of(ip("81.2.69.142")), PlaceId::UNKNOWN);
    assert_eq!(geo.place_of(ip("89.160.20.128")), first);
}

/// C14 as far as it is about geo data: whoever asks while a file is replaced has the old place or
/// the new one, never none.
#[test]
fn c14_whoever_asks_while_a_file_is_replaced_has_the_old_place_or_the_new_one() {
    let (_folder, path) = folder();
    write(&path, "DE", 50.0, NOW_SECONDS);
    let geo = geo(&[(Role::City, &path)]);
    let stop = AtomicBool::new(false);
    let seen: Vec<BTreeSet<[u8; 2]>> = thread::scope(|scope| {
        let ask = || {
            let mut seen = BTreeSet::new();
            while !stop.load(Ordering::Relaxed) {
                let place = geo.table().get(geo.place_of(ip(ADDRESS)));
                seen.insert(place.country().expect("a place at any time"));
            }
            seen
        };
        let askers: Vec<_> = (0..3).map(|_| scope.spawn(ask)).collect();
        for round in 0..100_u32 {
            let country = if round.is_multiple_of(2) { "FR" } else { "DE" };
            if round % 10 == 5 {
                fs::write(&path, b"damaged").unwrap();
                geo.refresh();
            }
            write(&path, country, 50.0, NOW_SECONDS);
            geo.refresh();
        }
        stop.store(true, Ordering::Relaxed);
        askers.into_iter().map(|asker| asker.join().unwrap()).collect()
    });
    let all: BTreeSet<_> = seen.into_iter().flatten().collect();
    assert_eq!(all, BTreeSet::from([*b"DE", *b"FR"]));
    assert_eq!(geo.numbers().failures_total.load(Ordering::Relaxed), 0);
    assert_eq!(geo.table().len(), 2);
}

#[test]
fn look_ups_are_counted_and_so_are_those_that_find_nothing() {
    let geo = geo(&[(Role::City, &city_file())]);
    geo.place_of(ip("89.160.20.128"));
    geo.place_of(ip("10.0.0.1"));
    let numbers = geo.numbers();
    assert_eq!(numbers.lookups_total.load(Ordering::Relaxed), 2);
    assert_eq!(numbers.unknown_total.load(Ordering::Relaxed), 1);
}

#[test]
fn each_source_is_named_once() {
    let (_folder, path) = folder();
    Mmdb::new("DBIP-City-Lite", NOW_SECONDS)
        .with("203.0.113.0/24", flat("DE", 50.0, 8.0))
        .write(&path);
    let mut wanted = settings(&[(Role::City, &city_file()), (Role::Asn, &asn_file())]);
    wanted.files.push((Role::CityIpv6, path));
    wanted.attribution = "Some more by Example".to_owned();
    let named = Geo::open(wanted).attributions();
    assert_eq!(named.len(), 3, "{named:?}");
    assert!(named[0].contains("GeoLite Data created by MaxMind"), "{named:?}");
    assert!(named[1].contains("IP Geolocation by DB-IP"), "{named:?}");
    assert_eq!(named[2], "Some more by Example");
}
