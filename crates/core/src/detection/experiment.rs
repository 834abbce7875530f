//! D3: suspects are told counts that are not so, to see what their clients make of it.
//!
//! Two tests, both only if the operator turns them on, and only for suspects and a few others for
//! comparison. The **honeypot**: in a swarm where nobody lacks anything, a client is told of three
//! leechers. Nobody can receive what it then reports. The **zero test**: a client is told of no
//! leechers now and then, at random. An honest one goes on uploading over the connections that it
//! has; a program that makes up its numbers from our counts stops.
//!
//! No address of a third party is ever given: only our own, or those for documentation (RFC 5737,
//! RFC 3849), where nobody is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::finding::{Detector, Draft, Excuse, Input, Unit};
use super::settings::ExperimentSettings;
use super::weights::Weights;
use super::{Observation, Signs, pairs};
use crate::hash::spread;
use crate::reply::{Answer, PeerList};
use crate::shard::IntegerMap;

/// What a client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Test {
    /// Leechers, where there are none.
    Honeypot,
    /// No leechers, where there are some.
    Silence,
}

/// Leechers that a honeypot tells of.
const HONEYPOT_LEECHERS: u32 = 3;
/// Upload that no honest client reports into a honeypot.
const HONEYPOT_BYTES_MIN: u64 = 1 << 20;
/// Torrents of one user that are tested.
const TORRENTS: usize = 8;
/// A zero test says something after so many intervals.
const INTERVALS_MIN: u32 = 6;
const P_MAX: f64 = 1e-4;

/// Who is told what: read by every announce while experiments are on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    tests: IntegerMap<(u32, u32), Test>,
    /// Addresses for honeypots.
    endpoints: Vec<SocketAddr>,
}

impl Plan {
    /// Whether nobody is under test.
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }

    /// The tests, by user and torrent.
    pub fn tests(&self) -> impl Iterator<Item = ((u32, u32), Test)> {
        self.tests.iter().map(|(place, test)| (*place, *test))
    }

    /// Changes an answer if its client is under test; whether it did.
    pub(crate) fn apply(
        &self,
        user_id: u32,
        torrent_id: u32,
        asker_leeches: bool,
        answer: &mut Answer,
        list: &mut PeerList,
    ) -> bool {
        let counts = (answer.seeders, answer.leechers);
        let Some((test, counts)) = self.told(user_id, torrent_id, asker_leeches, counts) else {
            return false;
        };
        (answer.seeders, answer.leechers) = counts;
        if test == Test::Honeypot {
            self.add_endpoints(list);
        }
        true
    }

    /// Seeders and leechers that a user is told of instead of those that there are, announcing or
    /// scraping: programs that make up numbers compare the two. `None`: those that there are.
    pub(crate) fn told(
        &self,
        user_id: u32,
        torrent_id: u32,
        asker_leeches: bool,
        (seeders, leechers): (u32, u32),
    ) -> Option<(Test, (u32, u32))> {
        let test = *self.tests.get(&(user_id, torrent_id))?;
        let own = u32::from(asker_leeches);
        let has_others = leechers > own;
        match test {
            // Otherwise somebody real has come since the plan was made.
            Test::Honeypot if !has_others => {
                Some((test, (seeders.max(2), HONEYPOT_LEECHERS.saturating_add(own))))
            }
            Test::Silence if has_others => Some((test, (seeders, own))),
            _ => None,
        }
    }

    fn add_endpoints(&self, list: &mut PeerList) {
        if !list.v4_ids.is_empty() || !list.v6_ids.is_empty() {
            return;
        }
        for endpoint in self.endpoints.iter().take(HONEYPOT_LEECHERS as usize) {
            let port = endpoint.port().to_be_bytes();
            match endpoint.ip() {
                IpAddr::V4(ip) => {
                    list.v4.extend(ip.octets());
                    list.v4.extend(port);
                }
                IpAddr::V6(ip) => {
                    list.v6.extend(ip.octets());
                    list.v6.extend(port);
                }
            }
        }
    }
}

/// Addresses for documentation, where nobody is.
fn nobody(number: u32) -> SocketAddr {
    let low = (number % 254 + 1) as u8;
    let port = 49_152 + (number % 16_000) as u16;
    if number % 4 == 3 {
        return SocketAddr::new(
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, low.into()).into(),
            port,
        );
    }
    let network = match number % 4 {
        0 => [192, 0, 2],
        1 => [198, 51, 100],
        _ => [203, 0, 113],
    };
    let [a, b, c] = network;
    SocketAddr::new(Ipv4Addr::new(a, b, c, low).into(), port)
}

