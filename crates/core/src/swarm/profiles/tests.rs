use super::*;
use crate::hash::HashKey;
use crate::selection::place::PlaceId;
use crate::selection::profile::{Deeds, LogCounter};
use crate::swarm::session::{Session, SessionId};
use crate::swarm::{Class, Dense};

const ALL_KEPT: [Kept; 5] = [Kept::NoDeeds, Kept::Speed, Kept::Given, Kept::Seeded, Kept::AllDeeds];

fn placed(place: u32) -> Profile {
    let mut profile = Profile::default();
    profile.set_place(PlaceId(place));
    profile
}

/// A table that has caught up with a swarm of so many.
fn table(kept: Kept, peers: usize) -> Profiles<SessionId> {
    let mut profiles = Profiles::new(kept);
    (0..=peers / CATCH_UP_ROWS).for_each(|_| profiles.catch_up(peers));
    assert!(profiles.rows() >= peers);
    profiles
}

fn told(profiles: &Profiles<SessionId>, at: usize, count: usize) -> Vec<u32> {
    let mut known = Vec::new();
    profiles.tell(at, count, &mut known);
    // 0: nobody has asked.
    known.into_iter().map(|it| it.place().0.wrapping_add(1)).collect()
}

#[test]
fn a_table_begun_late_catches_up_and_what_it_lacks_is_unknown() {
    let id = SessionId { user: 0, key: 0 };
    let mut profiles: Profiles<SessionId> = Profiles::new(Kept::Given);
    profiles.catch_up(CATCH_UP_ROWS + 10);
    profiles.set(3, placed(5));
    profiles.set(CATCH_UP_ROWS, placed(5));
    assert_eq!(profiles.get(3), placed(5));
    assert_eq!(profiles.get(CATCH_UP_ROWS), Profile::default());
    profiles.added(CATCH_UP_ROWS + 11);
    assert_eq!(profiles.rows(), CATCH_UP_ROWS, "the rows before come first");
    profiles.swapped(3, CATCH_UP_ROWS + 5);
    assert_eq!(profiles.get(3), Profile::default());
    profiles.catch_up(CATCH_UP_ROWS + 11);
    profiles.added(CATCH_UP_ROWS + 12);
    assert!(profiles.rows() >= CATCH_UP_ROWS + 12);
    profiles.set(3, placed(5));
    profiles.swapped(3, 4);
    assert_eq!((profiles.get(3), profiles.get(4)), (Profile::default(), placed(5)));
    profiles.set(CATCH_UP_ROWS + 11, placed(5));
    profiles.removed(CATCH_UP_ROWS + 11, id);
    profiles.added(CATCH_UP_ROWS + 12);
    assert_eq!(profiles.get(CATCH_UP_ROWS + 11), Profile::default(), "somebody else's");
}

#[test]
fn profiles_are_where_they_were_put_at_every_size_up_and_down() {
    let id = SessionId { user: 0, key: 0 };
    for kept in ALL_KEPT {
        let mut profiles = table(kept, 0);
        let slack = |rows: usize| rows / 4 + 64;
        for row in 0..10_000_usize {
            profiles.added(row + 1);
            profiles.set(row, placed(row as u32));
            assert_eq!(profiles.get(row / 2), placed(row as u32 / 2));
            assert!(profiles.rows() <= row + slack(row), "{} for {row}", profiles.rows());
        }
        let expected: Vec<u32> = (1..=10_000).collect();
        assert_eq!(told(&profiles, 0, 10_000), expected);
        assert_eq!(told(&profiles, 2040, 20), expected[2040..2060], "over the end of a chunk");
        profiles.swapped(3, 9_999);
        assert_eq!((profiles.get(3), profiles.get(9_999)), (placed(9_999), placed(3)));
        profiles.swapped(3, 9_999);
        for row in (0..10_000_usize).rev() {
            profiles.removed(row, id);
            assert!(profiles.rows() <= row + slack(row), "{} for {row}", profiles.rows());
            assert_eq!(profiles.get(row), Profile::default());
            if row % 100 == 0 || row < 200 {
                assert_eq!(told(&profiles, 0, row), expected[..row]);
            }
        }
        assert_eq!(told(&profiles, 0, 3), [0; 3]);
    }
}

