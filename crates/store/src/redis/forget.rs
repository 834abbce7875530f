//! Taking everybody out of the swarms and the histories.

use redis::aio::ConnectionManager;

use super::error::Failure;
use super::server::Server;
use super::{apply, load};

/// Records of one step, and about as many keys of one look at the key space.
const PAGE: u32 = 1000;

/// See [`Store::forget_peers`](crate::Store::forget_peers).
///
/// A step sets to 0 what is not 0 in some records, so that all of it again, after it was cut short,
/// changes nothing but what is left. No batch comes in between: the writer is held throughout.
pub(super) async fn forget_peers(server: &Server) -> Result<(), Failure> {
    let mut writer = server.writer().await?;
    let checkpoint = server.checkpoint(&mut writer).await?;
    apply::fold(server, &mut writer).await?;
    torrents(server, &mut writer).await?;
    histories(server, &mut writer).await?;
    server.settle(&mut writer).await?;
    server.acknowledge(checkpoint);
    Ok(())
}

async fn torrents(server: &Server, writer: &mut ConnectionManager) -> Result<(), Failure> {
    let mut after_id = 0;
    loop {
        let ids = load::ids(server, writer, "torrents", after_id, PAGE).await?;
        let Some(last) = ids.last().copied() else { return Ok(()) };
        let keys: Vec<_> = ids.iter().map(|id| server.key(&format!("torrent:{id}"))).collect();
        forget(server, writer, &keys).await?;
        after_id = last;
    }
}

/// By their keys and not by the sets of a torrent or user: it may be gone, and they are not.
async fn histories(server: &Server, writer: &mut ConnectionManager) -> Result<(), Failure> {
    let pattern = format!("{}history:[0-9]*:[0-9]*", escaped(&server.key("")));
    let mut cursor = 0_u64;
    loop {
        let (next, keys): (u64, Vec<Vec<u8>>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg(&pattern)
            .arg("COUNT")
            .arg(PAGE)
            .arg("TYPE")
            .arg("hash")
            .query_async(writer)
            .await?;
        forget(server, writer, &keys).await?;
        if next == 0 {
            return Ok(());
        }
        cursor = next;
    }
}

async fn forget(
    server: &Server,
    writer: &mut ConnectionManager,
    keys: &[impl redis::ToRedisArgs],
) -> Result<(), Failure> {
    if keys.is_empty() {
        return Ok(());
    }
    server.run(writer, &server.scripts.forget, keys).await
}

/// A text as a pattern that matches nothing else.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '^' | '-' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}
