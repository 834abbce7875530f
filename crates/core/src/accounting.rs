//! Bytes, credit and seed time: what two announces of a session add up to.
//!
//! Counters are absolute since the client's session began, so a delta is the difference of two
//! reports. All arithmetic is on integers and saturates.

use crate::batch::Traffic;

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
pub fn continued(old: Counters, new: Counters) -> Traffic {
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

/// Multipliers in percent, all of which apply: the product is what one byte counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Multipliers {
    factors: [u16; Multipliers::COUNT],
}

impl Multipliers {
    /// Role, torrent, user×torrent, global events.
    pub const COUNT: usize = 4;

    /// Takes one factor of each source.
    pub fn new(role: u16, torrent: u16, token: u16, event: u16) -> Self {
        Self { factors: [role, torrent, token, event] }
    }

    /// What raw bytes count, rounded down.
    pub fn credit(&self, raw: u64) -> u64 {
        if self.factors == [100; Self::COUNT] {
            return raw;
        }
        // At most 2^50 × (2^16)^4 = 2^114: fits.
        let product = self
            .factors
            .iter()
            .fold(u128::from(raw), |sum, factor| sum.saturating_mul(u128::from(*factor)));
        u64::try_from(product / 100_000_000).unwrap_or(u64::MAX)
    }
}

/// Seconds of seeding between two announces of a session that was a seeder at the first of them:
/// not more than the peer timeout, after which nobody knows.
pub fn seed_seconds(last_seconds: u32, now_seconds: u32, peer_timeout_seconds: u32) -> u32 {
    now_seconds.saturating_sub(last_seconds).min(peer_timeout_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(uploaded: u64, downloaded: u64, left: u64) -> Counters {
        Counters { uploaded, downloaded, left }
    }

    #[test]
    fn each_counter_is_compared_on_its_own() {
        let grown = continued(counters(10, 20, 5), counters(15, 5, 5));
        assert_eq!((grown.uploaded_raw, grown.downloaded_raw), (5, 0));
        let same = continued(counters(10, 20, 5), counters(10, 20, 5));
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
        assert_eq!(Multipliers::new(100, 100, 100, 100).credit(u64::MAX), u64::MAX);
        assert_eq!(Multipliers::new(100, 0, 100, 200).credit(1 << 50), 0);
        assert_eq!(Multipliers::new(150, 200, 100, 100).credit(1001), 3003);
        assert_eq!(Multipliers::new(50, 100, 100, 100).credit(3), 1);
        let most = Multipliers::new(u16::MAX, u16::MAX, u16::MAX, u16::MAX);
        assert_eq!(most.credit(COUNTER_BYTES_MAX), u64::MAX);
        assert_eq!(most.credit(u64::MAX), u64::MAX);
    }

    #[test]
    fn seed_time_is_capped_at_the_timeout_and_never_negative() {
        assert_eq!(seed_seconds(100, 1900, 4200), 1800);
        assert_eq!(seed_seconds(100, 9100, 4200), 4200);
        assert_eq!(seed_seconds(100, 50, 4200), 0);
    }
}
