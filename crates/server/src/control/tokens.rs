//! Tokens: a multiplier for one user on one torrent.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use mika_client::types::{NewToken, PageQuery, Token};
use mika_core::Mode;
use mika_core::registry::TokenSpec;
use mika_protocol::InfoHash;
use mika_store::catalog::UserKey;
use mika_store::record::TokenRecord;

use super::error::ControlError;
use super::resync::Key;
use super::{Control, Expected, now_seconds, validate};

impl Control {
    /// Tokens of one user, or of all; at most [`PageQuery::LIMIT_MAX`].
    pub async fn tokens(&self, user: Option<&str>) -> Result<Vec<Token>, ControlError> {
        let user_id = match user {
            Some(key) => Some(self.find_user(key).await?.id),
            None => None,
        };
        let records = self.catalog().tokens(user_id, PageQuery::LIMIT_MAX).await?;
        let mut names = HashMap::new();
        let mut hashes = HashMap::new();
        let mut tokens = Vec::with_capacity(records.len());
        for record in records {
            let name = match names.entry(record.user_id) {
                Entry::Occupied(known) => Option::clone(known.get()),
                Entry::Vacant(unknown) => {
                    let user = self.catalog().user(&UserKey::Id(record.user_id)).await?;
                    unknown.insert(user.map(|user| user.name)).clone()
                }
            };
            let hash = match hashes.entry(record.torrent_id) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(unknown) => *unknown.insert(self.hash_of(record.torrent_id).await?),
            };
            // A token whose user or torrent has just gone is on its way out too.
            if let (Some(name), Some(hash)) = (name, hash) {
                tokens.push(token_json(record, name, hash));
            }
        }
        Ok(tokens)
    }

    /// Gives a user a token on a torrent, in place of one that is there.
    pub async fn put_token(
        &self,
        user: String,
        info_hash: InfoHash,
        new: NewToken,
        expected: Expected,
    ) -> Result<Token, ControlError> {
        self.change(move |control| async move {
            if control.tracker().mode() == Mode::Public {
                let detail = "a public tracker has no tokens: nothing is accounted";
                return Err(ControlError::conflict("public_mode", detail));
            }
            validate::percents(new.upload_percent, new.download_percent)?;
            if new.ends_at.is_some_and(|ends_at| ends_at <= now_seconds()) {
                return Err(ControlError::Invalid("ends_at is in the past".to_owned()));
            }
            let user = control.find_user(&user).await?;
            let torrent = control.find_torrent(info_hash).await?;
            let record = TokenRecord {
                user_id: user.id,
                torrent_id: torrent.id,
                upload_percent: new.upload_percent.unwrap_or(100),
                download_percent: new.download_percent.unwrap_or(0),
                ends_at_seconds: new.ends_at,
            };
            control.check_token(&user.name, &record, torrent.info_hash, &expected).await?;
            control.catalog().put_token(&record).await?;
            control.touch(Key::Tokens);
            control.tracker().put_token(torrent.info_hash, token_spec(&record))?;
            Ok(token_json(record, user.name, torrent.info_hash))
        })
        .await
    }

    /// Takes a user's token on a torrent away.
    pub async fn delete_token(
        &self,
        user: String,
        info_hash: InfoHash,
        expected: Expected,
    ) -> Result<(), ControlError> {
        self.change(move |control| async move {
            let user = control.find_user(&user).await?;
            let torrent = control.find_torrent(info_hash).await?;
            if !expected.is_anything()
                && let Some(found) = control.find_token(user.id, torrent.id).await?
            {
                expected.check(&token_json(found, user.name, torrent.info_hash))?;
            }
            if !control.catalog().delete_token(user.id, torrent.id).await? {
                return Err(token_not_found(user.id, info_hash));
            }
            control.touch(Key::Tokens);
            control.tracker().remove_token(torrent.info_hash, user.id);
            Ok(())
        })
        .await
    }

    /// A user's token on a torrent.
    pub async fn token(&self, user: &str, info_hash: InfoHash) -> Result<Token, ControlError> {
        let user = self.find_user(user).await?;
        let torrent = self.find_torrent(info_hash).await?;
        let found = self.find_token(user.id, torrent.id).await?;
        let found = found.ok_or_else(|| token_not_found(user.id, info_hash))?;
        Ok(token_json(found, user.name, torrent.info_hash))
    }

    async fn find_token(
        &self,
        user_id: u32,
        torrent_id: u32,
    ) -> Result<Option<TokenRecord>, ControlError> {
        // The first of the user's tokens from the one on this torrent on.
        let before = (user_id, torrent_id.saturating_sub(1));
        let next = self.catalog().tokens_after(Some(user_id), before, 1).await?;
        Ok(next.into_iter().find(|it| (it.user_id, it.torrent_id) == (user_id, torrent_id)))
    }

    /// Whether what a token is to replace is what its author has seen.
    async fn check_token(
        &self,
        user: &str,
        new: &TokenRecord,
        info_hash: InfoHash,
        expected: &Expected,
    ) -> Result<(), ControlError> {
        if expected.is_anything() {
            return Ok(());
        }
        let found = self.find_token(new.user_id, new.torrent_id).await?;
        let found = found.ok_or(ControlError::Changed)?;
        expected.check(&token_json(found, user.to_owned(), info_hash))
    }

    async fn hash_of(&self, torrent_id: u32) -> Result<Option<InfoHash>, ControlError> {
        let next = self.catalog().torrents(torrent_id.saturating_sub(1), 1).await?;
        let torrent = next.into_iter().find(|torrent| torrent.id == torrent_id);
        Ok(torrent.map(|torrent| torrent.info_hash))
    }
}

fn token_not_found(user_id: u32, info_hash: InfoHash) -> ControlError {
    let detail = format!("user {user_id} has no token on {info_hash}");
    ControlError::not_found("token_not_found", detail)
}

/// What the tracker holds of a token.
pub(crate) fn token_spec(record: &TokenRecord) -> TokenSpec {
    TokenSpec {
        user_id: record.user_id,
        upload_percent: record.upload_percent,
        download_percent: record.download_percent,
        ends_at_seconds: record.ends_at_seconds,
    }
}

fn token_json(record: TokenRecord, user: String, info_hash: InfoHash) -> Token {
    Token {
        user_id: record.user_id,
        user,
        torrent_id: record.torrent_id,
        info_hash,
        upload_percent: record.upload_percent,
        download_percent: record.download_percent,
        ends_at: record.ends_at_seconds,
    }
}
