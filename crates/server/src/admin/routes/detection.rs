//! `/detection`: findings about cheaters, and what is done about them.

use axum::Json;
use axum::body::Body as RawBody;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use futures_util::stream;
use mika_client::types::{
    CursorPage, DetectionStatus, ExemptTorrent, Finding, FindingConfirmation, FindingDismissal,
    FindingQuery, Page, Problem, RestraintChange, Suspect, SuspectQuery, WithheldCredit,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::body::{Body, Path, Query, info_hash};
use super::super::etag::{IfMatch, Tagged};
use super::super::problem::Failure;
use super::{Gone, Reply};
use crate::control::{ControlError, Withheld};

const JSON_LINES: &str = "application/x-ndjson";
/// Findings that are exported at a time.
const CHUNK: usize = 500;

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new()
        .routes(routes!(get_detection))
        .routes(routes!(list_findings))
        .routes(routes!(get_finding))
        .routes(routes!(dismiss_finding))
        .routes(routes!(confirm_finding))
        .routes(routes!(export_findings))
        .routes(routes!(list_suspects))
        .routes(routes!(get_suspect, restrain_suspect))
        .routes(routes!(release_withheld))
        .routes(routes!(drop_withheld))
        .routes(routes!(list_exempt_torrents))
        .routes(routes!(exempt_torrent, unexempt_torrent))
}

/// What detection has seen and holds, and what people made of each detector's findings.
#[utoipa::path(
    get, path = "/detection", tag = "detection", security(("token" = ["read"])),
    responses((status = 200, body = DetectionStatus)),
)]
async fn get_detection(State(admin): State<Admin>) -> Reply<DetectionStatus> {
    Ok(Json(admin.control().detection_status().await?))
}

/// Findings, the newest first.
#[utoipa::path(
    get, path = "/detection/findings", tag = "detection", security(("token" = ["read"])),
    params(FindingQuery),
    responses(
        (status = 200, body = CursorPage<Finding>),
        (status = 404, body = Problem, description = "No such user."),
    ),
)]
async fn list_findings(
    State(admin): State<Admin>,
    Query(query): Query<FindingQuery>,
) -> Reply<CursorPage<Finding>> {
    Ok(Json(admin.control().findings(query).await?))
}

/// One finding, with everything that is needed to recompute it.
#[utoipa::path(
    get, path = "/detection/findings/{id}", tag = "detection", security(("token" = ["read"])),
    params(("id" = u64, Path, description = "The finding's number.")),
    responses(
        (status = 200, body = Finding),
        (status = 404, body = Problem, description = "No such finding, or not any more."),
    ),
)]
async fn get_finding(
    State(admin): State<Admin>,
    Path(id): Path<u64>,
) -> Result<Tagged<Finding>, Failure> {
    Ok(Tagged::ok(admin.control().inspect(move |it| it.finding(id)).await?))
}

/// Says that a finding is not what it seems: what it added to the score is taken back.
#[utoipa::path(
    post, path = "/detection/findings/{id}/dismiss", tag = "detection",
    security(("token" = ["users:write"])),
    params(
        ("id" = u64, Path, description = "The finding's number."),
        ("If-Match" = Option<String>, Header, description = "Only if this is its `ETag`."),
    ),
    request_body = FindingDismissal,
    responses(
        (status = 200, body = Finding),
        (status = 404, body = Problem, description = "No such finding, or not any more."),
        (status = 409, body = Problem, description = "Somebody has judged it already."),
        (status = 412, body = Problem),
    ),
)]
async fn dismiss_finding(
    State(admin): State<Admin>,
    Path(id): Path<u64>,
    IfMatch(expected): IfMatch,
    Body(FindingDismissal { reason }): Body<FindingDismissal>,
) -> Result<Tagged<Finding>, Failure> {
    let judged = admin.control().inspect(move |it| it.dismiss(id, &reason, &expected)).await;
    Ok(Tagged::ok(judged?))
}

/// Says that a finding is right: two nats more.
#[utoipa::path(
    post, path = "/detection/findings/{id}/confirm", tag = "detection",
    security(("token" = ["users:write"])),
    params(
        ("id" = u64, Path, description = "The finding's number."),
        ("If-Match" = Option<String>, Header, description = "Only if this is its `ETag`."),
    ),
    request_body = FindingConfirmation,
    responses(
        (status = 200, body = Finding),
        (status = 404, body = Problem, description = "No such finding, or not any more."),
        (status = 409, body = Problem, description = "Somebody has judged it already."),
        (status = 412, body = Problem),
    ),
)]
async fn confirm_finding(
    State(admin): State<Admin>,
    Path(id): Path<u64>,
    IfMatch(expected): IfMatch,
    Body(FindingConfirmation { label }): Body<FindingConfirmation>,
) -> Result<Tagged<Finding>, Failure> {
    let judged = admin.control().inspect(move |it| it.confirm(id, &label, &expected)).await;
    Ok(Tagged::ok(judged?))
}

/// All findings that are kept as JSON lines, the oldest first.
#[utoipa::path(
    get, path = "/detection/export", tag = "detection", security(("token" = ["read"])),
    responses((status = 200, body = String, content_type = "application/x-ndjson")),
)]
async fn export_findings(State(admin): State<Admin>) -> Result<impl IntoResponse, Failure> {
    let control = admin.control().clone();
    control.inspect(|_| Ok(())).await?;
    let lines = stream::try_unfold((control, 0), |(control, after)| async move {
        let part = control.inspect(move |it| Ok(it.findings_after(after, CHUNK))).await?;
        let Some(last) = part.last().map(|finding| finding.id) else { return Ok(None) };
        let mut text = String::new();
        for finding in &part {
            text.push_str(&serde_json::to_string(finding).unwrap_or_default());
            text.push('\n');
        }
        Ok::<_, ControlError>(Some((text, (control, last))))
    });
    Ok(([(header::CONTENT_TYPE, JSON_LINES)], RawBody::from_stream(lines)))
}

