//! `ETag` and `If-Match`: a change is made only to the version that its author has seen.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::problem::Failure;
use crate::control::{Expected, Versioned};

/// The `If-Match` header; anything goes without one, and with `*`.
pub(super) struct IfMatch(pub(super) Expected);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(expected(&parts.headers)?))
    }
}

fn expected(headers: &HeaderMap) -> Result<Expected, Failure> {
    let mut versions = Vec::new();
    let mut is_given = false;
    for value in headers.get_all(header::IF_MATCH) {
        is_given = true;
        let malformed = || {
            let detail = "If-Match is neither `*` nor tags in quotes, such as an ETag of this API";
            Failure::bad_request("invalid_if_match", detail)
        };
        let text = value.to_str().map_err(|_| malformed())?;
        for tag in text.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
            if tag == "*" {
                return Ok(Expected::Anything);
            }
            // A weak tag never matches (RFC 9110, 13.1.1).
            let opaque = tag.strip_prefix("W/").unwrap_or(tag);
            let opaque = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            let opaque = opaque.ok_or_else(malformed)?;
            if !tag.starts_with("W/") {
                versions.extend(u64::from_str_radix(opaque, 16).ok());
            }
        }
    }
    Ok(if is_given { Expected::OneOf(versions) } else { Expected::Anything })
}

/// A record in JSON, with its version in `ETag`.
pub(super) struct Tagged<T>(pub(super) StatusCode, pub(super) T);

impl<T> Tagged<T> {
    /// With the status 200.
    pub(super) fn ok(record: T) -> Self {
        Self(StatusCode::OK, record)
    }

    /// With the status 201.
    pub(super) fn created(record: T) -> Self {
        Self(StatusCode::CREATED, record)
    }
}

impl<T: Versioned + Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let tag = format!("\"{:016x}\"", self.1.version());
        let mut response = (self.0, Json(self.1)).into_response();
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&'static str]) -> Result<Expected, u16> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_MATCH, HeaderValue::from_static(value));
        }
        expected(&headers).map_err(|failure| failure.into_response().status().as_u16())
    }

    #[test]
    fn tags_are_read_from_all_headers_and_weak_ones_match_nothing() {
        assert_eq!(of(&[]), Ok(Expected::Anything));
        assert_eq!(of(&["*"]), Ok(Expected::Anything));
        assert_eq!(of(&["\"a\", \"b\"", "\"c\""]), Ok(Expected::OneOf(vec![10, 11, 12])));
        assert_eq!(of(&["W/\"a\""]), Ok(Expected::OneOf(vec![])));
        assert_eq!(of(&["\"not hexadecimal\""]), Ok(Expected::OneOf(vec![])));
        assert_eq!(of(&["a"]), Err(400));
        assert_eq!(of(&["\""]), Err(400));
    }
}
