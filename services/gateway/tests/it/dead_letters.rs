//! Dead letters of all services: who may, and what is answered while nobody listens behind the gateway.

use http::Method;
use serde_json::{Value, json};
use testing::{Caller, jane};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::service::Service;

fn routes() -> [(Method, &'static str, Option<Value>); 4] {
    [
        (Method::GET, "", None),
        (Method::GET, "/causes", None),
        (Method::POST, "/redrive", Some(json!({}))),
        (Method::POST, "/discard", Some(json!({ "reason": "it was a test" }))),
    ]
}

async fn status(gateway: &Service, caller: Caller, base: &str, route: &(Method, &str, Option<Value>)) -> u16 {
    let (method, below, body) = route;
    let mut request = gateway.request(method.as_str(), &format!("{base}/dead-letters{below}"));
    if let Some(token) = caller.token(&gateway.keys, "gateway") {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn only_an_administrator_sees_or_handles_them() {
    let gateway = Service::before_address("http://127.0.0.1:1", "{}").await;
    for base in ["", "/api", "/api/v1"] {
        for route in routes() {
            let success = if route.1 == "/redrive" { 202 } else { 200 };
            for (caller, expected) in [
                (Caller::Nobody, 401),
                (Caller::User(jane()), 403),
                (Caller::Vendor(jane()), 403),
                (Caller::Service("order"), 403),
                (Caller::Admin, success),
            ] {
                let found = status(&gateway, caller, base, &route).await;
                assert_eq!(found, expected, "{} {base}{} by {caller:?}", route.0, route.1);
            }
        }
    }
}

#[tokio::test]
async fn a_service_that_is_away_is_no_error() {
    let gateway = Service::before_address("http://127.0.0.1:1", "{}").await;
    let token = Caller::Admin.token(&gateway.keys, "gateway").unwrap();
    let list = gateway.get("/api/v1/dead-letters").bearer_auth(token).send().await.unwrap();
    let list: Value = list.json().await.unwrap();
    assert_eq!(list["data"], json!([]));
    assert_eq!(list["failed"][0]["service"], "notification");
}

#[tokio::test]
async fn one_letter_is_handled_at_its_service() {
    let upstream = MockServer::start().await;
    let letter = "/notifications/dead-letters/019c6b1e-0000-7000-8000-000000000001";
    for action in ["redrive", "discard"] {
        let answer = ResponseTemplate::new(200).set_body_json(json!({ "status": action }));
        let at = format!("{letter}/{action}");
        Mock::given(method("POST")).and(path(at)).respond_with(answer).expect(1).mount(&upstream).await;
    }
    let gateway = Service::before(&upstream, "{}").await;
    for action in ["redrive", "discard"] {
        let answer = gateway.post(&format!("/api/v1{letter}/{action}")).send().await.unwrap();
        assert_eq!(answer.json::<Value>().await.unwrap()["status"], action);
    }
}
