//! A database of each kind, with mika's own tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, bail};
use mika_store::http::{HttpOptions, HttpStore};
use mika_store::redis::RedisOptions;
use mika_store::schema::{Dialect, Schema};
use mika_store::{MysqlStore, PostgresStore, RedisStore, SqliteStore, Store};
use mika_test_servers::{Database, Options, fixtures, shared};

use super::site::{self, Rows};

/// Databases with mika's own tables.
pub const SQL_KINDS: [&str; 3] = ["sqlite", "postgres", "mysql"];
/// All that is loaded from: a UNIT3D site's tables are in MariaDB.
pub const KINDS: [&str; 6] = ["sqlite", "postgres", "mysql", "unit3d", "redis", "http"];
/// Records that a script makes in Redis in one go.
const REDIS_CHUNK: u32 = 20_000;

/// A database that goes away with it.
pub struct Place {
    kind: &'static str,
    url: String,
    database: Option<Database>,
    _directory: Option<Directory>,
}

struct Directory(std::path::PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{}: {error}", self.0.display());
        }
    }
}

impl Place {
    /// The same as [`Place::new`], or a site that has so many of each.
    pub async fn with(kind: &'static str, rows: Rows) -> Result<Option<Self>> {
        if kind == "http" {
            let url = site::serve(rows)?;
            return Ok(Some(Self { kind, url, database: None, _directory: None }));
        }
        Self::new(kind).await
    }

    /// `None` if there is no such server here.
    pub async fn new(kind: &'static str) -> Result<Option<Self>> {
        let options = match kind {
            "sqlite" => {
                let path = std::env::temp_dir().join(format!("mika-stores-{}", std::process::id()));
                std::fs::create_dir_all(&path)?;
                let url = path.join("mika.sqlite").display().to_string();
                let directory = Some(Directory(path));
                let place = Self { kind, url, database: None, _directory: directory };
                place.store().await?.close().await;
                return Ok(Some(place));
            }
            "postgres" => Options::postgresql().durable(),
            "redis" => Options::redis().durable(),
            _ => Options::mariadb().durable(),
        };
        let server = match shared(&options) {
            Ok(server) => server,
            Err(missing) => {
                println!("{kind}: not measured: {missing}");
                return Ok(None);
            }
        };
        let database = server.create_database();
        let url = database.url();
        if kind == "unit3d" {
            database.query(fixtures::UNIT3D.tables)?;
        }
        let place = Self { kind, url, database: Some(database), _directory: None };
        place.store().await?.close().await;
        Ok(Some(place))
    }

    /// Its URL, or the path of its file.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A store on it.
    pub async fn store(&self) -> Result<Arc<dyn Store>> {
        open(self.kind, &self.url).await
    }

    /// Adds users and torrents with the ids from 1.
    pub async fn fill(&self, users: u32, torrents: u32) -> Result<()> {
        let users_of = |series: &str, text: &str| {
            format!(
                "INSERT INTO users (id, name, passkey, role_id)
                 SELECT id, {}, {}, 1 FROM {series}",
                text.replace('@', "user"),
                text.replace('@', "passkey-of-user-")
            )
        };
        let torrents_of = |series: &str, hash: &str, title: &str| {
            format!(
                "INSERT INTO torrents (id, info_hash, title)
                 SELECT id, {hash}, {title} FROM {series}"
            )
        };
        match (self.kind, &self.database) {
            ("http", _) => {}
            ("redis", Some(database)) => fill_redis(database, users, torrents)?,
            ("unit3d", Some(database)) => fill_unit3d(database, users, torrents)?,
            ("sqlite", _) => {
                let series = |count: u32| {
                    format!(
                        "(WITH RECURSIVE ids (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids \
                         WHERE id < {count}) SELECT id FROM ids)"
                    )
                };
                let script = format!(
                    "{}; {};",
                    users_of(&series(users), "'@' || id"),
                    torrents_of(
                        &series(torrents),
                        "CAST(printf('%020d', id) AS BLOB)",
                        "'The.Title.Of.Torrent.' || id || '.2160p.x265-GROUP'"
                    )
                );
                let status =
                    std::process::Command::new("sqlite3").arg(&self.url).arg(&script).status()?;
                anyhow::ensure!(status.success(), "sqlite3 failed");
            }
            ("postgres", Some(database)) => {
                let series = |count: u32| format!("generate_series(1, {count}) AS id");
                database.query(&users_of(&series(users), "'@' || id"))?;
                database.query(&torrents_of(
                    &series(torrents),
                    "convert_to(lpad(id::text, 20, '0'), 'UTF8')",
                    "'The.Title.Of.Torrent.' || id || '.2160p.x265-GROUP'",
                ))?;
            }
            (_, Some(database)) => {
                let series = |count: u32| format!("(SELECT seq AS id FROM seq_1_to_{count}) AS s");
                database.query(&users_of(&series(users), "CONCAT('@', id)"))?;
                database.query(&torrents_of(
                    &series(torrents),
                    "LPAD(id, 20, '0')",
                    "CONCAT('The.Title.Of.Torrent.', id, '.2160p.x265-GROUP')",
                ))?;
            }
            (kind, None) => bail!("{kind} has no database"),
        }
        Ok(())
    }
}

