//! The server: its connections, its scripts, and what is known of its durability.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, FromRedisValue, Script, ToRedisArgs, pipe};
use tokio::sync::{Mutex, MutexGuard};
use tracing::warn;

use super::RedisOptions;
use super::durability::{self, Durability};
use super::error::{Failure, error};
use super::script::{self, Scripts};
use crate::record::RoleRecord;
use crate::store::StoreError;

/// The layout of the keys that this version knows.
const LAYOUT: u32 = 1;
/// Longest prefix, in bytes.
const PREFIX_BYTES_MAX: usize = 64;
/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait for a reply: a server that forks or syncs stands still for seconds.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait until a write is on the server's disk, in milliseconds.
const DISK_TIMEOUT_MILLISECONDS: u32 = 10_000;

/// A connection that writes, held by one writer at a time.
pub(super) type Writer<'a> = MutexGuard<'a, ConnectionManager>;

/// One Redis server and the prefix of the tracker's keys in it.
pub(super) struct Server {
    /// Host and port, for texts; never the URL, which has the password.
    pub(super) name: String,
    prefix: String,
    pub(super) scripts: Scripts,
    durability: Durability,
    /// For lookups, so that they do not wait behind a batch.
    reader: ConnectionManager,
    /// One, so that writers of this process queue here.
    writer: Mutex<ConnectionManager>,
    /// Number of the last batch that is known to be in the store.
    acknowledged: AtomicU64,
}

impl Server {
    /// Connects, and makes an empty database ready.
    pub(super) async fn open(options: &RedisOptions) -> Result<Self, StoreError> {
        check_prefix(&options.prefix)?;
        let (client, name) = client(&options.url)?;
        let scripts = Scripts::new();
        let mut writer = connect(&client).await.map_err(|e| error(&name, e))?;
        let reader = connect(&client).await.map_err(|e| error(&name, e))?;
        prepare(&mut writer, &scripts.init, &name, &options.prefix)
            .await
            .map_err(|e| error(&name, e))?;
        let examined = durability::examine(&mut writer).await.map_err(|e| error(&name, e))?;
        for weakness in &examined.weaknesses {
            warn!("Redis at {name}: {weakness}");
        }
        Ok(Self {
            name,
            prefix: options.prefix.clone(),
            scripts,
            durability: examined.durability,
            reader,
            writer: Mutex::new(writer),
            acknowledged: AtomicU64::new(0),
        })
    }

    /// A key of the tracker.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A connection for lookups.
    pub(super) async fn reader(&self) -> Result<ConnectionManager, Failure> {
        let mut reader = self.reader.clone();
        revive(&mut reader).await?;
        Ok(reader)
    }

