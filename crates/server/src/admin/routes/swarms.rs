//! `/swarms`.

use axum::Json;
use axum::extract::State;
use mika_client::types::{
    Problem, SwarmChanges, SwarmChangesQuery, SwarmList, SwarmQuery, SwarmRankQuery, SwarmRanking,
};
use mika_core::Mode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::body::Query;
use super::Reply;
use crate::metrics::{RecentActivity, now_seconds};

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new()
        .routes(routes!(list_swarms))
        .routes(routes!(list_swarm_changes))
        .routes(routes!(rank_swarms))
}

/// The counts of all swarms, part by part.
#[utoipa::path(
    get, path = "/swarms", tag = "swarms", security(("token" = ["read"])),
    params(SwarmQuery),
    responses((status = 200, body = SwarmList), (status = 422, body = Problem)),
)]
async fn list_swarms(
    State(admin): State<Admin>,
    Query(query): Query<SwarmQuery>,
) -> Reply<SwarmList> {
    Ok(Json(admin.control().swarms(query).await?))
}

/// The counts of swarms that have changed since a cursor.
///
/// A cursor counts for an hour, and until the server is restarted. Then the answer is 410: read all
/// swarms again.
#[utoipa::path(
    get, path = "/swarms/changes", tag = "swarms", security(("token" = ["read"])),
    params(SwarmChangesQuery),
    responses(
        (status = 200, body = SwarmChanges),
        (status = 410, body = Problem),
        (status = 422, body = Problem),
    ),
)]
async fn list_swarm_changes(
    State(admin): State<Admin>,
    Query(query): Query<SwarmChangesQuery>,
) -> Reply<SwarmChanges> {
    Ok(Json(admin.control().swarm_changes(query).await?))
}

/// The largest or the busiest swarms.
///
/// All swarms are looked at for it, so ask for it every second at most.
#[utoipa::path(
    get, path = "/swarms/ranking", tag = "swarms", security(("token" = ["read"])),
    params(SwarmRankQuery),
    responses((status = 200, body = SwarmRanking), (status = 422, body = Problem)),
)]
async fn rank_swarms(
    State(admin): State<Admin>,
    Query(query): Query<SwarmRankQuery>,
) -> Reply<SwarmRanking> {
    let activity = match admin.control().tracker().mode() {
        Mode::Private => admin.shared.metrics.flush().activity.watch(now_seconds()),
        // Batches of a public tracker have no sessions.
        Mode::Public => RecentActivity::default(),
    };
    Ok(Json(admin.control().swarm_ranking(query, activity).await?))
}
