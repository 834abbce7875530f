//! D9: clients that are not what they say. How programs look is data, see [`Fingerprints`].
//!
//! Programs change and forks exist, so that all of it together weighs two nats at most: never
//! enough for a note.

use mika_protocol::http::{HexCase, Shape};
use serde::{Deserialize, Serialize};

use super::finding::{Detector, Draft, Excuse, Input, Unit};
use super::weights::{Weight, Weights};
use super::{Observation, Signs};
use crate::hash::spread;

/// How a program looks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its name, for people.
    pub name: String,
    /// The letters of its peer ids.
    pub prefixes: Vec<String>,
    /// First words of its `User-Agent`.
    pub agents: Vec<String>,
    /// Every torrent has a peer id of its own.
    pub peer_id_per_torrent: bool,
    /// Orders of its request's parameters, separated by spaces; none if they are not known.
    pub orders: Vec<String>,
    /// How it writes escapes in `info_hash` and `peer_id`; not there if that is not known.
    #[serde(default)]
    pub escapes: Option<Case>,
    /// Its `key` is eight hex digits in this case; not there if that is not known.
    #[serde(default)]
    pub key: Option<Case>,
    /// Orders of its headers, separated by spaces; none if they are not known.
    #[serde(default)]
    pub headers: Vec<String>,
}

/// In which case hex digits are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Case {
    /// `ab`
    Lower,
    /// `AB`
    Upper,
    /// Either, but nothing else.
    Any,
}

impl Case {
    fn allows(self, seen: HexCase) -> bool {
        match seen {
            HexCase::Unknown => true,
            HexCase::Lower => self != Self::Upper,
            HexCase::Upper => self != Self::Lower,
            HexCase::Other => false,
        }
    }
}

/// How programs look, as read from a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprints {
    /// The programs.
    #[serde(default, rename = "program")]
    pub programs: Vec<Program>,
}

impl Fingerprints {
    /// The file that is used if the operator has no other one, in TOML.
    pub const DEFAULT_TOML: &str = include_str!("fingerprints.toml");
}

/// Numbers the first word of a `User-Agent`, up to `/` or a space; 0 if there is none.
pub fn agent_id(agent: &str) -> u32 {
    let word = agent.split(['/', ' ']).next().unwrap_or_default();
    if word.is_empty() { 0 } else { hash(word.bytes().map(|it| it.to_ascii_lowercase())) }
}

/// Numbers the order of a request's parameters, as [`Shape::bits`] does; never 0.
pub fn shape_of<'a>(names: impl IntoIterator<Item = &'a str>) -> u32 {
    Shape::of_order(names).bits()
}

/// FNV-1a: it names things of a few words, and nobody gains by two that are alike.
fn hash(bytes: impl Iterator<Item = u8>) -> u32 {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    bytes.fold(0x811c_9dc5, step).max(1)
}

/// A program in numbers.
#[derive(Debug)]
struct Known {
    prefixes: Vec<[u8; 2]>,
    agents: Vec<u32>,
    orders: Vec<u16>,
    headers: Vec<u8>,
    escapes: Option<Case>,
    key: Option<Case>,
    peer_id_per_torrent: bool,
}

impl Known {
    /// Which rules about the way of writing a request one breaks.
    fn broken_by(&self, shape: Shape) -> u8 {
        let is_other = |known: bool, seen: bool| known && !seen;
        let order = shape.order();
        let wrong_order =
            order != 0 && is_other(!self.orders.is_empty(), self.orders.contains(&order));
        let headers = shape.headers();
        let wrong_headers =
            headers != 0 && is_other(!self.headers.is_empty(), self.headers.contains(&headers));
        let wrong_escapes = self.escapes.is_some_and(|case| !case.allows(shape.escapes()));
        let wrong_key = self.key.is_some_and(|case| !case.allows(shape.key()));
        let rule = |rule: u8, broken: bool| if broken { rule } else { 0 };
        rule(ORDER, wrong_order)
            | rule(HEADERS, wrong_headers)
            | rule(ESCAPES, wrong_escapes)
            | rule(KEY, wrong_key)
    }
}

/// What clients are compared with.
#[derive(Debug)]
pub(super) struct Table(Vec<Known>);

fn headers_of(names: &str) -> u8 {
    Shape::default().with_headers(names.split(' ').map(str::as_bytes)).headers()
}

impl Table {
    pub(super) fn new(fingerprints: &Fingerprints) -> Self {
        let known = |program: &Program| Known {
            prefixes: program
                .prefixes
                .iter()
                .filter_map(|prefix| prefix.as_bytes().try_into().ok())
                .collect(),
            agents: program.agents.iter().map(|agent| agent_id(agent)).collect(),
            orders: program
                .orders
                .iter()
                .map(|it| Shape::of_order(it.split(' ')).order())
                .collect(),
            headers: program.headers.iter().map(|it| headers_of(it)).collect(),
            escapes: program.escapes,
            key: program.key,
            peer_id_per_torrent: program.peer_id_per_torrent,
        };
        Self(fingerprints.programs.iter().map(known).collect())
    }

    fn of(&self, client: [u8; 8]) -> Option<&Known> {
        // aria2 writes `A2-1-36-0-`, all others `-qB4520-`.
        let ([b'-', a, b, ..] | [a, b, b'-', ..]) = client else { return None };
        self.0.iter().find(|it| it.prefixes.contains(&[a, b]))
    }

    /// Whether an agent is one of another program.
    fn is_of_other(&self, agent: u32, known: &Known) -> bool {
        !known.agents.contains(&agent) && self.0.iter().any(|it| it.agents.contains(&agent))
    }
}

