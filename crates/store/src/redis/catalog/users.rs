//! Single users.

use mika_core::registry::UserTerms;

use super::{added, changed, one, pairs};
use crate::catalog::{NewUser, UserKey, UserPatch};
use crate::record::UserRecord;
use crate::redis::error::Failure;
use crate::redis::server::Server;
use crate::store::StoreError;
use crate::validate;

pub(super) async fn find(server: &Server, key: &UserKey) -> Result<Option<UserRecord>, Failure> {
    let mut reader = server.reader().await?;
    let (index, text) = match key {
        UserKey::Id(id) => return one(server, &mut reader, *id).await,
        UserKey::Name(name) => ("users:name", name),
        UserKey::Passkey(passkey) => ("users:passkey", passkey),
    };
    let id: Option<u32> =
        redis::cmd("HGET").arg(server.key(index)).arg(text).query_async(&mut reader).await?;
    let Some(id) = id else { return Ok(None) };
    one(server, &mut reader, id).await
}

pub(super) async fn add(server: &Server, user: &NewUser) -> Result<UserRecord, Failure> {
    validate::new_user(user)?;
    let mut arguments = vec![user.name.clone(), user.passkey.clone(), user.role_id.to_string()];
    let site_id = user.site_id.map_or(String::new(), |id| id.to_string());
    let past = &user.past;
    arguments.push(if past.id == 0 { String::new() } else { past.id.to_string() });
    let fields = [
        ("site_id", site_id),
        ("download_enabled", u8::from(user.download_enabled).to_string()),
        ("created_at_seconds", user.created_at_seconds.to_string()),
        ("deleted", u8::from(past.deleted).to_string()),
        ("uploaded", past.uploaded.to_string()),
        ("downloaded", past.downloaded.to_string()),
        ("uploaded_raw", past.uploaded_raw.to_string()),
        ("downloaded_raw", past.downloaded_raw.to_string()),
        ("seed_seconds", past.seed_seconds.to_string()),
        ("snatches", past.snatches.to_string()),
        ("announced_at_seconds", past.announced_at_seconds.to_string()),
    ];
    arguments.extend(pairs(fields).chain(pairs(terms_fields(&user.terms))));
    let mut writer = server.writer().await?;
    let answer: String = server.run(&mut writer, &server.scripts.add_user, &arguments).await?;
    if let Some(error) = objection(&answer, Some(&user.name), Some(user.role_id)) {
        return Err(error.into());
    }
    added(server, &mut writer, &answer).await
}

pub(super) async fn update(
    server: &Server,
    id: u32,
    patch: &UserPatch,
) -> Result<Option<UserRecord>, Failure> {
    validate::user_patch(patch)?;
    let mut arguments = vec![
        id.to_string(),
        patch.name.clone().unwrap_or_default(),
        patch.passkey.clone().unwrap_or_default(),
        patch.role_id.map_or(String::new(), |id| id.to_string()),
        patch.uploaded_add.to_string(),
        patch.downloaded_add.to_string(),
    ];
    let site_id = patch.site_id.map(|id| id.map_or(String::new(), |id| id.to_string()));
    let flag = |flag: Option<bool>| flag.map(|flag| u8::from(flag).to_string());
    let fields = [
        ("site_id", site_id),
        ("download_enabled", flag(patch.download_enabled)),
        ("deleted", flag(patch.deleted)),
        ("uploaded", patch.uploaded.map(|bytes| bytes.to_string())),
        ("downloaded", patch.downloaded.map(|bytes| bytes.to_string())),
    ];
    arguments.extend(pairs(fields));
    arguments.extend(pairs(patch.terms.as_ref().into_iter().flat_map(terms_fields)));
    let mut writer = server.writer().await?;
    let answer: String = server.run(&mut writer, &server.scripts.update_user, &arguments).await?;
    if let Some(error) = objection(&answer, patch.name.as_deref(), patch.role_id) {
        return Err(error.into());
    }
    changed(server, &mut writer, id, &answer).await
}

/// What is different for a user; empty text for what is not.
fn terms_fields(terms: &UserTerms) -> [(&'static str, String); 6] {
    fn or_empty<T: ToString>(value: Option<T>) -> String {
        value.map(|value| value.to_string()).unwrap_or_default()
    }
    [
        ("upload_percent", or_empty(terms.upload_percent)),
        ("download_percent", or_empty(terms.download_percent)),
        ("immune", or_empty(terms.immune.map(u8::from))),
        ("address_hidden", u8::from(terms.address_hidden).to_string()),
        ("wait_seconds", terms.wait_seconds.to_string()),
        ("peers_max", or_empty(terms.peers_max)),
    ]
}

/// What a script's answer says against a user.
fn objection(answer: &str, name: Option<&str>, role_id: Option<u16>) -> Option<StoreError> {
    match answer {
        "name" => {
            let name = name.unwrap_or_default();
            Some(StoreError::Conflict(format!("there is a user named {name} already")))
        }
        "passkey" => Some(StoreError::Conflict(
            "another user, perhaps a deleted one, has this passkey already".into(),
        )),
        "role" => {
            let role_id = role_id.unwrap_or_default();
            Some(StoreError::Invalid(format!("there is no role {role_id}")))
        }
        "id" => Some(StoreError::Conflict("another user has this id already".into())),
        "full" => Some(StoreError::Invalid("there is no id left for another user".into())),
        _ => None,
    }
}
