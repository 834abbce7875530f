//! What the choice of peers knows of a large swarm's rows: a table beside them, which is there
//! only while a strategy is in force.

use super::chunks::Chunks;
use crate::selection::profile::Profile;

/// Rows that an announce adds at most to a table which does not have all of them yet, so that
/// turning a strategy on costs no announce much.
const CATCH_UP_ROWS: usize = 512;
/// Members of marked roles that a swarm remembers at most.
const MARKED_MAX: usize = 64;

/// Profiles by row number. A table that was begun late is shorter than the swarm until announces
/// have caught up; rows without a profile have that of a peer of whom nothing is known.
#[derive(Debug)]
pub(crate) struct Profiles<Id> {
    rows: Chunks<Profile>,
    /// Sessions that leechers are always given while they seed.
    marked: Vec<Id>,
    pub(crate) size: SizeEstimate,
}

impl<Id: Copy + PartialEq> Profiles<Id> {
    pub(crate) fn new() -> Self {
        Self { rows: Chunks::new(), marked: Vec::new(), size: SizeEstimate::default() }
    }

    pub(crate) fn catch_up(&mut self, swarm_rows: usize) {
        let missing = swarm_rows.saturating_sub(self.rows.len()).min(CATCH_UP_ROWS);
        (0..missing).for_each(|_| self.rows.push(Profile::default()));
    }

    #[inline]
    pub(crate) fn get(&self, at: usize) -> Profile {
        self.rows.get(at).copied().unwrap_or_default()
    }

    /// The profiles from a row on which lie side by side in memory; none where the table ends.
    #[inline]
    pub(crate) fn run_from(&self, at: usize) -> &[Profile] {
        self.rows.run_from(at)
    }

    pub(crate) fn set(&mut self, at: usize, profile: Profile) {
        if let Some(slot) = self.rows.get_mut(at) {
            *slot = profile;
        }
    }

    pub(crate) fn marked(&self) -> &[Id] {
        &self.marked
    }

    /// Remembers a session, or forgets it.
    pub(crate) fn mark(&mut self, id: Id, on: bool) {
        match self.marked.iter().position(|other| *other == id) {
            Some(at) if !on => _ = self.marked.swap_remove(at),
            None if on && self.marked.len() < MARKED_MAX => self.marked.push(id),
            _ => {}
        }
    }

    /// A row was added to a swarm that has so many now.
    pub(super) fn added(&mut self, swarm_rows: usize) {
        if self.rows.len() + 1 == swarm_rows {
            self.rows.push(Profile::default());
        }
    }

    /// The last row was removed from a swarm that has so many now.
    pub(super) fn removed(&mut self, swarm_rows: usize, id: Id) {
        if self.rows.len() > swarm_rows {
            self.rows.pop();
        }
        if !self.marked.is_empty() {
            self.mark(id, false);
        }
    }

    pub(super) fn swapped(&mut self, a: usize, b: usize) {
        if a < self.rows.len() && b < self.rows.len() {
            self.rows.swap(a, b);
        } else {
            self.set(a, Profile::default());
            self.set(b, Profile::default());
        }
    }
}

/// The size of a torrent, as its leechers tell it: the median of what they have and what they lack,
/// so that a few liars do not matter.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SizeEstimate {
    /// In 64ths of a doubling; 0 if nobody has told it.
    log: u16,
    /// How often it was told, up to a limit.
    told: u8,
}

impl SizeEstimate {
    const PARTS: f64 = 64.0;
    /// An eighth of a doubling: by so much it moves in the end.
    const STEP_MIN: u16 = 8;
    /// Eight doublings: the first to tell it may be a client that does not know it yet.
    const STEP_MAX: u16 = 512;

    /// A leecher tells what it has and lacks.
    pub(crate) fn tell(&mut self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let told = ((bytes as f64).log2() * Self::PARTS).round() as u16;
        let step = (Self::STEP_MAX >> self.told).max(Self::STEP_MIN);
        self.told = self.told.saturating_add(1).min(15);
        self.log = match self.log {
            0 => told.max(1),
            log if told > log => told.min(log.saturating_add(step)),
            log => told.max(log.saturating_sub(step)).max(1),
        };
    }

