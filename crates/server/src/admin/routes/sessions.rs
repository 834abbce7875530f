//! `/sessions` and those of a torrent and of a user.

use axum::Json;
use axum::extract::State;
use mika_client::types::{AddressQuery, CursorPage, CursorQuery, Problem, Session};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::body::{Path, Query, info_hash};
use super::Reply;

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new()
        .routes(routes!(list_torrent_sessions))
        .routes(routes!(list_user_sessions))
        .routes(routes!(list_address_sessions))
}

/// Who is on a torrent now, by either of its hashes.
#[utoipa::path(
    get, path = "/torrents/{info_hash}/sessions", tag = "sessions",
    security(("token" = ["read"])),
    params(
        ("info_hash" = String, Path, description = "40 hex digits, or the 64 of v2."),
        CursorQuery,
    ),
    responses((status = 200, body = CursorPage<Session>), (status = 422, body = Problem)),
)]
async fn list_torrent_sessions(
    State(admin): State<Admin>,
    Path(hash): Path<String>,
    Query(page): Query<CursorQuery>,
) -> Reply<CursorPage<Session>> {
    Ok(Json(admin.control().torrent_sessions(info_hash(&hash)?, page).await?))
}

/// What a user has running now.
#[utoipa::path(
    get, path = "/users/{user}/sessions", tag = "sessions", security(("token" = ["read"])),
    params(("user" = String, Path, description = "Id, name or passkey."), CursorQuery),
    responses((status = 200, body = CursorPage<Session>), (status = 422, body = Problem)),
)]
async fn list_user_sessions(
    State(admin): State<Admin>,
    Path(user): Path<String>,
    Query(page): Query<CursorQuery>,
) -> Reply<CursorPage<Session>> {
    Ok(Json(admin.control().user_sessions(&user, page).await?))
}

/// What runs at an address now, whatever its port.
#[utoipa::path(
    get, path = "/sessions", tag = "sessions", security(("token" = ["read"])),
    params(AddressQuery),
    responses((status = 200, body = CursorPage<Session>), (status = 422, body = Problem)),
)]
async fn list_address_sessions(
    State(admin): State<Admin>,
    Query(query): Query<AddressQuery>,
) -> Reply<CursorPage<Session>> {
    let page = CursorQuery { cursor: query.cursor, limit: query.limit };
    Ok(Json(admin.control().address_sessions(&query.address, page).await?))
}
