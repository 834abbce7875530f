//! The contracts of the trackers that sites were written for.
//!
//! Texts are interfaces: clients show them, and tools of users look for them. They are given here
//! byte for byte as those trackers send them.

mod gazelle;
mod unit3d;
mod xbt;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CompactRule, Completion, CreditRule, DeltaRule, Order, SiteProfile, SlotRule, Told};
use crate::settings::Settings;

/// Whose rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// mika's own.
    #[default]
    Mika,
    /// Those of Ocelot with an OPS-type Gazelle.
    Gazelle,
    /// Those of Ocelot with a What.CD-type Gazelle; to clients the same.
    GazelleWcd,
    /// Those of UNIT3D-Announce.
    Unit3d,
    /// Those of the XBT tracker.
    Xbt,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Preset; 5] =
        [Preset::Mika, Preset::Gazelle, Preset::GazelleWcd, Preset::Unit3d, Preset::Xbt];

    /// Name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mika => "mika",
            Self::Gazelle => "gazelle",
            Self::GazelleWcd => "gazelle-wcd",
            Self::Unit3d => "unit3d",
            Self::Xbt => "xbt",
        }
    }

    /// Its rules.
    pub fn profile(self) -> SiteProfile {
        match self {
            Self::Mika => mika(),
            Self::Gazelle | Self::GazelleWcd => gazelle::profile(),
            Self::Unit3d => unit3d::profile(),
            Self::Xbt => xbt::profile(),
        }
    }

    /// The settings that go with them, where nothing else is said.
    pub fn settings(self) -> Settings {
        let mut settings = match self {
            Self::Mika => Settings::default(),
            Self::Gazelle | Self::GazelleWcd => gazelle::settings(),
            Self::Unit3d => unit3d::settings(),
            Self::Xbt => xbt::settings(),
        };
        settings.site = SiteProfile::preset(self);
        settings
    }
}

fn mika() -> SiteProfile {
    SiteProfile {
        order: Order::default(),
        told: Told::default(),
        offline_text: String::new(),
        passkey_bytes: 0,
        pass_secret: super::PassSecret::default(),
        role_required: false,
        headers_forbidden: Vec::new(),
        agent_required: false,
        agent_bytes_max: 0,
        agents_forbidden: Vec::new(),
        ports_forbidden: Vec::new(),
        compact: CompactRule::Any,
        wait_times: false,
        slots: SlotRule::Refuse,
        announce_min_enforced_seconds: 0,
        session_unknown_told: false,
        credit: CreditRule::Product,
        neutral_spares_tokens: false,
        featured_upload_percent: 200,
        deltas: DeltaRule::Independent,
        completion: Completion::Transition,
        seed_gap_dropped_seconds: 0,
        silent_kept_seconds: 0,
        charge_resumed: true,
        record_corrupt: false,
        record_unregistered: false,
        jitter_seconds: 0,
        failure_interval_seconds: 0,
        failure_intervals: true,
        retry_in: true,
        moderation_interval_seconds: 0,
        external_ip: true,
        both_families: false,
        delete_reasons: BTreeMap::new(),
    }
}
