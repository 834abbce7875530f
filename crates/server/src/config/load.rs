//! Puts a configuration together from its layers, and finds all that is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::IntoDeserializer;
use serde::de::value::{SeqDeserializer, StrDeserializer};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue, ValueDeserializer};

use super::error::{ConfigError, Place, Problem, Source, shortened};
use super::secret::Secret;
use super::section::{Key, SectionInfo};
use super::suggest::nearest;
use super::{Config, Given, derived, validate};
use crate::admin::TokenError;
use crate::data_dir::DataDirError;

/// What the names of all variables of mika begin with.
const VARIABLE_PREFIX: &str = "MIKA__";

/// No configuration or token file is longer, unless the path is a mistake.
const FILE_BYTES_MAX: u64 = 1_048_576;

/// Behind a syntax error, further ones are mostly its consequences.
const SYNTAX_ERRORS_MAX: usize = 3;

impl Config {
    /// Reads the configuration: the defaults, over them the file at `path`, over it those of the
    /// variables in `environment` that begin with `MIKA__`, over them the `overrides`, whose names
    /// are written like `tracker.interval_seconds`.
    ///
    /// A value in a variable or an override is read as TOML if that gives the right type, else as
    /// a plain string, or as a list separated by commas. Defaults that follow from other keys
    /// (`peer_timeout_seconds`, paths in `data.dir`) are filled in. `admin.token` is read from
    /// `admin.token_file`; it stays empty if that is the default file and does not exist yet.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once: a file that cannot be read, unknown keys, values of a
    /// wrong type or out of range, and keys that contradict each other.
    pub fn load(
        path: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        overrides: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let Some(path) = path else { return Self::from_layers(None, environment, overrides) };
        let file = path.display().to_string();
        match read_text(path) {
            Ok(text) => {
                let source = Source { file: &file, text: &text };
                Self::from_layers(Some(source), environment, overrides)
            }
            Err(reason) => Err(ConfigError {
                problems: vec![Problem {
                    place: Place::File(file),
                    key: None,
                    message: format!("cannot be read: {reason}"),
                }],
            }),
        }
    }

    fn from_layers(
        source: Option<Source<'_>>,
        environment: impl IntoIterator<Item = (String, String)>,
        overrides: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut loader = Loader::default();
        if let Some(source) = source {
            loader.file(source);
        }
        // Sorted, so that the problems come in the same order every time.
        let mut variables: Vec<_> = environment.into_iter().collect();
        variables.sort();
        for (name, value) in &variables {
            loader.variable(name, value);
        }
        for (key, value) in overrides {
            loader.override_key(&key, &value);
        }
        loader.finish()
    }
}

/// The text of a small file, or why there is none.
fn read_text(path: &Path) -> Result<String, std::io::Error> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        let message = format!("it is longer than {FILE_BYTES_MAX} bytes");
        return Err(std::io::Error::new(ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

fn find_section(name: &str) -> Option<&'static SectionInfo> {
    Config::SECTIONS.iter().find(|section| section.name == name)
}

fn all_keys() -> impl Iterator<Item = &'static Key> {
    Config::SECTIONS.iter().flat_map(|section| section.keys)
}

/// The key that somebody may have meant who wrote this path.
pub(super) fn nearest_key(path: &str) -> Option<&'static Key> {
    let (section, name) = path.split_once('.').unwrap_or(("", path));
    match find_section(section) {
        Some(section) => nearest_in(section.keys, name),
        None => nearest_in(all_keys(), name),
    }
}

