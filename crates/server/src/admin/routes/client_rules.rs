//! `/client-rules`: the whitelist and the blacklist.

use axum::extract::State;
use axum::http::StatusCode;
use mika_client::types::{ClientRule, ClientRuleChange, NewClientRule, Page, Problem};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::body::{Body, Path};
use super::super::etag::{IfMatch, Tagged};
use super::super::problem::Failure;
use super::{Gone, Reply, list};

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list_client_rules, add_client_rule)).routes(routes!(
        get_client_rule,
        update_client_rule,
        delete_client_rule
    ))
}

/// All client rules, by prefix.
#[utoipa::path(
    get, path = "/client-rules", tag = "client rules", security(("token" = ["read"])),
    responses((status = 200, body = Page<ClientRule>)),
)]
async fn list_client_rules(State(admin): State<Admin>) -> Reply<Page<ClientRule>> {
    Ok(list(admin.control().client_rules().await?))
}

/// The rule for a prefix.
#[utoipa::path(
    get, path = "/client-rules/{prefix}", tag = "client rules", security(("token" = ["read"])),
    params(("prefix" = String, Path, description = "The first characters of a peer id.")),
    responses((status = 200, body = ClientRule)),
)]
async fn get_client_rule(
    State(admin): State<Admin>,
    Path(prefix): Path<String>,
) -> Result<Tagged<ClientRule>, Failure> {
    Ok(Tagged::ok(admin.control().client_rule(&prefix).await?))
}

/// Adds a rule.
#[utoipa::path(
    post, path = "/client-rules", tag = "client rules", security(("token" = ["config"])),
    request_body = NewClientRule,
    responses((status = 201, body = ClientRule)),
)]
async fn add_client_rule(
    State(admin): State<Admin>,
    Body(new): Body<NewClientRule>,
) -> Result<Tagged<ClientRule>, Failure> {
    Ok(Tagged::created(admin.control().add_client_rule(new).await?))
}

/// Changes the rule for a prefix: what is absent stays.
#[utoipa::path(
    patch, path = "/client-rules/{prefix}", tag = "client rules",
    security(("token" = ["config"])),
    params(
        ("prefix" = String, Path, description = "The first characters of a peer id."),
        ("If-Match" = Option<String>, Header, description = "Only if this is its `ETag`."),
    ),
    request_body = ClientRuleChange,
    responses((status = 200, body = ClientRule), (status = 412, body = Problem)),
)]
async fn update_client_rule(
    State(admin): State<Admin>,
    IfMatch(expected): IfMatch,
    Path(prefix): Path<String>,
    Body(change): Body<ClientRuleChange>,
) -> Result<Tagged<ClientRule>, Failure> {
    Ok(Tagged::ok(admin.control().update_client_rule(prefix, change, expected).await?))
}

/// Deletes the rule for a prefix.
#[utoipa::path(
    delete, path = "/client-rules/{prefix}", tag = "client rules",
    security(("token" = ["config"])),
    params(
        ("prefix" = String, Path, description = "The first characters of a peer id."),
        ("If-Match" = Option<String>, Header, description = "Only if this is its `ETag`."),
    ),
    responses((status = 204, description = "It is gone."), (status = 412, body = Problem)),
)]
async fn delete_client_rule(
    State(admin): State<Admin>,
    IfMatch(expected): IfMatch,
    Path(prefix): Path<String>,
) -> Gone {
    admin.control().delete_client_rule(prefix, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
