//! The index against a map that knows everything.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// The index and its model: the hash of each row.
#[derive(Debug, Default)]
struct Pair {
    index: Index,
    hashes: HashMap<u32, u64>,
    /// Rows in the model, to pick from.
    rows: Vec<u32>,
}

impl Pair {
    fn insert(&mut self, row: u32, hash: u64) {
        if self.hashes.contains_key(&row) {
            return;
        }
        let hashes = &self.hashes;
        self.index.insert(hash, row, |row| hashes[&row]);
        self.hashes.insert(row, hash);
        self.rows.push(row);
    }

    fn remove(&mut self, row: u32) {
        let Some(hash) = self.hashes.remove(&row) else { return };
        let hashes = &self.hashes;
        self.index.remove(hash, row, |row| hashes[&row]);
        assert_eq!(self.index.find(hash, |it| it == row), None);
        self.rows.swap_remove(self.rows.iter().position(|it| *it == row).unwrap());
    }

    fn swap(&mut self, a: u32, b: u32) {
        let (hash_a, hash_b) = (self.hashes[&a], self.hashes[&b]);
        let hashes = &self.hashes;
        self.index.swap((hash_a, a), (hash_b, b), |row| hashes[&row]);
        self.hashes.insert(a, hash_b);
        self.hashes.insert(b, hash_a);
    }

