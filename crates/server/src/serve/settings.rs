//! What the configuration means for the tracker.

use std::sync::Arc;

use mika_core::{ClientPolicy, Mode, Settings};
use mika_store::redis::RedisOptions;

use crate::config::{self, ClientRules, Config};
use crate::detection;

/// The tracker's mode.
pub(super) fn mode_of(config: &Config) -> Mode {
    match config.tracker.mode {
        config::Mode::Private => Mode::Private,
        config::Mode::Public => Mode::Public,
    }
}

/// Where the Redis store is. Not to be shown: its URL may have a password.
pub fn redis_options_of(config: &Config) -> RedisOptions {
    let store = &config.store;
    RedisOptions { url: store.url.expose().to_owned(), prefix: store.prefix.clone() }
}

/// The tracker's settings.
pub fn settings_of(config: &Config) -> Settings {
    let Config { tracker, limits, site, selection, .. } = config;
    Settings {
        interval_seconds: tracker.interval_seconds,
        min_interval_seconds: tracker.min_interval_seconds,
        peer_timeout_seconds: tracker.peer_timeout_seconds,
        retry_soon_seconds: tracker.retry_unregistered_seconds,
        retry_refused_seconds: tracker.retry_refused_seconds,
        numwant_default: tracker.numwant_default,
        numwant_max: tracker.numwant_max,
        auto_register_torrents: tracker.auto_register_torrents,
        port_min: tracker.port_min,
        sessions_per_user_and_torrent_max: tracker.sessions_per_user_and_torrent_max,
        keep_peer_ids: tracker.keep_peer_ids,
        use_claimed_addresses: tracker.use_claimed_addresses,
        client_policy: match tracker.client_rules {
            ClientRules::Open => ClientPolicy::Open,
            ClientRules::Whitelist => ClientPolicy::Whitelist,
            ClientRules::WhitelistUnlessEmpty => ClientPolicy::WhitelistUnlessEmpty,
        },
        torrents_max: limits.torrents,
        users_max: limits.users,
        peers_max: limits.sessions,
        departed_max: limits.departed_sessions,
        detection: detection::feed_of(config),
        site: Arc::new(site.profile()),
        selection: Arc::new(selection.selection()),
    }
}

#[cfg(test)]
mod tests {
    use mika_core::detection::Feed;

    use super::*;

    #[test]
    fn the_default_configuration_means_the_default_settings() {
        let settings = settings_of(&Config::default());
        assert_eq!(settings.detection, Some(Feed::default()));
        assert_eq!(Settings { detection: None, ..settings }, Settings::default());
        assert_eq!(mode_of(&Config::default()), Mode::Private);
    }
}
