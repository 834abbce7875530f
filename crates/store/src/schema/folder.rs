//! Where schema folders come from: those embedded in the binary, and an operator's own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use include_dir::{Dir, include_dir};
use serde::Deserialize;
use thiserror::Error;

use super::{Changes, Dialect, FlushStatement, Flushes, Loads, Logs, Schema, Starts, Statement};

/// Every preset: `<preset>/<dialect>/<file>`.
static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../schemas");

/// The file beside the statements that says what they are.
const MANIFEST: &str = "schema.toml";

/// What is wrong with a schema folder.
#[derive(Debug, Error)]
pub enum SchemaError {
    /// Neither a preset nor a folder.
    #[error("there is no schema {0}: name a preset ({1}) or the path of a folder")]
    Unknown(String, String),
    /// The preset is there, but not for this kind of database.
    #[error("schema {0} is not there for {1}, only for {2}")]
    NoDialect(String, Dialect, String),
    /// The folder is for another kind of database.
    #[error("schema {0} is written for {1}, and the store is {2}")]
    OtherDialect(String, Dialect, Dialect),
    /// A file is missing.
    #[error("schema {0} has no {1}: every schema needs it")]
    Missing(String, &'static str),
    /// A file that nothing reads.
    #[error("schema {0}: nothing reads {1}; the names are listed in docs/schema.md")]
    Unread(String, String),
    /// A file cannot be read, or says something wrong.
    #[error("schema {0}: {1}: {2}")]
    Bad(String, String, String),
}

/// `schema.toml`: what a folder's statements are for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// "sqlite", "postgres" or "mysql" (MariaDB too).
    pub dialect: String,
    /// What it is, in a line for people.
    pub title: String,
    /// Whether all tables are the tracker's own: it makes them, and writes single records.
    #[serde(default)]
    pub owns_tables: bool,
    /// Seconds after which the site takes a session whose row was not written for dead.
    #[serde(default)]
    pub stale_after_seconds: Option<u32>,
    /// Names of tables and columns that the configuration can change, with their defaults:
    /// `{{users}}` in a statement becomes the name given for `users`.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
}

/// The files of one folder, by name; migrations as `migrations/<file>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files(pub BTreeMap<String, String>);

/// The presets, and the dialects that each is there for.
pub fn presets() -> BTreeMap<String, Vec<Dialect>> {
    let mut found = BTreeMap::new();
    for preset in EMBEDDED.dirs() {
        let name = preset.path().to_string_lossy().into_owned();
        let has = |dialect: &Dialect| preset.get_dir(preset.path().join(dialect.name())).is_some();
        found.insert(name, Dialect::ALL.into_iter().filter(has).collect());
    }
    found
}

/// The files of a preset.
///
/// # Errors
/// [`SchemaError::Unknown`] and [`SchemaError::NoDialect`].
pub fn embedded(preset: &str, dialect: Dialect) -> Result<Files, SchemaError> {
    let presets = presets();
    let Some(dialects) = presets.get(preset) else {
        let names: Vec<_> = presets.keys().map(String::as_str).collect();
        return Err(SchemaError::Unknown(preset.to_owned(), names.join(", ")));
    };
    let Some(folder) = EMBEDDED.get_dir(format!("{preset}/{dialect}")) else {
        let names: Vec<_> = dialects.iter().map(|dialect| dialect.name()).collect();
        return Err(SchemaError::NoDialect(preset.to_owned(), dialect, names.join(", ")));
    };
    let mut files = Files::default();
    let migrations = folder.get_dir(folder.path().join("migrations"));
    for file in folder.files().chain(migrations.into_iter().flat_map(Dir::files)) {
        let name = file.path().strip_prefix(folder.path()).unwrap_or(file.path());
        let text = file.contents_utf8().unwrap_or_default();
        files.0.insert(name.to_string_lossy().into_owned(), text.to_owned());
    }
    Ok(files)
}

/// The files of an operator's folder.
///
/// # Errors
/// [`SchemaError::Bad`] if one cannot be read.
pub fn on_disk(folder: &Path) -> Result<Files, SchemaError> {
    let mut files = Files::default();
    read_into(&mut files, folder, "")?;
    let migrations = folder.join("migrations");
    if migrations.is_dir() {
        read_into(&mut files, &migrations, "migrations/")?;
    }
    Ok(files)
}

