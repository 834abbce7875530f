//! T6, T7: whether a BitTorrent client is there where one announces from. Somebody connects to it
//! and asks for a handshake; what came of that is told to [`Detection::note_probe`].
//!
//! Tools that only announce have nobody at their port, say nothing, or send the handshake that they
//! learned and no more. A closed port, a firewall and a client that wants encryption say nothing
//! either, so only what was said counts, or a connection on which nothing ever is, a little.
//!
//! [`Detection::note_probe`]: super::Detection::note_probe

use serde::{Deserialize, Serialize};

use super::finding::{Detector, Draft, Excuse, Input, Unit};
use super::weights::Weights;

/// A user is asked so often at most, in seconds.
const AGAIN_SECONDS: u32 = 6 * 3600;
/// Handshakes that nothing followed weigh what they do on three days together.
const EMPTY_DAYS: f64 = 3.0;
const DAY_SECONDS: u32 = 86_400;
/// A connection without a word counts once in so many seconds.
const SILENT_SECONDS: u32 = 14 * DAY_SECONDS;

/// What a connection to a client showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// No connection, or it broke before the handshake: says nothing.
    Inconclusive,
    /// A handshake, and then nothing: no bitfield, no extension message.
    HandshakeOnly,
    /// A connection, and no word for 30 s.
    Silent,
    /// A handshake and a bitfield, or what stands for it.
    Real,
}

/// What is remembered of the probes of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Probed {
    asked_seconds: u32,
    /// Of the last handshake that nothing followed, in days since 1970.
    empty_day: u32,
    silent_seconds: u32,
}

impl Probed {
    /// Whether the user may be asked now, who then was.
    pub(super) fn ask(&mut self, now_seconds: u32) -> bool {
        let may = self.asked_seconds == 0
            || now_seconds.saturating_sub(self.asked_seconds) >= AGAIN_SECONDS;
        if may {
            self.asked_seconds = now_seconds;
        }
        may
    }

    /// What follows from a probe of a session of the user.
    pub(super) fn judge(
        &mut self,
        (user_id, torrent_id): (u32, u32),
        probe: Probe,
        at_seconds: u32,
        weights: &Weights,
    ) -> Option<Draft> {
        let day = at_seconds / DAY_SECONDS;
        let (weight, formula, excuse) = match probe {
            Probe::Inconclusive => return None,
            Probe::HandshakeOnly => {
                if std::mem::replace(&mut self.empty_day, day) == day {
                    return None;
                }
                let formula = "observed = 1 handshake that neither a bitfield nor an extension \
                               message followed, the first of this day > bound = 0; \
                               llr = weight/3";
                (weights.handshake_empty, formula, "client that is overloaded or just closes")
            }
            Probe::Silent => {
                let since = at_seconds.saturating_sub(self.silent_seconds);
                if self.silent_seconds != 0 && since < SILENT_SECONDS {
                    return None;
                }
                self.silent_seconds = at_seconds;
                let formula = "observed = 1 connection without a word for 30 s, the first in 14 \
                               days > bound = 0; llr = weight";
                (weights.handshake_silent, formula, "client that wants encryption, or a router")
            }
            Probe::Real => {
                let formula = "observed = 0 handshakes that nothing followed, for a bitfield or \
                               an extension message did; llr = weight";
                (weights.handshake_real, formula, "real client behind which others announce")
            }
        };
        let parts = if probe == Probe::HandshakeOnly { EMPTY_DAYS } else { 1.0 };
        Some(Draft {
            at_seconds,
            user_id,
            torrent_id: Some(torrent_id),
            detector: Detector::Handshake,
            key: 0,
            window_seconds: (at_seconds, at_seconds),
            observed: if probe == Probe::Real { 0.0 } else { 1.0 },
            bound: 0.0,
            unit: Unit::Number,
            formula,
            inputs: vec![Input::weight(weight)],
            excuses: vec![Excuse::new(excuse, true, 0.0)],
            llr: weight.value() / parts,
            rebased: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u32 = 1_800_014_400;

    fn nats(probed: &mut Probed, probe: Probe, at_seconds: u32) -> Option<f64> {
        probed.judge((7, 3), probe, at_seconds, &Weights::default()).map(|draft| draft.llr)
    }

    #[test]
    fn handshakes_that_nothing_follows_weigh_four_nats_on_three_days_together() {
        let mut probed = Probed::default();
        let mut sum = 0.0;
        for day in 0..3 {
            let at_seconds = NOON + day * DAY_SECONDS;
            sum += nats(&mut probed, Probe::HandshakeOnly, at_seconds).unwrap();
            assert_eq!(nats(&mut probed, Probe::HandshakeOnly, at_seconds + 60), None);
        }
        assert!((sum - 4.0).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn a_connection_without_a_word_weighs_one_nat_once_in_two_weeks() {
        let mut probed = Probed::default();
        assert_eq!(nats(&mut probed, Probe::Silent, NOON), Some(1.0));
        assert_eq!(nats(&mut probed, Probe::Silent, NOON + SILENT_SECONDS - 1), None);
        assert_eq!(nats(&mut probed, Probe::Silent, NOON + SILENT_SECONDS), Some(1.0));
    }

    #[test]
    fn a_real_client_takes_two_nats_away_and_a_closed_port_changes_nothing() {
        let mut probed = Probed::default();
        assert_eq!(nats(&mut probed, Probe::Real, NOON), Some(-2.0));
        assert_eq!(nats(&mut probed, Probe::Inconclusive, NOON), None);
    }

    #[test]
    fn a_user_is_asked_once_in_six_hours() {
        let mut probed = Probed::default();
        assert!(probed.ask(NOON));
        assert!(!probed.ask(NOON + AGAIN_SECONDS - 1));
        assert!(probed.ask(NOON + AGAIN_SECONDS));
    }
}
