//! What the tracker needs of a database.

use async_trait::async_trait;
use mika_core::batch::Batch;
use thiserror::Error;

use crate::record::{
    ClientRuleRecord, EventRecord, PeerRecord, RoleRecord, SettingRecord, TokenRecord,
    TorrentRecord, UserRecord,
};
use crate::request_log::RequestLog;

/// Where a load goes: the store calls one method per row, in the order roles, users, torrents,
/// client rules, tokens, events, so that nothing has to be held in memory twice.
pub trait LoadSink: Send {
    /// A role.
    fn role(&mut self, role: RoleRecord);
    /// A user; deleted ones may be left out.
    fn user(&mut self, user: UserRecord);
    /// A torrent; deleted ones with a reason are included, so that clients are told it.
    fn torrent(&mut self, torrent: TorrentRecord);
    /// A client rule.
    fn client_rule(&mut self, rule: ClientRuleRecord);
    /// A user×torrent multiplier.
    fn token(&mut self, token: TokenRecord);
    /// A global event.
    fn event(&mut self, event: EventRecord);
    /// A session that another tracker left behind; only asked for at a first start.
    fn peer(&mut self, peer: PeerRecord);
    /// A row that could not be read, with what is wrong with it; the load goes on.
    fn bad_row(&mut self, table: &'static str, reason: String);
}

/// A row that the store refused, taken out of its batch so that the others go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Which kind of row: `registered`, `users`, `torrents`, `history`, `sessions`.
    pub table: &'static str,
    /// The row as JSON.
    pub row: String,
    /// The database's own words.
    pub reason: String,
}

/// Writes dead letters where they last.
pub type KeepDeadLetters<'a> = dyn FnMut(&[DeadLetter]) -> std::io::Result<()> + Send + 'a;

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// The store had this batch already: nothing was written.
    pub repeated: bool,
    /// Rows that the store refused.
    pub dead_letters: Vec<DeadLetter>,
}

/// Why a store could not do what was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It may work later: connection lost, locked, disk full. The caller retries.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// It will not work until somebody changes something: a missing table, a wrong password.
    #[error("the store cannot be used: {0}")]
    Broken(String),
    /// A record with this name, passkey or info-hash exists already.
    #[error("{0}")]
    Conflict(String),
    /// A value that the store does not take, such as an unknown role.
    #[error("{0}")]
    Invalid(String),
    /// This store does not own that table, so the tracker does not write it.
    #[error("this store does not offer that: {0}")]
    Unsupported(&'static str),
}

/// A database that users, torrents and rules are loaded from and batches are applied to.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Name of the adapter, for logs and metrics.
    fn name(&self) -> &'static str;

    /// Streams every record into `sink`.
    async fn load(&self, sink: &mut dyn LoadSink) -> Result<(), StoreError>;

    /// Streams the sessions that another tracker left behind in the site's tables, if there are
    /// such tables.
    async fn load_peers(&self, sink: &mut dyn LoadSink) -> Result<(), StoreError> {
        let _ = sink;
        Ok(())
    }

    /// Streams what has changed since a Unix time in seconds into `sink`: users and torrents that
    /// changed, if the store can tell, and the small tables (roles, client rules, tokens, events)
    /// as a whole.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] if the store cannot read a part; a full [`Store::load`] can.
    async fn load_changes(
        &self,
        since_seconds: u32,
        sink: &mut dyn LoadSink,
    ) -> Result<(), StoreError> {
        let _ = (since_seconds, sink);
        Err(StoreError::Unsupported("changes since a time"))
    }

    /// Number of the last batch applied, 0 if none.
    async fn checkpoint(&self) -> Result<u64, StoreError>;

    /// Applies a batch and moves the checkpoint to its number, in one transaction.
    ///
    /// A batch whose number is not above the checkpoint was applied before: nothing is written
    /// and [`Applied::repeated`] is set. Rows that the database refuses are isolated and come
    /// back as dead letters; all others are written. Counters are clamped to the column's type.
    ///
    /// What a batch says of a torrent under an id of the tracker's counts for the torrent with that
    /// info-hash, under whatever id the store has it (see [`redirect`](crate::redirect)).
    ///
    /// The dead letters are handed to `keep` before the transaction is committed: if it fails, or
    /// the process dies after it, the batch is not applied and comes again. So a refused row is
    /// kept at least once, and the number of its batch tells a repetition.
    async fn apply_with(
        &self,
        batch: &Batch,
        keep: &mut KeepDeadLetters<'_>,
    ) -> Result<Applied, StoreError>;

    /// Applies a batch; its dead letters are only in the result.
    async fn apply(&self, batch: &Batch) -> Result<Applied, StoreError> {
        self.apply_with(batch, &mut |_| Ok(())).await
    }

    /// Makes everybody inactive and takes all peers from the swarms. For a start after which not
    /// all peers of the process before are known: when every batch has been applied, and before
    /// the next one. The batches that follow bring in those that are known. No total changes.
    async fn forget_peers(&self) -> Result<(), StoreError>;

    /// Settings that the site keeps beside its records, if the store knows where.
    async fn settings(&self) -> Result<Vec<SettingRecord>, StoreError> {
        Ok(Vec::new())
    }

    /// Whether torrents that the site wants deleted are removed by [`Store::remove_torrents`].
    fn removes_torrents(&self) -> bool {
        false
    }

    /// Removes those of these torrents that the site still wants deleted; returns how many.
    async fn remove_torrents(&self, ids: &[u32]) -> Result<u64, StoreError> {
        let _ = ids;
        Ok(0)
    }

    /// Whether the store has a place for announces and for scrapes.
    fn keeps_requests(&self) -> (bool, bool) {
        (false, false)
    }

    /// Writes requests down, as far as there is a place for them.
    async fn keep_requests(&self, requests: &RequestLog) -> Result<(), StoreError> {
        let _ = requests;
        Ok(())
    }

    /// Closes all connections; the store is not used afterwards.
    async fn close(&self);
}
