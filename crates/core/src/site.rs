//! What differs from site to site, as data: one profile, which every announce is judged by.
//!
//! The defaults are mika's own rules. The others are the contracts of trackers that sites were
//! written for, so that a site and its users notice no change: [`preset`] has their tables.

mod choice;
mod preset;
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use choice::{CompactRule, Completion, CreditRule, DeltaRule, SlotRule};
pub use preset::Preset;
pub use told::{Form, Order, Texts, Told};

use crate::refusal::{Refusal, RefusalKind, Wait};

/// A site's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteProfile {
    // ---- Who may announce ----
    /// Of several reasons for a refusal the one that comes first here is told.
    pub order: Order,
    /// Texts, and whether they come as failure, warning or not at all.
    pub told: Told,
    /// Refuse every announce for now, with this text; empty for not.
    pub offline_text: String,
    /// Bytes that a passkey must have; 0 for any number.
    pub passkey_bytes: u8,
    /// What passes are derived with that are good for one user on one torrent, as the XBT tracker
    /// does; empty: there are none.
    pub pass_secret: PassSecret,
    /// A user whose role does not exist is refused.
    pub role_required: bool,
    /// Headers that no announce may have.
    pub headers_forbidden: Vec<String>,
    /// An announce over HTTP must say its `User-Agent`, in ASCII.
    pub agent_required: bool,
    /// Bytes of a `User-Agent` at most; 0 for any number.
    pub agent_bytes_max: u16,
    /// Parts of a `User-Agent` that are refused, in lower case.
    pub agents_forbidden: Vec<String>,
    /// Ports that are refused beside those below [`crate::Settings::port_min`].
    pub ports_forbidden: Vec<u16>,
    /// Which clients have to ask for compact lists.
    pub compact: CompactRule,
    /// Users may have to wait before they leech a young torrent, see
    /// [`UserTerms::wait_seconds`](crate::registry::UserTerms::wait_seconds). Costs 8 bytes a
    /// torrent; counts for torrents registered from then on.
    pub wait_times: bool,
    /// What becomes of a leecher above the download slots.
    pub slots: SlotRule,
    /// Seconds within which a second announce of a session gets no peers, though it counts; 0 for
    /// no such limit.
    pub announce_min_enforced_seconds: u32,
    /// A `stopped` of a session that is not known is told so, rather than accepted in silence.
    pub session_unknown_told: bool,

    // ---- What counts ----
    /// How multipliers combine.
    pub credit: CreditRule,
    /// On a torrent where neither direction counts, tokens are not used up.
    pub neutral_spares_tokens: bool,
    /// What an uploaded byte counts on a featured torrent, in percent.
    pub featured_upload_percent: u16,
    /// What a counter that went back means for the other one.
    pub deltas: DeltaRule,
    /// What makes a download a finished one.
    pub completion: Completion,
    /// A gap between two announces of at least so many seconds adds no seed time; 0: every gap
    /// counts, up to the peer timeout.
    pub seed_gap_dropped_seconds: u32,
    /// Seconds since its last announce for which a session that fell silent can come back and go on
    /// with its counters; 0: it begins anew, as one that was never seen.
    pub silent_kept_seconds: u32,
    /// A session that was not known is charged what its user lacked when last seen.
    pub charge_resumed: bool,
    /// Count `corrupt` bytes, which costs memory for every session that has some.
    pub record_corrupt: bool,
    /// Note who announces torrents that are unknown or deleted.
    pub record_unregistered: bool,

    // ---- What is answered ----
    /// Seconds added to each interval, from 0 to this at random.
    pub jitter_seconds: u32,
    /// Seconds in every failure and warning; 0: by reason, see [`Wait`].
    pub failure_interval_seconds: u32,
    /// Failures say when to come back (`interval`, `min interval`).
    pub failure_intervals: bool,
    /// Failures say so in the words of BEP 31, too (`retry in`).
    pub retry_in: bool,
    /// Seconds in what is told of a torrent that waits for moderators; 0: as for others.
    pub moderation_interval_seconds: u32,
    /// Replies tell the client its own address (BEP 24).
    pub external_ip: bool,
    /// Clients are given peers of both address families, though they announced over one of them
    /// only; not over UDP, whose replies have room for one.
    pub both_families: bool,
    /// Texts of the numbers with which a site names why it deleted a torrent.
    pub delete_reasons: BTreeMap<u16, String>,
}

/// A secret of the site's. Is not shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PassSecret(String);

impl PassSecret {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for PassSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PassSecret(…)")
    }
}

impl SiteProfile {
    /// The rules of a preset.
    pub fn preset(preset: Preset) -> Arc<Self> {
        Arc::new(preset.profile())
    }

    /// Whether an announce needs more checks than every one does.
    pub(crate) fn checks_more(&self) -> bool {
        !self.offline_text.is_empty()
            || self.passkey_bytes > 0
            || self.agent_required
            || self.agent_bytes_max > 0
            || !self.agents_forbidden.is_empty()
            || !self.headers_forbidden.is_empty()
            || !self.ports_forbidden.is_empty()
            || self.compact != CompactRule::Any
    }

    /// Whether a session that is known may be given nothing.
    pub(crate) fn limits_known_sessions(&self) -> bool {
        self.slots == SlotRule::Hide || self.announce_min_enforced_seconds > 0
    }

    /// Whether the headers of an announce matter.
    pub fn reads_headers(&self) -> bool {
        self.agent_required || self.agent_bytes_max > 0 || !self.headers_forbidden.is_empty()
    }

    /// Of several reasons the one that is told.
    pub(crate) fn first(&self, refusals: impl IntoIterator<Item = Refusal>) -> Option<Refusal> {
        refusals.into_iter().min_by_key(|refusal| self.order.rank(refusal.kind()))
    }

    /// Seconds after which a client should ask again: what the reason says is one of `soon` and
    /// `refused`.
    pub(crate) fn wait_seconds(&self, kind: RefusalKind, soon: u32, refused: u32) -> u32 {
        let moderated = matches!(
            kind,
            RefusalKind::TorrentPending
                | RefusalKind::TorrentRejected
                | RefusalKind::TorrentPostponed
        );
        match (moderated, self.moderation_interval_seconds, self.failure_interval_seconds) {
            (true, seconds @ 1.., _) | (_, _, seconds @ 1..) => seconds,
            _ if kind.wait() == Wait::Short => soon,
            _ => refused,
        }
    }
}

impl Default for SiteProfile {
    fn default() -> Self {
        Preset::Mika.profile()
    }
}

#[cfg(test)]
mod tests;