/// One torrent of a user under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Trial {
    torrent_id: u32,
    uploaded_seconds: u32,
    /// When a honeypot was told, and how many reports have come since.
    honeypot: Option<(u32, u8)>,
    /// What was told last: whether there were leechers.
    told_leechers: Option<bool>,
    /// Reports after leechers were told of: without upload, with; the same after none were.
    table: [[u16; 2]; 2],
}

/// The tests under way.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Experiments {
    key: u64,
    #[serde(with = "pairs")]
    trials: IntegerMap<u32, [Trial; TORRENTS]>,
}

/// Bytes that tests take at most.
pub(super) fn bytes_max(settings: Option<&ExperimentSettings>) -> u64 {
    let users = settings.map_or(0, |it| it.users_max as u64);
    let plan = size_of::<((u32, u32), Test)>() * TORRENTS;
    users * (size_of::<[Trial; TORRENTS]>() + plan + 20) as u64 * 16 / 7
}

impl Experiments {
    pub(super) fn new(key: u64) -> Self {
        Self { key, trials: IntegerMap::default() }
    }

    /// Whether a user is one of those that are tested for comparison.
    pub(super) fn is_control(&self, user_id: u32, settings: &ExperimentSettings) -> bool {
        let one_in = u64::from(settings.control_one_in.max(1));
        spread(self.key ^ u64::from(user_id)).is_multiple_of(one_in)
    }

    /// Begins to watch a user, or stops if there are too many.
    pub(super) fn watch(&mut self, user_id: u32, settings: &ExperimentSettings) {
        if self.trials.len() < settings.users_max {
            self.trials.entry(user_id).or_default();
        }
    }

    /// Stops watching users who need not be watched any more.
    pub(super) fn keep(&mut self, wanted: impl Fn(u32) -> bool) {
        self.trials.retain(|user_id, _| wanted(*user_id));
    }

    /// What is told until the next plan. `has_leechers` knows whether anybody else lacks anything
    /// on a torrent, or may: `None` if that is not known for sure.
    pub(super) fn plan(
        &self,
        now_seconds: u32,
        settings: &ExperimentSettings,
        has_leechers: impl Fn(u32, u32) -> Option<bool>,
    ) -> Plan {
        let mut plan = Plan { endpoints: settings.own_endpoints.clone(), ..Plan::default() };
        if plan.endpoints.is_empty() {
            plan.endpoints = (0..HONEYPOT_LEECHERS).map(nobody).collect();
        }
        for (user_id, trials) in &self.trials {
            for trial in trials.iter().filter(|it| it.torrent_id != 0) {
                let place = (*user_id, trial.torrent_id);
                let coin = spread(self.key ^ spread(u64::from(now_seconds)) ^ pair(place)) & 1 == 0;
                let test = match has_leechers(*user_id, trial.torrent_id) {
                    Some(false) => Test::Honeypot,
                    Some(true) if coin => Test::Silence,
                    _ => continue,
                };
                plan.tests.insert(place, test);
            }
        }
        plan
    }

    /// Looks at what a client under test reports, and at what it was told this time. `alone`: no
    /// other client lacked anything since the last report.
    pub(super) fn observe(
        &mut self,
        of: &Observation,
        alone: bool,
        weights: &Weights,
    ) -> Option<Draft> {
        let trials = self.trials.get_mut(&of.user_id)?;
        let known = trials.iter().any(|it| it.torrent_id == of.torrent_id);
        if !known && of.uploaded_bytes == 0 && !of.signs.has(Signs::TESTED) {
            return None;
        }
        let order = |it: &&mut Trial| match known {
            true => u32::from(it.torrent_id != of.torrent_id),
            false => it.uploaded_seconds,
        };
        let trial = trials.iter_mut().min_by_key(order)?;
        if !known {
            *trial = Trial { torrent_id: of.torrent_id, ..Trial::default() };
        }
        if of.uploaded_bytes > 0 {
            trial.uploaded_seconds = of.at_seconds;
        }
        let found =
            trial.honeypot_result(of, alone, weights).or_else(|| trial.zero_result(of, weights));
        trial.note_told(of);
        found
    }
}

