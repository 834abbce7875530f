//! The routes below `/api/v1`.

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use mika_client::types::{
    ClientRule, ClientRuleChange, Event, NewClientRule, NewEvent, NewRole, NewToken, NewTorrent,
    NewUser, Page, PageQuery, Role, RoleChange, Token, Torrent, TorrentChange, User, UserChange,
};
use serde::Deserialize;

use super::body::{Body, Path, Query, info_hash};
use super::problem::Failure;
use super::{Admin, status};

/// The longest body, in bytes; the longest sensible one is a few kilobytes.
const BODY_BYTES_MAX: usize = 64 << 10;

type Reply<T> = Result<Json<T>, Failure>;
type Created<T> = Result<(StatusCode, Json<T>), Failure>;
type Gone = Result<StatusCode, Failure>;

/// Everything that needs the token.
pub(super) fn router(admin: &Admin) -> Router<Admin> {
    Router::new()
        .route("/users", get(users).post(add_user))
        .route("/users/{user}", get(user).patch(update_user).delete(delete_user))
        .route("/torrents", get(torrents).post(add_torrent))
        .route("/torrents/{hash}", get(torrent).patch(update_torrent).delete(delete_torrent))
        .route("/roles", get(roles).post(add_role))
        .route("/roles/{name}", get(role).patch(update_role).delete(delete_role))
        .route("/client-rules", get(rules).post(add_rule))
        .route("/client-rules/{prefix}", get(rule).patch(update_rule).delete(delete_rule))
        .route("/tokens", get(tokens))
        .route("/tokens/{user}/{hash}", put(put_token).delete(delete_token))
        .route("/events", get(events).post(add_event))
        .route("/events/{name}", delete(delete_event))
        .route("/stats", get(status::stats))
        .route("/config/reload", post(status::reload_config))
        .route("/flush", post(status::flush))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(admin.clone(), authorize))
}

/// Refuses callers without the token, and everybody until the tracker is loaded.
async fn authorize(
    State(admin): State<Admin>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let given = request.headers().get(header::AUTHORIZATION).map(|value| value.as_bytes());
    let token = given.and_then(bearer);
    if !token.is_some_and(|token| admin.shared.token.load().matches(token)) {
        let detail = match token {
            Some(_) => "this is not the admin token",
            None => "the admin token is missing: send `Authorization: Bearer TOKEN`",
        };
        return Err(Failure::new(StatusCode::UNAUTHORIZED, "unauthorized", detail));
    }
    if !admin.is_loaded() {
        return Err(Failure::unavailable("loading", "the tracker is still loading"));
    }
    Ok(next.run(request).await)
}

/// The token of `Bearer TOKEN`; the scheme's case does not matter (RFC 9110, 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token.trim_ascii())
}

pub(super) async fn not_found() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "route_not_found", "there is nothing at this path")
}

pub(super) async fn method_not_allowed() -> Failure {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    Failure::new(status, "method_not_allowed", "this path is not for this method")
}

fn list<T>(items: Vec<T>) -> Json<Page<T>> {
    Json(Page { items, next_after_id: None })
}

async fn users(State(admin): State<Admin>, Query(page): Query<PageQuery>) -> Reply<Page<User>> {
    Ok(Json(admin.control().users(page).await?))
}

async fn user(State(admin): State<Admin>, Path(key): Path<String>) -> Reply<User> {
    Ok(Json(admin.control().user(&key).await?))
}

async fn add_user(State(admin): State<Admin>, Body(new): Body<NewUser>) -> Created<User> {
    Ok((StatusCode::CREATED, Json(admin.control().add_user(new).await?)))
}

async fn update_user(
    State(admin): State<Admin>,
    Path(key): Path<String>,
    Body(change): Body<UserChange>,
) -> Reply<User> {
    Ok(Json(admin.control().update_user(key, change).await?))
}

async fn delete_user(State(admin): State<Admin>, Path(key): Path<String>) -> Reply<User> {
    Ok(Json(admin.control().delete_user(key).await?))
}

async fn torrents(
    State(admin): State<Admin>,
    Query(page): Query<PageQuery>,
) -> Reply<Page<Torrent>> {
    Ok(Json(admin.control().torrents(page).await?))
}

