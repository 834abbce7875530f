//! The distance of two points: exactly, for people.

use geographiclib_rs::{Geodesic, InverseGeodesic};

use super::found::Point;

/// Kilometres along the shortest path on the WGS84 ellipsoid.
///
/// By Karney's method (J. Geodesy 87, 2013), which is right to some nanometres for all pairs,
/// antipodes included, where Vincenty's does not converge. The coordinates are what is inexact:
/// a database places an address within tens of kilometres.
pub fn geodesic_km(one: Point, other: Point) -> f64 {
    let metres: f64 =
        Geodesic::wgs84().inverse(one.latitude, one.longitude, other.latitude, other.longitude);
    metres / 1000.0
}
