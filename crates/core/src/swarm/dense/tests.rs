//! The array against a list that is searched from front to back.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const KEY: [u8; 16] = [3; 16];

/// A row like a session's: its hash is that of its group, as a session's is that of its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Item {
    group: u32,
    name: u32,
    value: u32,
}

type Name = (u32, u32);

impl Row for Item {
    type Id = Name;

    fn id(&self) -> Name {
        (self.group, self.name)
    }

    fn is(&self, id: &Name) -> bool {
        self.id() == *id
    }

    fn hash(id: &Name, key: &HashKey) -> u64 {
        key.bytes(&id.0.to_le_bytes())
    }
}

/// The array and its model.
#[derive(Debug)]
struct Pair {
    dense: Dense<Item>,
    model: HashMap<Name, (Class, u32)>,
    /// Names in the model, to pick from.
    names: Vec<Name>,
    key: HashKey,
}

impl Pair {
    fn new() -> Self {
        let key = HashKey::new(KEY);
        Self { dense: Dense::default(), model: HashMap::new(), names: Vec::new(), key }
    }

    fn put(&mut self, name: Name, class: Class, value: u32) {
        let item = Item { group: name.0, name: name.1, value };
        match self.dense.find(&name, &self.key) {
            Some(at) => {
                assert_eq!(
                    *self.dense.get(at).unwrap(),
                    Item { value: self.model[&name].1, ..item }
                );
                let at = self.dense.set_class(at, class, &self.key);
                *self.dense.get_mut(at).unwrap() = item;
                assert_eq!(self.dense.class_of(at), class);
            }
            None => {
                assert!(!self.model.contains_key(&name), "{name:?} is lost");
                let at = self.dense.insert(item, class, &self.key);
                assert_eq!(self.dense.get(at), Some(&item));
                assert_eq!(self.dense.class_of(at), class);
                self.names.push(name);
            }
        }
        self.model.insert(name, (class, value));
    }

    fn remove(&mut self, name: Name) {
        let known = self.model.remove(&name);
        let at = self.dense.find(&name, &self.key);
        assert_eq!(at.is_some(), known.is_some());
        if let (Some(at), Some((class, value))) = (at, known) {
            assert_eq!(self.dense.class_of(at), class);
            let item = Item { group: name.0, name: name.1, value };
            assert_eq!(self.dense.remove(at, &self.key), Some(item));
            assert_eq!(self.dense.find(&name, &self.key), None);
            self.names.swap_remove(self.names.iter().position(|it| *it == name).unwrap());
        }
    }

    fn check_counts(&self) {
        let seeders = self.model.values().filter(|(class, _)| *class == Class::Seeder).count();
        assert_eq!(self.dense.len(), self.model.len());
        assert_eq!(self.dense.seeders(), seeders);
        assert_eq!(self.dense.leechers(), self.model.len() - seeders);
    }

    fn check_row(&self, name: Name) {
        let (class, value) = self.model[&name];
        let at = self.dense.find(&name, &self.key).unwrap_or_else(|| panic!("{name:?} is lost"));
        assert_eq!(self.dense.class_of(at), class);
        assert_eq!(self.dense.get(at), Some(&Item { group: name.0, name: name.1, value }));
    }

    /// Everything, row by row: its own place, found by name, by position, by its group.
    fn check(&self) {
        self.check_counts();
        self.names.iter().for_each(|name| self.check_row(*name));
        assert_eq!(self.dense.iter().count(), self.model.len());
        for (at, item) in self.dense.iter().enumerate() {
            assert_eq!(self.dense.get(at), Some(item));
            assert_eq!(self.dense.find(&item.id(), &self.key), Some(at));
        }
        assert_eq!(self.dense.get(self.model.len()), None);
        let mut groups: HashMap<u32, usize> = HashMap::new();
        self.names.iter().for_each(|(group, _)| *groups.entry(*group).or_default() += 1);
        for (group, count) in groups {
            assert_eq!(self.in_group(group), count);
        }
        assert_eq!(self.in_group(u32::MAX), 0);
        self.check_shape();
    }

    fn in_group(&self, group: u32) -> usize {
        let rows = self.dense.with_hash_of(&(group, 0), &self.key);
        rows.filter(|row| row.group == group).count()
    }

    /// What the memory budget rests on.
    fn check_shape(&self) {
        match &self.dense.rows {
            Rows::Small(rows) => assert!(rows.len() <= SMALL_MAX),
            Rows::Large(large) => {
                let rows = large.rows.len();
                assert!(rows > SMALL_AGAIN);
                assert_eq!(large.index.len(), rows);
                assert!(large.rows.capacity() <= rows + (rows / 16).max(16), "{rows}");
            }
        }
    }
}

fn class(seeder: bool) -> Class {
    if seeder { Class::Seeder } else { Class::Leecher }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Put(Name, bool, u32),
    /// Removes the row of a name, which may not be there.
    Remove(Name),
    /// Removes or changes the class of a row that is there.
    RemoveAt(prop::sample::Index),
    TurnAt(prop::sample::Index),
}

fn steps(groups: u32, names: u32, length: usize) -> impl Strategy<Value = Vec<Step>> {
    let name = move || (0..groups, 0..names);
    let step = prop_oneof![
        4 => (name(), any::<bool>(), any::<u32>())
            .prop_map(|(name, seeder, value)| Step::Put(name, seeder, value)),
        1 => name().prop_map(Step::Remove),
        2 => any::<prop::sample::Index>().prop_map(Step::RemoveAt),
        1 => any::<prop::sample::Index>().prop_map(Step::TurnAt),
    ];
    prop::collection::vec(step, 1..length)
}

