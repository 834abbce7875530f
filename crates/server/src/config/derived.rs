//! Defaults that follow from other keys.

use super::{Config, StoreKind};

/// Gives the keys that were left out the values that follow from those that were given.
///
/// With nothing given, the result is [`Config::default`]; a test sees to that.
pub(super) fn derive(config: &mut Config, is_given: impl Fn(&str) -> bool) {
    let tracker = &mut config.tracker;
    if !is_given("tracker.min_interval_seconds") {
        tracker.min_interval_seconds = tracker.min_interval_seconds.min(tracker.interval_seconds);
    }
    if !is_given("tracker.peer_timeout_seconds") {
        tracker.peer_timeout_seconds =
            tracker.interval_seconds.saturating_mul(2).saturating_add(600);
    }
    if !is_given("tracker.numwant_default") {
        tracker.numwant_default = tracker.numwant_default.min(tracker.numwant_max);
    }
    if !is_given("admin.token_file") {
        config.admin.token_file = config.data.dir.join("admin.token");
    }
    if !is_given("store.path") {
        config.store.path = config.data.dir.join("mika.sqlite");
    }
    if !is_given("store.lookup") {
        config.store.lookup = config.store.kind == StoreKind::Http;
    }
}
