//! One finding: everything that somebody needs who wants to recompute it, or to refute it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::evidence::Family;
use super::tails::SHARE_MIN;
use super::weights::Weight;

/// What made a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Detector {
    /// Upload while nobody else lacked anything.
    NoSink,
    /// A torrent's books do not balance, and this user explains it best.
    Conservation,
    /// Data came without having been downloaded, or never came while everything else did.
    Ledger,
    /// Leechers that vanish before they report, far more often than others do.
    Vanish,
    /// The client is not what it says.
    Client,
    /// More networks at once than one household has.
    Networks,
    /// At two places that nobody travels between so fast.
    Travel,
    /// More than any line carries.
    Speed,
    /// Far faster than ever before: a question, not an accusation.
    History,
    /// Counters that go back again and again.
    Resets,
    /// All but the last percent, for longer than a day.
    AlmostDone,
    /// Downloaded much more than there is.
    OverDownload,
    /// Uploads to one and the same user, nearly always.
    Pair,
    /// Upload to peers that do not exist.
    Honeypot,
    /// Upload that follows the counts that were told.
    ZeroTest,
    /// The only seeder, and nobody gets anything.
    Stall,
    /// Upload that follows a formula of the counts that were told.
    Model,
    /// No upload, where an even share would be gigabytes.
    ZeroShare,
    /// Has perhaps less than half of what it seeds.
    Possession,
    /// What a client does that is asked for a handshake.
    Handshake,
}

impl Detector {
    /// All of them.
    pub const ALL: [Detector; 20] = [
        Self::NoSink,
        Self::Conservation,
        Self::Ledger,
        Self::Vanish,
        Self::Client,
        Self::Networks,
        Self::Travel,
        Self::Speed,
        Self::History,
        Self::Resets,
        Self::AlmostDone,
        Self::OverDownload,
        Self::Pair,
        Self::Honeypot,
        Self::ZeroTest,
        Self::Stall,
        Self::Model,
        Self::ZeroShare,
        Self::Possession,
        Self::Handshake,
    ];

    /// Grows when a formula or a bound changes.
    pub fn version(self) -> u16 {
        match self {
            Self::Conservation | Self::Ledger => 3,
            Self::Client | Self::Model | Self::Vanish => 2,
            _ => 1,
        }
    }

    /// What its findings are about.
    pub fn family(self) -> Family {
        match self {
            Self::NoSink
            | Self::Conservation
            | Self::Ledger
            | Self::Vanish
            | Self::Resets
            | Self::AlmostDone
            | Self::OverDownload
            | Self::Pair => Family::Accounting,
            Self::Honeypot | Self::ZeroTest => Family::Experiment,
            Self::Client | Self::Stall | Self::ZeroShare | Self::Possession | Self::Handshake => {
                Family::Identity
            }
            Self::Speed | Self::History | Self::Model => Family::History,
            Self::Networks | Self::Travel => Family::Sharing,
        }
    }

    /// What a finding says, for people.
    pub fn says(self) -> &'static str {
        match self {
            Self::NoSink => "reported upload while no other client lacked anything",
            Self::Conservation => "more was uploaded than anybody received",
            Self::Ledger => "received data that was not reported as downloaded",
            Self::Vanish => "leaves without a last report far more often than others",
            Self::Client => "the client does not behave as the program that it names",
            Self::Networks => "announces from more networks than one household has",
            Self::Travel => "leeches from two places that are too far apart",
            Self::Speed => "reported more than any line carries",
            Self::History => "much faster than ever before on this network: a new seedbox?",
            Self::Resets => "counters go back again and again",
            Self::AlmostDone => "lacks less than one percent for longer than a day, and uploads",
            Self::OverDownload => "downloaded much more than there is",
            Self::Pair => "uploads nearly always to one and the same user",
            Self::Honeypot => "reported upload to peers that do not exist",
            Self::ZeroTest => "reported upload follows the counts that the client is told",
            Self::Stall => "is the only seeder, and nobody gets anything",
            Self::Model => "reported upload follows the formula of a known tool",
            Self::ZeroShare => "seeds, and uploads nothing where others upload gigabytes",
            Self::Possession => "has perhaps less than half of what it seeds",
            Self::Handshake => "was asked for a handshake",
        }
    }
}

/// What a number is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// Seconds.
    Seconds,
    /// Unix time in seconds.
    UnixSeconds,
    /// A plain number: a count, a ratio, a number of standard deviations.
    Number,
    /// Natural logarithm of a likelihood ratio.
    Nats,
    /// Kilometres per hour.
    KilometresPerHour,
}