fn nearest_in(keys: impl IntoIterator<Item = &'static Key>, name: &str) -> Option<&'static Key> {
    let keys: Vec<_> = keys.into_iter().collect();
    let found = nearest(name, keys.iter().map(|key| key.name))?;
    keys.into_iter().find(|key| key.name == found)
}

impl Config {
    /// Where the admin token is, unless it was given itself.
    pub(crate) fn admin_token_file(&self) -> Option<&Path> {
        let is_given = self.given.0.contains("admin.token");
        (!is_given).then_some(self.admin.token_file.as_path())
    }

    /// The same with values for keys that were left out; those that were given stay. A key is
    /// written like `tracker.interval_seconds`.
    ///
    /// # Errors
    ///
    /// What is wrong with the values, alone or together with others.
    pub(super) fn with_defaults(&self, values: &[(&str, String)]) -> Result<Self, ConfigError> {
        let given = self.given.0.iter().map(|key| (key.clone(), Place::Unknown));
        let mut loader =
            Loader { config: self.clone(), places: given.collect(), ..Loader::default() };
        for (path, value) in values {
            if !loader.places.contains_key(*path) {
                loader.override_key(path, value);
            }
        }
        loader.derive();
        loader.judge()
    }
}

/// A configuration in the making.
#[derive(Default)]
struct Loader {
    config: Config,
    /// Where the value of each key that was given comes from.
    places: BTreeMap<String, Place>,
    /// Keys that have no valid value, of which no more needs to be said.
    invalid: BTreeSet<String>,
    problems: Vec<Problem>,
}

impl Loader {
    fn problem(&mut self, place: Place, key: Option<String>, message: String) {
        self.problems.push(Problem { place, key, message });
    }

    fn file(&mut self, source: Source<'_>) {
        let (document, errors) = DeTable::parse_recoverable(source.text);
        for error in errors.iter().take(SYNTAX_ERRORS_MAX) {
            let place = source.place(&error.span().unwrap_or_default());
            self.problem(place, None, format!("not valid TOML: {}", error.message()));
        }
        if !errors.is_empty() {
            return;
        }
        for (name, value) in document.into_inner() {
            self.file_section(source, &name, value);
        }
    }

    fn file_section(
        &mut self,
        source: Source<'_>,
        name: &Spanned<DeString<'_>>,
        value: Spanned<DeValue<'_>>,
    ) {
        let place = source.place(&name.span());
        let name = name.get_ref().as_ref();
        let is_table = matches!(value.get_ref(), DeValue::Table(_));
        let Some(section) = find_section(name) else {
            let message = if is_table { unknown_section(name) } else { key_outside_sections(name) };
            return self.problem(place, Some(name.to_owned()), message);
        };
        match value.into_inner() {
            DeValue::Table(table) => {
                for (name, value) in table {
                    self.file_key(source, section, &name, value);
                }
            }
            _ => self.problem(
                place,
                Some(name.to_owned()),
                format!("`{name}` is a section: its keys belong below a line `[{name}]`"),
            ),
        }
    }

    fn file_key(
        &mut self,
        source: Source<'_>,
        section: &'static SectionInfo,
        name: &Spanned<DeString<'_>>,
        value: Spanned<DeValue<'_>>,
    ) {
        let text = name.get_ref().as_ref();
        let Some(key) = section.keys.iter().find(|key| key.name == text) else {
            let (message, hint) = unknown_key(section, text);
            let mut place = source.place(&name.span());
            if hint.is_some_and(|key| key.is_secret) {
                place = without_text(place);
            }
            return self.problem(place, Some(format!("{}.{text}", section.name)), message);
        };
        let span = value.span();
        let set = self.config.set(key, ValueDeserializer::from(value));
        self.note(key, hide(source.place(&span), key), set, |error_span| {
            source.excerpt(&error_span.unwrap_or(span))
        });
    }

    fn variable(&mut self, name: &str, value: &str) {
        let Some(rest) = name.strip_prefix(VARIABLE_PREFIX) else { return };
        let place = Place::Variable(name.to_owned());
        if let Some(key) = all_keys().find(|key| key.variable() == name) {
            return self.text(key, place, value);
        }
        let hint = nearest_key(&rest.to_lowercase().replacen("__", ".", 1));
        let message = format!("there is no such key{}", did_you_mean(hint.map(Key::variable)));
        self.problem(place, None, message);
    }

    fn override_key(&mut self, path: &str, value: &str) {
        let place = Place::Override(path.to_owned());
        if let Some(key) = all_keys().find(|key| key.path() == path) {
            return self.text(key, place, value);
        }
        let message =
            format!("there is no such key{}", did_you_mean(nearest_key(path).map(Key::path)));
        self.problem(place, Some(path.to_owned()), message);
    }

    /// Sets a key from a text that need not be TOML.
    fn text(&mut self, key: &'static Key, place: Place, raw: &str) {
        let as_toml = DeValue::parse(raw)
            .is_ok_and(|value| self.config.set(key, ValueDeserializer::from(value)).is_ok());
        let set = if as_toml {
            Ok(())
        } else if key.is_list {
            let items = raw.split(',').map(str::trim).filter(|item| !item.is_empty());
            let items: Vec<StrDeserializer<'_, toml::de::Error>> =
                items.map(IntoDeserializer::into_deserializer).collect();
            self.config.set(key, SeqDeserializer::new(items.into_iter()))
        } else {
            self.config.set(key, StrDeserializer::<toml::de::Error>::new(raw))
        };
        self.note(key, place, set, |_| shortened(raw));
    }

    /// Keeps where a key was set, or that it could not be.
    fn note(
        &mut self,
        key: &'static Key,
        place: Place,
        set: Result<(), toml::de::Error>,
        found: impl FnOnce(Option<Range<usize>>) -> String,
    ) {
        if let Err(error) = set {
            let message = wrong_value(key, &found(error.span()), error.message());
            self.problem(place.clone(), Some(key.path()), message);
            self.invalid.insert(key.path());
        }
        self.places.insert(key.path(), place);
    }

    fn finish(mut self) -> Result<Config, ConfigError> {
        self.config.given = Given(self.places.keys().cloned().collect());
        self.derive();
        self.read_secrets();
        self.judge()
    }

    /// Sets what follows from what was given.
    fn derive(&mut self) {
        derived::derive(&mut self.config, |key| self.places.contains_key(key));
        for (key, value) in self.config.out_of_range() {
            let path = key.path();
            // A default that follows from another key is out of range only if that key is.
            if let Some(place) = self.places.get(&path).cloned() {
                self.problem(place, Some(path.clone()), wrong_value(key, &value, ""));
            }
            self.invalid.insert(path);
        }
    }

    fn read_secrets(&mut self) {
        self.read_token();
        self.read_secret("store.url", "store.url_file", |config| {
            (&mut config.store.url, &config.store.url_file)
        });
        self.read_secret("store_http.token", "store_http.token_file", |config| {
            (&mut config.store_http.token, &config.store_http.token_file)
        });
        self.read_secret("store_http.secret", "store_http.secret_file", |config| {
            (&mut config.store_http.secret, &config.store_http.secret_file)
        });
        self.read_secret("site_call.key", "site_call.key_file", |config| {
            (&mut config.site_call.key, &config.site_call.key_file)
        });
        self.read_secret("geo.maxmind_license_key", "geo.maxmind_license_key_file", |config| {
            (&mut config.geo.maxmind_license_key, &config.geo.maxmind_license_key_file)
        });
        self.read_secret("site_api.ocelot_password", "site_api.ocelot_password_file", |config| {
            (&mut config.site_api.ocelot_password, &config.site_api.ocelot_password_file)
        });
        let key = "site_api.ocelot_report_password";
        self.read_secret(key, "site_api.ocelot_report_password_file", |config| {
            let api = &mut config.site_api;
            (&mut api.ocelot_report_password, &api.ocelot_report_password_file)
        });
        self.read_secret("site_api.unit3d_key", "site_api.unit3d_key_file", |config| {
            (&mut config.site_api.unit3d_key, &config.site_api.unit3d_key_file)
        });
    }

    fn judge(mut self) -> Result<Config, ConfigError> {
        for violation in validate::violations(&self.config) {
            if violation.keys.iter().any(|key| self.invalid.contains(*key)) {
                continue;
            }
            let given = violation.keys.iter().find(|key| self.places.contains_key(**key));
            let key = given.or(violation.keys.first()).map(|key| (*key).to_owned());
            let place = key.as_ref().and_then(|key| self.places.get(key)).cloned();
            self.problem(place.unwrap_or(Place::Unknown), key, violation.message);
        }
        if self.problems.is_empty() {
            Ok(self.config)
        } else {
            self.problems.sort_by_key(|problem| problem.place.rank());
            Err(ConfigError { problems: self.problems })
        }
    }

    /// Reads the token from its file, unless it was given itself. An empty one was not given.
    fn read_token(&mut self) {
        const KEY: &str = "admin.token_file";
        if self.invalid.contains(KEY) || self.invalid.contains("admin.token") {
            return;
        }
        let given = self.places.get(KEY).cloned();
        let wrong = if !self.config.admin.token.is_empty() {
            given.is_some().then(|| {
                "`admin.token` and `admin.token_file` are both given: keep one of them".to_owned()
            })
        } else {
            self.config.given.0.remove("admin.token");
            let admin = &mut self.config.admin;
            let (path, file) = (&admin.token_file, admin.token_file.display());
            let is_default = *path == self.config.data.dir.join("admin.token");
            match read_text(path) {
                Ok(text) if text.trim().is_empty() && given.is_none() => Some(format!(
                    "{file} is empty: delete it, and a new admin token is made at the next start"
                )),
                Ok(text) if text.trim().is_empty() => {
                    Some(format!("`{KEY}` names an empty file: {file}"))
                }
                Ok(text) if !text.trim().bytes().all(|byte| byte.is_ascii_graphic()) => {
                    Some(TokenError::InvalidFile(path.clone()).to_string())
                }
                Ok(text) => {
                    admin.token = Secret::new(text.trim());
                    None
                }
                Err(error) if error.kind() == ErrorKind::NotFound && is_default => None,
                Err(source) if given.is_none() => {
                    Some(DataDirError::Io { path: path.clone(), source }.to_string())
                }
                Err(error) => Some(format!("`{KEY}`: {file} cannot be read: {error}")),
            }
        };
        if let Some(message) = wrong {
            self.problem(given.unwrap_or(Place::Unknown), Some(KEY.to_owned()), message);
        }
    }
}

impl Loader {
    /// Reads a secret from its file, if that is what was given.
    fn read_secret(
        &mut self,
        key: &'static str,
        file_key: &'static str,
        of: impl Fn(&mut Config) -> (&mut Secret, &PathBuf),
    ) {
        let Some(given) = self.places.get(file_key).cloned() else { return };
        if self.invalid.contains(key) || self.invalid.contains(file_key) {
            return;
        }
        let (secret, path) = of(&mut self.config);
        if path.as_os_str().is_empty() {
            return;
        }
        let file = path.display().to_string();
        let wrong = if !secret.is_empty() {
            Some(format!("`{key}` and `{file_key}` are both given: keep one of them"))
        } else {
            match read_text(path) {
                Ok(text) if text.trim().is_empty() => {
                    Some(format!("`{file_key}` names an empty file: {file}"))
                }
                Ok(text) => {
                    *secret = Secret::new(text.trim());
                    None
                }
                Err(error) => Some(format!("`{file_key}`: {file} cannot be read: {error}")),
            }
        };
        if let Some(message) = wrong {
            self.problem(given, Some(file_key.to_owned()), message);
        }
    }
}

pub(super) fn did_you_mean(hint: Option<impl std::fmt::Display>) -> String {
    hint.map(|hint| format!("; did you mean `{hint}`?")).unwrap_or_default()
}

fn unknown_section(name: &str) -> String {
    let hint = nearest(name, Config::SECTIONS.iter().map(|section| section.name));
    let hint = hint.map(|hint| format!("; did you mean `[{hint}]`?")).unwrap_or_default();
    format!("unknown section `[{name}]`{hint}")
}

fn key_outside_sections(name: &str) -> String {
    let hint = nearest_in(all_keys(), name);
    let hint = hint
        .map(|key| format!("; did you mean `{}` in `[{}]`?", key.name, key.section))
        .unwrap_or_default();
    format!("unknown key `{name}` outside of all sections{hint}")
}

/// What to say about a key that does not exist, and which one may be meant.
fn unknown_key(section: &'static SectionInfo, name: &str) -> (String, Option<&'static Key>) {
    let here = nearest_in(section.keys, name);
    let elsewhere = all_keys().find(|key| key.name == name);
    let hint = match (here, elsewhere) {
        (None, Some(key)) => format!("; did you mean `{}` in `[{}]`?", key.name, key.section),
        (here, _) => did_you_mean(here.map(|key| key.name)),
    };
    (format!("unknown key `{name}` in `[{}]`{hint}", section.name), here.or(elsewhere))
}

/// What to say about a value that a key cannot have.
fn wrong_value(key: &Key, found: &str, reason: &str) -> String {
    /// How those reasons begin that say no more than the expectation, but in Rust's terms.
    const GENERIC: [&str; 5] =
        ["invalid type", "invalid value", "invalid length", "unknown variant", "wanted "];

    let must = format!("`{}` must be {}", key.path(), key.expectation());
    if key.is_secret {
        return must;
    }
    let is_generic = reason.is_empty() || GENERIC.iter().any(|start| reason.starts_with(start));
    let detail = if is_generic { String::new() } else { format!(" ({reason})") };
    format!("{must}, not `{found}`{detail}")
}

fn hide(place: Place, key: &Key) -> Place {
    if key.is_secret { without_text(place) } else { place }
}

fn without_text(place: Place) -> Place {
    match place {
        Place::Line { file, line, column, width, .. } => {
            Place::Line { file, line, column, width, text: None }
        }
        other => other,
    }
}
