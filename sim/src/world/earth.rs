//! Regions, countries, cities and networks (ASes), and what connections between them carry.

use crate::rng::{Rng, Weights};

/// Regions with their share of users, and the latitudes and longitudes between which their cities
/// lie, in degrees.
pub const REGIONS: [(&str, f64, [f64; 2], [f64; 2]); 5] = [
    ("Europe", 0.42, [38.0, 60.0], [-8.0, 30.0]),
    ("North America", 0.27, [28.0, 50.0], [-122.0, -72.0]),
    ("Asia", 0.16, [1.0, 40.0], [72.0, 140.0]),
    ("South America", 0.09, [-35.0, 5.0], [-75.0, -40.0]),
    ("Oceania", 0.06, [-43.0, -12.0], [115.0, 175.0]),
];

const COUNTRIES_PER_REGION: usize = 6;
const CITIES: usize = 60;
const NETWORKS: usize = 200;

/// One network in so many is that of a data centre.
const DATA_CENTRE_EVERY: usize = 8;

/// Companies that most seedboxes are rented from.
const HOSTERS: usize = 5;

/// Share of its members' lines that a network carries to and from other networks.
const EXTERNAL_SHARE: f64 = 0.35;
const EXTERNAL_BYTES_PER_SECOND_MIN: f64 = 20e6;

/// A city.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct City {
    /// Index among [`REGIONS`].
    pub region: usize,
    /// Number of the country, over all regions.
    pub country: usize,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

/// A network under one administration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AutonomousSystem {
    /// Its country.
    pub country: usize,
    /// Whether servers are rented there.
    pub data_centre: bool,
    /// Bytes per second to other networks, and as many from them for [`Self::external_in`].
    pub external_out: f64,
    /// Bytes per second from other networks.
    pub external_in: f64,
}

/// How far two users are apart, as networks see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// In the same network.
    Network,
    /// In the same region.
    Region,
    /// In different regions.
    World,
}

/// Regions, cities and networks.
#[derive(Debug)]
pub struct Earth {
    /// Cities, the largest first.
    pub cities: Vec<City>,
    /// Networks.
    pub networks: Vec<AutonomousSystem>,
    city_weights: Weights,
    network_weights: Vec<f64>,
    hosters: Vec<(usize, usize)>,
}

