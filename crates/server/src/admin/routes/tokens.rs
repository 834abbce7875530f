//! `/tokens`: multipliers of one user on one torrent.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mika_client::types::{NewToken, Page, Token};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::body::{Body, Path, Query, info_hash};
use super::{Gone, Reply, list};

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list_tokens)).routes(routes!(put_token, delete_token))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct TokenQuery {
    /// Only those of this user: id, name or passkey.
    user: Option<String>,
}

/// Tokens of one user, or of all; at most 1000.
#[utoipa::path(
    get, path = "/tokens", tag = "tokens", security(("token" = ["read"])),
    params(TokenQuery),
    responses(
        (status = 200, body = Page<Token>),
        (status = 404, body = mika_client::types::Problem, description = "No such user."),
    ),
)]
async fn list_tokens(
    State(admin): State<Admin>,
    Query(query): Query<TokenQuery>,
) -> Reply<Page<Token>> {
    Ok(list(admin.control().tokens(query.user.as_deref()).await?))
}

/// Gives a user a token on a torrent, in place of one that is there.
#[utoipa::path(
    put, path = "/tokens/{user}/{info_hash}", tag = "tokens",
    security(("token" = ["users:write"])),
    params(
        ("user" = String, Path, description = "Id, name or passkey."),
        ("info_hash" = String, Path, description = "40 hex digits, or the 64 of v2."),
    ),
    request_body = NewToken,
    responses((status = 200, body = Token)),
)]
async fn put_token(
    State(admin): State<Admin>,
    Path((user, hash)): Path<(String, String)>,
    Body(new): Body<NewToken>,
) -> Reply<Token> {
    Ok(Json(admin.control().put_token(user, info_hash(&hash)?, new).await?))
}

/// Takes a user's token on a torrent away.
#[utoipa::path(
    delete, path = "/tokens/{user}/{info_hash}", tag = "tokens",
    security(("token" = ["users:write"])),
    params(
        ("user" = String, Path, description = "Id, name or passkey."),
        ("info_hash" = String, Path, description = "40 hex digits, or the 64 of v2."),
    ),
    responses((status = 204, description = "It is gone.")),
)]
async fn delete_token(
    State(admin): State<Admin>,
    Path((user, hash)): Path<(String, String)>,
) -> Gone {
    admin.control().delete_token(user, info_hash(&hash)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
