//! Keyed hashes: what comes from outside is hashed with a secret, so that nobody can choose
//! values that collide.

use std::hash::Hasher;

use mika_protocol::{InfoHash, Passkey, PeerId};
use siphasher::sip::SipHasher13;
use siphasher::sip128::{Hasher128, SipHasher24};

/// The tracker's secret key. It is kept over restarts, because snapshots contain session keys.
#[derive(Clone, Copy)]
pub(crate) struct HashKey([u8; 16]);

impl HashKey {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self(key)
    }

    pub(crate) fn info_hash(&self, info_hash: &InfoHash) -> u64 {
        self.bytes(&info_hash.0)
    }

    pub(crate) fn bytes(&self, bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write(bytes);
        hasher.finish()
    }

    /// A session's key within a torrent. 64 bits: two of a user's few sessions collide about
    /// never.
    pub(crate) fn session(&self, user_id: u32, peer_id: &PeerId) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write(&user_id.to_le_bytes());
        hasher.write(&peer_id.0);
        hasher.finish()
    }

    /// A passkey's digest. Memory holds this instead of the passkey, and comparing it takes the
    /// same time whatever a stranger guesses.
    pub(crate) fn passkey(&self, passkey: &Passkey) -> u128 {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(passkey.as_bytes());
        hasher.finish128().as_u128()
    }
}

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey(…)")
    }
}

/// Spreads one of our own integers over 64 bits (the finalizer of MurmurHash3, public domain).
pub(crate) fn spread(value: u64) -> u64 {
    let value = (value ^ (value >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let value = (value ^ (value >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}
