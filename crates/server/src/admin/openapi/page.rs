//! The interactive page: every operation with its parameters, to be tried from a browser.
//!
//! It is a few kilobytes of our own and loads nothing from elsewhere: people type a token into it.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;

use super::super::Admin;

/// Only the files of the page itself run, and they talk to this server only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> OpenApiRouter<Admin> {
    let file = |kind: &'static str, text: &'static str| get(async move || answer(kind, text));
    OpenApiRouter::new()
        .route("/docs", file("text/html; charset=utf-8", include_str!("page/page.html")))
        .route("/docs/page.css", file("text/css; charset=utf-8", include_str!("page/page.css")))
        .route(
            "/docs/page.js",
            file("text/javascript; charset=utf-8", include_str!("page/page.js")),
        )
}

fn answer(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let fixed = |name: HeaderName, value| (name, HeaderValue::from_static(value));
    let headers = [
        fixed(header::CONTENT_TYPE, kind),
        fixed(header::CONTENT_SECURITY_POLICY, POLICY),
        fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        fixed(header::REFERRER_POLICY, "no-referrer"),
        fixed(header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text)
}
