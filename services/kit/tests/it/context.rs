//! What a service gets at start, put together as a service does.

use kit::Context;
use kit::auth::{Revocation, TokenError};
use kit::config;
use kit::http::{StandardRoutes, standard};
use kit::lifecycle::{App, Shutdown};
use serde_json::json;
use testbed::Nats;
use testing::{AccessToken, Client, ISSUER, Keys};
use uuid::Uuid;

use crate::world::{eventually, nats_config};

#[tokio::test]
async fn a_service_is_ready_only_when_it_knows_what_was_revoked() {
    let nats = Nats::start().await.unwrap();
    let jetstream = nats.provision().await.unwrap();
    let (keys, files) = (Keys::generate(), tempfile::tempdir().unwrap());
    let verification_keys = files.path().join("jwks.json");
    std::fs::write(&verification_keys, keys.jwks()).unwrap();
    let token = AccessToken::of(Uuid::now_v7(), kit::auth::Role::Customer);
    let key = Revocation::Session(token.session).key();
    let value = json!({ "before": token.issued_at.timestamp_millis() }).to_string();
    jetstream.publish(format!("$KV.revocations.{key}"), value.into()).await.unwrap().await.unwrap();

    // No database, and an auth that cannot be reached.
    let config = config::Service {
        verification_keys,
        issuer: ISSUER.to_owned(),
        services: [("auth".to_owned(), "http://127.0.0.1:9".parse().unwrap())].into(),
        ..nats_config(&nats)
    };
    let shutdown = Shutdown::new();
    let context = Context::start("gateway", config, shutdown.clone()).await.unwrap();
    assert_eq!(context.readiness().failing().await, Some("revocations"));
    let routes = StandardRoutes {
        name: "gateway",
        readiness: context.readiness(),
        openapi: utoipa::openapi::OpenApiBuilder::new().build(),
        metrics: context.metrics.clone(),
    };
    let app = context.standard_tasks(App::new("gateway", standard(axum::Router::new(), routes)));
    let internal = Client::new(app.internal);
    assert_eq!(internal.get("/ready").await.status, http::StatusCode::SERVICE_UNAVAILABLE);
    for task in app.background {
        tokio::spawn(task.supervise(shutdown.clone()));
    }
    eventually("it is ready", async || context.readiness().failing().await.is_none()).await;
    assert_eq!(context.verifier.verify(&keys.sign_access(&token)), Err(TokenError::Revoked));

    let metrics = async || internal.get("/metrics").await.text;
    assert!(metrics().await.contains("revocations_held{service=\"gateway\"} 1"));
    assert!(metrics().await.contains("revocations_age_seconds{service=\"gateway\"} "));
    let connected = |value| format!("nats_connected{{service=\"gateway\"}} {value}");
    eventually("NATS is connected", async || metrics().await.contains(&connected(1))).await;
    nats.stop().await.unwrap();
    eventually("NATS is not connected", async || metrics().await.contains(&connected(0))).await;
    assert_eq!(context.readiness().failing().await, None, "what was known stays known");
    shutdown.trigger();
}
