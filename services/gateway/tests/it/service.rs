//! A gateway on a port of its own, with stand-ins for the services.

use std::ops::Deref;

use kit::Service as _;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use testing::{Setup, TestService};
use wiremock::MockServer;

/// Ends with the test.
pub(crate) struct Service {
    service: TestService,
    pub(crate) url: String,
    pub(crate) internal_url: String,
    client: Client,
}

impl Deref for Service {
    type Target = TestService;

    fn deref(&self) -> &TestService {
        &self.service
    }
}

impl Service {
    /// With every service at `upstream`.
    pub(crate) async fn before(upstream: &MockServer, section: &str) -> Self {
        Self::before_address(&upstream.uri(), section).await
    }

    /// With every service at `address`, configured by `section` in YAML.
    pub(crate) async fn before_address(address: &str, section: &str) -> Self {
        Self::with(kit::config::Service::of(gateway::Gateway::NAME), address, section).await
    }

    /// With bodies of at most that many bytes.
    pub(crate) async fn limited(upstream: &MockServer, max_body_bytes: usize) -> Self {
        let shared =
            kit::config::Service { max_body_bytes, ..kit::config::Service::of(gateway::Gateway::NAME) };
        Self::with(shared, &upstream.uri(), "{}").await
    }

    async fn with(mut shared: kit::config::Service, address: &str, section: &str) -> Self {
        for url in shared.services.values_mut() {
            *url = address.parse().unwrap();
        }
        let config = serde_yaml::from_str(section).unwrap();
        let setup: Setup<gateway::Gateway> = Setup { config, shared, behind: documents, ..Setup::default() };
        let mut service = TestService::start_with(setup).await;
        let addresses = service.listen().await;
        Self { service, url: addresses.public, internal_url: addresses.internal, client: Client::new() }
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url))
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(method.parse().unwrap(), format!("{}{path}", self.url))
    }
}

/// Asserts that an answer is a problem with that status and code, and returns it.
pub(crate) async fn problem(response: Response, status: u16, code: &str) -> Value {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["type"], format!("/docs/problems#{code}"));
    assert_eq!(body["status"], status);
    assert_eq!(body["instance"], id);
    body
}

fn documents() -> Vec<(&'static str, utoipa::openapi::OpenApi)> {
    let of = |path: &str| {
        serde_json::from_value(serde_json::json!({
            "openapi": "3.1.0",
            "info": { "title": "x", "version": "1" },
            "paths": { path: { "get": { "operationId": "list", "responses": { "200": { "description": "" } } } } },
        }))
        .unwrap()
    };
    vec![("auth", of("/auth/users")), ("order", of("/orders"))]
}
