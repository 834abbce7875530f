//! What the configuration says about geo data.

use std::path::PathBuf;

use super::files::Role;
use crate::config::Config;

/// Which files there are, and how old and large they may be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GeoSettings {
    /// The files, by what they are for; what the first knows counts.
    pub files: Vec<(Role, PathBuf)>,
    /// Seconds since a file was built after which it is old; 0 for never.
    pub age_max_seconds: u64,
    /// Bytes of a file at most.
    pub file_bytes_max: u64,
    /// Places that are kept apart at most.
    pub places_max: u32,
    /// What else is shown as an attribution; empty for nothing.
    pub attribution: String,
}

impl GeoSettings {
    /// What `[geo]` says.
    pub fn of(config: &Config) -> Self {
        let geo = &config.geo;
        let files = [
            (Role::City, &geo.city_path),
            (Role::CityIpv6, &geo.city_ipv6_path),
            (Role::Asn, &geo.asn_path),
        ];
        let given = files.into_iter().filter(|(_, path)| !path.as_os_str().is_empty());
        Self {
            files: given.map(|(role, path)| (role, path.clone())).collect(),
            age_max_seconds: u64::from(geo.max_age_days).saturating_mul(86_400),
            file_bytes_max: geo.file_bytes_max,
            places_max: geo.places_max,
            attribution: geo.attribution.clone(),
        }
    }
}
