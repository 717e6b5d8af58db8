use axum::Router;
use axum::routing::get;
use futures::FutureExt;
use http::StatusCode;
use serde_json::{Value, json};
use testing::Client;

use crate::http::{StandardRoutes, request_id, standard};
use crate::metrics::Registry;
use crate::readiness::Readiness;
use crate::telemetry::outgoing;
use crate::telemetry::testing::Log;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn client() -> (Client, Registry) {
    let router = Router::new()
        .route(
            "/orders/{id}",
            get(async || {
                tokio::task::yield_now().await;
                crate::outcome!("order read", order.id = 7);
                let id = request_id().unwrap();
                format!("{} {}", id, outgoing().unwrap().traceparent())
            }),
        )
        .route("/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/endless", get(async || std::future::pending::<()>().await));
    let (openapi, metrics) = (utoipa::openapi::OpenApiBuilder::new().build(), Registry::new("order"));
    let routes =
        StandardRoutes { name: "order", readiness: Readiness::new(), openapi, metrics: metrics.clone() };
    (Client::new(standard(router, routes).public), metrics)
}

fn in_flight(metrics: &Registry) -> String {
    let text = metrics.encode();
    let (_, value) = text.split_once("http_requests_in_flight{service=\"order\"} ").unwrap();
    value.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn a_request_writes_one_line_with_its_outcome() {
    let log = Log::start("info");
    let (client, _) = client();
    let response = client.with_header("x-request-id", "abc-1").get("/orders/9").await;
    let trace = response.header("traceparent").unwrap().to_owned();
    assert_eq!(response.text, format!("abc-1 {trace}"), "the handler knows the same ids");
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    for (name, value) in [
        ("message", json!("served")),
        ("http.method", json!("GET")),
        ("http.route", json!("/orders/{id}")),
        ("http.status", json!(200)),
        ("request.id", json!("abc-1")),
        ("outcome", json!("order read")),
        ("order.id", json!(7)),
        ("trace_id", json!(trace.split('-').nth(1).unwrap())),
    ] {
        assert_eq!(line[name], value, "{name}");
    }
    assert!(line["duration_ms"].as_f64().unwrap() >= 0.0);
}

#[tokio::test]
async fn a_trace_goes_through_a_service_at_every_log_level() {
    for level in ["info", "warn", "off"] {
        let log = Log::start(level);
        let (client, _) = client();
        let response = client.with_header("traceparent", PARENT).get("/orders/9").await;
        let out = response.header("traceparent").unwrap();
        assert!(out.contains("0af7651916cd43dd8448eb211c80319c") && out != PARENT, "{level}: {out}");
        drop(log);
    }
}

#[tokio::test]
async fn probes_and_scrapes_are_not_logged_and_unknown_paths_share_a_route() {
    let log = Log::start("info");
    let (client, metrics) = client();
    for path in ["/health", "/metrics", "/no/such/path"] {
        client.get(path).await;
    }
    let routes: Vec<Value> = log.lines().iter().map(|line| line["http.route"].clone()).collect();
    assert_eq!(routes, [json!("unmatched")]);
    assert!(metrics.encode().contains(r#"route="/health",status="2xx"} 1"#));
}

#[tokio::test]
async fn a_client_that_leaves_is_logged_and_no_longer_counted() {
    let log = Log::start("info");
    let (client, metrics) = client();
    assert_eq!(in_flight(&metrics), "0");
    {
        let mut request = Box::pin(client.get("/endless"));
        assert!(request.as_mut().now_or_never().is_none());
        assert_eq!(in_flight(&metrics), "1");
    }
    assert_eq!(in_flight(&metrics), "0");
    client.get("/broken").await;
    assert_eq!(in_flight(&metrics), "0");
    let lines = log.lines();
    assert_eq!(lines[0]["message"], "client left before the answer");
    assert_eq!(lines[0]["http.route"], "/endless");
    assert_eq!((&lines[1]["message"], &lines[1]["http.status"]), (&json!("served"), &json!(500)));
    assert_eq!(lines.len(), 2);
}
