//! Pieces: who has which, and which one comes next.
//!
//! A torrent is cut into [`PIECES`] parts, so that a set of them is one number. Several peers may
//! send parts of the same piece, as they do with blocks.

use crate::rng::Rng;

/// Pieces of every torrent.
pub(super) const PIECES: usize = 128;

/// How many peers have each piece.
#[derive(Debug, Clone)]
pub(super) struct Copies([u32; PIECES]);

impl Default for Copies {
    fn default() -> Self {
        Self([0; PIECES])
    }
}

impl Copies {
    pub(super) fn add_all(&mut self) {
        self.0.iter_mut().for_each(|copies| *copies += 1);
    }

    pub(super) fn remove(&mut self, pieces: &Pieces) {
        for piece in ones(pieces.have) {
            self.0[piece] = self.0[piece].saturating_sub(1);
        }
    }
}

/// The pieces of one peer.
#[derive(Debug, Clone)]
pub(super) struct Pieces {
    /// Whole ones, which others can have.
    have: u128,
    /// Whole ones that came in this step.
    fresh: u128,
    /// Bytes of pieces that are not whole yet.
    begun: Vec<(usize, u64)>,
    begun_set: u128,
    size_bytes: u64,
    left_bytes: u64,
}

fn ones(set: u128) -> impl Iterator<Item = usize> {
    let mut rest = set;
    std::iter::from_fn(move || {
        (rest != 0).then(|| {
            let first = rest.trailing_zeros();
            rest &= rest - 1;
            first as usize
        })
    })
}

impl Pieces {
    pub(super) fn new(size_bytes: u64, has_everything: bool) -> Self {
        let (have, left_bytes) = if has_everything { (u128::MAX, 0) } else { (0, size_bytes) };
        let begun = Vec::new();
        Self { have, fresh: 0, begun, begun_set: 0, size_bytes, left_bytes }
    }

    pub(super) fn left_bytes(&self) -> u64 {
        self.left_bytes
    }

    pub(super) fn are_complete(&self) -> bool {
        self.have == u128::MAX
    }

    /// Whether a peer has something that this one lacks.
    pub(super) fn want_from(&self, other: &Pieces) -> bool {
        other.have & !(self.have | self.fresh) != 0
    }

    /// All pieces are as large, but for the last one, which has what division left over.
    fn piece_bytes(&self, piece: usize) -> u64 {
        let each = self.size_bytes / PIECES as u64;
        let rest = self.size_bytes % PIECES as u64;
        if piece == PIECES - 1 { each + rest } else { each }
    }

    /// Takes up to so many bytes from a peer; returns how many it had a use for.
    pub(super) fn take(
        &mut self,
        from: &Pieces,
        budget: u64,
        copies: &Copies,
        rng: &mut Rng,
    ) -> u64 {
        let mut rest = budget;
        while rest > 0 {
            let wanted = from.have & !(self.have | self.fresh);
            if wanted == 0 {
                break;
            }
            let slot = self.slot(wanted, copies, rng);
            let (piece, got) = self.begun[slot];
            let bytes = rest.min(self.piece_bytes(piece) - got);
            rest -= bytes;
            self.left_bytes -= bytes;
            self.begun[slot].1 += bytes;
            if self.begun[slot].1 == self.piece_bytes(piece) {
                self.begun.swap_remove(slot);
                self.begun_set &= !(1 << piece);
                self.fresh |= 1 << piece;
            }
        }
        budget - rest
    }

    /// A piece that was begun, or else the rarest one.
    fn slot(&mut self, wanted: u128, copies: &Copies, rng: &mut Rng) -> usize {
        if wanted & self.begun_set != 0 {
            let fits = |(piece, _): &(usize, u64)| wanted & (1 << piece) != 0;
            if let Some(slot) = self.begun.iter().position(fits) {
                return slot;
            }
        }
        // The search begins anywhere, so that not all choose the same of several rare ones.
        let turn = rng.below(PIECES) as u32;
        let rarest = ones(wanted.rotate_right(turn))
            .map(|piece| (piece + turn as usize) % PIECES)
            .min_by_key(|piece| copies.0[*piece]);
        let piece = rarest.unwrap_or_default();
        self.begun.push((piece, 0));
        self.begun_set |= 1 << piece;
        self.begun.len() - 1
    }

    pub(super) fn commit(&mut self, copies: &mut Copies) {
        for piece in ones(self.fresh) {
            copies.0[piece] += 1;
        }
        self.have |= self.fresh;
        self.fresh = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_once_whatever_the_size() {
        for size in [128, 1000, 999_999_937] {
            let seeder = Pieces::new(size, true);
            let mut leecher = Pieces::new(size, false);
            let (mut copies, mut rng) = (Copies::default(), Rng::new(1, 1));
            let mut taken = 0;
            while !leecher.are_complete() {
                taken += leecher.take(&seeder, size / 10 + 1, &copies, &mut rng);
                leecher.commit(&mut copies);
                assert_eq!(leecher.left_bytes(), size - taken);
            }
            assert_eq!(taken, size);
            assert_eq!(copies.0, [1; PIECES]);
        }
    }

    #[test]
    fn the_rarest_piece_comes_first_and_a_begun_one_before_it() {
        let seeder = Pieces::new(1280, true);
        let mut leecher = Pieces::new(1280, false);
        let mut copies = Copies([5; PIECES]);
        copies.0[77] = 1;
        let mut rng = Rng::new(1, 1);
        assert_eq!(leecher.take(&seeder, 4, &copies, &mut rng), 4);
        assert_eq!(leecher.begun, [(77, 4)]);
        copies.0[3] = 0;
        leecher.take(&seeder, 7, &copies, &mut rng);
        assert_eq!(leecher.begun, [(3, 1)], "piece 77 is whole, piece 3 begun");
    }

    #[test]
    fn a_piece_is_passed_on_only_in_the_step_after_the_one_in_which_it_came() {
        let seeder = Pieces::new(1280, true);
        let mut middle = Pieces::new(1280, false);
        let mut last = Pieces::new(1280, false);
        let (mut copies, mut rng) = (Copies::default(), Rng::new(1, 1));
        middle.take(&seeder, 10, &copies, &mut rng);
        assert_eq!(last.take(&middle, 10, &copies, &mut rng), 0);
        assert!(!last.want_from(&middle));
        middle.commit(&mut copies);
        assert!(last.want_from(&middle));
        assert_eq!(last.take(&middle, 99, &copies, &mut rng), 10);
    }
}
