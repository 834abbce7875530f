//! `/tokens`: multipliers of one user on one torrent.

use axum::extract::State;
use axum::http::StatusCode;
use mika_client::types::{NewToken, Page, Problem, Token};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::body::{Body, Path, Query, info_hash};
use super::super::etag::{IfMatch, Tagged};
use super::super::problem::Failure;
use super::{Gone, Reply, list};

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list_tokens)).routes(routes!(
        get_token,
        put_token,
        delete_token
    ))
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
        (status = 404, body = Problem, description = "No such user."),
    ),
)]
async fn list_tokens(
    State(admin): State<Admin>,
    Query(query): Query<TokenQuery>,
) -> Reply<Page<Token>> {
    Ok(list(admin.control().tokens(query.user.as_deref()).await?))
}

/// A user's token on a torrent.
#[utoipa::path(
    get, path = "/tokens/{user}/{info_hash}", tag = "tokens", security(("token" = ["read"])),
    params(
        ("user" = String, Path, description = "Id, name or passkey."),
        ("info_hash" = String, Path, description = "40 hex digits, or the 64 of v2."),
    ),
    responses((status = 200, body = Token)),
)]
async fn get_token(
    State(admin): State<Admin>,
    Path((user, hash)): Path<(String, String)>,
) -> Result<Tagged<Token>, Failure> {
    Ok(Tagged::ok(admin.control().token(&user, info_hash(&hash)?).await?))
}

/// Gives a user a token on a torrent, in place of one that is there.
#[utoipa::path(
    put, path = "/tokens/{user}/{info_hash}", tag = "tokens",
    security(("token" = ["users:write"])),
    params(
        ("user" = String, Path, description = "Id, name or passkey."),
        ("info_hash" = String, Path, description = "40 hex digits, or the 64 of v2."),
        ("If-Match" = Option<String>, Header, description = "Only if this is its `ETag`."),
    ),
    request_body = NewToken,
    responses((status = 200, body = Token), (status = 412, body = Problem)),
)]
async fn put_token(
    State(admin): State<Admin>,
    IfMatch(expected): IfMatch,
    Path((user, hash)): Path<(String, String)>,
    Body(new): Body<NewToken>,
) -> Result<Tagged<Token>, Failure> {
    Ok(Tagged::ok(admin.control().put_token(user, info_hash(&hash)?, new, expected).await?))
}

/// Takes a user's token on a torrent away.
#[utoipa::path(
    delete, path = "/tokens/{user}/{info_hash}", tag = "tokens",
    security(("token" = ["users:write"])),
    params(
        ("user" = String, Path, description = "Id, name or passkey."),
        ("info_hash" = String, Path, description = "40 hex digits, or the 64 of v2."),
        ("If-Match" = Option<String>, Header, description = "Only if this is its `ETag`."),
    ),
    responses(
        (status = 204, description = "It is gone."),
        (status = 412, body = Problem),
    ),
)]
async fn delete_token(
    State(admin): State<Admin>,
    IfMatch(expected): IfMatch,
    Path((user, hash)): Path<(String, String)>,
) -> Gone {
    admin.control().delete_token(user, info_hash(&hash)?, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
