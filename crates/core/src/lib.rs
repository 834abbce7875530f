//! The tracker as a pure state machine: synchronous, deterministic, without I/O, clock or logger.
//!
//! # Tour: the life of an announce
//!
//! 1. [`tracker`]: `Tracker::announce` shows the five steps on one screen.
//! 2. [`admission`]: the checks, in their order; [`refusal`]: what a client is told.
//! 3. `swarm`: the rows of a torrent's peers; `shard`: the torrents of one lock.
//! 4. [`accounting`]: what two reports of a session add up to.
//! 5. [`selection`]: which peers the client is given; [`reply`]: where they are written.
//! 6. [`batch`]: what a flush takes out of the tracker.
//!
//! [`detection`] looks at announces from behind, if it is on: who reports what cannot be.
//! [`trace`] records single announces, if somebody asks for it.
//!
//! The control plane speaks to it in the forms of [`registry`] and [`settings`].
#![forbid(unsafe_code)]

pub mod accounting;
pub mod address;
pub mod admission;
pub mod batch;
pub mod detection;
mod hash;
mod packed;
pub mod refusal;
pub mod registry;
pub mod reply;
mod restraint;
mod rules;
pub mod selection;
pub mod settings;
mod shard;
pub mod site;
mod swarm;
mod terms;
pub mod trace;
pub mod tracker;
mod users;
mod withheld;

pub use address::is_local;
pub use refusal::{Refusal, RefusalKind, Wait};
pub use reply::{Answer, Explanation, Headers, PeerList, Retry, Source};
pub use restraint::{Restrained, Restraint};
pub use selection::place::{Continent, Place, PlaceId, PlaceTable, Places};
pub use settings::{ClientPolicy, Mode, Settings};
pub use site::SiteProfile;
pub use tracker::{
    Approach, ChangedSwarms, Drained, Expired, KnownTorrent, KnownUser, SessionPage, SessionPlace,
    SessionView, SessionsOf, SnapshotItem, Stats, SwarmCounts, SwarmPage, SwarmPlace, Tracker,
};
