//! Services that are away, slow or broken.

use std::time::Duration;

use axum::body::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::service::{Service, problem};

/// An address at which nobody listens.
async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A server that reads a request and answers each with these bytes, then hangs up.
async fn broken(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer).await;
        }
    });
    address
}

#[tokio::test]
async fn a_service_that_is_away_is_503_with_retry_after() {
    let gateway = Service::before_address(&nowhere().await, "{}").await;
    let response = gateway.get("/notifications").send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "1");
    let body = problem(response, 503, "unavailable").await;
    assert!(!body.to_string().contains("127.0.0.1"), "no cause is shown: {body}");
}

#[tokio::test]
async fn a_service_that_hangs_up_or_talks_nonsense_is_502_with_retry_after() {
    for answer in [b"".as_slice(), b"SSH-2.0-nonsense\r\n"] {
        let gateway = Service::before_address(&broken(answer).await, "{}").await;
        let response = gateway.post("/notifications").body("{}").send().await.unwrap();
        assert_eq!(response.headers()["retry-after"], "1");
        problem(response, 502, "bad_gateway").await;
    }
}

/// A server that hangs up on its first request and answers the others.
async fn broken_once() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut answer = b"".as_slice();
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer).await;
            answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
        }
    });
    address
}

#[tokio::test]
async fn a_broken_connection_is_tried_again_only_when_that_changes_nothing() {
    let gateway = Service::before_address(&broken_once().await, "{}").await;
    let read = gateway.get("/notifications").send().await.unwrap();
    assert_eq!(read.text().await.unwrap(), "ok");

    let gateway = Service::before_address(&broken_once().await, "{}").await;
    let written = gateway.post("/notifications/email").send().await.unwrap();
    problem(written, 502, "bad_gateway").await;
}

#[tokio::test]
async fn a_service_that_does_not_answer_in_time_is_504() {
    let upstream = MockServer::start().await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_mins(1));
    Mock::given(any()).respond_with(late).mount(&upstream).await;
    let gateway = Service::before(&upstream, "{upstream_timeout_seconds: 1}").await;
    problem(gateway.get("/notifications").send().await.unwrap(), 504, "gateway_timeout").await;
}

#[tokio::test]
async fn a_service_that_comes_back_is_used_again() {
    let address = nowhere().await;
    let gateway = Service::before_address(&address, "{}").await;
    problem(gateway.get("/notifications").send().await.unwrap(), 503, "unavailable").await;
    let listener = std::net::TcpListener::bind(address.strip_prefix("http://").unwrap()).unwrap();
    let upstream = MockServer::builder().listener(listener).start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&upstream).await;
    assert_eq!(gateway.get("/notifications").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_announced_or_not() {
    let upstream = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&upstream).await;
    let gateway = Service::limited(&upstream, 10).await;
    let fits = gateway.post("/notifications/email").body("0123456789").send().await.unwrap();
    assert_eq!(fits.status(), 200);

    let announced = gateway.post("/notifications/email").body("0123456789a").send().await.unwrap();
    problem(announced, 413, "too_large").await;

    let chunks = ["012345", "6789a"].map(|chunk| Ok::<_, std::io::Error>(Frame::data(Bytes::from(chunk))));
    let body = reqwest::Body::wrap(StreamBody::new(futures::stream::iter(chunks)));
    let streamed = gateway.post("/notifications/email").body(body).send().await.unwrap();
    problem(streamed, 413, "too_large").await;
}

#[tokio::test]
async fn a_larger_body_that_is_declared_goes_through() {
    let upstream = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&upstream).await;
    let gateway = Service::limited(&upstream, 2 * kit::http::MAX_BODY).await;
    let body = "x".repeat(2 * kit::http::MAX_BODY);
    assert_eq!(gateway.post("/notifications/email").body(body.clone()).send().await.unwrap().status(), 200);
    let larger = gateway.post("/notifications/email").body(body + "x").send().await.unwrap();
    problem(larger, 413, "too_large").await;
}

#[tokio::test]
async fn paths_that_lead_nowhere_are_404_and_ambiguous_ones_400() {
    let upstream = MockServer::start().await;
    let gateway = Service::before(&upstream, "{}").await;
    for path in ["/", "/api/v1", "/products", "/api/v2/orders", "/orders-admin"] {
        problem(gateway.get(path).send().await.unwrap(), 404, "not_found").await;
    }
    for path in ["/orders/%2e%2e%2fmetrics", "/orders//1", "/api/v1/orders/%5cmetrics"] {
        problem(gateway.get(path).send().await.unwrap(), 400, "bad_request").await;
    }
    assert!(upstream.received_requests().await.unwrap().is_empty());
}
