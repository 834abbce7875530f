//! The example file, written from the declarations.

use super::Config;
use super::section::{Effect, Key};

const HEADER: &str = "\
# The configuration of mika: every key with its default.
#
# Lines that begin with `#` and a name are keys with their defaults; take the `#` away to change
# one. A key that does not exist, or a value that makes no sense, is an error: `mika config check`
# says where.
#
# Every key can also be set by an environment variable, which goes before this file:
# MIKA__TRACKER__INTERVAL_SECONDS=900 is interval_seconds in [tracker]. A list is written as here,
# or separated by commas: MIKA__HTTP__TRUSTED_PROXIES=10.0.0.0/8,::1
#
# Keys that change live do so when the server gets SIGHUP; the others need a restart.
";

impl Config {
    /// A configuration file that explains every key and sets none: what is checked in as
    /// `etc/mika.example.toml`.
    pub fn example() -> String {
        let defaults = Self::default();
        let values = defaults.values();
        let mut text = HEADER.to_owned();
        for section in Self::SECTIONS {
            text.push('\n');
            comment(&mut text, section.documentation);
            text.push_str(&format!("[{}]\n", section.name));
            for (key, value) in values.iter().filter(|(key, _)| key.section == section.name) {
                text.push('\n');
                comment(&mut text, key.documentation);
                text.push_str(&format!("# {}\n", summary(key)));
                text.push_str(&format!("#{} = {value}\n", key.name));
            }
        }
        text
    }
}

/// Range and effect: what the comment of a key does not have to say itself.
fn summary(key: &Key) -> String {
    let effect = match key.effect {
        Effect::Live => "Changes live.",
        Effect::Restart => "Needs a restart.",
    };
    match key.range {
        Some((least, most)) => format!("From {least} to {most}. {effect}"),
        None => effect.to_owned(),
    }
}

fn comment(text: &mut String, documentation: &[&str]) {
    for line in documentation {
        text.push_str(format!("# {}", line.trim()).trim_end());
        text.push('\n');
    }
}
