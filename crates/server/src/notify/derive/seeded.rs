//! Which torrents have a seeder: one bit each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Words of a part, which stands for 64 torrents each.
const PART_WORDS: usize = 64;
const PART_IDS: u32 = PART_WORDS as u32 * u64::BITS;

/// A set of torrent ids. Ids are mostly close together: a part of 4096 of them is 512 bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seeded(BTreeMap<u32, Vec<u64>>);

impl Seeded {
    /// Adds or removes a torrent; returns whether it was there.
    pub fn set(&mut self, torrent_id: u32, is_in: bool) -> bool {
        let (part, place) = (torrent_id / PART_IDS, torrent_id % PART_IDS);
        let bit = 1_u64 << (place % u64::BITS);
        if !is_in && !self.0.contains_key(&part) {
            return false;
        }
        let words = self.0.entry(part).or_insert_with(|| vec![0; PART_WORDS]);
        let Some(word) = words.get_mut((place / u64::BITS) as usize) else { return false };
        let was_in = *word & bit != 0;
        if is_in {
            *word |= bit;
        } else {
            *word &= !bit;
            if words.iter().all(|word| *word == 0) {
                self.0.remove(&part);
            }
        }
        was_in
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torrent_is_in_until_it_is_taken_out() {
        let mut seeded = Seeded::default();
        for id in [1, 63, 64, 4095, 4096, 1 << 31, u32::MAX] {
            assert!(!seeded.set(id, true));
            assert!(seeded.set(id, true));
        }
        assert!(!seeded.set(2, false) && !seeded.set(900_000, false));
        for id in [1, 63, 64, 4095, 4096, 1 << 31, u32::MAX] {
            assert!(seeded.set(id, false));
        }
        assert_eq!(seeded, Seeded::default());
    }
}