fn pair((user_id, torrent_id): (u32, u32)) -> u64 {
    u64::from(user_id) << 32 | u64::from(torrent_id)
}

impl Trial {
    fn note_told(&mut self, of: &Observation) {
        let own = u32::from(of.left_bytes > 0);
        let told = u32::from(of.leechers) > own;
        let tested = of.signs.has(Signs::TESTED);
        if tested && told {
            self.honeypot = Some((of.at_seconds, 0));
            self.told_leechers = None;
        } else {
            // Where nobody lacks anything, silence is the truth and tests nothing.
            self.told_leechers = (tested || told).then_some(told);
        }
    }

    fn honeypot_result(
        &mut self,
        of: &Observation,
        alone: bool,
        weights: &Weights,
    ) -> Option<Draft> {
        let (told_seconds, reports) = self.honeypot?;
        self.honeypot = (reports == 0 && alone).then_some((told_seconds, 1));
        if !alone || of.uploaded_bytes < HONEYPOT_BYTES_MIN {
            return None;
        }
        Some(Draft {
            at_seconds: of.at_seconds,
            user_id: of.user_id,
            torrent_id: Some(of.torrent_id),
            detector: Detector::Honeypot,
            key: super::closed::epoch_key(of.torrent_id, told_seconds),
            window_seconds: (told_seconds, of.at_seconds),
            observed: of.uploaded_bytes as f64,
            bound: HONEYPOT_BYTES_MIN as f64,
            unit: Unit::Bytes,
            formula: "observed = uploaded ≥ bound within two reports after leechers were told of \
                      where there were none; llr = weight",
            inputs: vec![
                Input::weight(weights.honeypot),
                Input::new("leechers told", HONEYPOT_LEECHERS.into(), Unit::Number),
                Input::new("told at", told_seconds.into(), Unit::UnixSeconds),
            ],
            excuses: vec![Excuse::new("a leecher came meanwhile", false, 0.0)],
            llr: weights.honeypot.value(),
            rebased: false,
        })
    }

    fn zero_result(&mut self, of: &Observation, weights: &Weights) -> Option<Draft> {
        let told = self.told_leechers?;
        let [after_none, after_some] = &mut self.table;
        let [without, with] = if told { after_some } else { after_none };
        let cell = if of.uploaded_bytes > 0 { with } else { without };
        *cell = cell.saturating_add(1);
        let [[a, b], [c, d]] = self.table.map(|row| row.map(u32::from));
        let p = fisher(a, b, c, d);
        if a + b + c + d < INTERVALS_MIN || p >= P_MAX {
            return None;
        }
        self.table = Default::default();
        let number = |name, value: u32| Input::new(name, value.into(), Unit::Number);
        Some(Draft {
            at_seconds: of.at_seconds,
            user_id: of.user_id,
            torrent_id: Some(of.torrent_id),
            detector: Detector::ZeroTest,
            key: super::closed::epoch_key(of.torrent_id, of.at_seconds),
            window_seconds: (of.at_seconds.saturating_sub(of.gap_seconds), of.at_seconds),
            observed: p,
            bound: P_MAX,
            unit: Unit::Number,
            formula: "observed = Fisher's exact p of [[none told, no upload; none told, upload], \
                      [some told, no upload; some told, upload]] < bound; llr = weight",
            inputs: vec![
                Input::weight(weights.zero_test),
                number("none told, no upload", a),
                number("none told, upload", b),
                number("some told, no upload", c),
                number("some told, upload", d),
            ],
            excuses: vec![Excuse::new("leechers were there all the time", false, 0.0)],
            llr: weights.zero_test.value(),
            rebased: false,
        })
    }
}

/// Fisher's exact test, one-sided: the probability of at least so many in the first and the last
/// cell, if rows and columns have nothing to do with each other.
pub(super) fn fisher(a: u32, b: u32, c: u32, d: u32) -> f64 {
    let ln_factorial = |n: u32| (1..=n).map(|it| f64::from(it).ln()).sum::<f64>();
    let fixed = [a + b, c + d, a + c, b + d].map(ln_factorial).iter().sum::<f64>()
        - ln_factorial(a + b + c + d);
    let mut sum = 0.0;
    for more in 0..=b.min(c) {
        let cells = [a + more, b - more, c - more, d + more];
        sum += (fixed - cells.map(ln_factorial).iter().sum::<f64>()).exp();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests;
