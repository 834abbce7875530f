//! Many users.

use std::collections::{HashMap, HashSet};

use mika_client::types::{self, Bulk, BulkReport, BulkUser};
use mika_core::registry::UserTerms;
use mika_store::catalog::{NewUser, UserKey, UserPast, UserPatch, UserPut};
use mika_store::record::{RoleRecord, UserRecord};

use super::super::users::random_passkey;
use super::super::{Control, ControlError, now_seconds, validate};
use super::{Done, Outcomes, Sorted, What, finished, repeated, set, sorted};

/// What somebody wants a user to be.
pub(in crate::control) struct UserWish {
    pub(in crate::control) user: BulkUser,
    /// The account has to be there: it is to be closed.
    pub(in crate::control) deletes: bool,
    /// What another store knew of the user, and when the account was made there.
    pub(in crate::control) past: UserPast,
    pub(in crate::control) created_at_seconds: Option<u32>,
}

impl Control {
    /// Adds, changes and closes the accounts of many users.
    pub async fn bulk_users(
        &self,
        bulk: Bulk<BulkUser, types::UserKey>,
    ) -> Result<BulkReport, ControlError> {
        let Sorted { upserts, deletes, report } =
            sorted(bulk, Bulk::<BulkUser, types::UserKey>::ITEMS_MAX)?;
        let mut wishes = Vec::new();
        for user in upserts {
            let (past, created_at_seconds) = (UserPast::default(), None);
            wishes.push(UserWish { user, deletes: false, past, created_at_seconds });
        }
        for key in deletes {
            let user = BulkUser {
                id: key.id,
                // Beside an id a name would be a new one.
                name: key.name.filter(|_| key.id.is_none()),
                deleted: Some(true),
                ..BulkUser::default()
            };
            let (past, created_at_seconds) = (UserPast::default(), None);
            wishes.push(UserWish { user, deletes: true, past, created_at_seconds });
        }
        let outcomes =
            self.change(|control| async move { control.users_now(wishes).await }).await?;
        Ok(report.finish(&outcomes))
    }

    pub(in crate::control) async fn users_now(
        &self,
        wishes: Vec<UserWish>,
    ) -> Result<Outcomes, ControlError> {
        let mut keys = Vec::new();
        for UserWish { user, past, .. } in &wishes {
            keys.extend(user.id.map(UserKey::Id));
            keys.extend((past.id != 0).then_some(UserKey::Id(past.id)));
            keys.extend(user.name.clone().map(UserKey::Name));
            let passkey = user.passkey.clone().filter(|text| validate::passkey(text).is_ok());
            keys.extend(passkey.map(UserKey::Passkey));
        }
        let roles = self.catalog().roles().await?;
        let mut known = Known::of(self.catalog().find_users(&keys).await?, &roles);
        let mut outcomes: Vec<_> = wishes.iter().map(|_| None).collect();
        let (mut at, mut puts, mut whats) = (Vec::new(), Vec::new(), Vec::new());
        for (index, wish) in wishes.into_iter().enumerate() {
            let deletes = wish.deletes;
            match known.put(wish) {
                Err(error) => set(&mut outcomes, index, Err(error)),
                Ok(put) => {
                    whats.push(match put {
                        UserPut::Add(_) => What::Created,
                        UserPut::Change(..) if deletes => What::Deleted,
                        UserPut::Change(..) => What::Updated,
                    });
                    at.push(index);
                    puts.push(put);
                }
            }
        }
        let results = self.catalog().put_users(&puts).await?;
        for ((index, what), result) in at.into_iter().zip(whats).zip(results) {
            let outcome = match result {
                Ok(record) => {
                    let done = Done { what, id: record.id };
                    self.put_in_force(&record).map(|()| done)
                }
                Err(error) => Err(error.into()),
            };
            set(&mut outcomes, index, outcome);
        }
        Ok(finished(outcomes))
    }
}

/// The users that are there, and what the items before have claimed.
struct Known<'a> {
    roles: HashMap<&'a str, u16>,
    default_role: Option<u16>,
    records: Vec<UserRecord>,
    by_id: HashMap<u32, usize>,
    by_name: HashMap<String, usize>,
    by_passkey: HashMap<String, usize>,
    changed: HashSet<u32>,
    names: HashSet<String>,
    passkeys: HashSet<String>,
}

impl<'a> Known<'a> {
    fn of(records: Vec<UserRecord>, roles: &'a [RoleRecord]) -> Self {
        let all = || records.iter().enumerate();
        Self {
            roles: roles.iter().map(|role| (role.name.as_str(), role.id)).collect(),
            default_role: roles.iter().map(|role| role.id).min(),
            by_id: all().map(|(at, user)| (user.id, at)).collect(),
            by_name: all().map(|(at, user)| (user.name.clone(), at)).collect(),
            by_passkey: all().map(|(at, user)| (user.passkey.clone(), at)).collect(),
            records,
            changed: HashSet::new(),
            names: HashSet::new(),
            passkeys: HashSet::new(),
        }
    }

    fn named(&self, name: &str) -> Option<&UserRecord> {
        self.by_name.get(name).and_then(|at| self.records.get(*at))
    }

    fn with_passkey(&self, passkey: &str) -> Option<&UserRecord> {
        self.by_passkey.get(passkey).and_then(|at| self.records.get(*at))
    }

