//! `/bulk`: many records in one call.

use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use mika_client::types::{
    Bulk, BulkReport, BulkToken, BulkTorrent, BulkUser, NameKey, NewClientRule, NewEvent, NewRole,
    PrefixKey, TokenKey, TorrentKey, UserKey,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::body::Body;
use super::Reply;

/// Ten thousand records with long titles are about ten million bytes.
const BODY_BYTES_MAX: usize = 16 << 20;

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new()
        .routes(routes!(bulk_torrents))
        .routes(routes!(bulk_users))
        .routes(routes!(bulk_tokens))
        .routes(routes!(bulk_roles))
        .routes(routes!(bulk_client_rules))
        .routes(routes!(bulk_events))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// Adds, changes and deletes up to 10000 torrents.
///
/// What is wrong with one of them is told of that one; the others are done.
#[utoipa::path(
    post, path = "/bulk/torrents", tag = "bulk", security(("token" = ["torrents:write"])),
    request_body = Bulk<BulkTorrent, TorrentKey>,
    responses((status = 200, body = BulkReport)),
)]
async fn bulk_torrents(
    State(admin): State<Admin>,
    Body(bulk): Body<Bulk<BulkTorrent, TorrentKey>>,
) -> Reply<BulkReport> {
    Ok(Json(admin.control().bulk_torrents(bulk).await?))
}

/// Adds, changes and closes the accounts of up to 10000 users.
#[utoipa::path(
    post, path = "/bulk/users", tag = "bulk", security(("token" = ["users:write"])),
    request_body = Bulk<BulkUser, UserKey>,
    responses((status = 200, body = BulkReport)),
)]
async fn bulk_users(
    State(admin): State<Admin>,
    Body(bulk): Body<Bulk<BulkUser, UserKey>>,
) -> Reply<BulkReport> {
    Ok(Json(admin.control().bulk_users(bulk).await?))
}

/// Gives and takes up to 10000 tokens.
#[utoipa::path(
    post, path = "/bulk/tokens", tag = "bulk", security(("token" = ["users:write"])),
    request_body = Bulk<BulkToken, TokenKey>,
    responses((status = 200, body = BulkReport)),
)]
async fn bulk_tokens(
    State(admin): State<Admin>,
    Body(bulk): Body<Bulk<BulkToken, TokenKey>>,
) -> Reply<BulkReport> {
    Ok(Json(admin.control().bulk_tokens(bulk).await?))
}

/// Adds, changes and deletes up to 1000 roles.
#[utoipa::path(
    post, path = "/bulk/roles", tag = "bulk", security(("token" = ["config"])),
    request_body = Bulk<NewRole, NameKey>,
    responses((status = 200, body = BulkReport)),
)]
async fn bulk_roles(
    State(admin): State<Admin>,
    Body(bulk): Body<Bulk<NewRole, NameKey>>,
) -> Reply<BulkReport> {
    Ok(Json(admin.control().bulk_roles(bulk).await?))
}

/// Adds, changes and deletes up to 1000 client rules.
#[utoipa::path(
    post, path = "/bulk/client-rules", tag = "bulk", security(("token" = ["config"])),
    request_body = Bulk<NewClientRule, PrefixKey>,
    responses((status = 200, body = BulkReport)),
)]
async fn bulk_client_rules(
    State(admin): State<Admin>,
    Body(bulk): Body<Bulk<NewClientRule, PrefixKey>>,
) -> Reply<BulkReport> {
    Ok(Json(admin.control().bulk_client_rules(bulk).await?))
}

/// Adds, changes and deletes up to 1000 global events.
#[utoipa::path(
    post, path = "/bulk/events", tag = "bulk", security(("token" = ["config"])),
    request_body = Bulk<NewEvent, NameKey>,
    responses((status = 200, body = BulkReport)),
)]
async fn bulk_events(
    State(admin): State<Admin>,
    Body(bulk): Body<Bulk<NewEvent, NameKey>>,
) -> Reply<BulkReport> {
    Ok(Json(admin.control().bulk_events(bulk).await?))
}
