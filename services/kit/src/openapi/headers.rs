//! Headers of answers.

use http::StatusCode;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Response};

const REQUEST_ID: &str = "RequestId";
const RETRY_AFTER: &str = "RetryAfter";
const LOCATION: &str = "Location";
const WWW_AUTHENTICATE: &str = "WwwAuthenticate";

/// Every header that answers share, by its name among the components.
pub(super) fn all() -> Vec<(&'static str, Header)> {
    vec![
        (
            REQUEST_ID,
            header(Type::String, "Id of the request, as in the logs. The caller's own where it sent one."),
        ),
        (RETRY_AFTER, header(Type::Integer, "Seconds after which the same request may be sent again.")),
        (LOCATION, header(Type::String, "Path of what was created.")),
        (WWW_AUTHENTICATE, header(Type::String, "`Bearer` (RFC 6750).")),
    ]
}

fn header(kind: Type, description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(kind).build()))
        .description(Some(description))
        .build()
}

/// Adds the headers that an answer of that status has.
pub(super) fn describe(status: &str, response: &mut Response) {
    let mut add = |name: &str, component: &str| {
        let reference = Ref::new(format!("#/components/headers/{component}"));
        response.headers.entry(name.to_owned()).or_insert(RefOr::Ref(reference));
    };
    add("X-Request-Id", REQUEST_ID);
    match status.parse().ok().and_then(|code: u16| StatusCode::from_u16(code).ok()) {
        Some(StatusCode::CREATED) => add("Location", LOCATION),
        Some(StatusCode::UNAUTHORIZED) => add("WWW-Authenticate", WWW_AUTHENTICATE),
        Some(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
            add("Retry-After", RETRY_AFTER);
        }
        _ => {}
    }
}
