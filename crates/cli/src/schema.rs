//! `mika schema`: the SQL of the store's tables.

mod check;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use mika_server::config::Config;
use mika_server::schema::{self, Dialect, FileKind, Files, SchemaFile};

use crate::config::environment;
use crate::output::{self, Table};

#[derive(Debug, Subcommand)]
pub enum SchemaCommand {
    /// List the schemas that are built in.
    List,
    /// Show the files of a schema, and what each of them is.
    Show(ShowArguments),
    /// Write a schema that is built in into a folder, to be adapted.
    Export(ExportArguments),
    /// Try all statements on the configured database, without leaving a trace.
    ///
    /// Exits with 1 if a statement does not work.
    Check(check::CheckArguments),
}

#[derive(Debug, Args)]
pub struct ShowArguments {
    /// One that is built in, or the path of a folder; without it, that of the configuration.
    name: Option<String>,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For which database [default: that of the configuration].
    #[arg(long)]
    dialect: Option<DialectName>,
}

#[derive(Debug, Args)]
pub struct ExportArguments {
    /// One that is built in.
    name: String,
    /// A folder that is empty or does not exist yet.
    dir: PathBuf,
    /// For which database [default: the only one that the schema is there for].
    #[arg(long)]
    dialect: Option<DialectName>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DialectName {
    Postgres,
    Mysql,
    Sqlite,
}

impl From<DialectName> for Dialect {
    fn from(name: DialectName) -> Self {
        match name {
            DialectName::Postgres => Self::Postgres,
            DialectName::Mysql => Self::Mysql,
            DialectName::Sqlite => Self::Sqlite,
        }
    }
}

impl SchemaCommand {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::List => list()?,
            Self::Show(arguments) => show(arguments)?,
            Self::Export(arguments) => export(&arguments)?,
            Self::Check(arguments) => return arguments.run(),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What runs something that waits for a database.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("no runtime")
}

fn list() -> anyhow::Result<()> {
    let mut table = Table::new(&["SCHEMA", "DIALECTS", "WHAT IT IS"]);
    for (name, dialects) in schema::presets() {
        let title = match dialects.first() {
            Some(dialect) => schema::title(&name, *dialect)?,
            None => String::new(),
        };
        table.row([name, names(&dialects), title]);
    }
    Ok(output::print(&table.render("none"))?)
}

fn names(dialects: &[Dialect]) -> String {
    dialects.iter().map(|dialect| dialect.name()).collect::<Vec<_>>().join(", ")
}

/// The dialect that was named, or the only one, or `usual` if the preset has it.
fn choose(
    name: &str,
    named: Option<DialectName>,
    usual: Option<Dialect>,
) -> anyhow::Result<Dialect> {
    if let Some(named) = named {
        return Ok(named.into());
    }
    let presets = schema::presets();
    let dialects = presets.get(name).map(Vec::as_slice).unwrap_or_default();
    if let Some(usual) = usual.filter(|usual| dialects.contains(usual)) {
        return Ok(usual);
    }
    match dialects {
        [only] => Ok(*only),
        [] => Ok(usual.unwrap_or(Dialect::Sqlite)),
        several => bail!("{name} is there for {}: name one with --dialect", names(several)),
    }
}

fn show(arguments: ShowArguments) -> anyhow::Result<()> {
    let config = Config::load(arguments.config.as_deref(), environment(), [])?.store;
    let name = arguments.name.unwrap_or_else(|| config.schema.clone());
    let folder = Path::new(&name);
    let files = if folder.is_dir() {
        schema::on_disk(folder)?
    } else {
        let usual = schema::dialect(&config);
        schema::embedded(&name, choose(&name, arguments.dialect, usual)?)?
    };
    let manifest = schema::manifest(&name, &files)?;
    let mut text = output::fields(&[
        ("schema", name.clone()),
        ("what it is", manifest.title),
        ("dialect", manifest.dialect),
        ("tables", if manifest.owns_tables { "mika's own" } else { "the site's" }.to_owned()),
    ]);
    if !manifest.names.is_empty() {
        text.push_str("\nstore.names can change these:\n");
        let is_configured = name == config.schema;
        let line = |(key, default): (&String, &String)| {
            let configured = config.names.get(key).filter(|_| is_configured).unwrap_or(default);
            format!("  {key} = {configured:?}\n")
        };
        text.extend(manifest.names.iter().map(line));
    }
    text.push('\n');
    text.push_str(&statements(&files));
    Ok(output::print(&text)?)
}

fn statements(files: &Files) -> String {
    let mut table = Table::new(&["FILE", "WHAT IT IS"]);
    for file in SchemaFile::ALL.iter().filter(|file| files.0.contains_key(file.name)) {
        let rows = match file.kind {
            FileKind::Flush { .. } | FileKind::Torrents(_) | FileKind::Log(_) => "{{rows}}: ",
            _ => "",
        };
        table.row([file.name.to_owned(), format!("{rows}{}", file.about)]);
    }
    let migrations = files.0.keys().filter(|name| name.starts_with("migrations/"));
    for name in migrations {
        table.row([name.clone(), "Makes tables that mika owns.".to_owned()]);
    }
    table.render("no statements")
}

fn export(arguments: &ExportArguments) -> anyhow::Result<()> {
    let ExportArguments { name, dir, dialect } = arguments;
    let dialect = choose(name, *dialect, None)?;
    let files = schema::export(name, dialect, dir)?;
    let dir = dir.display();
    Ok(output::print(&format!(
        "{} files of {name} for {dialect} are in {dir}\n\n\
         next:\n  \
         edit them; docs/schema.md lists every column\n  \
         set store.kind = \"{dialect}\" and store.schema = \"{dir}\" in the configuration\n  \
         run `mika schema check`, which tries them on the database and leaves no trace\n",
        files.len()
    ))?)
}
