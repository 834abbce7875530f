//! `/config`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mika_client::types::{ConfigChange, ConfigKeys, ConfigPatch, Problem};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::Body;
use super::super::etag::{IfMatch, Tagged};
use super::super::problem::Failure;
use super::super::{Admin, status};
use super::Reply;

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(get_config, change_config))
}

/// All keys of the configuration, with the values in force. Secrets are redacted.
#[utoipa::path(
    get, path = "/config", tag = "server", security(("token" = ["config"])),
    responses((status = 200, body = ConfigKeys)),
)]
async fn get_config(State(admin): State<Admin>) -> Result<Tagged<ConfigKeys>, Failure> {
    Ok(Tagged(StatusCode::OK, admin.shared.commands.config().await?))
}

/// Changes keys that can change in a running server; they stay so after a restart.
///
/// They count over what the file says. `null` takes a value back.
#[utoipa::path(
    patch, path = "/config", tag = "server", security(("token" = ["config"])),
    params(("If-Match" = Option<String>, Header, description = "Only if this is its `ETag`.")),
    request_body = ConfigPatch,
    responses((status = 200, body = ConfigChange), (status = 412, body = Problem)),
)]
async fn change_config(
    State(admin): State<Admin>,
    IfMatch(expected): IfMatch,
    Body(patch): Body<ConfigPatch>,
) -> Reply<ConfigChange> {
    let changed = admin.shared.commands.change_config(patch, expected).await?;
    Ok(Json(status::change_json(changed)))
}
