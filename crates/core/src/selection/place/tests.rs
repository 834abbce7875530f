//! Places against the formulas of a sphere.

use std::sync::Arc;

use super::*;

const BERLIN: (f64, f64) = (52.52, 13.405);

fn at((latitude, longitude): (f64, f64)) -> Place {
    Place::UNKNOWN.at(latitude, longitude)
}

fn haversine_km(a: (f64, f64), b: (f64, f64)) -> f64 {
    let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
    let cosines = a.0.to_radians().cos() * b.0.to_radians().cos();
    2.0 * EARTH_RADIUS_KM * (half(a.0, b.0) + cosines * half(a.1, b.1)).sqrt().asin()
}

fn points(count: usize) -> Vec<(f64, f64)> {
    let mut rng = fastrand::Rng::with_seed(5);
    let point = |_| ((rng.f64() * 2.0 - 1.0).asin().to_degrees(), rng.f64() * 360.0 - 180.0);
    (0..count).map(point).collect()
}

#[test]
fn c11_the_order_of_distances_is_that_of_the_haversine_formula_if_they_differ_by_5_km() {
    let points = points(400);
    let asker = at(BERLIN);
    for a in &points {
        for b in &points {
            let difference = haversine_km(BERLIN, *a) - haversine_km(BERLIN, *b);
            if difference.abs() > 5.0 {
                let order = asker.chord_squared(&at(*a)) > asker.chord_squared(&at(*b));
                assert_eq!(order, difference > 0.0, "{a:?} {b:?} {difference}");
            }
        }
    }
}

#[test]
fn a_distance_is_that_of_the_haversine_formula_to_800_metres() {
    for a in points(60) {
        for b in points(60) {
            let km = at(a).distance_km(&at(b)).unwrap();
            assert!((km - haversine_km(a, b)).abs() < 0.8, "{a:?} {b:?} {km}");
        }
    }
    // WGS84: 6,196.6 km (Karney), of which the ellipsoid is a part of 0.4 %.
    let km = at((50.03, 8.57)).distance_km(&at((40.64, -73.78))).unwrap();
    assert!((km / 6196.6 - 1.0).abs() < 0.005, "{km}");
    assert_eq!(at(BERLIN).distance_km(&Place::UNKNOWN), None);
}

#[test]
fn a_point_comes_back_to_within_400_metres() {
    for point in points(5000) {
        let back = at(point).point().unwrap();
        assert!(haversine_km(point, back) < 0.4, "{point:?} {back:?}");
    }
    for point in [(90.0, 0.0), (-90.0, 0.0), (0.0, 180.0), (0.0, -180.0), (0.0, 0.0)] {
        let back = at(point).point().unwrap();
        assert!(haversine_km(point, back) < 0.4, "{point:?} {back:?}");
    }
}

#[test]
fn what_is_no_place_is_unknown() {
    for (latitude, longitude) in [(f64::NAN, 0.0), (91.0, 0.0), (0.0, f64::INFINITY)] {
        assert!(Place::UNKNOWN.at(latitude, longitude).is_unknown());
    }
    for code in ["", "D", "de", "DEU", "1A", "Ä"] {
        assert_eq!(Place::UNKNOWN.in_country(code).country(), None);
    }
    assert_eq!(Place::UNKNOWN.point(), None);
    assert_eq!(Continent::of_code("XX"), Continent::Unknown);
}

#[test]
fn country_continent_and_system_are_kept_beside_each_other() {
    for code in ["AA", "AZ", "DE", "JP", "ZA", "ZZ"] {
        for continent in Continent::ALL {
            let place = Place::of_asn(u32::MAX).on_continent(continent).in_country(code);
            let place = place.on_continent(continent);
            assert_eq!(place.country().unwrap(), code.as_bytes());
            assert_eq!(place.continent(), continent);
            assert_eq!(Continent::of_code(continent.code()), continent);
            assert_eq!((place.asn(), place.point()), (u32::MAX, None));
        }
    }
}

#[test]
fn a_table_gives_each_place_one_number_and_unknown_to_what_is_too_much() {
    let table = PlaceTable::new(5000);
    assert_eq!(table.intern(Place::UNKNOWN), PlaceId::UNKNOWN);
    assert!(table.is_empty());
    for asn in 1..=5000 {
        assert_eq!(table.intern(Place::of_asn(asn)), PlaceId(asn));
    }
    assert_eq!(table.intern(Place::of_asn(5001)), PlaceId::UNKNOWN);
    assert_eq!(table.intern(Place::of_asn(7)), PlaceId(7));
    assert_eq!(table.len(), 5000);
    for asn in 1..=5000 {
        assert_eq!(table.get(PlaceId(asn)).asn(), asn);
    }
    for id in [0, 5001, 1 << 24, u32::MAX] {
        assert!(table.get(PlaceId(id)).is_unknown());
    }
}

#[test]
fn a_table_is_read_while_it_grows() {
    let table = Arc::new(PlaceTable::default());
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let table = Arc::clone(&table);
            std::thread::spawn(move || {
                for asn in 1..20_000 {
                    let id = table.intern(Place::of_asn(asn));
                    assert_eq!(table.get(id).asn(), asn);
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert_eq!(table.len(), 19_999);
}
