//! `POST /auth/logout`.

use http::{Method, StatusCode};
use kit::clock::Clock;
use kit::testing::{TestClient, TestResponse};

use crate::support::{EMAIL, Shop, Tokens, problem};

async fn logout(client: &TestClient) -> TestResponse {
    client.send(Method::POST, "/auth/logout", None::<&()>).await
}

#[tokio::test]
async fn the_session_and_its_tokens_end() {
    let shop = Shop::open().await;
    let (id, first) = shop.customer(EMAIL).await;
    let second = Tokens::of(&shop.refresh(&first).await);
    let other = shop.login(EMAIL).await;

    let answer = logout(&shop.signed_in(&second)).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0));
    for tokens in [&first, &second] {
        problem(&shop.validate(&tokens.access).await, StatusCode::UNAUTHORIZED, "unauthorized");
        let profile = shop.signed_in(tokens).get(&format!("/auth/users/{id}")).await;
        problem(&profile, StatusCode::UNAUTHORIZED, "unauthorized");
        problem(&shop.refresh(tokens).await, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
    }
    assert_eq!(shop.validate(&other.access).await.status, StatusCode::OK, "other sessions go on");
    Tokens::of(&shop.refresh(&other).await);
    problem(&logout(&shop.signed_in(&second)).await, StatusCode::UNAUTHORIZED, "unauthorized");
}

#[tokio::test]
async fn only_people_sign_out() {
    let shop = Shop::open().await;
    problem(&logout(&shop.client).await, StatusCode::UNAUTHORIZED, "unauthorized");
    let service = shop.key.service_token("order", "auth", shop.clock.now().timestamp());
    problem(&logout(&shop.client.with_token(&service)).await, StatusCode::FORBIDDEN, "forbidden");
}
