//! Where peers are, as far as the choice of peers needs it.
//!
//! The core asks a [`Places`] provider for the place of an address when a peer is new or has
//! changed its address, never else, and keeps the number it is given. What a number stands for is
//! in the provider's [`PlaceTable`], which only ever grows: a provider that loads new data keeps
//! its table, so that the numbers of peers which are there already stay valid.
//!
//! This file depends on nothing else of the crate.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

/// Radius of the sphere with the volume of the Earth (IUGG R1, from WGS84), in kilometres.
pub const EARTH_RADIUS_KM: f64 = 6371.0088;

/// The length of the unit vector of a [`Place`].
const UNIT: f64 = 32767.0;

/// Tells the places of addresses. Called while a torrent's lock is held: no I/O, no waiting.
pub trait Places: Send + Sync + std::fmt::Debug {
    /// The place of an address; [`PlaceId::UNKNOWN`] if nothing is known of it.
    fn place_of(&self, address: IpAddr) -> PlaceId;

    /// What the numbers stand for: the same table as long as the tracker runs.
    fn table(&self) -> &PlaceTable;
}

/// The number of a place in a [`PlaceTable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PlaceId(pub u32);

impl PlaceId {
    /// Nothing is known.
    pub const UNKNOWN: PlaceId = PlaceId(0);
    /// The largest number that a table gives out.
    pub const MAX: PlaceId = PlaceId((1 << 24) - 3);
}

/// A continent, as geo data names it; `Unknown` comes first, so that it is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Continent {
    /// Not known.
    #[default]
    Unknown,
    /// `AF`
    Africa,
    /// `AN`
    Antarctica,
    /// `AS`
    Asia,
    /// `EU`
    Europe,
    /// `NA`
    NorthAmerica,
    /// `OC`
    Oceania,
    /// `SA`
    SouthAmerica,
}

impl Continent {
    const ALL: [Continent; 8] = [
        Continent::Unknown,
        Continent::Africa,
        Continent::Antarctica,
        Continent::Asia,
        Continent::Europe,
        Continent::NorthAmerica,
        Continent::Oceania,
        Continent::SouthAmerica,
    ];

    /// The continent of a two-letter code; `Unknown` for any other text.
    pub fn of_code(code: &str) -> Self {
        Self::ALL.into_iter().find(|it| it.code() == code).unwrap_or_default()
    }

    /// Its two-letter code; empty if it is unknown.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::Africa => "AF",
            Self::Antarctica => "AN",
            Self::Asia => "AS",
            Self::Europe => "EU",
            Self::NorthAmerica => "NA",
            Self::Oceania => "OC",
            Self::SouthAmerica => "SA",
        }
    }
}

/// A place: 12 bytes. Each of its parts may be unknown.
///
/// The point is kept as a unit vector of 3×16 bits, so that a distance costs a few
/// multiplications: to 0.4 km at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Place {
    /// All zeros if the point is unknown.
    vector: [i16; 3],
    /// 10 bits of country (0: unknown), 3 bits of continent.
    region: u16,
    asn: u32,
}

const _: () = assert!(size_of::<Place>() == 12);

const COUNTRY_BITS: u32 = 10;
pub(crate) const COUNTRY_MASK: u16 = (1 << COUNTRY_BITS) - 1;

impl Place {
    /// Nothing is known.
    pub const UNKNOWN: Place = Place { vector: [0; 3], region: 0, asn: 0 };

    /// A place of which nothing is known yet but the number of its autonomous system (0: unknown).
    pub fn of_asn(asn: u32) -> Self {
        Self { asn, ..Self::UNKNOWN }
    }

    /// The same place with its point, in degrees north and east. A point that is none (not finite,
    /// or more than 90° north or south) leaves it unknown.
    #[must_use]
    pub fn at(mut self, latitude: f64, longitude: f64) -> Self {
        if !(latitude.abs() <= 90.0 && longitude.is_finite()) {
            return self;
        }
        let (latitude, longitude) = (latitude.to_radians(), longitude.to_radians());
        let part = |part: f64| (part * UNIT).round() as i16;
        self.vector = [
            part(latitude.cos() * longitude.cos()),
            part(latitude.cos() * longitude.sin()),
            part(latitude.sin()),
        ];
        self
    }

