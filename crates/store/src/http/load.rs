//! Everything in pages, and what has changed after a cursor.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::call::{Call, Caller};
use super::wire::{ClientRuleJson, EventJson, RoleJson, Row, TokenJson, TorrentJson, UserJson};
use super::{ChangeSink, HttpOptions};
use crate::record::{
    ClientRuleRecord, EventRecord, RoleRecord, TokenRecord, TorrentRecord, UserRecord,
};
use crate::store::{LoadSink, StoreError};

/// Pages of changes in one go; whatever is left comes the next time.
const CHANGE_PAGES_MAX: u32 = 1000;

/// A position in the site's list of changes, in the site's own words.
pub type Cursor = Position;

/// Where a page ends: the site says it, and gets it back as it was. A text or a whole number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Position {
    /// As an id.
    Number(u64),
    /// As anything else.
    Text(String),
}

impl Position {
    /// Whether it can follow `before`.
    pub(super) fn is_beyond(&self, before: Option<&Self>) -> bool {
        match (before, self) {
            (Some(Self::Number(before)), Self::Number(next)) => next > before,
            (before, next) => before != Some(next),
        }
    }

    pub(super) fn in_query(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.bytes().fold(String::new(), |mut query, byte| {
                match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                        query.push(char::from(byte));
                    }
                    _ => query.push_str(&format!("%{byte:02X}")),
                }
                query
            }),
        }
    }
}

/// A page of a list.
#[derive(Deserialize)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// What to ask for next; `None` on the last page.
    #[serde(default)]
    pub(super) next: Option<Position>,
}

/// A page of changes: each kind that has changed.
#[derive(Deserialize)]
pub(super) struct ChangesJson {
    #[serde(default)]
    roles: Vec<Value>,
    #[serde(default)]
    users: Vec<Value>,
    #[serde(default)]
    torrents: Vec<Value>,
    #[serde(default)]
    tokens: Vec<Value>,
    #[serde(default)]
    client_rules: Option<Vec<Value>>,
    #[serde(default)]
    events: Option<Vec<Value>>,
    next: Position,
    #[serde(default)]
    more: bool,
}

/// See [`Store::load`](crate::Store::load).
pub(super) async fn load(
    caller: &Caller,
    options: &HttpOptions,
    sink: &mut dyn LoadSink,
) -> Result<(), StoreError> {
    let optional = true;
    list::<RoleJson>(caller, options, "roles", optional, sink, |s, r| s.role(r)).await?;
    list::<UserJson>(caller, options, "users", false, sink, |s, r| s.user(r)).await?;
    list::<TorrentJson>(caller, options, "torrents", false, sink, |s, r| s.torrent(r)).await?;
    list::<ClientRuleJson>(caller, options, "client_rules", optional, sink, |s, r| {
        s.client_rule(r);
    })
    .await?;
    list::<TokenJson>(caller, options, "tokens", optional, sink, |s, r| s.token(r)).await?;
    list::<EventJson>(caller, options, "events", optional, sink, |s, r| s.event(r)).await
}

/// Streams the short lists, and between them the users and torrents that have changed after
/// `cursor`; returns where the next changes begin.
pub(super) async fn load_since(
    caller: &Caller,
    options: &HttpOptions,
    cursor: Cursor,
    sink: &mut dyn LoadSink,
) -> Result<Cursor, StoreError> {
    let optional = true;
    list::<RoleJson>(caller, options, "roles", optional, sink, |s, r| s.role(r)).await?;
    let next = changes(caller, options, cursor, &mut UsersAndTorrents(sink)).await?;
    list::<ClientRuleJson>(caller, options, "client_rules", optional, sink, |s, r| {
        s.client_rule(r);
    })
    .await?;
    list::<TokenJson>(caller, options, "tokens", optional, sink, |s, r| s.token(r)).await?;
    list::<EventJson>(caller, options, "events", optional, sink, |s, r| s.event(r)).await?;
    Ok(next)
}

/// Takes users and torrents, and roles that have changed since they were listed; the rest comes
/// from its lists.
struct UsersAndTorrents<'a>(&'a mut dyn LoadSink);

impl LoadSink for UsersAndTorrents<'_> {
    fn role(&mut self, role: RoleRecord) {
        self.0.role(role);
    }

    fn user(&mut self, user: UserRecord) {
        self.0.user(user);
    }

    fn torrent(&mut self, torrent: TorrentRecord) {
        self.0.torrent(torrent);
    }

    fn client_rule(&mut self, _: ClientRuleRecord) {}

    fn token(&mut self, _: TokenRecord) {}

    fn event(&mut self, _: EventRecord) {}

    fn peer(&mut self, _: crate::record::PeerRecord) {}

    fn bad_row(&mut self, table: &'static str, reason: String) {
        self.0.bad_row(table, reason);
    }
}

impl ChangeSink for UsersAndTorrents<'_> {
    fn client_rules_begin(&mut self) {}

    fn events_begin(&mut self) {}

    fn page_end(&mut self) {}
}

