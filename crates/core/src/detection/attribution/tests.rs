use proptest::prelude::*;

use super::*;

const GB: f64 = 1e9;

/// A world of users who upload random amounts in random epochs, some of them more in words than
/// in deeds.
fn planted(
    seed: u64,
    users: u32,
    epochs: u32,
    fakes: &[(u32, f64)],
    noise: f64,
) -> (Vec<Row>, Vec<Cell>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut rows, mut cells) = (Vec::new(), Vec::new());
    for row in 0..epochs {
        let mut excess = 0.0;
        let mut moved = 0.0;
        let mut seen = Vec::new();
        for _ in 0..random.u32(2..6) {
            let column = random.u32(..users);
            if seen.contains(&column) {
                continue;
            }
            seen.push(column);
            let amount = random.f64() * 5.0 * GB;
            let fake = fakes.iter().find(|(user, _)| *user == column).map_or(0.0, |it| it.1);
            excess += amount * fake;
            moved += amount;
            cells.push(Cell { row, column, amount });
        }
        let sigma = 20e6 + 0.01 * 2.0 * moved;
        // A sum of uniform draws is near enough to a normal one.
        let normal: f64 = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        rows.push(Row { excess: excess + noise * sigma * normal, sigma });
    }
    (rows, cells)
}

#[test]
fn what_users_add_to_their_uploads_is_found_and_nobody_else_is_blamed() {
    let fakes = [(3, 0.5), (17, 1.0), (40, 0.25)];
    let (rows, cells) = planted(1, 60, 600, &fakes, 1.0);
    let mut system = System::new(rows, cells, 60);
    system.solve();
    for user in 0..60 {
        let expected = fakes.iter().find(|(fake, _)| *fake == user).map_or(0.0, |it| it.1);
        let found = system.fractions[user as usize];
        assert!((found - expected).abs() < 0.05, "user {user}: {found} instead of {expected}");
        let z = system.prove(user, |_| false, |row| row >= 300).z;
        assert_eq!(z > 6.0, expected > 0.0, "user {user}: z = {z}");
    }
}

#[test]
fn a_few_epochs_that_are_far_off_do_not_make_an_innocent_suspect() {
    let (mut rows, cells) = planted(2, 40, 400, &[], 1.0);
    // Some leechers cheat by other ways, which no column stands for.
    for row in rows.iter_mut().step_by(40) {
        row.excess += 3.0 * GB;
    }
    let mut system = System::new(rows, cells, 40);
    system.solve();
    for user in 0..40 {
        let proof = system.prove(user, |_| false, |_| false);
        assert!(proof.z < 4.0, "user {user}: {proof:?}");
    }
}

#[test]
fn of_two_users_who_cannot_be_told_apart_none_is_proven() {
    let rows = vec![Row { excess: 2.0 * GB, sigma: 50e6 }; 10];
    let cell = |row, column| Cell { row, column, amount: 4.0 * GB };
    let cells = (0..10).flat_map(|row| [cell(row, 0), cell(row, 1)]).collect();
    let mut system = System::new(rows, cells, 2);
    system.solve();
    let sum: f64 = system.fractions.iter().sum();
    assert!((sum - 0.5).abs() < 1e-3, "{:?}", system.fractions);
    assert!(system.prove(0, |_| false, |_| false).z < 0.1);
    assert!(system.prove(1, |_| false, |_| false).z < 0.1);
    // One epoch without the other, and it is clear.
    let rows = vec![Row { excess: 2.0 * GB, sigma: 50e6 }; 11];
    let cells = (0..10).flat_map(|row| [cell(row, 0), cell(row, 1)]).chain([cell(10, 0)]);
    let mut system = System::new(rows, cells.collect(), 2);
    system.solve();
    assert!((system.fractions[0] - 0.5).abs() < 0.01, "{:?}", system.fractions);
    assert!(system.prove(0, |_| false, |_| false).z > 6.0);
}

