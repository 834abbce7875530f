//! Single roles, client rules, tokens and events.

use redis::aio::ConnectionManager;
use serde::Serialize;

use super::{good, unexpected};
use crate::record::{ClientRuleRecord, EventRecord, RoleRecord, TokenRecord};
use crate::redis::error::Failure;
use crate::redis::load;
use crate::redis::server::Server;
use crate::store::StoreError;
use crate::validate;

/// Users that are asked for their role in one go.
const PAGE: u32 = 1000;

fn json(record: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(record)
        .map_err(|error| StoreError::Broken(format!("a record has no JSON form: {error}")))
}

/// Writes a record as JSON to a field of a hash.
async fn put(
    server: &Server,
    writer: &mut ConnectionManager,
    hash: &str,
    field: &str,
    record: &impl Serialize,
) -> Result<(), Failure> {
    let (key, text) = (server.key(hash), json(record)?);
    redis::cmd("HSET").arg(key).arg(field).arg(text).exec_async(writer).await?;
    server.settle(writer).await
}

pub(super) async fn roles(server: &Server) -> Result<Vec<RoleRecord>, Failure> {
    let found = load::roles(server, &mut server.reader().await?).await?;
    good(server, "roles", found)
}

pub(super) async fn client_rules(server: &Server) -> Result<Vec<ClientRuleRecord>, Failure> {
    let found = load::client_rules(server, &mut server.reader().await?).await?;
    good(server, "client_rules", found)
}

pub(super) async fn events(server: &Server) -> Result<Vec<EventRecord>, Failure> {
    let found = load::events(server, &mut server.reader().await?).await?;
    good(server, "events", found)
}

pub(super) async fn put_role(server: &Server, role: &RoleRecord) -> Result<RoleRecord, Failure> {
    validate::role(role)?;
    let mut writer = server.writer().await?;
    let roles = good(server, "roles", load::roles(server, &mut writer).await?)?;
    if roles.iter().any(|other| other.name == role.name && other.id != role.id) {
        let name = &role.name;
        return Err(StoreError::Conflict(format!("there is a role named {name} already")).into());
    }
    let mut role = role.clone();
    if role.id == 0 {
        let last = roles.last().map_or(0, |role| role.id);
        let full = || StoreError::Invalid("there is no id left for another role".into());
        role.id = last.checked_add(1).ok_or_else(full)?;
    }
    put(server, &mut writer, "roles", &role.id.to_string(), &role).await?;
    Ok(role)
}

pub(super) async fn delete_role(server: &Server, id: u16) -> Result<bool, Failure> {
    // Held throughout, so that nobody gets the role meanwhile.
    let mut writer = server.writer().await?;
    if is_role_in_use(server, &mut writer, id).await? {
        return Err(StoreError::Conflict(format!(
            "there are users with role {id}, perhaps deleted ones: give them another role first"
        ))
        .into());
    }
    delete(server, &mut writer, "roles", &id.to_string()).await
}

async fn is_role_in_use(
    server: &Server,
    connection: &mut ConnectionManager,
    role_id: u16,
) -> Result<bool, Failure> {
    let role_id = role_id.to_string();
    let mut after_id = 0;
    loop {
        let ids = load::ids(server, connection, "users", after_id, PAGE).await?;
        let Some(last) = ids.last().copied() else { return Ok(false) };
        let mut pipe = redis::pipe();
        for id in &ids {
            pipe.cmd("HGET").arg(server.key(&format!("user:{id}"))).arg("role_id");
        }
        let found: Vec<Option<String>> = pipe.query_async(connection).await?;
        if found.into_iter().flatten().any(|found| found == role_id) {
            return Ok(true);
        }
        after_id = last;
    }
}

pub(super) async fn put_client_rule(
    server: &Server,
    rule: &ClientRuleRecord,
) -> Result<(), Failure> {
    validate::client_rule(rule)?;
    let mut writer = server.writer().await?;
    put(server, &mut writer, "client_rules", &rule.prefix, rule).await
}

pub(super) async fn put_event(server: &Server, event: &EventRecord) -> Result<(), Failure> {
    validate::event(event)?;
    let mut writer = server.writer().await?;
    put(server, &mut writer, "events", &event.name, event).await
}

/// Deletes a field of a hash; false if there is none.
pub(super) async fn delete_field(
    server: &Server,
    hash: &str,
    field: &str,
) -> Result<bool, Failure> {
    let mut writer = server.writer().await?;
    delete(server, &mut writer, hash, field).await
}

async fn delete(
    server: &Server,
    writer: &mut ConnectionManager,
    hash: &str,
    field: &str,
) -> Result<bool, Failure> {
    let deleted: u32 =
        redis::cmd("HDEL").arg(server.key(hash)).arg(field).query_async(writer).await?;
    server.settle(writer).await?;
    Ok(deleted > 0)
}

pub(super) async fn tokens(
    server: &Server,
    user_id: Option<u32>,
    limit: u32,
) -> Result<Vec<TokenRecord>, Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut reader = server.reader().await?;
    let (mut tokens, mut after_id) = (Vec::new(), 0);
    loop {
        let users = match user_id {
            Some(user_id) => vec![user_id],
            None => load::ids(server, &mut reader, "tokens", after_id, PAGE).await?,
        };
        let Some(last) = users.last().copied() else { break };
        let found = load::tokens_of(server, &mut reader, &users).await?;
        tokens.append(&mut good(server, "tokens", found)?);
        if user_id.is_some() || tokens.len() >= limit {
            break;
        }
        after_id = last;
    }
    tokens.truncate(limit);
    Ok(tokens)
}

pub(super) async fn put_token(server: &Server, token: &TokenRecord) -> Result<(), Failure> {
    let TokenRecord { user_id, torrent_id, .. } = *token;
    let arguments = [user_id.to_string(), torrent_id.to_string(), json(token)?];
    let mut writer = server.writer().await?;
    let answer: String = server.run(&mut writer, &server.scripts.put_token, &arguments).await?;
    match answer.as_str() {
        "done" => server.settle(&mut writer).await,
        "user" => Err(StoreError::Invalid(format!("there is no user {user_id}")).into()),
        "torrent" => Err(StoreError::Invalid(format!("there is no torrent {torrent_id}")).into()),
        other => Err(unexpected(server, other)),
    }
}

pub(super) async fn delete_token(
    server: &Server,
    user_id: u32,
    torrent_id: u32,
) -> Result<bool, Failure> {
    let mut writer = server.writer().await?;
    let arguments = [user_id, torrent_id];
    let deleted: u32 = server.run(&mut writer, &server.scripts.delete_token, &arguments).await?;
    server.settle(&mut writer).await?;
    Ok(deleted > 0)
}
