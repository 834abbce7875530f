//! How a section of the configuration is declared: once, in [`section!`].
//!
//! From that one declaration come the struct, its defaults, its documentation, the table of keys
//! ([`Key`]) from which the example file and the error texts are written, and the comparison that
//! a reload is made of. A key cannot be declared without saying whether it changes live.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use mika_core::site::{CompactRule, Completion, CreditRule, DeltaRule, Preset, SlotRule};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::change::KeyChange;
use super::network::Network;
use super::secret::Secret;

/// When a changed key takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// As soon as the configuration is read again (SIGHUP).
    Live,
    /// At the next start of the server.
    Restart,
}

/// What is known about one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The section it is in, without brackets: `tracker`.
    pub section: &'static str,
    /// Its name within the section: `interval_seconds`.
    pub name: &'static str,
    /// Its explanation, one entry per line.
    pub documentation: &'static [&'static str],
    /// When a change takes effect.
    pub effect: Effect,
    /// The least and the greatest allowed number.
    pub range: Option<(u64, u64)>,
    /// What a value has to be, as in "must be …", without the range.
    pub expected: &'static str,
    /// Whether the value must never be shown.
    pub is_secret: bool,
    /// Whether the value is a list.
    pub is_list: bool,
}

impl Key {
    /// The whole name: `tracker.interval_seconds`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The environment variable that sets it: `MIKA__TRACKER__INTERVAL_SECONDS`.
    pub fn variable(&self) -> String {
        format!("MIKA__{}__{}", self.section.to_uppercase(), self.name.to_uppercase())
    }

    /// What a value has to be, with its range: `an integer from 1 to 10`.
    pub fn expectation(&self) -> String {
        match self.range {
            Some((least, most)) => format!("{} from {least} to {most}", self.expected),
            None => self.expected.to_owned(),
        }
    }
}

/// What is known about one section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionInfo {
    /// Its name, without brackets.
    pub name: &'static str,
    /// Its explanation, one entry per line.
    pub documentation: &'static [&'static str],
    /// Its keys, in the order of the example file.
    pub keys: &'static [Key],
}

/// A type that a key can have.
pub(super) trait KeyType: Serialize + DeserializeOwned + PartialEq {
    /// What a value has to be, as in "must be …".
    const EXPECTED: &'static str;
    const SECRET: bool = false;
    const LIST: bool = false;

    /// The value as it is written in TOML; a secret only says whether there is one.
    fn to_toml(&self) -> String {
        toml::Value::try_from(self).map_or_else(|error| format!("<{error}>"), |v| v.to_string())
    }
}

