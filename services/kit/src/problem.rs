//! Errors as the API answers them: RFC 9457 `application/problem+json`.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use crate::database::Error;

/// Start of every problem's `type`; its code follows.
pub const TYPE_PREFIX: &str = "https://shopflow.dev/problems/";

/// Seconds after which a client may try again when a store is unavailable.
const UNAVAILABLE_RETRY_SECONDS: u64 = 2;
/// Seconds after which a client may try again when another transaction was in the way.
const CONTENDED_RETRY_SECONDS: u64 = 1;

/// One field that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Path of the field, such as `items[0].quantity`.
    pub field: String,
    /// Stable word for programs, such as `required`.
    pub code: String,
    /// Sentence for people.
    pub message: String,
}

impl FieldError {
    /// A refused field.
    pub fn new(field: impl Into<String>, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), code: code.into(), message: message.into() }
    }
}

/// An error answer. Never carries a cause: whoever makes a 5xx logs the cause first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<u64>,
}

/// The body of a [`Problem`], for clients and the API description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProblemBody {
    /// [`TYPE_PREFIX`] and the problem's code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What went wrong, for people.
    pub detail: String,
    /// Id of the request, as in the logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Fields that were refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// A problem with any status and code; the named constructors cover the usual ones.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self { status, code: code.into(), detail: detail.into(), errors: Vec::new(), retry_after: None }
    }

    /// 400.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// 400 that names the refused fields.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::new(StatusCode::BAD_REQUEST, "validation", "The request has invalid fields.");
        problem.errors = errors;
        problem
    }

    /// 400 for one field.
    pub fn field(field: impl Into<String>, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::validation(vec![FieldError::new(field, code, message)])
    }

    /// 401.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// 403.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 409 with its own code, such as `email_taken`.
    pub fn conflict(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422.
    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", detail)
    }

    /// 429 with `Retry-After`.
    pub fn too_many(retry_after_seconds: u64) -> Self {
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests.");
        problem.retry_after = Some(retry_after_seconds);
        problem
    }

    /// 503 with `Retry-After`.
    pub fn unavailable(retry_after_seconds: u64) -> Self {
        let detail = "The service cannot answer right now. Please try again.";
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        problem.retry_after = Some(retry_after_seconds);
        problem
    }

    /// 500. Log the cause before: it is not shown.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side.")
    }

    /// The same problem under another code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = code.into();
        self
    }

    /// The same problem with another detail.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Stable word for programs; the end of `type`.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Sentence for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Fields that were refused.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// Seconds in `Retry-After`.
    pub fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    /// The JSON body, with the current request's id when inside one.
    pub fn body(&self) -> ProblemBody {
        ProblemBody {
            kind: format!("{TYPE_PREFIX}{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            instance: crate::http::request_id().map(|id| id.to_string()),
            errors: self.errors.clone(),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.body()).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Error> for Problem {
    /// A database that is unavailable or contended becomes 503, anything else 500. Logged here, once.
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(_) => {
                tracing::warn!(%error, "database unavailable");
                Self::unavailable(UNAVAILABLE_RETRY_SECONDS)
            }
            Error::Contended(_) => {
                tracing::warn!(%error, "statement gave way to another transaction");
                Self::unavailable(CONTENDED_RETRY_SECONDS)
            }
            Error::EventTooLarge { .. } => {
                tracing::warn!(%error, "event too large");
                Self::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "too_large",
                    "The request holds more than can be announced.",
                )
            }
            Error::Constraint { .. } | Error::Statement(_) | Error::Column { .. } => {
                tracing::error!(%error, "database refused a statement");
                Self::internal()
            }
        }
    }
}

impl From<sqlx::Error> for Problem {
    /// A store that is away becomes 503, anything else 500. Logged here, once.
    fn from(error: sqlx::Error) -> Self {
        if crate::database::is_away(&error) {
            tracing::warn!(error = %error, "database is away");
            Self::unavailable(UNAVAILABLE_RETRY_SECONDS)
        } else {
            tracing::error!(error = %error, "database refused a statement");
            Self::internal()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_documented_shape() {
        let body = serde_json::to_value(Problem::field("email", "required", "is missing").body()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "type": "https://shopflow.dev/problems/validation",
                "title": "Bad Request",
                "status": 400,
                "detail": "The request has invalid fields.",
                "errors": [{"field": "email", "code": "required", "message": "is missing"}],
            })
        );
    }

    #[test]
    fn a_store_that_is_unavailable_is_503_with_retry_after() {
        let response = Problem::from(Error::Unavailable("gone".to_owned())).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    }

    #[test]
    fn no_cause_is_shown() {
        let problem = Problem::from(Error::column("secret_column", "is no number"));
        assert_eq!(problem.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!serde_json::to_string(&problem.body()).unwrap().contains("secret_column"));
    }
}
