//! Gazelle with Ocelot.
//!
//! What is better here than there is kept: a leecher without the right to leech is not stored,
//! `left` has to be there, a repeated `started` credits what was moved before it, a token is
//! reported as finished whenever the download is.

use std::collections::BTreeMap;

use super::super::{CompactRule, Completion, DeltaRule, Order, SiteProfile, Told};
use crate::refusal::RefusalKind::{self, *};
use crate::settings::{ClientPolicy, Settings};

const ORDER: &[RefusalKind] = &[
    Offline,
    PasskeyInvalid,
    PasskeyMissing,
    PasskeyUnknown,
    UserDeleted,
    RoleDisabled,
    InfoHashInvalid,
    InfoHashHex,
    TorrentUnknown,
    TorrentDeleted,
    TorrentDisabled,
    CompactRequired,
    ParameterMissing,
    PeerIdMissing,
    PeerIdInvalid,
    PortInvalid,
    NumberInvalid,
    NumberTooLarge,
    ClientNotAllowed,
    PortNotAllowed,
    CounterTooLarge,
    DownloadDisabled,
    RoleDownloadDisabled,
];

const TEXTS: &[(RefusalKind, &str)] = &[
    (Offline, "The tracker is temporarily unavailable."),
    (PasskeyInvalid, "Passkey not found"),
    (PasskeyMissing, "Passkey not found"),
    (PasskeyUnknown, "Passkey not found"),
    (UserDeleted, "Passkey not found"),
    (RoleDisabled, "Passkey not found"),
    (InfoHashInvalid, "Unregistered torrent"),
    (InfoHashHex, "Unregistered torrent"),
    (TorrentUnknown, "Unregistered torrent"),
    (TorrentDeleted, "Unregistered torrent{reason}"),
    (TorrentDisabled, "Unregistered torrent{reason}"),
    (CompactRequired, "Your client does not support compact announces"),
    (PeerIdMissing, "No peer ID"),
    (PeerIdInvalid, "Invalid peer ID"),
    (ClientNotAllowed, "Your client is not on the whitelist"),
    (DownloadDisabled, "Access denied, leeching forbidden"),
    (RoleDownloadDisabled, "Access denied, leeching forbidden"),
];

/// Why a torrent was deleted, by the number that Gazelle sends.
const DELETE_REASONS: [&str; 25] = [
    "Dupe",
    "Trump",
    "Bad File Names",
    "Bad Folder Names",
    "Bad Tags",
    "Disallowed Format",
    "Discs Missing",
    "Discography",
    "Edited Log",
    "Inaccurate Bitrate",
    "Low Bitrate",
    "Mutt Rip",
    "Disallowed Source",
    "Encode Errors",
    "Specifically Banned",
    "Tracks Missing",
    "Transcode",
    "Unapproved Cassette",
    "Unsplit Album",
    "User Compilation",
    "Wrong Format",
    "Wrong Media",
    "Audience Recording",
    "Extraneous Files",
    "Checksum Trump",
];

pub(super) fn profile() -> SiteProfile {
    let reasons = (0..).zip(DELETE_REASONS.map(str::to_owned));
    SiteProfile {
        order: Order::of(ORDER),
        told: Told::with(TEXTS, &[]),
        compact: CompactRule::Required,
        neutral_spares_tokens: true,
        deltas: DeltaRule::BothOrNone,
        completion: Completion::Event,
        record_corrupt: true,
        jitter_seconds: 240,
        failure_interval_seconds: 5400,
        retry_in: false,
        external_ip: false,
        delete_reasons: BTreeMap::from_iter(reasons),
        ..super::mika()
    }
}

pub(super) fn settings() -> Settings {
    Settings {
        interval_seconds: 1800,
        min_interval_seconds: 1800,
        peer_timeout_seconds: 7200,
        numwant_default: 50,
        numwant_max: 50,
        port_min: 0,
        sessions_per_user_and_torrent_max: 100,
        client_policy: ClientPolicy::WhitelistUnlessEmpty,
        ..Settings::default()
    }
}
