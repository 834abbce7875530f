//! UNIT3D with UNIT3D-Announce 0.3.
//!
//! What is better here than there is kept: the peers of a session that announces over both
//! address families are not held back, a `stopped` of a banned user counts, tokens and counters
//! survive a restart.

use super::super::{
    CompactRule, Completion, CreditRule, DeltaRule, Order, SiteProfile, SlotRule, Told,
};
use crate::refusal::RefusalKind::{self, *};
use crate::settings::Settings;

/// Seconds within which UNIT3D counts seeding between two announces: peer timeout and the
/// interval of its reaper.
const SEED_GAP_SECONDS: u32 = 9000;

/// Seconds for which UNIT3D knows a peer that does not announce.
const SILENT_KEPT_SECONDS: u32 = 21 * 86_400;

const ORDER: &[RefusalKind] = &[
    ParameterMissing,
    InfoHashInvalid,
    InfoHashHex,
    PeerIdMissing,
    PeerIdInvalid,
    PortInvalid,
    NumberInvalid,
    NumberTooLarge,
    CompactRequired,
    HeaderForbidden,
    AgentMissing,
    AgentTooLong,
    ClientNotAllowed,
    AgentForbidden,
    PortNotAllowed,
    PasskeyInvalid,
    CounterTooLarge,
    TorrentUnknown,
    TorrentDeleted,
    TorrentPending,
    TorrentRejected,
    TorrentPostponed,
    TorrentNotApproved,
    TorrentDisabled,
    PasskeyMissing,
    PasskeyUnknown,
    UserDeleted,
    DownloadDisabled,
    RoleUnknown,
    RoleDisabled,
    RoleDownloadDisabled,
    RoleUploadDisabled,
    SessionUnknown,
    TooManySessions,
    NoDownloadSlot,
    RateLimited,
];

const TEXTS: &[(RefusalKind, &str)] = &[
    (ParameterMissing, "Query parameter '{parameter}' is missing."),
    (InfoHashInvalid, "Invalid 'info_hash'."),
    (InfoHashHex, "Invalid 'info_hash'."),
    (PeerIdMissing, "Query parameter 'peer_id' is missing."),
    (PeerIdInvalid, "Invalid 'peer_id'."),
    (PortInvalid, "Invalid 'port' (must be greater than or equal to 0)."),
    (NumberInvalid, "Invalid '{parameter}' (must be greater than or equal to 0)."),
    (NumberTooLarge, "Invalid '{parameter}' (must be greater than or equal to 0)."),
    (CompactRequired, "Your client does not support compact announces."),
    (HeaderForbidden, "Abnormal access blocked."),
    (AgentMissing, "Invalid user agent."),
    (AgentTooLong, "The user agent of this client is too long."),
    (ClientNotAllowed, "Client is not acceptable. Please check our blacklist."),
    (AgentForbidden, "Browser, crawler or cheater is not allowed."),
    (PortNotAllowed, "Illegal port: {port}. Port should be between 6881-64999."),
    (PasskeyInvalid, "Invalid passkey."),
    (PasskeyMissing, "Invalid passkey."),
    (TorrentUnknown, "InfoHash not found."),
    (TorrentDeleted, "Torrent has been deleted."),
    (TorrentDisabled, "Torrent not approved."),
    (TorrentPending, "Torrent is pending moderation."),
    (TorrentRejected, "Torrent has been rejected."),
    (TorrentPostponed, "Torrent has been postponed."),
    (TorrentNotApproved, "Torrent not approved."),
    (PasskeyUnknown, "Passkey does not exist. Please re-download the .torrent file."),
    (UserDeleted, "Passkey does not exist. Please re-download the .torrent file."),
    (DownloadDisabled, "Your downloading privileges have been disabled."),
    (RoleDownloadDisabled, "Your downloading privileges have been disabled."),
    (RoleUnknown, "Group not found."),
    (RoleDisabled, "Your account is not enabled. (Current: {role})."),
    (SessionUnknown, "Stopped peer doesn't exist."),
    (TooManySessions, "You already have {max} peers on this torrent. Ignoring."),
    (NoDownloadSlot, "Download slot limit reached"),
    (RateLimited, ""),
];

/// A failure makes some clients repeat a `stopped` for ever, and wait long for a moderator.
const WARNINGS: &[RefusalKind] =
    &[TorrentPending, TorrentRejected, TorrentPostponed, SessionUnknown, NoDownloadSlot];

pub(super) fn profile() -> SiteProfile {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    SiteProfile {
        order: Order::of(ORDER),
        told: Told::with(TEXTS, WARNINGS),
        passkey_bytes: 32,
        role_required: true,
        headers_forbidden: words(&["accept-language", "referer", "accept-charset", "want-digest"]),
        agent_required: true,
        agent_bytes_max: 64,
        agents_forbidden: words(&[
            "mozilla",
            "browser",
            "chrome",
            "safari",
            "applewebkit",
            "opera",
            "links",
            "lynx",
            "bot",
            "unknown",
        ]),
        ports_forbidden: vec![1214, 3389, 4662, 6346, 6347, 6699, 8080, 8081],
        compact: CompactRule::NotRefused,
        slots: SlotRule::Hide,
        announce_min_enforced_seconds: 1740,
        session_unknown_told: true,
        credit: CreditRule::Best,
        deltas: DeltaRule::BothOrNone,
        completion: Completion::Transition,
        seed_gap_dropped_seconds: SEED_GAP_SECONDS,
        silent_kept_seconds: SILENT_KEPT_SECONDS,
        record_unregistered: true,
        jitter_seconds: 1800,
        failure_interval_seconds: 5400,
        retry_in: false,
        moderation_interval_seconds: 30,
        external_ip: false,
        both_families: true,
        ..super::mika()
    }
}

pub(super) fn settings() -> Settings {
    Settings {
        interval_seconds: 1800,
        min_interval_seconds: 1800,
        peer_timeout_seconds: SEED_GAP_SECONDS,
        numwant_default: 15,
        numwant_max: 15,
        port_min: 1024,
        sessions_per_user_and_torrent_max: 3,
        ..Settings::default()
    }
}