/// So many reports in a row of whole blocks.
const BLOCK_REPORTS: u8 = 4;
const BLOCK_BYTES: u64 = 16_384;
const SESSIONS: usize = 4;

const AGENT: u8 = 1;
const ORDER: u8 = 1 << 1;
const REUSE: u8 = 1 << 2;
const BLOCKS: u8 = 1 << 3;
const ESCAPES: u8 = 1 << 4;
const KEY: u8 = 1 << 5;
const HEADERS: u8 = 1 << 6;

/// The rules, with their names in findings and what each weighs.
fn rules(weights: &Weights) -> [(u8, &'static str, Weight); 7] {
    [
        (AGENT, "agent", weights.client_agent),
        (ORDER, "order", weights.client_order),
        (REUSE, "reuse", weights.client_reuse),
        (BLOCKS, "blocks", weights.client_blocks),
        (ESCAPES, "escapes", weights.client_escapes),
        (KEY, "key", weights.client_key),
        (HEADERS, "headers", weights.client_headers),
    ]
}

/// What was found of the looks of a user's clients.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Looks {
    /// Rules that have been counted: each counts once.
    counted: u8,
    /// Uploads in a row of one program that were whole blocks.
    blocks: u8,
    /// The program.
    blocks_of: u32,
    nats: f32,
    /// Names of clients that have one for each torrent, with the torrent.
    sessions: [(u64, u32); SESSIONS],
    /// One of them that was seen on two torrents all the same; 0 for none.
    reused: u64,
}

impl Looks {
    pub(super) fn observe(
        &mut self,
        of: &Observation,
        table: &Table,
        weights: &Weights,
    ) -> Option<Draft> {
        if of.signs.has(Signs::VANISHED) {
            return None;
        }
        let program = table.of(of.client);
        let mut broken = self.broken_blocks(of);
        if let Some(program) = program {
            if of.agent != 0 && table.is_of_other(of.agent, program) {
                broken |= AGENT;
            }
            if of.shape != 0 {
                broken |= program.broken_by(Shape::from_bits(of.shape));
            }
            if program.peer_id_per_torrent && self.reuses(of) {
                broken |= REUSE;
            }
        }
        let new = broken & !self.counted;
        if new == 0 {
            return None;
        }
        self.counted |= new;
        let sum: f64 =
            rules(weights).iter().filter(|it| new & it.0 != 0).map(|it| it.2.value()).sum();
        let left = weights.client_max.value() - f64::from(self.nats);
        let llr = sum.min(left).max(0.0);
        self.nats += llr as f32;
        Some(draft(of, new, (sum, left, llr), weights))
    }

    /// Numbers the program that an observation is of, among those of its user: whoever runs a tool
    /// beside a real client should not be able to hide behind that. Most tools have another name;
    /// one that has the same gives itself away if it has one peer id where there should be many.
    pub(super) fn client(&self, of: &Observation) -> u32 {
        if self.reused != 0 && self.reused == of.session {
            return (spread(of.session) >> 32) as u32;
        }
        hash(of.client.into_iter())
    }

    /// The name that a client has on several torrents where it should have one for each.
    pub(super) fn one_name(&self) -> Option<u64> {
        (self.reused != 0).then_some(self.reused)
    }

    fn broken_blocks(&mut self, of: &Observation) -> u8 {
        if of.uploaded_bytes == 0 {
            return 0;
        }
        let whole = of.uploaded_bytes.is_multiple_of(BLOCK_BYTES);
        let client = self.client(of);
        // What a real client beside it uploads is no whole block, and says nothing of the tool.
        match (whole, client == self.blocks_of) {
            (true, true) => self.blocks = self.blocks.saturating_add(1),
            (true, false) => (self.blocks, self.blocks_of) = (1, client),
            (false, true) => self.blocks = 0,
            (false, false) => {}
        }
        if self.blocks >= BLOCK_REPORTS { BLOCKS } else { 0 }
    }

    /// Whether the client has the same name on another torrent.
    fn reuses(&mut self, of: &Observation) -> bool {
        match self.sessions.iter().find(|(session, _)| *session == of.session) {
            Some((_, torrent_id)) if *torrent_id != of.torrent_id => {
                self.reused = of.session;
                true
            }
            Some(_) => false,
            None => {
                self.sessions.rotate_left(1);
                if let Some(last) = self.sessions.last_mut() {
                    *last = (of.session, of.torrent_id);
                }
                false
            }
        }
    }
}

fn draft(of: &Observation, new: u8, (sum, left, llr): (f64, f64, f64), weights: &Weights) -> Draft {
    Draft {
        at_seconds: of.at_seconds,
        user_id: of.user_id,
        torrent_id: Some(of.torrent_id),
        detector: Detector::Client,
        key: 0,
        window_seconds: (of.at_seconds.saturating_sub(of.gap_seconds), of.at_seconds),
        observed: sum,
        bound: left,
        unit: Unit::Nats,
        formula: "observed = Σ weights of the rules that are broken; llr = min(observed, bound), \
                  where bound = what all rules weigh at most − what was counted before",
        inputs: rules(weights)
            .iter()
            .map(|(rule, name, weight)| {
                let broken = if new & rule != 0 { weight.value() } else { 0.0 };
                Input::new(name, broken, Unit::Nats)
            })
            .collect(),
        excuses: vec![Excuse::new("a fork or a new release", true, 0.0)],
        llr,
        rebased: false,
    }
}

#[cfg(test)]
mod tests;
