//! What the configuration means for detection.

use mika_core::detection::fingerprint::Fingerprints;
use mika_core::detection::weights::Weights;
use mika_core::detection::{DetectionSettings, ExperimentSettings, Feed};
use tracing::error;

use crate::config::Config;

/// No account is closed before there are so many seconds of data: 30 days.
pub const DATA_SECONDS_MIN: u64 = 30 * 86_400;

const DAY_SECONDS: u32 = 86_400;
/// Bytes per second of a Mbit/s.
const MBIT: u64 = 125_000;

/// What announces leave for detection; `None`: nothing.
pub fn feed_of(config: &Config) -> Option<Feed> {
    let experiments = config.detection.experiments;
    let queued_per_shard_max = config.detection.queued_max;
    config.detects().then_some(Feed { queued_per_shard_max, experiments })
}

/// The settings of detection.
pub fn settings_of(config: &Config) -> DetectionSettings {
    let (wanted, tracker) = (&config.detection, &config.tracker);
    let jitter_seconds = config.site.jitter_seconds;
    let experiments = wanted.experiments.then(|| ExperimentSettings {
        control_one_in: wanted.experiment_control_one_in,
        own_endpoints: wanted.experiment_endpoints.clone(),
        ..ExperimentSettings::default()
    });
    let defaults = DetectionSettings::default();
    // The tracker holds no more of them anyway.
    let books_max = wanted.torrents_max.min(config.limits.torrents) as usize;
    let users_max = wanted.users_max.min(config.limits.users) as usize;
    // As many for each torrent as with the defaults.
    let scaled = |all: usize| (books_max.saturating_mul(all) / defaults.books_max.max(1)).max(1000);
    DetectionSettings {
        interval_seconds: tracker.interval_seconds.saturating_add(jitter_seconds),
        peer_timeout_seconds: tracker.peer_timeout_seconds,
        retention_seconds: wanted.retention_days.saturating_mul(DAY_SECONDS),
        no_sink_bytes_min: u64::from(wanted.no_sink_mib_min) << 20,
        speed_bytes_per_second_max: u64::from(wanted.upload_mbits_max) * MBIT,
        leecher_bytes_per_second_max: u64::from(wanted.download_mbits_max) * MBIT,
        networks_max: u8::try_from(wanted.networks_max).unwrap_or(u8::MAX),
        users_max,
        books_max,
        entries_max: scaled(defaults.entries_max),
        closed_max: scaled(defaults.closed_max),
        shares_max: scaled(defaults.shares_max),
        findings_max: wanted.findings_max as usize,
        experiments,
        ..defaults
    }
}

/// How programs look: as the configured file says, or the one that comes with mika.
pub(super) fn fingerprints_of(config: &Config) -> Fingerprints {
    let path = &config.detection.fingerprints_file;
    if !path.as_os_str().is_empty() {
        match read_fingerprints(path) {
            Ok(fingerprints) => return fingerprints,
            Err(error) => {
                let path = path.display();
                error!(%path, error, "the fingerprints that come with mika are used instead");
            }
        }
    }
    toml::from_str(Fingerprints::DEFAULT_TOML).unwrap_or_default()
}

/// What findings weigh: as the configured file says, or the one that comes with mika.
pub(super) fn weights_of(config: &Config) -> Weights {
    let path = &config.detection.weights_file;
    if path.as_os_str().is_empty() {
        return Weights::default();
    }
    read_weights(path).unwrap_or_else(|error| {
        let path = path.display();
        error!(%path, error, "the weights that come with mika are used instead");
        Weights::default()
    })
}

/// Reads a file of weights, or says what is wrong with it.
pub(crate) fn read_weights(path: &std::path::Path) -> Result<Weights, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    Weights::parse(&text).map_err(|error| error.to_string())
}

/// Reads a file of fingerprints, or says what is wrong with it.
pub(crate) fn read_fingerprints(path: &std::path::Path) -> Result<Fingerprints, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    toml::from_str(&text).map_err(|error| error.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_configuration_means_the_default_settings() {
        assert_eq!(settings_of(&Config::default()), DetectionSettings::default());
        assert_eq!(feed_of(&Config::default()), Some(Feed::default()));
    }

    #[test]
    fn the_file_that_comes_with_mika_can_be_read() {
        assert!(fingerprints_of(&Config::default()).programs.len() >= 5);
    }

    #[test]
    fn a_file_of_weights_is_read_and_one_that_is_wrong_is_not_used() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut config = Config::default();
        config.detection.weights_file = file.path().to_owned();
        std::fs::write(file.path(), "luck = 1.0\n").unwrap();
        assert!(read_weights(file.path()).is_err());
        assert_eq!(weights_of(&config), Weights::default());
        let text = Weights::DEFAULT_TOML.replace("speed = 3.0", "speed = 1.25");
        std::fs::write(file.path(), text).unwrap();
        assert_eq!(weights_of(&config).speed.value(), 1.25);
    }

    #[test]
    fn a_file_of_fingerprints_is_read_and_what_is_wrong_with_it_is_said() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[[program]]\nname = 3\n").unwrap();
        assert!(read_fingerprints(file.path()).unwrap_err().contains("string"));
        let mut config = Config::default();
        config.detection.fingerprints_file = file.path().to_owned();
        assert!(!fingerprints_of(&config).programs.is_empty());
        std::fs::write(file.path(), "").unwrap();
        assert!(fingerprints_of(&config).programs.is_empty());
    }
}
