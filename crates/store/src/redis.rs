//! Everything in a Redis or Valkey server: users, torrents, rules and totals.
//!
//! The keys are described for people in `docs/redis.md`. A batch of any size is one step, though
//! none of its steps holds the server up for long:
//!
//! 1. *stage*: its rows are written, as JSON in chunks, to a list that nobody reads;
//! 2. *check*: a script says for each chunk which rows would be refused: they are taken out and
//!    become dead letters, kept before anything else happens;
//! 3. *commit*: one short script renames the list and moves the checkpoint. Before it, nothing has
//!    happened; after it, the batch is part of the database;
//! 4. *fold*: a script takes one chunk off the committed list and adds its rows, in one step. It
//!    runs until the list is empty, also at the next start if this one was cut short: totals are
//!    not looked at before.
//!
//! The server writes the effects of a script as one transaction to its append-only file: of each
//! step, all is there after a crash, or nothing.

mod apply;
mod catalog;
mod chunk;
mod durability;
mod error;
mod forget;
mod load;
mod record;
mod row;
mod script;
mod server;

use std::fmt;

use async_trait::async_trait;
use mika_core::batch::Batch;

use crate::store::{Applied, KeepDeadLetters, LoadSink, Store, StoreError};
use error::{Failure, error};
use server::Server;

/// Where the server is, and which of its keys are the tracker's.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisOptions {
    /// `redis://[user:password@]host:port/database`, `rediss://` for TLS, `redis+unix:///path`.
    /// A secret.
    pub url: String,
    /// What every key begins with; at most 64 bytes of printable ASCII.
    pub prefix: String,
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// What [`RedisStore::examine`] has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// What is fine, in words.
    pub strengths: Vec<String>,
    /// By what acknowledged batches can be lost, and what to do.
    pub weaknesses: Vec<String>,
}

/// A store in a Redis server.
pub struct RedisStore {
    server: Server,
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("server", &self.server.name).finish_non_exhaustive()
    }
}

impl RedisStore {
    /// Looks at a URL, and connects to nothing.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if it is not a Redis server's; it has nothing of the password.
    pub fn check_url(url: &str) -> Result<(), StoreError> {
        server::client(url).map(drop)
    }

    /// Connects, makes an empty database ready (one role, `user`, with id 1), and finishes a batch
    /// that was cut short. Logs a warning if the server may lose what it has acknowledged.
    ///
    /// # Errors
    /// [`StoreError::Broken`]: no URL, wrong password, keys of another program or of a newer
    /// version. [`StoreError::Unavailable`]: nobody answers, or not yet.
    pub async fn open(options: &RedisOptions) -> Result<Self, StoreError> {
        let store = Self { server: Server::open(options).await? };
        store.named(apply::finish(&store.server).await)?;
        Ok(store)
    }

    /// Looks at how well a server keeps what it has acknowledged; changes nothing.
    ///
    /// # Errors
    /// As [`RedisStore::open`].
    pub async fn examine(options: &RedisOptions) -> Result<Examination, StoreError> {
        let (client, name) = server::client(&options.url)?;
        let mut connection = server::connect(&client).await.map_err(|e| error(&name, e))?;
        let found = durability::examine(&mut connection).await.map_err(|e| error(&name, e))?;
        Ok(Examination { strengths: found.strengths, weaknesses: found.weaknesses })
    }

    fn named<T>(&self, result: Result<T, Failure>) -> Result<T, StoreError> {
        result.map_err(|failure| error(&self.server.name, failure))
    }
}

#[async_trait]
impl Store for RedisStore {
    fn name(&self) -> &'static str {
        "redis"
    }

    async fn load(&self, sink: &mut dyn LoadSink) -> Result<(), StoreError> {
        self.named(apply::finish(&self.server).await)?;
        self.named(load::load(&self.server, sink).await)
    }

    async fn checkpoint(&self) -> Result<u64, StoreError> {
        self.named(apply::checkpoint(&self.server).await)
    }

    async fn apply_with(
        &self,
        batch: &Batch,
        keep: &mut KeepDeadLetters<'_>,
    ) -> Result<Applied, StoreError> {
        self.named(apply::apply(&self.server, batch, keep).await)
    }

    async fn forget_peers(&self) -> Result<(), StoreError> {
        self.named(forget::forget_peers(&self.server).await)
    }

    async fn close(&self) {
        // Nothing is held back: what was acknowledged is with the server. A write under way ends.
        drop(self.server.writer().await);
    }
}
