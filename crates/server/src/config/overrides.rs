//! Values that were set over the admin API: they count over what the configuration file says, in
//! this process and those that follow, until they are taken back.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use mika_client::types::{ConfigKey, ConfigKeys};
use serde_json::Value;

use super::load::{did_you_mean, nearest_key};
use super::section::{Effect, Key};
use super::{Config, validate};

/// Values by the whole names of their keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Overrides(BTreeMap<String, Value>);

fn find(name: &str) -> Option<&'static Key> {
    Config::SECTIONS.iter().flat_map(|section| section.keys).find(|key| key.path() == name)
}

fn no_such_key(name: &str) -> String {
    format!("there is no key `{name}`{}", did_you_mean(nearest_key(name).map(Key::path)))
}

impl Overrides {
    /// Those of a file; none if there is no such file.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(text) => Ok(Self(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Under another name first, so that a crash leaves the old ones or the new ones.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".new");
        let unfinished = PathBuf::from(unfinished);
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(&serde_json::to_vec_pretty(&self.0)?)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }

    /// Sets values, and takes those back that are `null`. The error says what is wrong.
    pub(crate) fn change(&mut self, patch: BTreeMap<String, Value>) -> Result<(), String> {
        for (name, value) in patch {
            let key = find(&name).ok_or_else(|| no_such_key(&name))?;
            if key.is_secret {
                return Err(format!("`{name}` is a secret: set it in the file"));
            }
            if key.effect == Effect::Restart {
                return Err(format!("`{name}` needs a restart: set it in the file"));
            }
            match value {
                Value::Null => drop(self.0.remove(&name)),
                value => drop(self.0.insert(name, value)),
            }
        }
        Ok(())
    }

    /// A configuration with these values in it. The error says what is wrong with which.
    pub(crate) fn over(&self, mut config: Config) -> Result<Config, String> {
        if self.0.is_empty() {
            return Ok(config);
        }
        for (name, value) in &self.0 {
            let key = find(name).ok_or_else(|| no_such_key(name))?;
            config
                .set(key, value.clone())
                .map_err(|_| format!("`{name}` must be {}, not {value}", key.expectation()))?;
            config.given.0.insert(name.clone());
        }
        if let Some((key, value)) = config.out_of_range().into_iter().next() {
            return Err(format!("`{}` must be {}, not {value}", key.path(), key.expectation()));
        }
        let violations = validate::violations(&config);
        match violations.into_iter().next() {
            Some(violation) => Err(violation.message),
            None => Ok(config),
        }
    }

    /// All keys with the values of a configuration.
    pub(crate) fn keys(&self, config: &Config) -> ConfigKeys {
        let item = |(key, value): (&'static Key, String)| {
            let name = key.path();
            let lines: Vec<_> = key.documentation.iter().map(|line| line.trim()).collect();
            ConfigKey {
                set_by_api: self.0.contains_key(&name),
                key: name,
                value,
                live: key.effect == Effect::Live,
                secret: key.is_secret,
                expected: key.expectation(),
                description: lines.join(" "),
            }
        };
        ConfigKeys { items: config.values().into_iter().map(item).collect() }
    }
}

#[cfg(test)]
mod tests {
    use mika_store::record::SettingRecord;
    use serde_json::json;

    use super::*;

    fn patch(name: &str, value: Value) -> BTreeMap<String, Value> {
        BTreeMap::from([(name.to_owned(), value)])
    }

    #[test]
    fn values_count_over_those_of_the_file_until_they_are_taken_back() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("overrides");
        let mut overrides = Overrides::read(&path).unwrap();
        overrides.change(patch("tracker.interval_seconds", json!(901))).unwrap();
        overrides.write(&path).unwrap();
        let mut overrides = Overrides::read(&path).unwrap();
        let config = overrides.over(Config::default()).unwrap();
        assert_eq!(config.tracker.interval_seconds, 901);
        let keys = overrides.keys(&config).items;
        let key = keys.iter().find(|key| key.key == "tracker.interval_seconds").unwrap();
        assert_eq!((key.value.as_str(), key.set_by_api, key.live), ("901", true, true));
        overrides.change(patch("tracker.interval_seconds", Value::Null)).unwrap();
        assert_eq!(overrides, Overrides::default());
    }

    #[test]
    fn values_count_over_what_the_site_has_set_in_its_table() {
        let mut overrides = Overrides::default();
        overrides.change(patch("site.scrape_interval_seconds", json!(60))).unwrap();
        let pairs = [("site.preset".to_owned(), "xbt".to_owned())];
        let file = Config::load(None, [], pairs).unwrap();
        let row =
            |name: &str, value: &str| SettingRecord { name: name.into(), value: value.into() };
        let rows = [row("scrape_interval", "90")];
        let (config, _) = file.with_settings(&rows);
        assert_eq!(config.site.scrape_interval_seconds, 90);
        let (config, _) = overrides.over(file).unwrap().with_settings(&rows);
        assert_eq!(config.site.scrape_interval_seconds, 60);
    }

    #[test]
    fn a_slip_of_the_pen_is_told_what_was_meant() {
        let told = |name: &str| Overrides::default().change(patch(name, json!(5))).unwrap_err();
        assert_eq!(
            told("tracker.interval"),
            "there is no key `tracker.interval`; did you mean `tracker.interval_seconds`?"
        );
        assert_eq!(told("log.colour"), "there is no key `log.colour`");
        let overrides = Overrides(patch("tracker.interval", json!(5)));
        let error = overrides.over(Config::default()).unwrap_err();
        assert!(error.ends_with("did you mean `tracker.interval_seconds`?"), "{error}");
    }

    #[test]
    fn a_secret_is_told_apart_from_what_needs_a_restart() {
        let keys = Overrides::default().keys(&Config::default()).items;
        let told = |name: &str| keys.iter().find(|key| key.key == name).map(|k| (k.live, k.secret));
        assert_eq!(told("site.torrent_pass_private_key"), Some((true, true)));
        assert_eq!(told("store.url"), Some((false, true)));
        assert_eq!(told("tracker.interval_seconds"), Some((true, false)));
        assert_eq!(told("data.dir"), Some((false, false)));
    }

    #[test]
    fn what_cannot_be_set_is_refused() {
        let mut overrides = Overrides::default();
        for name in ["tracker.interval", "admin.token", "data.dir"] {
            overrides.change(patch(name, json!("x"))).unwrap_err();
        }
        for value in [json!("fast"), json!(-1), json!(0), json!([])] {
            let mut overrides = Overrides::default();
            overrides.change(patch("tracker.interval_seconds", value)).unwrap();
            let error = overrides.over(Config::default()).unwrap_err();
            assert!(error.contains("tracker.interval_seconds"), "{error}");
        }
    }
}
