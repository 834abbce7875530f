//! What the tracker tells a site by itself, in JSON.

use mika_protocol::InfoHash;
use serde::{Deserialize, Serialize};

use super::SuspectLevel;

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NotificationKind {
    /// A user has finished a download: `user_id`, `torrent_id`, `info_hash`.
    Snatch,
    /// A torrent without seeders has one now: `torrent_id`, `info_hash`, `seeders`.
    FirstSeed,
    /// A torrent's last seeder has gone: `torrent_id`, `info_hash`, `leechers`.
    NoSeeders,
    /// A user's token on a torrent covered something: `user_id`, `torrent_id`, `downloaded`,
    /// `finished`.
    TokenUsed,
    /// A user's ratio has crossed a threshold: `user_id`, `threshold_percent`, `below`,
    /// `uploaded`, `downloaded`.
    RatioCrossed,
    /// A user has not seeded a finished download for as long as required: `user_id`,
    /// `torrent_id`, `seed_seconds`.
    HitAndRun,
    /// A user's passkey was seen in many networks: `user_id`, `count`.
    PasskeyNetworks,
    /// More is held against a user than before: `user_id`, `level`, `finding_id`, `torrent_id`,
    /// `reason`.
    Suspect,
    /// Clients were refused for what they are: `reason`, `count`.
    ClientRefused,
    /// The store does not take batches any more.
    StoreDown,
    /// The store takes batches again.
    StoreUp,
    /// Notifications may be missing before this one: `reason`. Ask for what has changed.
    Missed,
}

impl NotificationKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Snatch,
        Self::FirstSeed,
        Self::NoSeeders,
        Self::TokenUsed,
        Self::RatioCrossed,
        Self::HitAndRun,
        Self::PasskeyNetworks,
        Self::Suspect,
        Self::ClientRefused,
        Self::StoreDown,
        Self::StoreUp,
        Self::Missed,
    ];

    /// Its name in JSON, and of the event in a stream.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Snatch => "snatch",
            Self::FirstSeed => "first_seed",
            Self::NoSeeders => "no_seeders",
            Self::TokenUsed => "token_used",
            Self::RatioCrossed => "ratio_crossed",
            Self::HitAndRun => "hit_and_run",
            Self::PasskeyNetworks => "passkey_networks",
            Self::Suspect => "suspect",
            Self::ClientRefused => "client_refused",
            Self::StoreDown => "store_down",
            Self::StoreUp => "store_up",
            Self::Missed => "missed",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Something that has happened. Which fields there are depends on the kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notification {
    /// Grows from one to the next. One that is sent again has the same.
    pub id: u64,
    /// What has happened.
    pub kind: NotificationKind,
    /// When, as a Unix time in seconds.
    pub at: u32,
    /// The user, by the store's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<u32>,
    /// The torrent, by the store's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torrent_id: Option<u32>,
    /// The torrent's primary hash; absent on a public tracker.
    #[serde(default, with = "super::hash::optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::hash::Hex>))]
    pub info_hash: Option<InfoHash>,
    /// Seeders now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeders: Option<u32>,
    /// Leechers now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leechers: Option<u32>,
    /// Bytes: of a token, those that it covered; of a ratio, all that were credited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downloaded: Option<u64>,
    /// Bytes of upload credited in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploaded: Option<u64>,
    /// Whether the download that the token was for has finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<bool>,
    /// The ratio that was crossed, in percent: 60 is a ratio of 0.6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold_percent: Option<u16>,
    /// Whether the ratio is below the threshold now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<bool>,
    /// Seconds for which the user has seeded since the download finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed_seconds: Option<u64>,
    /// How many: networks, or refused announces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How much is held against the user now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(inline))]
    pub level: Option<SuspectLevel>,
    /// The last finding about the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding_id: Option<u64>,
    /// Why: the name of a refusal, or a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Notification {
    /// One of a kind, without anything else; its id comes later.
    pub fn of(kind: NotificationKind, at: u32) -> Self {
        Self {
            id: 0,
            kind,
            at,
            user_id: None,
            torrent_id: None,
            info_hash: None,
            seeders: None,
            leechers: None,
            downloaded: None,
            uploaded: None,
            finished: None,
            threshold_percent: None,
            below: None,
            seed_seconds: None,
            count: None,
            level: None,
            finding_id: None,
            reason: None,
        }
    }
}

/// Which notifications are wanted. A list that is empty, or absent, is no condition.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NotificationFilter {
    /// Of these kinds. `missed` always comes.
    pub kinds: Vec<NotificationKind>,
    /// About these users.
    pub user_ids: Vec<u32>,
    /// About these torrents.
    pub torrent_ids: Vec<u32>,
}

impl NotificationFilter {
    /// The longest list.
    pub const LENGTH_MAX: usize = 1000;

    /// Whether a notification is wanted.
    pub fn wants(&self, notification: &Notification) -> bool {
        let among =
            |ids: &[u32], id: Option<u32>| ids.is_empty() || id.is_some_and(|id| ids.contains(&id));
        notification.kind == NotificationKind::Missed
            || ((self.kinds.is_empty() || self.kinds.contains(&notification.kind))
                && among(&self.user_ids, notification.user_id)
                && among(&self.torrent_ids, notification.torrent_id))
    }
}

/// Which part of the notifications is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct NotificationQuery {
    /// Only those with a higher id. For a stream, absent: those from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_id: Option<u64>,
    /// Look through at most so many, 1 to 1000. Not for a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only these kinds, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<String>,
    /// Only about these users: ids, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_ids: Option<String>,
    /// Only about these torrents: ids, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torrent_ids: Option<String>,
}

/// A part of the notifications that are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NotificationPage {
    /// In the order in which they happened.
    pub items: Vec<Notification>,
    /// What to give as `after_id` for the next part.
    pub next_after_id: u64,
    /// Id of the last notification there is.
    pub last_id: u64,
    /// How many before this part are kept no more.
    pub missed: u64,
}
