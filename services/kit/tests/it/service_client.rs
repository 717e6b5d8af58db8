//! Calls between services.

use axum::Router;
use axum::extract::{FromRef, Path};
use axum::routing::get;
use http::StatusCode;
use kit::auth::{Identity, Subject, Verifier};
use kit::client::{ClientError, ServiceClient};
use kit::extract::Json;
use kit::problem::Problem;
use serde_json::{Value, json};
use testing::Keys;
use url::Url;

use crate::world::{Shared, eventually};

#[derive(Clone, FromRef)]
struct State {
    verifier: Verifier,
}

/// A callee that knows `/users/7`, and answers `/busy` at the third try.
async fn callee(keys: &Keys) -> Url {
    let busy = Shared::<u32>::default();
    let router = Router::new()
        .route(
            "/users/{id}",
            get(async |identity: Identity, Path(id): Path<u32>| {
                assert_eq!(identity.subject, Subject::Service("notification".to_owned()));
                if id == 7 { Ok(Json(json!({ "id": id }))) } else { Err(Problem::not_found("no")) }
            }),
        )
        .route(
            "/busy",
            get(async move || {
                let mut calls = busy.lock().unwrap();
                *calls += 1;
                if *calls < 3 { Err(Problem::unavailable(1)) } else { Ok(Json(*calls)) }
            }),
        )
        .route("/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .with_state(State { verifier: keys.verifier("auth") });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, router).into_future());
    url.parse().unwrap()
}

#[tokio::test]
async fn answers_become_values_and_failures_errors() {
    let keys = Keys::generate();
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("auth");
    std::fs::write(&token, keys.service_token("notification", "auth")).unwrap();
    let client = ServiceClient::with("auth", callee(&keys).await, &token).unwrap();

    assert_eq!(client.get_json::<Value>("/users/7").await.unwrap(), json!({ "id": 7 }));
    assert!(matches!(client.get_json::<Value>("/users/8").await, Err(ClientError::NotFound { .. })));
    assert!(matches!(client.get_json::<String>("/users/7").await, Err(ClientError::Decode { .. })));
    assert_eq!(client.get_json::<u32>("/busy").await.unwrap(), 3, "a busy callee is asked again");
    let error = client.get_json::<Value>("/broken").await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    for path in ["users", "//evil.example/", "http://evil.example/", "/\\evil.example"] {
        let result = client.get_json::<Value>(path).await;
        assert!(
            matches!(result, Err(ClientError::Path { .. } | ClientError::NotFound { .. })),
            "{path}: {result:?}"
        );
    }
}

#[tokio::test]
async fn a_replaced_token_is_used() {
    let keys = Keys::generate();
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("auth");
    std::fs::write(&token, keys.service_token("notification", "order")).unwrap();
    let client = ServiceClient::with("auth", callee(&keys).await, &token).unwrap();
    let refused = client.get_json::<Value>("/users/7").await;
    assert!(
        matches!(refused, Err(ClientError::Unauthorized { .. })),
        "a token for another callee is refused"
    );

    std::fs::write(&token, keys.service_token("notification", "auth")).unwrap();
    eventually("the new token is used", async || client.get_json::<Value>("/users/7").await.is_ok()).await;
}

#[tokio::test]
async fn a_silent_callee_costs_one_time_limit_and_not_one_a_try() {
    let tries = Shared::<u32>::default();
    let counted = tries.clone();
    let silent = get(async move || {
        *counted.lock().unwrap() += 1;
        std::future::pending::<()>().await;
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(axum::serve(listener, Router::new().route("/", silent)).into_future());
    let directory = tempfile::tempdir().unwrap();
    let client = ServiceClient::with("auth", base, &directory.path().join("auth")).unwrap();
    let error = client.get_json::<Value>("/").await.unwrap_err();
    assert!(matches!(error, ClientError::Unavailable { .. }), "{error}");
    assert_eq!(*tries.lock().unwrap(), 1);
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let directory = tempfile::tempdir().unwrap();
    let base = "http://127.0.0.1:1".parse().unwrap();
    let client = ServiceClient::with("auth", base, &directory.path().join("auth")).unwrap();
    let error = client.get_json::<Value>("/users/7").await.unwrap_err();
    assert!(matches!(error, ClientError::Unavailable { .. }) && error.is_transient(), "{error}");
}
