//! `/events`: multipliers for everybody, from a start to an end.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mika_client::types::{Event, NewEvent, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::body::{Body, Path};
use super::{Created, Gone, Reply, list};

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list_events, add_event)).routes(routes!(delete_event))
}

/// All global events, by name.
#[utoipa::path(
    get, path = "/events", tag = "events", security(("token" = ["read"])),
    responses((status = 200, body = Page<Event>)),
)]
async fn list_events(State(admin): State<Admin>) -> Reply<Page<Event>> {
    Ok(list(admin.control().events().await?))
}

/// Adds a global event.
#[utoipa::path(
    post, path = "/events", tag = "events", security(("token" = ["config"])),
    request_body = NewEvent,
    responses((status = 201, body = Event)),
)]
async fn add_event(State(admin): State<Admin>, Body(new): Body<NewEvent>) -> Created<Event> {
    Ok((StatusCode::CREATED, Json(admin.control().add_event(new).await?)))
}

/// Deletes a global event.
#[utoipa::path(
    delete, path = "/events/{name}", tag = "events", security(("token" = ["config"])),
    params(("name" = String, Path, description = "The event's name.")),
    responses((status = 204, description = "It is gone.")),
)]
async fn delete_event(State(admin): State<Admin>, Path(name): Path<String>) -> Gone {
    admin.control().delete_event(name).await?;
    Ok(StatusCode::NO_CONTENT)
}
