//! `/api-tokens`: who may use this API.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mika_client::types::{ApiToken, CreatedApiToken, NewApiToken, Page, PageQuery, Problem};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::auth::Caller;
use super::super::body::{Body, Path, Query};
use super::super::problem::Failure;
use super::{Gone, Reply};
use crate::control::page_limit;

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new()
        .routes(routes!(list_api_tokens, create_api_token))
        .routes(routes!(get_api_token, revoke_api_token))
}

/// A part of the API tokens, by id, without their secrets.
#[utoipa::path(
    get, path = "/api-tokens", tag = "access", security(("token" = ["admin"])),
    params(PageQuery),
    responses((status = 200, body = Page<ApiToken>), (status = 422, body = Problem)),
)]
async fn list_api_tokens(
    State(admin): State<Admin>,
    Query(page): Query<PageQuery>,
) -> Reply<Page<ApiToken>> {
    let limit = page_limit(page.limit, PageQuery::LIMIT_MAX)?;
    let mut items = admin.access().list_tokens(page.after_id);
    let is_cut = items.len() > limit;
    items.truncate(limit);
    let next_after_id = items.last().filter(|_| is_cut).map(|token| token.id);
    Ok(Json(Page { items, next_after_id }))
}

/// One API token, without its secret.
#[utoipa::path(
    get, path = "/api-tokens/{id}", tag = "access", security(("token" = ["admin"])),
    params(("id" = u32, Path, description = "Its number.")),
    responses((status = 200, body = ApiToken)),
)]
async fn get_api_token(State(admin): State<Admin>, Path(id): Path<u32>) -> Reply<ApiToken> {
    Ok(Json(admin.access().token(id)?))
}

/// Makes an API token. Its secret is in this answer, and nowhere else.
#[utoipa::path(
    post, path = "/api-tokens", tag = "access", security(("token" = ["admin"])),
    request_body = NewApiToken,
    responses((status = 201, body = CreatedApiToken)),
)]
async fn create_api_token(
    State(admin): State<Admin>,
    caller: Caller,
    Body(new): Body<NewApiToken>,
) -> Result<Response, Failure> {
    let created = admin.access().create_token(new, &caller).await?;
    let mut response = (StatusCode::CREATED, Json(created)).into_response();
    let secret = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, secret);
    Ok(response)
}

/// Revokes an API token: from now on it is refused.
#[utoipa::path(
    delete, path = "/api-tokens/{id}", tag = "access", security(("token" = ["admin"])),
    params(("id" = u32, Path, description = "Its number.")),
    responses((status = 204, description = "It is gone.")),
)]
async fn revoke_api_token(State(admin): State<Admin>, Path(id): Path<u32>) -> Gone {
    admin.access().revoke_token(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
