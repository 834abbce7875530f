//! Keyed hashes: what comes from outside is hashed with a secret, so that nobody can choose
//! values that collide.

use mika_protocol::{InfoHash, Passkey, PeerId};
use siphasher::sip::SipHasher13;
use siphasher::sip128;

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
        SipHasher13::new_with_key(&self.0).hash(bytes)
    }

    /// A session's key within a torrent. 64 bits: two of a user's few sessions collide about
    /// never.
    pub(crate) fn session(&self, user_id: u32, peer_id: &PeerId) -> u64 {
        // At once, which takes a third of the time of one after the other.
        let mut bytes = [0; 24];
        let (user, peer) = bytes.split_at_mut(4);
        user.copy_from_slice(&user_id.to_le_bytes());
        peer.copy_from_slice(&peer_id.0);
        self.bytes(&bytes)
    }

    /// A passkey's digest. Memory holds this instead of the passkey, and comparing it takes the
    /// same time whatever a stranger guesses. It is never stored.
    pub(crate) fn passkey(&self, passkey: &Passkey) -> u128 {
        sip128::SipHasher13::new_with_key(&self.0).hash(passkey.as_bytes()).as_u128()
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

#[cfg(test)]
mod tests {
    use std::hash::Hasher;

    use super::*;

    /// Snapshots hold it: another one would take every client for a new one.
    #[test]
    fn a_session_has_the_key_that_it_has_always_had() {
        let secret = *b"0123456789abcdef";
        for user_id in [0, 7, u32::MAX] {
            let peer_id = PeerId(*b"-qB5000-abcdefghijkl");
            let mut hasher = SipHasher13::new_with_key(&secret);
            hasher.write(&user_id.to_le_bytes());
            hasher.write(&peer_id.0);
            assert_eq!(HashKey::new(secret).session(user_id, &peer_id), hasher.finish());
        }
        let known = HashKey::new(secret).session(7, &PeerId(*b"-qB5000-abcdefghijkl"));
        assert_eq!(known, 10_707_731_387_648_430_718);
    }
}
