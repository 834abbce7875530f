//! Single records. The site owns them, so that they are only read; what changes them is the
//! site's own business.

use async_trait::async_trait;
use mika_protocol::{InfoHash, Passkey};

use super::load::{Page, Position, page_call};
use super::wire::{ClientRuleJson, EventJson, RoleJson, Row, TokenJson, TorrentJson, UserJson};
use super::{HttpStore, bad_answer};
use crate::catalog::{Catalog, NewTorrent, NewUser, TorrentPatch, UserKey, UserPatch};
use crate::record::{
    ClientRuleRecord, EventRecord, RoleRecord, TokenRecord, TorrentRecord, UserRecord,
};
use crate::store::StoreError;

/// Rows of one of the short lists that are shown.
const SHORT_LIST_ROWS_MAX: usize = 10_000;

fn owned_by_site<T>() -> Result<T, StoreError> {
    Err(StoreError::Unsupported("the site owns its records: change them there"))
}

impl HttpStore {
    /// Rows after a position, at most so many.
    async fn rows<R: Row>(
        &self,
        name: &str,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<R::Record>, StoreError> {
        let mut records = Vec::new();
        let mut after = after;
        while records.len() < limit {
            let left = limit.saturating_sub(records.len());
            let rows = self.options.page_rows.min(u32::try_from(left).unwrap_or(u32::MAX));
            let call = page_call(name, after.as_ref(), rows, self.options.call_timeout);
            let Some(page) = self.caller.get_optional::<Page<R>>(call).await? else { break };
            for row in page.items {
                records.push(row.record().map_err(bad_answer)?);
            }
            match page.next {
                Some(next) if next.is_beyond(after.as_ref()) => after = Some(next),
                _ => break,
            }
        }
        records.truncate(limit);
        Ok(records)
    }
}

#[async_trait]
impl Catalog for HttpStore {
    async fn users(&self, after_id: u32, limit: u32) -> Result<Vec<UserRecord>, StoreError> {
        let after = Some(Position::Number(after_id.into()));
        self.rows::<UserJson>("users", after, limit as usize).await
    }

    /// By passkey or id; the site's API has no names.
    async fn user(&self, key: &UserKey) -> Result<Option<UserRecord>, StoreError> {
        match key {
            UserKey::Passkey(text) => match Passkey::new(text.as_bytes()) {
                Some(passkey) => self.find_user(&passkey).await,
                None => Ok(None),
            },
            UserKey::Id(0) => Ok(None),
            UserKey::Id(id) => {
                let after = Some(Position::Number(u64::from(*id).saturating_sub(1)));
                let found = self.rows::<UserJson>("users", after, 1).await?;
                Ok(found.into_iter().find(|user| user.id == *id))
            }
            UserKey::Name(_) => Ok(None),
        }
    }

    async fn add_user(&self, _: &NewUser) -> Result<UserRecord, StoreError> {
        owned_by_site()
    }

    async fn update_user(&self, _: u32, _: &UserPatch) -> Result<Option<UserRecord>, StoreError> {
        owned_by_site()
    }

    async fn torrents(&self, after_id: u32, limit: u32) -> Result<Vec<TorrentRecord>, StoreError> {
        let after = Some(Position::Number(after_id.into()));
        self.rows::<TorrentJson>("torrents", after, limit as usize).await
    }

    async fn torrent(&self, info_hash: InfoHash) -> Result<Option<TorrentRecord>, StoreError> {
        self.find_torrent(info_hash).await
    }

    async fn add_torrent(&self, _: &NewTorrent) -> Result<TorrentRecord, StoreError> {
        owned_by_site()
    }

    async fn update_torrent(
        &self,
        _: u32,
        _: &TorrentPatch,
    ) -> Result<Option<TorrentRecord>, StoreError> {
        owned_by_site()
    }

    async fn roles(&self) -> Result<Vec<RoleRecord>, StoreError> {
        self.rows::<RoleJson>("roles", None, SHORT_LIST_ROWS_MAX).await
    }

    async fn put_role(&self, _: &RoleRecord) -> Result<RoleRecord, StoreError> {
        owned_by_site()
    }

    async fn delete_role(&self, _: u16) -> Result<bool, StoreError> {
        owned_by_site()
    }

    async fn client_rules(&self) -> Result<Vec<ClientRuleRecord>, StoreError> {
        self.rows::<ClientRuleJson>("client_rules", None, SHORT_LIST_ROWS_MAX).await
    }

    async fn put_client_rule(&self, _: &ClientRuleRecord) -> Result<(), StoreError> {
        owned_by_site()
    }

    async fn delete_client_rule(&self, _: &str) -> Result<bool, StoreError> {
        owned_by_site()
    }

    async fn tokens(
        &self,
        user_id: Option<u32>,
        limit: u32,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        // The site lists all tokens; those of one user are picked here.
        let most = if user_id.is_some() { usize::MAX } else { limit as usize };
        let mut tokens = self.rows::<TokenJson>("tokens", None, most).await?;
        tokens.retain(|token| user_id.is_none_or(|user_id| token.user_id == user_id));
        tokens.truncate(limit as usize);
        Ok(tokens)
    }

    async fn put_token(&self, _: &TokenRecord) -> Result<(), StoreError> {
        owned_by_site()
    }

    async fn delete_token(&self, _: u32, _: u32) -> Result<bool, StoreError> {
        owned_by_site()
    }

    async fn events(&self) -> Result<Vec<EventRecord>, StoreError> {
        self.rows::<EventJson>("events", None, SHORT_LIST_ROWS_MAX).await
    }

    async fn put_event(&self, _: &EventRecord) -> Result<(), StoreError> {
        owned_by_site()
    }

    async fn delete_event(&self, _: &str) -> Result<bool, StoreError> {
        owned_by_site()
    }
}
