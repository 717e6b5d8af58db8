//! `POST /auth/logout`.

use http::{Method, StatusCode};
use kit::clock::Clock;
use testing::{Answer, Client};

use crate::service::{EMAIL, Service, Tokens, problem};

async fn logout(client: &Client) -> Answer {
    client.send(Method::POST, "/auth/logout", None).await
}

#[tokio::test]
async fn the_session_and_its_tokens_end() {
    let service = Service::start().await;
    let (id, first) = service.customer(EMAIL).await;
    let second = Tokens::of(&service.refresh(&first).await);
    let other = service.login(EMAIL).await;

    let answer = logout(&service.signed_in(&second)).await;
    assert_eq!((answer.status, answer.text.len()), (StatusCode::NO_CONTENT, 0));
    for tokens in [&first, &second] {
        problem(&service.validate(&tokens.access).await, StatusCode::UNAUTHORIZED, "unauthorized");
        let profile = service.signed_in(tokens).get(&format!("/auth/users/{id}")).await;
        problem(&profile, StatusCode::UNAUTHORIZED, "unauthorized");
        problem(&service.refresh(tokens).await, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
    }
    assert_eq!(service.validate(&other.access).await.status, StatusCode::OK, "other sessions go on");
    Tokens::of(&service.refresh(&other).await);
    problem(&logout(&service.signed_in(&second)).await, StatusCode::UNAUTHORIZED, "unauthorized");
}

#[tokio::test]
async fn only_people_sign_out() {
    let service = Service::start().await;
    problem(&logout(&service.client).await, StatusCode::UNAUTHORIZED, "unauthorized");
    let by_service = service.key.service_token("order", "auth", service.clock.now().timestamp());
    problem(&logout(&service.client.with_token(&by_service)).await, StatusCode::FORBIDDEN, "forbidden");
}
