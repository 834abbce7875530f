//! How the API says no: problem documents (RFC 9457) with stable codes.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mika_client::types::Problem;
use mika_store::StoreError;
use tracing::warn;

use super::commands::CommandError;
use crate::control::ControlError;

/// An answer other than success.
#[derive(Debug)]
pub(super) struct Failure {
    problem: Box<Problem>,
    /// Seconds after which another try may succeed.
    retry_after: Option<u64>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        let problem = Box::new(Problem {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
        });
        Self { problem, retry_after: None }
    }

    pub(super) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    pub(super) fn not_found(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    pub(super) fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    pub(super) fn bad_request(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(super) fn invalid(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    pub(super) fn unavailable(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status);
        let status = status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let mut response = (status, axum::Json(self.problem)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        // The body may not have been read, in which case the connection cannot be used again.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        let detail = error.to_string();
        match error {
            ControlError::NotFound { code, .. } => Self::new(StatusCode::NOT_FOUND, code, detail),
            ControlError::Conflict { code, .. } => Self::new(StatusCode::CONFLICT, code, detail),
            ControlError::Changed => {
                Self::new(StatusCode::PRECONDITION_FAILED, "changed_meanwhile", detail)
            }
            ControlError::Gone { code, .. } => Self::new(StatusCode::GONE, code, detail),
            ControlError::Invalid(_) => Self::invalid("invalid_value", detail),
            ControlError::NotInForce(_) => Self::logged("not_in_force", detail),
            ControlError::Store(error) => Self::from(error),
            ControlError::Randomness(_) => Self::logged("no_randomness", detail),
            ControlError::Interrupted => Self::logged("interrupted", detail),
            ControlError::Unavailable(_) => Self::logged("unavailable", detail),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        match error {
            StoreError::Unavailable(_) => Self::logged("store_unavailable", detail),
            StoreError::Broken(_) => Self::logged("store_broken", detail),
            StoreError::Conflict(_) => Self::new(StatusCode::CONFLICT, "conflict", detail),
            StoreError::Invalid(_) => Self::invalid("invalid_value", detail),
            StoreError::Unsupported(_) => Self::invalid("not_offered_by_store", detail),
        }
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        let detail = error.to_string();
        match error {
            CommandError::Config(_) => Self::invalid("config_invalid", detail),
            CommandError::Unavailable(_) => Self::logged("unavailable", detail),
        }
    }
}

impl Failure {
    /// Something that the operator, not the caller, has to look after.
    pub(super) fn logged(code: &str, detail: String) -> Self {
        warn!(code, detail, "an admin request failed");
        Self::unavailable(code, detail)
    }
}

pub(super) async fn not_found() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "route_not_found", "there is nothing at this path")
}

pub(super) async fn method_not_allowed() -> Failure {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    Failure::new(status, "method_not_allowed", "this path is not for this method")
}