    /// The same place with its country, a code of two capital letters (ISO 3166-1); any other text
    /// leaves it unknown.
    #[must_use]
    pub fn in_country(mut self, code: &str) -> Self {
        let country = match code.as_bytes() {
            [a @ b'A'..=b'Z', b @ b'A'..=b'Z'] => {
                u16::from(a - b'A') * 26 + u16::from(b - b'A') + 1
            }
            _ => 0,
        };
        self.region = (self.region & !COUNTRY_MASK) | country;
        self
    }

    /// The same place with its continent.
    #[must_use]
    pub fn on_continent(mut self, continent: Continent) -> Self {
        self.region = (self.region & COUNTRY_MASK) | (continent as u16) << COUNTRY_BITS;
        self
    }

    /// Two coordinates, the third below the region, and the number of the autonomous system.
    #[inline]
    pub(crate) fn words(&self) -> [u32; 3] {
        let Place { vector: [x, y, z], region, asn } = *self;
        let pair = |low: u16, high: u16| u32::from(low) | u32::from(high) << 16;
        [pair(x.cast_unsigned(), y.cast_unsigned()), pair(z.cast_unsigned(), region), asn]
    }

    fn of_words([xy, z_region, asn]: [u32; 3]) -> Self {
        let halves = |word: u32| (word as u16, (word >> 16) as u16);
        let ((x, y), (z, region)) = (halves(xy), halves(z_region));
        Self { vector: [x.cast_signed(), y.cast_signed(), z.cast_signed()], region, asn }
    }

    /// Whether nothing is known of it.
    pub fn is_unknown(&self) -> bool {
        *self == Self::UNKNOWN
    }

    /// The number of its autonomous system; 0 if it is unknown.
    pub fn asn(&self) -> u32 {
        self.asn
    }

    /// Its country as a code of two letters.
    pub fn country(&self) -> Option<[u8; 2]> {
        let number = self.country_number().checked_sub(1)?;
        let letter = |number: u16| u8::try_from(number).ok().map(|number| b'A' + number % 26);
        Some([letter(number / 26)?, letter(number % 26)?])
    }

    /// Its country as a number; 0 if it is unknown.
    #[inline]
    pub(crate) fn country_number(&self) -> u16 {
        self.region & COUNTRY_MASK
    }

    /// Its continent.
    pub fn continent(&self) -> Continent {
        let number = usize::from(self.region >> COUNTRY_BITS);
        Continent::ALL.get(number).copied().unwrap_or_default()
    }

    /// Its point in degrees north and east.
    pub fn point(&self) -> Option<(f64, f64)> {
        let [x, y, z] = self.vector.map(f64::from);
        let in_plane = x.hypot(y);
        self.has_point().then(|| (z.atan2(in_plane).to_degrees(), y.atan2(x).to_degrees()))
    }

    /// Whether its point is known.
    #[inline]
    pub fn has_point(&self) -> bool {
        self.vector != [0; 3]
    }

    /// The square of the straight line between two points, through the Earth, the radius being
    /// 32,767: it grows with the distance and needs no angle. Both ends are rounded, by 0.87 at
    /// most in all, so that it is at most (2 · 32,767.87)², which is below 2^32.
    #[inline]
    pub fn chord_squared(&self, other: &Place) -> u32 {
        let ([ax, ay, az], [bx, by, bz]) = (self.vector, other.vector);
        let square = |a: i16, b: i16| {
            let difference = i32::from(a) - i32::from(b);
            difference.wrapping_mul(difference).cast_unsigned()
        };
        square(ax, bx).wrapping_add(square(ay, by)).wrapping_add(square(az, bz))
    }

    /// The distance over ground in kilometres, on a sphere: at most 0.6 % off the WGS84 ellipsoid
    /// and 0.8 km for the rounding of both points. `None` if a point is unknown.
    pub fn distance_km(&self, other: &Place) -> Option<f64> {
        if !(self.has_point() && other.has_point()) {
            return None;
        }
        // Half of the angle between them, whose tangent is exact near 0° and 180°.
        let (a, b) = (self.vector.map(f64::from), other.vector.map(f64::from));
        let squares = |sign: f64| a.iter().zip(b).map(move |(a, b)| (a + sign * b).powi(2));
        let (chord, sum) = (squares(-1.0).sum::<f64>().sqrt(), squares(1.0).sum::<f64>().sqrt());
        Some(2.0 * EARTH_RADIUS_KM * chord.atan2(sum))
    }
}

/// The distance over ground that belongs to a [`Place::chord_squared`], in kilometres.
pub(crate) fn km_of_chord_squared(chord_squared: f64) -> f64 {
    let half_chord = chord_squared.sqrt() / UNIT / 2.0;
    2.0 * EARTH_RADIUS_KM * half_chord.min(1.0).asin()
}

