//! `/traces`: the last announces of a user, a torrent or an address, with what became of each.

use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use mika_client::types::{
    NewTrace, Page, PageQuery, Problem, Trace, TracePage, TraceQuery, TraceSubject, TracedAnnounce,
};
use mika_core::trace::KEEP_MAX;
use tokio::sync::watch;
use tokio::time::sleep;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::body::{Body, Path, Query, info_hash};
use super::super::problem::Failure;
use super::notifications::KEEP_ALIVE;
use super::{Gone, Reply, list};
use crate::control::{Control, TraceKey, page_limit};

/// Announces that are kept when it is not said how many.
const KEEP_DEFAULT: u32 = 1000;
/// Between two looks at whether there is a further announce.
const LOOK: Duration = Duration::from_millis(200);
/// Announces that are read at a time.
const CHUNK: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new()
        .routes(routes!(list_traces))
        .routes(routes!(get_trace, put_trace, delete_trace))
        .routes(routes!(stream_trace))
}

/// The subject that a path names.
async fn key_of(control: &Control, subject: TraceSubject, key: &str) -> Result<TraceKey, Failure> {
    Ok(match subject {
        TraceSubject::User => control.trace_user(key).await?,
        TraceSubject::Torrent => control.trace_torrent(info_hash(key)?).await?,
        TraceSubject::Address => {
            let address = key.parse::<IpAddr>();
            let detail = "not an IPv4 or IPv6 address";
            let address = address.map_err(|_| Failure::bad_request("invalid_address", detail))?;
            TraceKey::address(address)
        }
    })
}

fn not_traced() -> Failure {
    let detail = "nobody has switched this trace on: PUT it first";
    Failure::new(StatusCode::NOT_FOUND, "trace_not_found", detail)
}

/// What is traced now.
#[utoipa::path(
    get, path = "/traces", tag = "traces", security(("token" = ["read"])),
    responses((status = 200, body = Page<Trace>)),
)]
async fn list_traces(State(admin): State<Admin>) -> Reply<Page<Trace>> {
    Ok(list(admin.control().traces()))
}

/// Switches the recording of a subject on, or changes how many announces are kept.
#[utoipa::path(
    put, path = "/traces/{subject}/{key}", tag = "traces", security(("token" = ["config"])),
    params(
        ("subject" = TraceSubject, Path, description = "Of what the announces are."),
        ("key" = String, Path, description = "A user, an info-hash, or an address."),
    ),
    request_body = NewTrace,
    responses(
        (status = 200, body = Trace),
        (status = 404, body = Problem, description = "No such user or torrent."),
        (status = 409, body = Problem, description = "Too many subjects are traced."),
    ),
)]
async fn put_trace(
    State(admin): State<Admin>,
    Path((subject, key)): Path<(TraceSubject, String)>,
    Body(new): Body<NewTrace>,
) -> Reply<Trace> {
    let keep = new.keep.unwrap_or(KEEP_DEFAULT);
    if !(1..=KEEP_MAX).contains(&keep) {
        let detail = format!("keep is {keep}: it is 1 to {KEEP_MAX}");
        return Err(Failure::invalid("invalid_value", detail));
    }
    let key = key_of(admin.control(), subject, &key).await?;
    let too_many = |error: mika_core::trace::TooMany| {
        Failure::new(StatusCode::CONFLICT, "too_many_traces", error.to_string())
    };
    Ok(Json(admin.control().start_trace(&key, keep).map_err(too_many)?))
}

/// Switches the recording of a subject off, and forgets what was recorded.
#[utoipa::path(
    delete, path = "/traces/{subject}/{key}", tag = "traces", security(("token" = ["config"])),
    params(
        ("subject" = TraceSubject, Path, description = "Of what the announces are."),
        ("key" = String, Path, description = "A user, an info-hash, or an address."),
    ),
    responses(
        (status = 204, description = "It is off."),
        (status = 404, body = Problem, description = "It was off."),
    ),
)]
async fn delete_trace(
    State(admin): State<Admin>,
    Path((subject, key)): Path<(TraceSubject, String)>,
) -> Gone {
    let key = key_of(admin.control(), subject, &key).await?;
    match admin.control().stop_trace(&key) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(not_traced()),
    }
}

/// The last announces of a subject, in order.
#[utoipa::path(
    get, path = "/traces/{subject}/{key}", tag = "traces", security(("token" = ["read"])),
    params(
        ("subject" = TraceSubject, Path, description = "Of what the announces are."),
        ("key" = String, Path, description = "A user, an info-hash, or an address."),
        TraceQuery,
    ),
    responses(
        (status = 200, body = TracePage),
        (status = 404, body = Problem, description = "It is not recorded."),
    ),
)]
async fn get_trace(
    State(admin): State<Admin>,
    Path((subject, key)): Path<(TraceSubject, String)>,
    Query(query): Query<TraceQuery>,
) -> Reply<TracePage> {
    let limit = page_limit(query.limit, PageQuery::LIMIT_MAX)?;
    let key = key_of(admin.control(), subject, &key).await?;
    let after = query.after.unwrap_or_default();
    let page = admin.control().trace(&key, after, limit);
    Ok(Json(page.ok_or_else(not_traced)?))
}

/// The announces of a subject as they are made, as Server-Sent Events: `id` is the announce's
/// number, `event` is `announce`, `data` the announce as JSON. It ends when the recording is
/// switched off.
#[utoipa::path(
    get, path = "/traces/{subject}/{key}/stream", tag = "traces", security(("token" = ["read"])),
    params(
        ("subject" = TraceSubject, Path, description = "Of what the announces are."),
        ("key" = String, Path, description = "A user, an info-hash, or an address."),
        TraceQuery,
    ),
    responses(
        (
            status = 200, description = "It does not end by itself.",
            content_type = "text/event-stream", body = String,
        ),
        (status = 404, body = Problem, description = "It is not recorded."),
    ),
)]
async fn stream_trace(
    State(admin): State<Admin>,
    Path((subject, key)): Path<(TraceSubject, String)>,
    Query(query): Query<TraceQuery>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    if query.limit.is_some() {
        return Err(Failure::invalid("invalid_value", "a stream has no limit"));
    }
    let key = key_of(admin.control(), subject, &key).await?;
    let after = query.after.unwrap_or_default();
    admin.control().trace(&key, after, 0).ok_or_else(not_traced)?;
    let closing = admin.control().notify().map(crate::notify::Notify::closing);
    let control = admin.control().clone();
    let live = Live { control, key, after, closing, ready: Vec::new().into_iter() };
    let events = stream::unfold(live, |mut live| async move {
        let event = live.next().await?;
        Some((Ok(event), live))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// One reader of a recording.
struct Live {
    control: Control,
    key: TraceKey,
    after: u64,
    closing: Option<watch::Receiver<bool>>,
    ready: std::vec::IntoIter<TracedAnnounce>,
}

impl Live {
    /// The next one; `None` when the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(announce) = self.ready.next() {
                let data = serde_json::to_string(&announce).ok()?;
                let event = Event::default().id(announce.number.to_string());
                return Some(event.event("announce").data(data));
            }
            if self.closing.as_ref().is_some_and(|closing| *closing.borrow()) {
                return None;
            }
            let page = self.control.trace(&self.key, self.after, CHUNK)?;
            if page.items.is_empty() {
                sleep(LOOK).await;
                continue;
            }
            self.after = page.next_after;
            self.ready = page.items.into_iter();
        }
    }
}
