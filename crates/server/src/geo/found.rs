//! What a database knows about one address.

use std::fmt;

use mika_core::selection::place::{Continent, Place};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use super::continent::continent_of;

/// A record of a database, of whichever provider: the MaxMind schema, which DB-IP uses too, has
/// tables in a record; the flat schema has all fields at the top, with the coordinates as 32-bit
/// numbers. Nothing else of a record is decoded.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Record<'a> {
    #[serde(borrow, default)]
    country: Option<CountryRecord<'a>>,
    #[serde(borrow, default)]
    registered_country: Option<CountryRecord<'a>>,
    #[serde(borrow, default)]
    continent: Option<ContinentRecord<'a>>,
    #[serde(default)]
    location: Option<LocationRecord>,
    #[serde(default)]
    traits: Option<TraitsRecord>,
    #[serde(default)]
    country_code: Option<&'a str>,
    #[serde(default)]
    latitude: Option<Degrees>,
    #[serde(default)]
    longitude: Option<Degrees>,
    #[serde(default)]
    autonomous_system_number: Option<Asn>,
}

#[derive(Debug, Deserialize)]
struct CountryRecord<'a> {
    #[serde(borrow, default)]
    iso_code: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
struct ContinentRecord<'a> {
    #[serde(borrow, default)]
    code: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
struct LocationRecord {
    #[serde(default)]
    latitude: Option<Degrees>,
    #[serde(default)]
    longitude: Option<Degrees>,
}

#[derive(Debug, Deserialize)]
struct TraitsRecord {
    #[serde(default)]
    autonomous_system_number: Option<Asn>,
}

/// A number of degrees, in whichever type a file has it: MaxMind and DB-IP have 64-bit numbers, the
/// flat schema 32-bit ones.
#[derive(Debug, Clone, Copy)]
struct Degrees(f64);

/// The number of an autonomous system, in whichever type a file has it.
#[derive(Debug, Clone, Copy)]
struct Asn(u32);

/// Makes a type of a number of any type: the reader insists on the type that it is asked for.
macro_rules! of_any_number {
    (
        $Type:ident, $expected:literal,
        { $($visit:ident($number:ident: $from:ty) => $to:expr;)* }
    ) => {
        impl<'de> Deserialize<'de> for $Type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct AnyNumber;
                impl Visitor<'_> for AnyNumber {
                    type Value = $Type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }

                    $(fn $visit<E: Error>(self, $number: $from) -> Result<$Type, E> {
                        Ok($Type($to))
                    })*
                }
                deserializer.deserialize_any(AnyNumber)
            }
        }
    };
}

of_any_number!(Degrees, "degrees", {
    visit_f64(number: f64) => number;
    visit_f32(number: f32) => number.into();
    visit_i64(number: i64) => number as f64;
    visit_u64(number: u64) => number as f64;
});

of_any_number!(Asn, "the number of an autonomous system", {
    visit_u64(number: u64) => u32::try_from(number).unwrap_or_default();
    visit_i64(number: i64) => u32::try_from(number).unwrap_or_default();
});

/// A country by its two letters (ISO 3166-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// A country from its code; `None` if that is not two letters.
    pub fn new(code: &str) -> Option<Self> {
        match *code.as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                Some(Self([a.to_ascii_uppercase(), b.to_ascii_uppercase()]))
            }
            _ => None,
        }
    }

    /// The two capital letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Degrees north and east on WGS84: from -90 to 90, from -180 to 180.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

impl Point {
    /// A point; `None` if there is no such place on Earth.
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        // What is not a number is in no range.
        let on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        on_earth.then_some(Self { latitude, longitude })
    }
}

/// What databases know about one address.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Found {
    /// Where it is, roughly.
    pub point: Option<Point>,
    /// The number of its autonomous system.
    pub asn: Option<u32>,
    /// Its country.
    pub country: Option<Country>,
    /// Its continent.
    pub continent: Continent,
}

impl Found {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether nothing could be added.
    pub(super) fn is_complete(&self) -> bool {
        self.point.is_some() && self.asn.is_some() && self.country.is_some()
    }

    /// The same as peer selection knows it: in 12 bytes, the coordinates to 0.4 km at most.
    pub fn place(&self) -> Place {
        let mut place = Place::of_asn(self.asn.unwrap_or_default()).on_continent(self.continent);
        if let Some(point) = self.point {
            place = place.at(point.latitude, point.longitude);
        }
        if let Some(country) = self.country {
            place = place.in_country(country.code());
        }
        place
    }

    /// The same, and what only `other` knows.
    ///
    /// A country does not come alone: two databases may place an address differently, and its
    /// coordinates should be in its country.
    pub(super) fn or(self, other: Self) -> Self {
        let mut all = Self { asn: self.asn.or(other.asn), ..self };
        if all.point.is_none() && (all.country.is_none() || all.country == other.country) {
            all.point = other.point;
            all.country = other.country;
            if other.continent != Continent::Unknown {
                all.continent = other.continent;
            }
        }
        all
    }
}

impl From<Record<'_>> for Found {
    fn from(record: Record<'_>) -> Self {
        let Record { country, registered_country, continent, location, traits, .. } = record;
        let nested = location.and_then(|place| Some((place.latitude?, place.longitude?)));
        let flat = || Some((record.latitude?, record.longitude?));
        let point = nested
            .or_else(flat)
            .and_then(|(north, east): (Degrees, Degrees)| Point::new(north.0, east.0));
        let code = country.and_then(|country| country.iso_code).or(record.country_code);
        // Where there is a point, it need not be in the country of the registration.
        let registered = || registered_country.filter(|_| point.is_none())?.iso_code;
        let country = code.or_else(registered).and_then(Country::new);
        let continent = continent.and_then(|continent| continent.code).map(Continent::of_code);
        let continent = continent.filter(|continent| *continent != Continent::Unknown);
        let asn = traits.and_then(|traits| traits.autonomous_system_number);
        Self {
            point,
            // 0 is reserved (RFC 7607): nobody's.
            asn: record.autonomous_system_number.or(asn).map(|asn| asn.0).filter(|asn| *asn != 0),
            country,
            continent: continent.or_else(|| country.map(continent_of)).unwrap_or_default(),
        }
    }
}
