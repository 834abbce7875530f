//! `/export` and `/import`: the whole state.

use axum::Json;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header;
use axum::response::IntoResponse;
use futures_util::{StreamExt, stream};
use mika_client::types::ImportReport;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::problem::Failure;
use super::Reply;
use crate::control::{Export, Import};

const JSON_LINES: &str = "application/x-ndjson";

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new()
        .routes(routes!(export_state))
        .routes(routes!(import_state))
        .layer(DefaultBodyLimit::disable())
}

/// Everything but peers, as JSON lines: roles, client rules, events, users, torrents, tokens.
///
/// An export whose last line is not `{"kind":"end", …}` was cut short. It contains passkeys.
#[utoipa::path(
    get, path = "/export", tag = "state", security(("token" = ["admin"])),
    responses((status = 200, body = String, content_type = "application/x-ndjson")),
)]
async fn export_state(State(admin): State<Admin>) -> impl IntoResponse {
    let export = Export::new(admin.control().clone());
    let lines = stream::try_unfold(export, |mut export| async move {
        match export.next().await {
            Ok(Some(lines)) => Ok(Some((lines, export))),
            Ok(None) => Ok(None),
            // The status was sent long ago: whoever reads sees that the end is missing.
            Err(error) => {
                tracing::warn!(%error, "an export was cut short");
                Err(error)
            }
        }
    });
    ([(header::CONTENT_TYPE, JSON_LINES)], Body::from_stream(lines))
}

/// Brings an export in: what is not there is added, what is there is changed. Nothing is deleted.
#[utoipa::path(
    post, path = "/import", tag = "state", security(("token" = ["admin"])),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 200, body = ImportReport)),
)]
async fn import_state(State(admin): State<Admin>, request: Request) -> Reply<ImportReport> {
    let mut import = Import::new(admin.control().clone());
    let mut body = request.into_body().into_data_stream();
    while let Some(bytes) = body.next().await {
        let broken = |error: axum::Error| {
            Failure::bad_request("body_cut_short", format!("the body ended early: {error}"))
        };
        import.feed(&bytes.map_err(broken)?).await?;
    }
    Ok(Json(import.finish().await?))
}