    fn check(&self) {
        assert_eq!(self.index.len(), self.hashes.len());
        let mut with_hash: HashMap<u64, usize> = HashMap::new();
        for (row, hash) in &self.hashes {
            assert_eq!(self.index.find(*hash, |it| it == *row), Some(*row));
            *with_hash.entry(*hash).or_default() += 1;
        }
        for (hash, count) in with_hash {
            let found: Vec<u32> = self.index.with_hash(hash).collect();
            assert_eq!(found.iter().filter(|row| self.hashes[row] == hash).count(), count);
            assert!((1..found.len()).all(|at| !found[..at].contains(&found[at])));
        }
        let segments = [&self.index.first].into_iter().chain(&self.index.more);
        segments.for_each(|segment| segment.check(|row| self.hashes[&row]));
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Insert(u32, u64),
    Remove(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
}

fn steps(
    rows: impl Strategy<Value = u32>,
    hashes: impl Strategy<Value = u64>,
) -> impl Strategy<Value = Vec<Step>> {
    let at = any::<prop::sample::Index>;
    let step = prop_oneof![
        4 => (rows, hashes).prop_map(|(row, hash)| Step::Insert(row, hash)),
        2 => at().prop_map(Step::Remove),
        1 => (at(), at()).prop_map(|(a, b)| Step::Swap(a, b)),
    ];
    prop::collection::vec(step, 1..300)
}

fn run(steps: Vec<Step>) {
    let mut pair = Pair::default();
    for step in steps {
        let pick = |at: prop::sample::Index| pair.rows.get(at.index(pair.rows.len().max(1)));
        match step {
            Step::Insert(row, hash) => pair.insert(row, hash),
            Step::Remove(at) => {
                if let Some(row) = pick(at) {
                    pair.remove(*row);
                }
            }
            Step::Swap(a, b) => {
                if let (Some(a), Some(b)) = (pick(a).copied(), pick(b).copied()) {
                    pair.swap(a, b);
                }
            }
        }
        pair.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn rows_of_any_hash_are_found(steps in steps(0..1000_u32, any::<u64>())) {
        run(steps);
    }

    #[test]
    fn rows_with_one_home_are_found(
        steps in steps(0..1000_u32, (0..4_u64, any::<u32>()).prop_map(|(home, low)| {
            (home * 3) << 60 | u64::from(low)
        }))
    ) {
        run(steps);
    }

    #[test]
    fn rows_with_one_tag_are_found(
        steps in steps(0..1000_u32, any::<u32>().prop_map(|high| u64::from(high) << 32))
    ) {
        run(steps);
    }

    #[test]
    fn rows_that_all_have_one_of_three_hashes_are_found(
        steps in steps(0..1000_u32, (0..3_u64).prop_map(|hash| hash << 62 | 7))
    ) {
        run(steps);
    }

    #[test]
    fn rows_of_any_number_are_found(
        steps in steps(
            (any::<u32>(), 0..32_u32).prop_map(|(row, shift)| (row >> shift).min(u32::MAX - 1)),
            any::<u64>(),
        )
    ) {
        run(steps);
    }
}

#[test]
fn a_number_that_needs_all_bits_of_a_slot_is_found_however_far_from_home() {
    let mut pair = Pair::default();
    for row in 0..40 {
        pair.insert(u32::MAX - 1 - row, u64::from(row % 2) << 63);
        pair.insert(row, u64::from(row % 3) << 62);
        pair.check();
    }
    for row in 0..40 {
        pair.swap(row, u32::MAX - 1 - row);
        pair.check();
        pair.remove(u32::MAX - 1 - row);
        pair.check();
    }
}

#[test]
fn a_row_that_is_not_there_is_neither_found_nor_removed() {
    let mut pair = Pair::default();
    assert_eq!(pair.index.find(7, |_| true), None);
    pair.index.remove(7, 0, |_| 0);
    pair.insert(1, 7);
    pair.index.remove(7, 2, |_| 7);
    pair.index.swap((7, 1), (8, 2), |_| 7);
    assert_eq!(pair.index.len(), 1);
    assert_eq!(pair.index.find(7, |_| false), None);
}

fn random(rng: &mut fastrand::Rng, pair: &Pair) -> u32 {
    pair.rows[rng.usize(..pair.rows.len())]
}

#[test]
fn segments_come_and_go_one_by_one_with_the_rows() {
    let mut rng = fastrand::Rng::with_seed(5);
    let mut pair = Pair::default();
    for row in 0..10_000 {
        pair.insert(row, rng.u64(..));
        let expected = (row as usize + 1).div_ceil(SEGMENT_ROWS);
        assert_eq!(pair.index.segments(), expected);
        if row % 500 == 0 {
            pair.check();
        }
    }
    pair.check();
    while let Some(row) = (!pair.rows.is_empty()).then(|| random(&mut rng, &pair)) {
        let segments = pair.index.segments();
        pair.remove(row);
        assert!(pair.index.segments() + 1 >= segments);
        assert!(pair.index.len() >= (pair.index.segments() - 1) * SEGMENT_ROWS / 2);
        if pair.rows.len() % 500 == 0 {
            pair.check();
        }
    }
    assert_eq!((pair.index.segments(), pair.index.slots()), (1, 16));
}

#[test]
fn a_table_is_never_much_larger_than_its_rows() {
    let mut rng = fastrand::Rng::with_seed(9);
    let mut pair = Pair::default();
    for row in 0..5000 {
        pair.insert(row, rng.u64(..));
        assert!(pair.index.slots() <= (row as usize + 2) * 8 / 7 * 5 / 4 + 32, "{row}");
    }
    while pair.rows.len() > 1 {
        pair.remove(random(&mut rng, &pair));
        assert!(pair.index.slots() <= (pair.rows.len() + 2) * 8 / 7 * 25 / 16 + 64);
    }
}

#[test]
fn rows_that_come_and_go_forever_do_not_let_a_table_grow() {
    let mut rng = fastrand::Rng::with_seed(3);
    let mut pair = Pair::default();
    (0..3000).for_each(|row| pair.insert(row, rng.u64(..)));
    for _ in 0..60_000 {
        let row = random(&mut rng, &pair);
        pair.remove(row);
        pair.insert(row, rng.u64(..));
        assert_eq!(pair.index.segments(), 3);
        let slots = pair.index.slots();
        assert!(slots <= 3000 * 8 / 7 * 5 / 4, "{slots}");
    }
    pair.check();
}
