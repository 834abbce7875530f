//! The admin API: JSON over HTTP for the command line, sites and scripts.
//!
//! Everything below `/api/` needs a token: [`AdminToken`], or an API token that has the scope.
//! `/health`, `/ready`, `/metrics`, `/about` and the description of the API need none: they name
//! nobody, and the port is meant for this machine or a trusted network.
//!
//! * [`Admin`]: what the API works with; [`Admin::start`] and [`Admin::serve`] run it.
//! * `admin/routes.rs`: the routes under `/api/v1`, a file per resource; `admin/status.rs`: others.
//! * `admin/openapi.rs`: what describes them all, [`document`], checked in as `docs/openapi.json`.
//! * `admin/auth.rs`: who may call what; `admin/audit.rs`: who changed what.
//! * `admin/problem.rs`: how errors are told, as problem documents with stable codes.
//!
//! Success is 200, 201 or 204. Otherwise: 400 for what cannot be read, 401 without a token, 403
//! without the scope, 404 for what is not there, 405, 409 for what collides with another record,
//! 412 for what was changed meanwhile, 413 over 64 KiB, 415 for other types than JSON, 422 for
//! values that are not allowed (unknown fields among them), 429 after too many failures, 503 for
//! what may work later.
//!
//! Bodies are in [`mika_client::types`], changes are made by [`crate::control`].

mod audit;
mod auth;
mod body;
mod commands;
mod connections;
mod etag;
mod listeners;
mod once;
mod openapi;
mod problem;
mod routes;
mod serve;
mod status;
mod token;

pub use audit::AuditError;
pub use auth::{Access, AccessError, AccessSettings};
pub use commands::{AdminCommands, CommandError};
pub use listeners::{AdminListeners, ListenError};
pub(crate) use listeners::{SocketPath, UnixSocket};
pub use openapi::document;
pub use serve::{RunningAdmin, StartError};
pub use token::{AdminToken, TokenError};

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use axum::http::StatusCode;

use crate::control::Control;
use crate::metrics::Metrics;

/// What the API works with. Clones share everything.
#[derive(Clone)]
pub struct Admin {
    shared: Arc<Shared>,
}

/// An [`Admin`] that does not keep it alive.
#[derive(Clone)]
pub(crate) struct WeakAdmin {
    shared: Weak<Shared>,
}

impl WeakAdmin {
    /// The API, unless it has gone.
    pub(crate) fn upgrade(&self) -> Option<Admin> {
        self.shared.upgrade().map(|shared| Admin { shared })
    }
}

struct Shared {
    control: Control,
    metrics: Metrics,
    commands: Arc<dyn AdminCommands>,
    token: ArcSwap<AdminToken>,
    access: Access,
    posts: Arc<once::Posts>,
    loaded: AtomicBool,
}

impl Admin {
    /// An API that answers 503 below `/api/` until [`Admin::set_loaded`] is called.
    pub fn new(
        control: Control,
        metrics: Metrics,
        commands: Arc<dyn AdminCommands>,
        token: AdminToken,
        access: Access,
    ) -> Self {
        let token = ArcSwap::from_pointee(token);
        let loaded = AtomicBool::new(false);
        let posts = Arc::default();
        let shared = Shared { control, metrics, commands, token, access, posts, loaded };
        Self { shared: Arc::new(shared) }
    }

    /// A reference that does not keep the API alive.
    pub(crate) fn downgrade(&self) -> WeakAdmin {
        WeakAdmin { shared: Arc::downgrade(&self.shared) }
    }

    /// Says that the tracker holds everything that the store has.
    pub fn set_loaded(&self) {
        self.shared.loaded.store(true, Ordering::Release);
    }

    /// Replaces the token; the old one stops working at once.
    pub fn set_token(&self, token: AdminToken) {
        self.shared.token.store(Arc::new(token));
    }

    /// Changes what a reload of the configuration can change.
    pub fn set_access(&self, settings: AccessSettings) {
        self.shared.access.set_settings(settings);
    }

    /// Writes to the audit log what was done by other means than a request.
    pub(crate) fn note(&self, actor: &str, what: &str, is_done: bool) {
        let status = if is_done { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        self.shared.access.audit().note(actor, what, status);
    }

    /// Keeps the keys of requests that are done at most once in a file, also over a restart.
    ///
    /// # Errors
    ///
    /// When the file cannot be used.
    pub fn keep_posts(&self, path: &std::path::Path) -> std::io::Result<()> {
        self.shared.posts.open(path)
    }

    fn posts(&self) -> &Arc<once::Posts> {
        &self.shared.posts
    }

    fn access(&self) -> &Access {
        &self.shared.access
    }

    fn is_loaded(&self) -> bool {
        self.shared.loaded.load(Ordering::Acquire)
    }

    fn control(&self) -> &Control {
        &self.shared.control
    }
}
