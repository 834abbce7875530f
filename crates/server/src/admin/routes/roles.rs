//! `/roles`.

use axum::extract::State;
use axum::http::StatusCode;
use mika_client::types::{NewRole, Page, Problem, Role, RoleChange};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::body::{Body, Path};
use super::super::etag::{IfMatch, Tagged};
use super::super::problem::Failure;
use super::{Gone, Reply, list};

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list_roles, add_role)).routes(routes!(
        get_role,
        update_role,
        delete_role
    ))
}

/// All roles, by id.
#[utoipa::path(
    get, path = "/roles", tag = "roles", security(("token" = ["read"])),
    responses((status = 200, body = Page<Role>)),
)]
async fn list_roles(State(admin): State<Admin>) -> Reply<Page<Role>> {
    Ok(list(admin.control().roles().await?))
}

/// One role.
#[utoipa::path(
    get, path = "/roles/{name}", tag = "roles", security(("token" = ["read"])),
    params(("name" = String, Path, description = "The role's name.")),
    responses((status = 200, body = Role)),
)]
async fn get_role(
    State(admin): State<Admin>,
    Path(name): Path<String>,
) -> Result<Tagged<Role>, Failure> {
    Ok(Tagged::ok(admin.control().role(&name).await?))
}

/// Adds a role.
#[utoipa::path(
    post, path = "/roles", tag = "roles", security(("token" = ["config"])),
    request_body = NewRole,
    responses((status = 201, body = Role)),
)]
async fn add_role(
    State(admin): State<Admin>,
    Body(new): Body<NewRole>,
) -> Result<Tagged<Role>, Failure> {
    Ok(Tagged::created(admin.control().add_role(new).await?))
}

/// Changes a role: what is absent stays.
#[utoipa::path(
    patch, path = "/roles/{name}", tag = "roles", security(("token" = ["config"])),
    params(
        ("name" = String, Path, description = "The role's name."),
        ("If-Match" = Option<String>, Header, description = "Only if this is its `ETag`."),
    ),
    request_body = RoleChange,
    responses((status = 200, body = Role), (status = 412, body = Problem)),
)]
async fn update_role(
    State(admin): State<Admin>,
    IfMatch(expected): IfMatch,
    Path(name): Path<String>,
    Body(change): Body<RoleChange>,
) -> Result<Tagged<Role>, Failure> {
    Ok(Tagged::ok(admin.control().update_role(name, change, expected).await?))
}

/// Deletes a role that no user has.
#[utoipa::path(
    delete, path = "/roles/{name}", tag = "roles", security(("token" = ["config"])),
    params(
        ("name" = String, Path, description = "The role's name."),
        ("If-Match" = Option<String>, Header, description = "Only if this is its `ETag`."),
    ),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, body = mika_client::types::Problem, description = "Users have it."),
        (status = 412, body = Problem),
    ),
)]
async fn delete_role(
    State(admin): State<Admin>,
    IfMatch(expected): IfMatch,
    Path(name): Path<String>,
) -> Gone {
    admin.control().delete_role(name, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
