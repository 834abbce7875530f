//! What a simulation adds up to.

use crate::rng::Digest;
use crate::transfer::{Moved, PeerNumber};
use crate::world::{Tier, World};

/// Seeders are young for so long.
pub const YOUNG_SECONDS: i64 = 86_400;

/// A download that began while it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Download {
    /// Number of the torrent.
    pub torrent: usize,
    /// Number of the user.
    pub user: usize,
    /// How long it took, or has taken so far.
    pub seconds: u32,
    /// Whether it came to its end.
    pub finished: bool,
}

/// What a peer gave as a seeder while it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seeding {
    /// Number of the torrent.
    pub torrent: usize,
    /// Number of the user.
    pub user: usize,
    /// Bytes uploaded.
    pub bytes: u64,
}

/// Replies to those who lack something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replies {
    /// How many.
    pub count: u64,
    /// Peers in them.
    pub peers: u64,
    /// Seeders in them.
    pub seeders: u64,
    /// Replies with fewer seeders than promised.
    pub short_of_seeders: u64,
}

/// Bytes of one torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bytes {
    /// From peer to peer.
    pub all: u64,
    /// Of those, between regions.
    pub inter_region: u64,
    /// Of those, between networks.
    pub inter_network: u64,
    /// From seeders, if the torrent has old ones.
    pub mixed_age: u64,
    /// Of those, from seeders younger than [`YOUNG_SECONDS`].
    pub young: u64,
}

/// The sums of one run, after its warm-up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Measures {
    /// Bytes by torrent.
    pub bytes: Vec<Bytes>,
    /// Downloads that began early enough.
    pub downloads: Vec<Download>,
    /// Everybody who seeded, including those who gave nothing.
    pub seedings: Vec<Seeding>,
    /// Replies to leechers, the warm-up included.
    pub replies: Replies,
    /// Bytes uploaded and downloaded by everybody, the warm-up included.
    pub totals: (u64, u64),
    /// Announces, the warm-up included.
    pub announces: u64,
    /// A digest of everything that happened.
    pub digest: u64,
}

/// The book that a simulation keeps.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) measures: Measures,
    pub(crate) digest: Digest,
    /// By peer.
    pub(crate) seeded_bytes: Vec<u64>,
}

impl Book {
    pub(crate) fn digest(&mut self, numbers: &[u64]) {
        numbers.iter().for_each(|number| self.digest.add(*number));
    }

    /// `seeds_since_seconds` of the uploader, if it seeds.
    pub(crate) fn moved(
        &mut self,
        world: &World,
        moved: &Moved,
        torrent: usize,
        now_seconds: i64,
        seeds_since_seconds: i64,
    ) {
        let ends = (moved.from as u64).rotate_left(44) ^ (moved.to as u64).rotate_left(22);
        self.digest(&[ends ^ moved.bytes]);
        if now_seconds < i64::from(world.plan.warm_up_hours) * 3600 {
            return;
        }
        let bytes = self.bytes(torrent);
        bytes.all += moved.bytes;
        if moved.tier == Tier::World {
            bytes.inter_region += moved.bytes;
        }
        if moved.tier != Tier::Network {
            bytes.inter_network += moved.bytes;
        }
        if !moved.from_seeder {
            return;
        }
        if world.torrents[torrent].plan.has_old_seeders() {
            bytes.mixed_age += moved.bytes;
            if now_seconds - seeds_since_seconds < YOUNG_SECONDS {
                bytes.young += moved.bytes;
            }
        }
        *self.seeded(moved.from) += moved.bytes;
    }

    fn bytes(&mut self, torrent: usize) -> &mut Bytes {
        let bytes = &mut self.measures.bytes;
        if bytes.len() <= torrent {
            bytes.resize(torrent + 1, Bytes::default());
        }
        &mut bytes[torrent]
    }

    pub(crate) fn seeded(&mut self, peer: PeerNumber) -> &mut u64 {
        if self.seeded_bytes.len() <= peer {
            self.seeded_bytes.resize(peer + 1, 0);
        }
        &mut self.seeded_bytes[peer]
    }
}

