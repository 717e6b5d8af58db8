//! What a service gets, and what a client gets back.

use serde_json::json;
use wiremock::matchers::{any, body_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::service::Service;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_request_arrives_whole_under_the_services_own_path() {
    let upstream = MockServer::start().await;
    Mock::given(method("PATCH"))
        .and(path("/orders/7/status"))
        .and(query_param("dry", "1"))
        .and(header("content-type", "application/json"))
        .and(header("idempotency-key", "k"))
        .and(body_json(json!({ "status": "confirmed" })))
        .respond_with(
            ResponseTemplate::new(200).insert_header("etag", "\"1\"").set_body_json(json!({ "id": 7 })),
        )
        .expect(3)
        .mount(&upstream)
        .await;
    let gateway = Service::before(&upstream, "{}").await;
    for base in ["", "/api", "/api/v1"] {
        let response = gateway
            .request("PATCH", &format!("{base}/orders/7/status?dry=1"))
            .header("idempotency-key", "k")
            .json(&json!({ "status": "confirmed" }))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["etag"], "\"1\"");
        assert_eq!(response.json::<serde_json::Value>().await.unwrap(), json!({ "id": 7 }));
    }
}

#[tokio::test]
async fn aliases_arrive_under_the_canonical_path() {
    let upstream = MockServer::start().await;
    for canonical in ["/auth/register", "/auth/login", "/auth/validate", "/auth/users/1"] {
        Mock::given(path(canonical))
            .respond_with(ResponseTemplate::new(200).set_body_string(canonical))
            .mount(&upstream)
            .await;
    }
    let gateway = Service::before(&upstream, "{}").await;
    for (alias, canonical) in [
        ("/api/users/register", "/auth/register"),
        ("/api/v1/users/register", "/auth/register"),
        ("/register", "/auth/register"),
        ("/login", "/auth/login"),
        ("/api/users/login", "/auth/login"),
        ("/validate-token", "/auth/validate"),
        ("/users/1", "/auth/users/1"),
        ("/api/v1/users/1", "/auth/users/1"),
    ] {
        let response = gateway.post(alias).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), canonical, "{alias}");
    }
}

#[tokio::test]
async fn a_service_sees_the_gateways_word_about_the_client_not_the_clients_own() {
    let upstream = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&upstream).await;
    let gateway = Service::before(&upstream, "{}").await;
    let response = gateway
        .get("/orders")
        .header("x-user-id", "admin")
        .header("x-forwarded-for", "203.0.113.9")
        .header("forwarded", "for=203.0.113.9")
        .header("x-request-id", "request-1")
        .header("traceparent", TRACE)
        .header("authorization", "Bearer x")
        .header("connection", "x-drop")
        .header("x-drop", "1")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers().get_all("x-request-id").iter().count(), 1);
    assert_eq!(response.headers()["x-request-id"], "request-1");

    let requests = upstream.received_requests().await.unwrap();
    let sent = &requests[0].headers;
    for absent in ["x-user-id", "forwarded", "x-drop", "connection"] {
        assert!(!sent.contains_key(absent), "{absent}");
    }
    let host = gateway.url.strip_prefix("http://").unwrap();
    assert_eq!(sent["x-forwarded-for"], "127.0.0.1");
    assert_eq!(sent["x-forwarded-proto"], "http");
    assert_eq!(sent["x-forwarded-host"], host);
    assert_eq!(sent["x-request-id"], "request-1");
    assert_eq!(sent["traceparent"], TRACE);
    assert_eq!(sent["authorization"], "Bearer x");
    assert_eq!(sent["host"], upstream.address().to_string());
}

#[tokio::test]
async fn a_request_id_is_made_when_the_client_sends_none_or_nonsense() {
    let upstream = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&upstream).await;
    let gateway = Service::before(&upstream, "{}").await;
    let response = gateway.get("/orders").header("x-request-id", "a b\tc").send().await.unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert!(id.parse::<uuid::Uuid>().is_ok(), "{id}");
    assert_eq!(upstream.received_requests().await.unwrap()[0].headers["x-request-id"], *id);
}

#[tokio::test]
async fn an_answer_comes_back_as_the_service_gave_it() {
    let upstream = MockServer::start().await;
    let problem = json!({ "type": "/docs/problems#email_taken", "status": 409 });
    Mock::given(any())
        .respond_with(
            ResponseTemplate::new(409)
                .set_body_raw(problem.to_string(), "application/problem+json")
                .append_header("set-cookie", "a=1")
                .append_header("set-cookie", "b=2")
                .insert_header("retry-after", "7"),
        )
        .mount(&upstream)
        .await;
    let gateway = Service::before(&upstream, "{}").await;
    let response = gateway.post("/auth/register").json(&json!({})).send().await.unwrap();
    assert_eq!(response.status(), 409);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    assert_eq!(response.json::<serde_json::Value>().await.unwrap(), problem);
}

#[tokio::test]
async fn a_trusted_proxy_may_name_the_client() {
    let upstream = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&upstream).await;
    let gateway = Service::before(&upstream, "{trusted_proxies: [127.0.0.1]}").await;
    let request = gateway.get("/orders").header("x-forwarded-for", "203.0.113.9, 198.51.100.7");
    request.header("x-forwarded-proto", "https").send().await.unwrap();
    let requests = upstream.received_requests().await.unwrap();
    assert_eq!(requests[0].headers["x-forwarded-for"], "198.51.100.7");
    assert_eq!(requests[0].headers["x-forwarded-proto"], "https");
}
