//! Requests, by the ways in which clients may send them. Every answer is held against the description of the API.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;
use serde_json::Value;
use testing::{Answer, Described};

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

/// Where a platform is, and how its services and its gateway describe what they answer.
#[derive(Clone)]
pub(crate) struct Addresses(pub(crate) Arc<HashMap<&'static str, (String, Arc<Described>)>>);

impl Addresses {
    /// A client of the service that answers `path`, which it knows by the path that is returned.
    fn client(&self, entrance: Entrance, path: &str) -> (testing::Client, String) {
        let (service, path) = match entrance {
            Entrance::Versioned => ("gateway", format!("/api/v1{path}")),
            Entrance::Bare => ("gateway", path.to_owned()),
            Entrance::Direct => {
                let service = match path.split(['/', '?']).nth(1) {
                    Some("auth") => "auth",
                    Some("orders") => "order",
                    Some("notifications") => "notification",
                    _ => panic!("{path} has no service of its own"),
                };
                (service, path.to_owned())
            }
        };
        let (url, described) = &self.0[service];
        (testing::Client::at(url).held_against(Arc::clone(described)), path)
    }
}

/// Someone who sends requests.
#[derive(Clone)]
pub(crate) struct Client {
    addresses: Addresses,
    entrance: Entrance,
    token: Option<String>,
}

impl Client {
    /// Someone without a token.
    pub(crate) fn new(addresses: Addresses, entrance: Entrance) -> Self {
        Self { addresses, entrance, token: None }
    }

    /// The same, with `Authorization: Bearer <token>`.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same by another way.
    pub(crate) fn by(&self, entrance: Entrance) -> Self {
        Self { entrance, ..self.clone() }
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
        let (client, path) = self.addresses.client(self.entrance, path);
        let client = self.token.iter().fold(client, |client, token| client.with_token(token));
        match body {
            Some(body) => client.json(method, &path, body).await,
            None => client.send(method, &path, None).await,
        }
    }
}

/// What the documents demand of an answer.
pub(crate) trait Demands {
    /// Asserts status and shape, and returns the body.
    fn is(&self, status: u16, expected: &Value) -> Value;

    /// Asserts a 400 that names exactly these fields.
    fn refuses(&self, fields: &[&str]);
}

impl Demands for Answer {
    #[track_caller]
    fn is(&self, status: u16, expected: &Value) -> Value {
        let body = self.expect(status);
        assert_shape(&body, expected);
        body
    }

    #[track_caller]
    fn refuses(&self, fields: &[&str]) {
        self.problem(400);
        let body = self.json();
        let errors = body["errors"].as_array().unwrap_or_else(|| panic!("no field is named: {body:#}"));
        let mut named: Vec<&str> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
        named.sort_unstable();
        named.dedup();
        assert_eq!(named, fields, "{body:#}");
    }
}
