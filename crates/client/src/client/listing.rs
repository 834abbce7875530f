//! Lists with filters, sessions and swarms.

use mika_protocol::InfoHash;
use serde::Serialize;

use super::{Client, segment};
use crate::error::Error;
use crate::types::{
    AddressQuery, CursorPage, CursorQuery, Page, Session, SwarmChanges, SwarmChangesQuery,
    SwarmList, SwarmQuery, SwarmRankQuery, SwarmRanking, Torrent, TorrentQuery, User, UserQuery,
};

impl Client {
    /// A part of the users that a filter lets through, by id.
    pub async fn users_where(&self, query: &UserQuery) -> Result<Page<User>, Error> {
        self.get(&["api", "v1", "users"], &pairs(query)).await
    }

    /// A part of the torrents that a filter lets through, by id.
    pub async fn torrents_where(&self, query: &TorrentQuery) -> Result<Page<Torrent>, Error> {
        self.get(&["api", "v1", "torrents"], &pairs(query)).await
    }

    /// Who is on a torrent now.
    pub async fn torrent_sessions(
        &self,
        info_hash: InfoHash,
        page: &CursorQuery,
    ) -> Result<CursorPage<Session>, Error> {
        let hash = info_hash.to_string();
        self.get(&["api", "v1", "torrents", hash.as_str(), "sessions"], &pairs(page)).await
    }

    /// What a user, named as in [`Client::user`], has running now.
    pub async fn user_sessions(
        &self,
        user: &str,
        page: &CursorQuery,
    ) -> Result<CursorPage<Session>, Error> {
        let user = segment(user);
        self.get(&["api", "v1", "users", user.as_str(), "sessions"], &pairs(page)).await
    }

    /// What runs at an address now, whatever its port.
    pub async fn address_sessions(
        &self,
        query: &AddressQuery,
    ) -> Result<CursorPage<Session>, Error> {
        self.get(&["api", "v1", "sessions"], &pairs(query)).await
    }

    /// The counts of all swarms, part by part.
    pub async fn swarms(&self, query: &SwarmQuery) -> Result<SwarmList, Error> {
        self.get(&["api", "v1", "swarms"], &pairs(query)).await
    }

    /// The counts of swarms that have changed since a cursor.
    pub async fn swarm_changes(&self, query: &SwarmChangesQuery) -> Result<SwarmChanges, Error> {
        self.get(&["api", "v1", "swarms", "changes"], &pairs(query)).await
    }

    /// The largest or the busiest swarms.
    pub async fn swarm_ranking(&self, query: &SwarmRankQuery) -> Result<SwarmRanking, Error> {
        self.get(&["api", "v1", "swarms", "ranking"], &pairs(query)).await
    }
}

/// A query as the parameters of a URL; what is absent is left out.
pub(super) fn pairs(query: &impl Serialize) -> Vec<(&'static str, String)> {
    let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(query) else {
        return Vec::new();
    };
    let text = |value: serde_json::Value| match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    let known = |name: &str| NAMES.iter().find(|known| **known == name).copied();
    fields.into_iter().filter_map(|(name, value)| Some((known(&name)?, text(value)?))).collect()
}

/// All parameters that there are.
const NAMES: &[&str] = &[
    "address",
    "after_id",
    "ascending",
    "by",
    "cursor",
    "deleted",
    "detector",
    "download_enabled",
    "empty",
    "enabled",
    "featured",
    "level",
    "limit",
    "name",
    "role",
    "since",
    "status",
    "title",
    "torrent_id",
    "user",
    "verdict",
];
