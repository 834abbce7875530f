//! D10: one passkey on many networks at once.
//!
//! A user has up to eight networks, those of the last six hours. A client that has both address
//! families is in one network of each, so that the families are counted apart. Many networks of
//! one program are mostly one telephone or one VPN: it takes several programs to weigh much.

use serde::{Deserialize, Serialize};

use super::finding::{Detector, Draft, Excuse, Input, Unit};
use super::places::{Place, Places};
use super::settings::DetectionSettings;
use super::{Observation, Signs};

const SLOTS: usize = 8;
const WINDOW_SECONDS: u32 = 6 * 3600;
/// Nobody travels so fast.
const SPEED_KMH_MAX: f64 = 1000.0;
/// What places that a table tells are wrong by, and then some.
const DISTANCE_KM_MIN: f64 = 300.0;

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Slot {
    network: u32,
    seen_seconds: u32,
    /// When a leecher of this network was seen last.
    leeched_seconds: u32,
    /// The two letters or so that name the program.
    family: u16,
    v6: bool,
}

/// The networks of a user.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Networks {
    slots: [Slot; SLOTS],
    found_seconds: u32,
    travelled_seconds: u32,
}

/// Names a client's program: the letters of `-qB4520-`, or the first two bytes.
pub(super) fn family_of(client: [u8; 8]) -> u16 {
    let [dash, a, b, ..] = client;
    if dash == b'-' { u16::from_be_bytes([a, b]) } else { u16::from_be_bytes([dash, a]) }
}

impl Networks {
    pub(super) fn observe(
        &mut self,
        of: &Observation,
        places: &Places,
        settings: &DetectionSettings,
    ) -> [Option<Draft>; 2] {
        if of.signs.has(Signs::VANISHED) {
            return [None, None];
        }
        let travel = self.travel(of, places, settings);
        let is_more = self.note(of);
        [if is_more { self.count(of, settings) } else { None }, travel]
    }

    /// Notes the network; whether there may be more of them now than before.
    fn note(&mut self, of: &Observation) -> bool {
        let family = family_of(of.client);
        let same = |it: &Slot| it.network == of.network && it.family == family;
        let known = self.slots.iter().position(|it| it.seen_seconds > 0 && same(it));
        let slot = match known {
            Some(at) => self.slots.get_mut(at),
            None => self.slots.iter_mut().min_by_key(|it| it.seen_seconds),
        };
        let Some(slot) = slot else { return false };
        let known = known.is_some();
        if !known {
            *slot = Slot::default();
        }
        let is_back = of.at_seconds.saturating_sub(slot.seen_seconds) > WINDOW_SECONDS;
        slot.network = of.network;
        slot.family = family;
        slot.v6 = of.signs.has(Signs::V6);
        slot.seen_seconds = of.at_seconds.max(1);
        if of.left_bytes > 0 && !of.signs.has(Signs::STOPPED) {
            slot.leeched_seconds = of.at_seconds;
        }
        !known || is_back
    }

    /// Networks of one address family, and programs, of the last six hours.
    fn distinct(&self, v6: bool, now_seconds: u32) -> (usize, usize) {
        let active = |it: &&Slot| {
            it.seen_seconds > 0
                && it.v6 == v6
                && now_seconds.saturating_sub(it.seen_seconds) <= WINDOW_SECONDS
        };
        // Slots that are the first of their kind: eight are too few to sort.
        let count = |of: fn(&Slot) -> u32| {
            let mut rest = self.slots.iter();
            let mut distinct = 0;
            while let Some(slot) = rest.next_back() {
                let same = |it: &Slot| active(&it) && of(it) == of(slot);
                distinct += usize::from(active(&slot) && !rest.as_slice().iter().any(same));
            }
            distinct
        };
        (count(|it| it.network), count(|it| it.family.into()))
    }

