//! Made-up places of made-up peers, and strategies that ask for them.

use std::net::IpAddr;
use std::sync::Arc;

use mika_core::selection::place::{Continent, Place, PlaceId, PlaceTable, Places};
use mika_core::selection::strategy::{Selection, Strategies};
use mika_core::{Settings, Tracker};

/// Places there are.
const PLACES: u32 = 2000;

/// The place of an address follows from the address.
#[derive(Debug)]
struct World {
    table: PlaceTable,
    ids: Vec<PlaceId>,
}

impl World {
    fn new() -> Self {
        let table = PlaceTable::default();
        let mut rng = fastrand::Rng::with_seed(60);
        let ids = (1..=PLACES).map(|asn| {
            let (latitude, longitude) = (rng.f64() * 140.0 - 70.0, rng.f64() * 360.0 - 180.0);
            let continent = [Continent::Europe, Continent::Asia, Continent::NorthAmerica];
            let continent = rng.choice(continent).unwrap_or_default();
            let place = Place::of_asn(asn % 200 + 1).at(latitude, longitude);
            table.intern(place.in_country("DE").on_continent(continent))
        });
        let ids = ids.collect();
        Self { table, ids }
    }
}

impl Places for World {
    fn place_of(&self, address: IpAddr) -> PlaceId {
        let bits = match address {
            IpAddr::V4(ip) => u64::from(ip.to_bits()),
            IpAddr::V6(ip) => ip.to_bits() as u64,
        };
        // Few places have most of the peers.
        let spread = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let part = spread as f64 / f64::from(1 << 24);
        let at = (f64::from(PLACES).powf(part) - 1.0) as usize;
        self.ids.get(at).copied().unwrap_or_default()
    }

    fn table(&self) -> &PlaceTable {
        &self.table
    }
}

/// Turns on the strategies that cost most: by place, and by what a seeder gave.
pub fn choose_by_place(tracker: &Tracker) {
    let strategies = Strategies::LOCATION | Strategies::COMPLETION;
    let selection = Arc::new(Selection { strategies, ..Selection::default() });
    tracker.set_places(Arc::new(World::new()));
    tracker.set_settings(Settings { selection, ..Settings::default() });
}
