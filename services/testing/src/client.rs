//! Requests to a router without a socket.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::BodyExt as _;
use serde::Serialize;
use tower::ServiceExt as _;

use crate::answer::Answer;
use crate::contract::Contract;

/// Sends requests to a router. Clones share it.
#[derive(Clone)]
pub struct Client {
    router: Router,
    headers: Vec<(HeaderName, HeaderValue)>,
    contract: Option<Arc<Held>>,
}

/// What answers are held against.
pub(crate) struct Held {
    pub(crate) contract: Contract,
    /// Names that older clients use, and the described paths that they stand for.
    pub(crate) aliases: Vec<(&'static str, &'static str)>,
}

impl Client {
    /// A client of `router`.
    pub fn new(router: Router) -> Self {
        Self { router, headers: Vec::new(), contract: None }
    }

    /// The same client, which stops the test at an answer that differs from the description of the API.
    pub(crate) fn held_against(self, contract: Arc<Held>) -> Self {
        Self { contract: Some(contract), ..self }
    }

    /// The same client with a header on each request.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        let name = HeaderName::try_from(name).expect("the header's name is valid");
        client.headers.push((name, HeaderValue::try_from(value).expect("the header's value is valid")));
        client
    }

    /// The same client with a bearer token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        self.with_header("authorization", &format!("Bearer {token}"))
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &impl Serialize) -> Answer {
        self.json(Method::POST, path, body).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: &impl Serialize) -> Answer {
        self.json(Method::PUT, path, body).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: &impl Serialize) -> Answer {
        self.json(Method::PATCH, path, body).await
    }

    /// Any method with a JSON body.
    pub async fn json(&self, method: Method, path: &str, body: &impl Serialize) -> Answer {
        let body = serde_json::to_string(body).expect("the body can be written");
        self.with_header("content-type", "application/json").send(method, path, Some(body)).await
    }

    /// Any method, with any body if there is one; its media type is one of the client's headers.
    pub async fn send(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        let body = body.map_or_else(Body::empty, Body::from);
        let request = Request::builder().method(method).uri(path).body(body);
        self.request(request.expect("the request is valid")).await
    }

    /// Any request; the client's headers are added.
    pub async fn request(&self, mut request: Request<Body>) -> Answer {
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.expect("a router always answers");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the body can be read").to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let answer = Answer { status: parts.status, headers: parts.headers, text };
        if let Some(held) = &self.contract {
            held.stop_at_differences(&method, &path, &answer);
        }
        answer
    }
}

impl Held {
    fn stop_at_differences(&self, method: &Method, path: &str, answer: &Answer) {
        let alias = self.aliases.iter().find(|(alias, _)| crate::contract::matches(alias, path));
        // A parameter's value does not matter where only the described path is looked for.
        let described = alias.map_or(path, |(_, described)| described);
        let differences = self.contract.differences(method, described, answer).unwrap_or_default();
        assert!(differences.is_empty(), "{}\nin {}", differences.join("\n"), answer.text);
    }
}
