//! Users.

use std::collections::HashMap;

use mika_client::types::{NewUser, Page, PageQuery, User, UserChange, UserQuery};
use mika_core::registry::{UserSpec, UserTerms};
use mika_store::catalog::{self, UserKey, UserPatch};
use mika_store::record::{RoleRecord, UserRecord};

use super::error::ControlError;
use super::paging::Paging;
use super::resync::Key;
use super::{Control, Expected, happened, now_seconds, validate};

impl Control {
    /// A part of the users, by id.
    pub async fn users(&self, query: UserQuery) -> Result<Page<User>, ControlError> {
        let page = PageQuery { after_id: query.after_id, limit: query.limit };
        let names = role_names(self.catalog().roles().await?);
        let is_filtered =
            UserQuery { after_id: 0, limit: None, ..query.clone() } != UserQuery::default();
        let mut paging = Paging::new(page, is_filtered)?;
        let text = query.name.as_deref().map(str::to_lowercase);
        let fits = |user: &User| {
            query.deleted.is_none_or(|it| it == user.deleted)
                && query.download_enabled.is_none_or(|it| it == user.download_enabled)
                && query.role.as_ref().is_none_or(|it| *it == user.role)
                && text.as_ref().is_none_or(|it| user.name.to_lowercase().contains(it))
        };
        while let Some((after_id, count)) = paging.wanted() {
            let records = self.catalog().users(after_id, count).await?;
            let item = |record| Some(self.user_json(record, &names)).filter(|user| fits(user));
            paging.take(records, |record| record.id, item);
        }
        Ok(paging.finish())
    }

    /// One user, named by id, name or passkey.
    pub async fn user(&self, key: &str) -> Result<User, ControlError> {
        let record = self.find_user(key).await?;
        self.with_role_name(record).await
    }

    /// Adds a user, who may announce when this returns.
    pub async fn add_user(&self, new: NewUser) -> Result<User, ControlError> {
        self.change(move |control| async move { control.add_user_now(new).await }).await
    }

    /// Changes a user, named by id, name or passkey.
    pub async fn update_user(
        &self,
        key: String,
        change: UserChange,
        expected: Expected,
    ) -> Result<User, ControlError> {
        self.change(
            move |control| async move { control.update_user_now(&key, change, &expected).await },
        )
        .await
    }

    /// Closes a user's account: announces are refused from now on.
    pub async fn delete_user(&self, key: String, expected: Expected) -> Result<User, ControlError> {
        let change = UserChange { deleted: Some(true), ..UserChange::default() };
        self.update_user(key, change, expected).await
    }

    async fn add_user_now(&self, new: NewUser) -> Result<User, ControlError> {
        validate::name("name", &new.name)?;
        let passkey = match new.passkey {
            Some(passkey) => passkey,
            None => random_passkey()?,
        };
        validate::passkey(&passkey)?;
        validate::percents(new.upload_percent, new.download_percent)?;
        let role_id = self.role_id(new.role.as_deref()).await?;
        self.name_is_free(&new.name).await?;
        self.passkey_is_free(&passkey).await?;
        let user = catalog::NewUser {
            name: new.name,
            passkey,
            site_id: new.site_id,
            role_id,
            download_enabled: new.download_enabled.unwrap_or(true),
            created_at_seconds: now_seconds(),
            terms: UserTerms {
                upload_percent: new.upload_percent,
                download_percent: new.download_percent,
                immune: new.immune,
                address_hidden: new.address_hidden.unwrap_or_default(),
                wait_seconds: new.wait_seconds.unwrap_or_default(),
                peers_max: new.peers_max,
                pass_version: 0,
            },
            past: catalog::UserPast::default(),
        };
        let record = self.catalog().add_user(&user).await?;
        self.put_in_force(&record)?;
        self.with_role_name(record).await
    }

    async fn update_user_now(
        &self,
        key: &str,
        mut change: UserChange,
        expected: &Expected,
    ) -> Result<User, ControlError> {
        if change.new_passkey && change.passkey.is_some() {
            let detail = "passkey and new_passkey are both given: keep one of them";
            return Err(ControlError::Invalid(detail.to_owned()));
        }
        if change.new_passkey {
            change.passkey = Some(random_passkey()?);
        }
        validate::total("uploaded", change.uploaded)?;
        validate::total("downloaded", change.downloaded)?;
        validate::percents(change.upload_percent.flatten(), change.download_percent.flatten())?;
        let before = self.find_user(key).await?;
        if !expected.is_anything() {
            expected.check(&self.with_role_name(before.clone()).await?)?;
        }
        if let Some(name) = change.name.as_deref().filter(|name| *name != before.name) {
            validate::name("name", name)?;
            self.name_is_free(name).await?;
        }
        if let Some(passkey) = change.passkey.as_deref().filter(|new| *new != before.passkey) {
            validate::passkey(passkey)?;
            self.passkey_is_free(passkey).await?;
        }
        let role_id = match change.role.as_deref() {
            Some(role) => Some(self.role_id(Some(role)).await?),
            None => None,
        };
        let patch = UserPatch {
            name: change.name,
            passkey: change.passkey,
            site_id: change.site_id,
            role_id,
            download_enabled: change.download_enabled,
            deleted: change.deleted,
            uploaded: change.uploaded,
            downloaded: change.downloaded,
            uploaded_add: change.uploaded_add.unwrap_or(0),
            downloaded_add: change.downloaded_add.unwrap_or(0),
            terms: Some(UserTerms {
                upload_percent: change.upload_percent.unwrap_or(before.terms.upload_percent),
                download_percent: change.download_percent.unwrap_or(before.terms.download_percent),
                immune: change.immune.unwrap_or(before.terms.immune),
                address_hidden: change.address_hidden.unwrap_or(before.terms.address_hidden),
                wait_seconds: change.wait_seconds.unwrap_or(before.terms.wait_seconds),
                peers_max: change.peers_max.unwrap_or(before.terms.peers_max),
                pass_version: before.terms.pass_version,
            }),
        };
        let record = self.catalog().update_user(before.id, &patch).await?;
        let record = record.ok_or_else(|| user_not_found(key))?;
        self.put_in_force(&record)?;
        self.with_role_name(record).await
    }

