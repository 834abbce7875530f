//! What detection costs at worst, and how much of it there is.

use super::{Cost, Finding, finding};
use crate::config::Config;
use crate::detection::{bytes_in, feed_of, read_fingerprints, read_weights, settings_of};

/// Memory at worst.
pub(super) fn costs(config: &Config) -> Vec<Cost> {
    let Some(feed) = feed_of(config) else { return Vec::new() };
    let cost = |limit, count: u32, bytes| Cost { limit, count: count.into(), bytes };
    let settings = settings_of(config);
    let users = u32::try_from(settings.users_max).unwrap_or(u32::MAX);
    vec![
        cost("detection.users_max, …", users, settings.bytes_max()),
        cost("detection.queued_max", config.detection.queued_max, feed.bytes_max()),
    ]
}

/// Looks at the files of detection.
pub(super) fn findings(config: &Config) -> Vec<Finding> {
    if !config.detects() {
        return Vec::new();
    }
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    let held = mib(bytes_in(&config.data.dir));
    let most = mib(settings_of(config).bytes_max());
    let text = format!("detection: {held} on disk, of {most} of memory at most");
    let mut found = vec![finding(true, text)];
    let path = &config.detection.fingerprints_file;
    if !path.as_os_str().is_empty() {
        let shown = path.display();
        found.push(match read_fingerprints(path) {
            Ok(of) => finding(true, format!("{shown}: {} programs", of.programs.len())),
            Err(error) => finding(false, format!("detection.fingerprints_file: {shown}: {error}")),
        });
    }
    let path = &config.detection.weights_file;
    if !path.as_os_str().is_empty() {
        let shown = path.display();
        found.push(match read_weights(path) {
            Ok(_) => finding(true, format!("{shown} can be read")),
            Err(error) => finding(false, format!("detection.weights_file: {shown}: {error}")),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DetectionMode;
    use crate::schema::Grade;

    #[test]
    fn the_bound_follows_from_the_limits_and_is_nothing_without_detection() {
        let mut config = Config::default();
        let bytes = |config: &Config| costs(config).iter().map(|it| it.bytes).sum::<u64>();
        let large = bytes(&config);
        config.detection.users_max /= 2;
        config.detection.torrents_max /= 2;
        assert!(bytes(&config) < large, "{large}");
        config.detection.mode = DetectionMode::Off;
        assert_eq!((costs(&config), findings(&config)), (vec![], vec![]));
    }

    #[test]
    fn the_size_of_the_state_is_told_and_a_bad_file_of_fingerprints_is_found() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("detection.state"), vec![0; 3 << 19]).unwrap();
        let mut config = Config::default();
        config.data.dir = dir.path().to_owned();
        config.detection.fingerprints_file = "/nowhere/programs.toml".into();
        let found = findings(&config);
        assert!(found[0].text.starts_with("detection: 1.5 MiB on disk, of "), "{found:?}");
        assert!(found[1].grade == Grade::Bad && found[1].text.contains("/nowhere/programs.toml"));
    }
}
