//! Bytes, credit and seed time: what two announces of a session add up to.
//!
//! Counters are absolute since the client's session began, so a delta is the difference of two
//! reports. All arithmetic is on integers and saturates.

use crate::batch::Traffic;
use crate::site::{CreditRule, DeltaRule};

/// No client has moved more than this in one session; larger counters are refused.
pub const COUNTER_BYTES_MAX: u64 = 1 << 50;

/// A client's counters, as of one announce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Bytes uploaded since the client's session began.
    pub uploaded: u64,
    /// Bytes downloaded since the client's session began.
    pub downloaded: u64,
    /// Bytes that the client lacks.
    pub left: u64,
}

/// How much a counter grew; 0 if it went back, for then the client has restarted.
pub fn delta(old: u64, new: u64) -> u64 {
    new.saturating_sub(old)
}

/// Raw upload and download between two announces of one session.
pub fn continued(old: Counters, new: Counters, rule: DeltaRule) -> Traffic {
    let restarted = new.uploaded < old.uploaded || new.downloaded < old.downloaded;
    if rule == DeltaRule::BothOrNone && restarted {
        return Traffic::default();
    }
    Traffic {
        uploaded_raw: delta(old.uploaded, new.uploaded),
        downloaded_raw: delta(old.downloaded, new.downloaded),
        ..Traffic::default()
    }
}

/// The first report of a session never seen before: upload earns nothing, for credit needs
/// continuity; download is charged as far as the user lacked the data when last seen.
pub fn first_report(last_known_left: Option<u64>, new: Counters) -> Traffic {
    let progress = last_known_left.map_or(0, |left| left.saturating_sub(new.left));
    Traffic { downloaded_raw: new.downloaded.min(progress), ..Traffic::default() }
}

/// Multipliers in percent of one direction, one of each source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Multipliers {
    factors: [u16; Multipliers::COUNT],
    /// Apart, for four of them are compared at once.
    user: u16,
}

impl Multipliers {
    /// Role, torrent, user×torrent, global events.
    const COUNT: usize = 4;

    /// Takes one factor of each source.
    pub fn new(role: u16, user: u16, torrent: u16, token: u16, event: u16) -> Self {
        Self { factors: [role, torrent, token, event], user }
    }

    /// What uploaded bytes count by a rule, rounded down.
    #[inline]
    pub fn credit_upload(&self, raw: u64, rule: CreditRule) -> u64 {
        if self.is_one() { raw } else { self.credit_by(raw, rule, self.all().max()) }
    }

    /// What downloaded bytes count by a rule, rounded down.
    #[inline]
    pub fn credit_download(&self, raw: u64, rule: CreditRule) -> u64 {
        if self.is_one() { raw } else { self.credit_by(raw, rule, self.all().min()) }
    }

    fn all(&self) -> impl Iterator<Item = u16> {
        self.factors.into_iter().chain([self.user])
    }

    #[inline]
    fn is_one(&self) -> bool {
        self.factors == [100; Self::COUNT] && self.user == 100
    }

    #[inline(never)]
    fn credit_by(&self, raw: u64, rule: CreditRule, kindest: Option<u16>) -> u64 {
        match rule {
            CreditRule::Product => self.credit(raw),
            CreditRule::Best => percent_of(raw, kindest.unwrap_or(100)),
            CreditRule::Raw => raw,
        }
    }

    /// What raw bytes count if all factors apply, rounded down.
    pub fn credit(&self, raw: u64) -> u64 {
        if self.is_one() {
            return raw;
        }
        // At most 2^50 × (2^16)^5 = 2^130, which no counter reaches: saturating is right.
        let times = |product: u128, factor: u16| product.saturating_mul(u128::from(factor));
        let product = self.all().fold(u128::from(raw), times);
        u64::try_from(product / 10_000_000_000).unwrap_or(u64::MAX)
    }
}

/// So many percent of some bytes, rounded down.
pub fn percent_of(bytes: u64, percent: u16) -> u64 {
    let product = u128::from(bytes) * u128::from(percent);
    u64::try_from(product / 100).unwrap_or(u64::MAX)
}

