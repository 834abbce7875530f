//! Torrents of unequal size.

use super::crowd::mix;

/// The torrent of each of `peers` peers: the n-th torrent has 1/n^`exponent` of the peers of the
/// first, on average. Four bytes per peer, computed once.
pub(super) fn torrents_of(peers: u32, torrents: u32, exponent: f64, seed: u64) -> Vec<u32> {
    let mut sum = 0.0;
    let sums: Vec<f64> = (1..=torrents)
        .map(|rank| {
            sum += f64::from(rank).powf(-exponent);
            sum
        })
        .collect();
    let last = torrents.saturating_sub(1) as usize;
    (0..peers)
        .map(|peer| {
            // 53 random bits, from 0 to below 1.
            let share = (mix(seed ^ u64::from(peer)) >> 11) as f64 / (1u64 << 53) as f64;
            sums.partition_point(|&upper| upper <= share * sum).min(last) as u32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_the_law() {
        let (peers, torrents) = (1_000_000, 1000);
        let mut counts = vec![0u32; torrents as usize];
        for torrent in torrents_of(peers, torrents, 1.0, 7) {
            counts[torrent as usize] += 1;
        }
        let harmonic: f64 = (1..=torrents).map(|rank| 1.0 / f64::from(rank)).sum();
        for rank in [1u32, 2, 3, 10, 100] {
            let expected = f64::from(peers) / harmonic / f64::from(rank);
            let got = f64::from(counts[rank as usize - 1]);
            // Five standard deviations.
            assert!((got - expected).abs() < 5.0 * expected.sqrt(), "{rank}: {got}, {expected}");
        }
        assert!(counts.iter().all(|count| *count > 0));
    }

    #[test]
    fn an_exponent_of_zero_makes_all_alike() {
        let mut counts = [0i64; 100];
        for torrent in torrents_of(100_000, 100, 0.0, 1) {
            counts[torrent as usize] += 1;
        }
        assert!(counts.iter().all(|count| (count - 1000).abs() < 160), "{counts:?}");
    }
}
