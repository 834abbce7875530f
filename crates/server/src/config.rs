//! The configuration of the server.
//!
//! [`Config::load`] puts it together from four layers, each over the one before: the defaults, a
//! TOML file, environment variables `MIKA__SECTION__KEY`, and overrides from the command line.
//! Every mistake in them is reported at once, with its place ([`ConfigError`]).
//!
//! Sections and keys are declared in `config/sections.rs`, and nowhere else: documentation, the
//! example file ([`Config::example`]), ranges and what a reload does ([`diff`]) follow from there.

mod change;
mod choices;
mod derived;
mod detection;
mod error;
mod example;
mod load;
mod network;
mod overrides;
mod secret;
mod section;
mod sections;
mod selection;
mod site;
mod suggest;
mod validate;
mod xbt_config;

use std::collections::BTreeSet;

pub use change::{ConfigChange, KeyChange, diff};
pub use choices::{
    ClientRules, DetectionMode, GeoProvider, JournalSync, LogFormat, Mode, ReportFormat, StoreKind,
};
pub use detection::DetectionConfig;
pub use error::{ConfigError, Place, Problem};
pub use network::{Network, NetworkError};
pub(crate) use overrides::Overrides;
pub use secret::Secret;
pub use section::{Effect, Key, SectionInfo};
pub use sections::{
    ADMIN_PORT, AdminConfig, DataConfig, FlushConfig, GeoConfig, HttpConfig, HttpsConfig,
    LimitsConfig, LogConfig, LookupConfig, NotifyConfig, SiteApiConfig, SiteCallConfig,
    SnapshotConfig, StoreConfig, StoreHttpConfig, TRACKER_PORT, TrackerConfig, UdpConfig,
};

pub use selection::SelectionConfig;
pub use site::SiteConfig;
pub use xbt_config::SettingRemark;

use section::Section;

/// Names of keys. What was left out and has the same value means the same.
#[derive(Debug, Clone, Default)]
struct Given(BTreeSet<String>);

impl PartialEq for Given {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

macro_rules! config {
    ($($section:ident: $Section:ty),* $(,)?) => {
        /// Everything that an operator can set.
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            $(
                #[doc = concat!("The section `[", stringify!($section), "]`.")]
                pub $section: $Section,
            )*
            /// The keys that were given, rather than left out.
            #[serde(skip)]
            given: Given,
        }

        impl Config {
            /// Every section, with its keys, in the order of the example file.
            pub const SECTIONS: &'static [SectionInfo] = &[$(<$Section>::INFO),*];

            /// Sets one key, which has to be one of [`Config::SECTIONS`].
            fn set<'de, D: serde::Deserializer<'de>>(
                &mut self,
                key: &Key,
                value: D,
            ) -> Result<(), D::Error> {
                match key.section {
                    $(stringify!($section) => self.$section.set(key.name, value),)*
                    other => Err(serde::de::Error::custom(format!("unknown section `{other}`"))),
                }
            }

            fn out_of_range(&self) -> Vec<(&'static Key, String)> {
                [$(self.$section.out_of_range()),*].concat()
            }

            /// Every key with its value as TOML; secrets are redacted.
            pub fn values(&self) -> Vec<(&'static Key, String)> {
                [$(self.$section.values()),*].concat()
            }

            /// Takes over the values of the keys that need a restart, so that this says what is in
            /// force in a server that was started with `running`.
            pub fn keep_restart_keys(&mut self, running: &Self) {
                $(self.$section.keep_restart_keys(&running.$section);)*
            }

            fn changes(&self, newer: &Self) -> Vec<(&'static Key, KeyChange)> {
                [$(self.$section.changes(&newer.$section)),*].concat()
            }
        }
    };
}

config! {
    tracker: TrackerConfig,
    site: SiteConfig,
    selection: SelectionConfig,
    detection: DetectionConfig,
    http: HttpConfig,
    https: HttpsConfig,
    udp: UdpConfig,
    admin: AdminConfig,
    data: DataConfig,
    store: StoreConfig,
    store_http: StoreHttpConfig,
    site_call: SiteCallConfig,
    site_api: SiteApiConfig,
    lookup: LookupConfig,
    flush: FlushConfig,
    snapshot: SnapshotConfig,
    notify: NotifyConfig,
    geo: GeoConfig,
    limits: LimitsConfig,
    log: LogConfig,
}
