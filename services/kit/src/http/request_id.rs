//! The id that one request has in answers, logs and calls to other services.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use uuid::Uuid;

/// Header that carries the id, in and out.
pub const REQUEST_ID: &str = "x-request-id";
/// Longer ids are replaced.
const MAX_LENGTH: usize = 128;

tokio::task_local! {
    static CURRENT: String;
}

/// Id of the request that is being served by this task, if it is one.
pub fn request_id() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Takes the caller's id when it is well-formed, else makes one.
pub(super) async fn layer(mut request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let id = given.filter(|id| is_well_formed(id)).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    let header = HeaderValue::from_str(&id).ok();
    if let Some(value) = header.clone() {
        request.headers_mut().insert(REQUEST_ID, value);
    }
    let mut response = CURRENT.scope(id, next.run(request)).await;
    if let Some(value) = header {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Ids end up in logs and headers, so nothing that could forge a line.
fn is_well_formed(id: &str) -> bool {
    (1..=MAX_LENGTH).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'))
}
