//! The XBT tracker.
//!
//! What is better here than there is kept: nobody is given his own address, a session belongs to
//! one user, a repeated `completed` is one snatch (unless `completion` is set to every event).

use super::super::{Completion, CreditRule, DeltaRule, Order, SiteProfile, Told};
use crate::refusal::RefusalKind::{self, *};
use crate::settings::Settings;

const ORDER: &[RefusalKind] = &[
    ParameterMissing,
    InfoHashInvalid,
    InfoHashHex,
    PeerIdMissing,
    PeerIdInvalid,
    PortInvalid,
    NumberInvalid,
    NumberTooLarge,
    Offline,
    PasskeyInvalid,
    PasskeyMissing,
    PasskeyUnknown,
    UserDeleted,
    TorrentUnknown,
    TorrentDeleted,
    TorrentDisabled,
    DownloadDisabled,
    RoleDownloadDisabled,
    WaitTime,
    UserPeerLimit,
];

const FORBIDDEN: &str = "access denied, leeching forbidden, you are only allowed to seed";

const TEXTS: &[(RefusalKind, &str)] = &[
    (PasskeyInvalid, "unregistered torrent pass"),
    (PasskeyMissing, "unregistered torrent pass"),
    (PasskeyUnknown, "unregistered torrent pass"),
    (UserDeleted, "unregistered torrent pass"),
    (TorrentUnknown, "unregistered torrent"),
    (TorrentDeleted, "unregistered torrent"),
    (TorrentDisabled, "unregistered torrent"),
    (DownloadDisabled, FORBIDDEN),
    (RoleDownloadDisabled, FORBIDDEN),
    (WaitTime, "access denied, wait time in effect"),
    (UserPeerLimit, "access denied, peers limit reached"),
];

pub(super) fn profile() -> SiteProfile {
    SiteProfile {
        order: Order::of(ORDER),
        told: Told::with(TEXTS, &[]),
        wait_times: true,
        credit: CreditRule::Raw,
        deltas: DeltaRule::BothOrNone,
        completion: Completion::Event,
        failure_intervals: false,
        retry_in: false,
        external_ip: false,
        ..super::mika()
    }
}

pub(super) fn settings() -> Settings {
    Settings {
        interval_seconds: 1800,
        min_interval_seconds: 1800,
        peer_timeout_seconds: 2700,
        numwant_default: 50,
        numwant_max: 50,
        port_min: 0,
        sessions_per_user_and_torrent_max: 100,
        ..Settings::default()
    }
}
