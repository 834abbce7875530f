//! `/notifications`: what the tracker tells by itself, read or streamed.

use std::convert::Infallible;
use std::str::FromStr;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use mika_client::types::{
    Notification, NotificationFilter, NotificationKind, NotificationPage, NotificationQuery,
    PageQuery,
};
use tokio::sync::watch;
use tracing::error;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::body::Query;
use super::super::problem::Failure;
use super::Reply;
use crate::control::page_limit;
use crate::notify::{LogReader, Notify};

/// A comment is sent that often, so that a connection on which nothing happens stays.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Notifications that are read at a time.
const CHUNK: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list_notifications)).routes(routes!(stream_notifications))
}

/// The notifications, if this server makes any.
pub(super) fn notify(admin: &Admin) -> Result<&Notify, Failure> {
    let none = || Failure::unavailable("unavailable", "this server makes no notifications");
    admin.control().notify().ok_or_else(none)
}

/// Waits until everything that happens is told.
pub(super) async fn begin(notify: &Notify) -> Result<(), Failure> {
    match notify.activate().await {
        true => Ok(()),
        false => Err(Failure::unavailable("not_begun", "notifications have not begun yet")),
    }
}

/// Notifications that are kept, in order. What is not wanted is left out, so that a part may be
/// empty although there are further ones: go on until `next_after_id` is `last_id`.
#[utoipa::path(
    get, path = "/notifications", tag = "notifications", security(("token" = ["read"])),
    params(NotificationQuery),
    responses((status = 200, body = NotificationPage)),
)]
async fn list_notifications(
    State(admin): State<Admin>,
    Query(query): Query<NotificationQuery>,
) -> Reply<NotificationPage> {
    let notify = notify(&admin)?;
    let filter = filter_of(&query)?;
    let limit = page_limit(query.limit, PageQuery::LIMIT_MAX)?;
    let last_id = notify.last_id();
    let mut reader = notify.reader(query.after_id.unwrap_or_default().min(last_id));
    let read = reader.read(limit, last_id);
    let chunk = read.map_err(|error| Failure::logged("disk", error.to_string()))?;
    let items = chunk.events.into_iter().filter(|event| filter.wants(event)).collect();
    let next_after_id = reader.after_id();
    Ok(Json(NotificationPage { items, next_after_id, last_id, missed: chunk.missed }))
}

/// Notifications as they happen, as Server-Sent Events: `id` is the notification's, `event` its
/// kind, `data` the notification as JSON. A client that comes back with `Last-Event-ID`, or with
/// `after_id`, is told first what it has not been told yet.
#[utoipa::path(
    get, path = "/notifications/stream", tag = "notifications", security(("token" = ["read"])),
    params(
        NotificationQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "Only those with a higher id."),
    ),
    responses((
        status = 200, description = "It does not end by itself.",
        content_type = "text/event-stream", body = String,
    )),
)]
async fn stream_notifications(
    State(admin): State<Admin>,
    Query(query): Query<NotificationQuery>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let notify = notify(&admin)?;
    let filter = filter_of(&query)?;
    if query.limit.is_some() {
        return Err(Failure::invalid("invalid_value", "a stream has no limit"));
    }
    let last_event_id = match headers.get("last-event-id") {
        None => None,
        Some(value) => {
            let id = value.to_str().ok().and_then(|text| text.trim().parse::<u64>().ok());
            let invalid = || Failure::bad_request("invalid_header", "Last-Event-ID is no id");
            Some(id.ok_or_else(invalid)?)
        }
    };
    begin(notify).await?;
    let last_id = notify.last_id();
    let after_id = last_event_id.or(query.after_id).unwrap_or(last_id);
    let live = Live {
        reader: notify.reader(after_id.min(last_id)),
        filter,
        published: notify.published(),
        closing: notify.closing(),
        ready: Vec::new().into_iter(),
    };
    let events = stream::unfold(live, |mut live| async move {
        let event = live.next().await?;
        Some((Ok(event), live))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// One reader of the stream.
struct Live {
    reader: LogReader,
    filter: NotificationFilter,
    published: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
    ready: std::vec::IntoIter<Notification>,
}

impl Live {
    /// The next one; `None` when the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(notification) = self.ready.next() {
                let data = serde_json::to_string(&notification).ok()?;
                let id = notification.id.to_string();
                return Some(Event::default().id(id).event(notification.kind.name()).data(data));
            }
            if *self.closing.borrow() {
                return None;
            }
            let published = *self.published.borrow_and_update();
            let chunk = match self.reader.read(CHUNK, published) {
                Ok(chunk) => chunk,
                Err(error) => {
                    error!(%error, "notifications cannot be read");
                    return None;
                }
            };
            if chunk.events.is_empty() {
                tokio::select! {
                    changed = self.published.changed() => changed.ok()?,
                    _ = self.closing.wait_for(|closing| *closing) => return None,
                }
                continue;
            }
            let mut ready: Vec<_> =
                chunk.events.into_iter().filter(|event| self.filter.wants(event)).collect();
            if chunk.missed > 0 {
                ready.insert(0, missed(chunk.missed, self.reader.after_id()));
            }
            self.ready = ready.into_iter();
        }
    }
}

/// What a reader is told that came too late.
fn missed(count: u64, id: u64) -> Notification {
    let now_seconds = u32::try_from(crate::metrics::now_seconds()).unwrap_or(u32::MAX);
    Notification {
        id,
        count: Some(count),
        reason: Some("they are kept no more".to_owned()),
        ..Notification::of(NotificationKind::Missed, now_seconds)
    }
}

fn filter_of(query: &NotificationQuery) -> Result<NotificationFilter, Failure> {
    let filter = NotificationFilter {
        kinds: listed(query.kinds.as_deref(), "kinds", NotificationKind::named)?,
        user_ids: listed(query.user_ids.as_deref(), "user_ids", number)?,
        torrent_ids: listed(query.torrent_ids.as_deref(), "torrent_ids", number)?,
    };
    Ok(filter)
}

fn number(text: &str) -> Option<u32> {
    u32::from_str(text).ok()
}

/// The parts of a list that is separated by commas.
fn listed<T>(
    text: Option<&str>,
    what: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Failure> {
    let parts = text.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty());
    let invalid = |part: &str| {
        let shown: String = part.chars().take(40).collect();
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Failure::new(status, "invalid_value", format!("{what}: {shown:?} is not one"))
    };
    let parsed: Result<Vec<T>, Failure> =
        parts.map(|part| parse(part).ok_or_else(|| invalid(part))).collect();
    let parsed = parsed?;
    if parsed.len() > NotificationFilter::LENGTH_MAX {
        let detail = format!("{what}: at most {} are allowed", NotificationFilter::LENGTH_MAX);
        return Err(Failure::invalid("invalid_value", detail));
    }
    Ok(parsed)
}
