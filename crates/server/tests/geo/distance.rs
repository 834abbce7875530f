//! Distances, by the ellipsoid and by what selection keeps.

use mika_core::selection::place::Place;
use mika_server::geo::{Point, geodesic_km};

fn point(latitude: f64, longitude: f64) -> Point {
    Point::new(latitude, longitude).unwrap()
}

#[test]
fn c11_the_geodesic_is_the_one_of_wgs84() {
    // The first by Vincenty's formula, which converges there; the others are GeographicLib's own
    // examples and quarters of the ellipsoid.
    let cases = [
        ((50.03, 8.57), (40.64, -73.78), 6_206.337_792),
        ((0.0, 0.0), (0.0, 90.0), 10_018.754_171),
        ((0.0, 0.0), (90.0, 0.0), 10_001.965_729),
        // Where Vincenty's method does not converge.
        ((0.0, 0.0), (0.5, 179.7), 19_944.127_421),
    ];
    for ((a, b), (c, d), km) in cases {
        let found = geodesic_km(point(a, b), point(c, d));
        assert!((found - km).abs() < 1e-5, "{found} km, not {km}");
    }
    assert_eq!(geodesic_km(point(48.0, 11.0), point(48.0, 11.0)), 0.0);
}

/// The distance that selection works with, beside the exact one, for pairs all over the Earth and
/// for near ones.
#[test]
fn the_distance_of_places_is_off_by_less_than_0_6_percent_and_0_8_km() {
    let mut rng = fastrand::Rng::with_seed(6);
    let (mut far_percent, mut far_km, mut near_km) = (0.0_f64, 0.0_f64, 0.0_f64);
    for _ in 0..200_000 {
        let one = point((rng.f64() * 2.0 - 1.0).asin().to_degrees(), rng.f64() * 360.0 - 180.0);
        let other = if rng.bool() {
            point((rng.f64() * 2.0 - 1.0).asin().to_degrees(), rng.f64() * 360.0 - 180.0)
        } else {
            let north = (one.latitude + rng.f64() * 2.0 - 1.0).clamp(-90.0, 90.0);
            point(north, (one.longitude + rng.f64() * 2.0 - 1.0).clamp(-180.0, 180.0))
        };
        let exact_km = geodesic_km(one, other);
        let place = |it: Point| Place::default().at(it.latitude, it.longitude);
        let kept_km = place(one).distance_km(&place(other)).unwrap();
        let off_km = (kept_km - exact_km).abs();
        if exact_km > 1000.0 {
            far_percent = far_percent.max(100.0 * off_km / exact_km);
            far_km = far_km.max(off_km);
        } else {
            near_km = near_km.max(off_km - 0.006 * exact_km);
        }
    }
    println!("far: {far_percent:.3} %, {far_km:.1} km; near: {near_km:.3} km");
    assert!(far_percent < 0.6, "{far_percent} %");
    assert!(near_km < 0.8, "{near_km} km");
}
