//! A gateway on a port of its own, with stand-ins for the services.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway::Config;
use kit::Context;
use kit::Service as _;
use kit::clock::SystemClock;
use kit::lifecycle::{self, Listeners, Serving, Shutdown};
use kit::metrics::Registry;
use kit::testing::Keys;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use wiremock::MockServer;

/// Ends with the test.
pub(crate) struct Gateway {
    pub(crate) url: String,
    pub(crate) internal_url: String,
    pub(crate) keys: Keys,
    client: Client,
    shutdown: Shutdown,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}

impl Gateway {
    /// With every service at `upstream`.
    pub(crate) async fn before(upstream: &MockServer, section: &str) -> Self {
        Self::before_address(&upstream.uri(), section).await
    }

    /// With every service at `address`, configured by `section` in YAML.
    pub(crate) async fn before_address(address: &str, section: &str) -> Self {
        let config: Config = serde_yaml::from_str(section).unwrap();
        let keys = Keys::generate();
        let shutdown = Shutdown::new();
        let mut settings = kit::config::Service::of(gateway::Gateway::NAME);
        for url in settings.services.values_mut() {
            *url = address.parse().unwrap();
        }
        let context = Context {
            config: Arc::new(settings),
            database: None,
            nats: None,
            jetstream: None,
            verifier: keys.verifier(gateway::Gateway::NAME),
            clock: SystemClock::shared(),
            metrics: Registry::new(gateway::Gateway::NAME),
            shutdown: shutdown.clone(),
        };
        let app = kit::service::assemble::<gateway::Gateway>(context, config, documents).unwrap();
        let (public, url) = listen().await;
        let (internal, internal_url) = listen().await;
        let listeners = Listeners { public: vec![public], internal: Some(internal) };
        let serving = Serving { drain: Duration::ZERO, ..Serving::default() };
        tokio::spawn(lifecycle::serve(listeners, app, shutdown.clone(), serving));
        Self { url, internal_url, keys, client: Client::new(), shutdown }
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

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
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
