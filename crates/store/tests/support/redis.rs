//! A disposable Redis database, and a connection that goes past the store.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::time::Duration;

use mika_core::batch::{HistoryRow, TorrentRow, Traffic, UserRow};
use mika_store::RedisStore;
use mika_store::contract::Totals;
use mika_store::redis::RedisOptions;
use mika_test_servers::{Database, Kind, Options, Server, found, shared};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, pipe};

pub const PREFIX: &str = "mika:";

/// A database of its own, on a server that tests share or on one of its own.
pub struct Redis(pub Database);

/// Redis, or Valkey if MIKA_TEST_REDIS is `valkey`.
pub fn options() -> Options {
    let is_valkey = std::env::var_os("MIKA_TEST_REDIS").is_some_and(|kind| kind == "valkey");
    Options::new(if is_valkey { Kind::Valkey } else { Kind::Redis })
}

/// A server of its own that keeps every write; `None` if there is no program for it.
pub fn durable_server() -> Option<Server> {
    found(Server::start(&options().durable()))
}

impl Redis {
    /// `None` if there is no server to test with.
    pub fn new() -> Option<Self> {
        found(shared(&options())).map(|server| Self(server.create_database()))
    }

    pub fn on(server: &Server) -> Self {
        Self(server.create_database())
    }

    pub fn options(&self) -> RedisOptions {
        RedisOptions { url: self.0.url(), prefix: PREFIX.into() }
    }

    pub async fn open(&self) -> RedisStore {
        RedisStore::open(&self.options()).await.unwrap()
    }

    /// A connection of its own, as another program would have.
    pub async fn connect(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.0.url()).unwrap();
        let config =
            AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(30)));
        client.get_multiplexed_async_connection_with_config(&config).await.unwrap()
    }

    /// Runs one command, its words separated by spaces.
    pub async fn command(&self, text: &str) -> redis::Value {
        let mut words = text.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        command.arg(words.collect::<Vec<_>>());
        command.query_async(&mut self.connect().await).await.unwrap()
    }

    pub async fn seed(&self, users: u32, torrents: u32) {
        let mut connection = self.connect().await;
        let mut pipe = pipe();
        for id in 1..=users {
            let key = format!("{PREFIX}user:{id}");
            let (name, passkey) = (format!("user{id}"), format!("passkey{id}"));
            pipe.hset(&key, "name", &name).hset(&key, "passkey", &passkey);
            pipe.hset(&key, "role_id", 1).zadd(format!("{PREFIX}users"), id, id);
            pipe.hset(format!("{PREFIX}users:name"), name, id);
            pipe.hset(format!("{PREFIX}users:passkey"), passkey, id);
        }
        for id in 1..=torrents {
            let (key, hash) = (format!("{PREFIX}torrent:{id}"), format!("{id:040x}"));
            pipe.hset(&key, "info_hash", &hash).zadd(format!("{PREFIX}torrents"), id, id);
            pipe.hset(format!("{PREFIX}torrents:info_hash"), hash, id);
        }
        if !pipe.is_empty() {
            pipe.exec_async(&mut connection).await.unwrap();
        }
    }

    pub async fn totals(&self) -> Totals {
        let mut connection = self.connect().await;
        let mut totals = Totals::default();
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg(format!("{PREFIX}*:[0-9]*"))
            .query_async(&mut connection)
            .await
            .unwrap();
        // Only the records: other keys with a number are indexes.
        let keys: Vec<String> = keys.into_iter().filter(|key| kind(key).is_some()).collect();
        let mut pipe = pipe();
        for key in &keys {
            pipe.hgetall(key);
        }
        if keys.is_empty() {
            return totals;
        }
        let rows: Vec<Vec<(String, String)>> = pipe.query_async(&mut connection).await.unwrap();
        for (key, fields) in keys.iter().zip(rows) {
            let row = Row(fields);
            let (kind, ids) = kind(key).unwrap();
            match (kind, ids.as_slice()) {
                ("user", [id]) => drop(totals.users.insert(*id, user(*id, &row))),
                ("torrent", [id]) => drop(totals.torrents.insert(*id, torrent(*id, &row))),
                (_, [user_id, torrent_id]) => {
                    let row = history(*user_id, *torrent_id, &row);
                    totals.history.insert((*user_id, *torrent_id), row);
                }
                other => panic!("{other:?}"),
            }
        }
        totals
    }
}

/// What a key is, and its ids.
fn kind(key: &str) -> Option<(&str, Vec<u32>)> {
    let mut parts = key.strip_prefix(PREFIX)?.split(':');
    let kind = parts.next()?;
    let ids = parts.map(|id| id.parse().ok()).collect::<Option<Vec<u32>>>()?;
    let wanted = match kind {
        "user" | "torrent" => 1,
        "history" => 2,
        _ => return None,
    };
    (ids.len() == wanted).then_some((kind, ids))
}

struct Row(Vec<(String, String)>);

impl Row {
    /// A field that must be a whole number in the range of the type; 0 if it is missing.
    fn number<T: TryFrom<i64>>(&self, field: &str) -> T {
        let value = self.0.iter().find(|(name, _)| name == field).map_or("0", |(_, value)| value);
        let number = value.parse::<i64>().ok().and_then(|number| T::try_from(number).ok());
        number.unwrap_or_else(|| panic!("{field} is {value}"))
    }

    fn traffic(&self) -> Traffic {
        Traffic {
            uploaded_raw: self.number("uploaded_raw"),
            downloaded_raw: self.number("downloaded_raw"),
            uploaded_credited: self.number("uploaded"),
            downloaded_credited: self.number("downloaded"),
        }
    }
}

fn user(user_id: u32, row: &Row) -> UserRow {
    UserRow {
        user_id,
        traffic: row.traffic(),
        seed_seconds: row.number("seed_seconds"),
        snatches: row.number("snatches"),
        announced_at_seconds: row.number("announced_at_seconds"),
    }
}

fn torrent(torrent_id: u32, row: &Row) -> TorrentRow {
    TorrentRow {
        torrent_id,
        traffic: row.traffic(),
        snatches: row.number("snatches"),
        seeders: row.number("seeders"),
        leechers: row.number("leechers"),
        announced_at_seconds: row.number("announced_at_seconds"),
        ..TorrentRow::default()
    }
}

fn history(user_id: u32, torrent_id: u32, row: &Row) -> HistoryRow {
    HistoryRow {
        user_id,
        torrent_id,
        traffic: row.traffic(),
        seed_seconds: row.number("seed_seconds"),
        snatches: row.number("snatches"),
        left_bytes: row.number("left_bytes"),
        active: row.number::<u8>("active") == 1,
        announced_at_seconds: row.number("announced_at_seconds"),
        ..HistoryRow::default()
    }
}
