//! `/dead-letters`: rows that the store refused.

use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use mika_client::types::{
    CursorPage, CursorQuery, DeadLetter, DeadLetterAnswer, DeadLetterIds, Problem,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::body::{Body, Query};
use super::Reply;

/// Ten thousand names of 16 characters.
const BODY_BYTES_MAX: usize = 1 << 20;

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new()
        .routes(routes!(list_dead_letters))
        .routes(routes!(retry_dead_letters))
        .routes(routes!(drop_dead_letters))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// Rows that the store refused, oldest first.
#[utoipa::path(
    get, path = "/dead-letters", tag = "dead letters", security(("token" = ["config"])),
    params(CursorQuery),
    responses(
        (status = 200, body = CursorPage<DeadLetter>),
        (status = 410, body = Problem),
        (status = 422, body = Problem),
    ),
)]
async fn list_dead_letters(
    State(admin): State<Admin>,
    Query(page): Query<CursorQuery>,
) -> Reply<CursorPage<DeadLetter>> {
    Ok(Json(admin.shared.commands.dead_letters(page).await?))
}

/// Puts rows that the store refused into the next batch.
///
/// A row that it refuses again is in the list again, under another name. Rows of sessions cannot be
/// tried again.
#[utoipa::path(
    post, path = "/dead-letters/retry", tag = "dead letters", security(("token" = ["config"])),
    request_body = DeadLetterIds,
    responses((status = 200, body = DeadLetterAnswer)),
)]
async fn retry_dead_letters(
    State(admin): State<Admin>,
    Body(ids): Body<DeadLetterIds>,
) -> Reply<DeadLetterAnswer> {
    Ok(Json(admin.shared.commands.retry_dead_letters(ids).await?))
}

/// Forgets rows that the store refused.
#[utoipa::path(
    post, path = "/dead-letters/drop", tag = "dead letters", security(("token" = ["config"])),
    request_body = DeadLetterIds,
    responses((status = 200, body = DeadLetterAnswer)),
)]
async fn drop_dead_letters(
    State(admin): State<Admin>,
    Body(ids): Body<DeadLetterIds>,
) -> Reply<DeadLetterAnswer> {
    Ok(Json(admin.shared.commands.drop_dead_letters(ids).await?))
}
