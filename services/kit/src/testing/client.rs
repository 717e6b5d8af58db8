//! Requests to a router without a socket.

use axum::Router;
use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt;

/// Sends requests to a router. Clones share it.
#[derive(Clone)]
pub struct TestClient {
    router: Router,
    headers: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Debug)]
pub struct TestResponse {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

#[expect(clippy::expect_used, reason = "a test whose request cannot be made has to stop")]
impl TestClient {
    /// A client of `router`.
    pub fn new(router: Router) -> Self {
        Self { router, headers: Vec::new() }
    }

    /// The same client with a header on each request.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// The same client with a bearer token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        self.with_header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// GET.
    pub async fn get(&self, path: &str) -> TestResponse {
        self.send(Method::GET, path, None::<&()>).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &impl Serialize) -> TestResponse {
        self.send(Method::POST, path, Some(body)).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: &impl Serialize) -> TestResponse {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: &impl Serialize) -> TestResponse {
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> TestResponse {
        self.send(Method::DELETE, path, None::<&()>).await
    }

    /// Any method, with a JSON body if there is one.
    pub async fn send(&self, method: Method, path: &str, body: Option<&impl Serialize>) -> TestResponse {
        let body = body.map(|body| serde_json::to_vec(body).expect("the body can be written"));
        let mut request = Request::builder().method(method).uri(path);
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        self.send_request(
            request.body(body.map_or_else(Body::empty, Body::from)).expect("the request is valid"),
        )
        .await
    }

    /// Any request; the client's headers are added.
    pub async fn send_request(&self, mut request: Request<Body>) -> TestResponse {
        for (name, value) in &self.headers {
            let name = http::HeaderName::try_from(name).expect("the header's name is valid");
            request.headers_mut().insert(name, value.parse().expect("the header's value is valid"));
        }
        let response = self.router.clone().oneshot(request).await.expect("a router always answers");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the body can be read").to_bytes().to_vec();
        TestResponse { status: parts.status, headers: parts.headers, body }
    }
}

#[expect(clippy::expect_used, reason = "a test whose answer cannot be read has to stop")]
impl TestResponse {
    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).expect("the body has the expected shape")
    }

    /// The body as any JSON.
    pub fn value(&self) -> Value {
        self.json()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