    fn count(&mut self, of: &Observation, settings: &DetectionSettings) -> Option<Draft> {
        let now_seconds = of.at_seconds;
        let v6 = of.signs.has(Signs::V6);
        let again = self.found_seconds != 0
            && now_seconds.saturating_sub(self.found_seconds) < 4 * WINDOW_SECONDS;
        if again {
            return None;
        }
        let (networks, programs) = self.distinct(v6, now_seconds);
        if networks <= usize::from(settings.networks_max) {
            return None;
        }
        self.found_seconds = now_seconds;
        let weight = match programs {
            0 | 1 => settings.weights.networks_one_program,
            2 => settings.weights.networks_two_programs,
            _ => settings.weights.networks_more_programs,
        };
        Some(Draft {
            at_seconds: now_seconds,
            user_id: of.user_id,
            torrent_id: None,
            detector: Detector::Networks,
            key: now_seconds / 86_400,
            window_seconds: (now_seconds.saturating_sub(WINDOW_SECONDS), now_seconds),
            observed: networks as f64,
            bound: settings.networks_max.into(),
            unit: Unit::Number,
            formula: "observed = networks of one address family in 6 h > bound; \
                      llr = weight, which is another one for 1, 2 or more programs",
            inputs: vec![
                Input::weight(weight),
                Input::new("networks", networks as f64, Unit::Number),
                Input::new("programs", programs as f64, Unit::Number),
                Input::new("IPv6", f64::from(u8::from(v6)), Unit::Number),
            ],
            excuses: vec![Excuse::new("one program that moves", programs < 2, programs as f64)],
            llr: weight.value(),
            rebased: false,
        })
    }

    /// Two leechers at places that are too far apart for the time between them.
    fn travel(
        &mut self,
        of: &Observation,
        places: &Places,
        settings: &DetectionSettings,
    ) -> Option<Draft> {
        let leeches = of.left_bytes > 0 && !of.signs.has(Signs::STOPPED);
        let again = self.travelled_seconds != 0
            && of.at_seconds.saturating_sub(self.travelled_seconds) < 4 * WINDOW_SECONDS;
        if !leeches || again || places.is_empty() {
            return None;
        }
        let here = places.get(of.network)?;
        let others = self.slots.iter().filter(|it| {
            it.leeched_seconds > 0
                && it.network != of.network
                && of.at_seconds.saturating_sub(it.leeched_seconds) <= WINDOW_SECONDS
        });
        let speed = |it: &Slot| {
            let there: Place = places.get(it.network)?;
            let kilometres = here.kilometres_to(there);
            let seconds = of.at_seconds.saturating_sub(it.leeched_seconds).max(60);
            let speed = kilometres / (f64::from(seconds) / 3600.0);
            let fast = kilometres > DISTANCE_KM_MIN && speed > SPEED_KMH_MAX;
            fast.then_some((speed, kilometres, seconds))
        };
        let (speed, kilometres, seconds) =
            others.filter_map(speed).max_by(|a, b| a.0.total_cmp(&b.0))?;
        self.travelled_seconds = of.at_seconds;
        Some(Draft {
            at_seconds: of.at_seconds,
            user_id: of.user_id,
            torrent_id: Some(of.torrent_id),
            detector: Detector::Travel,
            key: of.at_seconds / 86_400,
            window_seconds: (of.at_seconds.saturating_sub(seconds), of.at_seconds),
            observed: speed,
            bound: SPEED_KMH_MAX,
            unit: Unit::KilometresPerHour,
            formula: "observed = distance / hours > 1000 km/h between two leechers; llr = weight",
            inputs: vec![
                Input::weight(settings.weights.travel),
                Input::new("distance", kilometres, Unit::Number),
                Input::new("hours", f64::from(seconds) / 3600.0, Unit::Number),
            ],
            excuses: vec![Excuse::new("VPN or seedbox", true, 0.0)],
            llr: settings.weights.travel.value(),
            rebased: false,
        })
    }
}

#[cfg(test)]
mod tests;
