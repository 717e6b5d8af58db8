//! Errors as the API answers them: RFC 9457 `application/problem+json`.

mod catalogue;
mod responses;

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE as CONTENT_TYPE_HEADER, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use crate::database::Error;

pub use crate::validation::FieldError;
pub use catalogue::{Code, codes, groups, markdown};
pub use responses::{CODES, CodeList, Problems};
pub(crate) use responses::{codes_of, responses};

/// Start of every problem's `type`; its code follows. Relative to the API's address, so that the same type leads to
/// the page of the shop that answered it, and in full from the root, as RFC 9457 section 3.1.1 asks.
pub const TYPE_PREFIX: &str = "/docs/problems#";
/// Media type of every error (RFC 9457 section 6.1).
pub const CONTENT_TYPE: &str = "application/problem+json";

/// Seconds after which a client may try again when a store is unavailable.
const UNAVAILABLE_RETRY_SECONDS: u64 = 2;
/// Seconds after which a client may try again when another transaction was in the way.
const CONTENDED_RETRY_SECONDS: u64 = 1;

/// An error answer. Never carries a cause: whoever makes a 5xx logs the cause first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<u64>,
    allow: Option<String>,
}

/// An error, as RFC 9457 describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// What went wrong: the address of its description, which ends in a code for programs.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", example = "/docs/problems#validation")]
    pub kind: String,
    /// What went wrong in a few words, the same for every problem of this type.
    #[schema(example = "Invalid fields")]
    pub title: String,
    /// HTTP status.
    #[schema(minimum = 400, maximum = 599, example = 400)]
    pub status: u16,
    /// What went wrong this time, for people.
    #[schema(example = "The request has invalid fields.")]
    pub detail: String,
    /// Id of the request, as in the header `X-Request-Id` and in the logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "019c6b1e-0000-7000-8000-000000000001")]
    pub instance: Option<String>,
    /// Fields that were refused; only with the code `validation`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// The problem of that code, with the catalogue's words.
    pub fn of(code: Code) -> Self {
        Self {
            code,
            detail: format!("{}.", code.title()),
            errors: Vec::new(),
            retry_after: None,
            allow: None,
        }
    }

    /// 400.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::of(Code::BadRequest).with_detail(detail)
    }

    /// 400 that names the refused fields.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::of(Code::Validation).with_detail("The request has invalid fields.") }
    }

    /// 400 for one field.
    pub fn field(
        field: impl Into<String>,
        code: impl Into<std::borrow::Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self::validation(vec![FieldError::new(field, code, message)])
    }

    /// 401.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::of(Code::Unauthorized).with_detail(detail)
    }

    /// 403.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::of(Code::Forbidden).with_detail(detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::of(Code::NotFound).with_detail(detail)
    }

    /// 405 with `Allow`.
    pub fn method_not_allowed(allowed: &[&str]) -> Self {
        let detail = "This path does not know this method.";
        Self { allow: Some(allowed.join(",")), ..Self::of(Code::MethodNotAllowed).with_detail(detail) }
    }

    /// 413 for a body of more than `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        Self::of(Code::TooLarge).with_detail(format!("The body is larger than {}.", size(limit)))
    }

    /// 429 with `Retry-After`.
    pub fn too_many(retry_after_seconds: u64) -> Self {
        Self::of(Code::TooManyRequests).retry_after_seconds(retry_after_seconds)
    }

    /// 503 with `Retry-After`.
    pub fn unavailable(retry_after_seconds: u64) -> Self {
        Self::of(Code::Unavailable)
            .with_detail("The service cannot answer right now. Please try again.")
            .retry_after_seconds(retry_after_seconds)
    }

    /// 500. Log the cause before: it is not shown.
    pub fn internal() -> Self {
        Self::of(Code::Internal).with_detail("Something went wrong on our side.")
    }

    /// The same problem under another code, and its status.
    #[must_use]
    pub fn with_code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// The same problem with another detail.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// The same problem with `Retry-After`.
    #[must_use]
    pub fn retry_after_seconds(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// HTTP status.
    pub fn status(&self) -> StatusCode {
        self.code.status()
    }

    /// Word for programs; the end of `type`.
    pub fn code(&self) -> Code {
        self.code
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
            kind: format!("{TYPE_PREFIX}{}", self.code.as_str()),
            title: self.code.title().to_owned(),
            status: self.status().as_u16(),
            detail: self.detail.clone(),
            instance: crate::http::request_id().map(|id| id.to_string()),
            errors: self.errors.clone(),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status().as_u16(), self.code.as_str(), self.detail)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.body()).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE_HEADER, HeaderValue::from_static(CONTENT_TYPE));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.allow.as_ref().and_then(|methods| HeaderValue::from_str(methods).ok()) {
            headers.insert(ALLOW, allow);
        }
        if self.status() == StatusCode::UNAUTHORIZED {
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
                Self::of(Code::TooLarge).with_detail("The request holds more than can be announced.")
            }
            Error::Constraint { .. } | Error::Statement(_) | Error::Column { .. } => {
                tracing::error!(%error, "database refused a statement");
                Self::internal()
            }
        }
    }
}

/// `1 MiB`, `64 KiB`, or bytes where it is neither.
fn size(bytes: usize) -> String {
    const KIB: usize = 1024;
    match bytes {
        _ if bytes >= KIB * KIB && bytes.is_multiple_of(KIB * KIB) => format!("{} MiB", bytes / KIB / KIB),
        _ if bytes >= KIB && bytes.is_multiple_of(KIB) => format!("{} KiB", bytes / KIB),
        _ => format!("{bytes} bytes"),
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
                "type": "/docs/problems#validation",
                "title": "Invalid fields",
                "status": 400,
                "detail": "The request has invalid fields.",
                "errors": [{"field": "email", "code": "required", "message": "is missing"}],
            })
        );
    }

    #[test]
    fn an_unavailable_store_is_503_with_retry_after() {
        let response = Problem::from(Error::Unavailable("gone".to_owned())).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        assert_eq!(response.headers()[CONTENT_TYPE_HEADER], "application/problem+json");
    }

    #[test]
    fn a_body_too_large_says_the_limit() {
        for (limit, words) in
            [(1 << 20, "1 MiB"), (10 << 20, "10 MiB"), (2048, "2 KiB"), (1000, "1000 bytes")]
        {
            assert_eq!(Problem::too_large(limit).detail(), format!("The body is larger than {words}."));
        }
    }

    #[test]
    fn no_cause_is_shown() {
        let problem = Problem::from(Error::column("secret_column", "is no number"));
        assert_eq!(problem.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!serde_json::to_string(&problem.body()).unwrap().contains("secret_column"));
    }
}