impl Measures {
    /// The sums of some torrents; the replies are those of all.
    pub fn of_torrents(&self, keep: impl Fn(usize) -> bool) -> Self {
        let mut some = self.clone();
        let bytes = some.bytes.iter_mut().enumerate();
        bytes.filter(|(torrent, _)| !keep(*torrent)).for_each(|(_, it)| *it = Bytes::default());
        some.downloads.retain(|download| keep(download.torrent));
        some.seedings.retain(|seeding| keep(seeding.torrent));
        some
    }

    /// Bytes of all torrents.
    pub fn all_bytes(&self) -> u64 {
        self.sum(|bytes| bytes.all)
    }

    fn sum(&self, of: impl Fn(&Bytes) -> u64) -> u64 {
        self.bytes.iter().map(of).sum()
    }

    /// Share of bytes between regions.
    pub fn inter_region_share(&self) -> f64 {
        ratio(self.sum(|bytes| bytes.inter_region), self.all_bytes())
    }

    /// Share of bytes between networks.
    pub fn inter_network_share(&self) -> f64 {
        ratio(self.sum(|bytes| bytes.inter_network), self.all_bytes())
    }

    /// Share of the upload of seeders younger than [`YOUNG_SECONDS`], on torrents with old ones.
    pub fn young_share(&self) -> f64 {
        ratio(self.sum(|bytes| bytes.young), self.sum(|bytes| bytes.mixed_age))
    }

    /// Seconds within which a share of the downloads was finished. One that was not counts with
    /// the time that it has taken so far.
    pub fn download_seconds(&self, share: f64) -> f64 {
        let seconds = self.downloads.iter().map(|download| f64::from(download.seconds));
        quantile(seconds.collect(), share)
    }

    /// Share of the seeders' upload that came from the half with the slowest lines, torrent by
    /// torrent.
    pub fn slow_half_share(&self, world: &World) -> f64 {
        let (mut slow, mut all) = (0, 0);
        for torrent in 0..world.torrents.len() {
            let of = self.seedings.iter().filter(|seeding| seeding.torrent == torrent);
            let mut of: Vec<_> = of.collect();
            of.sort_by(|one, other| {
                let up = |seeding: &Seeding| world.users[seeding.user].up;
                up(one).total_cmp(&up(other))
            });
            let bytes = |seedings: &[&Seeding]| seedings.iter().map(|it| it.bytes).sum::<u64>();
            slow += bytes(&of[..of.len() / 2]);
            all += bytes(&of);
        }
        ratio(slow, all)
    }

    /// Gini coefficient of what seeders uploaded, in sizes of their torrents.
    pub fn gini(&self, world: &World) -> f64 {
        let copies = self.seedings.iter().map(|seeding| {
            seeding.bytes as f64 / world.torrents[seeding.torrent].bytes.max(1) as f64
        });
        gini(copies.collect())
    }

    /// Share of downloads that were not finished at the end.
    pub fn unfinished_share(&self) -> f64 {
        let unfinished = self.downloads.iter().filter(|download| !download.finished).count();
        ratio(unfinished as u64, self.downloads.len() as u64)
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The value below which a share of the values lies; 0 if there are none.
pub fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    let at = share * last as f64;
    let (low, high) = (values[at.floor() as usize], values[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

/// Gini coefficient: 0 if all are equal, 1 if one has everything.
pub fn gini(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (count, sum) = (values.len() as f64, values.iter().sum::<f64>());
    if sum <= 0.0 {
        return 0.0;
    }
    let ranked: f64 = values.iter().zip(1..).map(|(value, rank)| value * f64::from(rank)).sum();
    2.0 * ranked / (count * sum) - (count + 1.0) / count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gini_is_zero_among_equals_and_near_one_if_one_has_everything() {
        assert!(gini(vec![3.0; 10]).abs() < 1e-12);
        let mut values = vec![0.0; 99];
        values.push(5.0);
        assert!((gini(values) - 0.99).abs() < 1e-12);
        assert!((gini(vec![1.0, 3.0]) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        let values = || vec![4.0, 1.0, 3.0, 2.0, 5.0];
        assert_eq!(quantile(values(), 0.5), 3.0);
        assert_eq!(quantile(values(), 0.95), 4.8);
        assert_eq!(quantile(Vec::new(), 0.5), 0.0);
    }
}
