//! The routes below `/api/v1`, one file per resource.
//!
//! A route is a handler with `#[utoipa::path]`, listed in the `routes()` of its file. What the
//! annotation says is what the OpenAPI document says; the scope in its `security` is also what
//! the token of a caller needs. Answers that follow from the kind of a route (401, 403, 422 and the
//! like) are added by [`openapi`](super::openapi), so that a handler lists its success, and
//! otherwise only what is its own: 404 and 409.

mod api_tokens;
mod audit;
mod bulk;
mod client_rules;
mod config;
mod dead_letters;
mod detection;
mod events;
pub(super) mod geo;
mod notifications;
mod roles;
mod server;
mod sessions;
mod state;
mod swarms;
mod tokens;
mod torrents;
mod traces;
mod users;
mod webhooks;

use axum::Json;
use axum::http::StatusCode;
use mika_client::types::Page;
use utoipa_axum::router::OpenApiRouter;

use super::Admin;
use super::problem::Failure;

/// The longest body, in bytes; the longest sensible one is a few kilobytes.
pub(super) const BODY_BYTES_MAX: usize = 64 << 10;

type Reply<T> = Result<Json<T>, Failure>;
type Created<T> = Result<(StatusCode, Json<T>), Failure>;
type Gone = Result<StatusCode, Failure>;

/// Everything that needs a token.
pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new()
        .merge(api_tokens::routes())
        .merge(audit::routes())
        .merge(users::routes())
        .merge(torrents::routes())
        .merge(roles::routes())
        .merge(client_rules::routes())
        .merge(tokens::routes())
        .merge(events::routes())
        .merge(geo::routes())
        .merge(notifications::routes())
        .merge(webhooks::routes())
        .merge(traces::routes())
        .merge(server::routes())
        .merge(sessions::routes())
        .merge(swarms::routes())
        .merge(bulk::routes())
        .merge(state::routes())
        .merge(config::routes())
        .merge(dead_letters::routes())
        .merge(detection::routes())
}

fn list<T>(items: Vec<T>) -> Json<Page<T>> {
    Json(Page { items, next_after_id: None })
}