macro_rules! key_types {
    ($($type:ty => $expected:literal),* $(,)?) => {
        $(impl KeyType for $type { const EXPECTED: &'static str = $expected; })*
    };
}

key_types! {
    bool => "true or false",
    u16 => "an integer",
    u32 => "an integer",
    u64 => "an integer",
    String => "a string",
    PathBuf => "a path in quotes",
    SocketAddr => "an address and port such as \"127.0.0.1:34001\"",
}

impl KeyType for Secret {
    const EXPECTED: &'static str = "a string";
    const SECRET: bool = true;
}

impl KeyType for Vec<SocketAddr> {
    const EXPECTED: &'static str = "a list of addresses and ports such as [\"0.0.0.0:34000\"]";
    const LIST: bool = true;
}

key_types! {
    Preset => "\"mika\", \"gazelle\", \"gazelle-wcd\", \"unit3d\" or \"xbt\"",
    CreditRule => "\"product\", \"best\" or \"raw\"",
    DeltaRule => "\"independent\" or \"both_or_none\"",
    Completion => "\"transition\", \"event\" or \"every_event\"",
    SlotRule => "\"refuse\" or \"hide\"",
    CompactRule => "\"any\", \"not_refused\" or \"required\"",
    BTreeMap<String, u16> => "a table of numbers such as { \"3\" = 200 }",
    BTreeMap<String, String> => "a table of texts such as { offline = \"try again later\" }",
}

impl KeyType for Vec<String> {
    const EXPECTED: &'static str = "a list of strings such as [\"one\", \"two\"]";
    const LIST: bool = true;
}

impl KeyType for Vec<u16> {
    const EXPECTED: &'static str = "a list of numbers such as [1214, 3389]";
    const LIST: bool = true;
}

impl KeyType for Vec<Network> {
    const EXPECTED: &'static str = "a list of networks such as [\"10.0.0.0/8\", \"::1\"]";
    const LIST: bool = true;
}

/// What every section can do; implemented by [`section!`].
pub(super) trait Section {
    const INFO: SectionInfo;

    /// Sets the key of that name, which has to be one of the section's.
    fn set<'de, D: serde::Deserializer<'de>>(
        &mut self,
        name: &str,
        value: D,
    ) -> Result<(), D::Error>;

    /// The keys whose numbers are out of their range, and those numbers.
    fn out_of_range(&self) -> Vec<(&'static Key, String)>;

    /// The value of every key as TOML, in the order of `INFO.keys`; secrets are redacted.
    fn values(&self) -> Vec<(&'static Key, String)>;

    /// Takes over the values of the keys that need a restart.
    fn keep_restart_keys(&mut self, running: &Self);

    /// Takes over the values of the keys with these names.
    fn take_over(&mut self, from: &Self, wanted: impl Fn(&str) -> bool);

    /// The keys that differ.
    fn changes(&self, newer: &Self) -> Vec<(&'static Key, KeyChange)>;
}

macro_rules! effect {
    (live) => {
        $crate::config::section::Effect::Live
    };
    (restart) => {
        $crate::config::section::Effect::Restart
    };
}

macro_rules! effect_text {
    (live) => {
        "Changes live."
    };
    (restart) => {
        "Needs a restart."
    };
}

/// Declares a section.
///
/// ```text
/// section! {
///     /// What the section is about.
///     pub struct ExampleConfig in "example" {
///         /// What the key does, and its unit.
///         live key_seconds: u32 = 60, 1..=3600;
///     }
/// }
/// ```
macro_rules! section {
    (
        $(#[doc = $section_doc:literal])*
        pub struct $Section:ident in $section:literal {
            $(
                $(#[doc = $doc:literal])*
                $effect:ident $key:ident: $type:ty = $default:expr $(, $range:expr)?;
            )*
        }
    ) => {
        $(#[doc = $section_doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $Section {
            $(
                $(#[doc = $doc])*
                #[doc = ""]
                $(#[doc = concat!("Range: `", stringify!($range), "`.")])?
                #[doc = concat!("Default: `", stringify!($default), "`.")]
                #[doc = $crate::config::section::effect_text!($effect)]
                pub $key: $type,
            )*
        }

        impl Default for $Section {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl $crate::config::section::Section for $Section {
            const INFO: $crate::config::section::SectionInfo =
                $crate::config::section::SectionInfo {
                    name: $section,
                    documentation: &[$($section_doc),*],
                    keys: &[$($crate::config::section::Key {
                        section: $section,
                        name: stringify!($key),
                        documentation: &[$($doc),*],
                        effect: $crate::config::section::effect!($effect),
                        range: $crate::config::section::range!($($range)?),
                        expected: <$type as $crate::config::section::KeyType>::EXPECTED,
                        is_secret: <$type as $crate::config::section::KeyType>::SECRET,
                        is_list: <$type as $crate::config::section::KeyType>::LIST,
                    },)*],
                };

            fn set<'de, D: serde::Deserializer<'de>>(
                &mut self,
                name: &str,
                value: D,
            ) -> Result<(), D::Error> {
                match name {
                    $(stringify!($key) => {
                        self.$key = serde::Deserialize::deserialize(value)?;
                        Ok(())
                    })*
                    other => Err(serde::de::Error::custom(format!("unknown key `{other}`"))),
                }
            }

            fn out_of_range(&self) -> Vec<(&'static $crate::config::section::Key, String)> {
                let inside: Vec<(bool, String)> = vec![$((
                    true $(&& ($range).contains(&self.$key))?,
                    $crate::config::section::KeyType::to_toml(&self.$key),
                )),*];
                Self::INFO
                    .keys
                    .iter()
                    .zip(inside)
                    .filter(|(_, (is_inside, _))| !is_inside)
                    .map(|(key, (_, value))| (key, value))
                    .collect()
            }

            fn keep_restart_keys(&mut self, running: &Self) {
                $(if $crate::config::section::effect!($effect)
                    == $crate::config::section::Effect::Restart
                {
                    self.$key = running.$key.clone();
                })*
            }

            fn take_over(&mut self, from: &Self, wanted: impl Fn(&str) -> bool) {
                $(if wanted(stringify!($key)) {
                    self.$key = from.$key.clone();
                })*
            }

            fn values(&self) -> Vec<(&'static $crate::config::section::Key, String)> {
                let values = [$($crate::config::section::KeyType::to_toml(&self.$key)),*];
                Self::INFO.keys.iter().zip(values).collect()
            }

            fn changes(
                &self,
                newer: &Self,
            ) -> Vec<(&'static $crate::config::section::Key, $crate::config::change::KeyChange)> {
                let differs = [$(self.$key != newer.$key),*];
                self.values()
                    .into_iter()
                    .zip(newer.values())
                    .zip(differs)
                    .filter(|(_, differs)| *differs)
                    .map(|(((key, from), (_, to)), _)| {
                        (key, $crate::config::change::KeyChange { key: key.path(), from, to })
                    })
                    .collect()
            }
        }
    };
}

macro_rules! range {
    () => {
        None
    };
    ($range:expr) => {{
        let range: std::ops::RangeInclusive<u64> = $range;
        Some((*range.start(), *range.end()))
    }};
}

pub(super) use {effect, effect_text, range, section};
