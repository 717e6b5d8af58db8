//! Slowing down whoever guesses passwords.

use chrono::Duration;
use http::StatusCode;
use kit::testing::{TestClient, TestResponse};
use serde_json::json;

use crate::support::{EMAIL, PASSWORD, Shop, problem};

async fn guess(client: &TestClient, password: &str) -> TestResponse {
    client.post("/auth/login", &json!({ "email": EMAIL, "password": password })).await
}

async fn guess_wrong(client: &TestClient, times: u32) {
    for _ in 0..times {
        assert_eq!(guess(client, "Wr0ng!Password").await.status, StatusCode::UNAUTHORIZED);
    }
}

fn from(shop: &Shop, ip: &str) -> TestClient {
    shop.client.with_header("x-forwarded-for", ip)
}

#[tokio::test]
async fn a_guesser_waits_and_is_never_locked_out() {
    let shop = Shop::open().await;
    shop.register(EMAIL).await;
    let guesser = from(&shop, "203.0.113.1");
    guess_wrong(&guesser, 10).await;

    let refused = guess(&guesser, PASSWORD).await;
    problem(&refused, StatusCode::TOO_MANY_REQUESTS, "too_many_requests");
    assert_eq!(refused.header("retry-after"), Some("1"));

    shop.clock.advance(Duration::seconds(1));
    assert_eq!(guess(&guesser, PASSWORD).await.status, StatusCode::OK);
    guess_wrong(&guesser, 10).await;
}

#[tokio::test]
async fn the_wait_grows_to_a_minute_and_is_forgotten() {
    let shop = Shop::open().await;
    shop.register(EMAIL).await;
    let guesser = from(&shop, "203.0.113.1");
    guess_wrong(&guesser, 10).await;
    for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(
            guess(&guesser, "Wr0ng!Password").await.header("retry-after"),
            Some(wait.to_string().as_str())
        );
        shop.clock.advance(Duration::seconds(wait));
        guess_wrong(&guesser, 1).await;
    }
    shop.clock.advance(Duration::minutes(16));
    guess_wrong(&guesser, 10).await;
}

#[tokio::test]
async fn one_guesser_keeps_nobody_else_out() {
    let shop = Shop::open().await;
    shop.register(EMAIL).await;
    guess_wrong(&from(&shop, "203.0.113.1"), 10).await;
    assert_eq!(guess(&from(&shop, "203.0.113.2"), PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn guesses_from_many_addresses_slow_strangers_but_not_the_owner() {
    let shop = Shop::open().await;
    shop.register(EMAIL).await;
    let owner = from(&shop, "198.51.100.7");
    assert_eq!(guess(&owner, PASSWORD).await.status, StatusCode::OK);
    for host in 1..=20 {
        guess_wrong(&from(&shop, &format!("203.0.113.{host}")), 5).await;
    }
    let stranger = guess(&from(&shop, "203.0.113.99"), PASSWORD).await;
    problem(&stranger, StatusCode::TOO_MANY_REQUESTS, "too_many_requests");
    assert_eq!(guess(&owner, PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn unknown_addresses_are_slowed_down_alike() {
    let shop = Shop::open().await;
    guess_wrong(&shop.client, 10).await;
    assert_eq!(guess(&shop.client, PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
}