/// Users that something is held against, the highest score first.
#[utoipa::path(
    get, path = "/detection/suspects", tag = "detection", security(("token" = ["read"])),
    params(SuspectQuery),
    responses((status = 200, body = CursorPage<Suspect>)),
)]
async fn list_suspects(
    State(admin): State<Admin>,
    Query(query): Query<SuspectQuery>,
) -> Reply<CursorPage<Suspect>> {
    Ok(Json(admin.control().suspects(query).await?))
}

/// What is held against a user, and what was done about it.
#[utoipa::path(
    get, path = "/detection/suspects/{user}", tag = "detection", security(("token" = ["read"])),
    params(("user" = String, Path, description = "Id, name or passkey.")),
    responses(
        (status = 200, body = Suspect),
        (status = 404, body = Problem, description = "No such user."),
    ),
)]
async fn get_suspect(State(admin): State<Admin>, Path(user): Path<String>) -> Reply<Suspect> {
    Ok(Json(admin.control().suspect(&user).await?))
}

/// Warns a user, withholds credit, closes the account, or undoes that. What is absent stays.
#[utoipa::path(
    patch, path = "/detection/suspects/{user}", tag = "detection",
    security(("token" = ["users:write"])),
    params(("user" = String, Path, description = "Id, name or passkey.")),
    request_body = RestraintChange,
    responses(
        (status = 200, body = Suspect),
        (status = 404, body = Problem, description = "No such user."),
        (status = 409, body = Problem, description = "`detection.mode` is not \"enforce\"."),
    ),
)]
async fn restrain_suspect(
    State(admin): State<Admin>,
    Path(user): Path<String>,
    Body(change): Body<RestraintChange>,
) -> Reply<Suspect> {
    Ok(Json(admin.control().restrain(&user, change).await?))
}

/// Gives a user the credit for upload that was withheld.
#[utoipa::path(
    post, path = "/detection/suspects/{user}/withheld/release", tag = "detection",
    security(("token" = ["users:write"])),
    params(("user" = String, Path, description = "Id, name or passkey.")),
    responses(
        (status = 200, body = WithheldCredit),
        (status = 404, body = Problem, description = "No such user."),
    ),
)]
async fn release_withheld(
    State(admin): State<Admin>,
    Path(user): Path<String>,
) -> Reply<WithheldCredit> {
    decide(&admin, &user, Withheld::Release).await
}

/// Drops the credit for upload that was withheld from a user: it is never given.
#[utoipa::path(
    post, path = "/detection/suspects/{user}/withheld/drop", tag = "detection",
    security(("token" = ["users:write"])),
    params(("user" = String, Path, description = "Id, name or passkey.")),
    responses(
        (status = 200, body = WithheldCredit),
        (status = 404, body = Problem, description = "No such user."),
    ),
)]
async fn drop_withheld(
    State(admin): State<Admin>,
    Path(user): Path<String>,
) -> Reply<WithheldCredit> {
    decide(&admin, &user, Withheld::Drop).await
}

async fn decide(admin: &Admin, user: &str, decision: Withheld) -> Reply<WithheldCredit> {
    // What was announced until now is withheld, too, and counted in the answer.
    admin.shared.commands.flush().await?;
    let (user_id, bytes) = admin.control().decide_withheld(user, decision).await?;
    // It is decided once it is in the journal.
    admin.shared.commands.flush().await?;
    Ok(Json(WithheldCredit { user_id, bytes }))
}

/// Torrents that other trackers have, too, so that their books need not balance.
#[utoipa::path(
    get, path = "/detection/exempt-torrents", tag = "detection", security(("token" = ["read"])),
    responses((status = 200, body = Page<ExemptTorrent>)),
)]
async fn list_exempt_torrents(State(admin): State<Admin>) -> Reply<Page<ExemptTorrent>> {
    Ok(Json(admin.control().exempt_torrents().await?))
}

/// Says that not all peers of a torrent are known here.
#[utoipa::path(
    put, path = "/detection/exempt-torrents/{info_hash}", tag = "detection",
    security(("token" = ["torrents:write"])),
    params(("info_hash" = String, Path, description = "Either of its hashes.")),
    responses(
        (status = 200, body = ExemptTorrent),
        (status = 404, body = Problem, description = "No such torrent."),
        (status = 409, body = Problem, description = "Too many are exempt."),
    ),
)]
async fn exempt_torrent(
    State(admin): State<Admin>,
    Path(hash): Path<String>,
) -> Reply<ExemptTorrent> {
    Ok(Json(admin.control().exempt_torrent(info_hash(&hash)?).await?))
}

/// Says that all peers of a torrent are known here.
#[utoipa::path(
    delete, path = "/detection/exempt-torrents/{info_hash}", tag = "detection",
    security(("token" = ["torrents:write"])),
    params(("info_hash" = String, Path, description = "Either of its hashes.")),
    responses(
        (status = 204, description = "It is exempt no more."),
        (status = 404, body = Problem, description = "It was not exempt."),
    ),
)]
async fn unexempt_torrent(State(admin): State<Admin>, Path(hash): Path<String>) -> Gone {
    admin.control().unexempt_torrent(info_hash(&hash)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
