//! Cheater detection in JSON: findings, and the users they are about.

use mika_protocol::InfoHash;
use serde::{Deserialize, Serialize};

/// How much is held against a user.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SuspectLevel {
    /// Nothing to speak of.
    #[default]
    None,
    /// Remembered; nobody needs to look.
    Note,
    /// Somebody should look.
    Review,
    /// Of several kinds, on several torrents.
    Strong,
}

impl SuspectLevel {
    /// Every level, the lowest first.
    pub const ALL: [Self; 4] = [Self::None, Self::Note, Self::Review, Self::Strong];

    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Note => "note",
            Self::Review => "review",
            Self::Strong => "strong",
        }
    }
}

/// What somebody made of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FindingVerdict {
    /// Nobody has judged it.
    #[default]
    Open,
    /// It was not what it seemed.
    Dismissed,
    /// It was.
    Confirmed,
}

impl FindingVerdict {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Dismissed => "dismissed",
            Self::Confirmed => "confirmed",
        }
    }
}

/// A number that a formula names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FindingInput {
    /// Its name in the formula.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// What it is measured in.
    pub unit: String,
}

/// An innocent explanation that was looked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FindingExcuse {
    /// What it would be.
    pub name: String,
    /// Whether it applies.
    pub applies: bool,
    /// The number that it was judged by.
    pub value: f64,
}

/// A finding, with everything that is needed to recompute it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// Its number.
    pub id: u64,
    /// When it was made.
    pub at: u32,
    /// The user, by the store's id.
    pub user_id: u32,
    /// The user's level now.
    pub user_level: SuspectLevel,
    /// The torrent, by the store's id; `null` if it is not about one.
    pub torrent_id: Option<u32>,
    /// The torrent's primary hash; `null` if the tracker does not have it.
    #[serde(with = "super::hash::optional")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::hash::Hex>))]
    pub info_hash: Option<InfoHash>,
    /// What made it, such as `no_sink`.
    pub detector: String,
    /// Which version of that.
    pub version: u16,
    /// What it counts with: `accounting`, `experiment`, `identity`, `history` or `sharing`.
    pub family: String,
    /// What it says, for people.
    pub says: String,
    /// What it is about begins at this time.
    pub from: u32,
    /// What it is about ends at this time.
    pub to: u32,
    /// What was seen.
    pub observed: f64,
    /// What an honest user stays within.
    pub bound: f64,
    /// What both are measured in, such as `bytes`.
    pub unit: String,
    /// How `observed`, `bound` and `llr` follow from the inputs.
    pub formula: String,
    /// All numbers that the formula names.
    pub inputs: Vec<FindingInput>,
    /// Innocent explanations that were looked for.
    pub excuses: Vec<FindingExcuse>,
    /// ln(probability if it is a cheat / probability if not), before it is clipped.
    pub llr: f64,
    /// The user's score before, in nats.
    pub score_before: f64,
    /// The user's score after, in nats.
    pub score_after: f64,
    /// What it added.
    pub gained: f64,
    /// What somebody made of it.
    pub verdict: FindingVerdict,
    /// The reason of a dismissal, or the label of a confirmation.
    pub verdict_text: Option<String>,
    /// When that was.
    pub verdict_at: Option<u32>,
}

/// Which findings are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default, deny_unknown_fields)]
pub struct FindingQuery {
    /// The `next_cursor` of the part before; absent for the first, which has the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many entries, 1 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only about this user: id, name or passkey.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Only about the torrent with this id in the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub torrent_id: Option<u32>,
    /// Only by this detector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detector: Option<String>,
    /// Only about users who have this level now, or a higher one.
    #[cfg_attr(feature = "openapi", param(inline))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<SuspectLevel>,
    /// Only those of which somebody made this.
    #[cfg_attr(feature = "openapi", param(inline))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<FindingVerdict>,
}

/// Why a finding is not what it seems.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FindingDismissal {
    /// 1 to 500 bytes.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 500))]
    pub reason: String,
}

/// What a finding turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FindingConfirmation {
    /// 1 to 500 bytes, such as `ratiomaster`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 500))]
    pub label: String,
}