impl Place {
    /// Adds peers to the tables of a site that has some, each with a peer id of its own.
    pub fn fill_peers(&self, users: u32, torrents: u32, peers: u32) -> Result<()> {
        let Some(database) = self.database.as_ref().filter(|_| self.kind == "unit3d") else {
            return Ok(());
        };
        database.query(&format!(
            "SET foreign_key_checks = 0;
             INSERT INTO peers (peer_id, ip, port, agent, uploaded, downloaded, `left`, seeder,
                 torrent_id, user_id, active, visible, created_at, updated_at)
             SELECT CONCAT('-qB4650-', LPAD(seq, 12, '0')),
                 UNHEX(LPAD(HEX(seq + 167772160), 8, '0')),
                 50000, 'qBittorrent/4.6.5', seq, 0, 0, 1, (seq * 7919) % {torrents} + 1,
                 seq % {users} + 1, 1, 1, NOW(), NOW()
             FROM seq_1_to_{peers}"
        ))?;
        Ok(())
    }
}

fn fill_unit3d(database: &Database, users: u32, torrents: u32) -> Result<()> {
    database.query(&format!(
        "INSERT INTO `groups` (id, name, slug, position, color, icon, can_chat, can_comment,
             can_invite, can_request) VALUES (3, 'User', 'user', 3, '', '', 1, 1, 1, 1);
         INSERT INTO users (id, username, email, password, passkey, rsskey, group_id)
         SELECT seq, CONCAT('user', seq), CONCAT('user', seq), '', LPAD(seq, 32, '0'),
             CONCAT('user', seq), 3 FROM seq_1_to_{users};
         INSERT INTO torrents (id, name, description, file_name, num_file, size, user_id,
             info_hash, status)
         SELECT seq, CONCAT('The.Title.Of.Torrent.', seq, '.2160p.x265-GROUP'), '', '', 1, 1, 1,
             LPAD(seq, 20, '0'), 1 FROM seq_1_to_{torrents}"
    ))?;
    Ok(())
}

fn fill_redis(database: &Database, users: u32, torrents: u32) -> Result<()> {
    let user = "redis.call('HSET','mika:user:'..id,'name','user'..id,'passkey',\
                'passkey-of-user-'..id,'role_id',1)";
    let torrent = "redis.call('HSET','mika:torrent:'..id,'info_hash',string.format('%040x',id),\
                   'title','The.Title.Of.Torrent.'..id..'.2160p.x265-GROUP')";
    for (set, count, record) in [("users", users, user), ("torrents", torrents, torrent)] {
        for first in (1..=count).step_by(REDIS_CHUNK as usize) {
            let last = first.saturating_add(REDIS_CHUNK - 1).min(count);
            let listed = format!("redis.call('ZADD','mika:{set}',id,id)");
            let script = format!("for id={first},{last} do {record} {listed} end");
            database.query(&format!("EVAL \"{script}\" 0"))?;
        }
    }
    Ok(())
}

/// A store of that kind.
pub async fn open(kind: &str, url: &str) -> Result<Arc<dyn Store>> {
    let schema = |dialect| Schema::open("mika", dialect, &BTreeMap::new());
    Ok(match kind {
        "sqlite" => Arc::new(SqliteStore::open(url.as_ref()).await?),
        "postgres" => Arc::new(PostgresStore::open(url, schema(Dialect::Postgres)?).await?),
        "mysql" => Arc::new(MysqlStore::open(url, schema(Dialect::Mysql)?).await?),
        "unit3d" => {
            let schema = Schema::open("unit3d", Dialect::Mysql, &BTreeMap::new())?;
            Arc::new(MysqlStore::open(url, schema).await?)
        }
        "redis" => {
            let options = RedisOptions { url: url.to_owned(), prefix: "mika:".to_owned() };
            Arc::new(RedisStore::open(&options).await?)
        }
        "http" => {
            let options = HttpOptions { url: url.to_owned(), ..HttpOptions::default() };
            Arc::new(HttpStore::new(options)?)
        }
        other => bail!("there is no {other}"),
    })
}
