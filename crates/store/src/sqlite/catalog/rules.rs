//! Single roles, client rules, tokens and events.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;

use super::{begin, exists, record, records};
use crate::record::{ClientRuleRecord, EventRecord, RoleRecord, TokenRecord};
use crate::sqlite::error::Failure;
use crate::store::StoreError;
use crate::validate;

pub(super) async fn put_role(
    writer: &SqlitePool,
    role: &RoleRecord,
) -> Result<RoleRecord, Failure> {
    validate::role(role)?;
    let mut transaction = begin(writer).await?;
    let namesake = sqlx::query("SELECT 1 FROM roles WHERE name = ? AND id <> ?")
        .bind(&role.name)
        .bind(role.id)
        .fetch_optional(&mut *transaction)
        .await?;
    if namesake.is_some() {
        let name = &role.name;
        return Err(StoreError::Conflict(format!("there is a role named {name} already")).into());
    }
    let row = sqlx::query(
        "INSERT INTO roles (id, name, priority, upload_percent, download_percent, upload_enabled,
             download_enabled, download_slots)
         VALUES (NULLIF(?, 0), ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE
         SET name = excluded.name,
             priority = excluded.priority,
             upload_percent = excluded.upload_percent,
             download_percent = excluded.download_percent,
             upload_enabled = excluded.upload_enabled,
             download_enabled = excluded.download_enabled,
             download_slots = excluded.download_slots
         RETURNING id, name, priority, upload_percent, download_percent, upload_enabled,
             download_enabled, download_slots",
    )
    .bind(role.id)
    .bind(&role.name)
    .bind(role.priority)
    .bind(role.upload_percent)
    .bind(role.download_percent)
    .bind(role.upload_enabled)
    .bind(role.download_enabled)
    .bind(role.download_slots)
    .fetch_one(&mut *transaction)
    .await?;
    let put = record(&row)?;
    transaction.commit().await?;
    Ok(put)
}

pub(super) async fn delete_role(writer: &SqlitePool, id: u16) -> Result<bool, Failure> {
    let mut transaction = begin(writer).await?;
    if exists(&mut transaction, "SELECT 1 FROM users WHERE role_id = ? LIMIT 1", id.into()).await? {
        return Err(StoreError::Conflict(format!(
            "there are users with role {id}, perhaps deleted ones: give them another role first"
        ))
        .into());
    }
    let deleted = sqlx::query("DELETE FROM roles WHERE id = ?")
        .bind(id)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
    transaction.commit().await?;
    Ok(deleted > 0)
}

pub(super) async fn put_client_rule(
    writer: &SqlitePool,
    rule: &ClientRuleRecord,
) -> Result<(), Failure> {
    validate::client_rule(rule)?;
    sqlx::query(
        "INSERT INTO client_rules (prefix, allowed, name)
         VALUES (?, ?, ?)
         ON CONFLICT (prefix) DO UPDATE SET allowed = excluded.allowed, name = excluded.name",
    )
    .bind(&rule.prefix)
    .bind(rule.allowed)
    .bind(&rule.name)
    .execute(writer)
    .await?;
    Ok(())
}

pub(super) async fn delete_client_rule(writer: &SqlitePool, prefix: &str) -> Result<bool, Failure> {
    let query = sqlx::query("DELETE FROM client_rules WHERE prefix = ?").bind(prefix);
    Ok(query.execute(writer).await?.rows_affected() > 0)
}

pub(super) async fn tokens(
    readers: &SqlitePool,
    user_id: Option<u32>,
    limit: u32,
) -> Result<Vec<TokenRecord>, Failure> {
    let query = match user_id {
        Some(user_id) => sqlx::query(
            "SELECT user_id, torrent_id, upload_percent, download_percent, ends_at_seconds
             FROM tokens WHERE user_id = ? ORDER BY torrent_id LIMIT ?",
        )
        .bind(user_id),
        None => sqlx::query(
            "SELECT user_id, torrent_id, upload_percent, download_percent, ends_at_seconds
             FROM tokens ORDER BY user_id, torrent_id LIMIT ?",
        ),
    };
    records(&query.bind(limit).fetch_all(readers).await?)
}

pub(super) async fn put_token(writer: &SqlitePool, token: &TokenRecord) -> Result<(), Failure> {
    let mut transaction = begin(writer).await?;
    check_token(&mut transaction, token).await?;
    sqlx::query(
        "INSERT INTO tokens
             (user_id, torrent_id, upload_percent, download_percent, ends_at_seconds)
         VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (user_id, torrent_id) DO UPDATE
         SET upload_percent = excluded.upload_percent,
             download_percent = excluded.download_percent,
             ends_at_seconds = excluded.ends_at_seconds",
    )
    .bind(token.user_id)
    .bind(token.torrent_id)
    .bind(token.upload_percent)
    .bind(token.download_percent)
    .bind(token.ends_at_seconds)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

async fn check_token(
    connection: &mut SqliteConnection,
    token: &TokenRecord,
) -> Result<(), Failure> {
    let TokenRecord { user_id, torrent_id, .. } = *token;
    if !exists(connection, "SELECT 1 FROM users WHERE id = ?", user_id.into()).await? {
        return Err(StoreError::Invalid(format!("there is no user {user_id}")).into());
    }
    if !exists(connection, "SELECT 1 FROM torrents WHERE id = ?", torrent_id.into()).await? {
        return Err(StoreError::Invalid(format!("there is no torrent {torrent_id}")).into());
    }
    Ok(())
}

pub(super) async fn delete_token(
    writer: &SqlitePool,
    user_id: u32,
    torrent_id: u32,
) -> Result<bool, Failure> {
    let query = sqlx::query("DELETE FROM tokens WHERE user_id = ? AND torrent_id = ?")
        .bind(user_id)
        .bind(torrent_id);
    Ok(query.execute(writer).await?.rows_affected() > 0)
}

pub(super) async fn put_event(writer: &SqlitePool, event: &EventRecord) -> Result<(), Failure> {
    validate::event(event)?;
    sqlx::query(
        "INSERT INTO events
             (name, upload_percent, download_percent, starts_at_seconds, ends_at_seconds)
         VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE
         SET upload_percent = excluded.upload_percent,
             download_percent = excluded.download_percent,
             starts_at_seconds = excluded.starts_at_seconds,
             ends_at_seconds = excluded.ends_at_seconds",
    )
    .bind(&event.name)
    .bind(event.upload_percent)
    .bind(event.download_percent)
    .bind(event.starts_at_seconds)
    .bind(event.ends_at_seconds)
    .execute(writer)
    .await?;
    Ok(())
}

pub(super) async fn delete_event(writer: &SqlitePool, name: &str) -> Result<bool, Failure> {
    let query = sqlx::query("DELETE FROM events WHERE name = ?").bind(name);
    Ok(query.execute(writer).await?.rows_affected() > 0)
}
