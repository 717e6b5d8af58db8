//! Who is counted, and what a caller over the limit is told.

use kit::auth::Role;
use uuid::Uuid;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::service::{Service, problem};

const SMALL: &str = "{trusted_proxies: [127.0.0.1], \
     rate_limits: {auth_per_minute_per_ip: 2, orders_per_minute_per_user: 3, unknown_per_minute_per_ip: 2}}";

async fn upstream() -> MockServer {
    let upstream = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&upstream).await;
    upstream
}

/// Statuses of `count` requests for orders.
async fn orders(gateway: &Service, token: Option<&str>, from: &str, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        let mut request = gateway.get("/api/v1/orders").header("x-forwarded-for", from);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    statuses
}

#[tokio::test]
async fn an_address_over_its_limit_gets_429_and_is_told_when_to_come_back() {
    let upstream = upstream().await;
    let gateway = Service::before(&upstream, SMALL).await;
    for remaining in ["1", "0"] {
        let response = gateway.post("/api/users/login").send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["ratelimit-limit"], "2");
        assert_eq!(response.headers()["ratelimit-remaining"], remaining);
    }
    let response = gateway.post("/auth/register").send().await.unwrap();
    assert_eq!(response.headers()["ratelimit-remaining"], "0");
    let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    problem(response, 429, "too_many_requests").await;
    assert_eq!(upstream.received_requests().await.unwrap().len(), 2, "the service never saw it");

    let other = gateway.post("/auth/login").header("x-forwarded-for", "198.51.100.7").send().await.unwrap();
    assert_eq!(other.status(), 200, "another address is another caller");
}

#[tokio::test]
async fn signing_in_counts_by_address_whoever_is_signed_in() {
    let upstream = upstream().await;
    let gateway = Service::before(&upstream, SMALL).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let token = gateway.keys.access_token(Uuid::now_v7(), Role::Customer);
        let response = gateway.post("/auth/validate").bearer_auth(token).send().await.unwrap();
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429]);
}

#[tokio::test]
async fn orders_are_counted_by_user_wherever_the_user_is() {
    let upstream = upstream().await;
    let gateway = Service::before(&upstream, SMALL).await;
    let jane = gateway.keys.access_token(Uuid::now_v7(), Role::Customer);
    let john = gateway.keys.access_token(Uuid::now_v7(), Role::Customer);
    assert_eq!(orders(&gateway, Some(&jane), "198.51.100.7", 2).await, [200, 200]);
    assert_eq!(orders(&gateway, Some(&jane), "198.51.100.8", 2).await, [200, 429]);
    assert_eq!(orders(&gateway, Some(&john), "198.51.100.7", 3).await, [200, 200, 200]);
}

#[tokio::test]
async fn a_token_that_does_not_verify_counts_against_the_address() {
    let upstream = upstream().await;
    let gateway = Service::before(&upstream, SMALL).await;
    let forged = testing::Keys::generate();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let token = forged.access_token(Uuid::now_v7(), Role::Customer);
        statuses.extend(orders(&gateway, Some(&token), "198.51.100.7", 1).await);
    }
    statuses.extend(orders(&gateway, None, "198.51.100.7", 1).await);
    assert_eq!(statuses, [200, 200, 200, 429]);
    let jane = gateway.keys.access_token(Uuid::now_v7(), Role::Customer);
    assert_eq!(orders(&gateway, Some(&jane), "198.51.100.7", 1).await, [200], "users there are not punished");
}

#[tokio::test]
async fn a_service_is_not_counted_but_one_for_another_audience_is() {
    let upstream = upstream().await;
    let gateway = Service::before(&upstream, SMALL).await;
    let token = gateway.keys.service_token("notification", "order");
    assert_eq!(orders(&gateway, Some(&token), "198.51.100.7", 5).await, [200; 5]);
    let wrong = gateway.keys.service_token("notification", "auth");
    assert_eq!(orders(&gateway, Some(&wrong), "198.51.100.7", 4).await, [200, 200, 200, 429]);
}

#[tokio::test]
async fn other_routes_are_not_counted() {
    let upstream = upstream().await;
    let gateway = Service::before(&upstream, SMALL).await;
    for _ in 0..5 {
        for path in ["/notifications", "/.well-known/jwks.json"] {
            let response = gateway.get(path).send().await.unwrap();
            assert_eq!(response.status(), 200);
            assert!(!response.headers().contains_key("ratelimit-limit"));
        }
    }
}

#[tokio::test]
async fn looking_for_paths_that_lead_nowhere_is_counted_and_stops_nothing_else() {
    let upstream = upstream().await;
    let gateway = Service::before(&upstream, SMALL).await;
    let mut statuses = Vec::new();
    for path in ["/wp-admin", "/internal/users", "/orders/..%2fmetrics", "/.git/config"] {
        let response = gateway.get(path).send().await.unwrap();
        assert_eq!(response.headers()["ratelimit-limit"], "2", "{path}");
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [404, 404, 429, 429]);
    let response = gateway.get("/nowhere").send().await.unwrap();
    assert!(response.headers().contains_key("retry-after"));
    problem(response, 429, "too_many_requests").await;
    assert_eq!(gateway.post("/auth/login").send().await.unwrap().status(), 200);
    assert_eq!(orders(&gateway, None, "127.0.0.1", 1).await, [200]);
}
