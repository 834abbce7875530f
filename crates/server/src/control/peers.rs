//! Sessions that another tracker left behind in the site's tables.

use std::collections::HashMap;

use mika_core::batch::{Batch, SessionRow};
use mika_core::{SnapshotItem, Tracker};
use mika_protocol::InfoHash;
use mika_store::record::{
    ClientRuleRecord, EventRecord, PeerRecord, RoleRecord, TokenRecord, TorrentRecord, UserRecord,
};
use mika_store::{LoadSink, Store, StoreError};
use tracing::warn;

use crate::loading::{LoadProgress, Watched};

/// Sessions that are put back at a time.
const CHUNK_ROWS: usize = 10_000;
/// Rows that are logged one by one; later ones are only counted.
const BAD_ROWS_LOGGED_MAX: u64 = 100;

/// Brings the sessions of the site's tables into a tracker that was [loaded](super::load()) from
/// the same store, so that their counters go on where they were; returns how many. For a first
/// start only: later the tracker knows better.
///
/// # Errors
///
/// Those of [`Store::load_peers`].
pub async fn import_peers(store: &dyn Store, tracker: &Tracker) -> Result<u64, StoreError> {
    import_peers_watched(store, tracker, &LoadProgress::default()).await
}

/// The same, and tells how far it has come.
///
/// # Errors
///
/// As [`import_peers`].
pub async fn import_peers_watched(
    store: &dyn Store,
    tracker: &Tracker,
    progress: &LoadProgress,
) -> Result<u64, StoreError> {
    let info_hashes = tracker.info_hashes_of(|_| true).into_iter().collect();
    let mut importer =
        Importer { tracker, info_hashes, sessions: Vec::new(), imported: 0, bad_rows: 0 };
    store.load_peers(&mut Watched { sink: &mut importer, progress }).await?;
    importer.put();
    Ok(importer.imported)
}

struct Importer<'a> {
    tracker: &'a Tracker,
    info_hashes: HashMap<u32, InfoHash>,
    sessions: Vec<SessionRow>,
    imported: u64,
    bad_rows: u64,
}

impl Importer<'_> {
    fn put(&mut self) {
        let sessions = std::mem::take(&mut self.sessions);
        let batch = Batch { sessions, ..Batch::default() };
        let taken = self.tracker.replay(&batch);
        self.imported = self.imported.saturating_add(taken as u64);
    }
}

impl LoadSink for Importer<'_> {
    fn peer(&mut self, peer: PeerRecord) {
        // One of a torrent that is not loaded has nobody to tell it to.
        let Some(info_hash) = self.info_hashes.get(&peer.torrent_id) else { return };
        let session = session(self.tracker, &peer, *info_hash);
        if !peer.active {
            // It fell silent, or has stopped: where sites want it, it can still come back.
            self.tracker.restore(&SnapshotItem::Session(SessionRow { gone: true, ..session }));
            return;
        }
        self.sessions.push(session);
        if self.sessions.len() == CHUNK_ROWS {
            self.put();
        }
    }

    fn bad_row(&mut self, table: &'static str, reason: String) {
        self.bad_rows = self.bad_rows.saturating_add(1);
        if self.bad_rows <= BAD_ROWS_LOGGED_MAX {
            warn!(table, %reason, "row left out");
        }
    }

    fn role(&mut self, _: RoleRecord) {}
    fn user(&mut self, _: UserRecord) {}
    fn torrent(&mut self, _: TorrentRecord) {}
    fn client_rule(&mut self, _: ClientRuleRecord) {}
    fn token(&mut self, _: TokenRecord) {}
    fn event(&mut self, _: EventRecord) {}
}

fn session(tracker: &Tracker, peer: &PeerRecord, info_hash: InfoHash) -> SessionRow {
    let (address_v4, address_v6) = match peer.address {
        Some(std::net::SocketAddr::V4(v4)) => (Some(v4), None),
        Some(std::net::SocketAddr::V6(v6)) => (None, Some(v6)),
        None => (None, None),
    };
    let key = tracker.session_key(peer.user_id, &peer.peer_id);
    SessionRow {
        peer_id: Some(peer.peer_id),
        address_v4,
        address_v6,
        uploaded_bytes: peer.uploaded_bytes,
        downloaded_bytes: peer.downloaded_bytes,
        left_bytes: peer.left_bytes,
        // A seeder that was one before is not counted again if it should lack something later.
        snatched: peer.left_bytes == 0,
        started_at_seconds: peer.started_at_seconds,
        announced_at_seconds: peer.announced_at_seconds,
        ..SessionRow::new(peer.torrent_id, info_hash, peer.user_id, key)
    }
}
