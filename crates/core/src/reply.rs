//! What an announce is answered with, in a worker's reusable buffers.

use std::net::IpAddr;
use std::sync::Arc;

use mika_protocol::{PeerId, ScrapeCounts};

use crate::batch::{Agent, Traffic};
use crate::refusal::Refusal;
use crate::selection::Picker;
use crate::settings::Settings;
use crate::site::Form;

/// Where an announce came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The client's address, IPv4-mapped IPv6 already unwrapped.
    pub ip: IpAddr,
    /// The reply can carry peers of the source's own address family only (UDP).
    pub one_family: bool,
    /// The client's program, if it says.
    pub agent: Agent,
    /// What else its request's headers say; `None` if it came without any (UDP).
    pub headers: Option<Headers>,
    /// How its request is written, see [`Shape`](mika_protocol::http::Shape); 0 if nobody looked.
    pub shape: u32,
}

/// What the headers of an announce over HTTP say, as far as a site may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Headers {
    /// Bytes of `User-Agent`; `None` if there is none, or one that is not ASCII.
    pub agent_bytes: Option<u16>,
    /// One is there that the site forbids.
    pub forbidden: bool,
}

impl Source {
    /// An announce from an address, without headers, that may be answered in both families.
    pub fn new(ip: IpAddr) -> Self {
        Self { ip, one_family: false, agent: Agent::NONE, headers: None, shape: 0 }
    }
}

/// The peers of a reply, as rows in wire format, and the random source that picks them.
///
/// A worker keeps one of these for its whole life, so that an announce allocates nothing.
#[derive(Debug)]
pub struct PeerList {
    /// Rows of 6 bytes: IPv4 address and port (BEP 23).
    pub v4: Vec<u8>,
    /// Rows of 18 bytes: IPv6 address and port (BEP 7).
    pub v6: Vec<u8>,
    /// Peer ids of the rows of `v4`; empty unless asked for and kept.
    pub v4_ids: Vec<PeerId>,
    /// Peer ids of the rows of `v6`; empty unless asked for and kept.
    pub v6_ids: Vec<PeerId>,
    /// Something that this client's user should know, beside what [`Answer::warning`] says.
    pub warning: Option<Arc<str>>,
    pub(crate) picker: Picker,
    /// What the announce adds to its user's totals, for who looks at that.
    pub(crate) counted: Traffic,
}

impl PeerList {
    /// An empty list; `seed` comes from the operating system, or from a test.
    pub fn new(seed: u64) -> Self {
        Self {
            v4: Vec::new(),
            v6: Vec::new(),
            v4_ids: Vec::new(),
            v6_ids: Vec::new(),
            warning: None,
            picker: Picker::new(seed),
            counted: Traffic::default(),
        }
    }

    /// Empties the list and keeps its memory.
    pub fn clear(&mut self) {
        self.v4.clear();
        self.v6.clear();
        self.v4_ids.clear();
        self.v6_ids.clear();
        self.warning = None;
        self.counted = Traffic::default();
    }

    /// Number of rows of both families.
    pub fn len(&self) -> usize {
        self.v4.len() / 6 + self.v6.len() / 18
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

/// The answer to an announce; its peers are in the [`PeerList`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Seconds until the next announce.
    pub interval_seconds: u32,
    /// Seconds that the client must at least wait.
    pub min_interval_seconds: u32,
    /// Peers that have the whole torrent, the asker included.
    pub seeders: u32,
    /// Peers that lack some of it, the asker included.
    pub leechers: u32,
    /// Finished downloads.
    pub snatches: u32,
    /// Something the client's user should know.
    /// See [`Tracker::explain`](crate::Tracker::explain) for its text.
    pub warning: Option<Refusal>,
}

impl Answer {
    pub(crate) fn new(settings: &Settings, counts: ScrapeCounts) -> Self {
        Self {
            interval_seconds: settings.interval_seconds,
            min_interval_seconds: settings.min_interval_seconds,
            seeders: counts.seeders,
            leechers: counts.leechers,
            snatches: counts.snatches,
            warning: None,
        }
    }
}

/// How a refusal is told to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// `failure reason`, or `warning message`.
    pub text: String,
    /// In which form it is told.
    pub form: Form,
    /// `interval` and `min interval`, in seconds; `None`: a failure does not say.
    pub interval_seconds: Option<u32>,
    /// BEP 31 `retry in`; `None`: a failure does not say.
    pub retry: Option<Retry>,
}

impl Explanation {
    /// The answer that stands for a refusal that is not told as a failure.
    pub fn answer(&self) -> Answer {
        let interval_seconds = self.interval_seconds.unwrap_or_default();
        Answer {
            interval_seconds,
            min_interval_seconds: interval_seconds,
            seeders: 0,
            leechers: 0,
            snatches: 0,
            warning: None,
        }
    }
}

/// When a refused client may ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// After so many minutes.
    Minutes(u32),
    /// Never.
    Never,
}
