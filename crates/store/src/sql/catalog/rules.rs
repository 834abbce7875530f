//! Single roles, client rules, tokens and events. A record that is put replaces the one with its
//! key; both statements run in one transaction.

use super::{Backend, Desk, Failure, SqlStore};
use crate::record::{ClientRuleRecord, EventRecord, RoleRecord, TokenRecord};
use crate::store::StoreError;
use crate::validate;

pub(super) async fn roles<B: Backend>(store: &SqlStore<B>) -> Result<Vec<RoleRecord>, Failure> {
    let Some(load) = &store.schema.loads.roles else { return Ok(vec![RoleRecord::only()]) };
    store.reading().await?.records(load, "1 = 1 ORDER BY id", &[]).await
}

pub(super) async fn put_role<B: Backend>(
    store: &SqlStore<B>,
    role: &RoleRecord,
) -> Result<RoleRecord, Failure> {
    validate::role(role)?;
    let mut desk = store.writing().await?;
    let namesake = "SELECT 1 FROM roles WHERE name = ? AND id <> ?";
    if desk.finds(namesake, &[role.name.as_str().into(), role.id.into()]).await? {
        let name = &role.name;
        return Err(StoreError::Conflict(format!("there is a role named {name} already")).into());
    }
    let mut put = role.clone();
    if put.id == 0 {
        let last = "SELECT COALESCE(MAX(id), 0) AS id FROM roles";
        let last = desk.number(last, "id", &[]).await?;
        put.id = u16::try_from(last.saturating_add(1))
            .map_err(|_| StoreError::Conflict("there is no role id left below 65536".into()))?;
    }
    let values = [
        put.name.as_str().into(),
        put.priority.into(),
        put.upload_percent.into(),
        put.download_percent.into(),
        put.upload_enabled.into(),
        put.download_enabled.into(),
        put.download_slots.into(),
        put.immune.into(),
        put.enabled.into(),
        put.id.into(),
    ];
    let statement = match desk.finds("SELECT 1 FROM roles WHERE id = ?", &[put.id.into()]).await? {
        true => {
            "UPDATE roles
             SET name = ?, priority = ?, upload_percent = ?, download_percent = ?,
                 upload_enabled = ?, download_enabled = ?, download_slots = ?, immune = ?,
                 enabled = ?
             WHERE id = ?"
        }
        false => {
            "INSERT INTO roles (name, priority, upload_percent, download_percent, upload_enabled,
                 download_enabled, download_slots, immune, enabled, id)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        }
    };
    desk.run(statement, &values).await?;
    desk.commit().await?;
    Ok(put)
}

pub(super) async fn delete_role<B: Backend>(store: &SqlStore<B>, id: u16) -> Result<bool, Failure> {
    let mut desk = store.writing().await?;
    if desk.finds("SELECT 1 FROM users WHERE role_id = ? LIMIT 1", &[id.into()]).await? {
        return Err(StoreError::Conflict(format!(
            "there are users with role {id}, perhaps deleted ones: give them another role first"
        ))
        .into());
    }
    let deleted = desk.run("DELETE FROM roles WHERE id = ?", &[id.into()]).await?;
    desk.commit().await?;
    Ok(deleted > 0)
}

pub(super) async fn put_client_rule<B: Backend>(
    store: &SqlStore<B>,
    rule: &ClientRuleRecord,
) -> Result<(), Failure> {
    validate::client_rule(rule)?;
    let mut desk = store.writing().await?;
    let prefix = rule.prefix.as_str();
    desk.run("DELETE FROM client_rules WHERE prefix = ?", &[prefix.into()]).await?;
    desk.run(
        "INSERT INTO client_rules (prefix, allowed, name) VALUES (?, ?, ?)",
        &[prefix.into(), rule.allowed.into(), rule.name.as_str().into()],
    )
    .await?;
    desk.commit().await
}

pub(super) async fn delete_client_rule<B: Backend>(
    store: &SqlStore<B>,
    prefix: &str,
) -> Result<bool, Failure> {
    let mut desk = store.writing().await?;
    let deleted = desk.run("DELETE FROM client_rules WHERE prefix = ?", &[prefix.into()]).await?;
    desk.commit().await?;
    Ok(deleted > 0)
}

