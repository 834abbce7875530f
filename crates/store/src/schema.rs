//! The SQL of a site's tables: a folder with one statement per file.
//!
//! `schemas/<preset>/<dialect>/` holds
//!
//! * `<records>.load.sql`: a query whose columns are read by name;
//! * `<rows>.flush.sql`: a set-based statement that sees a batch's rows as the derived table
//!   `{{rows}}`, which each [`Dialect`] expands its own way;
//! * `registered.find.sql`: a query that sees `{{rows}}`, too: under which ids the store has the
//!   torrents that the tracker registered;
//! * `<records>.start.sql`, if need be: what a start changes that does not know all peers of the
//!   process before;
//! * `checkpoint.load.sql` and `checkpoint.flush.sql`: the number of the last batch applied;
//! * `migrations/`: for tables that the tracker owns, what makes them.
//!
//! The header of each file says which columns and placeholders it has. Lines that begin with `--`
//! are not sent to the database.

mod render;
mod rows;

use std::borrow::Cow;

pub use render::{Dialect, FlushStatement, Statement};
pub use rows::{FlushRow, Value};

/// The statements of one preset in one dialect.
#[derive(Debug, Clone)]
pub struct Schema {
    /// The preset's name, as in `schemas/<preset>/`.
    pub preset: Cow<'static, str>,
    /// What makes the tables, if the tracker owns them: version 1 first.
    pub migrations: Vec<Statement>,
    /// Reads all roles.
    pub roles_load: Statement,
    /// Reads all users.
    pub users_load: Statement,
    /// Reads all torrents.
    pub torrents_load: Statement,
    /// Reads all client rules.
    pub client_rules_load: Statement,
    /// Reads all tokens.
    pub tokens_load: Statement,
    /// Reads all events.
    pub events_load: Statement,
    /// Reads the checkpoint.
    pub checkpoint_load: Statement,
    /// Moves the checkpoint.
    pub checkpoint_flush: Statement,
    /// Takes all peers from the swarms, if their counts are kept.
    pub torrents_start: Option<Statement>,
    /// Makes everybody inactive, if that is kept.
    pub history_start: Option<Statement>,
    /// Finds the torrents that the store has under other ids than the tracker.
    pub registered_find: FlushStatement,
    /// Adds the torrents that a batch registers.
    pub registered_flush: FlushStatement,
    /// Writes a batch's user rows.
    pub users_flush: FlushStatement,
    /// Writes a batch's torrent rows.
    pub torrents_flush: FlushStatement,
    /// Writes a batch's history rows.
    pub history_flush: FlushStatement,
}

/// The text of a file in `schemas/`.
macro_rules! file {
    ($path:literal) => {
        include_str!(concat!("../../../schemas/", $path))
    };
}

impl Schema {
    /// mika's own tables on SQLite.
    pub fn mika_sqlite() -> Self {
        let flush = |text| FlushStatement::new(text, Dialect::Sqlite);
        Self {
            preset: "mika".into(),
            migrations: vec![Statement::new(file!("mika/sqlite/migrations/0001.create.sql"))],
            roles_load: Statement::new(file!("mika/sqlite/roles.load.sql")),
            users_load: Statement::new(file!("mika/sqlite/users.load.sql")),
            torrents_load: Statement::new(file!("mika/sqlite/torrents.load.sql")),
            client_rules_load: Statement::new(file!("mika/sqlite/client_rules.load.sql")),
            tokens_load: Statement::new(file!("mika/sqlite/tokens.load.sql")),
            events_load: Statement::new(file!("mika/sqlite/events.load.sql")),
            checkpoint_load: Statement::new(file!("mika/sqlite/checkpoint.load.sql")),
            checkpoint_flush: Statement::new(file!("mika/sqlite/checkpoint.flush.sql")),
            torrents_start: Some(Statement::new(file!("mika/sqlite/torrents.start.sql"))),
            history_start: Some(Statement::new(file!("mika/sqlite/history.start.sql"))),
            registered_find: flush(file!("mika/sqlite/registered.find.sql")),
            registered_flush: flush(file!("mika/sqlite/registered.flush.sql")),
            users_flush: flush(file!("mika/sqlite/users.flush.sql")),
            torrents_flush: flush(file!("mika/sqlite/torrents.flush.sql")),
            history_flush: flush(file!("mika/sqlite/history.flush.sql")),
        }
    }
}

#[cfg(test)]
mod tests;
