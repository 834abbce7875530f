//! What a site tells of records that are its own: in force for the next announce, and in the
//! tables already, or in a moment.
//!
//! Nothing is written to the store, whose records are the site's to write. For some seconds a
//! resync leaves alone what was told, for a site may tell before it commits; after that the tables
//! are right again, so that a call that was lost or wrong heals.

use std::time::{Duration, Instant};

use mika_core::registry::{ClientRule, TokenSpec, UserTerms};
use mika_core::{KnownTorrent, KnownUser};
use mika_protocol::{InfoHash, Passkey};
use mika_store::catalog::UserKey;
use mika_store::record::{ClientRuleRecord, RoleRecord, UserRecord};
use tracing::warn;

use super::error::ControlError;
use super::resync::Key;
use super::{Control, now_seconds, role_spec, rule_spec};

/// Changes of the last seconds that are read with the small tables.
const READ_BACK_SECONDS: u32 = 60;

impl Control {
    /// Changes a torrent as the tracker holds it; false if it is unknown. With an id, one that is
    /// unknown is added.
    pub(crate) async fn told_torrent(
        &self,
        info_hash: InfoHash,
        id: Option<u32>,
        change: impl FnOnce(&mut KnownTorrent) + Send + 'static,
    ) -> Result<bool, ControlError> {
        self.change(move |control| async move {
            let known = control.tracker().known_torrent(info_hash);
            let Some(mut torrent) = known.or(id.map(|id| KnownTorrent::new(id, info_hash))) else {
                return Ok(false);
            };
            change(&mut torrent);
            control.hold(Key::Torrent(torrent.id));
            control.tracker().put_torrent(torrent.spec())?;
            if torrent.gone {
                control.tracker().torrent_removed(info_hash);
            }
            Ok(true)
        })
        .await
    }

    /// Adds a user, or changes the one with this id, and the passkey.
    pub(crate) async fn told_user(
        &self,
        id: u32,
        passkey: Passkey,
        change: impl FnOnce(&mut KnownUser) + Send + 'static,
    ) -> Result<(), ControlError> {
        self.change(move |control| async move {
            let known = control.tracker().known_user(id);
            let mut user = known.unwrap_or_else(|| KnownUser::new(id, RoleRecord::ONLY_ID));
            change(&mut user);
            control.hold(Key::User(id));
            control.tracker().put_user(user.spec(passkey))?;
            Ok(())
        })
        .await
    }

    /// Closes an account; false if there is none.
    pub(crate) async fn told_user_gone(&self, id: u32) -> Result<bool, ControlError> {
        self.change(move |control| async move {
            control.hold(Key::User(id));
            Ok(control.tracker().retire_user(id))
        })
        .await
    }

    /// Changes what is different for a user; false if there is none.
    pub(crate) async fn told_terms(
        &self,
        id: u32,
        change: impl FnOnce(&mut UserTerms) + Send + 'static,
    ) -> Result<bool, ControlError> {
        self.change(move |control| async move {
            let Some(mut user) = control.tracker().known_user(id) else { return Ok(false) };
            change(&mut user.terms);
            control.hold(Key::User(id));
            Ok(control.tracker().put_user_terms(id, user.terms))
        })
        .await
    }

    /// Gives a user a token for freeleech on a torrent, or takes it away; false if user or torrent
    /// are unknown.
    pub(crate) async fn told_token(
        &self,
        user_id: u32,
        info_hash: InfoHash,
        is_given: bool,
    ) -> Result<bool, ControlError> {
        self.change(move |control| async move {
            let tracker = control.tracker();
            let Some(torrent) = tracker.known_torrent(info_hash) else { return Ok(false) };
            if tracker.known_user(user_id).is_none() {
                return Ok(false);
            }
            control.hold(Key::Token(user_id, torrent.id));
            if is_given {
                let token = TokenSpec {
                    user_id,
                    upload_percent: 100,
                    download_percent: 0,
                    ends_at_seconds: None,
                };
                tracker.put_token(info_hash, token)?;
            } else {
                tracker.remove_token(info_hash, user_id);
            }
            Ok(true)
        })
        .await
    }

    /// Adds or changes a role.
    pub(crate) async fn told_role(&self, role: RoleRecord) -> Result<(), ControlError> {
        self.change(move |control| async move {
            control.hold(Key::Roles);
            control.tracker().put_named_role(role_spec(&role), &role.name);
            Ok(())
        })
        .await
    }

    /// Removes a role.
    pub(crate) async fn told_role_gone(&self, id: u16) -> Result<(), ControlError> {
        self.change(move |control| async move {
            control.hold(Key::Roles);
            control.tracker().remove_role(id);
            Ok(())
        })
        .await
    }

    /// Changes the client rules in force.
    pub(crate) async fn told_client_rules(
        &self,
        change: impl FnOnce(&mut Vec<ClientRule>) + Send + 'static,
    ) -> Result<(), ControlError> {
        self.change(move |control| async move {
            let mut rules = control.tracker().client_rules();
            change(&mut rules);
            if rules.len() > super::client_rules::CLIENT_RULES_MAX {
                return Err(ControlError::Invalid("there are too many client rules".to_owned()));
            }
            control.hold(Key::ClientRules);
            control.tracker().set_client_rules(rules);
            Ok(())
        })
        .await
    }

    /// Puts the client rules of the store in force, once `change` has made what was told of them;
    /// and reads them again after `later`, when the site has written it.
    pub(crate) async fn read_client_rules(
        &self,
        change: impl FnOnce(&mut Vec<ClientRuleRecord>) + Send + 'static,
        later: Duration,
    ) -> Result<(), ControlError> {
        self.change(move |control| async move {
            let mut rules = match control.catalog().client_rules().await {
                Ok(rules) => rules,
                Err(error) => {
                    // Such as a rule that is wrong, which a resync leaves out.
                    warn!(%error, "the client rules in force are kept");
                    let known = control.tracker().client_rules();
                    known.into_iter().filter_map(record_of).collect()
                }
            };
            change(&mut rules);
            control.touch(Key::ClientRules);
            control.tracker().set_client_rules(rules.iter().map(rule_spec).collect());
            Ok(())
        })
        .await?;
        let control = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(later).await;
            let since = now_seconds().saturating_sub(READ_BACK_SECONDS);
            if let Err(error) = control.resync(Some(since)).await {
                warn!(%error, "the client rules could not be read again");
            }
        });
        Ok(())
    }

    /// A user as the store has it.
    pub(crate) async fn stored_user(&self, id: u32) -> Result<Option<UserRecord>, ControlError> {
        Ok(self.catalog().user(&UserKey::Id(id)).await?)
    }

    fn hold(&self, key: Key) {
        self.shared.touched.hold(key, Instant::now());
        self.touch(key);
    }
}

/// A rule in force as a record, whose name nobody knows.
fn record_of(rule: ClientRule) -> Option<ClientRuleRecord> {
    let prefix = String::from_utf8(rule.prefix).ok()?;
    Some(ClientRuleRecord { prefix, allowed: rule.allowed, name: String::new() })
}
