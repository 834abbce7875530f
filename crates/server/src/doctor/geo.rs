//! What geo data costs, and whether it is there and new.

use super::{Cost, Finding, finding};
use crate::config::{Config, GeoProvider};
use crate::geo::{FileState, Geo, GeoSettings};
use crate::metrics::now_seconds;
use crate::schema::Grade;

/// Bytes of a place that is told apart: in the table, and in what finds it there.
const PLACE_BYTES: u64 = 50;

/// Memory at worst: the files, twice while they are replaced, and the places of peers.
pub(super) fn costs(config: &Config) -> Vec<Cost> {
    let files = GeoSettings::of(config).files;
    if files.is_empty() {
        return Vec::new();
    }
    let lengths = files.iter().filter_map(|(_, path)| std::fs::metadata(path).ok());
    let bytes = lengths.map(|file| file.len().min(config.geo.file_bytes_max));
    let twice = bytes.fold(0, u64::saturating_add).saturating_mul(2);
    let places = u64::from(config.geo.places_max);
    vec![
        Cost { limit: "geo.city_path, …", count: files.len() as u64, bytes: twice },
        Cost { limit: "geo.places_max", count: places, bytes: places.saturating_mul(PLACE_BYTES) },
    ]
}

/// Looks at the files of geo data, if there are to be any.
pub(super) fn findings(config: &Config) -> Vec<Finding> {
    let geo = Geo::open(GeoSettings::of(config));
    let mut found: Vec<_> = geo.states().iter().map(of_file).collect();
    let wants_account = config.geo.provider == GeoProvider::Maxmind
        && (config.geo.maxmind_account_id.is_empty() || config.geo.maxmind_license_key.is_empty());
    if wants_account {
        let text = "geo data: `mika geo update` needs geo.maxmind_account_id and \
                    geo.maxmind_license_key_file";
        found.push(Finding { grade: Grade::Note, text: text.to_owned() });
    }
    found
}

fn of_file(state: &FileState) -> Finding {
    let (path, kind) = (state.path.display(), &state.kind);
    if !state.problem.is_empty() {
        let text = format!("geo data: {path}: {}: `mika geo update` fetches it", state.problem);
        return finding(false, text);
    }
    let age_days = state.age_seconds(now_seconds()).unwrap_or_default() / 86_400;
    let text = format!("geo data: {path} is {kind}, {age_days} days old");
    match state.is_old {
        true => finding(false, format!("{text}: `mika geo update` fetches newer data")),
        false => finding(true, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn geo_data_that_is_missing_or_without_an_account_is_found() {
        let mut config = Config::default();
        assert_eq!(findings(&config), []);
        assert_eq!(costs(&config), []);
        config.geo.provider = GeoProvider::Maxmind;
        config.geo.asn_path = "/nowhere/asn.mmdb".into();
        let found = findings(&config);
        assert_eq!(found.len(), 2);
        assert!(found[0].grade == Grade::Bad && found[0].text.contains("/nowhere/asn.mmdb"));
        assert!(found[1].grade == Grade::Note && found[1].text.contains("maxmind_account_id"));
        assert_eq!(costs(&config)[1].bytes, 100_000_000);
    }
}
