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
    let swarm = CATCH_UP_ROWS + 100;
    profiles.catch_up(swarm);
    let rows = profiles.rows();
    assert!((CATCH_UP_ROWS..swarm - 10).contains(&rows));
    profiles.set(3, placed(5));
    profiles.set(rows, placed(5));
    assert_eq!(profiles.get(3), placed(5));
    assert_eq!(profiles.get(rows), Profile::default());
    assert_eq!(told(&profiles, 0, swarm), {
        let mut expected = vec![0; swarm];
        expected[3] = 6;
        expected
    });
    profiles.added(swarm + 1);
    assert_eq!(profiles.rows(), rows, "the rows before come first");
    profiles.swapped(3, rows + 5);
    assert_eq!(profiles.get(3), Profile::default());
    profiles.catch_up(swarm + 1);
    profiles.added(swarm + 2);
    assert!(profiles.rows() >= swarm + 2);
    profiles.set(3, placed(5));
    profiles.swapped(3, 4);
    assert_eq!((profiles.get(3), profiles.get(4)), (Profile::default(), placed(5)));
    profiles.set(swarm + 1, placed(5));
    profiles.removed(swarm + 1, id);
    profiles.added(swarm + 2);
    assert_eq!(profiles.get(swarm + 1), Profile::default(), "somebody else's");
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
    [3, 99, 4000].into_iter().for_each(|at| profiles.set(at, placed(5)));
    profiles.mark(id, true);
    profiles.size.tell(1 << 30);
    profiles.keep(Kept::NoDeeds);
    assert_eq!(profiles.get(4000), placed(5));
    profiles.keep(Kept::Seeded);
    assert_eq!([3, 99, 4000].map(|at| profiles.get(at)), [Profile::default(); 3]);
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

/// A private swarm whose table by place and by one other strategy grows with it.
struct Measured {
    swarm: Dense<Session>,
    kept: Kept,
    key: HashKey,
}

impl Measured {
    fn new(kept: Kept) -> Self {
        Self { swarm: Dense::default(), kept, key: HashKey::new([5; 16]) }
    }

    fn join(&mut self) {
        let user = self.swarm.len() as u32;
        self.swarm.insert(Session::new(SessionId { user, key: 0 }, 0), Class::Seeder, &self.key);
        let _ = self.swarm.keep_profiles(self.kept);
    }

    fn leave(&mut self) {
        self.swarm.remove(self.swarm.len() - 1, &self.key);
    }

    /// The bytes that an allocator hands out for all of the table: its record, chunks and the list
    /// of them.
    fn each(&self) -> f64 {
        let Some(profiles) = self.swarm.profiles() else { return 0.0 };
        assert_eq!(profiles.heap_bytes(), profiles.bytes(), "what is reckoned while it shrinks");
        profiles.heap_bytes() as f64 / self.swarm.len() as f64
    }
}

/// The most bytes for each peer in swarms of so many, while they grow and while they shrink.
fn most(kept: Kept, sizes: std::ops::RangeInclusive<usize>) -> [f64; 2] {
    let mut measured = Measured::new(kept);
    let mut most = [0.0_f64; 2];
    for size in 1..=*sizes.end() {
        measured.join();
        assert_eq!(measured.swarm.len(), size);
        most[0] = if sizes.contains(&size) { most[0].max(measured.each()) } else { 0.0 };
    }
    // A little higher, so that the last size is met on the way down, too.
    (0..100).for_each(|_| measured.join());
    while measured.swarm.len() > *sizes.start() {
        measured.leave();
        if sizes.contains(&measured.swarm.len()) {
            most[1] = most[1].max(measured.each());
        }
    }
    most
}

#[test]
fn in_swarms_of_all_sizes_a_peer_takes_6_bytes_at_most_while_they_grow_and_while_they_shrink() {
    for kept in [Kept::NoDeeds, Kept::Speed, Kept::Given, Kept::Seeded] {
        for sizes in [33..=133, 134..=2000, 2001..=20_000] {
            let found = most(kept, sizes.clone());
            println!("{kept:?}, {sizes:?}: {found:.3?}");
            assert!(found.into_iter().all(|each| each <= 6.0), "{kept:?}, {sizes:?}: {found:?}");
        }
    }
}

/// Strategies that work against each other take 6 bytes for the profile alone.
#[test]
fn strategies_that_work_against_each_other_take_7_bytes_and_a_quarter_at_most() {
    for sizes in [33..=133, 134..=2000, 2001..=20_000] {
        let found = most(Kept::AllDeeds, sizes.clone());
        println!("{sizes:?}: {found:.3?}");
        assert!(found.into_iter().all(|each| each <= 7.25), "{sizes:?}: {found:?}");
    }
}

#[test]
fn peers_who_come_and_go_take_6_bytes_at_most_and_a_swarm_of_32_takes_none() {
    let mut rng = fastrand::Rng::with_seed(11);
    for size in [40, 60, 110, 145, 170, 600, 1100] {
        let mut measured = Measured::new(Kept::Given);
        (0..size).for_each(|_| measured.join());
        for _ in 0..20_000 {
            let len = measured.swarm.len();
            if len < 28 || (len < 2 * size && rng.bool()) {
                measured.join()
            } else {
                measured.leave()
            }
            assert!(measured.each() <= 6.0, "{} for {}", measured.each(), measured.swarm.len());
            assert_eq!(measured.swarm.profiles().is_some(), measured.swarm.len() > 32);
        }
    }
}

#[test]
fn a_table_takes_what_the_documentation_says() {
    let each = |peers| table(Kept::Given, peers).heap_bytes() as f64 / peers as f64;
    for (peers, expected) in
        [(33, 5.8), (50, 5.4), (100, 5.8), (1000, 5.3), (10_000, 5.2), (100_000, 5.0)]
    {
        println!("{peers} peers: {:.3} bytes each", each(peers));
        assert!((each(peers) - expected).abs() <= 0.05, "{} for {peers}", each(peers));
    }
    let mean = (33..=133).map(each).sum::<f64>() / 101.0;
    println!("{mean:.3} from 33 to 133");
    assert!(mean <= 5.6);
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

#[test]
fn marks_move_no_row_and_take_12_bytes_each_and_the_first_some_70_more() {
    let id = |user| SessionId { user, key: 0 };
    for peers in [33, 100, 130, 170] {
        let mut profiles = table(Kept::Given, peers);
        (0..peers).for_each(|at| profiles.set(at, placed(at as u32)));
        let expected: Vec<u32> = (1..=peers as u32).collect();
        let before = profiles.heap_bytes();
        profiles.mark(id(0), true);
        let with_one = profiles.heap_bytes();
        assert_eq!(told(&profiles, 0, peers), expected, "{peers}");
        if peers == 33 {
            assert_eq!(with_one - before, 12 + 68);
        }
        (0..100).for_each(|user| profiles.mark(id(user), true));
        assert_eq!(profiles.heap_bytes(), with_one - 16 + MARKED_MAX * 12);
        (0..100).for_each(|user| profiles.mark(id(user), false));
        assert_eq!(told(&profiles, 0, peers), expected, "{peers}");
        profiles.set(peers - 1, Profile::default());
        profiles.removed(peers - 1, id(0));
        assert_eq!(told(&profiles, 0, peers - 1), expected[..peers - 1], "{peers}");
    }
}
