//! What a site has set in XBT's table of settings, `xbt_config`: it counts where the configuration
//! says nothing.

use mika_store::record::SettingRecord;

use super::Config;

/// Something about a setting that somebody should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingRemark {
    /// The setting, as the site calls it.
    pub name: String,
    /// What is the matter.
    pub text: String,
}

/// Settings that mean nothing here: files, ports, how often XBT does what mika does all the time.
const WITHOUT_MEANING: [&str; 17] = [
    "clean_up_interval",
    "daemon",
    "debug",
    "gzip_scrape",
    "listen_ipa",
    "listen_port",
    "log_access",
    "mysql_database",
    "mysql_host",
    "mysql_password",
    "mysql_table_prefix",
    "mysql_user",
    "pid_file",
    "query_log",
    "read_config_interval",
    "write_db_interval",
    "read_files_interval",
];

/// Settings that only matter if they are on, and what to do then.
const UNSUPPORTED: [(&str, &str); 4] = [
    ("anonymous_announce", "announces without a passkey are for tracker.mode = \"public\""),
    ("anonymous_scrape", "scrapes without a passkey are for tracker.mode = \"public\""),
    ("full_scrape", "a scrape of everything is not answered"),
    ("redirect_url", "nobody is redirected"),
];

impl Config {
    /// The same with what the site has set in place of what was left out, and what is to be said
    /// of it. A setting that is wrong is left out.
    pub fn with_settings(&self, settings: &[SettingRecord]) -> (Self, Vec<SettingRemark>) {
        let (mut config, mut remarks) = (self.clone(), Vec::new());
        let mut values = Vec::new();
        for setting in settings {
            let name = setting.name.as_str();
            let remark = |text: String| SettingRemark { name: name.to_owned(), text };
            match meaning(name, setting.value.trim()) {
                Ok(more) => {
                    let with_more = [values.as_slice(), more.as_slice()].concat();
                    match self.with_defaults(&with_more) {
                        Ok(better) => (config, values) = (better, with_more),
                        Err(error) => remarks.push(remark(error.to_string())),
                    }
                }
                Err(text) => remarks.push(remark(text)),
            }
        }
        (config, remarks)
    }
}

/// The keys that a setting means, with their values; or what is to be said of it.
fn meaning(name: &str, value: &str) -> Result<Vec<(&'static str, String)>, String> {
    let number = || value.parse::<u32>().map_err(|_| format!("{value:?} is not a number"));
    let switch = || Ok::<_, String>((number()? != 0).to_string());
    Ok(match name {
        "announce_interval" => {
            let seconds = number()?;
            // As XBT does: the minimum is the interval itself, and half as much again is too long.
            let timeout_seconds = seconds.saturating_add(seconds / 2);
            vec![
                ("tracker.interval_seconds", seconds.to_string()),
                ("tracker.min_interval_seconds", seconds.to_string()),
                ("tracker.peer_timeout_seconds", timeout_seconds.to_string()),
            ]
        }
        "read_db_interval" => vec![("store.resync_seconds", number()?.to_string())],
        "scrape_interval" => vec![("site.scrape_interval_seconds", number()?.to_string())],
        "auto_register" => vec![("tracker.auto_register_torrents", switch()?)],
        "log_announce" => vec![("store.log_announces", switch()?)],
        "log_scrape" => vec![("store.log_scrapes", switch()?)],
        "torrent_pass_private_key" => vec![("site.torrent_pass_private_key", value.to_owned())],
        "offline_message" => vec![("site.offline_text", value.to_owned())],
        name if WITHOUT_MEANING.contains(&name) => Vec::new(),
        name if name.starts_with("table_") || name.starts_with("column_") => match value {
            "" => Vec::new(),
            _ => return Err("names of tables and columns are set in store.names".to_owned()),
        },
        name => match UNSUPPORTED.iter().find(|(unsupported, _)| *unsupported == name) {
            Some((_, _)) if value.is_empty() || value == "0" => Vec::new(),
            Some((_, text)) => return Err((*text).to_owned()),
            None => return Err("unknown config name".to_owned()),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn settings(pairs: &[(&str, &str)]) -> Vec<SettingRecord> {
        let record = |(name, value): &(&str, &str)| SettingRecord {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        pairs.iter().map(record).collect()
    }

    fn config(overrides: &[(&str, &str)]) -> Config {
        let pairs = [("site.preset", "xbt")].into_iter().chain(overrides.iter().copied());
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Config::load(None, [], pairs).unwrap()
    }

    fn told(remarks: &[SettingRemark]) -> Vec<(&str, &str)> {
        remarks.iter().map(|remark| (remark.name.as_str(), remark.text.as_str())).collect()
    }

    #[test]
    fn what_the_site_has_set_counts_where_nothing_was_given() {
        let rows = settings(&[
            ("announce_interval", "900"),
            ("read_db_interval", "30"),
            ("scrape_interval", "600"),
            ("auto_register", "1"),
            ("log_announce", "1"),
            ("log_scrape", "0"),
            ("offline_message", "42"),
            ("torrent_pass_private_key", "secret"),
            ("listen_port", "2710"),
            ("anonymous_announce", "0"),
        ]);
        let (set, remarks) = config(&[]).with_settings(&rows);
        assert_eq!(told(&remarks), []);
        let tracker = &set.tracker;
        assert_eq!((tracker.interval_seconds, tracker.min_interval_seconds), (900, 900));
        assert_eq!((tracker.peer_timeout_seconds, tracker.auto_register_torrents), (1350, true));
        assert_eq!((set.store.resync_seconds, set.site.scrape_interval_seconds), (30, 600));
        assert_eq!((set.store.log_announces, set.store.log_scrapes), (true, false));
        assert_eq!(set.site.offline_text, "42");
        // The rest is as it was.
        let mut expected = config(&[]);
        expected.tracker = set.tracker.clone();
        expected.store = set.store.clone();
        expected.site.scrape_interval_seconds = 600;
        expected.site.offline_text = "42".to_owned();
        expected.site.torrent_pass_private_key = Secret::new("secret");
        assert_eq!(set, expected);
        assert!(!format!("{set:?}").contains("secret\""), "{set:?}");

        let given = config(&[("tracker.interval_seconds", "1800"), ("site.offline_text", "")]);
        let (set, _) = given.with_settings(&rows);
        assert_eq!((set.tracker.interval_seconds, set.site.offline_text.as_str()), (1800, ""));
        assert_eq!(set.store.resync_seconds, 30);
    }

    #[test]
    fn what_is_wrong_or_not_possible_is_told_and_left_out() {
        let rows = settings(&[
            ("announce_interval", "5"),
            ("announce_intervall", "900"),
            ("read_db_interval", "often"),
            ("anonymous_announce", "1"),
            ("table_users", "bb_users"),
            ("offline_message", "back at noon"),
        ]);
        let (set, remarks) = config(&[]).with_settings(&rows);
        let mut expected = config(&[]);
        expected.site.offline_text = "back at noon".to_owned();
        assert_eq!(set, expected);
        let remarks = told(&remarks);
        let names: Vec<_> = remarks.iter().map(|(name, _)| *name).collect();
        let all: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, all[..5]);
        assert!(remarks[0].1.contains("must be an integer from 60 to 86400"), "{remarks:?}");
        assert_eq!(remarks[1].1, "unknown config name");
        assert_eq!(remarks[2].1, "\"often\" is not a number");
    }
}
