//! What the gateway answers itself.

use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::service::Service;

#[tokio::test]
async fn no_web_page_may_call_unless_its_origin_is_configured() {
    let upstream = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&upstream).await;
    let closed = Service::before(&upstream, "{}").await;
    let response = closed.get("/orders").header("origin", "https://shop.example").send().await.unwrap();
    assert!(!response.headers().contains_key("access-control-allow-origin"));

    let open = Service::before(&upstream, "{cors: {allowed_origins: ['https://shop.example']}}").await;
    let response = open.get("/orders").header("origin", "https://shop.example").send().await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], "https://shop.example");
    let stranger = open.get("/orders").header("origin", "https://evil.example").send().await.unwrap();
    assert!(!stranger.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_preflight_is_answered_here_and_not_counted() {
    let upstream = MockServer::start().await;
    let section =
        "{cors: {allowed_origins: ['https://shop.example']}, rate_limits: {auth_per_minute_per_ip: 1}}";
    let gateway = Service::before(&upstream, section).await;
    for _ in 0..3 {
        let response = gateway
            .request("OPTIONS", "/api/v1/auth/login")
            .header("origin", "https://shop.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,authorization")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["access-control-allow-origin"], "https://shop.example");
        let methods = response.headers()["access-control-allow-methods"].to_str().unwrap();
        assert!(methods.contains("PATCH"), "{methods}");
    }
    assert!(upstream.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_page_that_may_call_may_also_read_why_it_was_refused() {
    let gateway = Service::before_address(
        "http://127.0.0.1:1",
        "{cors: {allowed_origins: ['https://shop.example'], allow_credentials: true}}",
    )
    .await;
    let asked =
        |method: &str, path: &str| gateway.request(method, path).header("origin", "https://shop.example");
    for (method, path, status) in [
        ("GET", "/nowhere", 404),
        ("GET", "/orders//1", 400),
        ("POST", "/health", 405),
        ("POST", "/docs", 405),
        ("GET", "/orders", 503),
        ("GET", "/health", 200),
    ] {
        let response = asked(method, path).send().await.unwrap();
        assert_eq!(response.status(), status, "{method} {path}");
        assert_eq!(response.headers()["access-control-allow-origin"], "https://shop.example", "{path}");
        assert_eq!(response.headers()["access-control-allow-credentials"], "true");
    }
    let preflight = asked("OPTIONS", "/orders").header("access-control-request-method", "POST");
    assert_eq!(preflight.send().await.unwrap().headers()["access-control-max-age"], "600");
}

#[tokio::test]
async fn what_services_tell_each_other_is_not_behind_the_gateway() {
    let upstream = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&upstream).await;
    let gateway = Service::before(&upstream, "{}").await;
    for path in ["/internal/revocations", "/api/v1/internal/orders", "/api/internal", "/%69nternal/orders"] {
        assert_eq!(gateway.get(path).send().await.unwrap().status(), 404, "{path}");
    }
    assert!(upstream.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn one_description_covers_all_services() {
    let upstream = MockServer::start().await;
    let gateway = Service::before(&upstream, "{}").await;
    let document: serde_json::Value =
        gateway.get("/openapi.json").send().await.unwrap().json().await.unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    let (own, services): (Vec<&str>, Vec<&str>) =
        paths.into_iter().map(String::as_str).partition(|path| path.contains("/dead-letters"));
    assert_eq!(services, ["/api/v1/auth/users", "/api/v1/orders"]);
    assert_eq!(own.len(), 4, "{own:?}");
}

/// The files that a page loads.
fn files(page: &str) -> Vec<&str> {
    let loads = |tag: &&str| tag.starts_with("script ") || tag.contains("stylesheet");
    // The only attribute with a path is that of the file.
    page.split('<').filter(loads).filter_map(|tag| tag.split('"').find(|value| value.contains('/'))).collect()
}

#[tokio::test]
async fn the_pages_load_nothing_but_files_of_the_gateway_which_browsers_keep() {
    let upstream = MockServer::start().await;
    let gateway = Service::before(&upstream, "{}").await;
    for (page, count) in [("/docs", 4), ("/docs/problems", 1)] {
        let response = gateway.get(page).send().await.unwrap();
        assert_eq!(response.status(), 200, "{page}");
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8", "{page}");
        assert_eq!(response.headers()["cache-control"], "no-cache", "{page}");
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let text = response.text().await.unwrap();
        assert_eq!(files(&text).len(), count, "{text}");
        for file in files(&text) {
            assert!(file.starts_with("/docs/"), "{page} loads {file}");
            let response = gateway.get(file).send().await.unwrap();
            assert_eq!(response.status(), 200, "{file}");
            let kind = if file.rsplit('.').next() == Some("js") { "text/javascript" } else { "text/css" };
            assert_eq!(response.headers()["content-type"], format!("{kind}; charset=utf-8"), "{file}");
            assert_eq!(response.headers()["content-encoding"], "gzip", "{file}");
            let kept = response.headers()["cache-control"].to_str().unwrap();
            assert!(kept.contains("immutable"), "{file}: {kept}");
        }
    }
}

#[tokio::test]
async fn a_problems_type_leads_to_its_description() {
    let upstream = MockServer::start().await;
    let gateway = Service::before(&upstream, "{}").await;
    let refused =
        crate::service::problem(gateway.get("/nowhere").send().await.unwrap(), 404, "not_found").await;
    let (page, place) = refused["type"].as_str().unwrap().split_once('#').unwrap();
    let text = gateway.get(page).send().await.unwrap().text().await.unwrap();
    assert!(text.contains(&format!("id=\"{place}\"")), "{text}");
}

#[tokio::test]
async fn a_page_may_read_why_it_was_refused() {
    let upstream = MockServer::start().await;
    let gateway = Service::before(&upstream, "{cors: {allowed_origins: ['https://shop.example']}}").await;
    // Answers of the gateway's own layers: an unknown path, a method that is not served.
    for (method, path, status) in [("GET", "/nowhere", 404), ("DELETE", "/docs", 405)] {
        let request = gateway.request(method, path).header("origin", "https://shop.example");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()["access-control-allow-origin"], "https://shop.example", "{path}");
    }
}

#[tokio::test]
async fn the_public_port_tells_of_its_health_and_of_nothing_else_inside() {
    let upstream = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&upstream).await;
    let gateway = Service::before(&upstream, "{}").await;
    let health: serde_json::Value = gateway.get("/health").send().await.unwrap().json().await.unwrap();
    assert_eq!(health, serde_json::json!({ "status": "ok" }));
    for path in ["/ready", "/metrics", "/api/v1/metrics", "/debug/panic/handler"] {
        assert_eq!(gateway.get(path).send().await.unwrap().status(), 404, "{path}");
    }
    assert!(upstream.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn readiness_and_metrics_are_on_its_internal_port() {
    let upstream = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&upstream).await;
    let gateway = Service::before(&upstream, "{}").await;
    let internal = async |path: &str| reqwest::get(format!("{}{path}", gateway.internal_url)).await.unwrap();
    assert_eq!(internal("/ready").await.status(), 200);
    gateway.get("/api/v1/orders/7").send().await.unwrap();
    let metrics = internal("/metrics").await.text().await.unwrap();
    let labels: Vec<&str> =
        metrics.split("route=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(labels.contains(&"/orders"), "rows are told apart, ids are not: {labels:?}");
    assert!(!metrics.contains("orders/7"));
}
