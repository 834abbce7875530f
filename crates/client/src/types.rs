//! The JSON bodies of the admin API.
//!
//! Times are Unix times in seconds, amounts are bytes, multipliers are whole percents (100 counts
//! every byte once, 0 is freeleech). A body with a field that is not listed here is refused.

mod access;
mod bulk;
mod config;
mod dead_letter;
mod detection;
mod geo;
mod hash;
mod notification;
mod present;
mod problem;
mod rules;
mod session;
mod state;
mod status;
mod swarm;
mod torrent;
mod trace;
mod user;
mod webhook;

pub use access::{
    ApiToken, AuditEntry, AuditPage, AuditQuery, CreatedApiToken, NewApiToken, Scope,
};
pub use bulk::{
    Bulk, BulkError, BulkList, BulkReport, BulkToken, BulkTorrent, BulkUser, Lenient, NameKey,
    PrefixKey, TokenKey, TorrentKey, UserKey,
};
pub use config::{ConfigKey, ConfigKeys, ConfigPatch};
pub use dead_letter::{DeadLetter, DeadLetterAnswer, DeadLetterIds};
pub use detection::{
    DetectionStatus, DetectorPrecision, ExemptTorrent, FamilyScores, Finding, FindingConfirmation,
    FindingDismissal, FindingExcuse, FindingInput, FindingQuery, FindingVerdict, RestraintChange,
    Suspect, SuspectLevel, SuspectQuery, WithheldCredit,
};
pub use geo::{About, GeoAnswer, GeoFile, GeoPlace, GeoQuery};
pub use notification::{
    Notification, NotificationFilter, NotificationKind, NotificationPage, NotificationQuery,
};
pub use problem::Problem;
pub use rules::{
    ClientRule, ClientRuleChange, Event, EventChange, NewClientRule, NewEvent, NewRole, NewToken,
    Role, RoleChange, Token,
};
pub use session::{AddressQuery, CursorPage, CursorQuery, Session};
pub use state::{
    ImportError, ImportReport, StateEnd, StateLine, StateMeta, StateToken, StateTorrent, StateUser,
};
pub use status::{
    Check, ConfigChange, FlushStats, Flushed, Health, KeyChange, NamedCount, ProtocolStats,
    Readiness, RequestStats, Stats,
};
pub use swarm::{
    RankedSwarm, Swarm, SwarmActivity, SwarmChanges, SwarmChangesQuery, SwarmList, SwarmQuery,
    SwarmRank, SwarmRankQuery, SwarmRanking,
};
pub use torrent::{NewTorrent, Torrent, TorrentChange, TorrentQuery, TorrentStatus};
pub use trace::{NewTrace, Trace, TracePage, TraceQuery, TraceSubject, TracedAnnounce};
pub use user::{NewUser, User, UserChange, UserQuery};
pub use webhook::{
    NewWebhook, Webhook, WebhookChange, WebhookDeadLetter, WebhookDeadLetterCount, WebhookDelivery,
};

use serde::{Deserialize, Serialize};

/// A list, or a part of a long one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The entries, by id or name.
    pub items: Vec<T>,
    /// What to give as `after_id` for the next part; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_after_id: Option<u32>,
}

/// Which part of a long list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Only entries with a higher id.
    #[serde(default)]
    pub after_id: u32,
    /// At most this many entries, 1 to [`PageQuery::LIMIT_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl PageQuery {
    /// The longest list in one reply, and how long it is when not said otherwise.
    pub const LIMIT_MAX: u32 = 1000;
}
