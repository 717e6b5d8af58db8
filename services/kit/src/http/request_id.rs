//! The id that one request has in answers, logs and calls to other services.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::clock::{Clock, SystemClock};

/// Header that carries the id, in and out.
pub const REQUEST_ID: &str = "x-request-id";
/// [`REQUEST_ID`].
pub(super) const NAME: HeaderName = HeaderName::from_static(REQUEST_ID);
/// Longer ids are replaced.
const MAX_LENGTH: usize = 128;

tokio::task_local! {
    pub(super) static CURRENT: RequestId;
}

/// A request's id: letters, digits, `-`, `_`, `.` and `:`. Clones share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

/// Id of the request that is being served by this task, if it is one.
pub fn request_id() -> Option<RequestId> {
    CURRENT.try_with(Clone::clone).ok()
}

impl RequestId {
    /// The caller's id when it is well-formed, else a new one.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(NAME).filter(|id| is_well_formed(id.as_bytes()));
        given.map_or_else(Self::generate, |id| Self(id.clone()))
    }

    fn generate() -> Self {
        let milliseconds = u64::try_from(SystemClock.now().timestamp_millis()).unwrap_or_default();
        // Random numbers of this thread: the crate's own function asks the kernel each time.
        let id = uuid::Builder::from_unix_timestamp_millis(milliseconds, &rand::random()).into_uuid();
        let mut text = Uuid::encode_buffer();
        let text = id.hyphenated().encode_lower(&mut text);
        Self(HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("")))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// As the header's value.
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Gives each request its id, where nothing else is observed of it.
pub(super) async fn layer(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    let header = id.header();
    request.headers_mut().insert(NAME, header.clone());
    let mut response = CURRENT.scope(id, next.run(request)).await;
    response.headers_mut().insert(NAME, header);
    response
}

/// Ids end up in logs and headers, so nothing that could forge a line.
fn is_well_formed(id: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    (1..=MAX_LENGTH).contains(&id.len()) && id.iter().all(allowed)
}