async fn torrent(State(admin): State<Admin>, Path(hash): Path<String>) -> Reply<Torrent> {
    Ok(Json(admin.control().torrent(info_hash(&hash)?).await?))
}

async fn add_torrent(State(admin): State<Admin>, Body(new): Body<NewTorrent>) -> Created<Torrent> {
    Ok((StatusCode::CREATED, Json(admin.control().add_torrent(new).await?)))
}

async fn update_torrent(
    State(admin): State<Admin>,
    Path(hash): Path<String>,
    Body(change): Body<TorrentChange>,
) -> Reply<Torrent> {
    Ok(Json(admin.control().update_torrent(info_hash(&hash)?, change).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeleteQuery {
    reason: Option<String>,
}

async fn delete_torrent(
    State(admin): State<Admin>,
    Path(hash): Path<String>,
    Query(query): Query<DeleteQuery>,
) -> Reply<Torrent> {
    Ok(Json(admin.control().delete_torrent(info_hash(&hash)?, query.reason).await?))
}

async fn roles(State(admin): State<Admin>) -> Reply<Page<Role>> {
    Ok(list(admin.control().roles().await?))
}

async fn role(State(admin): State<Admin>, Path(name): Path<String>) -> Reply<Role> {
    Ok(Json(admin.control().role(&name).await?))
}

async fn add_role(State(admin): State<Admin>, Body(new): Body<NewRole>) -> Created<Role> {
    Ok((StatusCode::CREATED, Json(admin.control().add_role(new).await?)))
}

async fn update_role(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    Body(change): Body<RoleChange>,
) -> Reply<Role> {
    Ok(Json(admin.control().update_role(name, change).await?))
}

async fn delete_role(State(admin): State<Admin>, Path(name): Path<String>) -> Gone {
    admin.control().delete_role(name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn rules(State(admin): State<Admin>) -> Reply<Page<ClientRule>> {
    Ok(list(admin.control().client_rules().await?))
}

async fn rule(State(admin): State<Admin>, Path(prefix): Path<String>) -> Reply<ClientRule> {
    Ok(Json(admin.control().client_rule(&prefix).await?))
}

async fn add_rule(
    State(admin): State<Admin>,
    Body(new): Body<NewClientRule>,
) -> Created<ClientRule> {
    Ok((StatusCode::CREATED, Json(admin.control().add_client_rule(new).await?)))
}

async fn update_rule(
    State(admin): State<Admin>,
    Path(prefix): Path<String>,
    Body(change): Body<ClientRuleChange>,
) -> Reply<ClientRule> {
    Ok(Json(admin.control().update_client_rule(prefix, change).await?))
}

async fn delete_rule(State(admin): State<Admin>, Path(prefix): Path<String>) -> Gone {
    admin.control().delete_client_rule(prefix).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenQuery {
    user: Option<String>,
}

async fn tokens(State(admin): State<Admin>, Query(query): Query<TokenQuery>) -> Reply<Page<Token>> {
    Ok(list(admin.control().tokens(query.user.as_deref()).await?))
}

async fn put_token(
    State(admin): State<Admin>,
    Path((user, hash)): Path<(String, String)>,
    Body(new): Body<NewToken>,
) -> Reply<Token> {
    Ok(Json(admin.control().put_token(user, info_hash(&hash)?, new).await?))
}

async fn delete_token(
    State(admin): State<Admin>,
    Path((user, hash)): Path<(String, String)>,
) -> Gone {
    admin.control().delete_token(user, info_hash(&hash)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn events(State(admin): State<Admin>) -> Reply<Page<Event>> {
    Ok(list(admin.control().events().await?))
}

async fn add_event(State(admin): State<Admin>, Body(new): Body<NewEvent>) -> Created<Event> {
    Ok((StatusCode::CREATED, Json(admin.control().add_event(new).await?)))
}

async fn delete_event(State(admin): State<Admin>, Path(name): Path<String>) -> Gone {
    admin.control().delete_event(name).await?;
    Ok(StatusCode::NO_CONTENT)
}
