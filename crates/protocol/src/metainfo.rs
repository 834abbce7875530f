//! What a tracker needs to know of a `.torrent` file (BEP 3, BEP 27, BEP 47, BEP 52).

use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use thiserror::Error;

use crate::bencode::{self, Dict, Limits, Value};
use crate::ids::InfoHash;

/// The longest `.torrent` file accepted: 32 MiB.
pub const METAINFO_BYTES_MAX: usize = 32 << 20;

/// The levels of nesting accepted, which bounds the depth of folders in a v2 torrent.
const METAINFO_DEPTH_MAX: usize = 64;

/// A torrent as its file describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TorrentHashes {
    /// The info-hash of a v1 or hybrid torrent: SHA-1 of the `info` dictionary.
    pub v1: Option<InfoHash>,
    /// The info-hash of a v2 or hybrid torrent: SHA-256 of the `info` dictionary.
    pub v2: Option<[u8; 32]>,
    /// `name`, with invalid UTF-8 replaced; empty when absent.
    pub name: String,
    /// `private` is 1 (BEP 27).
    pub private: bool,
    /// The length of all files without padding (BEP 47), in bytes.
    pub size_bytes: u64,
}

impl TorrentHashes {
    /// The v2 info-hash as announces carry it: its first 20 bytes (BEP 52).
    pub fn v2_truncated(&self) -> Option<InfoHash> {
        self.v2.as_ref().and_then(|hash| hash.first_chunk()).copied().map(InfoHash)
    }
}

/// Why a file is not accepted as a torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MetainfoError {
    /// It is not bencode.
    #[error("not a torrent file: {0}")]
    Bencode(#[from] bencode::Error),
    /// It has no `info` dictionary.
    #[error("not a torrent file: it has no info dictionary")]
    Info,
    /// `info` has neither the `pieces` of v1 nor the `meta version` of v2.
    #[error("not a torrent file: it is neither of version 1 nor of version 2")]
    NoVersion,
    /// `meta version` is not 2.
    #[error("a torrent of version {0} is not supported")]
    Version(i128),
    /// The lengths of the files are missing, negative or too large to add up.
    #[error("not a torrent file: the lengths of its files are missing or invalid")]
    Size,
}

/// Reads the info-hashes of a `.torrent` file, of v1, v2 or both (a hybrid).
///
/// The hashes are of the exact bytes of `info`, whatever the order of its keys.
///
/// # Errors
///
/// The file is not bencode, longer than [`METAINFO_BYTES_MAX`], or not a torrent of v1 or v2.
pub fn info_hashes(torrent_file: &[u8]) -> Result<TorrentHashes, MetainfoError> {
    let limits =
        Limits { bytes: METAINFO_BYTES_MAX, depth: METAINFO_DEPTH_MAX, sorted_keys: false };
    let root = bencode::parse(torrent_file, &limits)?;
    let info = root.as_dict().and_then(|root| root.get(b"info")).and_then(|info| info.as_dict());
    let info = info.ok_or(MetainfoError::Info)?;

    let is_v1 = info.get(b"pieces").is_some_and(|pieces| pieces.as_bytes().is_some());
    let is_v2 = match info.get(b"meta version") {
        None => false,
        Some(Value::Integer(2)) => true,
        Some(Value::Integer(version)) => return Err(MetainfoError::Version(version)),
        Some(_) => return Err(MetainfoError::NoVersion),
    };
    let size_bytes = match (is_v1, is_v2) {
        (true, _) => size_v1(info),
        (false, true) => info.get(b"file tree").and_then(|tree| tree.as_dict()).and_then(size_v2),
        (false, false) => return Err(MetainfoError::NoVersion),
    };
    let name = info.get(b"name").and_then(|name| name.as_bytes()).unwrap_or_default();
    Ok(TorrentHashes {
        v1: is_v1.then(|| InfoHash(Sha1::digest(info.raw()).into())),
        v2: is_v2.then(|| Sha256::digest(info.raw()).into()),
        name: String::from_utf8_lossy(name).into_owned(),
        private: info.get(b"private") == Some(Value::Integer(1)),
        size_bytes: size_bytes.ok_or(MetainfoError::Size)?,
    })
}

/// The `length` of a single file, or of all `files`.
fn size_v1(info: Dict<'_>) -> Option<u64> {
    if let Some(length) = info.get(b"length") {
        return length.as_u64();
    }
    let mut total: u64 = 0;
    for file in info.get(b"files")?.as_list()? {
        let file = file.as_dict()?;
        let attributes = file.get(b"attr").and_then(|attr| attr.as_bytes()).unwrap_or_default();
        let length = file.get(b"length")?.as_u64()?;
        if !attributes.contains(&b'p') {
            total = total.checked_add(length)?;
        }
    }
    Some(total)
}

/// All files of a `file tree` (BEP 52), in which an empty name marks a file.
fn size_v2(tree: Dict<'_>) -> Option<u64> {
    let mut total: u64 = 0;
    for (name, entry) in tree {
        let entry = entry.as_dict()?;
        let length = match name {
            [] => entry.get(b"length")?.as_u64()?,
            _ => size_v2(entry)?,
        };
        total = total.checked_add(length)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests;
