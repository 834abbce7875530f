//! Reading everything, in pages.

use redis::aio::ConnectionManager;
use redis::pipe;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::Failure;
use super::record::{Record, read};
use super::server::Server;
use crate::record::{ClientRuleRecord, EventRecord, RoleRecord, TokenRecord};
use crate::store::LoadSink;
use crate::validate;

/// Records, or users with tokens, that are read in one go.
const PAGE: u32 = 1000;

/// See [`Store::load`](crate::Store::load).
pub(super) async fn load(server: &Server, sink: &mut dyn LoadSink) -> Result<(), Failure> {
    let mut reader = server.reader().await?;
    for role in roles(server, &mut reader).await? {
        match role {
            Ok(role) => sink.role(role),
            Err(reason) => sink.bad_row("roles", reason),
        }
    }
    stream(server, &mut reader, sink, |sink, user| sink.user(user)).await?;
    stream(server, &mut reader, sink, |sink, torrent| sink.torrent(torrent)).await?;
    for rule in client_rules(server, &mut reader).await? {
        match rule {
            Ok(rule) => sink.client_rule(rule),
            Err(reason) => sink.bad_row("client_rules", reason),
        }
    }
    let mut after_id = 0;
    loop {
        let users = ids(server, &mut reader, "tokens", after_id, PAGE).await?;
        let Some(last) = users.last().copied() else { break };
        for token in tokens_of(server, &mut reader, &users).await? {
            match token {
                Ok(token) => sink.token(token),
                Err(reason) => sink.bad_row("tokens", reason),
            }
        }
        after_id = last;
    }
    for event in events(server, &mut reader).await? {
        match event {
            Ok(event) => sink.event(event),
            Err(reason) => sink.bad_row("events", reason),
        }
    }
    Ok(())
}

async fn stream<R: Record>(
    server: &Server,
    reader: &mut ConnectionManager,
    sink: &mut dyn LoadSink,
    each: fn(&mut dyn LoadSink, R),
) -> Result<(), Failure> {
    let mut after_id = 0;
    loop {
        let ids = ids(server, reader, R::TABLE, after_id, PAGE).await?;
        let Some(last) = ids.last().copied() else { return Ok(()) };
        for (id, record) in ids.iter().zip(records(server, reader, &ids).await?) {
            match record {
                Some(Ok(record)) => each(sink, record),
                Some(Err(reason)) => sink.bad_row(R::TABLE, reason),
                None => sink.bad_row(R::TABLE, format!("{id} is listed, but there is no record")),
            }
        }
        after_id = last;
    }
}

/// Ids in a sorted set above an id, at most so many.
pub(super) async fn ids(
    server: &Server,
    reader: &mut ConnectionManager,
    set: &str,
    after_id: u32,
    limit: u32,
) -> Result<Vec<u32>, Failure> {
    let ids = redis::cmd("ZRANGEBYSCORE")
        .arg(server.key(set))
        .arg(format!("({after_id}"))
        .arg("+inf")
        .arg("LIMIT")
        .arg(0)
        .arg(limit)
        .query_async(reader)
        .await?;
    Ok(ids)
}

/// The records of some ids, in their order.
pub(super) async fn records<R: Record>(
    server: &Server,
    reader: &mut ConnectionManager,
    ids: &[u32],
) -> Result<Vec<Option<Result<R, String>>>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut pipe = pipe();
    for id in ids {
        pipe.cmd("HMGET").arg(server.key(&format!("{}{id}", R::KEY))).arg(R::FIELDS);
    }
    let rows: Vec<Vec<Option<Vec<u8>>>> = pipe.query_async(reader).await?;
    Ok(ids.iter().zip(rows).map(|(id, values)| read(*id, values)).collect())
}

