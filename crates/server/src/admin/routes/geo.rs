//! `/geo`, and `/about`, which needs no token.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use mika_client::types::{About, GeoAnswer, GeoQuery, Problem};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Admin;
use super::super::body::Query;
use super::super::problem::Failure;
use super::Reply;
use crate::control::ControlError;
use crate::geo::answer;

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(look_up_places))
}

/// Where an address is, or two, and how far they are from each other.
///
/// Exactly as the files have it, and along the WGS84 ellipsoid. What nothing is known about is
/// `null`.
#[utoipa::path(
    get, path = "/geo", tag = "geo", security(("token" = ["read"])),
    params(GeoQuery),
    responses((status = 200, body = GeoAnswer), (status = 422, body = Problem)),
)]
async fn look_up_places(
    State(admin): State<Admin>,
    Query(query): Query<GeoQuery>,
) -> Reply<GeoAnswer> {
    let address = parse(&query.address)?;
    let other = query.other.as_deref().map(parse).transpose()?;
    Ok(Json(answer(admin.shared.metrics.geo(), address, other)))
}

fn parse(text: &str) -> Result<IpAddr, Failure> {
    let address: Result<IpAddr, _> = text.parse();
    address.map_err(|_| ControlError::Invalid(format!("{text:?} is not an IP address")).into())
}

/// What runs here, and whose data it uses.
#[utoipa::path(
    get, path = "/about", tag = "health",
    responses((status = 200, body = About)),
)]
pub(in super::super) async fn about(State(admin): State<Admin>) -> Json<About> {
    Json(About {
        name: "mika".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        attributions: admin.shared.metrics.geo().attributions(),
    })
}
