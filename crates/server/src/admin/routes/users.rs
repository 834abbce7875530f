//! `/users`.

use axum::Json;
use axum::extract::State;
use mika_client::types::{NewUser, Page, Problem, Scope, User, UserChange, UserQuery};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::auth::Caller;
use super::super::body::{Body, Path, Query};
use super::super::etag::{IfMatch, Tagged};
use super::super::problem::Failure;
use super::Reply;

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list_users, add_user)).routes(routes!(
        get_user,
        update_user,
        delete_user
    ))
}

/// A part of the users, by id.
///
/// `passkey` and `announce_url` are empty unless the token has the scope `users:write`.
#[utoipa::path(
    get, path = "/users", tag = "users", security(("token" = ["read"])),
    params(UserQuery),
    responses((status = 200, body = Page<User>)),
)]
async fn list_users(
    State(admin): State<Admin>,
    caller: Caller,
    Query(page): Query<UserQuery>,
) -> Reply<Page<User>> {
    let mut page = admin.control().users(page).await?;
    page.items.iter_mut().for_each(|user| hide_passkey(user, &caller));
    Ok(Json(page))
}

/// One user, named by id, name or passkey.
///
/// `id:`, `name:` and `passkey:` in front say which of them it is. Without, a number is an id if
/// there is such a user, and everything is a name before it is a passkey. `passkey` and
/// `announce_url` of the answer are empty unless the token has the scope `users:write`.
#[utoipa::path(
    get, path = "/users/{user}", tag = "users", security(("token" = ["read"])),
    params(("user" = String, Path, description = "Id, name or passkey.")),
    responses((status = 200, body = User)),
)]
async fn get_user(
    State(admin): State<Admin>,
    caller: Caller,
    Path(key): Path<String>,
) -> Result<Tagged<User>, Failure> {
    let mut user = admin.control().user(&key).await?;
    hide_passkey(&mut user, &caller);
    Ok(Tagged::ok(user))
}

/// Who may only read is not shown what would let them announce as somebody else.
fn hide_passkey(user: &mut User, caller: &Caller) {
    if !caller.may(Scope::UsersWrite) {
        user.passkey = String::new();
        user.announce_url = String::new();
    }
}

/// Adds a user, who may announce at once.
#[utoipa::path(
    post, path = "/users", tag = "users", security(("token" = ["users:write"])),
    request_body = NewUser,
    responses((status = 201, body = User)),
)]
async fn add_user(
    State(admin): State<Admin>,
    Body(new): Body<NewUser>,
) -> Result<Tagged<User>, Failure> {
    Ok(Tagged::created(admin.control().add_user(new).await?))
}

/// Changes a user: what is absent stays.
#[utoipa::path(
    patch, path = "/users/{user}", tag = "users", security(("token" = ["users:write"])),
    params(
        ("user" = String, Path, description = "Id, name or passkey."),
        ("If-Match" = Option<String>, Header, description = "Only if this is its `ETag`."),
    ),
    request_body = UserChange,
    responses((status = 200, body = User), (status = 412, body = Problem)),
)]
async fn update_user(
    State(admin): State<Admin>,
    IfMatch(expected): IfMatch,
    Path(key): Path<String>,
    Body(change): Body<UserChange>,
) -> Result<Tagged<User>, Failure> {
    Ok(Tagged::ok(admin.control().update_user(key, change, expected).await?))
}

/// Closes a user's account: announces are refused from now on, the record stays.
#[utoipa::path(
    delete, path = "/users/{user}", tag = "users", security(("token" = ["users:write"])),
    params(
        ("user" = String, Path, description = "Id, name or passkey."),
        ("If-Match" = Option<String>, Header, description = "Only if this is its `ETag`."),
    ),
    responses((status = 200, body = User), (status = 412, body = Problem)),
)]
async fn delete_user(
    State(admin): State<Admin>,
    IfMatch(expected): IfMatch,
    Path(key): Path<String>,
) -> Result<Tagged<User>, Failure> {
    Ok(Tagged::ok(admin.control().delete_user(key, expected).await?))
}
