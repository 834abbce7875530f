//! D9: clients that are not what they say. How programs look is data, see [`Fingerprints`].
//!
//! Programs change and forks exist, so that all of it together weighs two nats at most: never
//! enough for a note.

use serde::{Deserialize, Serialize};

use super::finding::{Detector, Draft, Excuse, Input, Unit};
use super::{Observation, Signs};

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

/// Parameters whose order counts; the others come and go.
const PARAMETERS: [&str; 12] = [
    "info_hash",
    "peer_id",
    "port",
    "uploaded",
    "downloaded",
    "left",
    "corrupt",
    "key",
    "numwant",
    "compact",
    "no_peer_id",
    "supportcrypto",
];

/// Numbers the order of a request's parameters; never 0.
pub fn shape_of<'a>(names: impl IntoIterator<Item = &'a str>) -> u32 {
    let counted = names.into_iter().filter(|name| PARAMETERS.contains(name));
    hash(counted.flat_map(|name| name.bytes().chain([b' '])))
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
    shapes: Vec<u32>,
    peer_id_per_torrent: bool,
}

/// What clients are compared with.
#[derive(Debug)]
pub(super) struct Table(Vec<Known>);

impl Table {
    pub(super) fn new(fingerprints: &Fingerprints) -> Self {
        let known = |program: &Program| Known {
            prefixes: program
                .prefixes
                .iter()
                .filter_map(|prefix| prefix.as_bytes().try_into().ok())
                .collect(),
            agents: program.agents.iter().map(|agent| agent_id(agent)).collect(),
            shapes: program.orders.iter().map(|order| shape_of(order.split(' '))).collect(),
            peer_id_per_torrent: program.peer_id_per_torrent,
        };
        Self(fingerprints.programs.iter().map(known).collect())
    }

    fn of(&self, client: [u8; 8]) -> Option<&Known> {
        let [b'-', a, b, ..] = client else { return None };
        self.0.iter().find(|it| it.prefixes.contains(&[a, b]))
    }

    /// Whether an agent is one of another program.
    fn is_of_other(&self, agent: u32, known: &Known) -> bool {
        !known.agents.contains(&agent) && self.0.iter().any(|it| it.agents.contains(&agent))
    }
}

/// What all of it together weighs at most, in nats.
pub const NATS_MAX: f64 = 2.0;
/// So many reports in a row of whole blocks.
const BLOCK_REPORTS: u8 = 4;
const BLOCK_BYTES: u64 = 16_384;
const SESSIONS: usize = 4;

const AGENT: u8 = 1;
const SHAPE: u8 = 2;
const REUSE: u8 = 4;
const BLOCKS: u8 = 8;

/// What was found of the looks of a user's clients.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Looks {
    /// Rules that have been counted: each counts once.
    counted: u8,
    /// Uploads in a row that were whole blocks.
    blocks: u8,
    nats: f32,
    /// Names of clients that have one for each torrent, with the torrent.
    sessions: [(u64, u32); SESSIONS],
}

impl Looks {
    pub(super) fn observe(&mut self, of: &Observation, table: &Table) -> Option<Draft> {
        if of.signs.has(Signs::VANISHED) {
            return None;
        }
        let program = table.of(of.client);
        let mut broken = self.broken_blocks(of);
        if let Some(program) = program {
            if of.agent != 0 && table.is_of_other(of.agent, program) {
                broken |= AGENT;
            }
            if of.shape != 0 && !program.shapes.is_empty() && !program.shapes.contains(&of.shape) {
                broken |= SHAPE;
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
        let weight = |rule: u8, nats: f64| if new & rule != 0 { nats } else { 0.0 };
        let sum =
            weight(AGENT, 1.0) + weight(SHAPE, 1.0) + weight(REUSE, 0.5) + weight(BLOCKS, 1.5);
        let left = NATS_MAX - f64::from(self.nats);
        let llr = sum.min(left).max(0.0);
        self.nats += llr as f32;
        Some(draft(of, new, sum, left, llr))
    }

    fn broken_blocks(&mut self, of: &Observation) -> u8 {
        if of.uploaded_bytes == 0 {
            return 0;
        }
        let whole = of.uploaded_bytes.is_multiple_of(BLOCK_BYTES);
        self.blocks = if whole { self.blocks.saturating_add(1) } else { 0 };
        if self.blocks >= BLOCK_REPORTS { BLOCKS } else { 0 }
    }

    /// Whether the client has the same name on another torrent.
    fn reuses(&mut self, of: &Observation) -> bool {
        match self.sessions.iter().find(|(session, _)| *session == of.session) {
            Some((_, torrent_id)) => *torrent_id != of.torrent_id,
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

fn draft(of: &Observation, new: u8, sum: f64, left: f64, llr: f64) -> Draft {
    let rule =
        |name, rule: u8| Input::new(name, f64::from(u8::from(new & rule != 0)), Unit::Number);
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
        formula: "observed = 1·agent + 1·order + 0.5·reuse + 1.5·blocks; \
                  llr = min(observed, bound), where bound = 2 − what was counted before",
        inputs: vec![
            rule("agent", AGENT),
            rule("order", SHAPE),
            rule("reuse", REUSE),
            rule("blocks", BLOCKS),
        ],
        excuses: vec![Excuse::new("a fork or a new release", true, 0.0)],
        llr,
    }
}

#[cfg(test)]
mod tests;
