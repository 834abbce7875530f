//! The identifiers that a client sends: info-hash, peer id and passkey.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The 20 bytes that name a torrent in an announce (BEP 3).
///
/// For a v2 torrent these are the first 20 bytes of its SHA-256 info-hash (BEP 52).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InfoHash(#[serde(with = "hex")] pub [u8; 20]);

/// A text that does not name an info-hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an info-hash is 40 hex digits (v1, or v2 truncated) or 64 (v2)")]
pub struct InvalidInfoHash;

impl InfoHash {
    /// Reads 40 hex digits, or the 64 of a v2 info-hash, of which the first 40 count (BEP 52).
    pub fn from_hex(text: &str) -> Result<Self, InvalidInfoHash> {
        let digits = text.as_bytes();
        if (digits.len() != 40 && digits.len() != 64) || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(InvalidInfoHash);
        }
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| InvalidInfoHash)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| InvalidInfoHash)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for InfoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for InfoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InfoHash({self})")
    }
}

/// The 20 bytes by which a client names itself for one run (BEP 20).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerId(#[serde(with = "hex")] pub [u8; 20]);

impl PeerId {
    /// The first 8 bytes, which name the client and its version (BEP 20).
    pub fn client_prefix(&self) -> [u8; 8] {
        let mut prefix = [0; 8];
        prefix.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
        prefix
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({})", self.0.escape_ascii())
    }
}

/// The secret in an announce URL that names a user: 1 to 64 bytes of `A-Z a-z 0-9 _ -`.
///
/// Its `Debug` form never shows the secret, so that it cannot reach a log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Passkey {
    length: u8,
    bytes: [u8; Passkey::BYTES_MAX],
}

impl Passkey {
    /// The longest passkey accepted, in bytes.
    pub const BYTES_MAX: usize = 64;

    /// Takes the bytes of a passkey; `None` when empty, too long or of other characters.
    pub fn new(text: &[u8]) -> Option<Self> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() | (byte == b'_') | (byte == b'-');
        let mut bytes = [0; Self::BYTES_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        // All bytes are looked at, so that it takes many at a time.
        if text.is_empty() || !text.iter().fold(true, |all, &byte| all & valid(byte)) {
            return None;
        }
        Some(Self { length: u8::try_from(text.len()).ok()?, bytes })
    }

    /// The passkey's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl fmt::Debug for Passkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passkey(…)")
    }
}

/// 20 bytes as 40 hex digits where people read along (JSON), as they are elsewhere.
mod hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::InfoHash;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 20], to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            return to.collect_str(&InfoHash(*bytes));
        }
        bytes.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 20], D::Error> {
        if !from.is_human_readable() {
            return Deserialize::deserialize(from);
        }
        let text = String::deserialize(from)?;
        InfoHash::from_hex(&text).map(|hash| hash.0).map_err(D::Error::custom)
    }
}