    /// `id:`, `name:` and `passkey:` say what the rest is. Otherwise a number is an id if there is
    /// such a user, and everything is a name before it is a passkey.
    pub(super) async fn find_user(&self, key: &str) -> Result<UserRecord, ControlError> {
        let passkey = |text: &str| validate::passkey(text).is_ok();
        let candidates = if let Some(id) = key.strip_prefix("id:") {
            id.parse().ok().map(UserKey::Id).into_iter().collect()
        } else if let Some(name) = key.strip_prefix("name:") {
            vec![UserKey::Name(name.to_owned())]
        } else if let Some(text) = key.strip_prefix("passkey:") {
            passkey(text).then(|| UserKey::Passkey(text.to_owned())).into_iter().collect()
        } else {
            let mut keys: Vec<UserKey> = key.parse().ok().map(UserKey::Id).into_iter().collect();
            keys.push(UserKey::Name(key.to_owned()));
            keys.extend(passkey(key).then(|| UserKey::Passkey(key.to_owned())));
            keys
        };
        for candidate in candidates {
            if let Some(record) = self.catalog().user(&candidate).await? {
                return Ok(record);
            }
        }
        Err(user_not_found(key))
    }

    async fn name_is_free(&self, name: &str) -> Result<(), ControlError> {
        match self.catalog().user(&UserKey::Name(name.to_owned())).await? {
            None => Ok(()),
            Some(other) => {
                let closed = if other.deleted { " (the account is closed)" } else { "" };
                let detail = format!("user {} has the name {name:?} already{closed}", other.id);
                Err(ControlError::conflict("name_taken", detail))
            }
        }
    }

    async fn passkey_is_free(&self, passkey: &str) -> Result<(), ControlError> {
        match self.catalog().user(&UserKey::Passkey(passkey.to_owned())).await? {
            None => Ok(()),
            Some(other) => {
                let detail = format!("user {} has this passkey already", other.id);
                Err(ControlError::conflict("passkey_taken", detail))
            }
        }
    }

    pub(super) fn put_in_force(&self, record: &UserRecord) -> Result<(), ControlError> {
        self.touch(Key::User(record.id));
        Ok(self.tracker().put_user(user_spec(record)?)?)
    }

    async fn with_role_name(&self, record: UserRecord) -> Result<User, ControlError> {
        let names = role_names(self.catalog().roles().await?);
        Ok(self.user_json(record, &names))
    }

    fn user_json(&self, record: UserRecord, role_names: &HashMap<u16, String>) -> User {
        let announce_url = self.shared.announce_urls.load().of(&record.passkey);
        let role = role_names.get(&record.role_id).cloned();
        User {
            id: record.id,
            site_id: record.site_id,
            name: record.name,
            passkey: record.passkey,
            role: role.unwrap_or_else(|| format!("unknown role {}", record.role_id)),
            download_enabled: record.download_enabled,
            deleted: record.deleted,
            upload_percent: record.terms.upload_percent,
            download_percent: record.terms.download_percent,
            immune: record.terms.immune,
            address_hidden: record.terms.address_hidden,
            wait_seconds: record.terms.wait_seconds,
            peers_max: record.terms.peers_max,
            uploaded: record.uploaded,
            downloaded: record.downloaded,
            uploaded_raw: record.uploaded_raw,
            downloaded_raw: record.downloaded_raw,
            seed_seconds: record.seed_seconds,
            snatches: record.snatches,
            ratio: ratio(record.uploaded, record.downloaded),
            announced_at: happened(record.announced_at_seconds),
            created_at: record.created_at_seconds,
            announce_url,
        }
    }
}

/// What the tracker holds of a user.
pub(crate) fn user_spec(record: &UserRecord) -> Result<UserSpec, ControlError> {
    Ok(UserSpec {
        id: record.id,
        passkey: validate::passkey(&record.passkey)?,
        role_id: record.role_id,
        download_enabled: record.download_enabled,
        deleted: record.deleted,
        terms: record.terms,
    })
}

fn user_not_found(key: &str) -> ControlError {
    // A key may be a passkey, even a mistyped one, so it is not repeated.
    let kind = if key.parse::<u32>().is_ok() { "id or name" } else { "name or passkey" };
    ControlError::not_found("user_not_found", format!("there is no user with this {kind}"))
}

pub(super) fn role_names(roles: Vec<RoleRecord>) -> HashMap<u16, String> {
    roles.into_iter().map(|role| (role.id, role.name)).collect()
}

fn ratio(uploaded: u64, downloaded: u64) -> Option<f64> {
    (downloaded > 0).then(|| uploaded as f64 / downloaded as f64)
}

/// 128 bits from the operating system as 32 hex digits.
pub(super) fn random_passkey() -> Result<String, ControlError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| ControlError::Randomness(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
