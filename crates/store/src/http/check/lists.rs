//! Pages, rows, changes, MessagePack.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::format::Format;
use super::super::load::{Page, Position, row_of};
use super::super::wire::{
    ClientRuleJson, EventJson, RoleJson, Row, TokenJson, TorrentJson, UserJson,
};
use super::{Failure, Run, id_of, skipped, wrong};

/// Rows of a list that are looked at.
const ROWS_MAX: usize = 10_000;
const LARGE_PAGE: u32 = 1000;
/// Rows that are also read in pages of [`SMALL_PAGE`].
const COMPARED_MAX: usize = 30;
const SMALL_PAGE: u32 = 2;

/// What the lists contain.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) users: Vec<Value>,
    pub(super) torrents: Vec<Value>,
}

impl Run<'_> {
    pub(super) async fn lists(&mut self) -> Seen {
        let roles = self.list::<RoleJson>("roles", "the rows of /api/roles are right").await;
        let users = self.list::<UserJson>("users", "the rows of /api/users are right").await;
        let torrents =
            self.list::<TorrentJson>("torrents", "the rows of /api/torrents are right").await;
        self.list::<ClientRuleJson>("client_rules", "the rows of /api/client_rules are right")
            .await;
        self.list::<TokenJson>("tokens", "the rows of /api/tokens are right").await;
        self.list::<EventJson>("events", "the rows of /api/events are right").await;

        let result = roles_exist(&roles, &users);
        self.note("every user's role is in /api/roles", result);
        let result = self.paging("users", &users).await;
        self.note("/api/users is complete and in order in pages of 2", result);
        let result = self.paging("torrents", &torrents).await;
        self.note("/api/torrents is complete and in order in pages of 2", result);
        let result = self.changes().await;
        self.note("/api/changes begins at now and says where it ends", result);
        let result = self.message_pack().await;
        self.note("MessagePack says the same as JSON", result);
        Seen { users, torrents }
    }

    async fn list<R: Row>(&mut self, name: &str, check: &'static str) -> Vec<Value> {
        let result = self.rows::<R>(name).await;
        self.note(check, result).unwrap_or_default()
    }

    /// The rows of a list, each of which has to be right.
    async fn rows<R: Row>(&self, name: &str) -> Result<Vec<Value>, Failure> {
        let required = matches!(name, "users" | "torrents");
        let Some(rows) = self.pages(name, LARGE_PAGE, ROWS_MAX).await? else {
            let path = format!("/api/{name}");
            return match required {
                true => wrong(format!("GET {path}: there is no such endpoint (404)")),
                false => skipped("not offered: 404"),
            };
        };
        for row in &rows {
            let record = row_of::<R>(row.clone()).and_then(Row::record);
            if let Err(reason) = record {
                return wrong(format!("/api/{name}: {reason}"));
            }
        }
        Ok(rows)
    }

    /// Reads up to so many rows in pages; `None` if there is no such list.
    async fn pages(
        &self,
        name: &str,
        limit: u32,
        rows_max: usize,
    ) -> Result<Option<Vec<Value>>, Failure> {
        let mut rows = Vec::new();
        let mut after: Option<Position> = None;
        loop {
            let timeout = self.options.call_timeout;
            let call = super::super::load::page_call(name, after.as_ref(), limit, timeout);
            let path = call.shown().to_owned();
            let Some(page) = self.find::<Page<Value>>(path.clone()).await? else {
                return Ok(None);
            };
            if page.items.len() > limit as usize {
                let length = page.items.len();
                return wrong(format!("GET {path}: {length} items, though limit is {limit}"));
            }
            rows.extend(page.items);
            match page.next {
                None => return Ok(Some(rows)),
                Some(_) if rows.len() >= rows_max => return Ok(Some(rows)),
                Some(next) if !next.is_beyond(after.as_ref()) => {
                    return wrong(format!("GET {path}: `next` is not beyond `after`"));
                }
                next => after = next,
            }
        }
    }

    /// What comes in large pages comes in small ones, and after the id of any row the rest.
    async fn paging(&self, name: &str, all: &[Value]) -> Result<(), Failure> {
        if all.len() < 3 {
            return skipped(format!("needs 3 rows in /api/{name}, there are {}", all.len()));
        }
        let ids: Vec<_> = all.iter().map(id_of).collect();
        if let Some([before, after]) =
            ids.windows(2).find_map(|pair| pair.first_chunk().filter(|[a, b]| a >= b))
        {
            let shown = |id: &Option<u64>| id.map_or("nothing".to_owned(), |id| id.to_string());
            return wrong(format!(
                "/api/{name}: id {} comes after id {}: rows have to be ordered by id, each once",
                shown(after),
                shown(before)
            ));
        }
        let compared = all.len().min(COMPARED_MAX);
        let small = self.pages(name, SMALL_PAGE, compared).await?.unwrap_or_default();
        let small: Vec<_> = small.iter().map(id_of).collect();
        let same = small.len().min(COMPARED_MAX).max(compared);
        if small.get(..same.min(small.len())) != ids.get(..same.min(small.len()))
            || small.len() < compared
        {
            return wrong(format!(
                "/api/{name}: in pages of {SMALL_PAGE} the first ids are {}, in pages of \
                 {LARGE_PAGE} they are {}",
                told(&small),
                told(&ids)
            ));
        }
        let (Some(Some(first)), Some(second)) = (ids.first(), ids.get(1)) else { return Ok(()) };
        let path = format!("/api/{name}?after={first}&limit=1");
        let page: Page<Value> = self.get(path.clone()).await?;
        match page.items.first().map(id_of) {
            Some(id) if id == *second => Ok(()),
            found => wrong(format!("GET {path}: begins with {found:?}, not with {second:?}")),
        }
    }

    async fn changes(&self) -> Result<(), Failure> {
        #[derive(serde::Deserialize)]
        struct Changes {
            next: Position,
            #[serde(default)]
            more: bool,
        }
        let Some(first) = self.find::<Value>("/api/changes?limit=10".to_owned()).await? else {
            return skipped("not offered: 404");
        };
        let read = |value: Value| {
            let reason = |error| Failure::Wrong(format!("GET /api/changes: {error}"));
            serde_json::from_value::<Changes>(value).map_err(reason)
        };
        let first = read(first)?;
        if first.more {
            return wrong("GET /api/changes without a cursor: `more` is true; should be false");
        }
        let path = format!("/api/changes?cursor={}&limit=10", first.next.in_query());
        read(self.get(path).await?)?;
        Ok(())
    }

    async fn message_pack(&self) -> Result<(), Failure> {
        let path = "/api/users?limit=3";
        let packed = self.exchange(&self.call(path.to_owned())).await?;
        if packed.format != Format::MessagePack {
            return skipped("not offered");
        }
        let call = self.call(path.to_owned()).json_only();
        let plain = self.exchange(&call).await?;
        if plain.format != Format::Json {
            return wrong(format!("GET {path} with Accept: application/json is not in JSON"));
        }
        let (packed, plain): (Value, Value) = (packed.decode(path)?, plain.decode(path)?);
        if packed != plain {
            return wrong(format!("GET {path}: the two differ"));
        }
        Ok(())
    }
}

fn roles_exist(roles: &[Value], users: &[Value]) -> Result<(), Failure> {
    if roles.is_empty() || users.is_empty() {
        return skipped("needs a role and a user");
    }
    let roles: BTreeSet<_> = roles.iter().filter_map(id_of).collect();
    let role_of = |user: &Value| user.get("role_id").and_then(Value::as_u64);
    let stray = users.iter().find(|user| role_of(user).is_some_and(|id| !roles.contains(&id)));
    match stray {
        None => Ok(()),
        Some(user) => {
            let (id, role) = (id_of(user).unwrap_or(0), role_of(user).unwrap_or(0));
            wrong(format!("user {id} has role {role}, which is not there"))
        }
    }
}

/// The first few ids.
fn told(ids: &[Option<u64>]) -> String {
    let ids: Vec<_> = ids.iter().take(8).map(|id| id.unwrap_or(0).to_string()).collect();
    ids.join(", ")
}