fn read_into(files: &mut Files, folder: &Path, prefix: &str) -> Result<(), SchemaError> {
    let bad = |path: &Path, error: std::io::Error| {
        SchemaError::Bad(
            folder.display().to_string(),
            path.display().to_string(),
            error.to_string(),
        )
    };
    for entry in fs::read_dir(folder).map_err(|error| bad(folder, error))? {
        let path = entry.map_err(|error| bad(folder, error))?.path();
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
            continue;
        };
        // Editors leave such files behind, and a README does no harm.
        if !path.is_file() || !(name.ends_with(".sql") || name.ends_with(".toml")) {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(|error| bad(&path, error))?;
        files.0.insert(format!("{prefix}{name}"), text);
    }
    Ok(())
}

impl Schema {
    /// A preset by its name, or an operator's folder by its path; `names` replace those of its
    /// manifest.
    ///
    /// # Errors
    /// See [`SchemaError`].
    pub fn open(
        name: &str,
        dialect: Dialect,
        names: &BTreeMap<String, String>,
    ) -> Result<Self, SchemaError> {
        let path = Path::new(name);
        let is_path = name.contains('/') || path.is_dir();
        let files = match is_path {
            true if path.is_dir() => on_disk(path)?,
            true => {
                let presets: Vec<_> = presets().into_keys().collect();
                return Err(SchemaError::Unknown(name.to_owned(), presets.join(", ")));
            }
            false => embedded(name, dialect)?,
        };
        Self::from_files(name, dialect, &files, names)
    }

    /// The schema that these files are.
    ///
    /// # Errors
    /// See [`SchemaError`].
    pub fn from_files(
        name: &str,
        dialect: Dialect,
        files: &Files,
        names: &BTreeMap<String, String>,
    ) -> Result<Self, SchemaError> {
        let manifest = manifest(name, files)?;
        match Dialect::ALL.into_iter().find(|known| known.name() == manifest.dialect) {
            Some(written_for) if written_for == dialect => {}
            Some(written_for) => {
                return Err(SchemaError::OtherDialect(name.to_owned(), written_for, dialect));
            }
            None => {
                let dialect = manifest.dialect;
                let reason = format!("no such dialect: {dialect} (sqlite, postgres, mysql)");
                return Err(SchemaError::Bad(name.to_owned(), MANIFEST.to_owned(), reason));
            }
        }
        let names = all_names(name, &manifest, names)?;
        let mut reader = Reader { name, dialect, files, names, read: BTreeSet::new() };
        let schema = reader.schema(&manifest)?;
        reader.nothing_unread()?;
        Ok(schema)
    }
}

/// What `schema.toml` says.
///
/// # Errors
/// [`SchemaError::Missing`] and [`SchemaError::Bad`].
pub fn manifest(name: &str, files: &Files) -> Result<Manifest, SchemaError> {
    let text = files.0.get(MANIFEST).ok_or(SchemaError::Missing(name.to_owned(), MANIFEST))?;
    toml::from_str(text).map_err(|error| {
        SchemaError::Bad(name.to_owned(), MANIFEST.to_owned(), error.message().to_owned())
    })
}

