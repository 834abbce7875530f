//! Connection ids without state (BEP 15).

use std::fmt;
use std::net::IpAddr;

use siphasher::sip::SipHasher24;

/// How long a connection id is honoured after its issue, in seconds (BEP 15).
pub const CONNECTION_ID_SECONDS_MAX: u32 = 120;

/// Issues and verifies connection ids, remembering none of them.
///
/// # What it protects from
///
/// A UDP source address can be forged. Without a proof that the sender receives what is sent to
/// that address, a few bytes of announce would send a large peer list to a victim
/// (amplification), and anybody could announce in the name of another address. A connection id is
/// that proof: it goes to the claimed address only, in a reply as long as the request that caused
/// it, and an announce or scrape must carry it back.
///
/// # How
///
/// The upper 56 bits are a SipHash-2-4 of source address and issue time under a random key that
/// lasts as long as the process, the lowest 8 bits the issue time modulo 256 s. An id is honoured
/// for [`CONNECTION_ID_SECONDS_MAX`] from its issue, from the address that it was issued to (any
/// port: address translators change ports). One that seems to come from the future is refused. A
/// guess succeeds with a probability of 2⁻⁵⁶ per datagram and address, and the comparison takes
/// the same time whatever differs, so that guessing does not get easier byte by byte.
#[derive(Clone)]
pub struct ConnectionIds {
    hasher: SipHasher24,
}

impl fmt::Debug for ConnectionIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionIds(…)")
    }
}

impl ConnectionIds {
    /// Takes 16 random bytes, which must be fresh at every start and the same in all workers.
    pub fn new(key: [u8; 16]) -> Self {
        Self { hasher: SipHasher24::new_with_key(&key) }
    }

    /// The id for a client at `source`.
    ///
    /// `now_seconds` counts from any moment, as long as all calls agree on it and it does not go
    /// back.
    pub fn issue(&self, source: IpAddr, now_seconds: u32) -> u64 {
        let tag = self.hasher.hash(&message(source, now_seconds));
        tag & !0xff | u64::from(now_seconds & 0xff)
    }

    /// Whether `id` was issued to `source` in the last [`CONNECTION_ID_SECONDS_MAX`].
    pub fn verify(&self, id: u64, source: IpAddr, now_seconds: u32) -> bool {
        let age_seconds = now_seconds.wrapping_sub(id as u32) & 0xff;
        let Some(issued_seconds) = now_seconds.checked_sub(age_seconds) else { return false };
        let expected = self.issue(source, issued_seconds);
        // One comparison of whole words: no byte of the expected id shows in the time it takes.
        (age_seconds <= CONNECTION_ID_SECONDS_MAX) & (expected == id)
    }
}

/// What the tag covers: the address as IPv6 (IPv4 mapped) and the time of issue.
fn message(source: IpAddr, issued_seconds: u32) -> [u8; 20] {
    let address = match source {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    let mut message = [0; 20];
    let (to_address, to_time) = message.split_at_mut(16);
    to_address.copy_from_slice(&address.octets());
    to_time.copy_from_slice(&issued_seconds.to_le_bytes());
    message
}

#[cfg(test)]
mod tests;
