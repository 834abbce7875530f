//! Writing a batch: stage, check, keep what is refused, commit, fold.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};

use mika_core::batch::Batch;
use redis::aio::ConnectionManager;
use redis::pipe;
use tracing::{error, info};

use super::chunk::{Chunk, chunks};
use super::error::Failure;
use super::server::Server;
use crate::redirect;
use crate::store::{Applied, DeadLetter, KeepDeadLetters, StoreError};

/// The largest number that a script can compare: Lua's numbers are doubles.
const NUMBER_MAX: u64 = (1 << 53) - 1;
/// Chunks that are sent in one go.
const CHUNKS_PER_SEND: usize = 8;
/// Info-hashes that are looked up in one go.
const HASHES_PER_LOOKUP: usize = 1000;

/// See [`Store::apply_with`](crate::Store::apply_with).
pub(super) async fn apply(
    server: &Server,
    batch: &Batch,
    keep: &mut KeepDeadLetters<'_>,
) -> Result<Applied, Failure> {
    if batch.number > NUMBER_MAX {
        let text = format!("there is no batch {}, {NUMBER_MAX} is the last", batch.number);
        return Err(StoreError::Invalid(text).into());
    }
    let mut writer = server.writer().await?;
    let checkpoint = server.checkpoint(&mut writer).await?;
    // Of an attempt that was cut short after its commit.
    fold(server, &mut writer).await?;
    if checkpoint >= batch.number {
        let dead_letters = late_letters(server, &mut writer, keep).await?;
        server.settle(&mut writer).await?;
        server.acknowledge(checkpoint);
        return Ok(Applied { repeated: true, dead_letters });
    }
    let known_ids = known_ids(server, &mut writer, batch).await?;
    let redirected = (!known_ids.is_empty()).then(|| redirect::redirected(batch, &known_ids));
    let batch = redirected.as_ref().unwrap_or(batch);
    let chunks = chunks(batch);
    let header = format!("{} {:x}", batch.number, RandomState::new().hash_one(batch.number));
    stage(server, &mut writer, batch, &chunks, &header).await?;
    let mut dead_letters = check(server, &mut writer, batch, &chunks).await?;
    kept(keep, &dead_letters)?;
    commit(server, &mut writer, batch.number, &header, chunks.len()).await?;
    fold(server, &mut writer).await?;
    dead_letters.extend(late_letters(server, &mut writer, keep).await?);
    server.settle(&mut writer).await?;
    server.acknowledge(batch.number);
    Ok(Applied { repeated: false, dead_letters })
}

/// See [`Store::checkpoint`](crate::Store::checkpoint).
pub(super) async fn checkpoint(server: &Server) -> Result<u64, Failure> {
    server.checkpoint(&mut server.reader().await?).await
}

/// Folds in what an attempt that was cut short has committed.
pub(super) async fn finish(server: &Server) -> Result<(), Failure> {
    let mut writer = server.writer().await?;
    let checkpoint = server.checkpoint(&mut writer).await?;
    let folded = fold(server, &mut writer).await?;
    server.settle(&mut writer).await?;
    server.acknowledge(checkpoint);
    if folded > 0 {
        info!(batch = checkpoint, "the last batch had been cut short: its rows are all there now");
    }
    Ok(())
}

/// The torrents of a batch that the store has under another id than the tracker, with that id.
///
/// What is staged has the ids of the store. Nobody adds one of these torrents through the tracker
/// before the batch is committed: that takes the writer.
async fn known_ids(
    server: &Server,
    writer: &mut ConnectionManager,
    batch: &Batch,
) -> Result<HashMap<u32, u32>, Failure> {
    let ids: Vec<_> = redirect::registered_ids(batch).into_iter().collect();
    let mut known_ids = HashMap::new();
    for some in ids.chunks(HASHES_PER_LOOKUP) {
        let mut look_up = redis::cmd("HMGET");
        look_up.arg(server.key("torrents:info_hash"));
        for (_, info_hash) in some {
            look_up.arg(info_hash.to_string());
        }
        let found: Vec<Option<String>> = look_up.query_async(writer).await?;
        for ((id, info_hash), known_id) in some.iter().zip(found) {
            let Some(known_id) = known_id else { continue };
            let known_id = known_id.parse::<u32>().map_err(|_| {
                server.broken(&format!("torrents:info_hash: {info_hash}: no id of a torrent"))
            })?;
            if known_id != *id {
                known_ids.insert(*id, known_id);
            }
        }
    }
    Ok(known_ids)
}

fn kept(keep: &mut KeepDeadLetters<'_>, letters: &[DeadLetter]) -> Result<(), StoreError> {
    if letters.is_empty() {
        return Ok(());
    }
    keep(letters).map_err(|error| StoreError::Unavailable(format!("dead letters: {error}")))
}

