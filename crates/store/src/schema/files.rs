//! The files that a schema folder may have: their names, what they are, and their columns.

use mika_core::batch::{
    HistoryRow, RegisteredRow, SessionRow, SnatchRow, TokenUseRow, TorrentRow, UnregisteredRow,
    UserRow,
};

use super::columns::{self, LoadColumn};
use super::{Column, FlushRow, FlushStatement, Schema, Statement};
use crate::request_log::{AnnounceLogRow, ScrapeLogRow};

/// What kind of statement a file holds.
#[derive(Debug, Clone, Copy)]
pub enum FileKind {
    /// A query without placeholders; its columns are read by name.
    Load(&'static [LoadColumn]),
    /// The same query for what has changed; one placeholder, a Unix time in seconds.
    Changes(&'static [LoadColumn]),
    /// A statement that sees a batch's rows as `{{rows}}`.
    Flush {
        /// The columns of `{{rows}}`.
        columns: &'static [Column],
        /// It has to change each row: one that it leaves alone is taken for an unknown record.
        changes_each: bool,
    },
    /// A statement that sees torrents as `{{rows}}`.
    Torrents(&'static [Column]),
    /// A statement that sees requests as `{{rows}}`; no batch, and no loss if it is repeated.
    Log(&'static [Column]),
    /// A statement without placeholders.
    Start,
    /// A statement with one placeholder: the number of a batch.
    Checkpoint,
}

/// A file that a schema folder may have.
#[derive(Debug, Clone, Copy)]
pub struct SchemaFile {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: FileKind,
    /// Whether every folder has to have it.
    pub required: bool,
    /// What it is for, in a sentence.
    pub about: &'static str,
}

const fn file(name: &'static str, kind: FileKind, about: &'static str) -> SchemaFile {
    SchemaFile { name, kind, required: false, about }
}

const fn required(name: &'static str, kind: FileKind, about: &'static str) -> SchemaFile {
    SchemaFile { name, kind, required: true, about }
}

const fn flush<R: FlushRow>(name: &'static str, about: &'static str) -> SchemaFile {
    let changes_each = R::UNKNOWN.is_some();
    file(name, FileKind::Flush { columns: R::COLUMNS, changes_each }, about)
}

impl SchemaFile {
    /// All of them, in the order in which they run: what is loaded, then what a batch writes.
    pub const ALL: &'static [SchemaFile] = &[
        file("roles.load.sql", FileKind::Load(columns::ROLES), "Classes of users."),
        required("users.load.sql", FileKind::Load(columns::USERS), "Users and their passkeys."),
        required("torrents.load.sql", FileKind::Load(columns::TORRENTS), "Torrents."),
        file(
            "client_rules.load.sql",
            FileKind::Load(columns::CLIENT_RULES),
            "Which BitTorrent clients are welcome.",
        ),
        file(
            "tokens.load.sql",
            FileKind::Load(columns::TOKENS),
            "Multipliers for one user on one torrent.",
        ),
        file("events.load.sql", FileKind::Load(columns::EVENTS), "Multipliers for everybody."),
        file(
            "peers.load.sql",
            FileKind::Load(columns::PEERS),
            "Sessions that the site's table knows, read at the first start only.",
        ),
        file(
            "settings.load.sql",
            FileKind::Load(columns::SETTINGS),
            "Settings that the site keeps in a table: they count where the configuration file \
             says nothing. Only those of XBT are known.",
        ),
        required(
            "checkpoint.load.sql",
            FileKind::Load(columns::CHECKPOINT),
            "The number of the last batch applied: exactly one row.",
        ),
        file(
            "users.changes.sql",
            FileKind::Changes(columns::USERS),
            "Users that changed since a time.",
        ),
        file(
            "torrents.changes.sql",
            FileKind::Changes(columns::TORRENTS),
            "Torrents that changed since a time.",
        ),
        file(
            "torrents.remove.sql",
            FileKind::Torrents(columns::REMOVED),
            "Removes torrents that the site wants deleted, and that are refused already.",
        ),
        file(
            "announce_log.flush.sql",
            FileKind::Log(AnnounceLogRow::COLUMNS),
            "Announces, if store.log_announces is on: one row each, not part of a batch.",
        ),
        file(
            "scrape_log.flush.sql",
            FileKind::Log(ScrapeLogRow::COLUMNS),
            "Scrapes, if store.log_scrapes is on: one row each, not part of a batch.",
        ),
        file(
            "torrents.start.sql",
            FileKind::Start,
            "Takes all peers from the swarms, at a start that does not know all of them; the next \
             batches bring in those that are known.",
        ),
        file("history.start.sql", FileKind::Start, "Makes everybody inactive, at the same start."),
        file(
            "registered.find.sql",
            FileKind::Torrents(crate::redirect::COLUMNS),
            "Finds torrents that the tracker registered itself and the site has under another id: \
             columns torrent_id, known_id.",
        ),
        flush::<RegisteredRow>(
            "registered.flush.sql",
            "Adds torrents that the tracker registers itself (tracker.auto_register_torrents).",
        ),
        flush::<UserRow>("users.flush.sql", "Adds to the totals of users: one row per user."),
        flush::<TorrentRow>(
            "torrents.flush.sql",
            "Adds to the totals of torrents, sets their seeders and leechers: one row per torrent.",
        ),
        flush::<HistoryRow>(
            "history.flush.sql",
            "What a user did on a torrent: one row per user and torrent.",
        ),
        flush::<SessionRow>("sessions.flush.sql", "The running clients: one row per session."),
        flush::<SnatchRow>("snatches.flush.sql", "Downloads that were completed: one row each."),
        flush::<TokenUseRow>(
            "token_uses.flush.sql",
            "What tokens covered: one row per user and torrent.",
        ),
        flush::<UnregisteredRow>(
            "unregistered.flush.sql",
            "Announces of torrents that the site does not have: one row per user and info-hash.",
        ),
        required(
            "checkpoint.flush.sql",
            FileKind::Checkpoint,
            "Moves the checkpoint, last in the transaction of each batch: has to change one row.",
        ),
    ];
}

/// A statement as its file has it.
#[derive(Debug, Clone, Copy)]
pub enum AnyStatement<'a> {
    /// Sent as it stands.
    Plain(&'a Statement),
    /// Sent with a batch's rows.
    Flush(&'a FlushStatement),
}

impl Schema {
    /// The statement of a file, if the schema has it.
    pub fn statement(&self, file: &SchemaFile) -> Option<AnyStatement<'_>> {
        let (loads, flushes) = (&self.loads, &self.flushes);
        let plain = match file.name {
            "roles.load.sql" => loads.roles.as_ref(),
            "users.load.sql" => Some(&loads.users),
            "torrents.load.sql" => Some(&loads.torrents),
            "client_rules.load.sql" => loads.client_rules.as_ref(),
            "tokens.load.sql" => loads.tokens.as_ref(),
            "events.load.sql" => loads.events.as_ref(),
            "peers.load.sql" => loads.peers.as_ref(),
            "settings.load.sql" => loads.settings.as_ref(),
            "checkpoint.load.sql" => Some(&self.checkpoint_load),
            "checkpoint.flush.sql" => Some(&self.checkpoint_flush),
            "users.changes.sql" => self.changes.users.as_ref(),
            "torrents.changes.sql" => self.changes.torrents.as_ref(),
            "torrents.start.sql" => self.starts.torrents.as_ref(),
            "history.start.sql" => self.starts.history.as_ref(),
            _ => None,
        };
        let flush = match file.name {
            "torrents.remove.sql" => self.torrents_remove.as_ref(),
            "announce_log.flush.sql" => self.logs.announces.as_ref(),
            "scrape_log.flush.sql" => self.logs.scrapes.as_ref(),
            "registered.find.sql" => self.registered_find.as_ref(),
            "registered.flush.sql" => flushes.registered.as_ref(),
            "users.flush.sql" => flushes.users.as_ref(),
            "torrents.flush.sql" => flushes.torrents.as_ref(),
            "history.flush.sql" => flushes.history.as_ref(),
            "sessions.flush.sql" => flushes.sessions.as_ref(),
            "snatches.flush.sql" => flushes.snatches.as_ref(),
            "token_uses.flush.sql" => flushes.token_uses.as_ref(),
            "unregistered.flush.sql" => flushes.unregistered.as_ref(),
            _ => None,
        };
        plain.map(AnyStatement::Plain).or(flush.map(AnyStatement::Flush))
    }
}
