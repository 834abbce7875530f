//! `/torrents`.

use axum::Json;
use axum::extract::State;
use mika_client::types::{NewTorrent, Page, Problem, Torrent, TorrentChange, TorrentQuery};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::body::{Body, Path, Query, info_hash};
use super::super::etag::{IfMatch, Tagged};
use super::super::problem::Failure;
use super::Reply;

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list_torrents, add_torrent)).routes(routes!(
        get_torrent,
        update_torrent,
        delete_torrent
    ))
}

/// A part of the torrents, by id.
#[utoipa::path(
    get, path = "/torrents", tag = "torrents", security(("token" = ["read"])),
    params(TorrentQuery),
    responses((status = 200, body = Page<Torrent>)),
)]
async fn list_torrents(
    State(admin): State<Admin>,
    Query(page): Query<TorrentQuery>,
) -> Reply<Page<Torrent>> {
    Ok(Json(admin.control().torrents(page).await?))
}

/// One torrent, by either of its hashes.
#[utoipa::path(
    get, path = "/torrents/{info_hash}", tag = "torrents", security(("token" = ["read"])),
    params(("info_hash" = String, Path, description = "40 hex digits, or the 64 of v2.")),
    responses((status = 200, body = Torrent)),
)]
async fn get_torrent(
    State(admin): State<Admin>,
    Path(hash): Path<String>,
) -> Result<Tagged<Torrent>, Failure> {
    Ok(Tagged::ok(admin.control().torrent(info_hash(&hash)?).await?))
}

/// Adds a torrent, which may be announced at once.
#[utoipa::path(
    post, path = "/torrents", tag = "torrents", security(("token" = ["torrents:write"])),
    request_body = NewTorrent,
    responses((status = 201, body = Torrent)),
)]
async fn add_torrent(
    State(admin): State<Admin>,
    Body(new): Body<NewTorrent>,
) -> Result<Tagged<Torrent>, Failure> {
    Ok(Tagged::created(admin.control().add_torrent(new).await?))
}

/// Changes a torrent: what is absent stays.
#[utoipa::path(
    patch, path = "/torrents/{info_hash}", tag = "torrents",
    security(("token" = ["torrents:write"])),
    params(
        ("info_hash" = String, Path, description = "40 hex digits, or the 64 of v2."),
        ("If-Match" = Option<String>, Header, description = "Only if this is its `ETag`."),
    ),
    request_body = TorrentChange,
    responses((status = 200, body = Torrent), (status = 412, body = Problem)),
)]
async fn update_torrent(
    State(admin): State<Admin>,
    IfMatch(expected): IfMatch,
    Path(hash): Path<String>,
    Body(change): Body<TorrentChange>,
) -> Result<Tagged<Torrent>, Failure> {
    Ok(Tagged::ok(admin.control().update_torrent(info_hash(&hash)?, change, expected).await?))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct DeleteQuery {
    /// Why, at most 200 characters; told to clients.
    reason: Option<String>,
}

/// Deletes a torrent: announces are refused from now on, the record stays.
#[utoipa::path(
    delete, path = "/torrents/{info_hash}", tag = "torrents",
    security(("token" = ["torrents:write"])),
    params(
        ("info_hash" = String, Path, description = "40 hex digits, or the 64 of v2."),
        DeleteQuery,
        ("If-Match" = Option<String>, Header, description = "Only if this is its `ETag`."),
    ),
    responses((status = 200, body = Torrent), (status = 412, body = Problem)),
)]
async fn delete_torrent(
    State(admin): State<Admin>,
    IfMatch(expected): IfMatch,
    Path(hash): Path<String>,
    Query(query): Query<DeleteQuery>,
) -> Result<Tagged<Torrent>, Failure> {
    Ok(Tagged::ok(admin.control().delete_torrent(info_hash(&hash)?, query.reason, expected).await?))
}