/// Writes all rows to the staging list, behind a header by which the commit knows its own.
async fn stage(
    server: &Server,
    writer: &mut ConnectionManager,
    batch: &Batch,
    chunks: &[Chunk],
    header: &str,
) -> Result<(), Failure> {
    let key = server.key("batch:staging");
    let mut pipe = pipe();
    pipe.cmd("DEL").arg(&key).ignore();
    pipe.cmd("RPUSH").arg(&key).arg(header).ignore();
    let nothing = BTreeSet::new();
    for some in chunks.chunks(CHUNKS_PER_SEND) {
        for chunk in some {
            pipe.cmd("RPUSH").arg(&key).arg(chunk.json(batch, &nothing)?).ignore();
        }
        pipe.exec_async(writer).await?;
        pipe.clear();
    }
    if chunks.is_empty() {
        pipe.exec_async(writer).await?;
    }
    Ok(())
}

/// Finds the rows that would be refused, and takes them out of the staging list.
async fn check(
    server: &Server,
    writer: &mut ConnectionManager,
    batch: &Batch,
    chunks: &[Chunk],
) -> Result<Vec<DeadLetter>, Failure> {
    let mut registered: BTreeSet<u32> = batch.registered.iter().map(|row| row.torrent_id).collect();
    let mut letters = Vec::new();
    for (index, chunk) in chunks.iter().enumerate() {
        let place_in_list = index.saturating_add(1);
        let found: Vec<String> =
            server.run(writer, &server.scripts.check, &[place_in_list]).await?;
        let refused = refused(&found, &registered)?;
        if refused.is_empty() {
            continue;
        }
        let places = refused.keys().copied().collect();
        for (place, reason) in refused {
            if let Some(torrent_id) = chunk.registers(batch, place) {
                registered.remove(&torrent_id);
            }
            letters.push(chunk.dead_letter(batch, place, reason)?);
        }
        redis::cmd("LSET")
            .arg(server.key("batch:staging"))
            .arg(place_in_list)
            .arg(chunk.json(batch, &places)?)
            .exec_async(writer)
            .await?;
    }
    Ok(letters)
}

/// Places (from 0) and reasons, out of the script's triples. A row that only lacks a torrent which
/// its own batch registers is not refused.
fn refused(
    found: &[String],
    registered: &BTreeSet<u32>,
) -> Result<BTreeMap<usize, String>, StoreError> {
    let mut refused = BTreeMap::new();
    for triple in found.chunks(3) {
        let [place, reason, torrent_id] = triple else { continue };
        if torrent_id.parse().is_ok_and(|id| registered.contains(&id)) {
            continue;
        }
        let place = place.parse::<usize>().ok().and_then(|place| place.checked_sub(1));
        let Some(place) = place else {
            return Err(StoreError::Broken("the check script names a row without place".into()));
        };
        refused.insert(place, reason.clone());
    }
    Ok(refused)
}

/// The step by which the batch becomes part of the database.
async fn commit(
    server: &Server,
    writer: &mut ConnectionManager,
    number: u64,
    header: &str,
    chunks: usize,
) -> Result<(), Failure> {
    let arguments = [
        number.to_string(),
        header.to_owned(),
        chunks.to_string(),
        server.acknowledged().to_string(),
    ];
    let answer: String = server.run(writer, &server.scripts.commit, &arguments).await?;
    let again = |what: &str| {
        // The next attempt begins from what is there then.
        let text = format!("Redis at {}: batch {number}: {what}", server.name);
        Err(StoreError::Unavailable(text).into())
    };
    match answer.as_str() {
        "committed" => Ok(()),
        "behind" => {
            server.checkpoint(writer).await?;
            again("the checkpoint moved back and forth")
        }
        "repeated" | "folding" => again("it came in on an older connection meanwhile"),
        _ => again("its staged rows are not complete: is another tracker using the same keys?"),
    }
}

/// Folds all committed chunks; returns how many there were.
pub(super) async fn fold(
    server: &Server,
    writer: &mut ConnectionManager,
) -> Result<usize, Failure> {
    let mut left: usize =
        redis::cmd("LLEN").arg(server.key("batch:committed")).query_async(writer).await?;
    let count = left;
    while left > 0 {
        left = server.run(writer, &server.scripts.fold, &[] as &[&str]).await?;
    }
    Ok(count)
}

/// Rows that another program's change made impossible after they had been checked: they were put
/// aside in the server, and are kept now.
async fn late_letters(
    server: &Server,
    writer: &mut ConnectionManager,
    keep: &mut KeepDeadLetters<'_>,
) -> Result<Vec<DeadLetter>, Failure> {
    let key = server.key("batch:refused");
    let found: Vec<String> =
        redis::cmd("LRANGE").arg(&key).arg(0).arg(-1).query_async(writer).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut letters = Vec::new();
    for triple in found.chunks(3) {
        let [table, row, reason] = triple else { continue };
        letters.push(DeadLetter {
            table: kind_named(table),
            row: row.clone(),
            reason: reason.clone(),
        });
    }
    error!(rows = letters.len(), "another program changed records while a batch was written");
    kept(keep, &letters)?;
    redis::cmd("DEL").arg(&key).exec_async(writer).await?;
    Ok(letters)
}

fn kind_named(table: &str) -> &'static str {
    match table {
        "registered" => "registered",
        "users" => "users",
        "torrents" => "torrents",
        _ => "history",
    }
}
