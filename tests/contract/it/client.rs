//! Requests, by the ways in which clients may send them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::shape::assert_shape;

/// How a client reaches the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// At the port of the service itself.
    Direct,
    /// Through the gateway, below `/api/v1`.
    Versioned,
    /// Through the gateway, by the bare path.
    Bare,
}

/// Where a platform is.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    pub(crate) gateway: String,
    pub(crate) auth: String,
    pub(crate) order: String,
    pub(crate) notification: String,
}

impl Addresses {
    fn url(&self, entrance: Entrance, path: &str) -> String {
        match entrance {
            Entrance::Versioned => format!("{}/api/v1{path}", self.gateway),
            Entrance::Bare => format!("{}{path}", self.gateway),
            Entrance::Direct => {
                let service = match path.split(['/', '?']).nth(1) {
                    Some("auth") => &self.auth,
                    Some("orders") => &self.order,
                    Some("notifications") => &self.notification,
                    _ => panic!("{path} has no service of its own"),
                };
                format!("{service}{path}")
            }
        }
    }
}

/// Someone who sends requests.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    addresses: Addresses,
    entrance: Entrance,
    token: Option<String>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Client {
    /// Someone without a token.
    pub(crate) fn new(addresses: Addresses, entrance: Entrance) -> Self {
        Self { http: reqwest::Client::new(), addresses, entrance, token: None }
    }

    /// The same, with `Authorization: Bearer <token>`.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// POST without a body.
    pub(crate) async fn post_empty(&self, path: &str) -> Answer {
        self.send(Method::POST, path, None).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut request = self.http.request(method, self.addresses.url(self.entrance, path));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, headers, body }
    }
}

impl Answer {
    /// Asserts status and shape, and returns the body.
    #[track_caller]
    pub(crate) fn is(self, status: u16, expected: &Value) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        assert_shape(&self.body, expected);
        self.body
    }

    /// Asserts the status of a success, and returns the body.
    #[track_caller]
    pub(crate) fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        self.body
    }

    /// Asserts that this is an error with that status, in the form that all errors have.
    #[track_caller]
    pub(crate) fn problem(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let mut expected = json!({
            "type": "<string>", "title": "<string>", "status": status, "detail": "<string>", "instance": "<string>",
        });
        if let Some(errors) = self.body["errors"].as_array() {
            let error = json!({ "field": "<string>", "code": "<string>", "message": "<string>" });
            expected["errors"] = errors.iter().map(|_| error.clone()).collect();
        }
        assert_shape(&self.body, &expected);
        assert_eq!(self.headers["x-request-id"], self.body["instance"].as_str().unwrap());
        self.body
    }

    /// Asserts a 400 that names exactly these fields.
    #[track_caller]
    pub(crate) fn refuses(self, fields: &[&str]) {
        let body = self.problem(400);
        let mut named: Vec<&str> = body["errors"]
            .as_array()
            .unwrap_or_else(|| panic!("no field is named: {body:#}"))
            .iter()
            .map(|error| error["field"].as_str().unwrap())
            .collect();
        named.sort_unstable();
        named.dedup();
        assert_eq!(named, fields, "{body:#}");
    }
}
