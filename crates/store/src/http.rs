//! The site's own HTTP API: the site implements a few endpoints, and the tracker calls them.
//!
//! What the site has to do is in `docs/http-store.md` and `docs/http-store.openapi.json`; a
//! reference implementation is in `examples/http-store/`. `mika store check-http` ([`check`])
//! tells the author of a site what is still wrong with it.
//!
//! * `auth.rs`: the token and the signature that every request carries.
//! * `call.rs`: one request, and what its failure means; `breaker.rs` spares a site that is down.
//! * `format.rs`: JSON, or MessagePack where the site speaks it.
//! * `wire.rs`: the rows of the site's answers.
//! * `load.rs`: everything in pages, and changes after a cursor.
//! * `outgoing.rs`: a batch as the site is to get it.
//! * `apply.rs`: batches, all or nothing. `push.rs`: the same torrent by torrent, for sites that
//!   want it.
//! * `catalog.rs`: single records; the site owns them all, so nothing can be changed from here.
//! * `check.rs`: the conformance run.

mod apply;
mod auth;
mod breaker;
mod call;
mod catalog;
pub mod check;
mod format;
mod load;
#[cfg(test)]
mod openapi;
mod outgoing;
mod push;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mika_core::batch::Batch;
use mika_protocol::{InfoHash, Passkey};
use parking_lot::Mutex;

use crate::record::{TorrentRecord, UserRecord};
use crate::store::{Applied, KeepDeadLetters, LoadSink, Store, StoreError};
pub use auth::SIGNATURE_WINDOW_SECONDS;
use call::{Call, Caller};
pub use load::Cursor;
use outgoing::Settled;
use push::Pusher;
use wire::Row;

/// How the site is reached.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpOptions {
    /// What stands before `/api/…`: `https://site.example` or `https://site.example/tracker`.
    pub url: String,
    /// Sent as `Authorization: Bearer …`; empty for none.
    pub token: String,
    /// Requests are signed with it (HMAC-SHA256); empty for none.
    pub secret: String,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a page or a batch may take.
    pub call_timeout: Duration,
    /// How long the look-up of one torrent or user may take.
    pub lookup_timeout: Duration,
    /// Rows that are asked for at a time, 1 to 100 000.
    pub page_rows: u32,
    /// Failures in a row after which the site is left alone for a while.
    pub breaker_failures: u32,
    /// For how long.
    pub breaker_pause: Duration,
    /// Whether the counts of each torrent of a batch are sent to `PATCH /api/torrent/<info_hash>`.
    pub push_counts: bool,
    /// Whether the sessions of each torrent of a batch are sent to
    /// `POST /api/torrent/<info_hash>/peers`.
    pub push_peers: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            url: String::new(),
            token: String::new(),
            secret: String::new(),
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(30),
            lookup_timeout: Duration::from_secs(2),
            page_rows: 5000,
            breaker_failures: 5,
            breaker_pause: Duration::from_secs(10),
            push_counts: false,
            push_peers: false,
        }
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The site's own HTTP API as a store. Clones of the caller share connections and the breaker.
pub struct HttpStore {
    caller: Arc<Caller>,
    options: HttpOptions,
    pusher: Option<Pusher>,
    /// Where the changes since the last load begin; `None` if the site does not tell changes.
    cursor: Mutex<Option<Cursor>>,
    settled: Settled,
}

impl HttpStore {
    /// A store at that address; nothing is asked of the site yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Broken`] if the address, the token or the secret cannot be used.
    pub fn new(options: HttpOptions) -> Result<Self, StoreError> {
        let caller = Arc::new(Caller::new(&options)?);
        let pushes = options.push_counts || options.push_peers;
        let pusher = pushes.then(|| Pusher::new(&caller, &options));
        let (cursor, settled) = (Mutex::new(None), Settled::default());
        Ok(Self { caller, options, pusher, cursor, settled })
    }

    /// Asks for the torrent with this info-hash (either of a hybrid's two); `None` if the site
    /// has none. One attempt of at most [`HttpOptions::lookup_timeout`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] and [`StoreError::Broken`].
    pub async fn find_torrent(&self, hash: InfoHash) -> Result<Option<TorrentRecord>, StoreError> {
        let call = Call::get(format!("/api/torrent/{hash}"), self.options.lookup_timeout).look_up();
        self.torrent_at(call).await
    }

    async fn torrent_at(&self, call: Call) -> Result<Option<TorrentRecord>, StoreError> {
        let torrent: Option<wire::TorrentJson> = self.caller.get_optional(call).await?;
        torrent.map(|torrent| torrent.record().map_err(bad_answer)).transpose()
    }

