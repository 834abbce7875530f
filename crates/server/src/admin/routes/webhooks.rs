//! `/webhooks`: where notifications are sent to.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mika_client::types::{
    NewWebhook, Page, PageQuery, Problem, Webhook, WebhookChange, WebhookDeadLetter,
    WebhookDeadLetterCount,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::body::{Body, Path, Query};
use super::super::problem::Failure;
use super::notifications::{begin, notify};
use super::{Created, Gone, Reply, list};
use crate::control::page_limit;
use crate::notify::WebhookError;

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new()
        .routes(routes!(list_webhooks, add_webhook))
        .routes(routes!(get_webhook, update_webhook, delete_webhook))
        .routes(routes!(list_webhook_dead_letters, drop_webhook_dead_letters))
        .routes(routes!(retry_webhook_dead_letters))
}

impl From<WebhookError> for Failure {
    fn from(error: WebhookError) -> Self {
        let detail = error.to_string();
        match error {
            WebhookError::NotFound(_) => {
                Self::new(StatusCode::NOT_FOUND, "webhook_not_found", detail)
            }
            WebhookError::TooMany(_) => {
                Self::new(StatusCode::CONFLICT, "too_many_webhooks", detail)
            }
            WebhookError::Invalid(_) => Self::invalid("invalid_value", detail),
            WebhookError::Io(_) => Self::logged("disk", detail),
        }
    }
}

fn now_seconds() -> u32 {
    u32::try_from(crate::metrics::now_seconds()).unwrap_or(u32::MAX)
}

/// All webhooks, by id.
#[utoipa::path(
    get, path = "/webhooks", tag = "webhooks", security(("token" = ["read"])),
    responses((status = 200, body = Page<Webhook>)),
)]
async fn list_webhooks(State(admin): State<Admin>) -> Reply<Page<Webhook>> {
    let notify = notify(&admin)?;
    Ok(list(notify.webhooks().list(notify.last_id())))
}

/// One webhook, with how far sending has come.
#[utoipa::path(
    get, path = "/webhooks/{id}", tag = "webhooks", security(("token" = ["read"])),
    params(("id" = u32, Path, description = "The webhook's id.")),
    responses(
        (status = 200, body = Webhook),
        (status = 404, body = Problem, description = "No such webhook."),
    ),
)]
async fn get_webhook(State(admin): State<Admin>, Path(id): Path<u32>) -> Reply<Webhook> {
    let notify = notify(&admin)?;
    Ok(Json(notify.webhooks().get(id, notify.last_id())?))
}

/// Adds a webhook. Only this answer has its secret.
#[utoipa::path(
    post, path = "/webhooks", tag = "webhooks", security(("token" = ["config"])),
    request_body = NewWebhook,
    responses(
        (status = 201, body = Webhook),
        (status = 409, body = Problem, description = "There are too many."),
    ),
)]
async fn add_webhook(State(admin): State<Admin>, Body(new): Body<NewWebhook>) -> Created<Webhook> {
    let notify = notify(&admin)?;
    begin(notify).await?;
    let webhook = notify.webhooks().add(new, notify.last_id(), now_seconds())?;
    Ok((StatusCode::CREATED, Json(webhook)))
}

/// Changes a webhook: what is absent stays. The answer has the secret if that is new.
#[utoipa::path(
    patch, path = "/webhooks/{id}", tag = "webhooks", security(("token" = ["config"])),
    params(("id" = u32, Path, description = "The webhook's id.")),
    request_body = WebhookChange,
    responses(
        (status = 200, body = Webhook),
        (status = 404, body = Problem, description = "No such webhook."),
    ),
)]
async fn update_webhook(
    State(admin): State<Admin>,
    Path(id): Path<u32>,
    Body(change): Body<WebhookChange>,
) -> Reply<Webhook> {
    let notify = notify(&admin)?;
    Ok(Json(notify.webhooks().update(id, change, notify.last_id())?))
}

/// Deletes a webhook, with what waits for it and its dead letters.
#[utoipa::path(
    delete, path = "/webhooks/{id}", tag = "webhooks", security(("token" = ["config"])),
    params(("id" = u32, Path, description = "The webhook's id.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, body = Problem, description = "No such webhook."),
    ),
)]
async fn delete_webhook(State(admin): State<Admin>, Path(id): Path<u32>) -> Gone {
    notify(&admin)?.webhooks().remove(id)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct LettersQuery {
    /// At most this many, the newest: 1 to 1000.
    limit: Option<u32>,
}

/// Requests to a webhook that were given up: the newest, the oldest of them first.
#[utoipa::path(
    get, path = "/webhooks/{id}/dead-letters", tag = "webhooks", security(("token" = ["read"])),
    params(("id" = u32, Path, description = "The webhook's id."), LettersQuery),
    responses(
        (status = 200, body = Page<WebhookDeadLetter>),
        (status = 404, body = Problem, description = "No such webhook."),
    ),
)]
async fn list_webhook_dead_letters(
    State(admin): State<Admin>,
    Path(id): Path<u32>,
    Query(query): Query<LettersQuery>,
) -> Reply<Page<WebhookDeadLetter>> {
    let limit = page_limit(query.limit.or(Some(100)), PageQuery::LIMIT_MAX)?;
    Ok(list(notify(&admin)?.webhooks().dead_letters(id, limit)?))
}

/// Tries once more what was given up, before anything else. What fails again comes back.
#[utoipa::path(
    post, path = "/webhooks/{id}/dead-letters/retry", tag = "webhooks",
    security(("token" = ["config"])),
    params(("id" = u32, Path, description = "The webhook's id.")),
    responses(
        (status = 200, body = WebhookDeadLetterCount),
        (status = 404, body = Problem, description = "No such webhook."),
    ),
)]
async fn retry_webhook_dead_letters(
    State(admin): State<Admin>,
    Path(id): Path<u32>,
) -> Reply<WebhookDeadLetterCount> {
    let dead_letters = notify(&admin)?.webhooks().retry(id)?;
    Ok(Json(WebhookDeadLetterCount { dead_letters }))
}

/// Forgets what was given up.
#[utoipa::path(
    delete, path = "/webhooks/{id}/dead-letters", tag = "webhooks",
    security(("token" = ["config"])),
    params(("id" = u32, Path, description = "The webhook's id.")),
    responses(
        (status = 200, body = WebhookDeadLetterCount),
        (status = 404, body = Problem, description = "No such webhook."),
    ),
)]
async fn drop_webhook_dead_letters(
    State(admin): State<Admin>,
    Path(id): Path<u32>,
) -> Reply<WebhookDeadLetterCount> {
    let dead_letters = notify(&admin)?.webhooks().drop_dead_letters(id)?;
    Ok(Json(WebhookDeadLetterCount { dead_letters }))
}
