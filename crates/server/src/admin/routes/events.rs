//! `/events`: multipliers for everybody, from a start to an end.

use axum::extract::State;
use axum::http::StatusCode;
use mika_client::types::{Event, EventChange, NewEvent, Page, Problem};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::body::{Body, Path};
use super::super::etag::{IfMatch, Tagged};
use super::super::problem::Failure;
use super::{Gone, Reply, list};

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list_events, add_event)).routes(routes!(
        get_event,
        update_event,
        delete_event
    ))
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
async fn add_event(
    State(admin): State<Admin>,
    Body(new): Body<NewEvent>,
) -> Result<Tagged<Event>, Failure> {
    Ok(Tagged::created(admin.control().add_event(new).await?))
}

/// One global event.
#[utoipa::path(
    get, path = "/events/{name}", tag = "events", security(("token" = ["read"])),
    params(("name" = String, Path, description = "The event's name.")),
    responses((status = 200, body = Event)),
)]
async fn get_event(
    State(admin): State<Admin>,
    Path(name): Path<String>,
) -> Result<Tagged<Event>, Failure> {
    Ok(Tagged::ok(admin.control().event(&name).await?))
}

/// Changes a global event: what is absent stays. It counts at once.
#[utoipa::path(
    patch, path = "/events/{name}", tag = "events", security(("token" = ["config"])),
    params(
        ("name" = String, Path, description = "The event's name."),
        ("If-Match" = Option<String>, Header, description = "Only if this is its `ETag`."),
    ),
    request_body = EventChange,
    responses((status = 200, body = Event), (status = 412, body = Problem)),
)]
async fn update_event(
    State(admin): State<Admin>,
    IfMatch(expected): IfMatch,
    Path(name): Path<String>,
    Body(change): Body<EventChange>,
) -> Result<Tagged<Event>, Failure> {
    Ok(Tagged::ok(admin.control().update_event(name, change, expected).await?))
}

/// Deletes a global event.
#[utoipa::path(
    delete, path = "/events/{name}", tag = "events", security(("token" = ["config"])),
    params(
        ("name" = String, Path, description = "The event's name."),
        ("If-Match" = Option<String>, Header, description = "Only if this is its `ETag`."),
    ),
    responses(
        (status = 204, description = "It is gone."),
        (status = 412, body = Problem),
    ),
)]
async fn delete_event(
    State(admin): State<Admin>,
    IfMatch(expected): IfMatch,
    Path(name): Path<String>,
) -> Gone {
    admin.control().delete_event(name, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