/// The manifest's names with those of the configuration in their place.
fn all_names(
    schema: &str,
    manifest: &Manifest,
    configured: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, SchemaError> {
    let mut names = manifest.names.clone();
    for (key, value) in configured {
        let Some(place) = names.get_mut(key) else {
            let known: Vec<_> = manifest.names.keys().map(String::as_str).collect();
            let reason = format!("store.names.{key}: it has only {}", known.join(", "));
            return Err(SchemaError::Bad(schema.to_owned(), MANIFEST.to_owned(), reason));
        };
        place.clone_from(value);
    }
    for (key, value) in &names {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_.$`\"".contains(c);
        if value.is_empty() || !value.chars().all(is_name) {
            let reason = format!("{key}: {value:?} is not the name of a table or column");
            return Err(SchemaError::Bad(schema.to_owned(), MANIFEST.to_owned(), reason));
        }
    }
    Ok(names)
}

/// Takes the files one by one and remembers which.
struct Reader<'a> {
    name: &'a str,
    dialect: Dialect,
    files: &'a Files,
    names: BTreeMap<String, String>,
    read: BTreeSet<String>,
}

impl Reader<'_> {
    fn schema(&mut self, manifest: &Manifest) -> Result<Schema, SchemaError> {
        Ok(Schema {
            name: self.name.to_owned(),
            dialect: self.dialect,
            owns_tables: manifest.owns_tables,
            stale_after_seconds: manifest.stale_after_seconds,
            migrations: self.migrations()?,
            loads: Loads {
                roles: self.statement("roles.load.sql")?,
                users: self.required("users.load.sql")?,
                torrents: self.required("torrents.load.sql")?,
                client_rules: self.statement("client_rules.load.sql")?,
                tokens: self.statement("tokens.load.sql")?,
                events: self.statement("events.load.sql")?,
                peers: self.statement("peers.load.sql")?,
                settings: self.statement("settings.load.sql")?,
            },
            changes: Changes {
                users: self.statement("users.changes.sql")?,
                torrents: self.statement("torrents.changes.sql")?,
            },
            checkpoint_load: self.required("checkpoint.load.sql")?,
            checkpoint_flush: self.required("checkpoint.flush.sql")?,
            starts: Starts {
                torrents: self.statement("torrents.start.sql")?,
                history: self.statement("history.start.sql")?,
            },
            registered_find: self.flush("registered.find.sql")?,
            torrents_remove: self.flush("torrents.remove.sql")?,
            logs: Logs {
                announces: self.flush("announce_log.flush.sql")?,
                scrapes: self.flush("scrape_log.flush.sql")?,
            },
            flushes: Flushes {
                registered: self.flush("registered.flush.sql")?,
                users: self.flush("users.flush.sql")?,
                torrents: self.flush("torrents.flush.sql")?,
                history: self.flush("history.flush.sql")?,
                sessions: self.flush("sessions.flush.sql")?,
                snatches: self.flush("snatches.flush.sql")?,
                token_uses: self.flush("token_uses.flush.sql")?,
                unregistered: self.flush("unregistered.flush.sql")?,
            },
        })
    }

    /// A file's text with the names filled in.
    fn text(&mut self, file: &str) -> Result<Option<String>, SchemaError> {
        let Some(text) = self.files.0.get(file) else { return Ok(None) };
        self.read.insert(file.to_owned());
        let mut text = text.clone();
        for (key, value) in &self.names {
            text = text.replace(&format!("{{{{{key}}}}}"), value);
        }
        Ok(Some(text))
    }

    fn statement(&mut self, file: &'static str) -> Result<Option<Statement>, SchemaError> {
        let Some(text) = self.text(file)? else { return Ok(None) };
        let statement = Statement::new(&text);
        if let Some(at) = statement.text().find("{{") {
            let rest: String = statement.text().chars().skip(at).take(30).collect();
            return Err(self.bad(file, format!("nothing is known to put in place of {rest}")));
        }
        Ok(Some(statement))
    }

    fn required(&mut self, file: &'static str) -> Result<Statement, SchemaError> {
        self.statement(file)?.ok_or(SchemaError::Missing(self.name.to_owned(), file))
    }

    fn flush(&mut self, file: &'static str) -> Result<Option<FlushStatement>, SchemaError> {
        let Some(text) = self.text(file)? else { return Ok(None) };
        let statement = FlushStatement::new(&text, self.dialect);
        match statement.rows_placeholders() {
            1 => Ok(Some(statement)),
            found => Err(self.bad(file, format!("{{{{rows}}}} stands in it {found} times, not 1"))),
        }
    }

    fn migrations(&mut self) -> Result<Vec<Statement>, SchemaError> {
        let names: Vec<_> =
            self.files.0.keys().filter(|name| name.starts_with("migrations/")).cloned().collect();
        let mut migrations = Vec::new();
        for name in names {
            migrations.extend(self.text(&name)?.map(|text| Statement::new(&text)));
        }
        Ok(migrations)
    }

    fn bad(&self, file: &str, reason: String) -> SchemaError {
        SchemaError::Bad(self.name.to_owned(), file.to_owned(), reason)
    }

    /// A file with a wrong name would otherwise be a statement that never runs.
    fn nothing_unread(&self) -> Result<(), SchemaError> {
        let unread = |name: &&String| !self.read.contains(*name) && name.as_str() != MANIFEST;
        match self.files.0.keys().find(unread) {
            None => Ok(()),
            Some(name) => Err(SchemaError::Unread(self.name.to_owned(), name.clone())),
        }
    }
}
