//! The admin API: JSON over HTTP for the command line, sites and scripts.
//!
//! Everything below `/api/` needs the token of [`AdminToken`]. `/health`, `/ready` and `/metrics`
//! need none: they name nobody, and the port is meant for this machine or a trusted network.
//!
//! * [`Admin`]: what the API works with; [`Admin::start`] and [`Admin::serve`] run it.
//! * `admin/routes.rs`: every route under `/api/v1`; `admin/status.rs`: the others.
//! * `admin/problem.rs`: how errors are told, as problem documents with stable codes.
//!
//! | Path below `/api/v1`                        | Methods            |
//! |----------------------------------------------|--------------------|
//! | `/users`, `/torrents`                        | GET, POST          |
//! | `/users/{id, name or passkey}`               | GET, PATCH, DELETE |
//! | `/torrents/{info-hash}`                      | GET, PATCH, DELETE (`?reason=`) |
//! | `/roles`, `/client-rules`                    | GET, POST          |
//! | `/roles/{name}`, `/client-rules/{prefix}`    | GET, PATCH, DELETE |
//! | `/tokens`                                    | GET (`?user=`)     |
//! | `/tokens/{user}/{info-hash}`                 | PUT, DELETE        |
//! | `/events`                                    | GET, POST          |
//! | `/events/{name}`                             | DELETE             |
//! | `/stats`                                     | GET                |
//! | `/config/reload`, `/flush`                   | POST               |
//!
//! Success is 200, 201 or 204. Otherwise: 400 for what cannot be read, 401 without the token, 404
//! for what is not there, 405, 409 for what collides with another record, 413 over 64 KiB, 415 for
//! other types than JSON, 422 for values that are not allowed (unknown fields among them), 503 for
//! what may work later.
//!
//! Bodies are in [`mika_client::types`], changes are made by [`crate::control`].

mod body;
mod commands;
mod connections;
mod problem;
mod routes;
mod serve;
mod status;
mod token;

pub use commands::{AdminCommands, CommandError};
pub use serve::{RunningAdmin, StartError};
pub use token::{AdminToken, TokenError};

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;

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
    loaded: AtomicBool,
}

impl Admin {
    /// An API that answers 503 below `/api/` until [`Admin::set_loaded`] is called.
    pub fn new(
        control: Control,
        metrics: Metrics,
        commands: Arc<dyn AdminCommands>,
        token: AdminToken,
    ) -> Self {
        let token = ArcSwap::from_pointee(token);
        let loaded = AtomicBool::new(false);
        Self { shared: Arc::new(Shared { control, metrics, commands, token, loaded }) }
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

    fn is_loaded(&self) -> bool {
        self.shared.loaded.load(Ordering::Acquire)
    }

    fn control(&self) -> &Control {
        &self.shared.control
    }
}
