//! What is read from the files of each provider.

use std::path::Path;

use mika_core::selection::place::{Continent, PlaceId, Places};
use mika_server::geo::{Database, DatabaseError, Found, Point, Role, geodesic_km};

use super::support::{
    BYTES_MAX, Mmdb, NOW_SECONDS, Value, asn_file, city_file, fixture, flat, geo, ip, nested,
};

fn find(name: &str, address: &str) -> Found {
    Database::open(&fixture(name), BYTES_MAX).unwrap().find(ip(address)).unwrap()
}

fn code(found: &Found) -> &str {
    found.country.as_ref().map_or("", |country| country.code())
}

/// D1: what selection keeps of a place is near what the file says.
#[test]
fn d1_a_place_of_the_city_test_file_is_kept_to_700_metres() {
    let file = fixture("test-data/GeoIP2-City-Test.mmdb");
    let geo = geo(&[(Role::City, &file)]);
    let cases = [
        ("214.0.0.0", "SG", Continent::Asia, 1.336, 103.7716),
        ("81.2.69.142", "GB", Continent::Europe, 51.5142, -0.0931),
        ("216.160.83.56", "US", Continent::NorthAmerica, 47.2513, -122.3149),
        ("2a02:cf40::1", "NO", Continent::Europe, 62.0, 10.0),
    ];
    for (address, country, continent, latitude, longitude) in cases {
        let found = geo.find(ip(address));
        let point = Point::new(latitude, longitude).unwrap();
        assert!(geodesic_km(found.point.unwrap(), point) < 0.01, "{address}: {found:?}");
        let place = geo.table().get(geo.place_of(ip(address)));
        let (north, east) = place.point().unwrap();
        let kept_km = geodesic_km(Point::new(north, east).unwrap(), point);
        assert!(kept_km < 0.7, "{address}: {kept_km} km off");
        let [a, b] = place.country().unwrap();
        assert_eq!(format!("{}{}", char::from(a), char::from(b)), country);
        assert_eq!(place.continent(), continent);
    }
}

/// D2: both schemas give the same.
#[test]
fn d2_the_flat_schema_with_32_bit_coordinates_and_that_of_maxmind_are_both_read() {
    let build = |record| {
        let mmdb = Mmdb::new("test", NOW_SECONDS).with("203.0.113.0/24", record);
        Database::from_bytes(mmdb.bytes()).unwrap().find(ip("203.0.113.9")).unwrap()
    };
    let (flat, nested) = (build(flat("DE", 50.125, 8.75)), build(nested("DE", 50.125, 8.75)));
    assert_eq!(flat, nested);
    assert_eq!(flat.point, Point::new(50.125, 8.75));
    assert_eq!(code(&flat), "DE");
    assert_eq!(flat.continent, Continent::Europe);
}

#[test]
fn an_autonomous_system_comes_from_the_second_file() {
    let geo = geo(&[(Role::City, &city_file()), (Role::Asn, &asn_file())]);
    let found = geo.find(ip("89.160.20.128"));
    assert_eq!(code(&found), "SE");
    assert_eq!(found.asn, Some(29518));
    assert_eq!(geo.find(ip("1.128.0.1")).asn, Some(1221));
    assert_eq!(geo.find(ip("::ffff:1.128.0.1")).asn, Some(1221));
    assert!(geo.find(ip("127.0.0.1")).is_empty());
    assert_eq!(geo.place_of(ip("127.0.0.1")), PlaceId::UNKNOWN);
}

#[test]
fn equal_places_have_one_number() {
    let geo = geo(&[(Role::City, &city_file())]);
    let numbers = ["81.2.69.142", "81.2.69.160", "89.160.20.128"].map(|it| geo.place_of(ip(it)));
    assert_eq!(numbers[0], numbers[1]);
    assert_ne!(numbers[0], numbers[2]);
    assert_eq!(geo.table().len(), 2);
}

#[test]
fn a_country_file_gives_country_and_continent() {
    let found = find("test-data/GeoLite2-Country-Test.mmdb", "89.160.20.128");
    assert_eq!((code(&found), found.continent), ("SE", Continent::Europe));
    assert_eq!(found.point, None);
}

#[test]
fn the_country_of_the_registration_counts_where_there_is_no_other() {
    let registered =
        Value::Map(vec![("registered_country", Value::Map(vec![("iso_code", Value::Text("NZ"))]))]);
    let mmdb = Mmdb::new("test", NOW_SECONDS).with("203.0.113.0/24", registered);
    let found = Database::from_bytes(mmdb.bytes()).unwrap().find(ip("203.0.113.9")).unwrap();
    assert_eq!((code(&found), found.continent), ("NZ", Continent::Oceania));
}

#[test]
fn coordinates_that_are_on_no_earth_are_unknown() {
    for (latitude, longitude) in [(90.5, 0.0), (0.0, -180.5), (f64::NAN, 0.0), (0.0, f64::INFINITY)]
    {
        let record = nested("DE", latitude, longitude);
        let mmdb = Mmdb::new("test", NOW_SECONDS).with("203.0.113.0/24", record);
        let found = Database::from_bytes(mmdb.bytes()).unwrap().find(ip("203.0.113.9")).unwrap();
        assert_eq!(found.point, None);
        assert_eq!(code(&found), "DE");
    }
}

#[test]
fn two_files_that_disagree_about_the_country_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("1.mmdb"), folder.path().join("2.mmdb"));
    let network = "203.0.113.0/24";
    let country = Value::Map(vec![("country_code", Value::Text("FR"))]);
    Mmdb::new("one", NOW_SECONDS).with(network, country).write(&first);
    Mmdb::new("two", NOW_SECONDS).with(network, nested("DE", 50.0, 8.0)).write(&second);
    let both = geo(&[(Role::City, &first), (Role::CityIpv6, &second)]);
    let found = both.find(ip("203.0.113.1"));
    assert_eq!((code(&found), found.point), ("FR", None));
    let both = geo(&[(Role::City, &second), (Role::CityIpv6, &first)]);
    let found = both.find(ip("203.0.113.1"));
    assert_eq!((code(&found), found.point), ("DE", Point::new(50.0, 8.0)));
}

#[test]
fn an_ipv4_file_knows_nothing_of_ipv6() {
    let mmdb = Mmdb::new("city ipv4", NOW_SECONDS).with("203.0.113.0/24", flat("DE", 50.0, 8.0));
    let database = Database::from_bytes(mmdb.bytes()).unwrap();
    assert!(database.find(ip("2001:db8::1")).unwrap().is_empty());
}

#[test]
fn a_database_of_something_else_is_refused() {
    let path = fixture("test-data/GeoIP2-Domain-Test.mmdb");
    let refused = Database::open(&path, BYTES_MAX);
    assert!(
        matches!(&refused, Err(DatabaseError::Useless(kind)) if kind == "GeoIP2-Domain"),
        "{refused:?}"
    );
}

#[test]
fn devices_and_folders_are_not_read() {
    for path in ["/dev/zero", "/dev/null", "/tmp"] {
        let error = Database::open(Path::new(path), BYTES_MAX).unwrap_err().to_string();
        assert!(error.contains("not a regular file"), "{path}: {error}");
    }
}

#[test]
fn a_file_longer_than_allowed_is_not_read() {
    let bytes = std::fs::metadata(city_file()).unwrap().len();
    assert!(matches!(
        Database::open(&city_file(), bytes - 1),
        Err(DatabaseError::TooLong(most)) if most == bytes - 1
    ));
    assert_eq!(Database::open(&city_file(), bytes).unwrap().bytes(), bytes);
}