/// Places in a part of a table: little enough to be made while somebody waits.
const CHUNK_PLACES: u32 = 4096;
/// Maps of places: many, so that none is large when it has to grow.
const MAPS: usize = 64;

type Chunk = Box<[Slot; CHUNK_PLACES as usize]>;

/// A place that is written once, before anybody has its number. Whoever has it has it from the map
/// of numbers or from a swarm, both of which are locked: so nothing has to be ordered here.
#[derive(Debug, Default)]
struct Slot([AtomicU32; 3]);

impl Slot {
    fn set(&self, place: Place) {
        let words = place.words();
        self.0.iter().zip(words).for_each(|(slot, word)| slot.store(word, Ordering::Relaxed));
    }

    #[inline]
    fn words(&self) -> [u32; 3] {
        let [xy, z_region, asn] = &self.0;
        [xy, z_region, asn].map(|word| word.load(Ordering::Relaxed))
    }
}

/// All places that were ever told, each once: 12 bytes a place, and some 25 for finding it again.
/// Reading takes no lock.
#[derive(Debug)]
pub struct PlaceTable {
    /// Number 0 has a slot, which stays empty.
    chunks: Box<[OnceLock<Chunk>]>,
    /// The numbers of places: locked when one is added, never when one is read.
    numbers: Box<[Mutex<HashMap<Place, PlaceId>>]>,
    /// Places there are, which is the last number.
    count: AtomicU32,
    places_max: u32,
}

impl Default for PlaceTable {
    fn default() -> Self {
        Self::new(PlaceId::MAX.0)
    }
}

impl PlaceTable {
    /// An empty table of at most so many places (and never more than [`PlaceId::MAX`]): what comes
    /// after is unknown.
    pub fn new(places_max: u32) -> Self {
        let places_max = places_max.min(PlaceId::MAX.0);
        Self {
            chunks: (0..=places_max / CHUNK_PLACES).map(|_| OnceLock::new()).collect(),
            numbers: (0..MAPS).map(|_| Mutex::default()).collect(),
            count: AtomicU32::new(0),
            places_max,
        }
    }

    /// How many places there are, the unknown one not counted.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed) as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of a place, a new one if it was never told. [`PlaceId::UNKNOWN`] for the unknown
    /// place, and once the table is full.
    pub fn intern(&self, place: Place) -> PlaceId {
        self.number(place).unwrap_or(PlaceId::UNKNOWN)
    }

    fn number(&self, place: Place) -> Option<PlaceId> {
        if place.is_unknown() {
            return None;
        }
        let mut numbers = self.numbers.get(map_of(&place))?.lock();
        if let Some(id) = numbers.get(&place) {
            return Some(*id);
        }
        let room = |count: u32| (count < self.places_max).then_some(count + 1);
        let count = self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).ok()?;
        let (chunk, at) = position(count + 1);
        let empty = || Box::new(std::array::from_fn(|_| Slot::default()));
        self.chunks.get(chunk)?.get_or_init(empty).get(at)?.set(place);
        let id = PlaceId(count + 1);
        numbers.insert(place, id);
        Some(id)
    }

    /// The place with a number; the unknown one if there is none.
    pub fn get(&self, id: PlaceId) -> Place {
        Place::of_words(self.words(id))
    }

    /// The same as [`Place::words`].
    #[inline]
    pub(crate) fn words(&self, id: PlaceId) -> [u32; 3] {
        let (chunk, at) = position(id.0);
        let chunk = self.chunks.get(chunk).and_then(OnceLock::get);
        chunk.and_then(|chunk| chunk.get(at)).map_or([0; 3], Slot::words)
    }
}

/// The chunk of a place, and where in it the place is.
#[inline]
fn position(id: u32) -> (usize, usize) {
    ((id / CHUNK_PLACES) as usize, (id % CHUNK_PLACES) as usize)
}

/// The map that a place belongs to.
fn map_of(place: &Place) -> usize {
    let [x, y, z] = place.vector.map(i32::from);
    let mixed = x.wrapping_mul(31).wrapping_add(y).wrapping_mul(31).wrapping_add(z);
    let mixed = mixed.unsigned_abs().wrapping_add(place.asn).wrapping_mul(0x9e37_79b9);
    (mixed >> 26) as usize % MAPS
}

#[cfg(test)]
mod tests;
