//! `/audit`: who changed what.

use axum::Json;
use axum::extract::State;
use mika_client::types::{AuditPage, AuditQuery};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::body::Query;
use super::Reply;

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list_audit))
}

/// A part of the audit log, the oldest first.
#[utoipa::path(
    get, path = "/audit", tag = "access", security(("token" = ["admin"])),
    params(AuditQuery),
    responses((status = 200, body = AuditPage)),
)]
async fn list_audit(
    State(admin): State<Admin>,
    Query(query): Query<AuditQuery>,
) -> Reply<AuditPage> {
    Ok(Json(admin.access().audit().page(query).await?))
}