    /// Asks for the user with this passkey; `None` if the site has none. One attempt.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] and [`StoreError::Broken`].
    pub async fn find_user(&self, passkey: &Passkey) -> Result<Option<UserRecord>, StoreError> {
        let text = String::from_utf8_lossy(passkey.as_bytes());
        let call = Call::get(format!("/api/user/{text}"), self.options.lookup_timeout).look_up();
        let user: Option<wire::UserJson> = self.caller.get_optional(call).await?;
        user.map(|user| user.record().map_err(bad_answer)).transpose()
    }

    /// Whether look-ups fail at once, because the site has failed too often in a row.
    pub fn look_ups_are_paused(&self) -> bool {
        self.caller.look_ups_are_paused()
    }

    /// Streams what has changed since the load, or since the last call of this, into `sink`; false
    /// if the site does not tell changes. Client rules and events come complete when one of them
    /// has changed: see [`ChangeSink`].
    ///
    /// # Errors
    ///
    /// Those of [`Store::load`]; the next call begins where this one began.
    pub async fn changes(&self, sink: &mut dyn ChangeSink) -> Result<bool, StoreError> {
        let Some(cursor) = self.cursor() else { return Ok(false) };
        let next = load::changes(&self.caller, &self.options, cursor.clone(), sink).await?;
        self.move_cursor(&cursor, next);
        Ok(true)
    }

    /// As [`HttpStore::changes`], in the order of a load: of users and torrents those that have
    /// changed, and the short lists (roles, client rules, tokens, events) as a whole.
    ///
    /// # Errors
    ///
    /// Those of [`Store::load`]; the next call begins where this one began.
    pub async fn load_since_last(&self, sink: &mut dyn LoadSink) -> Result<bool, StoreError> {
        let Some(cursor) = self.cursor() else { return Ok(false) };
        let next = load::load_since(&self.caller, &self.options, cursor.clone(), sink).await?;
        self.move_cursor(&cursor, next);
        Ok(true)
    }

    /// Whether the site told, at the last load, that it tells changes.
    pub fn tells_changes(&self) -> bool {
        self.cursor().is_some()
    }

    fn cursor(&self) -> Option<Cursor> {
        self.cursor.lock().clone()
    }

    /// Moves on from where changes were asked for, unless a load has begun anew meanwhile: what it
    /// read may be older than those changes, so that they have to come again.
    fn move_cursor(&self, from: &Cursor, to: Cursor) {
        let mut cursor = self.cursor.lock();
        if cursor.as_ref() == Some(from) {
            *cursor = Some(to);
        }
    }
}

/// Where changes go: as a load, but rules and events come as a whole.
pub trait ChangeSink: LoadSink {
    /// All client rules follow: those known before are void.
    fn client_rules_begin(&mut self);
    /// All global events follow: those known before are void.
    fn events_begin(&mut self);
    /// A page has ended; everything of it may be put in force.
    fn page_end(&mut self);
}

fn bad_answer(reason: String) -> StoreError {
    StoreError::Broken(format!("the site's answer cannot be used: {reason}"))
}

#[async_trait]
impl Store for HttpStore {
    fn name(&self) -> &'static str {
        "http"
    }

    async fn load(&self, sink: &mut dyn LoadSink) -> Result<(), StoreError> {
        // From before the load, so that no change falls between the two; and in force after it, so
        // that those before a load that fails are not lost.
        let cursor = load::first_cursor(&self.caller, &self.options).await?;
        load::load(&self.caller, &self.options, sink).await?;
        *self.cursor.lock() = cursor;
        Ok(())
    }

    /// The changes since the last ones, whatever the time; with them the short lists, see
    /// [`HttpStore::load_since_last`].
    async fn load_changes(&self, _: u32, sink: &mut dyn LoadSink) -> Result<(), StoreError> {
        match self.load_since_last(sink).await? {
            true => Ok(()),
            false => Err(StoreError::Unsupported("the site does not tell what has changed")),
        }
    }

    async fn checkpoint(&self) -> Result<u64, StoreError> {
        apply::checkpoint(&self.caller, &self.options).await
    }

    async fn apply_with(
        &self,
        batch: &Batch,
        keep: &mut KeepDeadLetters<'_>,
    ) -> Result<Applied, StoreError> {
        let batch = self.outgoing(batch).await?;
        let applied = apply::apply(&self.caller, &self.options, &batch, keep).await?;
        if let Some(pusher) = &self.pusher {
            pusher.take(&batch);
        }
        Ok(applied)
    }

    async fn forget_peers(&self) -> Result<(), StoreError> {
        apply::forget_peers(&self.caller, &self.options).await
    }

    async fn close(&self) {
        if let Some(pusher) = &self.pusher {
            pusher.close().await;
        }
    }
}

impl fmt::Debug for HttpStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpStore").field("options", &self.options).finish_non_exhaustive()
    }
}
