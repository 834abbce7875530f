//! Where networks are, if somebody who has a table of places tells.

use serde::{Deserialize, Serialize};

use crate::shard::IntegerMap;

/// A place on Earth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Degrees north, in hundredths.
    pub latitude_centidegrees: i16,
    /// Degrees east, in hundredths.
    pub longitude_centidegrees: i16,
}

/// Networks whose place is known at most.
const PLACES_MAX: usize = 200_000;
/// Bytes that they take at most.
pub(super) const BYTES_MAX: u64 = PLACES_MAX as u64 * 9 * 16 / 7;

/// The mean radius of the Earth.
const RADIUS_KM: f64 = 6371.0;

impl Place {
    /// From degrees north and east; `None` if there is no such point.
    pub fn of_degrees(latitude: f64, longitude: f64) -> Option<Self> {
        let is_one = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        let centidegrees = |degrees: f64| (degrees * 100.0).round() as i16;
        is_one.then(|| Self {
            latitude_centidegrees: centidegrees(latitude),
            longitude_centidegrees: centidegrees(longitude),
        })
    }

    /// The distance along a great circle, within 0.6 %.
    pub fn kilometres_to(self, other: Place) -> f64 {
        let radians = |centidegrees: i16| (f64::from(centidegrees) / 100.0).to_radians();
        let (lat1, lat2) =
            (radians(self.latitude_centidegrees), radians(other.latitude_centidegrees));
        let (lon1, lon2) =
            (radians(self.longitude_centidegrees), radians(other.longitude_centidegrees));
        let half = |angle: f64| (angle / 2.0).sin().powi(2);
        let chord = half(lat2 - lat1) + lat1.cos() * lat2.cos() * half(lon2 - lon1);
        2.0 * RADIUS_KM * chord.clamp(0.0, 1.0).sqrt().asin()
    }
}

/// The places of networks, by their keyed hash.
#[derive(Debug, Default)]
pub(super) struct Places {
    by_network: IntegerMap<u32, Place>,
}

impl Places {
    pub(super) fn is_empty(&self) -> bool {
        self.by_network.is_empty()
    }

    pub(super) fn get(&self, network: u32) -> Option<Place> {
        self.by_network.get(&network).copied()
    }

    pub(super) fn put(&mut self, network: u32, place: Place) {
        if self.by_network.len() >= PLACES_MAX && !self.by_network.contains_key(&network) {
            // They are told again when they are seen again.
            self.by_network.clear();
        }
        self.by_network.insert(network, place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frankfurt_and_new_york_are_6200_kilometres_apart() {
        let place = |latitude, longitude| Place {
            latitude_centidegrees: latitude,
            longitude_centidegrees: longitude,
        };
        let (frankfurt, new_york) = (place(5003, 857), place(4064, -7378));
        let kilometres = frankfurt.kilometres_to(new_york);
        assert!((kilometres - 6184.0).abs() < 40.0, "{kilometres}");
        assert_eq!(frankfurt.kilometres_to(frankfurt), 0.0);
    }
}
