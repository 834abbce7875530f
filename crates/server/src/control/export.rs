//! The whole state as JSON lines: roles, client rules, events, users, torrents, tokens.
//!
//! Records are read page by page while changes go on: one that is changed meanwhile is told as it
//! was or as it is, and one that is added may be missing. Peers are not part of it: they announce
//! again by themselves.

use std::collections::HashMap;

use mika_client::types::{
    BulkTorrent, BulkUser, PageQuery, StateEnd, StateLine, StateMeta, StateToken, StateTorrent,
    StateUser,
};
use mika_protocol::InfoHash;
use mika_store::catalog::UserKey;
use mika_store::record::{TokenRecord, TorrentRecord, UserRecord};

use super::client_rules::rule_json;
use super::events::event_json;
use super::roles::role_json;
use super::torrents::status_json;
use super::users::role_names;
use super::{Control, ControlError, now_seconds};

/// Version of the format.
pub(super) const VERSION: u32 = 1;

/// An export in the making.
pub struct Export {
    control: Control,
    stage: Stage,
    role_names: HashMap<u16, String>,
    lines: u64,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Small,
    Users(u32),
    Torrents(u32),
    Tokens(u32, u32),
    End,
    Done,
}

impl Export {
    /// An export of everything.
    pub fn new(control: Control) -> Self {
        Self { control, stage: Stage::Small, role_names: HashMap::new(), lines: 0 }
    }

    /// The next lines; `None` at the end.
    ///
    /// # Errors
    ///
    /// Those of the store. What was told before is not a whole export then, and has no last line.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ControlError> {
        loop {
            let lines = match self.stage {
                Stage::Small => self.small().await?,
                Stage::Users(after) => self.users(after).await?,
                Stage::Torrents(after) => self.torrents(after).await?,
                Stage::Tokens(user, torrent) => self.tokens((user, torrent)).await?,
                Stage::End => {
                    self.stage = Stage::Done;
                    vec![StateLine::End(StateEnd { lines: self.lines })]
                }
                Stage::Done => return Ok(None),
            };
            if lines.is_empty() {
                continue;
            }
            self.lines = self.lines.saturating_add(lines.len() as u64);
            let mut bytes = Vec::new();
            for line in lines {
                serde_json::to_writer(&mut bytes, &line)
                    .map_err(|error| ControlError::Invalid(error.to_string()))?;
                bytes.push(b'\n');
            }
            return Ok(Some(bytes));
        }
    }

    async fn small(&mut self) -> Result<Vec<StateLine>, ControlError> {
        let catalog = self.control.catalog();
        let roles = catalog.roles().await?;
        self.role_names = role_names(roles.clone());
        let mut lines = vec![StateLine::Meta(StateMeta {
            version: VERSION,
            exported_at: now_seconds(),
            mika: env!("CARGO_PKG_VERSION").to_owned(),
        })];
        lines.extend(roles.into_iter().map(|role| StateLine::Role(role_json(role))));
        let rules = catalog.client_rules().await?;
        lines.extend(rules.into_iter().map(|rule| StateLine::ClientRule(rule_json(rule))));
        let events = catalog.events().await?;
        lines.extend(events.into_iter().map(|event| StateLine::Event(event_json(event))));
        self.stage = Stage::Users(0);
        Ok(lines)
    }

    async fn users(&mut self, after: u32) -> Result<Vec<StateLine>, ControlError> {
        let users = self.control.catalog().users(after, PageQuery::LIMIT_MAX).await?;
        self.stage = users.last().map_or(Stage::Torrents(0), |user| Stage::Users(user.id));
        let line = |user| StateLine::User(user_line(user, &self.role_names));
        Ok(users.into_iter().map(line).collect())
    }

    async fn torrents(&mut self, after: u32) -> Result<Vec<StateLine>, ControlError> {
        let torrents = self.control.catalog().torrents(after, PageQuery::LIMIT_MAX).await?;
        let next = torrents.last().map(|torrent| Stage::Torrents(torrent.id));
        self.stage = next.unwrap_or(Stage::Tokens(0, 0));
        Ok(torrents.into_iter().map(|it| StateLine::Torrent(torrent_line(it))).collect())
    }

    async fn tokens(&mut self, after: (u32, u32)) -> Result<Vec<StateLine>, ControlError> {
        let catalog = self.control.catalog();
        let tokens = catalog.tokens_after(None, after, PageQuery::LIMIT_MAX).await?;
        let Some(last) = tokens.last() else {
            self.stage = Stage::End;
            return Ok(Vec::new());
        };
        self.stage = Stage::Tokens(last.user_id, last.torrent_id);
        let keys: Vec<_> = tokens.iter().map(|token| UserKey::Id(token.user_id)).collect();
        let users = catalog.find_users(&keys).await?;
        let names: HashMap<u32, String> =
            users.into_iter().map(|user| (user.id, user.name)).collect();
        let wanted: std::collections::HashSet<u32> =
            tokens.iter().map(|token| token.torrent_id).collect();
        let hashes = self.control.tracker().info_hashes_of(|id| wanted.contains(&id));
        let hashes: HashMap<u32, InfoHash> = hashes.into_iter().collect();
        let line = |token: TokenRecord| {
            Some(StateLine::Token(StateToken {
                user: names.get(&token.user_id)?.clone(),
                info_hash: *hashes.get(&token.torrent_id)?,
                upload_percent: token.upload_percent,
                download_percent: token.download_percent,
                ends_at: token.ends_at_seconds,
            }))
        };
        Ok(tokens.into_iter().filter_map(line).collect())
    }
}

fn user_line(user: UserRecord, role_names: &HashMap<u16, String>) -> StateUser {
    let terms = user.terms;
    StateUser {
        uploaded_raw: user.uploaded_raw,
        downloaded_raw: user.downloaded_raw,
        seed_seconds: user.seed_seconds,
        snatches: user.snatches,
        announced_at: user.announced_at_seconds,
        created_at: user.created_at_seconds,
        user: BulkUser {
            id: Some(user.id),
            name: Some(user.name),
            passkey: Some(user.passkey),
            role: role_names.get(&user.role_id).cloned(),
            site_id: user.site_id,
            download_enabled: Some(user.download_enabled),
            deleted: Some(user.deleted),
            uploaded: Some(user.uploaded),
            downloaded: Some(user.downloaded),
            uploaded_add: None,
            downloaded_add: None,
            upload_percent: Some(terms.upload_percent),
            download_percent: Some(terms.download_percent),
            immune: Some(terms.immune),
            address_hidden: Some(terms.address_hidden),
            wait_seconds: Some(terms.wait_seconds),
            peers_max: Some(terms.peers_max),
        },
    }
}

fn torrent_line(torrent: TorrentRecord) -> StateTorrent {
    StateTorrent {
        id: torrent.id,
        snatches: torrent.snatches,
        uploaded: torrent.uploaded,
        downloaded: torrent.downloaded,
        uploaded_raw: torrent.uploaded_raw,
        downloaded_raw: torrent.downloaded_raw,
        announced_at: torrent.announced_at_seconds,
        created_at: torrent.created_at_seconds,
        torrent: BulkTorrent {
            info_hash: torrent.info_hash,
            info_hash_v2: torrent.info_hash_v2,
            title: Some(torrent.title),
            upload_percent: Some(torrent.upload_percent),
            download_percent: Some(torrent.download_percent),
            enabled: Some(torrent.enabled),
            deleted: Some(torrent.deleted),
            reason: Some(torrent.reason),
            status: Some(status_json(torrent.terms.status)),
            featured: Some(torrent.terms.featured),
        },
    }
}
