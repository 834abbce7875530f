//! The section `[detection]`: what is noted of users whose clients report what cannot be.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::section::section;
use super::validate::Found;
use super::{Config, DetectionMode};

section! {
    /// Cheaters: findings about users whose clients report what cannot be, with everything that is
    /// needed to recompute them. docs/cheaters.md says what each means and what to do. Private
    /// trackers only.
    pub struct DetectionConfig in "detection" {
        /// "off": nothing is looked at. "shadow": findings are made, logged and told, and nothing
        /// else: what clients are answered and credited is the same as without. "enforce": what
        /// the three lists of actions say is done.
        live mode: DetectionMode = DetectionMode::Shadow;

        /// What is done once a user comes to the level "note". "log": a line in the log. "event":
        /// the notification `suspect`. "warning": a text in the answers to announces. The last
        /// only with mode = "enforce".
        live note_actions: Vec<String> = vec!["log".to_owned()];

        /// The same for the level "review". Also "quarantine": credit for upload is withheld until
        /// somebody releases or drops it.
        live review_actions: Vec<String> = vec!["log".to_owned(), "event".to_owned()];

        /// The same for the level "strong". Also "disable": the account is closed; never in the
        /// first 30 days of data.
        live strong_actions: Vec<String> = vec!["log".to_owned(), "event".to_owned()];

        /// What clients of users are told whom the action "warning" is for.
        live warning_text: String =
            "What your client reports does not add up: please contact the staff.".to_owned();

        /// What no user uploads at more than, in Mbit/s over all torrents: raise it if you have
        /// faster users.
        live upload_mbits_max: u32 = 10_000, 1..=10_000_000;

        /// What no client downloads at more than, in Mbit/s: bounds what a leecher may have had
        /// that vanished before it reported.
        live download_mbits_max: u32 = 1000, 1..=10_000_000;

        /// MiB of upload, reported while nobody else lacked anything, that are not looked at.
        live no_sink_mib_min: u32 = 16, 1..=1_000_000;

        /// Networks (/24 of IPv4, /48 of IPv6) that a user may announce from within six hours.
        live networks_max: u16 = 4, 1..=64;

        /// Days after which findings are forgotten.
        live retention_days: u32 = 90, 1..=3650;

        /// Whether suspects, and a few others for comparison, are told wrong numbers of leechers,
        /// and addresses where nobody is, to see what their clients make of it.
        live experiments: bool = false;

        /// Addresses of your own that listen for that, as in ["192.0.2.7:6881"]. Empty: addresses
        /// that are reserved for documentation, where nobody is.
        live experiment_endpoints: Vec<SocketAddr> = Vec::new();

        /// Of so many users one is tested for comparison.
        live experiment_control_one_in: u32 = 1000, 1..=1_000_000;

        /// Whether the clients of suspects are asked for a handshake, from this machine's address,
        /// to see whether there is one. Only at public addresses that they announce from, and each
        /// user at most once in six hours.
        live handshakes: bool = false;

        /// A file of fingerprints of BitTorrent programs, in place of the one that comes with
        /// mika. Empty: that one.
        restart fingerprints_file: PathBuf = PathBuf::new();

        /// A file of what findings weigh, in place of the one that comes with mika. Empty: that
        /// one.
        restart weights_file: PathBuf = PathBuf::new();

        /// Seconds after which what is known is written to data.dir again: a crash loses so much.
        live save_interval_seconds: u32 = 300, 1..=86_400;

        /// Users that something is known of at most.
        live users_max: u32 = 200_000, 100..=10_000_000;

        /// Torrents with open books at most.
        live torrents_max: u32 = 200_000, 100..=10_000_000;

        /// Findings kept at most; the oldest go.
        live findings_max: u32 = 20_000, 100..=1_000_000;

        /// Announces that may wait to be looked at in each of 1024 queues, 96 bytes each. More
        /// are dropped and counted.
        live queued_max: u32 = 256, 16..=65_536;
    }
}

impl Config {
    /// Whether announces are looked at.
    pub fn detects(&self) -> bool {
        self.tracker.mode == super::Mode::Private && self.detection.mode != DetectionMode::Off
    }
}

/// An action, and at which levels it may be: of note, review and strong.
const ACTIONS: [(&str, [bool; 3]); 5] = [
    ("log", [true; 3]),
    ("event", [true; 3]),
    ("warning", [true; 3]),
    ("quarantine", [false, true, true]),
    ("disable", [false, false, true]),
];

/// The longest text of a warning, in bytes.
const WARNING_BYTES_MAX: usize = 500;

pub(super) fn rules(config: &Config, found: &mut Found) {
    let detection = &config.detection;
    let lists = [
        ("detection.note_actions", &detection.note_actions),
        ("detection.review_actions", &detection.review_actions),
        ("detection.strong_actions", &detection.strong_actions),
    ];
    for (level, (key, actions)) in lists.into_iter().enumerate() {
        let allowed = || {
            let of_level = ACTIONS.into_iter().filter(|(_, at)| at.get(level) == Some(&true));
            of_level.map(|(name, _)| name).collect::<Vec<_>>()
        };
        for name in actions.iter().filter(|name| !allowed().contains(&name.as_str())) {
            found.when(true, &[key], || {
                format!("`{key}`: `{name}` is none of {}", allowed().join(", "))
            });
        }
    }
    let text = &detection.warning_text;
    let fits = (1..=WARNING_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control);
    found.when(!fits, &["detection.warning_text"], || {
        format!("`detection.warning_text` is one line of 1 to {WARNING_BYTES_MAX} bytes")
    });
    let unusable =
        |it: &SocketAddr| it.port() == 0 || it.ip().is_unspecified() || it.ip().is_multicast();
    for endpoint in detection.experiment_endpoints.iter().filter(|it| unusable(it)) {
        found.when(true, &["detection.experiment_endpoints"], || {
            format!("`detection.experiment_endpoints`: nobody can connect to {endpoint}")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(overrides: &[(&str, &str)]) -> String {
        let overrides = overrides.iter().map(|(key, value)| ((*key).into(), (*value).into()));
        Config::load(None, [], overrides).unwrap_err().to_string()
    }

    #[test]
    fn actions_that_are_too_much_for_a_level_and_unknown_ones_are_refused() {
        let text = wrong(&[("detection.note_actions", "[\"log\", \"disable\"]")]);
        assert!(text.contains("`disable` is none of log, event, warning"), "{text}");
        let text = wrong(&[("detection.review_actions", "[\"disable\"]")]);
        assert!(text.contains("`disable` is none of log, event, warning, quarantine"), "{text}");
        let text = wrong(&[("detection.strong_actions", "[\"hang\"]")]);
        assert!(text.contains("`hang` is none of"), "{text}");
    }

    #[test]
    fn a_warning_is_one_line_and_an_endpoint_is_somewhere() {
        let text = wrong(&[("detection.warning_text", "\"a\\nb\"")]);
        assert!(text.contains("is one line of 1 to 500 bytes"), "{text}");
        let text = wrong(&[("detection.experiment_endpoints", "[\"0.0.0.0:1\"]")]);
        assert!(text.contains("nobody can connect to 0.0.0.0:1"), "{text}");
    }

    #[test]
    fn only_a_private_tracker_looks_at_announces() {
        let mut config = Config::default();
        assert!(config.detects());
        config.detection.mode = DetectionMode::Off;
        assert!(!config.detects());
        config.detection.mode = DetectionMode::Enforce;
        config.tracker.mode = super::super::Mode::Public;
        assert!(!config.detects());
    }
}