/// Streams one list; one that is optional may not be there at all.
async fn list<R: Row>(
    caller: &Caller,
    options: &HttpOptions,
    name: &str,
    optional: bool,
    sink: &mut dyn LoadSink,
    each: fn(&mut dyn LoadSink, R::Record),
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let call = page_call(name, after.as_ref(), options.page_rows, options.call_timeout);
        let shown = call.shown().to_owned();
        let answer = match caller.get_optional_answer(call).await? {
            Some(answer) => answer,
            None if optional && after.is_none() => return Ok(()),
            None => return Err(StoreError::Broken(format!("the site has no {shown}"))),
        };
        // Rows one by one only when one of them is bad: that takes twice the time.
        let next = match answer.decode::<Page<R>>(&shown) {
            Ok(page) => {
                for row in page.items {
                    put(row, sink, each);
                }
                page.next
            }
            Err(_) => {
                let page: Page<Value> = answer.decode(&shown)?;
                for row in page.items {
                    put_value::<R>(row, sink, each);
                }
                page.next
            }
        };
        match next {
            None => return Ok(()),
            Some(next) if !next.is_beyond(after.as_ref()) => {
                return Err(StoreError::Broken(format!(
                    "{shown}: `next` is not beyond `after`, so that the list has no end"
                )));
            }
            next => after = next,
        }
    }
}

/// Asks for one page.
pub(super) fn page_call(
    name: &str,
    after: Option<&Position>,
    limit: u32,
    timeout: Duration,
) -> Call {
    let after = after.map(|after| format!("after={}&", after.in_query())).unwrap_or_default();
    Call::get(format!("/api/{name}?{after}limit={limit}"), timeout)
}

fn put<R: Row>(row: R, sink: &mut dyn LoadSink, each: fn(&mut dyn LoadSink, R::Record)) {
    match row.record() {
        Ok(record) => each(sink, record),
        Err(reason) => sink.bad_row(R::TABLE, reason),
    }
}

fn put_value<R: Row>(row: Value, sink: &mut dyn LoadSink, each: fn(&mut dyn LoadSink, R::Record)) {
    match row_of::<R>(row) {
        Ok(row) => put(row, sink, each),
        Err(reason) => sink.bad_row(R::TABLE, reason),
    }
}

fn put_all<R: Row>(
    rows: Vec<Value>,
    sink: &mut dyn LoadSink,
    each: fn(&mut dyn LoadSink, R::Record),
) {
    for row in rows {
        put_value::<R>(row, sink, each);
    }
}

/// Reads a row; what is wrong with it is told without its secret.
pub(super) fn row_of<R: Row>(row: Value) -> Result<R, String> {
    let id = row.get("id").and_then(Value::as_u64);
    if let Some(secret) = R::SECRET
        && !row.get(secret).is_some_and(Value::is_string)
    {
        return Err(named(id, format!("`{secret}` is missing, or no text")));
    }
    typed(row).map_err(|reason| named(id, reason))
}

fn typed<T: DeserializeOwned>(row: Value) -> Result<T, String> {
    serde_json::from_value(row).map_err(|error| error.to_string())
}

fn named(id: Option<u64>, reason: String) -> String {
    id.map_or_else(|| reason.clone(), |id| format!("id {id}: {reason}"))
}

/// Where changes begin from now on; `None` if the site does not tell them.
pub(super) async fn first_cursor(
    caller: &Caller,
    options: &HttpOptions,
) -> Result<Option<Cursor>, StoreError> {
    let call = Call::get(format!("/api/changes?limit={}", options.page_rows), options.call_timeout);
    let first: Option<ChangesJson> = caller.get_optional(call).await?;
    Ok(first.map(|first| first.next))
}

/// Streams the changes after `cursor`; returns where the next ones begin.
pub(super) async fn changes(
    caller: &Caller,
    options: &HttpOptions,
    cursor: Cursor,
    sink: &mut dyn ChangeSink,
) -> Result<Cursor, StoreError> {
    let mut cursor = cursor;
    for _ in 0..CHANGE_PAGES_MAX {
        let (at, limit) = (cursor.in_query(), options.page_rows);
        let path = format!("/api/changes?cursor={at}&limit={limit}");
        let page: ChangesJson = caller.get(Call::get(path, options.call_timeout)).await?;
        put_all::<RoleJson>(page.roles, sink, |s, r| s.role(r));
        put_all::<UserJson>(page.users, sink, |s, r| s.user(r));
        put_all::<TorrentJson>(page.torrents, sink, |s, r| s.torrent(r));
        put_all::<TokenJson>(page.tokens, sink, |s, r| s.token(r));
        if let Some(rules) = page.client_rules {
            sink.client_rules_begin();
            put_all::<ClientRuleJson>(rules, sink, |s, r| s.client_rule(r));
        }
        if let Some(events) = page.events {
            sink.events_begin();
            put_all::<EventJson>(events, sink, |s, r| s.event(r));
        }
        sink.page_end();
        if page.more && page.next == cursor {
            let reason = "GET /api/changes: there is more, but `next` is what `cursor` was";
            return Err(StoreError::Broken(reason.to_owned()));
        }
        cursor = page.next;
        if !page.more {
            break;
        }
    }
    Ok(cursor)
}