    /// The connection that writes, once no other writer has it.
    pub(super) async fn writer(&self) -> Result<Writer<'_>, Failure> {
        let mut writer = self.writer.lock().await;
        revive(&mut writer).await?;
        Ok(writer)
    }

    /// Runs a script.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        writer: &mut ConnectionManager,
        script: &Script,
        arguments: &[impl ToRedisArgs],
    ) -> Result<T, Failure> {
        Ok(script::run(writer, script, &self.prefix, arguments).await?)
    }

    /// The number of the last batch applied, once it is certain that the database is the one that
    /// took the batches before.
    pub(super) async fn checkpoint(
        &self,
        connection: &mut ConnectionManager,
    ) -> Result<u64, Failure> {
        let (version, checkpoint): (Option<String>, Option<String>) = redis::cmd("MGET")
            .arg(self.key("version"))
            .arg(self.key("checkpoint"))
            .query_async(connection)
            .await?;
        if version.is_none() {
            let text = "it is empty, though the tracker had made it ready: put its data back";
            return Err(self.broken(text).into());
        }
        let number = checkpoint.and_then(|text| text.parse::<u64>().ok());
        let Some(number) = number else {
            return Err(self.broken("its checkpoint is missing or no number").into());
        };
        if number < self.acknowledged() {
            return Err(self.behind(number).into());
        }
        Ok(number)
    }

    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Only what is settled: what the server just has in memory it may lose without a fault.
    pub(super) fn acknowledge(&self, number: u64) {
        self.acknowledged.fetch_max(number, Ordering::SeqCst);
    }

    pub(super) fn behind(&self, number: u64) -> StoreError {
        self.broken(&format!(
            "it had batch {} and is back at batch {number}: it lost what it had acknowledged. \
             Restart the tracker, which then applies the lost batches if its journal still has \
             them, and see to it that appendfsync is always",
            self.acknowledged()
        ))
    }

    pub(super) fn broken(&self, text: &str) -> StoreError {
        StoreError::Broken(format!("Redis at {}: {text}", self.name))
    }

    /// Waits until everything written so far is on the server's disk, if the server does not see
    /// to that before it replies.
    ///
    /// The write before WAITAOF is what it waits for: on a connection that has written nothing it
    /// returns at once, whatever was written on another one, and the last one may be lost.
    pub(super) async fn settle(&self, writer: &mut ConnectionManager) -> Result<(), Failure> {
        if self.durability != Durability::Awaited {
            return Ok(());
        }
        let mut pipe = pipe();
        pipe.cmd("SET").arg(self.key("batch:settled")).arg(self.acknowledged()).ignore();
        pipe.cmd("WAITAOF").arg(1).arg(0).arg(DISK_TIMEOUT_MILLISECONDS);
        let ((local, _),): ((u64, u64),) = pipe.query_async(writer).await?;
        if local > 0 {
            return Ok(());
        }
        let text = format!(
            "Redis at {}: its append-only file is not synced after {DISK_TIMEOUT_MILLISECONDS} ms",
            self.name
        );
        Err(StoreError::Unavailable(text).into())
    }
}

/// Printable ASCII, and short: it is a part of every key.
fn check_prefix(prefix: &str) -> Result<(), StoreError> {
    if prefix.len() <= PREFIX_BYTES_MAX && prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(StoreError::Broken(format!(
        "the prefix of the keys has at most {PREFIX_BYTES_MAX} characters of printable ASCII"
    )))
}

/// A client, and the name of its server. The URL is in no error: it has the password.
pub(super) fn client(url: &str) -> Result<(Client, String), StoreError> {
    let client = Client::open(url).map_err(|_| {
        StoreError::Broken(
            "store.url is no address of a Redis server such as redis://127.0.0.1:6379/0, \
             rediss://user:password@host:6380/0 or redis+unix:///run/redis.sock"
                .into(),
        )
    })?;
    let name = client.get_connection_info().addr().to_string();
    Ok((client, name))
}

pub(super) async fn connect(client: &Client) -> redis::RedisResult<ConnectionManager> {
    // Who calls retries, so that a batch that fails is known to have failed.
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(0)
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT));
    ConnectionManager::new_with_config(client.clone(), config).await
}

/// A server that was restarted is noticed by the first command only: here, where it does no harm.
/// The second one waits for the new connection.
async fn revive(connection: &mut ConnectionManager) -> redis::RedisResult<()> {
    match redis::cmd("PING").exec_async(connection).await {
        Err(error) if error.is_io_error() || error.is_connection_dropped() => {
            redis::cmd("PING").exec_async(connection).await
        }
        pong => pong,
    }
}

async fn prepare(
    writer: &mut ConnectionManager,
    init: &Script,
    name: &str,
    prefix: &str,
) -> Result<(), Failure> {
    let role = serde_json::to_string(&RoleRecord::only())
        .map_err(|e| StoreError::Broken(format!("a role has no JSON form: {e}")))?;
    let found: String = script::run(writer, init, prefix, &[LAYOUT.to_string(), role]).await?;
    let broken = |text: String| Err(StoreError::Broken(format!("Redis at {name}: {text}")).into());
    if found == "foreign" {
        return broken(format!(
            "keys that begin with {prefix:?} are another program's: choose another store.prefix"
        ));
    }
    match found.parse::<u32>() {
        Ok(LAYOUT) => Ok(()),
        _ => broken(format!(
            "the keys were made by a newer version (layout {found}, this one knows {LAYOUT}): run \
             that version or restore a backup"
        )),
    }
}
