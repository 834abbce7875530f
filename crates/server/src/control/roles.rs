//! Roles, named by name.

use mika_client::types::{NewRole, Role, RoleChange};
use mika_core::registry::RoleSpec;
use mika_store::StoreError;
use mika_store::record::RoleRecord;

use super::error::ControlError;
use super::resync::Key;
use super::{Control, Expected, validate};

/// Roles at most.
const ROLES_MAX: usize = 1000;

impl Control {
    /// All roles, by id.
    pub async fn roles(&self) -> Result<Vec<Role>, ControlError> {
        Ok(self.catalog().roles().await?.into_iter().map(role_json).collect())
    }

    /// One role.
    pub async fn role(&self, name: &str) -> Result<Role, ControlError> {
        Ok(role_json(self.find_role(name).await?))
    }

    /// Adds a role.
    pub async fn add_role(&self, new: NewRole) -> Result<Role, ControlError> {
        self.change(move |control| async move { control.add_role_now(new).await }).await
    }

    /// Changes a role, for all its members at once.
    pub async fn update_role(
        &self,
        name: String,
        change: RoleChange,
        expected: Expected,
    ) -> Result<Role, ControlError> {
        self.change(move |control| async move {
            control.update_role_now(&name, change, &expected).await
        })
        .await
    }

    /// Deletes a role that no user has.
    pub async fn delete_role(&self, name: String, expected: Expected) -> Result<(), ControlError> {
        self.change(move |control| async move { control.delete_role_now(&name, &expected).await })
            .await
    }

    pub(super) async fn delete_role_now(
        &self,
        name: &str,
        expected: &Expected,
    ) -> Result<(), ControlError> {
        let control = self;
        let role = control.find_role(name).await?;
        expected.check(&role_json(role.clone()))?;
        match control.catalog().delete_role(role.id).await {
            Ok(true) => {}
            Ok(false) => return Err(role_not_found(name)),
            Err(StoreError::Conflict(detail)) => {
                return Err(ControlError::conflict("role_in_use", detail));
            }
            Err(error) => return Err(error.into()),
        }
        control.touch(Key::Roles);
        control.tracker().remove_role(role.id);
        Ok(())
    }

    pub(super) async fn add_role_now(&self, new: NewRole) -> Result<Role, ControlError> {
        validate::percents(new.upload_percent, new.download_percent)?;
        let roles = self.catalog().roles().await?;
        name_is_free(&new.name, &roles)?;
        if roles.len() >= ROLES_MAX {
            let detail = format!("there are {ROLES_MAX} roles already: delete one first");
            return Err(ControlError::conflict("too_many_roles", detail));
        }
        let record = RoleRecord {
            id: 0,
            name: new.name,
            priority: new.priority.unwrap_or_default(),
            upload_percent: new.upload_percent.unwrap_or(100),
            download_percent: new.download_percent.unwrap_or(100),
            upload_enabled: new.upload_enabled.unwrap_or(true),
            download_enabled: new.download_enabled.unwrap_or(true),
            download_slots: new.download_slots,
            immune: new.immune.unwrap_or(false),
            enabled: new.enabled.unwrap_or(true),
        };
        self.store_role(record).await
    }

    pub(super) async fn update_role_now(
        &self,
        name: &str,
        change: RoleChange,
        expected: &Expected,
    ) -> Result<Role, ControlError> {
        validate::percents(change.upload_percent, change.download_percent)?;
        let roles = self.catalog().roles().await?;
        let Some(before) = roles.iter().find(|role| role.name == name) else {
            return Err(role_not_found(name));
        };
        expected.check(&role_json(before.clone()))?;
        if let Some(new_name) = change.name.as_deref().filter(|new| *new != before.name) {
            name_is_free(new_name, &roles)?;
        }
        let before = before.clone();
        let record = RoleRecord {
            id: before.id,
            name: change.name.unwrap_or(before.name),
            priority: change.priority.unwrap_or(before.priority),
            upload_percent: change.upload_percent.unwrap_or(before.upload_percent),
            download_percent: change.download_percent.unwrap_or(before.download_percent),
            upload_enabled: change.upload_enabled.unwrap_or(before.upload_enabled),
            download_enabled: change.download_enabled.unwrap_or(before.download_enabled),
            download_slots: change.download_slots.unwrap_or(before.download_slots),
            immune: change.immune.unwrap_or(before.immune),
            enabled: change.enabled.unwrap_or(before.enabled),
        };
        self.store_role(record).await
    }

    async fn store_role(&self, record: RoleRecord) -> Result<Role, ControlError> {
        let record = self.catalog().put_role(&record).await?;
        self.touch(Key::Roles);
        self.tracker().put_named_role(role_spec(&record), &record.name);
        Ok(role_json(record))
    }

    async fn find_role(&self, name: &str) -> Result<RoleRecord, ControlError> {
        let roles = self.catalog().roles().await?;
        roles.into_iter().find(|role| role.name == name).ok_or_else(|| role_not_found(name))
    }

    /// The id of a role that a user is to get; without a name the lowest.
    pub(super) async fn role_id(&self, name: Option<&str>) -> Result<u16, ControlError> {
        let roles = self.catalog().roles().await?;
        match name {
            Some(name) => {
                let role = roles.iter().find(|role| role.name == name).map(|role| role.id);
                role.ok_or_else(|| {
                    let names: Vec<_> = roles.iter().map(|role| role.name.as_str()).collect();
                    let names = names.join(", ");
                    ControlError::Invalid(format!("there is no role {name:?}; there are: {names}"))
                })
            }
            None => roles.iter().map(|role| role.id).min().ok_or_else(|| {
                ControlError::Invalid("there is no role yet: add one first".to_owned())
            }),
        }
    }
}

/// What the tracker holds of a role.
pub(crate) fn role_spec(record: &RoleRecord) -> RoleSpec {
    RoleSpec {
        id: record.id,
        upload_percent: record.upload_percent,
        download_percent: record.download_percent,
        upload_enabled: record.upload_enabled,
        download_enabled: record.download_enabled,
        download_slots: record.download_slots,
        immune: record.immune,
        enabled: record.enabled,
    }
}

pub(super) fn role_json(record: RoleRecord) -> Role {
    Role {
        id: record.id,
        name: record.name,
        priority: record.priority,
        upload_percent: record.upload_percent,
        download_percent: record.download_percent,
        upload_enabled: record.upload_enabled,
        download_enabled: record.download_enabled,
        download_slots: record.download_slots,
        immune: record.immune,
        enabled: record.enabled,
    }
}

fn name_is_free(name: &str, roles: &[RoleRecord]) -> Result<(), ControlError> {
    validate::name("name", name)?;
    if roles.iter().any(|role| role.name == name) {
        let detail = format!("there is a role {name:?} already");
        return Err(ControlError::conflict("name_taken", detail));
    }
    Ok(())
}

fn role_not_found(name: &str) -> ControlError {
    ControlError::not_found("role_not_found", format!("there is no role {name:?}"))
}
