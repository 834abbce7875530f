//! `mika client config`.

use std::collections::BTreeMap;

use clap::Subcommand;
use mika_client::types::{ConfigChange, ConfigKey, ConfigPatch, KeyChange};
use serde_json::Value;

use super::session::Session;
use crate::output;

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show the keys of the configuration, with the values in force.
    Get {
        /// Only the key of this name, or those in the section of this name.
        name: Option<String>,
        /// Only those that were set over the API, over what the file says.
        #[arg(long)]
        set_by_api: bool,
        /// Print only which version of the configuration this is, for --if-match.
        #[arg(long, conflicts_with_all = ["name", "set_by_api"])]
        etag: bool,
    },
    /// Change keys in the running tracker, for good: over what the file says.
    Set {
        /// A key and a value: tracker.interval_seconds=900. A value is JSON; what is no JSON is
        /// text.
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = parse_pair)]
        values: Vec<(String, Value)>,
    },
    /// Let the file's values count again.
    Unset {
        /// Keys that were set over the API.
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<String>,
    },
    /// Read the configuration again and apply what can change in a running tracker.
    Reload,
}

impl ConfigCommand {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = &session.client;
        let changes: BTreeMap<_, _> = match self {
            Self::Get { etag: true, .. } => {
                let version = client.versioned_config().await?.version;
                return session.print(&version, |version| format!("{version}\n"));
            }
            Self::Get { name, set_by_api, .. } => {
                let keys = client.config().await?.items;
                return get(session, keys, name.as_deref(), set_by_api);
            }
            Self::Reload => return session.print(&client.reload_config().await?, change_words),
            Self::Set { values } => values.into_iter().collect(),
            Self::Unset { keys } => keys.into_iter().map(|key| (key, Value::Null)).collect(),
        };
        session.print(&client.change_config(&ConfigPatch(changes)).await?, change_words)
    }
}

fn parse_pair(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("a key, `=` and a value")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((key.trim().to_owned(), value))
}

fn get(
    session: &Session,
    mut keys: Vec<ConfigKey>,
    name: Option<&str>,
    set_by_api: bool,
) -> anyhow::Result<()> {
    let is_in = |key: &str, name: &str| {
        key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if let Some(name) = name {
        keys.retain(|item| is_in(&item.key, name));
        anyhow::ensure!(!keys.is_empty(), "there is no key and no section `{name}`");
    }
    keys.retain(|item| item.set_by_api || !set_by_api);
    match (keys.as_slice(), session.is_json()) {
        ([key], false) if name == Some(key.key.as_str()) => session.write(&one(key)),
        _ => session.print(&keys, |keys| table(keys)),
    }
}

fn one(key: &ConfigKey) -> String {
    output::fields(&[
        ("key", key.key.clone()),
        ("value", key.value.clone()),
        ("set by", set_by(key).to_owned()),
        ("changes live", changes_live(key)),
        ("expected", key.expected.clone()),
        ("description", key.description.clone()),
    ])
}

fn table(keys: &[ConfigKey]) -> String {
    let mut table = output::Table::new(&["KEY", "VALUE", "SET BY", "LIVE"]);
    for key in keys {
        let (name, value) = (key.key.clone(), key.value.clone());
        table.row([name, value, set_by(key).to_owned(), changes_live(key)]);
    }
    table.render("nothing is set over the API")
}

/// A secret changes with the file, if it changes at all.
fn changes_live(key: &ConfigKey) -> String {
    if key.live && key.secret { "not over the API".to_owned() } else { output::yes(key.live) }
}

fn set_by(key: &ConfigKey) -> &'static str {
    if key.set_by_api { "API" } else { "file or default" }
}

fn change_words(change: &ConfigChange) -> String {
    if change.applied.is_empty() && change.needs_restart.is_empty() {
        return "nothing has changed\n".to_owned();
    }
    let mut table = output::Table::new(&["KEY", "FROM", "TO", "IN FORCE"]);
    let mut add = |changes: &[KeyChange], in_force: &str| {
        for change in changes {
            let (key, from, to) = (change.key.clone(), change.from.clone(), change.to.clone());
            table.row([key, from, to, in_force.to_owned()]);
        }
    };
    add(&change.applied, "now");
    add(&change.needs_restart, "after a restart");
    table.render("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_json_or_text() {
        let value = |text| parse_pair(text).unwrap().1;
        assert_eq!(value("a.b=900"), serde_json::json!(900));
        assert_eq!(value("a.b=[\"x\"]"), serde_json::json!(["x"]));
        assert_eq!(value("a.b=moving tonight = now"), serde_json::json!("moving tonight = now"));
        assert_eq!(value("a.b="), serde_json::json!(""));
        assert!(parse_pair("a.b").is_err());
    }
}