    fn role(&self, name: &str) -> Result<u16, ControlError> {
        let role = self.roles.get(name).copied();
        role.ok_or_else(|| ControlError::Invalid(format!("there is no role {name:?}")))
    }

    /// What is to be written for a wish.
    fn put(&mut self, wish: UserWish) -> Result<UserPut, ControlError> {
        let user = &wish.user;
        validate::total("uploaded", user.uploaded)?;
        validate::total("downloaded", user.downloaded)?;
        validate::percents(user.upload_percent.flatten(), user.download_percent.flatten())?;
        if let Some(passkey) = &user.passkey {
            validate::passkey(passkey)?;
        }
        let not_found = || {
            let detail = "there is no user with this id or name";
            ControlError::not_found("user_not_found", detail)
        };
        let before = match (user.id, &user.name) {
            (Some(id), _) => {
                let at = self.by_id.get(&id).ok_or_else(not_found)?;
                self.records.get(*at).cloned()
            }
            (None, Some(name)) => self.named(name).cloned(),
            (None, None) => {
                return Err(ControlError::Invalid("there is neither an id nor a name".to_owned()));
            }
        };
        match before {
            None if wish.deletes => Err(not_found()),
            None => self.add(wish),
            Some(before) => self.change(wish.user, &before),
        }
    }

    fn add(&mut self, wish: UserWish) -> Result<UserPut, ControlError> {
        let UserWish { user, mut past, created_at_seconds, .. } = wish;
        let name = user.name.unwrap_or_default();
        validate::name("name", &name)?;
        let passkey = match user.passkey {
            Some(passkey) => passkey,
            None => random_passkey()?,
        };
        self.passkey_is_free(&passkey, None)?;
        let role_id = match &user.role {
            Some(role) => self.role(role)?,
            None => self.default_role.ok_or_else(|| {
                ControlError::Invalid("there is no role yet: add one first".to_owned())
            })?,
        };
        if !self.names.insert(name.clone()) {
            return Err(repeated());
        }
        self.passkeys.insert(passkey.clone());
        if self.by_id.contains_key(&past.id) {
            past.id = 0;
        }
        let sum = |total: Option<u64>, add: Option<i64>| {
            total.unwrap_or(0).saturating_add_signed(add.unwrap_or(0)).min(i64::MAX as u64)
        };
        past.uploaded = sum(user.uploaded, user.uploaded_add);
        past.downloaded = sum(user.downloaded, user.downloaded_add);
        past.deleted = user.deleted.unwrap_or_default();
        Ok(UserPut::Add(NewUser {
            name,
            passkey,
            site_id: user.site_id,
            role_id,
            download_enabled: user.download_enabled.unwrap_or(true),
            created_at_seconds: created_at_seconds.unwrap_or_else(now_seconds),
            terms: UserTerms {
                upload_percent: user.upload_percent.flatten(),
                download_percent: user.download_percent.flatten(),
                immune: user.immune.flatten(),
                address_hidden: user.address_hidden.unwrap_or_default(),
                wait_seconds: user.wait_seconds.unwrap_or_default(),
                peers_max: user.peers_max.flatten(),
                pass_version: 0,
            },
            past,
        }))
    }

    fn change(&mut self, user: BulkUser, before: &UserRecord) -> Result<UserPut, ControlError> {
        if self.changed.contains(&before.id) {
            return Err(repeated());
        }
        if let Some(name) = user.name.as_deref().filter(|name| *name != before.name) {
            validate::name("name", name)?;
            if self.named(name).is_some() || self.names.contains(name) {
                let detail = format!("there is a user named {name:?} already");
                return Err(ControlError::conflict("name_taken", detail));
            }
        }
        if let Some(passkey) = &user.passkey {
            self.passkey_is_free(passkey, Some(before.id))?;
        }
        let role_id = user.role.as_deref().map(|role| self.role(role)).transpose()?;
        self.changed.insert(before.id);
        self.names.extend(user.name.clone());
        self.passkeys.extend(user.passkey.clone());
        let terms = before.terms;
        Ok(UserPut::Change(
            before.id,
            UserPatch {
                name: user.name,
                passkey: user.passkey,
                site_id: user.site_id.map(Some),
                role_id,
                download_enabled: user.download_enabled,
                deleted: user.deleted,
                uploaded: user.uploaded,
                downloaded: user.downloaded,
                uploaded_add: user.uploaded_add.unwrap_or(0),
                downloaded_add: user.downloaded_add.unwrap_or(0),
                terms: Some(UserTerms {
                    upload_percent: user.upload_percent.unwrap_or(terms.upload_percent),
                    download_percent: user.download_percent.unwrap_or(terms.download_percent),
                    immune: user.immune.unwrap_or(terms.immune),
                    address_hidden: user.address_hidden.unwrap_or(terms.address_hidden),
                    wait_seconds: user.wait_seconds.unwrap_or(terms.wait_seconds),
                    peers_max: user.peers_max.unwrap_or(terms.peers_max),
                    pass_version: terms.pass_version,
                }),
            },
        ))
    }

    fn passkey_is_free(&self, passkey: &str, of: Option<u32>) -> Result<(), ControlError> {
        let owner = self.with_passkey(passkey).map(|user| user.id);
        if owner.is_some_and(|owner| Some(owner) != of)
            || (owner.is_none() && self.passkeys.contains(passkey))
        {
            let detail = "another user has this passkey already";
            return Err(ControlError::conflict("passkey_taken", detail));
        }
        Ok(())
    }
}
