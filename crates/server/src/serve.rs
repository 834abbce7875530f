//! A whole tracker: put together, run, and stopped in order.
//!
//! ```text
//! start: data directory, store, journal, sockets ─ recovery ─ flusher, applier, expiry ─ workers
//! stop:  workers (answers under way) ─ flusher (last batch, snapshot) ─ applier ─ store
//! ```

mod commands;
mod expiry;
mod letters;
mod resync;
mod running;
mod settings;
mod site_settings;
mod sockets;
mod state;

use std::future::Future;
use std::io;

use mika_store::StoreError;
use thiserror::Error;
use tracing::error;

use crate::admin::{AccessError, AdminToken, ListenError, StartError, TokenError};
use crate::config::{Config, Overrides, Secret};
use crate::data_dir::{DataDir, DataDirError};
use crate::flush::FlushError;
use crate::journal::JournalError;
use crate::listen::bind::BindError;
use crate::listen::tls::TlsError;
use crate::loading::LoadProgress;
use crate::recovery::{Recovered, RecoveryError};
use crate::site_call::TargetError;
use running::Running;
pub use settings::{redis_options_of, settings_of};
use sockets::Sockets;
use state::State;

/// Why a server does not start, or did not stop in order.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Journal and snapshot.
    #[error(transparent)]
    Flush(#[from] FlushError),
    /// What the last process left.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// A port.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The admin token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The admin API.
    #[error(transparent)]
    Admin(#[from] StartError),
    /// The sockets of the admin API.
    #[error(transparent)]
    AdminListen(#[from] ListenError),
    /// The API tokens and the audit log.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The site that is to be called.
    #[error(transparent)]
    SiteCall(#[from] TargetError),
    /// Threads, random numbers, signals.
    #[error("the server cannot run: {0}")]
    System(#[from] io::Error),
    /// The last announces could not be written.
    #[error(
        "the last announces could not be written to the disk (the log says why): what clients \
         reported in them comes in again with their next announces"
    )]
    NotFlushed,
}

/// What the server asks of the process around it when the configuration is to be read again.
pub struct Hooks {
    /// Reads the configuration from where it was read at the start; or says what is wrong with it.
    pub read_config: Box<dyn Fn() -> Result<Config, String> + Send + Sync>,
    /// Is told of the configuration once it is in force.
    pub config_applied: Box<dyn Fn(&Config) + Send + Sync>,
}

/// What asks a running server for something: signals in the binary, channels in tests.
pub trait Requests: Send {
    /// Waits for the next request.
    fn next(&mut self) -> impl Future<Output = Request> + Send;
}

/// What a running server can be asked for from outside of its API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Read the configuration again (SIGHUP).
    Reload,
    /// Stop in order (SIGTERM, SIGINT).
    Stop,
}

/// A tracker that is ready to be announced to.
#[derive(Debug, Clone)]
pub struct Started {
    /// What was found on disk and in the store.
    pub recovered: Recovered,
    /// Where the admin API is: `http://…`, `https://…`, or `unix:/path`.
    pub admin: String,
}

/// Runs a tracker until it is asked to stop. `ready` is called once clients are answered.
///
/// # Errors
///
/// See [`ServeError`].
pub async fn run(
    config: Config,
    hooks: Hooks,
    requests: impl Requests,
    ready: impl FnOnce(&Started),
) -> Result<(), ServeError> {
    run_watched(config, hooks, requests, &LoadProgress::default(), ready).await
}

/// The same, and tells how far the load has come.
///
/// # Errors
///
/// See [`ServeError`].
pub async fn run_watched(
    mut config: Config,
    hooks: Hooks,
    mut requests: impl Requests,
    progress: &LoadProgress,
    ready: impl FnOnce(&Started),
) -> Result<(), ServeError> {
    let data = DataDir::open(&config.data.dir)?;
    // What was set over the API is no reason not to start, whatever is wrong with it.
    match Overrides::read(&data.overrides()).map(|overrides| overrides.over(config.clone())) {
        Ok(Ok(with)) => config = with,
        Ok(Err(error)) => error!(error, "what was set over the API is not in force"),
        Err(error) => error!(%error, "what was set over the API is not in force"),
    }
    let sockets = Sockets::bind(&config, &data)?;
    let token = AdminToken::configured(&config)?;
    // So that a reload finds the token that it is, not a change.
    config.admin.token = Secret::new(token.expose());

    let state = State::recover(config, data, progress).await?;
    let recovered = state.recovered;
    let running = Running::start(state, sockets, token, hooks)?;
    ready(&Started { recovered, admin: running.admin_url().to_owned() });

    while requests.next().await != Request::Stop {
        running.reload().await;
    }
    running.stop().await
}
