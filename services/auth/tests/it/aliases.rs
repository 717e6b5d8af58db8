//! The names that older clients give to routes.

use http::StatusCode;
use rstest::rstest;
use serde_json::json;

use crate::service::{EMAIL, PASSWORD, Service, Tokens, registration};

#[rstest]
#[case("/auth/register")]
#[case("/users/register")]
#[case("/register")]
#[case("/api/users/register")]
#[tokio::test]
async fn registering(#[case] path: &str) {
    let service = Service::start().await;
    let answer = service.client.post(path, &registration(EMAIL)).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.json()["email"], EMAIL);
}

#[rstest]
#[case("/auth/login")]
#[case("/users/login")]
#[case("/login")]
#[case("/auth/token")]
#[case("/api/users/login")]
#[tokio::test]
async fn signing_in(#[case] path: &str) {
    let service = Service::start().await;
    service.register(EMAIL).await;
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    Tokens::of(&service.client.post(path, &login).await);
}

#[tokio::test]
async fn validating_and_reading_an_account() {
    let service = Service::start().await;
    let (id, tokens) = service.customer(EMAIL).await;
    for path in ["/auth/validate", "/validate-token"] {
        let answer = service.client.post(path, &json!({ "token": tokens.access })).await;
        assert_eq!((answer.status, &answer.json()["valid"]), (StatusCode::OK, &json!(true)), "{path}");
    }
    for prefix in ["/auth/users", "/users", "/api/users"] {
        let answer = service.signed_in(&tokens).get(&format!("{prefix}/{id}")).await;
        assert_eq!((answer.status, &answer.json()["email"]), (StatusCode::OK, &json!(EMAIL)), "{prefix}");
    }
}
