//! The SQL of a site's tables: a folder with one statement per file.
//!
//! `schemas/<preset>/<dialect>/` holds
//!
//! * `<records>.load.sql`: a query whose columns are read by name;
//! * `<records>.changes.sql`: the same for records changed since a time;
//! * `<rows>.flush.sql`: a set-based statement that sees a batch's rows as the derived table
//!   `{{rows}}`, which each [`Dialect`] expands its own way;
//! * `registered.find.sql`: a query that sees `{{rows}}`, too: under which ids the store has the
//!   torrents that the tracker registered;
//! * `<records>.start.sql`, if need be: what a start changes that does not know all peers of the
//!   process before;
//! * `torrents.remove.sql`: removes the torrents in `{{rows}}`, which the site wants deleted;
//! * `announce_log.flush.sql`, `scrape_log.flush.sql`: write requests down, beside the batches;
//! * `checkpoint.load.sql` and `checkpoint.flush.sql`: the number of the last batch applied;
//! * `migrations/`: what makes the tables that the tracker owns;
//! * `schema.toml`: see [`folder::Manifest`].
//!
//! A site that has no such records, or no place for such rows, has no such file. The header of
//! each file says which columns and placeholders it has. Lines that begin with `--` are not sent
//! to the database.

pub mod columns;
mod export;
mod files;
pub mod folder;
mod reference;
mod render;
mod rows;

pub use export::{ExportError, export, title};
pub use files::{AnyStatement, FileKind, SchemaFile};
pub use folder::{Files, SchemaError};
pub use reference::reference;
pub use render::{Dialect, FlushStatement, ROWS, Statement};
pub use rows::{Column, FlushRow, Kind, Value};

/// The statements of one schema folder.
#[derive(Debug, Clone)]
pub struct Schema {
    /// The preset's name, as in `schemas/<preset>/`, or the path of an operator's folder.
    pub name: String,
    /// The SQL that its statements are written in.
    pub dialect: Dialect,
    /// The tracker owns all tables: it makes them, and writes single records.
    pub owns_tables: bool,
    /// Seconds after which the site takes a session whose row was not written for dead.
    pub stale_after_seconds: Option<u32>,
    /// What makes the tables that the tracker owns: version 1 first.
    pub migrations: Vec<Statement>,
    /// Reads everything at the start.
    pub loads: Loads,
    /// Reads what has changed since a Unix time in seconds, the one placeholder.
    pub changes: Changes,
    /// Reads the checkpoint.
    pub checkpoint_load: Statement,
    /// Moves the checkpoint.
    pub checkpoint_flush: Statement,
    /// What a start changes that does not know all peers of the process before.
    pub starts: Starts,
    /// Finds the torrents that the store has under other ids than the tracker.
    pub registered_find: Option<FlushStatement>,
    /// Removes torrents that the site wants deleted.
    pub torrents_remove: Option<FlushStatement>,
    /// Writes requests down.
    pub logs: Logs,
    /// Writes batches.
    pub flushes: Flushes,
}

/// Statements that read all records of a kind.
#[derive(Debug, Clone)]
pub struct Loads {
    /// Roles; without it every user has role 1, which is made up.
    pub roles: Option<Statement>,
    /// Users.
    pub users: Statement,
    /// Torrents.
    pub torrents: Statement,
    /// Client rules.
    pub client_rules: Option<Statement>,
    /// User×torrent multipliers.
    pub tokens: Option<Statement>,
    /// Global multipliers.
    pub events: Option<Statement>,
    /// Sessions, for a first start.
    pub peers: Option<Statement>,
    /// Settings that the site keeps in a table.
    pub settings: Option<Statement>,
}

/// Statements that read records changed since a time.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Users.
    pub users: Option<Statement>,
    /// Torrents.
    pub torrents: Option<Statement>,
}

/// Statements for a start that does not know all peers of the process before.
#[derive(Debug, Clone, Default)]
pub struct Starts {
    /// Takes all peers from the swarms, if their counts are kept.
    pub torrents: Option<Statement>,
    /// Makes everybody inactive, if that is kept.
    pub history: Option<Statement>,
}

/// Statements that write requests down, which is not part of a batch.
#[derive(Debug, Clone, Default)]
pub struct Logs {
    /// Announces.
    pub announces: Option<FlushStatement>,
    /// Scrapes.
    pub scrapes: Option<FlushStatement>,
}

/// Statements that write a batch, in the order in which they run.
#[derive(Debug, Clone, Default)]
pub struct Flushes {
    /// Adds the torrents that a batch registers.
    pub registered: Option<FlushStatement>,
    /// Writes user rows.
    pub users: Option<FlushStatement>,
    /// Writes torrent rows.
    pub torrents: Option<FlushStatement>,
    /// Writes history rows.
    pub history: Option<FlushStatement>,
    /// Writes session rows.
    pub sessions: Option<FlushStatement>,
    /// Writes snatch rows.
    pub snatches: Option<FlushStatement>,
    /// Writes what tokens covered.
    pub token_uses: Option<FlushStatement>,
    /// Writes announces of torrents that are not registered.
    pub unregistered: Option<FlushStatement>,
}

#[cfg(test)]
mod tests;
