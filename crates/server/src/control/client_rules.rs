//! Client rules, named by prefix: the whitelist and the blacklist.

use mika_client::types::{ClientRule, ClientRuleChange, NewClientRule};
use mika_core::registry;
use mika_store::record::ClientRuleRecord;

use super::error::ControlError;
use super::resync::Key;
use super::{Control, Expected, validate};

/// Client rules at most.
pub(super) const CLIENT_RULES_MAX: usize = 10_000;

impl Control {
    /// All client rules, by prefix.
    pub async fn client_rules(&self) -> Result<Vec<ClientRule>, ControlError> {
        Ok(self.catalog().client_rules().await?.into_iter().map(rule_json).collect())
    }

    /// The rule for a prefix.
    pub async fn client_rule(&self, prefix: &str) -> Result<ClientRule, ControlError> {
        let rules = self.catalog().client_rules().await?;
        let rule = rules.into_iter().find(|rule| rule.prefix == prefix);
        rule.map(rule_json).ok_or_else(|| rule_not_found(prefix))
    }

    /// Adds a rule.
    pub async fn add_client_rule(&self, new: NewClientRule) -> Result<ClientRule, ControlError> {
        self.change(move |control| async move {
            validate::prefix(&new.prefix)?;
            validate::note(&new.name)?;
            let mut rules = control.catalog().client_rules().await?;
            if rules.iter().any(|rule| rule.prefix == new.prefix) {
                let detail = format!("there is a rule for {:?} already: change it", new.prefix);
                return Err(ControlError::conflict("prefix_taken", detail));
            }
            if rules.len() >= CLIENT_RULES_MAX {
                let detail = format!("there are {CLIENT_RULES_MAX} rules already: delete some");
                return Err(ControlError::conflict("too_many_client_rules", detail));
            }
            let rule = ClientRuleRecord {
                prefix: new.prefix,
                allowed: new.allowed.unwrap_or(true),
                name: new.name,
            };
            control.catalog().put_client_rule(&rule).await?;
            rules.push(rule.clone());
            control.touch(Key::ClientRules);
            control.tracker().set_client_rules(rules.iter().map(rule_spec).collect());
            Ok(rule_json(rule))
        })
        .await
    }

    /// Changes the rule for a prefix.
    pub async fn update_client_rule(
        &self,
        prefix: String,
        change: ClientRuleChange,
        expected: Expected,
    ) -> Result<ClientRule, ControlError> {
        self.change(move |control| async move {
            validate::note(change.name.as_deref().unwrap_or_default())?;
            let mut rules = control.catalog().client_rules().await?;
            let Some(rule) = rules.iter_mut().find(|rule| rule.prefix == prefix) else {
                return Err(rule_not_found(&prefix));
            };
            expected.check(&rule_json(rule.clone()))?;
            rule.allowed = change.allowed.unwrap_or(rule.allowed);
            rule.name = change.name.unwrap_or_else(|| rule.name.clone());
            let rule = rule.clone();
            control.catalog().put_client_rule(&rule).await?;
            control.touch(Key::ClientRules);
            control.tracker().set_client_rules(rules.iter().map(rule_spec).collect());
            Ok(rule_json(rule))
        })
        .await
    }

    /// Deletes the rule for a prefix.
    pub async fn delete_client_rule(
        &self,
        prefix: String,
        expected: Expected,
    ) -> Result<(), ControlError> {
        self.change(move |control| async move {
            let mut rules = control.catalog().client_rules().await?;
            if let Some(rule) = rules.iter().find(|rule| rule.prefix == prefix) {
                expected.check(&rule_json(rule.clone()))?;
            }
            if !control.catalog().delete_client_rule(&prefix).await? {
                return Err(rule_not_found(&prefix));
            }
            rules.retain(|rule| rule.prefix != prefix);
            control.touch(Key::ClientRules);
            control.tracker().set_client_rules(rules.iter().map(rule_spec).collect());
            Ok(())
        })
        .await
    }
}

/// What the tracker holds of a rule.
pub(crate) fn rule_spec(record: &ClientRuleRecord) -> registry::ClientRule {
    registry::ClientRule { prefix: record.prefix.clone().into_bytes(), allowed: record.allowed }
}

pub(super) fn rule_json(record: ClientRuleRecord) -> ClientRule {
    ClientRule { prefix: record.prefix, allowed: record.allowed, name: record.name }
}

pub(super) fn rule_not_found(prefix: &str) -> ControlError {
    let detail = format!("there is no client rule for {prefix:?}");
    ControlError::not_found("client_rule_not_found", detail)
}
