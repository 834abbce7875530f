//! Single users.

use super::{Backend, Desk, Failure, SqlStore, Value};
use crate::catalog::{NewUser, UserKey, UserPatch};
use crate::record::UserRecord;
use crate::store::StoreError;
use crate::validate;

pub(super) async fn list<B: Backend>(
    store: &SqlStore<B>,
    after_id: u32,
    limit: u32,
) -> Result<Vec<UserRecord>, Failure> {
    let mut desk = store.reading().await?;
    let page = "id > ? ORDER BY id LIMIT ?";
    desk.records(&store.schema.loads.users, page, &[after_id.into(), limit.into()]).await
}

pub(super) async fn find<B: Backend>(
    store: &SqlStore<B>,
    key: &UserKey,
) -> Result<Option<UserRecord>, Failure> {
    let (condition, value) = match key {
        UserKey::Id(id) => ("id = ?", Value::from(*id)),
        UserKey::Name(name) => ("name = ?", name.as_str().into()),
        UserKey::Passkey(passkey) => ("passkey = ?", passkey.as_str().into()),
    };
    store.reading().await?.one(&store.schema.loads.users, condition, &[value]).await
}

pub(super) async fn add<B: Backend>(
    store: &SqlStore<B>,
    user: &NewUser,
) -> Result<UserRecord, Failure> {
    validate::new_user(user)?;
    let mut desk = store.writing().await?;
    check(&mut desk, 0, Some(&user.name), Some(&user.passkey), Some(user.role_id)).await?;
    let added = super::bulk::insert_users(store, &mut desk, &[user]).await?;
    if let Some(words) = added.into_iter().flatten().next() {
        return Err(StoreError::Conflict(words).into());
    }
    let passkey = [user.passkey.as_str().into()];
    let added = desk.one(&store.schema.loads.users, "passkey = ?", &passkey).await?;
    let added = added.ok_or_else(|| StoreError::Broken("the new user is not there".into()))?;
    desk.commit().await?;
    Ok(added)
}

pub(super) async fn update<B: Backend>(
    store: &SqlStore<B>,
    id: u32,
    patch: &UserPatch,
) -> Result<Option<UserRecord>, Failure> {
    validate::user_patch(patch)?;
    let mut desk = store.writing().await?;
    // Held to the end of the transaction: what somebody else adds meanwhile is not overwritten.
    desk.run("UPDATE users SET id = id WHERE id = ?", &[id.into()]).await?;
    let found = desk.one(&store.schema.loads.users, "id = ?", &[id.into()]).await?;
    let Some(mut user): Option<UserRecord> = found else { return Ok(None) };
    let (name, passkey) = (patch.name.as_deref(), patch.passkey.as_deref());
    check(&mut desk, id, name, passkey, patch.role_id).await?;
    change(&mut user, patch);
    let changed = super::bulk::update_users(store, &mut desk, &[&user]).await?;
    if let Some(words) = changed.into_iter().flatten().next() {
        return Err(StoreError::Conflict(words).into());
    }
    desk.commit().await?;
    Ok(Some(user))
}

pub(super) fn change(user: &mut UserRecord, patch: &UserPatch) {
    if let Some(name) = &patch.name {
        user.name.clone_from(name);
    }
    if let Some(passkey) = &patch.passkey {
        user.passkey.clone_from(passkey);
    }
    user.site_id = patch.site_id.unwrap_or(user.site_id);
    user.role_id = patch.role_id.unwrap_or(user.role_id);
    user.download_enabled = patch.download_enabled.unwrap_or(user.download_enabled);
    user.deleted = patch.deleted.unwrap_or(user.deleted);
    user.terms = patch.terms.unwrap_or(user.terms);
    let sum = |total: u64, add: i64| total.saturating_add_signed(add).min(i64::MAX as u64);
    user.uploaded = sum(patch.uploaded.unwrap_or(user.uploaded), patch.uploaded_add);
    user.downloaded = sum(patch.downloaded.unwrap_or(user.downloaded), patch.downloaded_add);
}

/// Whether a user, other than the one with this id, has that name or passkey, and the role exists.
async fn check(
    desk: &mut Desk,
    id: u32,
    name: Option<&str>,
    passkey: Option<&str>,
    role_id: Option<u16>,
) -> Result<(), Failure> {
    if let Some(name) = name {
        let taken = "SELECT 1 FROM users WHERE name = ? AND id <> ?";
        if desk.finds(taken, &[name.into(), id.into()]).await? {
            return Err(
                StoreError::Conflict(format!("there is a user named {name} already")).into()
            );
        }
    }
    if let Some(passkey) = passkey {
        let taken = "SELECT 1 FROM users WHERE passkey = ? AND id <> ?";
        if desk.finds(taken, &[passkey.into(), id.into()]).await? {
            return Err(StoreError::Conflict(
                "another user, perhaps a deleted one, has this passkey already".into(),
            )
            .into());
        }
    }
    if let Some(role_id) = role_id
        && !desk.finds("SELECT 1 FROM roles WHERE id = ?", &[role_id.into()]).await?
    {
        return Err(StoreError::Invalid(format!("there is no role {role_id}")).into());
    }
    Ok(())
}
