//! `docs/schema.md`, written from the code.

use super::columns::{Holds, LoadColumn};
use super::{Column, FileKind, Kind, SchemaFile};

const HEAD: &str = "\
# What is in a schema?

<!-- Written from the code: run the tests of mika-store with MIKA_UPDATE=1 to bring it up to \
date. -->

A schema is a folder with one SQL statement per file. mika has some built in (`mika schema list`).
How to make your own is in [How do I adapt a schema to my site?](adapt-your-schema.md).

Every file may be missing if your site has no such thing, except those marked *required*. A file
with another name is an error. Lines that begin with `--` are not sent to the database.

## `schema.toml`

| Key | Meaning |
|---|---|
| `dialect` | `\"sqlite\"`, `\"postgres\"` or `\"mysql\"` (MariaDB too). *Required* |
| `title` | What it is, for people. *Required* |
| `owns_tables` | `true`: all tables are mika's own. It makes them, and the admin API writes \
users, torrents and rules. Left out: `false` |
| `stale_after_seconds` | Seconds after which the site's own jobs take a session for dead whose \
row was not written. `mika doctor` compares them with the announce interval. Left out: never |
| `[names]` | Names of tables and columns that `store.names` in the configuration can change, \
with their defaults: `{{users}}` in a statement becomes the name given for `users` |

`migrations/*.sql` make the tables that mika owns: at least `mika_checkpoint` and `mika_schema`.
They run once, in the order of their names, at a start of `mika serve`.

## What is loaded

Columns are found by their names, in any order; use `AS`. A column without a default has to be there
and must not be NULL. For the others the default stands for a missing column and for NULL. Whole
numbers may come in any type that holds them, text and ENUM included; cast DECIMAL and dates
yourself. A row that is wrong is left out, with a line in the log. Times are Unix seconds, in UTC.
";

const CHANGES: &str = "\
The columns of `{of}`. One placeholder (`$1` on PostgreSQL, otherwise `?`): a Unix time in seconds.
Returns what has changed since then, that second included, deleted records too (`deleted` 1).
";

const FLUSHES: &str = "\
## What a batch writes

All statements of a batch run in one transaction, in the order below. `{{rows}}` is a derived table
with the batch's rows: give it an alias and join it. It has to stand in the statement exactly once.
At most 1000 rows are handed over at once. Columns are whole numbers (64-bit, signed), bytes or
text. They are never NULL unless it says so. *add* means a difference to be added, *set* a value
that replaces the old one. A row that the database refuses is put aside; the others go through.

A batch is applied exactly once, for the checkpoint moves in the same transaction. That holds only
if the engine of all tables knows transactions (InnoDB; not MyISAM or Aria).
";

/// The reference of all files, placeholders and columns, as Markdown.
pub fn reference() -> String {
    let lines: Vec<_> = unwrapped().lines().map(wrapped).collect();
    lines.join("\n") + "\n"
}