/// A role as it is stored, by this version or one that knew fewer fields.
#[derive(Deserialize)]
struct StoredRole {
    id: u16,
    name: String,
    priority: i32,
    upload_percent: u16,
    download_percent: u16,
    upload_enabled: bool,
    download_enabled: bool,
    download_slots: Option<u32>,
    #[serde(default)]
    immune: bool,
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

impl From<StoredRole> for RoleRecord {
    fn from(role: StoredRole) -> Self {
        Self {
            id: role.id,
            name: role.name,
            priority: role.priority,
            upload_percent: role.upload_percent,
            download_percent: role.download_percent,
            upload_enabled: role.upload_enabled,
            download_enabled: role.download_enabled,
            download_slots: role.download_slots,
            immune: role.immune,
            enabled: role.enabled,
        }
    }
}

type Read<R> = Vec<Result<R, String>>;

/// Roles by id.
pub(super) async fn roles(
    server: &Server,
    reader: &mut ConnectionManager,
) -> Result<Read<RoleRecord>, Failure> {
    let agrees = |key: &str, role: &StoredRole| role.id > 0 && key == role.id.to_string();
    let roles = documents(server, reader, "roles", agrees).await?;
    let mut roles: Read<RoleRecord> =
        roles.into_iter().map(|role| role.map(RoleRecord::from)).collect();
    roles.sort_by_key(|role| role.as_ref().map_or(0, |role| role.id));
    Ok(roles)
}

/// Client rules by prefix.
pub(super) async fn client_rules(
    server: &Server,
    reader: &mut ConnectionManager,
) -> Result<Read<ClientRuleRecord>, Failure> {
    let agrees = |key: &str, rule: &ClientRuleRecord| {
        key == rule.prefix && validate::prefix(&rule.prefix).is_ok()
    };
    let mut rules = documents(server, reader, "client_rules", agrees).await?;
    rules.sort_by(|a, b| prefix(a).cmp(prefix(b)));
    Ok(rules)
}

fn prefix(rule: &Result<ClientRuleRecord, String>) -> &str {
    rule.as_ref().map_or("", |rule| &rule.prefix)
}

/// Events by name.
pub(super) async fn events(
    server: &Server,
    reader: &mut ConnectionManager,
) -> Result<Read<EventRecord>, Failure> {
    let agrees = |key: &str, event: &EventRecord| key == event.name;
    let mut events = documents(server, reader, "events", agrees).await?;
    events.sort_by(|a, b| name(a).cmp(name(b)));
    Ok(events)
}

fn name(event: &Result<EventRecord, String>) -> &str {
    event.as_ref().map_or("", |event| &event.name)
}

/// Tokens of some users, by user and torrent.
pub(super) async fn tokens_of(
    server: &Server,
    reader: &mut ConnectionManager,
    users: &[u32],
) -> Result<Read<TokenRecord>, Failure> {
    let mut pipe = pipe();
    for user_id in users {
        pipe.cmd("HGETALL").arg(server.key(&format!("tokens:{user_id}")));
    }
    let found: Vec<Vec<(String, String)>> = pipe.query_async(reader).await?;
    let mut all = Vec::new();
    for (user_id, tokens) in users.iter().zip(found) {
        let agrees = |key: &str, token: &TokenRecord| {
            token.user_id == *user_id && key == token.torrent_id.to_string()
        };
        let mut tokens: Read<TokenRecord> =
            tokens.iter().map(|(key, text)| parse(key, text, agrees)).collect();
        tokens.sort_by_key(|token| token.as_ref().map_or(0, |token| token.torrent_id));
        all.append(&mut tokens);
    }
    Ok(all)
}

/// The records of a hash whose values are JSON.
async fn documents<R: DeserializeOwned>(
    server: &Server,
    reader: &mut ConnectionManager,
    hash: &str,
    agrees: impl Fn(&str, &R) -> bool,
) -> Result<Read<R>, Failure> {
    let found: Vec<(String, String)> =
        redis::cmd("HGETALL").arg(server.key(hash)).query_async(reader).await?;
    Ok(found.iter().map(|(key, text)| parse(key, text, &agrees)).collect())
}

/// A record out of its JSON, which has to be about what its field says.
fn parse<R: DeserializeOwned>(
    key: &str,
    text: &str,
    agrees: impl Fn(&str, &R) -> bool,
) -> Result<R, String> {
    let record = serde_json::from_str(text).map_err(|error| format!("{key:?}: {error}"))?;
    if agrees(key, &record) {
        Ok(record)
    } else {
        Err(format!("{key:?}: the record is about something else"))
    }
}
