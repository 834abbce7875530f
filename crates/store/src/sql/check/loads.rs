//! Load statements: their columns, and the first of their rows.

use super::{Check, Checker};
use crate::record::{
    ClientRuleRecord, EventRecord, PeerRecord, RoleRecord, SettingRecord, TokenRecord,
    TorrentRecord, UserRecord,
};
use crate::schema::columns::LoadColumn;
use crate::schema::{Statement, Value};
use crate::sql::backend::{Arguments, Columns, Session};
use crate::sql::record::Record;

/// Rows that are read; `LIMIT` has the same number.
const ROWS: usize = 100;
const LIMITED: &str = "1 = 1 LIMIT 100";
/// Bad rows that are told in full.
const TOLD: usize = 3;

/// Rows that could be read, and what is wrong with the others.
#[derive(Default)]
struct Found {
    good: usize,
    bad: Vec<String>,
}

impl Checker<'_> {
    pub(super) async fn load(
        &mut self,
        check: &mut Check,
        query: &Statement,
        columns: &'static [LoadColumn],
        arguments: &[Value],
    ) -> Result<(), sqlx::Error> {
        let mut session = self.backend.read().await?;
        let prepared = session.prepare(query.sql()).await?;
        if prepared.placeholders != arguments.len() {
            let (found, right) = (prepared.placeholders, arguments.len());
            check.bad(format!("it has {found} placeholders, and should have {right}"), "");
        }
        let defaults = compare_columns(check, &prepared.columns, columns);
        if check.grade() == super::Grade::Bad {
            return session.rollback().await;
        }
        let query = query.narrowed(LIMITED, self.schema.dialect);
        let file = check.file;
        let found = self.read(file, session.as_mut(), &query, arguments).await?;
        session.rollback().await?;
        report(check, &found, &defaults);
        Ok(())
    }

    async fn read(
        &mut self,
        file: &str,
        session: &mut dyn Session,
        query: &Statement,
        arguments: &[Value],
    ) -> Result<Found, sqlx::Error> {
        let subject = &mut self.subject;
        match file {
            "roles.load.sql" => rows::<RoleRecord>(session, query, arguments, |_| ()).await,
            "users.load.sql" => {
                let each = |user: UserRecord| {
                    if !user.deleted {
                        subject.user_id.get_or_insert(user.id);
                    }
                };
                rows(session, query, arguments, each).await
            }
            "users.changes.sql" => rows::<UserRecord>(session, query, arguments, |_| ()).await,
            "torrents.load.sql" => {
                let each = |torrent: TorrentRecord| {
                    if !torrent.deleted {
                        subject.torrent.get_or_insert((torrent.id, torrent.info_hash));
                    }
                };
                rows(session, query, arguments, each).await
            }
            "torrents.changes.sql" => {
                rows::<TorrentRecord>(session, query, arguments, |_| ()).await
            }
            "client_rules.load.sql" => {
                rows::<ClientRuleRecord>(session, query, arguments, |_| ()).await
            }
            "tokens.load.sql" => {
                let each = |token: TokenRecord| {
                    subject.token.get_or_insert((token.user_id, token.torrent_id));
                };
                rows(session, query, arguments, each).await
            }
            "events.load.sql" => rows::<EventRecord>(session, query, arguments, |_| ()).await,
            "settings.load.sql" => rows::<SettingRecord>(session, query, arguments, |_| ()).await,
            "peers.load.sql" => rows::<PeerRecord>(session, query, arguments, |_| ()).await,
            _ => checkpoint(session, query).await,
        }
    }
}

/// Which columns are missing, and which nobody reads. Returns what takes its default.
fn compare_columns(check: &mut Check, found: &[String], known: &[LoadColumn]) -> String {
    let has = |name: &str| found.iter().any(|column| column == name);
    for column in known.iter().filter(|column| column.default.is_none() && !has(column.name)) {
        let hint = format!("select it, or something AS {}: {}", column.name, column.about);
        check.bad(format!("it returns no column {}", column.name), hint);
    }
    let unread = |name: &&String| !known.iter().any(|column| column.name == name.as_str());
    let unread: Vec<_> = found.iter().filter(unread).map(String::as_str).collect();
    if !unread.is_empty() {
        check.note(format!("nothing reads {}: is a name mistyped?", unread.join(", ")));
    }
    let mut twice: Vec<_> = found.iter().map(String::as_str).collect();
    twice.sort_unstable();
    let twice = twice.windows(2).find(|pair| pair.first() == pair.last());
    if let Some(name) = twice.and_then(<[&str]>::first) {
        check.bad(format!("it returns two columns {name}"), "rename one of them with AS");
    }
    let missing: Vec<_> = known.iter().filter(|column| !has(column.name)).collect();
    let missing: Vec<_> = missing
        .iter()
        .filter_map(|column| column.default.map(|default| format!("{} {default}", column.name)))
        .collect();
    missing.join(", ")
}

async fn rows<R: Record>(
    session: &mut dyn Session,
    query: &Statement,
    arguments: &[Value],
    mut use_it: impl FnMut(R) + Send,
) -> Result<Found, sqlx::Error> {
    let mut found = Found::default();
    let mut each = |row: &dyn Columns| match R::read(row) {
        Ok(record) => {
            found.good += 1;
            use_it(record);
        }
        Err(reason) => found.bad.push(reason),
    };
    session.fetch(query.sql(), Arguments::Values(arguments), &mut each).await?;
    Ok(found)
}

/// Exactly one row with a number.
async fn checkpoint(session: &mut dyn Session, query: &Statement) -> Result<Found, sqlx::Error> {
    let mut found = Found::default();
    let mut each = |row: &dyn Columns| match row.integer("number") {
        Ok(Some(0..)) => found.good += 1,
        Ok(Some(number)) => found.bad.push(format!("number: {number} is out of range")),
        Ok(None) => found.bad.push("number: NULL".to_owned()),
        Err(reason) => found.bad.push(reason),
    };
    session.fetch(query.sql(), Arguments::NONE, &mut each).await?;
    if found.bad.is_empty() && found.good != 1 {
        found.bad.push(format!("it returns {} rows, and should return one", found.good));
        found.good = 0;
    }
    Ok(found)
}

fn report(check: &mut Check, found: &Found, defaults: &str) {
    let rows = found.good + found.bad.len();
    let read = if rows == ROWS { format!("the first {ROWS} rows") } else { counted(rows) };
    if found.bad.is_empty() {
        check.ok(match defaults {
            "" => read,
            defaults => format!("{read}; by default {defaults}"),
        });
        return;
    }
    let mut text = match found.good {
        0 => format!("{read}, none of which can be read: "),
        _ => format!("{read}, {} of which would be left out: ", found.bad.len()),
    };
    let told: Vec<_> = found.bad.iter().take(TOLD).map(String::as_str).collect();
    text.push_str(&told.join("; "));
    if found.bad.len() > TOLD {
        text.push_str("; …");
    }
    match found.good {
        0 => check.bad(text, "see docs/schema.md for what each column holds"),
        _ => check.note(text),
    }
}

fn counted(rows: usize) -> String {
    match rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    }
}

#[cfg(test)]
mod tests;