#[test]
fn what_is_kept_may_change_and_the_size_and_the_marks_stay() {
    let id = SessionId { user: 7, key: 0 };
    let mut profiles = table(Kept::NoDeeds, 5000);
    profiles.set(4000, placed(5));
    profiles.mark(id, true);
    profiles.size.tell(1 << 30);
    profiles.keep(Kept::NoDeeds);
    assert_eq!(profiles.get(4000), placed(5));
    profiles.keep(Kept::Seeded);
    assert_eq!(profiles.rows(), 0);
    profiles.catch_up(100);
    let mut seeder = placed(6);
    seeder.set_weight(-3);
    let seeded = LogCounter::default().add(100.0, &mut fastrand::Rng::with_seed(1));
    seeder.set_deeds(Deeds { seeded, ..Deeds::default() });
    profiles.set(99, seeder);
    assert_eq!(profiles.get(99), seeder);
    assert_eq!(profiles.marked(), [id]);
    assert!(profiles.size.bytes().is_some());
}

/// The bytes that an allocator hands out for all of a table: its record, chunks and the list of
/// them. A private tracker's table by place and by one other strategy.
#[test]
fn a_table_takes_6_bytes_for_each_peer_at_most() {
    let key = HashKey::new([5; 16]);
    let mut small: Dense<Session> = Dense::default();
    for user in 0..10 {
        small.insert(Session::new(SessionId { user, key: 0 }, 0), Class::Seeder, &key);
    }
    assert!(small.keep_profiles(Kept::Given).is_none(), "10 peers: 0 bytes");
    for (peers, most) in [
        (50, 5.8),
        (100, 5.5),
        (512, 5.4),
        (1000, 5.35),
        (10_000, 5.2),
        (100_000, 5.05),
        (1_000_000, 5.02),
    ] {
        let each = table(Kept::Given, peers).heap_bytes() as f64 / peers as f64;
        println!("{peers} peers: {each:.3} bytes each");
        assert!((5.0..=most).contains(&each), "{each} bytes for each of {peers}");
    }
}

/// Allocators have few sizes, so that some tables of some dozens take more than 6 bytes for each.
#[test]
fn tables_of_all_sizes_take_less_than_6_bytes_for_each_peer_on_average() {
    let mean = |kept, sizes: std::ops::RangeInclusive<usize>| {
        let count = sizes.clone().count() as f64;
        sizes.map(|peers| table(kept, peers).heap_bytes() as f64 / peers as f64).sum::<f64>()
            / count
    };
    let worst = |sizes: std::ops::RangeInclusive<usize>| {
        let each = |peers| table(Kept::Given, peers).heap_bytes() as f64 / peers as f64;
        sizes.map(each).fold(0.0, f64::max)
    };
    println!("{:.2} of 33 to 128", mean(Kept::Given, 33..=128));
    println!("worst: {:.2} and {:.2}", worst(33..=133), worst(134..=3000));
    assert!(mean(Kept::Given, 33..=128) <= 6.0);
    assert!(mean(Kept::Given, 129..=3000) <= 5.5);
    assert!(worst(33..=133) <= 6.8);
    assert!(worst(134..=3000) <= 6.0);
    assert!(mean(Kept::NoDeeds, 33..=128) <= 5.0);
}

#[test]
fn marks_are_limited_and_go_with_their_sessions() {
    let id = |user| SessionId { user, key: 0 };
    let mut profiles: Profiles<SessionId> = Profiles::new(Kept::NoDeeds);
    (0..100).for_each(|user| profiles.mark(id(user), true));
    (0..100).for_each(|user| profiles.mark(id(user), true));
    assert_eq!(profiles.marked().len(), MARKED_MAX);
    profiles.mark(id(7), false);
    profiles.removed(0, id(8));
    profiles.removed(0, id(8));
    assert_eq!(profiles.marked().len(), MARKED_MAX - 2);
    assert!(!profiles.marked().contains(&id(7)) && !profiles.marked().contains(&id(8)));
}