    pub(crate) fn bytes(self) -> Option<f64> {
        (self.log > 0).then(|| (f64::from(self.log) / Self::PARTS).exp2())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_begun_late_catches_up_and_what_it_lacks_is_unknown() {
        let mut profiles: Profiles<u32> = Profiles::new();
        let learned = {
            let mut profile = Profile::default();
            profile.set_weight(5);
            profile
        };
        profiles.catch_up(CATCH_UP_ROWS + 10);
        profiles.set(3, learned);
        profiles.set(CATCH_UP_ROWS, learned);
        assert_eq!(profiles.get(3), learned);
        assert_eq!(profiles.get(CATCH_UP_ROWS), Profile::default());
        profiles.added(CATCH_UP_ROWS + 11);
        assert_eq!(profiles.rows.len(), CATCH_UP_ROWS, "the rows before come first");
        profiles.swapped(3, CATCH_UP_ROWS + 5);
        assert_eq!(profiles.get(3), Profile::default());
        profiles.catch_up(CATCH_UP_ROWS + 11);
        profiles.added(CATCH_UP_ROWS + 12);
        assert_eq!(profiles.rows.len(), CATCH_UP_ROWS + 12);
        profiles.set(3, learned);
        profiles.swapped(3, 4);
        assert_eq!((profiles.get(3), profiles.get(4)), (Profile::default(), learned));
        profiles.removed(CATCH_UP_ROWS + 11, 0);
        assert_eq!(profiles.rows.len(), CATCH_UP_ROWS + 11);
    }

    /// The whole table by its peers: chunks, the list of them, and the record that holds both.
    #[test]
    fn a_profile_takes_6_bytes_and_a_table_little_more() {
        assert_eq!(size_of::<Profile>(), 6);
        for (peers, most) in [(33, 12.0), (512, 7.0), (10_000, 6.8), (1_000_000, 6.02)] {
            let mut profiles: Profiles<u32> = Profiles::new();
            (0..=peers / CATCH_UP_ROWS).for_each(|_| profiles.catch_up(peers));
            assert_eq!(profiles.rows.len(), peers);
            let bytes = profiles.rows.heap_bytes() + size_of::<Profiles<u32>>();
            let each = bytes as f64 / peers as f64;
            println!("{peers} peers: {each:.2} bytes each");
            assert!((6.0..most).contains(&each), "{each} bytes for each of {peers}");
        }
    }

    #[test]
    fn marks_are_limited_and_go_with_their_sessions() {
        let mut profiles: Profiles<u32> = Profiles::new();
        (0..100).for_each(|id| profiles.mark(id, true));
        (0..100).for_each(|id| profiles.mark(id, true));
        assert_eq!(profiles.marked().len(), MARKED_MAX);
        profiles.mark(7, false);
        profiles.removed(0, 8);
        profiles.removed(0, 8);
        assert_eq!(profiles.marked().len(), MARKED_MAX - 2);
        assert!(!profiles.marked().contains(&7) && !profiles.marked().contains(&8));
    }

    #[test]
    fn a_size_is_what_most_tell_whoever_is_first_and_whoever_lies() {
        let mut size = SizeEstimate::default();
        assert_eq!(size.bytes(), None);
        size.tell(0);
        assert_eq!(size.bytes(), None);
        // A client that has no metadata yet says 16 KiB.
        size.tell(16_384);
        for _ in 0..10 {
            size.tell(4 << 30);
        }
        for number in 0..1000 {
            // One in five tells more than there is.
            size.tell(if number % 5 == 0 { 1 << 50 } else { 4 << 30 });
        }
        let bytes = size.bytes().unwrap() / (4_u64 << 30) as f64;
        assert!((0.9..1.2).contains(&bytes), "{bytes}");
    }
}
