//! Why an announce or a scrape is refused: one enum, and for each reason a name, a text and how
//! long the client should wait. A site may tell it in other words: see [`crate::site`].

use mika_protocol::announce::{AnnounceError, Parameter};
use serde::{Deserialize, Serialize};

/// Number of an interned text, told to clients of a deleted or disabled torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReasonId(pub(crate) u16);

/// How long a refused client should wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// It may work soon: a torrent that may just have been uploaded, a slot that may free up.
    Short,
    /// It works only after somebody changes something.
    Long,
    /// It will never work.
    Never,
}

macro_rules! refusals {
    ($(
        $(#[doc = $doc:literal])*
        $Variant:ident $(($Payload:ty = $none:expr))?: $name:literal, $Wait:ident, $text:literal;
    )*) => {
        /// Why a request is refused, in the order of the checks of [`crate::admission`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Refusal {
            $($(#[doc = $doc])* $Variant $(($Payload))?,)*
        }

        /// A refusal without what is particular to one: what a site has a text for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum RefusalKind {
            $($(#[doc = $doc])* $Variant,)*
        }

        impl RefusalKind {
            /// Every kind once, in order.
            pub const ALL: &'static [RefusalKind] = &[$(RefusalKind::$Variant),*];

            /// Name in the configuration, and of the metric's label.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Variant => $name,)*
                }
            }

            /// What the client's user is told, unless the site has a text of its own. It may
            /// contain `{reason}`, `{role}`, `{port}`, `{max}` and `{parameter}`.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$Variant => $text,)*
                }
            }

            /// How long the client should wait before it asks again.
            pub const fn wait(self) -> Wait {
                match self {
                    $(Self::$Variant => Wait::$Wait,)*
                }
            }
        }

        impl Refusal {
            /// Every reason once, in the order of [`Refusal::index`].
            pub const ALL: [Refusal; RefusalKind::ALL.len()] = [
                $(Refusal::$Variant $(({ let none: $Payload = $none; none }))?,)*
            ];

            /// Its kind.
            pub const fn kind(self) -> RefusalKind {
                match self {
                    $(Self::$Variant { .. } => RefusalKind::$Variant,)*
                }
            }
        }
    };
}

refusals! {
    /// The site is closed for a while.
    Offline: "offline", Short,
        "the tracker is closed for maintenance: try again later";
    /// The client reports too often; its report counts.
    RateLimited: "rate_limited", Short,
        "announced too early: wait for the interval";
    /// A required parameter is absent.
    ParameterMissing(Parameter = Parameter::InfoHash): "parameter_missing", Long,
        "{parameter} is missing: add this address to a BitTorrent client as a tracker";
    /// `info_hash` is not 20 bytes.
    InfoHashInvalid: "info_hash_invalid", Long,
        "info_hash is not 20 bytes: remove the torrent and add it again";
    /// `info_hash` is in hex digits.
    InfoHashHex: "info_hash_hex", Long,
        "info_hash is in hex digits: send its 20 bytes, percent-encoded";
    /// `peer_id` is absent.
    PeerIdMissing: "peer_id_missing", Long,
        "peer_id is missing: add this address to a BitTorrent client as a tracker";
    /// `peer_id` is not 20 bytes.
    PeerIdInvalid: "peer_id_invalid", Long,
        "peer_id is not 20 bytes: update the client";
    /// `port` is not a number from 0 to 65535.
    PortInvalid: "port_invalid", Long,
        "port is not a number from 1 to 65535: set the client's listening port";
    /// A byte counter is not a decimal number.
    NumberInvalid(Parameter = Parameter::Uploaded): "number_invalid", Long,
        "{parameter} is not a decimal number of bytes: update the client";
    /// A byte counter is above 2^50, as it was sent.
    NumberTooLarge(Parameter = Parameter::Uploaded): "number_too_large", Long,
        "{parameter} is over 2^50 bytes: restart the client to reset its counters";
    /// The URL carries a passkey that no user can have.
    PasskeyInvalid: "passkey_invalid", Long,
        "invalid passkey: download the torrent file again";
    /// The URL carries no passkey, on a private tracker. Over UDP, where most clients send nothing
    /// of the URL (BEP 41), a new torrent file does not help.
    PasskeyMissing: "passkey_missing", Never,
        "passkey missing: download the torrent again, over UDP use the http address instead";
    /// No user has this passkey.
    PasskeyUnknown: "passkey_unknown", Long,
        "passkey unknown: download the torrent from the site again";
    /// The user was deleted.
    UserDeleted: "user_deleted", Never,
        "this account is closed";
    /// The request has a header that only browsers send.
    HeaderForbidden: "header_forbidden", Never,
        "this is for BitTorrent clients, not for browsers";
    /// The request has no `User-Agent`, or one that is not ASCII.
    AgentMissing: "agent_missing", Never,
        "the client does not say which one it is: use another";
    /// The `User-Agent` is too long.
    AgentTooLong: "agent_too_long", Never,
        "the client's User-Agent is too long: use another client";
    /// The `User-Agent` is one that the site does not want.
    AgentForbidden: "agent_forbidden", Never,
        "this client is not allowed here: see the site's client list";
    /// The client does not take compact lists of peers.
    CompactRequired: "compact_required", Never,
        "the client must ask for compact lists (compact=1): update it";
    /// The client's peer id is blacklisted, or not on the whitelist.
    ClientNotAllowed: "client_not_allowed", Never,
        "this client is not allowed here: see the site's client list";
    /// The port is one that no client listens on.
    PortNotAllowed(u16 = 0): "port_not_allowed", Long,
        "this port is not allowed: choose a higher one";
    /// A counter is larger than any client can have moved (2^50 bytes).
    CounterTooLarge: "counter_too_large", Long,
        "a counter is above 2^50 bytes: restart the client";
    /// No torrent has this info-hash.
    TorrentUnknown: "torrent_unknown", Short,
        "torrent not registered: upload it to the site first";
    /// The torrent was deleted; the reason is told.
    TorrentDeleted(ReasonId = ReasonId(0)): "torrent_deleted", Never,
        "torrent deleted{reason}";
    /// The torrent is disabled for now; the reason is told.
    TorrentDisabled(ReasonId = ReasonId(0)): "torrent_disabled", Short,
        "torrent disabled{reason}";
    /// No moderator has looked at the torrent yet.
    TorrentPending: "torrent_pending", Short,
        "the torrent waits for a moderator: leave it running";
    /// The moderators rejected the torrent.
    TorrentRejected: "torrent_rejected", Short,
        "the torrent was rejected by the moderators";
    /// The moderators sent the torrent back.
    TorrentPostponed: "torrent_postponed", Short,
        "the torrent was postponed by the moderators";
    /// The torrent is not approved, for another reason.
    TorrentNotApproved: "torrent_not_approved", Short,
        "the torrent is not approved";
    /// The user's role does not exist.
    RoleUnknown: "role_unknown", Long,
        "this account has no class: tell the staff";
    /// Members of the user's role may not announce; its name is told.
    RoleDisabled(ReasonId = ReasonId(0)): "role_disabled", Long,
        "this account is not enabled: its class is {role}";
    /// The user may not download.
    DownloadDisabled: "download_disabled", Long,
        "downloading is disabled for this account";
    /// The user's role may not download.
    RoleDownloadDisabled: "role_download_disabled", Long,
        "downloading is disabled for this account's class";
    /// The user's role may not upload.
    RoleUploadDisabled: "role_upload_disabled", Long,
        "uploading is disabled for this account's class";
    /// A session that is not known has ended.
    SessionUnknown: "session_unknown", Long,
        "the client was not announced";
    /// The user has to wait before leeching a torrent this young.
    WaitTime: "wait_time", Short,
        "this torrent is too young for this account: wait";
    /// The user leeches the torrent with as many sessions as the account allows.
    UserPeerLimit: "user_peer_limit", Short,
        "too many clients leech this torrent: stop one of the others";
    /// The user has as many sessions on this torrent as are allowed.
    TooManySessions: "too_many_sessions", Short,
        "too many clients on this torrent: stop one of the others";
    /// The user leeches as many torrents as the role allows.
    NoDownloadSlot: "no_download_slot", Short,
        "all download slots are in use: wait for one to finish";
    /// The tracker holds as many torrents as its limit allows.
    TorrentLimit: "torrent_limit", Short,
        "the tracker is full: try again later";
    /// The tracker holds as many peers as its limit allows.
    PeerLimit: "peer_limit", Short,
        "the tracker is full: try again later";
}

