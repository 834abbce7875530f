//! The server itself: `/stats`, `/config/reload`, `/flush`.

use axum::Json;
use axum::extract::State;
use mika_client::types::{ConfigChange, Flushed, Stats};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::{Admin, status};
use super::Reply;

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new()
        .routes(routes!(get_stats))
        .routes(routes!(reload_config))
        .routes(routes!(flush))
}

/// What the server holds and has done.
#[utoipa::path(
    get, path = "/stats", tag = "server", security(("token" = ["read"])),
    responses((status = 200, body = Stats)),
)]
async fn get_stats(State(admin): State<Admin>) -> Json<Stats> {
    Json(status::stats(&admin))
}

/// Reads the configuration again and applies what can change in a running server.
#[utoipa::path(
    post, path = "/config/reload", tag = "server", security(("token" = ["config"])),
    responses(
        (status = 200, body = ConfigChange),
        (status = 422, body = mika_client::types::Problem, description = "It has mistakes."),
    ),
)]
async fn reload_config(State(admin): State<Admin>) -> Reply<ConfigChange> {
    Ok(Json(status::change_json(admin.shared.commands.reload_config().await?)))
}

/// Writes everything that waits to the store, now, and answers when the store has it.
#[utoipa::path(
    post, path = "/flush", tag = "server", security(("token" = ["config"])),
    responses((status = 200, body = Flushed)),
)]
async fn flush(State(admin): State<Admin>) -> Reply<Flushed> {
    Ok(Json(admin.shared.commands.flush().await?))
}
