//! What people are told about addresses.

use std::net::IpAddr;

use mika_client::types::{GeoAnswer, GeoFile, GeoPlace};

use super::Geo;
use super::distance::geodesic_km;
use super::files::FileState;
use super::found::Found;

/// Where an address is, or two, and how far they are from each other.
pub fn answer(geo: &Geo, address: IpAddr, other: Option<IpAddr>) -> GeoAnswer {
    let one = geo.find_uncounted(address);
    let two = other.map(|other| (other, geo.find_uncounted(other)));
    let points = one.point.zip(two.and_then(|(_, found)| found.point));
    let places = [(address, one)].into_iter().chain(two);
    GeoAnswer {
        places: places.map(|(address, found)| place(address, &found)).collect(),
        distance_km: points.map(|(one, two)| geodesic_km(one, two)),
        files: geo.states().iter().map(file).collect(),
    }
}

fn place(address: IpAddr, found: &Found) -> GeoPlace {
    let continent = found.continent.code();
    GeoPlace {
        address: address.to_string(),
        latitude: found.point.map(|point| point.latitude),
        longitude: found.point.map(|point| point.longitude),
        country: found.country.map(|country| country.code().to_owned()),
        continent: (!continent.is_empty()).then(|| continent.to_owned()),
        asn: found.asn,
    }
}

fn file(state: &FileState) -> GeoFile {
    GeoFile {
        role: state.role.name().to_owned(),
        kind: state.kind.clone(),
        built_at: (state.bytes > 0).then_some(state.built_at_seconds),
        bytes: state.bytes,
        old: state.is_old,
        problem: state.problem.clone(),
    }
}