/// A line as lines of at most 100 columns; tables and comments stay.
fn wrapped(line: &str) -> String {
    if line.starts_with('|') || line.starts_with('<') {
        return line.to_owned();
    }
    let mut text = String::new();
    let mut width = 0;
    for word in line.split(' ') {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > WIDTH {
            text.push('\n');
            width = 0;
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += length;
    }
    text
}

const WIDTH: usize = 100;

fn unwrapped() -> String {
    let mut text = HEAD.to_owned();
    for file in SchemaFile::ALL {
        if file.name == FIRST_FLUSH {
            text.push('\n');
            text.push_str(FLUSHES);
        }
        let required = if file.required { " *Required.*" } else { "" };
        text.push_str(&format!("\n### `{}`\n\n{}{required}", file.name, file.about));
        match file.kind {
            FileKind::Load(columns) => {
                text.push_str(" No placeholders.\n\n");
                text.push_str(&load_columns(columns));
            }
            FileKind::Changes(_) => {
                let of = file.name.replace(".changes.", ".load.");
                text.push(' ');
                text.push_str(&CHANGES.replace("{of}", &of).replace('\n', " "));
                text.truncate(text.trim_end().len());
                text.push('\n');
            }
            FileKind::Start => text.push_str(" No placeholders.\n"),
            FileKind::Checkpoint => text.push_str(
                " One placeholder (`$1` on PostgreSQL, otherwise `?`): the batch's number.\n",
            ),
            FileKind::Torrents(columns) | FileKind::Log(columns) => {
                text.push_str(" Placeholder: `{{rows}}`.\n\n");
                text.push_str(&flush_columns(file.name, columns));
            }
            FileKind::Flush { columns, changes_each } => {
                text.push_str(" Placeholder: `{{rows}}`.\n");
                if changes_each {
                    text.truncate(text.trim_end().len());
                    text.push_str(
                        " It has to find each row: one that it does not find is put aside as \
                         unknown.\n",
                    );
                }
                text.push('\n');
                text.push_str(&flush_columns(file.name, columns));
            }
        }
    }
    text
}

/// The first file that writes.
const FIRST_FLUSH: &str = "torrents.start.sql";

fn load_columns(columns: &[LoadColumn]) -> String {
    let mut text = "| Column | Holds | Default | Meaning |\n|---|---|---|---|\n".to_owned();
    for column in columns {
        let default = column.default.unwrap_or("*required*");
        text.push_str(&format!(
            "| `{}` | {} | {default} | {} |\n",
            column.name,
            holds(column.holds),
            column.about
        ));
    }
    text
}

fn holds(holds: Holds) -> String {
    match holds {
        Holds::Integer(i64::MIN, i64::MAX) => "whole number".to_owned(),
        Holds::Integer(least, most) => format!("{least} to {most}"),
        Holds::Switch => "0 or 1".to_owned(),
        Holds::Text => "text".to_owned(),
        Holds::Bytes(length) => format!("{length} bytes"),
        Holds::Address => "4 or 16 bytes".to_owned(),
    }
}

fn flush_columns(file: &str, columns: &[Column]) -> String {
    let mut text = "| Column | Holds | Meaning |\n|---|---|---|\n".to_owned();
    for column in columns {
        let kind = match column.kind {
            Kind::Integer => "whole number",
            Kind::Bytes => "bytes",
            Kind::Text | Kind::LongText => "text",
        };
        let about = about(file, column.name).unwrap_or("");
        text.push_str(&format!("| `{}` | {kind} | {about} |\n", column.name));
    }
    text
}

/// What a column of `{{rows}}` means, where it means something else than elsewhere.
const SPECIAL: &[(&str, &str, &str)] = &[
    ("registered.flush.sql", "torrent_id", "Chosen by the tracker: 2147483648 or more."),
    ("users.flush.sql", "seed_seconds", "Seconds of seeding, summed over torrents; add."),
    ("torrents.flush.sql", "seeders", "Seeders now; set."),
    ("history.flush.sql", "seeder", "1 if the user lacked nothing at the last announce; set."),
    ("history.flush.sql", "active", "1 if the user has a running client on the torrent; set."),
    ("history.flush.sql", "left_bytes", "Bytes lacked at the last announce; set, if it is later."),
    ("history.flush.sql", "announces", "Announces; add. 0 if a client fell silent."),
    ("torrents.remove.sql", "torrent_id", "The torrent, which is refused since the last look."),
    ("announce_log.flush.sql", "user_id", "The user; 0 if the passkey is unknown."),
    ("announce_log.flush.sql", "address", "4 or 16 bytes: the client's address."),
    ("announce_log.flush.sql", "port", "The port that it listens on."),
    ("announce_log.flush.sql", "info_hash", "20 bytes: the hash that was announced."),
    ("announce_log.flush.sql", "peer_id", "20 bytes."),
    ("announce_log.flush.sql", "uploaded_bytes", "The client's own counter."),
    ("announce_log.flush.sql", "downloaded_bytes", "The client's own counter."),
    ("announce_log.flush.sql", "left_bytes", "Bytes that the client lacks."),
    ("announce_log.flush.sql", "announced_at_seconds", "Unix time of the announce."),
    ("scrape_log.flush.sql", "user_id", "The user; 0 if the passkey is unknown."),
    ("scrape_log.flush.sql", "address", "4 or 16 bytes: the client's address."),
    ("scrape_log.flush.sql", "scraped_at_seconds", "Unix time of the scrape."),
    ("sessions.flush.sql", "peer_id", PEER_ID),
    ("sessions.flush.sql", "corrupt_bytes", "Bytes discarded since the session began; set."),
    ("sessions.flush.sql", "left_bytes", "Bytes that the client lacks; set."),
    ("sessions.flush.sql", "uploaded_bytes", "The client's own counter, in bytes; set."),
    ("sessions.flush.sql", "downloaded_bytes", "The client's own counter, in bytes; set."),
    ("sessions.flush.sql", "seeder", "1 if the client lacks nothing; set."),
    ("sessions.flush.sql", "active", "0 if it stopped or fell silent; set."),
    ("sessions.flush.sql", "started_at_seconds", "Unix time of its first announce; set."),
    ("sessions.flush.sql", "address", "4 or 16 bytes: IPv4 if there is one. NULL: hidden; set."),
    ("sessions.flush.sql", "port", "The port that belongs to it. NULL: hidden; set."),
    ("snatches.flush.sql", "address", "4 or 16 bytes. NULL: not known, or hidden."),
    ("token_uses.flush.sql", "downloaded_raw", "Bytes that the token covered; add."),
    ("token_uses.flush.sql", "finished", "1 if the download was completed."),
    ("unregistered.flush.sql", "info_hash", "20 bytes: the hash that was announced."),
];

const PEER_ID: &str = "20 bytes. NULL: of a client that fell silent, unless tracker.keep_peer_ids \
                       is on.";

/// What a column of `{{rows}}` means in most files.
const COMMON: &[(&str, &str)] = &[
    ("user_id", "The user."),
    ("torrent_id", "The torrent."),
    ("info_hash", "20 bytes: the hash by which announces name it."),
    ("registered_at_seconds", "Unix time of its first announce."),
    ("event", "0 none, 1 completed, 2 started, 3 stopped."),
    ("uploaded_raw", "Bytes uploaded, as reported; add."),
    ("downloaded_raw", "Bytes downloaded, as reported; add."),
    ("uploaded_credited", "Bytes uploaded, after all multipliers; add."),
    ("downloaded_credited", "Bytes downloaded, after all multipliers; add."),
    ("corrupt_bytes", "Bytes that clients discarded; add."),
    ("seed_seconds", "Seconds of seeding; add."),
    ("snatches", "Downloads finished; add."),
    ("seeders", "Seeders now; set."),
    ("leechers", "Leechers now, partial seeds included; set."),
    ("announced_at_seconds", "Unix time of the last announce; set, if it is later."),
    ("first_announced_at_seconds", "Unix time of the first announce within this batch."),
    ("uploaded_client_bytes", "The client's own counter at its latest report; set."),
    ("downloaded_client_bytes", "The client's own counter at its latest report; set."),
    ("completed_at_seconds", "Unix time of a completion within this batch. NULL: none."),
    ("immune", "1 if hit-and-run rules spare the user; set."),
    ("announces", "Announces; add."),
    ("agent", "The client's user agent, at most 63 bytes; empty over UDP; set."),
    ("address_text", "The same as text, such as `192.0.2.7`. NULL likewise."),
    ("address_v6", "16 bytes: its IPv6 address. NULL: none, or hidden; set."),
    ("port_v6", "The port that belongs to it. NULL likewise; set."),
    ("visible", "1 if it is handed out to others and counted; set."),
    ("uploaded_delta_bytes", "Bytes uploaded within this batch, as reported."),
    ("downloaded_delta_bytes", "Bytes downloaded within this batch, as reported."),
    ("elapsed_seconds", "Seconds between its reports in this batch and the ones before; add."),
    ("upload_speed", "Bytes a second between its last two reports, 0 if not known; set."),
    ("download_speed", "Bytes a second between its last two reports, 0 if not known; set."),
    ("snatched_at_seconds", "Unix time of the completion."),
];

/// What a column of `{{rows}}` means in a file.
fn about(file: &str, column: &str) -> Option<&'static str> {
    let special = SPECIAL.iter().find(|(of, name, _)| *of == file && *name == column);
    let common = COMMON.iter().find(|(name, _)| *name == column);
    special.map(|(_, _, about)| *about).or(common.map(|(_, about)| *about))
}

#[cfg(test)]
mod tests;
