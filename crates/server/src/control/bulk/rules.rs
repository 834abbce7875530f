//! Many roles, client rules and events: small tables, written record by record and put in force as
//! a whole.

use std::collections::HashSet;

use mika_client::types::{
    Bulk, BulkReport, NameKey, NewClientRule, NewEvent, NewRole, PrefixKey, RoleChange,
};
use mika_store::record::{ClientRuleRecord, EventRecord};

use super::super::client_rules::{CLIENT_RULES_MAX, rule_not_found, rule_spec};
use super::super::events::{EVENTS_MAX, event_of, event_spec};
use super::super::resync::Key;
use super::super::{Control, ControlError, Expected, validate};
use super::{Done, Outcomes, Sorted, What, repeated, sorted};

/// Records in one call: each is a transaction of its own.
const ITEMS_MAX: usize = 1000;

impl Control {
    /// Adds, changes and deletes many roles.
    pub async fn bulk_roles(
        &self,
        bulk: Bulk<NewRole, NameKey>,
    ) -> Result<BulkReport, ControlError> {
        let Sorted { upserts, deletes, report } = sorted(bulk, ITEMS_MAX)?;
        let outcomes = self.change(|control| async move {
            let mut outcomes = Outcomes::new();
            let mut seen = HashSet::new();
            for role in upserts {
                let is_new = seen.insert(role.name.clone());
                let put = async { control.put_role_now(role).await };
                outcomes.push(if is_new { put.await } else { Err(repeated()) });
            }
            for key in deletes {
                let deleted = control.delete_role_now(&key.name, &Expected::Anything).await;
                outcomes.push(deleted.map(|()| Done { what: What::Deleted, id: 0 }));
            }
            Ok(outcomes)
        });
        Ok(report.finish(&outcomes.await?))
    }

    pub(in crate::control) async fn put_role_now(
        &self,
        role: NewRole,
    ) -> Result<Done, ControlError> {
        let is_there = self.catalog().roles().await?.iter().any(|other| other.name == role.name);
        if !is_there {
            let added = self.add_role_now(role).await?;
            return Ok(Done { what: What::Created, id: added.id.into() });
        }
        let change = RoleChange {
            name: None,
            priority: role.priority,
            upload_percent: role.upload_percent,
            download_percent: role.download_percent,
            upload_enabled: role.upload_enabled,
            download_enabled: role.download_enabled,
            download_slots: role.download_slots.map(Some),
            immune: role.immune,
            enabled: role.enabled,
        };
        let changed = self.update_role_now(&role.name, change, &Expected::Anything).await?;
        Ok(Done { what: What::Updated, id: changed.id.into() })
    }

    /// Adds, changes and deletes many client rules.
    pub async fn bulk_client_rules(
        &self,
        bulk: Bulk<NewClientRule, PrefixKey>,
    ) -> Result<BulkReport, ControlError> {
        let Sorted { upserts, deletes, report } = sorted(bulk, ITEMS_MAX)?;
        let outcomes = self.change(|control| async move {
            let mut rules = control.catalog().client_rules().await?;
            let mut outcomes = Outcomes::new();
            for rule in upserts {
                outcomes.push(control.put_rule_now(rule, &mut rules).await);
            }
            for key in deletes {
                outcomes.push(match control.catalog().delete_client_rule(&key.prefix).await {
                    Ok(true) => {
                        rules.retain(|rule| rule.prefix != key.prefix);
                        Ok(Done { what: What::Deleted, id: 0 })
                    }
                    Ok(false) => Err(rule_not_found(&key.prefix)),
                    Err(error) => Err(error.into()),
                });
            }
            control.touch(Key::ClientRules);
            control.tracker().set_client_rules(rules.iter().map(rule_spec).collect());
            Ok(outcomes)
        });
        Ok(report.finish(&outcomes.await?))
    }

    /// Writes a rule, which has to be put in force afterwards.
    pub(in crate::control) async fn put_rule_now(
        &self,
        rule: NewClientRule,
        rules: &mut Vec<ClientRuleRecord>,
    ) -> Result<Done, ControlError> {
        validate::prefix(&rule.prefix)?;
        validate::note(&rule.name)?;
        let known = rules.iter_mut().find(|other| other.prefix == rule.prefix);
        let (allowed, name) = (rule.allowed.unwrap_or(true), rule.name);
        let record = ClientRuleRecord { prefix: rule.prefix, allowed, name };
        if known.is_none() && rules.len() >= CLIENT_RULES_MAX {
            let detail = format!("there are {CLIENT_RULES_MAX} rules already: delete some");
            return Err(ControlError::conflict("too_many_client_rules", detail));
        }
        self.catalog().put_client_rule(&record).await?;
        let known = rules.iter_mut().find(|other| other.prefix == record.prefix);
        let what = if known.is_some() { What::Updated } else { What::Created };
        match known {
            Some(known) => *known = record,
            None => rules.push(record),
        }
        Ok(Done { what, id: 0 })
    }

    /// Adds, changes and deletes many global events.
    pub async fn bulk_events(
        &self,
        bulk: Bulk<NewEvent, NameKey>,
    ) -> Result<BulkReport, ControlError> {
        let Sorted { upserts, deletes, report } = sorted(bulk, ITEMS_MAX)?;
        let outcomes = self.change(|control| async move {
            let mut events = control.catalog().events().await?;
            let mut outcomes = Outcomes::new();
            for event in upserts {
                outcomes.push(match event_of(event) {
                    Ok(event) => control.put_event_now(event, &mut events).await,
                    Err(error) => Err(error),
                });
            }
            for key in deletes {
                outcomes.push(match control.catalog().delete_event(&key.name).await {
                    Ok(true) => {
                        events.retain(|event| event.name != key.name);
                        Ok(Done { what: What::Deleted, id: 0 })
                    }
                    Ok(false) => {
                        let detail = format!("there is no event {:?}", key.name);
                        Err(ControlError::not_found("event_not_found", detail))
                    }
                    Err(error) => Err(error.into()),
                });
            }
            control.touch(Key::Events);
            control.tracker().set_events(events.iter().map(event_spec).collect());
            Ok(outcomes)
        });
        Ok(report.finish(&outcomes.await?))
    }

    /// Writes an event, which has to be put in force afterwards.
    pub(in crate::control) async fn put_event_now(
        &self,
        event: EventRecord,
        events: &mut Vec<EventRecord>,
    ) -> Result<Done, ControlError> {
        let is_there = events.iter().any(|other| other.name == event.name);
        if !is_there && events.len() >= EVENTS_MAX {
            let detail = format!("there are {EVENTS_MAX} events already: delete past ones");
            return Err(ControlError::conflict("too_many_events", detail));
        }
        self.catalog().put_event(&event).await?;
        events.retain(|other| other.name != event.name);
        events.push(event);
        let what = if is_there { What::Updated } else { What::Created };
        Ok(Done { what, id: 0 })
    }
}
