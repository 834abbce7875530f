//! Where addresses are, and whose data says so, in JSON.

use serde::{Deserialize, Serialize};

/// What runs here, and what has to be named with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct About {
    /// Always `mika`.
    pub name: String,
    /// Version of the server.
    pub version: String,
    /// The sources of the data that the server uses, in the words that their licences ask for.
    pub attributions: Vec<String>,
}

/// Which addresses are to be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct GeoQuery {
    /// An IPv4 or IPv6 address, without a port.
    pub address: String,
    /// Another one; the answer then has the distance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
}

/// What geo data knows about one address or two, and of what age it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GeoAnswer {
    /// The addresses in the order of the question.
    pub places: Vec<GeoPlace>,
    /// Kilometres between the two along the WGS84 ellipsoid; `null` if one of them is unknown, or
    /// was not asked for.
    pub distance_km: Option<f64>,
    /// The files that the answer is from.
    pub files: Vec<GeoFile>,
}

/// What geo data knows about one address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GeoPlace {
    /// The address.
    pub address: String,
    /// Degrees north, `null` if it is unknown.
    pub latitude: Option<f64>,
    /// Degrees east, `null` if it is unknown.
    pub longitude: Option<f64>,
    /// Two letters (ISO 3166-1), `null` if it is unknown.
    pub country: Option<String>,
    /// `AF`, `AN`, `AS`, `EU`, `NA`, `OC` or `SA`, `null` if it is unknown.
    pub continent: Option<String>,
    /// Number of the autonomous system, `null` if it is unknown.
    pub asn: Option<u32>,
}

/// A file of geo data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GeoFile {
    /// What it is for: `city`, `city_ipv6` or `asn`.
    pub role: String,
    /// What it says it is, such as `GeoLite2-City`; empty if nothing was read from it.
    pub kind: String,
    /// When it was built, `null` if nothing was read from it.
    pub built_at: Option<u64>,
    /// Its length in bytes.
    pub bytes: u64,
    /// Whether it is older than `geo.max_age_days`.
    pub old: bool,
    /// Why it could not be read the last time; empty if it could.
    pub problem: String,
}