fn run(steps: Vec<Step>) {
    let mut pair = Pair::new();
    for step in steps {
        let pick = |index: prop::sample::Index, pair: &Pair| {
            (!pair.names.is_empty()).then(|| pair.names[index.index(pair.names.len())])
        };
        match step {
            Step::Put(name, seeder, value) => pair.put(name, class(seeder), value),
            Step::Remove(name) => pair.remove(name),
            Step::RemoveAt(index) => {
                if let Some(name) = pick(index, &pair) {
                    pair.remove(name);
                }
            }
            Step::TurnAt(index) => {
                if let Some(name) = pick(index, &pair) {
                    let (known, value) = pair.model[&name];
                    pair.put(name, class(known == Class::Leecher), value.wrapping_add(1));
                }
            }
        }
        pair.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn around_the_limit_of_a_scanned_swarm_every_row_is_found(steps in steps(5, 12, 200)) {
        run(steps);
    }

    #[test]
    fn around_the_limits_of_chunks_every_row_is_found(steps in steps(60, 4, 300)) {
        run(steps);
    }

    #[test]
    fn rows_that_all_have_one_hash_are_told_apart(steps in steps(1, 60, 200)) {
        run(steps);
    }
}

#[test]
fn a_swarm_that_grows_and_shrinks_one_by_one_is_right_at_every_size() {
    for seeder in [false, true] {
        let mut pair = Pair::new();
        for number in 0..200 {
            pair.put((number, 0), class(seeder ^ (number % 3 == 0)), number);
            pair.check();
        }
        for number in 0..200 {
            pair.remove((number * 7 % 200, 0));
            pair.check();
        }
        assert!(matches!(pair.dense.rows, Rows::Small(_)));
    }
}

#[test]
fn a_swarm_at_the_limit_of_scanning_does_not_change_form_with_every_peer() {
    let mut pair = Pair::new();
    (0..33).for_each(|number| pair.put((number, 0), Class::Seeder, 0));
    for _ in 0..10 {
        pair.remove((32, 0));
        assert!(matches!(pair.dense.rows, Rows::Large(_)));
        pair.put((32, 0), Class::Leecher, 0);
        pair.check();
    }
    (0..9).for_each(|number| pair.remove((number, 0)));
    assert!(matches!(pair.dense.rows, Rows::Small(_)));
    pair.check();
}

#[test]
fn a_swarm_of_20_000_is_right_while_it_changes_form_and_after_it_shrank() {
    let mut rng = fastrand::Rng::with_seed(11);
    let mut pair = Pair::new();
    let check_sample = |pair: &Pair, rng: &mut fastrand::Rng| {
        pair.check_counts();
        for _ in 0..20 {
            pair.check_row(pair.names[rng.usize(..pair.names.len())]);
        }
    };
    for number in 0..20_000 {
        // Two in a group, as two sessions of one user.
        pair.put((number / 2, number), class(number % 3 == 0), number);
        if number % 100 == 0 || (4080..4100).contains(&number) {
            check_sample(&pair, &mut rng);
        }
        if [511, 512, 4095, 4096].contains(&number) {
            pair.check();
        }
        if number % 5 == 0 {
            let name = pair.names[rng.usize(..pair.names.len())];
            let (known, value) = pair.model[&name];
            pair.put(name, class(known == Class::Leecher), value);
        }
    }
    pair.check();
    while pair.names.len() > 5 {
        let name = pair.names[rng.usize(..pair.names.len())];
        pair.remove(name);
        if pair.names.len() % 1000 < 2 {
            check_sample(&pair, &mut rng);
        }
        if [8193, 4096, 2049, 2048, 513, 256, 65, 33, 32, 25, 24, 8].contains(&pair.names.len()) {
            pair.check();
        }
    }
    pair.check();
}

#[test]
fn a_row_out_of_range_is_neither_removed_nor_changed() {
    for rows in [0, 3, 40] {
        let mut pair = Pair::new();
        (0..rows).for_each(|number| pair.put((number, 0), class(number % 2 == 0), 0));
        assert_eq!(pair.dense.get(rows as usize), None);
        assert_eq!(pair.dense.get_mut(rows as usize), None);
        assert_eq!(pair.dense.find(&(rows, 0), &pair.key), None);
        pair.check();
    }
}

#[test]
fn peers_that_come_and_go_forever_do_not_let_a_swarm_grow() {
    let mut rng = fastrand::Rng::with_seed(4);
    for rows in [20, 40, 300, 5000] {
        let mut pair = Pair::new();
        (0..rows).for_each(|number| pair.put((number, 0), class(number % 4 == 0), 0));
        let capacity = |pair: &Pair| match &pair.dense.rows {
            Rows::Small(rows) => (rows.len(), 0),
            Rows::Large(large) => (large.rows.capacity(), large.index.slots()),
        };
        let (rows_at_first, slots_at_first) = capacity(&pair);
        for number in rows..rows + 20_000 {
            let name = pair.names[rng.usize(..pair.names.len())];
            pair.remove(name);
            pair.put((number, 0), class(number % 4 == 0), 0);
        }
        let (rows_at_last, slots_at_last) = capacity(&pair);
        assert_eq!(rows_at_last, rows_at_first);
        assert!(slots_at_last * 4 <= slots_at_first * 5, "{slots_at_first} to {slots_at_last}");
        pair.check();
    }
}
