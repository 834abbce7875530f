//! Many tokens.

use std::collections::{HashMap, HashSet};

use mika_client::types::{Bulk, BulkReport, BulkToken, TokenKey};
use mika_core::Mode;
use mika_protocol::InfoHash;
use mika_store::catalog::UserKey;
use mika_store::record::TokenRecord;

use super::super::resync::Key;
use super::super::tokens::token_spec;
use super::super::torrents::torrent_not_found;
use super::super::{Control, ControlError, now_seconds, validate};
use super::{Done, Outcomes, Sorted, What, finished, repeated, set, sorted};

/// Whose token is meant.
#[derive(Debug, Clone)]
pub(in crate::control) enum Holder {
    Id(u32),
    Name(String),
}

/// What somebody wants a token to be.
pub(in crate::control) struct TokenWish {
    pub(in crate::control) holder: Holder,
    pub(in crate::control) info_hash: InfoHash,
    /// `None`: it is to be taken away.
    pub(in crate::control) percents: Option<(u16, u16)>,
    pub(in crate::control) ends_at: Option<u32>,
}

impl TokenWish {
    pub(in crate::control) fn named(
        user: String,
        info_hash: InfoHash,
        percents: (u16, u16),
    ) -> Self {
        Self { holder: Holder::Name(user), info_hash, percents: Some(percents), ends_at: None }
    }
}

/// A wish whose user and torrent are there.
struct Found {
    at: usize,
    user_id: u32,
    torrent_id: u32,
    info_hash: InfoHash,
    wish: TokenWish,
}

impl Control {
    /// Gives and takes many tokens.
    pub async fn bulk_tokens(
        &self,
        bulk: Bulk<BulkToken, TokenKey>,
    ) -> Result<BulkReport, ControlError> {
        let Sorted { upserts, deletes, report } =
            sorted(bulk, Bulk::<BulkToken, TokenKey>::ITEMS_MAX)?;
        let mut wishes = Vec::new();
        for token in upserts {
            let percents =
                (token.upload_percent.unwrap_or(100), token.download_percent.unwrap_or(0));
            wishes.push(TokenWish {
                holder: Holder::Id(token.user_id),
                info_hash: token.info_hash,
                percents: Some(percents),
                ends_at: token.ends_at,
            });
        }
        for key in deletes {
            let (holder, info_hash) = (Holder::Id(key.user_id), key.info_hash);
            wishes.push(TokenWish { holder, info_hash, percents: None, ends_at: None });
        }
        let outcomes =
            self.change(|control| async move { control.tokens_now(wishes).await }).await?;
        Ok(report.finish(&outcomes))
    }

    pub(in crate::control) async fn tokens_now(
        &self,
        wishes: Vec<TokenWish>,
    ) -> Result<Outcomes, ControlError> {
        if self.tracker().mode() == Mode::Public {
            let detail = "a public tracker has no tokens: nothing is accounted";
            return Err(ControlError::conflict("public_mode", detail));
        }
        let mut outcomes: Vec<_> = wishes.iter().map(|_| None).collect();
        let found = self.find_all(wishes, &mut outcomes).await?;
        let (puts, deletes): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|it| it.wish.percents.is_some());
        let records: Vec<TokenRecord> = puts.iter().filter_map(record).collect();
        let results = self.catalog().put_tokens(&records).await?;
        self.touch(Key::Tokens);
        for ((found, record), result) in puts.into_iter().zip(records).zip(results) {
            let outcome = result.map_err(ControlError::from).and_then(|()| {
                self.tracker().put_token(found.info_hash, token_spec(&record))?;
                Ok(Done { what: What::Updated, id: 0 })
            });
            set(&mut outcomes, found.at, outcome);
        }
        let keys: Vec<_> = deletes.iter().map(|it| (it.user_id, it.torrent_id)).collect();
        let were_there = self.catalog().delete_tokens(&keys).await?;
        for (found, was_there) in deletes.into_iter().zip(were_there) {
            let outcome = if was_there {
                self.tracker().remove_token(found.info_hash, found.user_id);
                Ok(Done { what: What::Deleted, id: 0 })
            } else {
                let detail = format!("user {} has no token on {}", found.user_id, found.info_hash);
                Err(ControlError::not_found("token_not_found", detail))
            };
            set(&mut outcomes, found.at, outcome);
        }
        Ok(finished(outcomes))
    }

    async fn find_all(
        &self,
        wishes: Vec<TokenWish>,
        outcomes: &mut [Option<Result<Done, ControlError>>],
    ) -> Result<Vec<Found>, ControlError> {
        let hashes: HashSet<InfoHash> = wishes.iter().map(|it| it.info_hash).collect();
        let hashes: Vec<InfoHash> = hashes.into_iter().collect();
        let key = |wish: &TokenWish| match &wish.holder {
            Holder::Id(id) => UserKey::Id(*id),
            Holder::Name(name) => UserKey::Name(name.clone()),
        };
        let keys: Vec<UserKey> = wishes.iter().map(key).collect();
        let users = self.catalog().find_users(&keys).await?;
        let ids: HashSet<u32> = users.iter().map(|user| user.id).collect();
        let names: HashMap<&str, u32> =
            users.iter().map(|user| (user.name.as_str(), user.id)).collect();
        let mut torrents = HashMap::new();
        for torrent in self.catalog().find_torrents(&hashes).await? {
            torrents.insert(torrent.info_hash, (torrent.id, torrent.info_hash));
            let second = torrent.info_hash_v2;
            torrents.extend(second.map(|hash| (hash, (torrent.id, torrent.info_hash))));
        }
        let now_seconds = now_seconds();
        let mut seen = HashSet::new();
        let mut found = Vec::with_capacity(wishes.len());
        for (at, wish) in wishes.into_iter().enumerate() {
            let user_id = match &wish.holder {
                Holder::Id(id) => ids.get(id).copied(),
                Holder::Name(name) => names.get(name.as_str()).copied(),
            };
            let torrent = torrents.get(&wish.info_hash).copied();
            let checked = check(&wish, now_seconds).and_then(|()| match (user_id, torrent) {
                (None, _) => {
                    let detail = "there is no such user";
                    Err(ControlError::not_found("user_not_found", detail))
                }
                (_, None) => Err(torrent_not_found(wish.info_hash)),
                (Some(user_id), Some((torrent_id, info_hash))) => {
                    let is_new = seen.insert((user_id, torrent_id));
                    if is_new { Ok((user_id, torrent_id, info_hash)) } else { Err(repeated()) }
                }
            });
            match checked {
                Err(error) => set(outcomes, at, Err(error)),
                Ok((user_id, torrent_id, info_hash)) => {
                    found.push(Found { at, user_id, torrent_id, info_hash, wish });
                }
            }
        }
        Ok(found)
    }
}

fn check(wish: &TokenWish, now_seconds: u32) -> Result<(), ControlError> {
    if let Some((upload, download)) = wish.percents {
        validate::percents(Some(upload), Some(download))?;
    }
    if wish.ends_at.is_some_and(|ends_at| ends_at <= now_seconds) {
        return Err(ControlError::Invalid("ends_at is in the past".to_owned()));
    }
    Ok(())
}

fn record(found: &Found) -> Option<TokenRecord> {
    let (upload_percent, download_percent) = found.wish.percents?;
    Some(TokenRecord {
        user_id: found.user_id,
        torrent_id: found.torrent_id,
        upload_percent,
        download_percent,
        ends_at_seconds: found.wish.ends_at,
    })
}