/// Seconds of seeding between two announces of a session that was a seeder at the first of them:
/// not more than the peer timeout, after which nobody knows. If `dropped_seconds` is given, a
/// gap of that length adds nothing, and a shorter one counts in full.
pub fn seed_seconds(
    last_seconds: u32,
    now_seconds: u32,
    peer_timeout_seconds: u32,
    dropped_seconds: u32,
) -> u32 {
    let gap_seconds = now_seconds.saturating_sub(last_seconds);
    match dropped_seconds {
        0 => gap_seconds.min(peer_timeout_seconds),
        dropped_seconds if gap_seconds < dropped_seconds => gap_seconds,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(uploaded: u64, downloaded: u64, left: u64) -> Counters {
        Counters { uploaded, downloaded, left }
    }

    #[test]
    fn each_counter_is_compared_on_its_own() {
        let grown = continued(counters(10, 20, 5), counters(15, 5, 5), DeltaRule::Independent);
        assert_eq!((grown.uploaded_raw, grown.downloaded_raw), (5, 0));
        let same = continued(counters(10, 20, 5), counters(10, 20, 5), DeltaRule::Independent);
        assert!(same.is_zero());
    }

    #[test]
    fn a_first_report_earns_nothing_and_is_charged_what_the_user_lacked() {
        let charged = |known, new| first_report(known, new).downloaded_raw;
        assert_eq!(charged(None, counters(99, 500, 0)), 0);
        assert_eq!(charged(Some(1000), counters(99, 500, 700)), 300);
        assert_eq!(charged(Some(1000), counters(99, 100, 0)), 100);
        assert_eq!(charged(Some(0), counters(99, 100, 900)), 0);
        assert_eq!(first_report(Some(1000), counters(99, 0, 0)).uploaded_raw, 0);
    }

    #[test]
    fn credit_is_the_product_of_all_factors_rounded_down_and_never_wraps() {
        assert_eq!(Multipliers::new(100, 100, 100, 100, 100).credit(u64::MAX), u64::MAX);
        assert_eq!(Multipliers::new(100, 100, 0, 100, 200).credit(1 << 50), 0);
        assert_eq!(Multipliers::new(150, 100, 200, 100, 100).credit(1001), 3003);
        assert_eq!(Multipliers::new(50, 100, 100, 100, 100).credit(3), 1);
        let most = Multipliers::new(u16::MAX, u16::MAX, u16::MAX, u16::MAX, u16::MAX);
        assert_eq!(most.credit(COUNTER_BYTES_MAX), u64::MAX);
        assert_eq!(most.credit(u64::MAX), u64::MAX);
    }

    #[test]
    fn seed_time_is_capped_at_the_timeout_and_never_negative() {
        assert_eq!(seed_seconds(100, 1900, 4200, 0), 1800);
        assert_eq!(seed_seconds(100, 9100, 4200, 0), 4200);
        assert_eq!(seed_seconds(100, 50, 4200, 0), 0);
    }

    #[test]
    fn where_one_counter_speaks_for_both_a_restarted_client_earns_nothing() {
        let rule = DeltaRule::BothOrNone;
        assert!(continued(counters(10, 20, 5), counters(15, 5, 5), rule).is_zero());
        assert!(continued(counters(10, 20, 5), counters(5, 25, 5), rule).is_zero());
        let grown = continued(counters(10, 20, 5), counters(15, 25, 5), rule);
        assert_eq!((grown.uploaded_raw, grown.downloaded_raw), (5, 5));
    }

    #[test]
    fn the_kindest_factor_counts_where_the_best_is_taken_and_none_where_bytes_are_bytes() {
        let factors = Multipliers::new(100, 100, 200, 50, 150);
        assert_eq!(factors.credit_upload(1001, CreditRule::Best), 2002);
        assert_eq!(factors.credit_download(1001, CreditRule::Best), 500);
        assert_eq!(factors.credit_upload(1001, CreditRule::Raw), 1001);
        assert_eq!(factors.credit_download(1001, CreditRule::Product), 1501);
    }

    #[test]
    fn a_gap_that_is_too_long_adds_no_seed_time_where_it_is_dropped() {
        assert_eq!(seed_seconds(100, 9099, 7200, 9000), 8999);
        assert_eq!(seed_seconds(100, 9100, 7200, 9000), 0);
        assert_eq!(seed_seconds(100, 50, 7200, 9000), 0);
    }
}
