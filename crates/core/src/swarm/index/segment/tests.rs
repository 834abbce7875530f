//! What a search rests on.

use super::*;

impl Segment {
    /// Each slot tells its distance from home, and along a run no row is nearer to its home than
    /// one that passed it by.
    pub(in crate::swarm::index) fn check(&self, hash_of: impl Fn(u32) -> u64) {
        let (layout, count) = (self.layout(), self.slots.len());
        assert_eq!(self.rows().count(), self.len as usize);
        assert!(self.len as usize * 8 <= count * FULL_EIGHTHS);
        let distance = |at: usize| {
            let home = self.home(hash_of(layout.row(self.slots.get(at)?)?));
            Some((at + count - home) % count)
        };
        for (at, slot) in self.slots.iter().enumerate() {
            let Some(here) = distance(at) else { continue };
            assert_eq!(slot & layout.distance_mask, layout.told(here as u32));
            for back in 1..=here {
                assert!(distance((at + count - back) % count).unwrap() >= here - back);
            }
        }
    }
}

#[test]
fn a_row_of_any_number_leaves_what_bits_it_can() {
    let bits = [0, 0xfffe, 0xffff, 0xf_fffe, 0xf_ffff, 0xff_ffff, u32::MAX - 1].map(row_bits);
    assert_eq!(bits, [16, 16, 20, 20, 24, 28, 32]);
    let told = [16, 24, 28, 32].map(|row_bits| {
        let layout = Layout::new(row_bits);
        (layout.told(2), layout.told(40), layout.tag(u64::MAX))
    });
    assert_eq!(
        told,
        [
            (0x2_0000, 0x1f_0000, 0xffe0_0000),
            (0x200_0000, 0x1f00_0000, 0xe000_0000),
            (0x2000_0000, 0xf000_0000, 0),
            (0, 0, 0)
        ]
    );
    assert_eq!(Layout::new(32).row(u32::MAX), Some(u32::MAX - 1));
}

#[test]
fn rows_that_are_too_far_from_home_for_a_slot_to_tell_are_found_and_removed() {
    let hash_of = |row: u32| u64::from(row / 50) << 62;
    let mut segment = Segment::default();
    for row in 0..200 {
        segment.insert(hash_of(row), row, &hash_of);
        segment.check(hash_of);
    }
    for row in (0..200).step_by(3) {
        assert!(segment.remove(hash_of(row), row, &hash_of));
        assert!(!segment.remove(hash_of(row), row, &hash_of));
        segment.check(hash_of);
    }
    let found = |row: u32| segment.position(hash_of(row), row).is_some();
    assert!((0..200).all(|row| found(row) == (row % 3 != 0)));
}