impl RefusalKind {
    /// Position in [`RefusalKind::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl Refusal {
    /// Position in [`Refusal::ALL`], for arrays of counters.
    pub const fn index(self) -> usize {
        self.kind().index()
    }

    /// Name of the metric's label.
    pub const fn name(self) -> &'static str {
        self.kind().name()
    }

    /// What the client's user is told where the site has no text of its own; see
    /// [`RefusalKind::text`].
    pub const fn text(self) -> &'static str {
        self.kind().text()
    }

    /// How long the client should wait before it asks again.
    pub const fn wait(self) -> Wait {
        self.kind().wait()
    }
}

impl From<AnnounceError> for Refusal {
    fn from(error: AnnounceError) -> Self {
        match error {
            AnnounceError::Missing(Parameter::PeerId) => Self::PeerIdMissing,
            AnnounceError::Missing(parameter) => Self::ParameterMissing(parameter),
            AnnounceError::InfoHashLength => Self::InfoHashInvalid,
            AnnounceError::InfoHashHex => Self::InfoHashHex,
            AnnounceError::PeerIdLength => Self::PeerIdInvalid,
            AnnounceError::Port => Self::PortInvalid,
            AnnounceError::Counter(parameter) => Self::NumberInvalid(parameter),
            AnnounceError::CounterTooLarge(parameter) => Self::NumberTooLarge(parameter),
            AnnounceError::Passkey => Self::PasskeyInvalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_back_to_their_kind() {
        for (at, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal.index(), at);
            assert_eq!(RefusalKind::named(refusal.name()), Some(refusal.kind()));
        }
        assert_eq!(RefusalKind::named("no_such"), None);
    }

    #[test]
    fn what_cannot_be_parsed_is_told_in_the_words_of_the_parser() {
        let errors = [
            AnnounceError::Missing(Parameter::Left),
            AnnounceError::Missing(Parameter::PeerId),
            AnnounceError::InfoHashLength,
            AnnounceError::InfoHashHex,
            AnnounceError::PeerIdLength,
            AnnounceError::Port,
            AnnounceError::Counter(Parameter::Uploaded),
            AnnounceError::CounterTooLarge(Parameter::Downloaded),
            AnnounceError::Passkey,
        ];
        for error in errors {
            let text = Refusal::from(error).text();
            let parameter = match error {
                AnnounceError::Missing(it)
                | AnnounceError::Counter(it)
                | AnnounceError::CounterTooLarge(it) => it.name(),
                _ => "",
            };
            assert_eq!(text.replace("{parameter}", parameter), error.to_string());
        }
    }
}