pub(super) async fn tokens<B: Backend>(
    store: &SqlStore<B>,
    user_id: Option<u32>,
    limit: u32,
) -> Result<Vec<TokenRecord>, Failure> {
    tokens_after(store, user_id, (0, 0), limit).await
}

pub(super) async fn tokens_after<B: Backend>(
    store: &SqlStore<B>,
    user_id: Option<u32>,
    after: (u32, u32),
    limit: u32,
) -> Result<Vec<TokenRecord>, Failure> {
    let Some(load) = &store.schema.loads.tokens else { return Ok(Vec::new()) };
    let mut desk = store.reading().await?;
    let (user, torrent) = after;
    match user_id {
        Some(id) => {
            // Those of a user below the one of the place are all behind it, of one above none.
            let torrent = if id < user {
                u32::MAX
            } else if id > user {
                0
            } else {
                torrent
            };
            let page = "user_id = ? AND torrent_id > ? ORDER BY torrent_id LIMIT ?";
            desk.records(load, page, &[id.into(), torrent.into(), limit.into()]).await
        }
        None => {
            let page = "(user_id = ? AND torrent_id > ?) OR user_id > ?
                ORDER BY user_id, torrent_id LIMIT ?";
            let values = [user.into(), torrent.into(), user.into(), limit.into()];
            desk.records(load, page, &values).await
        }
    }
}

pub(super) async fn put_token<B: Backend>(
    store: &SqlStore<B>,
    token: &TokenRecord,
) -> Result<(), Failure> {
    let mut desk = store.writing().await?;
    check_token(&mut desk, token).await?;
    let key = [token.user_id.into(), token.torrent_id.into()];
    desk.run("DELETE FROM tokens WHERE user_id = ? AND torrent_id = ?", &key).await?;
    desk.run(
        "INSERT INTO tokens
             (user_id, torrent_id, upload_percent, download_percent, ends_at_seconds)
         VALUES (?, ?, ?, ?, ?)",
        &[
            token.user_id.into(),
            token.torrent_id.into(),
            token.upload_percent.into(),
            token.download_percent.into(),
            token.ends_at_seconds.into(),
        ],
    )
    .await?;
    desk.commit().await
}

async fn check_token(desk: &mut Desk, token: &TokenRecord) -> Result<(), Failure> {
    let TokenRecord { user_id, torrent_id, .. } = *token;
    if !desk.finds("SELECT 1 FROM users WHERE id = ?", &[user_id.into()]).await? {
        return Err(StoreError::Invalid(format!("there is no user {user_id}")).into());
    }
    if !desk.finds("SELECT 1 FROM torrents WHERE id = ?", &[torrent_id.into()]).await? {
        return Err(StoreError::Invalid(format!("there is no torrent {torrent_id}")).into());
    }
    Ok(())
}

pub(super) async fn delete_token<B: Backend>(
    store: &SqlStore<B>,
    user_id: u32,
    torrent_id: u32,
) -> Result<bool, Failure> {
    let mut desk = store.writing().await?;
    let key = [user_id.into(), torrent_id.into()];
    let deleted = desk.run("DELETE FROM tokens WHERE user_id = ? AND torrent_id = ?", &key).await?;
    desk.commit().await?;
    Ok(deleted > 0)
}

pub(super) async fn put_event<B: Backend>(
    store: &SqlStore<B>,
    event: &EventRecord,
) -> Result<(), Failure> {
    validate::event(event)?;
    let mut desk = store.writing().await?;
    let name = event.name.as_str();
    desk.run("DELETE FROM events WHERE name = ?", &[name.into()]).await?;
    desk.run(
        "INSERT INTO events
             (name, upload_percent, download_percent, starts_at_seconds, ends_at_seconds)
         VALUES (?, ?, ?, ?, ?)",
        &[
            name.into(),
            event.upload_percent.into(),
            event.download_percent.into(),
            event.starts_at_seconds.into(),
            event.ends_at_seconds.into(),
        ],
    )
    .await?;
    desk.commit().await
}

pub(super) async fn delete_event<B: Backend>(
    store: &SqlStore<B>,
    name: &str,
) -> Result<bool, Failure> {
    let mut desk = store.writing().await?;
    let deleted = desk.run("DELETE FROM events WHERE name = ?", &[name.into()]).await?;
    desk.commit().await?;
    Ok(deleted > 0)
}
