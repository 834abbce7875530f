//! Defaults that follow from other keys.

use mika_core::site::Preset;

use super::section::Section;
use super::{Config, SiteConfig, StoreKind, TrackerConfig};
use crate::geo::update::Product;

/// The end of the range of `tracker.peer_timeout_seconds`.
const PEER_TIMEOUT_SECONDS_MAX: u32 = 259_200;

/// Gives the keys that were left out the values that follow from those that were given.
///
/// With nothing given, the result is [`Config::default`]; a test sees to that.
pub(super) fn derive(config: &mut Config, is_given: impl Fn(&str) -> bool) {
    let preset = config.site.preset;
    config.site.take_over(&SiteConfig::of(preset), |key| {
        key != "preset" && !is_given(&format!("site.{key}"))
    });
    follow_preset(config, &is_given);
    let tracker = &mut config.tracker;
    if !is_given("tracker.min_interval_seconds") {
        tracker.min_interval_seconds = tracker.min_interval_seconds.min(tracker.interval_seconds);
    }
    if !is_given("tracker.peer_timeout_seconds") && !fits_preset(tracker, preset) {
        let twice_seconds = tracker.interval_seconds.saturating_mul(2).saturating_add(600);
        let timeout_seconds = twice_seconds.saturating_add(config.site.jitter_seconds);
        tracker.peer_timeout_seconds = timeout_seconds.min(PEER_TIMEOUT_SECONDS_MAX);
    }
    if !is_given("tracker.numwant_default") {
        tracker.numwant_default = tracker.numwant_default.min(tracker.numwant_max);
    }
    if !is_given("admin.token_file") {
        config.admin.token_file = config.data.dir.join("admin.token");
    }
    for (key, product) in [("city_path", Product::City), ("asn_path", Product::Asn)] {
        let Some(name) = product.file_name(config.geo.provider) else { continue };
        if !is_given(&format!("geo.{key}")) {
            let path = config.data.dir.join("geo").join(name);
            match product {
                Product::City => config.geo.city_path = path,
                Product::Asn => config.geo.asn_path = path,
            }
        }
    }
    if !is_given("store.path") {
        config.store.path = config.data.dir.join("mika.sqlite");
    }
    if !is_given("store.lookup") {
        config.store.lookup = config.store.kind == StoreKind::Http;
    }
}

/// The settings that go with a preset, for keys that were left out.
fn follow_preset(config: &mut Config, is_given: &impl Fn(&str) -> bool) {
    let recommended = TrackerConfig::of(config.site.preset);
    const KEYS: [&str; 8] = [
        "interval_seconds",
        "min_interval_seconds",
        "peer_timeout_seconds",
        "numwant_default",
        "numwant_max",
        "port_min",
        "sessions_per_user_and_torrent_max",
        "client_rules",
    ];
    config
        .tracker
        .take_over(&recommended, |key| KEYS.contains(&key) && !is_given(&format!("tracker.{key}")));
}

/// Whether the interval is the one that the preset's peer timeout goes with.
fn fits_preset(tracker: &TrackerConfig, preset: Preset) -> bool {
    preset != Preset::Mika && tracker.interval_seconds == TrackerConfig::of(preset).interval_seconds
}
