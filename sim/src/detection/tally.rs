//! What a cheat has gained so far: the truth that detection is measured by.

use super::session::Session;
use crate::cheats::Cheat;
use crate::cheats::mask::Counters;

/// Days within which cheats are to be found, by their targets.
pub const DEADLINES_DAYS: [u32; 3] = [3, 14, 30];
const DAY_SECONDS: u32 = 86_400;

/// What a user has made up.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tally {
    /// The user has begun to cheat.
    pub begun: bool,
    /// Second of the first announce that was not true.
    pub first_seconds: Option<u32>,
    /// Upload made up and download hidden, in bytes.
    pub faked_bytes: u64,
    /// Of these, the ones by each of [`DEADLINES_DAYS`] from the first.
    pub faked_bytes_by: [u64; DEADLINES_DAYS.len()],
    /// Announces since the first that was not true.
    pub announces: u32,
    /// Both of them when somebody was first asked to look.
    pub at_review: Option<(u64, u32)>,
}

impl Tally {
    /// Whether new sessions go through a proxy.
    pub fn masks(&self, cheat: Cheat) -> bool {
        let hides = matches!(cheat, Cheat::GhostSeed | Cheat::DownloadZero | Cheat::ResetTrick);
        self.begun && (hides || cheat.adds_upload())
    }

    /// Notes what a session is going to say, beside what is true.
    pub fn note(&mut self, session: &Session, shown: Counters, now_seconds: u32) {
        if session.mask.is_none() && session.fake.is_none() {
            return;
        }
        let grown = |new: u64, old: u64| new.saturating_sub(old);
        let said = grown(shown.uploaded, session.shown.uploaded);
        let sent = grown(session.real.uploaded, session.was.uploaded);
        let told = grown(shown.downloaded, session.shown.downloaded);
        let received = grown(session.real.downloaded, session.was.downloaded);
        self.add(grown(said, sent) + grown(received, told), now_seconds);
    }

    /// Adds bytes that are not as they were told.
    pub fn add(&mut self, bytes: u64, now_seconds: u32) {
        if bytes > 0 {
            let first_seconds = *self.first_seconds.get_or_insert(now_seconds);
            self.faked_bytes += bytes;
            let since_seconds = now_seconds.saturating_sub(first_seconds);
            for (days, sum) in DEADLINES_DAYS.iter().zip(&mut self.faked_bytes_by) {
                if since_seconds <= days * DAY_SECONDS {
                    *sum += bytes;
                }
            }
        }
    }

    /// Bytes that were made up within some days of the first; all of them past every deadline.
    pub fn faked_within(&self, days: u32) -> u64 {
        let by = DEADLINES_DAYS.iter().zip(&self.faked_bytes_by).find(|(it, _)| **it >= days);
        by.map_or(self.faked_bytes, |(_, bytes)| *bytes)
    }

    /// Counts an announce.
    pub fn count(&mut self) {
        if self.first_seconds.is_some() {
            self.announces += 1;
        }
    }

    /// Notes that the user cheats without a byte.
    pub fn begin(&mut self, now_seconds: u32) {
        self.first_seconds.get_or_insert(now_seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_for_the_deadlines_that_are_not_over() {
        let mut tally = Tally::default();
        for (days, bytes) in [(1, 100), (4, 20), (5, 3), (40, 5_000)] {
            tally.add(bytes, days * DAY_SECONDS);
        }
        assert_eq!(tally.first_seconds, Some(DAY_SECONDS));
        assert_eq!(DEADLINES_DAYS.map(|days| tally.faked_within(days)), [120, 123, 123]);
        assert_eq!(tally.faked_within(90), 5_123);
    }
}