/// The scores of the families in nats.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FamilyScores {
    /// Bytes that do not add up.
    pub accounting: f64,
    /// What a client makes of counts that it was told for a test.
    pub experiment: f64,
    /// Clients that are not what they say.
    pub identity: f64,
    /// Users who are not as they were.
    pub history: f64,
    /// Accounts that are used by many.
    pub sharing: f64,
}

/// What is held against a user, and what was done about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Suspect {
    /// The user, by the store's id.
    pub user_id: u32,
    /// How much it is.
    pub level: SuspectLevel,
    /// The same in nats, all families together.
    pub score: f64,
    /// Family by family.
    pub families: FamilyScores,
    /// Findings that counted.
    pub records: u32,
    /// Whether the user's clients are told a warning.
    pub warning: bool,
    /// Whether credit for upload is withheld.
    pub quarantine: bool,
    /// Bytes of credit that are withheld, as of the last flush.
    pub withheld: u64,
    /// Whether the account was closed because of this.
    pub disabled: bool,
    /// The level at which something was done, or undone by a person: nothing is done by itself
    /// again unless the level rises above it.
    pub acted_level: SuspectLevel,
}

/// Which suspects are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default, deny_unknown_fields)]
pub struct SuspectQuery {
    /// The `next_cursor` of the part before; absent for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many entries, 1 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Of this level or above; absent: `note`.
    #[cfg_attr(feature = "openapi", param(inline))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<SuspectLevel>,
}

/// What a person does about a user, or undoes. What is absent stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RestraintChange {
    /// Whether the user's clients are told a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<bool>,
    /// Whether credit for upload is withheld. What is withheld already stays so until it is
    /// released or dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<bool>,
    /// Whether the account is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// What became of credit that was withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WithheldCredit {
    /// The user, by the store's id.
    pub user_id: u32,
    /// Bytes that were given or dropped.
    pub bytes: u64,
}

/// A torrent whose peers are not all known here, so that its books need not balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExemptTorrent {
    /// Its id in the store.
    pub torrent_id: u32,
    /// Its primary hash.
    #[serde(with = "super::hash")]
    #[cfg_attr(feature = "openapi", schema(value_type = super::hash::Hex))]
    pub info_hash: InfoHash,
}

/// What people made of a detector's findings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DetectorPrecision {
    /// The detector.
    pub detector: String,
    /// What its findings say.
    pub says: String,
    /// Its findings.
    pub findings: u64,
    /// Those that were dismissed.
    pub dismissed: u64,
    /// Those that were confirmed.
    pub confirmed: u64,
    /// Confirmed ones among those that somebody has judged; `null` if nobody has.
    pub precision: Option<f64>,
}

/// What detection has seen, and what it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DetectionStatus {
    /// `off`, `shadow` or `enforce`.
    pub mode: String,
    /// Seconds of data. With less than 30 days of it, no account is closed.
    pub watched_seconds: u64,
    /// Whether accounts may be closed by now.
    pub may_disable: bool,
    /// Announces looked at.
    pub observations: u64,
    /// Announces that no queue had room for.
    pub dropped: u64,
    /// Announces of users beyond `detection.users_max`.
    pub users_ignored: u64,
    /// Announces of torrents beyond `detection.torrents_max`.
    pub torrents_ignored: u64,
    /// Torrents' books that were closed and balanced.
    pub epochs: u64,
    /// Books that were thrown away, for announces were lost.
    pub epochs_void: u64,
    /// Findings made.
    pub findings: u64,
    /// Users that something is known of.
    pub users_held: u64,
    /// Torrents with open books.
    pub torrents_held: u64,
    /// Closed books that are kept.
    pub epochs_held: u64,
    /// Findings that are kept.
    pub findings_held: u64,
    /// Bytes of the file in the data directory; 0 before it is written the first time.
    pub state_bytes: u64,
    /// Bytes of memory that all of it takes at most.
    pub bytes_max: u64,
    /// Processor time of the thread that does it, in milliseconds, since the start.
    pub cpu_milliseconds: u64,
    /// What people made of each detector's findings.
    pub detectors: Vec<DetectorPrecision>,
}