impl Earth {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let regions = Weights::new(REGIONS.map(|region| region.1));
        let mut cities: Vec<City> = Vec::new();
        for number in 0..CITIES {
            // Each region has cities, whatever is drawn.
            let region = if number < REGIONS.len() { number } else { rng.weighted(&regions) };
            let (_, _, [south, north], [west, east]) = REGIONS[region];
            let longitude = west + (east - west) * rng.unit();
            // Countries lie side by side from west to east.
            let strip = (longitude - west) / (east - west) * COUNTRIES_PER_REGION as f64;
            let country = region * COUNTRIES_PER_REGION + strip as usize;
            let latitude = south + (north - south) * rng.unit();
            cities.push(City { region, country, latitude, longitude });
        }
        let mut in_region = [0.0; REGIONS.len()];
        let zipf: Vec<f64> = (1..=CITIES).map(|rank| 1.0 / rank as f64).collect();
        cities.iter().zip(&zipf).for_each(|(city, weight)| in_region[city.region] += weight);
        let weight = |(city, weight): (&City, &f64)| {
            REGIONS[city.region].1 * weight / in_region[city.region]
        };
        let city_weights = Weights::new(cities.iter().zip(&zipf).map(weight));
        let (networks, network_weights) = Self::draw_networks(&cities, &city_weights, rng);
        let hosters = Self::hosters(&cities, &networks);
        Self { cities, networks, city_weights, network_weights, hosters }
    }

    fn draw_networks(
        cities: &[City],
        city_weights: &Weights,
        rng: &mut Rng,
    ) -> (Vec<AutonomousSystem>, Vec<f64>) {
        let mut networks = Vec::new();
        let mut add = |country, data_centre| {
            let (external_out, external_in) = (f64::INFINITY, f64::INFINITY);
            networks.push(AutonomousSystem { country, data_centre, external_out, external_in });
        };
        // Two for every country with a city: lines to homes, and a data centre.
        let mut countries: Vec<_> = cities.iter().map(|city| city.country).collect();
        countries.sort_unstable();
        countries.dedup();
        for country in countries {
            add(country, false);
            add(country, true);
        }
        let rest = NETWORKS.saturating_sub(networks_of(cities));
        for number in 0..rest {
            let city = cities[rng.weighted(city_weights)];
            add(city.country, number % DATA_CENTRE_EVERY == 0);
        }
        let weights = (1..=networks.len()).map(|rank| (rank as f64).powf(-0.9)).collect();
        (networks, weights)
    }

    /// The data centres of the largest cities of the first two regions, each with its city.
    fn hosters(cities: &[City], networks: &[AutonomousSystem]) -> Vec<(usize, usize)> {
        let mut hosters: Vec<(usize, usize)> = Vec::new();
        for (number, city) in cities.iter().enumerate().filter(|(_, city)| city.region < 2) {
            let here = |it: &AutonomousSystem| it.data_centre && it.country == city.country;
            let Some(network) = networks.iter().position(here) else { continue };
            let is_new = hosters.iter().all(|(_, other)| *other != network);
            if is_new && hosters.len() < HOSTERS {
                hosters.push((number, network));
            }
        }
        hosters
    }

    /// One of the few companies that most seedboxes are rented from: city and network.
    pub(super) fn draw_hoster(&self, rng: &mut Rng) -> Option<(usize, usize)> {
        self.hosters.get(rng.below(self.hosters.len())).copied()
    }

    /// A city, the larger ones more often.
    pub(super) fn draw_city(&self, rng: &mut Rng) -> usize {
        rng.weighted(&self.city_weights)
    }

    /// A network of a city's country, the larger ones more often.
    pub(super) fn draw_network(&self, city: usize, data_centre: bool, rng: &mut Rng) -> usize {
        let country = self.cities[city].country;
        let weight = |(network, weight): (&AutonomousSystem, &f64)| {
            let fits = network.country == country && network.data_centre == data_centre;
            if fits { *weight } else { 0.0 }
        };
        let weights = self.networks.iter().zip(&self.network_weights).map(weight);
        rng.weighted(&Weights::new(weights))
    }

    /// Gives each network what it carries to others, from its members' lines.
    pub(super) fn limit_networks(&mut self, lines: impl Iterator<Item = (usize, f64, f64)>) {
        let mut sums = vec![(0.0, 0.0); self.networks.len()];
        for (network, up, down) in lines {
            sums[network].0 += up;
            sums[network].1 += down;
        }
        for (network, (up, down)) in self.networks.iter_mut().zip(sums) {
            network.external_out = (up * EXTERNAL_SHARE).max(EXTERNAL_BYTES_PER_SECOND_MIN);
            network.external_in = (down * EXTERNAL_SHARE).max(EXTERNAL_BYTES_PER_SECOND_MIN);
        }
    }

    /// Kilometres on a sphere between two cities.
    pub fn kilometres(&self, one: usize, other: usize) -> f64 {
        let (one, other) = (self.cities[one], self.cities[other]);
        let (lat1, lat2) = (one.latitude.to_radians(), other.latitude.to_radians());
        let half_lat = ((lat2 - lat1) / 2.0).sin();
        let half_lon = ((other.longitude - one.longitude).to_radians() / 2.0).sin();
        let chord = half_lat.powi(2) + lat1.cos() * lat2.cos() * half_lon.powi(2);
        2.0 * 6371.0 * chord.sqrt().min(1.0).asin()
    }

    /// Bytes per second that one connection carries: by round-trip time and loss (Mathis et al.,
    /// 1997: segment / time × 1.22 / √loss).
    pub(super) fn connection_limit(&self, from: usize, to: usize, tier: Tier) -> f64 {
        let loss: f64 = match tier {
            Tier::Network => 1e-5,
            Tier::Region => 3e-5,
            Tier::World => 2e-4,
        };
        // Light in glass takes 1 ms for 100 km and back; cables are half as long again.
        let round_trip_seconds = 0.005 + self.kilometres(from, to) * 1.5e-5;
        1460.0 * 1.22 / (round_trip_seconds * loss.sqrt())
    }
}

fn networks_of(cities: &[City]) -> usize {
    let mut countries: Vec<_> = cities.iter().map(|city| city.country).collect();
    countries.sort_unstable();
    countries.dedup();
    2 * countries.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_get_slower_with_distance_and_between_regions() {
        let earth = Earth::new(&mut Rng::new(1, 1));
        let near = earth.connection_limit(0, 0, Tier::Network);
        let region = earth.connection_limit(0, 0, Tier::Region);
        let far = earth.connection_limit(0, 1, Tier::World);
        assert!(near > region && region > 3.0 * far, "{near} {region} {far}");
        assert!((3e5..3e6).contains(&far), "{far} bytes per second from Europe to North America");
    }

    #[test]
    fn every_city_has_a_network_of_each_kind_in_its_own_country() {
        let earth = Earth::new(&mut Rng::new(2, 1));
        let mut rng = Rng::new(3, 1);
        for city in 0..earth.cities.len() {
            for data_centre in [false, true] {
                let network = earth.networks[earth.draw_network(city, data_centre, &mut rng)];
                assert_eq!(network.country, earth.cities[city].country);
                assert_eq!(network.data_centre, data_centre);
            }
        }
    }
}
