//! The configuration in JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A key of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConfigKey {
    /// The whole name, such as `tracker.interval_seconds`.
    pub key: String,
    /// The value in force, as TOML; redacted if it is a secret.
    pub value: String,
    /// Whether it was set over the API, over what the file says.
    pub set_by_api: bool,
    /// Whether it can be changed in a running server.
    pub live: bool,
    /// Whether it is a secret: it is not shown, and cannot be changed over the API.
    #[serde(default)]
    pub secret: bool,
    /// What a value has to be.
    pub expected: String,
    /// What it is for.
    pub description: String,
}

/// All keys of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConfigKeys {
    /// The keys, in the order of the example file.
    pub items: Vec<ConfigKey>,
}

/// Values for keys of the configuration, by their whole names: `{"tracker.interval_seconds": 900}`.
///
/// A value is JSON of the kind that the key has in TOML. `null` takes a value back that was set
/// over the API, so that the file's counts again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct ConfigPatch(pub BTreeMap<String, serde_json::Value>);
