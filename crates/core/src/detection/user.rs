//! What is remembered of one user.

use serde::{Deserialize, Serialize};

use super::collusion::Partners;
use super::evidence::Evidence;
use super::fingerprint::Looks;
use super::history::Profiles;
use super::model::Model;
use super::networks::Networks;
use super::possession::Possession;
use super::probe::Probed;
use super::resets::Resets;
use super::speed::Speed;
use super::tails::Shown;
use super::vanish::Vanishing;

/// What is remembered of one user. What only some users need is boxed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct UserState {
    pub(super) evidence: Evidence,
    pub(super) seen_seconds: u32,
    /// When anything was downloaded last, on whatever torrent.
    pub(super) downloaded_seconds: u32,
    pub(super) vanishing: Vanishing,
    pub(super) resets: Resets,
    pub(super) looks: Looks,
    pub(super) networks: Networks,
    pub(super) speed: Option<Box<Speed>>,
    pub(super) profiles: Option<Box<Profiles>>,
    pub(super) partners: Option<Box<Partners>>,
    /// Of suspects only.
    pub(super) model: Option<Box<Model>>,
    pub(super) shown: Shown,
    pub(super) possession: Possession,
    pub(super) probed: Probed,
}

/// What is boxed, if it is there.
pub(super) const BOXED_BYTES: usize =
    size_of::<Speed>() + size_of::<Profiles>() + size_of::<Partners>() + 3 * 16;
