//! Single users.

use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::{begin, exists, record, records};
use crate::catalog::{NewUser, UserKey, UserPatch};
use crate::record::UserRecord;
use crate::sqlite::error::Failure;
use crate::store::StoreError;
use crate::validate;

macro_rules! columns {
    () => {
        "id, site_id, name, passkey, role_id, download_enabled, deleted, uploaded, downloaded,
         uploaded_raw, downloaded_raw, seed_seconds, snatches, announced_at_seconds,
         created_at_seconds"
    };
}

pub(super) async fn list(
    readers: &SqlitePool,
    after_id: u32,
    limit: u32,
) -> Result<Vec<UserRecord>, Failure> {
    let statement = concat!("SELECT ", columns!(), " FROM users WHERE id > ? ORDER BY id LIMIT ?");
    records(&sqlx::query(statement).bind(after_id).bind(limit).fetch_all(readers).await?)
}

pub(super) async fn find(
    readers: &SqlitePool,
    key: &UserKey,
) -> Result<Option<UserRecord>, Failure> {
    let query = match key {
        UserKey::Id(id) => {
            sqlx::query(concat!("SELECT ", columns!(), " FROM users WHERE id = ?")).bind(id)
        }
        UserKey::Name(name) => {
            sqlx::query(concat!("SELECT ", columns!(), " FROM users WHERE name = ?")).bind(name)
        }
        UserKey::Passkey(passkey) => {
            sqlx::query(concat!("SELECT ", columns!(), " FROM users WHERE passkey = ?"))
                .bind(passkey)
        }
    };
    query.fetch_optional(readers).await?.map(|row| record(&row)).transpose()
}

pub(super) async fn add(writer: &SqlitePool, user: &NewUser) -> Result<UserRecord, Failure> {
    validate::new_user(user)?;
    let mut transaction = begin(writer).await?;
    check(&mut transaction, 0, Some(&user.name), Some(&user.passkey), Some(user.role_id)).await?;
    let statement = concat!(
        "INSERT INTO users (name, passkey, site_id, role_id, download_enabled, created_at_seconds)
         VALUES (?, ?, ?, ?, ?, ?)
         RETURNING ",
        columns!()
    );
    let row = sqlx::query(statement)
        .bind(&user.name)
        .bind(&user.passkey)
        .bind(user.site_id)
        .bind(user.role_id)
        .bind(user.download_enabled)
        .bind(user.created_at_seconds)
        .fetch_one(&mut *transaction)
        .await?;
    let added = record(&row)?;
    transaction.commit().await?;
    Ok(added)
}

pub(super) async fn update(
    writer: &SqlitePool,
    id: u32,
    patch: &UserPatch,
) -> Result<Option<UserRecord>, Failure> {
    validate::user_patch(patch)?;
    let mut transaction = begin(writer).await?;
    let (name, passkey) = (patch.name.as_deref(), patch.passkey.as_deref());
    check(&mut transaction, id, name, passkey, patch.role_id).await?;
    let statement = concat!(
        "UPDATE users
         SET name = COALESCE(?2, name),
             passkey = COALESCE(?3, passkey),
             site_id = CASE WHEN ?4 THEN ?5 ELSE site_id END,
             role_id = COALESCE(?6, role_id),
             download_enabled = COALESCE(?7, download_enabled),
             deleted = COALESCE(?8, deleted),
             uploaded = MAX(0,
                 MIN(9223372036854775807 - MAX(?11, 0), COALESCE(?9, uploaded)) + ?11),
             downloaded = MAX(0,
                 MIN(9223372036854775807 - MAX(?12, 0), COALESCE(?10, downloaded)) + ?12)
         WHERE id = ?1
         RETURNING ",
        columns!()
    );
    let row = sqlx::query(statement)
        .bind(id)
        .bind(name)
        .bind(passkey)
        .bind(patch.site_id.is_some())
        .bind(patch.site_id.flatten())
        .bind(patch.role_id)
        .bind(patch.download_enabled)
        .bind(patch.deleted)
        .bind(patch.uploaded.and_then(|bytes| i64::try_from(bytes).ok()))
        .bind(patch.downloaded.and_then(|bytes| i64::try_from(bytes).ok()))
        .bind(patch.uploaded_add)
        .bind(patch.downloaded_add)
        .fetch_optional(&mut *transaction)
        .await?;
    let updated = row.map(|row| record(&row)).transpose()?;
    transaction.commit().await?;
    Ok(updated)
}

/// Whether a user, other than the one with this id, has that name or passkey, and the role exists.
async fn check(
    connection: &mut SqliteConnection,
    id: u32,
    name: Option<&str>,
    passkey: Option<&str>,
    role_id: Option<u16>,
) -> Result<(), Failure> {
    if let Some(name) = name
        && taken(connection, "SELECT 1 FROM users WHERE name = ? AND id <> ?", name, id).await?
    {
        return Err(StoreError::Conflict(format!("there is a user named {name} already")).into());
    }
    if let Some(passkey) = passkey
        && taken(connection, "SELECT 1 FROM users WHERE passkey = ? AND id <> ?", passkey, id)
            .await?
    {
        return Err(StoreError::Conflict(
            "another user, perhaps a deleted one, has this passkey already".into(),
        )
        .into());
    }
    if let Some(role_id) = role_id
        && !exists(connection, "SELECT 1 FROM roles WHERE id = ?", role_id.into()).await?
    {
        return Err(StoreError::Invalid(format!("there is no role {role_id}")).into());
    }
    Ok(())
}

async fn taken(
    connection: &mut SqliteConnection,
    statement: &'static str,
    value: &str,
    id: u32,
) -> Result<bool, sqlx::Error> {
    Ok(sqlx::query(statement).bind(value).bind(id).fetch_optional(connection).await?.is_some())
}
