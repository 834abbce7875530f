//! What an operator can set about the tracker's behaviour. All of it changes live.

use std::sync::Arc;

use mika_protocol::announce::AnnounceRequest;

use crate::selection::strategy::Selection;
use crate::site::SiteProfile;

/// Whether announces need a passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Users, passkeys and accounting.
    #[default]
    Private,
    /// Anybody may announce; a peer is its source address and port.
    Public,
}

/// Which clients are welcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientPolicy {
    /// Everyone but those that the longest rule that fits them blacklists.
    #[default]
    Open,
    /// Only those that the longest rule that fits them whitelists.
    Whitelist,
    /// The same, but everyone while there is no whitelist.
    WhitelistUnlessEmpty,
}

/// The settings of a running tracker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Seconds between two announces of a client.
    pub interval_seconds: u32,
    /// Seconds that a client must at least wait; told, not enforced.
    pub min_interval_seconds: u32,
    /// Seconds without an announce after which a peer is gone.
    pub peer_timeout_seconds: u32,
    /// Seconds after which a client retries what may work soon, such as a torrent not registered.
    pub retry_soon_seconds: u32,
    /// Seconds after which a client retries what somebody has to change first.
    pub retry_refused_seconds: u32,
    /// Peers in a reply when the client does not say how many.
    pub numwant_default: u32,
    /// Peers in a reply at most; at most [`Settings::NUMWANT_LIMIT`].
    pub numwant_max: u32,
    /// Unknown torrents are added when first announced.
    pub auto_register_torrents: bool,
    /// Ports below this are refused, unless the event is `stopped`.
    pub port_min: u16,
    /// Sessions that one user may have on one torrent.
    pub sessions_per_user_and_torrent_max: u32,
    /// Keep full peer ids (28 B a peer), for dictionary replies that contain them.
    pub keep_peer_ids: bool,
    /// Believe `ip=`, `ipv4=` and `ipv6=`.
    pub use_claimed_addresses: bool,
    /// Which clients are welcome.
    pub client_policy: ClientPolicy,
    /// Torrents held at most.
    pub torrents_max: u32,
    /// Users held at most.
    pub users_max: u32,
    /// Peers held at most, with the sessions that ended and wait for the next flush: when nothing
    /// can be flushed, this is also the limit of what waits.
    pub peers_max: u64,
    /// Departed leechers remembered at most, so that a resumed download is charged.
    pub departed_max: u32,
    /// The rules of the site.
    pub site: Arc<SiteProfile>,
    /// How peers are chosen.
    pub selection: Arc<Selection>,
}

impl Settings {
    /// No reply has more peers than this, whatever is configured.
    pub const NUMWANT_LIMIT: u32 = 500;

    /// How many peers a request is answered with.
    pub fn numwant(&self, request: &AnnounceRequest) -> usize {
        let wanted = request.numwant.unwrap_or(self.numwant_default);
        wanted.min(self.numwant_max).min(Self::NUMWANT_LIMIT) as usize
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interval_seconds: 1800,
            min_interval_seconds: 300,
            peer_timeout_seconds: 4200,
            retry_soon_seconds: 60,
            retry_refused_seconds: 3600,
            numwant_default: 50,
            numwant_max: 200,
            auto_register_torrents: false,
            port_min: 1024,
            sessions_per_user_and_torrent_max: 3,
            keep_peer_ids: false,
            use_claimed_addresses: false,
            client_policy: ClientPolicy::Open,
            torrents_max: 20_000_000,
            users_max: 10_000_000,
            peers_max: 100_000_000,
            departed_max: 1_000_000,
            site: Arc::default(),
            selection: Arc::default(),
        }
    }
}
