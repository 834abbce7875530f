//! How many wrong tokens an address may send.
//!
//! An address has two allowances, both refilled with time. *Failures* are requests without a valid
//! token: when they are used up, such requests are answered with 429. *Guesses* are tokens that
//! are wrong in another way than the last ones: when they are used up, the address is refused
//! altogether, so that a guess is not even looked at. A script that goes on with a token which was
//! revoked makes no guesses. So it does not lock out others who share its address.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Addresses that are remembered at most.
const ADDRESSES_MAX: usize = 10_000;
/// Wrong tokens of an address that are recognized.
const RECENT: usize = 8;

/// The allowances of all addresses.
pub(super) struct Failures {
    known: Mutex<HashMap<IpAddr, Address>>,
    hasher: RandomState,
}

/// How many failures there may be in a minute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance(pub(super) u32);

struct Address {
    failures: Bucket,
    guesses: Bucket,
    /// Keyed digests of the last wrong tokens, the newest first.
    recent: [u64; RECENT],
}

/// What may still be spent, in parts of one.
struct Bucket {
    left: f64,
    at: Instant,
}

/// What a failure is answered with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// That the token is wrong.
    Wrong,
    /// That it was wrong too often; worth another try after this many seconds.
    Wait(u64),
}

impl Failures {
    pub(super) fn new() -> Self {
        Self { known: Mutex::default(), hasher: RandomState::new() }
    }

    /// Whether an address is refused altogether, and for how many seconds.
    pub(super) fn refused(&self, from: IpAddr, allowed: Allowance, now: Instant) -> Option<u64> {
        let mut known = self.known.lock();
        let address = known.get_mut(&network(from))?;
        address.guesses.refill(allowed, now);
        address.guesses.wait_seconds(allowed)
    }

    /// Counts a request with a wrong token, or with none.
    pub(super) fn count(
        &self,
        from: IpAddr,
        token: Option<&[u8]>,
        allowed: Allowance,
        now: Instant,
    ) -> Verdict {
        let digest = token.map(|token| self.hasher.hash_one(token));
        let mut known = self.known.lock();
        make_room(&mut known, allowed, now);
        let address = known.entry(network(from)).or_insert_with(|| Address::new(allowed, now));
        address.failures.refill(allowed, now);
        address.guesses.refill(allowed, now);
        if let Some(digest) = digest.filter(|digest| !address.recent.contains(digest)) {
            address.recent.rotate_right(1);
            if let Some(newest) = address.recent.first_mut() {
                *newest = digest;
            }
            address.guesses.spend();
        }
        match address.failures.wait_seconds(allowed) {
            Some(seconds) => Verdict::Wait(seconds),
            None => {
                address.failures.spend();
                Verdict::Wrong
            }
        }
    }
}

impl Address {
    fn new(allowed: Allowance, now: Instant) -> Self {
        Self {
            failures: Bucket::full(allowed, now),
            guesses: Bucket::full(allowed, now),
            recent: [0; RECENT],
        }
    }
}

impl Bucket {
    fn full(allowed: Allowance, now: Instant) -> Self {
        Self { left: f64::from(allowed.0), at: now }
    }

    fn refill(&mut self, allowed: Allowance, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        let most = f64::from(allowed.0);
        self.left = (self.left + passed * most / 60.0).min(most);
        self.at = now;
    }

    fn spend(&mut self) {
        self.left = (self.left - 1.0).max(0.0);
    }

    fn is_full(&self, allowed: Allowance) -> bool {
        self.left >= f64::from(allowed.0)
    }

    /// How long until there is something to spend, if there is nothing.
    fn wait_seconds(&self, allowed: Allowance) -> Option<u64> {
        let wait = (1.0 - self.left) * 60.0 / f64::from(allowed.0);
        (self.left < 1.0).then(|| Duration::from_secs_f64(wait).as_secs() + 1)
    }
}

/// A customer of a provider has a whole /64 of IPv6 (RFC 6177), so that counts as one address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

/// Forgets addresses that have their whole allowance again, and all if there are too many others.
fn make_room(known: &mut HashMap<IpAddr, Address>, allowed: Allowance, now: Instant) {
    if known.len() < ADDRESSES_MAX {
        return;
    }
    known.retain(|_, address| {
        address.failures.refill(allowed, now);
        address.guesses.refill(allowed, now);
        !(address.failures.is_full(allowed) && address.guesses.is_full(allowed))
    });
    if known.len() >= ADDRESSES_MAX {
        known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 8));
    const ALLOWED: Allowance = Allowance(3);

    fn guess(failures: &Failures, number: u32, now: Instant) -> Verdict {
        failures.count(FROM, Some(&number.to_be_bytes()), ALLOWED, now)
    }

    #[test]
    fn who_guesses_is_refused_altogether_until_time_has_passed() {
        let (failures, now) = (Failures::new(), Instant::now());
        for number in 0..3 {
            assert_eq!(failures.refused(FROM, ALLOWED, now), None);
            assert_eq!(guess(&failures, number, now), Verdict::Wrong);
        }
        assert!(failures.refused(FROM, ALLOWED, now).is_some_and(|seconds| seconds <= 21));
        assert_eq!(failures.refused(OTHER, ALLOWED, now), None);
        let later = now + Duration::from_secs(21);
        assert_eq!(failures.refused(FROM, ALLOWED, later), None);
        assert_eq!(guess(&failures, 9, later), Verdict::Wrong);
        assert!(failures.refused(FROM, ALLOWED, later).is_some());
    }

    #[test]
    fn a_stale_token_is_slowed_down_but_locks_nobody_out() {
        let (failures, now) = (Failures::new(), Instant::now());
        for _ in 0..3 {
            assert_eq!(guess(&failures, 1, now), Verdict::Wrong);
        }
        assert!(matches!(guess(&failures, 1, now), Verdict::Wait(1..=21)));
        for _ in 0..100 {
            let without = failures.count(FROM, None, ALLOWED, now);
            assert!(matches!(without, Verdict::Wait(_)));
        }
        assert_eq!(failures.refused(FROM, ALLOWED, now), None);
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        let (failures, now) = (Failures::new(), Instant::now());
        for number in 1..=3_u8 {
            let address: IpAddr = format!("2001:db8::{number}").parse().unwrap();
            failures.count(address, Some(&[number]), ALLOWED, now);
        }
        let another = "2001:db8::ffff".parse().unwrap();
        assert!(failures.refused(another, ALLOWED, now).is_some());
        let elsewhere = "2001:db8:0:1::1".parse().unwrap();
        assert_eq!(failures.refused(elsewhere, ALLOWED, now), None);
    }

    #[test]
    fn the_table_of_addresses_is_bounded() {
        let (failures, now) = (Failures::new(), Instant::now());
        for number in 0..25_000_u32 {
            let address = IpAddr::V4(std::net::Ipv4Addr::from_bits(number));
            failures.count(address, Some(b"x"), ALLOWED, now);
        }
        assert!(failures.known.lock().len() <= ADDRESSES_MAX);
    }
}
