//! Whether what the server has acknowledged is on its disk.

use redis::aio::ConnectionManager;
use redis::{InfoDict, RedisError, RedisResult, Value};

/// When an acknowledged batch is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// With every reply, or never: nothing that could be waited for.
    Given,
    /// Once WAITAOF says so.
    Awaited,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Examined {
    pub(super) durability: Durability,
    /// What is fine, for people.
    pub(super) strengths: Vec<String>,
    /// By what acknowledged batches can be lost, and what to do.
    pub(super) weaknesses: Vec<String>,
}

/// Looks at how the server keeps its data.
pub(super) async fn examine(connection: &mut ConnectionManager) -> RedisResult<Examined> {
    let (mut strengths, mut weaknesses) = (Vec::new(), Vec::new());
    let info: InfoDict =
        redis::cmd("INFO").arg("persistence").query_async(&mut *connection).await?;
    let has_file = info.get::<u8>("aof_enabled") == Some(1);
    let sync = setting(connection, "appendfsync").await?;
    let waits = has_file && has_waitaof(connection).await?;
    match (has_file, sync.as_deref(), waits) {
        (false, _, _) => weaknesses.push(
            "appendonly is off: all batches since its last snapshot (RDB) are lost in a crash; \
             set `appendonly yes` and `appendfsync always`"
                .into(),
        ),
        (true, Some("always"), _) => {
            strengths.push("appendonly is on and appendfsync is always".into());
        }
        (true, _, true) => strengths
            .push("appendonly is on, and each batch waits until it is synced (WAITAOF)".into()),
        (true, Some(other), false) => weaknesses.push(format!(
            "appendfsync is {other}: the batches of the last second or more are lost in a power \
             cut, though they were acknowledged; set `appendfsync always`, or run Redis 7.2, \
             Valkey or newer, where each batch can be waited for (WAITAOF)"
        )),
        (true, None, false) => weaknesses.push(
            "it does not tell whether appendfsync is always (CONFIG GET is not allowed): without \
             it the batches of the last second are lost in a power cut"
                .into(),
        ),
    }
    if let Some(policy) = setting(connection, "maxmemory-policy").await?
        && policy.starts_with("allkeys")
        && setting(connection, "maxmemory").await?.is_some_and(|bytes| bytes != "0")
    {
        weaknesses.push(format!(
            "maxmemory-policy is {policy}: users and totals are deleted when memory runs out; set \
             `maxmemory-policy noeviction`"
        ));
    }
    let durability = if waits { Durability::Awaited } else { Durability::Given };
    Ok(Examined { durability, strengths, weaknesses })
}

/// A setting of the server, if it tells.
async fn setting(connection: &mut ConnectionManager, name: &str) -> RedisResult<Option<String>> {
    let answer: RedisResult<Vec<String>> =
        redis::cmd("CONFIG").arg("GET").arg(name).query_async(connection).await;
    match answer {
        Ok(pair) => Ok(pair.into_iter().nth(1)),
        Err(error) if is_refusal(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Redis 7.2 and Valkey have it.
async fn has_waitaof(connection: &mut ConnectionManager) -> RedisResult<bool> {
    let answer: RedisResult<Vec<Value>> =
        redis::cmd("COMMAND").arg("INFO").arg("WAITAOF").query_async(connection).await;
    match answer {
        Ok(commands) => Ok(commands.iter().any(|command| matches!(command, Value::Array(_)))),
        Err(error) if is_refusal(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The server is there, and does not allow or know the command.
fn is_refusal(error: &RedisError) -> bool {
    !error.is_io_error() && error.code().is_some()
}