#[test]
fn a_proof_leaves_the_solution_as_it_was() {
    let (rows, cells) = planted(3, 30, 300, &[(5, 0.4)], 1.0);
    let mut system = System::new(rows, cells, 30);
    system.solve();
    let (fractions, loss) = (system.fractions.clone(), system.loss());
    let proof = system.prove(5, |_| false, |row| row >= 150);
    assert!(proof.z_halves.iter().all(|z| *z > 6.0), "{proof:?}");
    for (before, after) in fractions.iter().zip(&system.fractions) {
        assert!((before - after).abs() < 1e-9);
    }
    assert!((loss - system.loss()).abs() < 1e-6 * loss.max(1.0));
}

#[test]
fn what_a_column_leaves_unexplained_is_told() {
    let unexplained = |amount: f64| {
        let rows = vec![Row { excess: 1.0 * GB, sigma: 20e6 }; 12];
        let cells = (0..12).map(|row| Cell { row, column: 0, amount }).collect();
        let mut system = System::new(rows, cells, 1);
        system.solve();
        system.prove(0, |_| false, |_| false).unexplained
    };
    // All of it is explained by twice as much, of which half is fake.
    assert!(unexplained(2.0 * GB) < 1e-3, "{}", unexplained(2.0 * GB));
    // 50 standard deviations without, 30 with: 3·(30 − 1.5) of 3·(50 − 1.5).
    let left = unexplained(0.4 * GB);
    assert!((left - 28.5 / 48.5).abs() < 1e-3, "{left}");
}

#[test]
fn a_part_that_differs_from_epoch_to_epoch_leaves_hardly_anything_unexplained() {
    // Half of the upload is fake in three epochs, and a quarter of it in the next one.
    let row =
        |row: u32| Row { excess: if row.is_multiple_of(4) { 0.5 } else { 1.0 } * GB, sigma: 20e6 };
    let rows = (0..40).map(row).collect();
    let cells = (0..40).map(|row| Cell { row, column: 0, amount: 2.0 * GB }).collect();
    let mut system = System::new(rows, cells, 1);
    system.solve();
    let proof = system.prove(0, |_| false, |_| false);
    assert!((0.4..0.5).contains(&proof.fraction), "{proof:?}");
    let short: Vec<_> = proof.rows.iter().filter(|it| it.with > 1.0).collect();
    assert_eq!(short.len(), 30, "{proof:?}");
    assert!(short.iter().all(|it| it.left == 0.0), "{proof:?}");
    assert!(proof.unexplained < 0.2, "{proof:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn planted_fractions_are_recovered(
        seed: u64,
        user in 0u32..30,
        fraction in 0.3f64..=1.0,
    ) {
        let (rows, cells) = planted(seed, 30, 300, &[(user, fraction)], 1.0);
        // The less a user uploaded, the less is known: six standard errors.
        let own = cells.iter().filter(|cell| cell.column == user);
        let known: f64 = own.map(|it| (it.amount / rows[it.row as usize].sigma).powi(2)).sum();
        let error_max = 6.0 / known.sqrt();
        let mut system = System::new(rows, cells, 30);
        system.solve();
        let found = system.fractions[user as usize];
        prop_assert!((found - fraction).abs() < error_max, "{found} instead of {fraction}");
        prop_assert!(system.prove(user, |_| false, |_| false).z > 6.0);
    }

    #[test]
    fn any_system_has_a_solution_within_bounds(
        rows in proptest::collection::vec((-1e15f64..1e15, 1.0f64..1e12), 0..20),
        cells in proptest::collection::vec((0u32..25, 0u32..25, 0f64..1e15), 0..60),
    ) {
        let rows = rows.into_iter().map(|(excess, sigma)| Row { excess, sigma }).collect();
        let cells = cells
            .into_iter()
            .map(|(row, column, amount)| Cell { row, column, amount })
            .collect();
        let mut system = System::new(rows, cells, 20);
        system.solve();
        for column in 0..20 {
            let proof = system.prove(column, |_| false, |row| row % 2 == 0);
            prop_assert!((0.0..=1.0).contains(&proof.fraction));
            prop_assert!(proof.z.is_finite() && proof.z >= 0.0);
        }
    }
}
