//! How often the busy routes ask the database.

use http::StatusCode;
use serde_json::json;

use crate::service::{EMAIL, Exchanges, PASSWORD, Service, Tokens};

/// A service behind a counter, used once so that its statements are prepared.
async fn counted() -> (Service, Exchanges, Tokens) {
    let server = testbed::Postgres::shared().await;
    let exchanges = Exchanges::with(server.port()).await;
    let database = Service::database().await;
    let url = database.url.replace(&server.port().to_string(), &exchanges.port.to_string());
    let service = Service::start_through(database, url, |_| {}, None).await;
    let (_, tokens) = service.customer(EMAIL).await;
    let tokens = Tokens::of(&service.refresh(&tokens).await);
    (service, exchanges, tokens)
}

#[tokio::test]
async fn a_sign_in_takes_at_most_five_exchanges() {
    let (service, exchanges, _) = counted().await;
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    let (answer, count) = exchanges.of(service.client.post("/auth/login", &login)).await;
    Tokens::of(&answer);
    assert!((1..=5).contains(&count), "{count}");
}

#[tokio::test]
async fn a_refresh_takes_at_most_four_exchanges() {
    let (service, exchanges, tokens) = counted().await;
    let (answer, count) = exchanges.of(service.refresh(&tokens)).await;
    Tokens::of(&answer);
    assert!((1..=4).contains(&count), "{count}");
}

#[tokio::test]
async fn a_sign_in_that_has_to_wait_asks_once_and_writes_nothing() {
    let (service, exchanges, _) = counted().await;
    let wrong = json!({ "email": EMAIL, "password": "Wr0ng!Password" });
    for _ in 0..10 {
        service.client.post("/auth/login", &wrong).await;
    }
    let (answer, count) = exchanges.of(service.client.post("/auth/login", &wrong)).await;
    assert_eq!((answer.status, count), (StatusCode::TOO_MANY_REQUESTS, 1));
}
