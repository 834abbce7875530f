//! The memory of a segment.
//!
//! A table of a small swarm is one allocation. Those of a large swarm's segments are made of
//! blocks of one size: a thousand tables of a thousand rows grow through the same sizes one after
//! the other, and what an allocator keeps for each size would be a third of all of them.

use crate::swarm::size_class::fitting;

/// Slots in a block, which is a size that allocators hand out as it is.
const BLOCK_SLOTS: usize = 128;
const BLOCK_SHIFT: u32 = BLOCK_SLOTS.ilog2();
const BLOCK_MASK: usize = BLOCK_SLOTS - 1;
/// A table of more slots than this is made of blocks.
const ONE_SLOTS_MAX: usize = 512;

type Block = Box<[u32; BLOCK_SLOTS]>;

/// Slots by number.
#[derive(Debug)]
pub(super) enum Slots {
    One(Box<[u32]>),
    Blocks(Box<[Block]>),
}

impl Default for Slots {
    fn default() -> Self {
        Self::One(Box::default())
    }
}

impl Slots {
    /// Free slots: so many, as [`Slots::fitting`] makes them.
    pub(super) fn free(slots: usize) -> Self {
        if slots > ONE_SLOTS_MAX {
            let blocks = slots.div_ceil(BLOCK_SLOTS);
            return Self::Blocks((0..blocks).map(|_| Box::new([0; BLOCK_SLOTS])).collect());
        }
        Self::One(vec![0; slots].into_boxed_slice())
    }

    /// How many slots there are in the memory for so many.
    pub(super) fn fitting(slots: usize) -> usize {
        if slots > ONE_SLOTS_MAX {
            return slots.next_multiple_of(BLOCK_SLOTS);
        }
        fitting::<u32>(slots)
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(slots) => slots.len(),
            Self::Blocks(blocks) => blocks.len() << BLOCK_SHIFT,
        }
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<u32> {
        match self {
            Self::One(slots) => slots.get(at).copied(),
            Self::Blocks(blocks) => blocks.get(at >> BLOCK_SHIFT)?.get(at & BLOCK_MASK).copied(),
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut u32> {
        match self {
            Self::One(slots) => slots.get_mut(at),
            Self::Blocks(blocks) => blocks.get_mut(at >> BLOCK_SHIFT)?.get_mut(at & BLOCK_MASK),
        }
    }

    /// The slots that lie in one piece with this one, with the number of the first of them.
    #[inline]
    pub(super) fn piece(&self, at: usize) -> (usize, &[u32]) {
        match self {
            Self::One(slots) => (0, slots),
            Self::Blocks(blocks) => match blocks.get(at >> BLOCK_SHIFT) {
                Some(block) => (at & !BLOCK_MASK, block.as_slice()),
                None => (at, &[]),
            },
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let (one, blocks): (&[u32], &[Block]) = match self {
            Self::One(slots) => (slots, &[]),
            Self::Blocks(blocks) => (&[], blocks),
        };
        one.iter().chain(blocks.iter().flat_map(|block| block.iter())).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_where_it_was_put_in_one_piece_and_in_blocks() {
        for (wanted, expected) in [(20, 20), (512, 512), (513, 640), (1117, 1152)] {
            assert_eq!(Slots::fitting(wanted), expected);
            let mut slots = Slots::free(expected);
            assert_eq!(slots.len(), expected);
            for at in 0..expected {
                assert_eq!(slots.get(at), Some(0));
                let (first, piece) = slots.piece(at);
                assert!((first..first + piece.len()).contains(&at));
                *slots.get_mut(at).unwrap() = at as u32 + 1;
            }
            for at in 0..expected {
                let (first, piece) = slots.piece(at);
                assert_eq!(piece[at - first], at as u32 + 1);
            }
            assert_eq!(slots.get(expected), None);
            assert!(slots.get_mut(expected).is_none());
            assert!(slots.iter().eq(1..=expected as u32));
        }
    }
}
