//! How usual a finding is on this site: the share of all users with as much of it. Nearly all users
//! are honest, so that what many of them show tells nothing of anybody.

use serde::{Deserialize, Serialize};

use super::finding::Detector;

/// No share is taken for less: nobody has seen enough users for that.
pub(super) const SHARE_MIN: f64 = 1e-5;
/// Users, and seconds of data, before the site's own shares count.
const USERS_MIN: usize = 200;
const KNOWN_SECONDS_MIN: u32 = 7 * 86_400;
const DETECTORS: usize = Detector::ALL.len();
/// Classes of what was observed, a factor of two each.
const CLASSES: usize = 64;

/// The largest class that a user has shown of each detector within a period; 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Shown {
    period: u16,
    classes: [u8; DETECTORS],
}

/// Users by what they have shown, of this period and the last one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Tails {
    began_seconds: u32,
    period: u16,
    /// By detector, then by class.
    now: Vec<u32>,
    last: Vec<u32>,
    users_last: usize,
}

/// 1 to 63, growing with the number; of what is no positive number 1.
fn class_of(observed: f64) -> u8 {
    let class = observed.log2().clamp(0.0, CLASSES as f64 - 2.0);
    if class.is_nan() { 1 } else { class as u8 + 1 }
}

impl Tails {
    pub(super) fn new(now_seconds: u32) -> Self {
        Self { began_seconds: now_seconds, now: vec![0; DETECTORS * CLASSES], ..Self::default() }
    }

    /// Begins a new period, if it is time.
    pub(super) fn advance(&mut self, now_seconds: u32, period_seconds: u32, users: usize) {
        let since = now_seconds.saturating_sub(self.began_seconds);
        let period = (since / period_seconds.max(1)).min(u16::MAX.into()) as u16;
        if period != self.period {
            self.period = period;
            self.last = std::mem::replace(&mut self.now, vec![0; DETECTORS * CLASSES]);
            self.users_last = users;
        }
    }

    /// Notes what a user shows; returns the share of users who have shown as much, this one
    /// counted once. `None` while there is too little to tell.
    pub(super) fn note(
        &mut self,
        shown: &mut Shown,
        detector: Detector,
        observed: f64,
        users: usize,
        now_seconds: u32,
    ) -> Option<f64> {
        let class = class_of(observed);
        if shown.period != self.period {
            *shown = Shown { period: self.period, ..Shown::default() };
        }
        let row = (detector as usize).saturating_mul(CLASSES);
        let before = shown.classes.get_mut(detector as usize)?;
        if class > *before {
            if *before > 0 {
                let old = self.now.get_mut(row + usize::from(*before))?;
                *old = old.saturating_sub(1);
            }
            *before = class;
            let new = self.now.get_mut(row + usize::from(class))?;
            *new = new.saturating_add(1);
        }
        let known_seconds = now_seconds.saturating_sub(self.began_seconds);
        if users < USERS_MIN || known_seconds < KNOWN_SECONDS_MIN {
            return None;
        }
        let share = |counts: &[u32], users: usize| {
            let counts = counts.get(row + usize::from(class)..row + CLASSES).unwrap_or_default();
            let as_much: u64 = counts.iter().map(|count| u64::from(*count)).sum();
            as_much.max(1) as f64 / (users as f64 + 1.0)
        };
        let last =
            if self.users_last >= USERS_MIN { share(&self.last, self.users_last) } else { 0.0 };
        Some(share(&self.now, users).max(last).min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u32 = 1_800_000_000;
    const DAY: u32 = 86_400;

    #[test]
    fn the_share_of_users_who_show_as_much_is_told_once_enough_is_known() {
        let mut tails = Tails::new(START);
        let mut users = vec![Shown::default(); 1000];
        let early = tails.note(&mut users[0], Detector::NoSink, 1e9, 1000, START + DAY);
        assert_eq!(early, None, "a day is too little");
        let now = START + 8 * DAY;
        assert_eq!(tails.note(&mut users[0], Detector::NoSink, 1e9, 100, now), None, "few users");
        for user in &mut users[1..100] {
            tails.note(user, Detector::NoSink, 1e6, 1000, now);
        }
        let mut share = |user: usize, observed: f64| {
            tails.note(&mut users[user], Detector::NoSink, observed, 1000, now).unwrap() * 1001.0
        };
        assert_eq!(share(0, 1e9).round(), 1.0);
        assert_eq!(share(100, 1e6).round(), 101.0);
        assert_eq!(share(100, 1e9).round(), 2.0, "it has moved up");
        assert_eq!(share(100, 1e6).round(), 101.0, "and counts there still, once");
        let other = tails.note(&mut users[5], Detector::Speed, 1e9, 1000, now).unwrap();
        assert_eq!((other * 1001.0).round(), 1.0);
    }

    #[test]
    fn what_was_usual_last_month_is_still_usual_and_then_it_is_forgotten() {
        let mut tails = Tails::new(START);
        let mut users = vec![Shown::default(); 300];
        for user in &mut users {
            tails.note(user, Detector::Resets, 7.0, 300, START);
        }
        let mut share = |day: u32| {
            tails.advance(START + day * DAY, 30 * DAY, 300);
            let now = START + day * DAY;
            tails.note(&mut users[0], Detector::Resets, 7.0, 300, now).unwrap()
        };
        assert!(share(20) > 0.99 && share(40) > 0.99);
        assert!(share(65) < 0.01);
    }

    #[test]
    fn no_number_is_beyond_the_classes() {
        for number in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300, 1.0, 0.01] {
            assert!((1..CLASSES).contains(&usize::from(class_of(number))), "{number}");
        }
        assert!(class_of(3e9) > class_of(1e9));
    }
}
