//! A database of each kind, with mika's own tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, bail};
use mika_store::schema::{Dialect, Schema};
use mika_store::{MysqlStore, PostgresStore, SqliteStore, Store};
use mika_test_servers::{Database, Options, shared};

/// What is measured.
pub const KINDS: [&str; 3] = ["sqlite", "postgres", "mysql"];

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

/// A store of that kind.
pub async fn open(kind: &str, url: &str) -> Result<Arc<dyn Store>> {
    let schema = |dialect| Schema::open("mika", dialect, &BTreeMap::new());
    Ok(match kind {
        "sqlite" => Arc::new(SqliteStore::open(url.as_ref()).await?),
        "postgres" => Arc::new(PostgresStore::open(url, schema(Dialect::Postgres)?).await?),
        "mysql" => Arc::new(MysqlStore::open(url, schema(Dialect::Mysql)?).await?),
        other => bail!("there is no {other}"),
    })
}