/// A number that a formula needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Its name in the formula.
    pub name: Cow<'static, str>,
    /// Its value.
    pub value: f64,
    /// What it is measured in.
    pub unit: Unit,
}

impl Input {
    pub(super) fn new(name: &'static str, value: f64, unit: Unit) -> Self {
        Self { name: Cow::Borrowed(name), value, unit }
    }

    /// What a finding weighs, from the table of weights.
    pub(super) fn weight(weight: Weight) -> Self {
        Self::new("weight", weight.value(), Unit::Nats)
    }

    pub(super) fn bytes(name: &'static str, value: u64) -> Self {
        Self::new(name, value as f64, Unit::Bytes)
    }
}

/// An innocent explanation that was looked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Excuse {
    /// What it would be.
    pub name: Cow<'static, str>,
    /// Whether it applies; a finding that it takes away altogether is never made.
    pub applies: bool,
    /// The number that it was judged by.
    pub value: f64,
}

impl Excuse {
    pub(super) fn new(name: &'static str, applies: bool, value: f64) -> Self {
        Self { name: Cow::Borrowed(name), applies, value }
    }
}

/// What somebody made of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Verdict {
    /// Nobody has looked at it.
    #[default]
    Open,
    /// It was not what it seemed.
    Dismissed {
        /// Why.
        reason: String,
        /// Unix time in seconds.
        at_seconds: u32,
    },
    /// It was.
    Confirmed {
        /// What it was.
        label: String,
        /// Unix time in seconds.
        at_seconds: u32,
    },
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Its number, from 1.
    pub id: u64,
    /// When it was made: Unix time in seconds.
    pub at_seconds: u32,
    /// The store's id.
    pub user_id: u32,
    /// The store's id; `None` if it is not about one torrent.
    pub torrent_id: Option<u32>,
    /// What made it.
    pub detector: Detector,
    /// Which version of that.
    pub version: u16,
    /// What it is about: from, to, in Unix seconds.
    pub window_seconds: (u32, u32),
    /// What was seen.
    pub observed: f64,
    /// What an honest user stays within.
    pub bound: f64,
    /// What `observed` and `bound` are measured in.
    pub unit: Unit,
    /// How `observed`, `bound` and `llr` follow from the inputs.
    pub formula: Cow<'static, str>,
    /// All numbers that the formula names.
    pub inputs: Vec<Input>,
    /// Innocent explanations that were looked for.
    pub excuses: Vec<Excuse>,
    /// ln(probability if it is a cheat ÷ probability if not), before it is clipped.
    pub llr: f64,
    /// The user's score before, in nats.
    pub score_before: f64,
    /// The user's score after, in nats.
    pub score_after: f64,
    /// What it added to its family.
    pub gained: f64,
    /// What somebody made of it.
    pub verdict: Verdict,
}

impl Finding {
    /// An input by its name.
    pub fn input(&self, name: &str) -> Option<f64> {
        self.inputs.iter().find(|input| input.name == name).map(|input| input.value)
    }

    /// Whether an excuse was found to apply.
    pub fn excused_by(&self, name: &str) -> Option<bool> {
        self.excuses.iter().find(|excuse| excuse.name == name).map(|excuse| excuse.applies)
    }
}

impl Draft {
    /// Takes away what the finding weighs too much on a site where a share of all users shows as
    /// much; `shown`: with what probability a cheat does.
    pub(super) fn rebase(&mut self, share: f64, shown: f64) {
        let most = (shown / share.max(SHARE_MIN)).ln().max(0.0);
        if self.llr > most {
            self.inputs.push(Input::new("llr before", self.llr, Unit::Nats));
            self.inputs.push(Input::new("share of users", share, Unit::Number));
            self.inputs.push(Input::new("share of cheats", shown, Unit::Number));
            self.excuses.push(Excuse::new("usual on this site", true, share));
            self.llr = most;
            self.rebased = true;
        }
    }
}

/// A finding as its detector makes it, before it is counted.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) at_seconds: u32,
    pub(super) user_id: u32,
    pub(super) torrent_id: Option<u32>,
    pub(super) detector: Detector,
    /// Names the epoch, so that it counts once.
    pub(super) key: u32,
    pub(super) window_seconds: (u32, u32),
    pub(super) observed: f64,
    pub(super) bound: f64,
    pub(super) unit: Unit,
    pub(super) formula: &'static str,
    pub(super) inputs: Vec<Input>,
    pub(super) excuses: Vec<Excuse>,
    pub(super) llr: f64,
    /// What other users show has made it weigh less.
    pub(super) rebased: bool,
}
