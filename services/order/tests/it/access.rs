//! Every route × owner, other user, vendor, admin, service, nobody.

use http::Method;
use kit::Service as _;
use order::Order;
use serde_json::{Value, json};

use crate::service::{Caller, NOTIFICATION, Service, example_with, jane, john};

/// A route on Jane's pending order, and what each caller gets.
struct Row {
    method: Method,
    path: &'static str,
    body: Option<Value>,
    owner: u16,
    other: u16,
    vendor: u16,
    admin: u16,
    service: u16,
}

impl Row {
    fn new(method: Method, path: &'static str, body: Option<Value>, expected: [u16; 5]) -> Self {
        let [owner, other, vendor, admin, service] = expected;
        Self { method, path, body, owner, other, vendor, admin, service }
    }

    fn expected(&self) -> [(Caller, u16); 6] {
        [
            (Caller::User(jane()), self.owner),
            (Caller::User(john()), self.other),
            (Caller::Vendor(john()), self.vendor),
            (Caller::Admin, self.admin),
            (NOTIFICATION, self.service),
            (Caller::Nobody, 401),
        ]
    }
}

#[rustfmt::skip]
fn matrix() -> Vec<Row> {
    let placed = || Some(example_with("/user_id", json!(jane())));
    let confirmed = || Some(json!({"status": "confirmed"}));
    let notes = || Some(json!({"notes": "Ring twice."}));
    vec![
        //       method          path                      body          owner other vendor admin service
        Row::new(Method::POST,   "/orders",                placed(),     [201, 201, 201, 201, 201]),
        Row::new(Method::GET,    "/orders",                None,         [200, 200, 200, 200, 403]),
        Row::new(Method::GET,    "/orders/user/{user}",    None,         [200, 403, 403, 200, 200]),
        Row::new(Method::GET,    "/orders/{order}",        None,         [200, 403, 403, 200, 200]),
        Row::new(Method::PUT,    "/orders/{order}",        notes(),      [200, 403, 403, 403, 403]),
        Row::new(Method::DELETE, "/orders/{order}",        None,         [200, 403, 403, 200, 403]),
        Row::new(Method::POST,   "/orders/{order}/cancel", None,         [200, 403, 403, 200, 403]),
        Row::new(Method::GET,    "/orders/{order}/status", None,         [200, 403, 403, 200, 403]),
        Row::new(Method::PATCH,  "/orders/{order}/status", confirmed(),  [403, 403, 403, 200, 403]),
        Row::new(Method::PUT,    "/orders/{order}/status", confirmed(),  [403, 403, 403, 200, 403]),
        Row::new(Method::GET,    "/orders/{order}/history", None,        [200, 403, 403, 200, 403]),
    ]
}

#[tokio::test]
async fn every_route_answers_every_caller_as_the_table_says() {
    let service = Service::start().await;
    for row in matrix() {
        for (caller, expected) in row.expected() {
            let order = service.order(jane()).await;
            let path = row.path.replace("{order}", &order.to_string()).replace("{user}", &jane().to_string());
            let headers = [("content-type", "application/json")];
            let body = row.body.as_ref().map(Value::to_string);
            let answer = service.send(caller, row.method.clone(), &path, &headers, body).await;
            assert_eq!(
                answer.status.as_u16(),
                expected,
                "{} {} by {caller:?}: {}",
                row.method,
                row.path,
                answer.text
            );
        }
    }
}

#[tokio::test]
async fn a_refused_caller_changes_nothing() {
    let service = Service::start().await;
    let order = service.order(jane()).await;
    let path = format!("/orders/{order}");
    let before = service.get(Caller::Admin, &path).await.expect(200);
    for caller in [Caller::User(john()), Caller::Vendor(john()), NOTIFICATION, Caller::Nobody] {
        service.put(caller, &path, &json!({"notes": "mine"})).await;
        service.delete(caller, &path).await;
        service.patch(caller, &format!("{path}/status"), &json!({"status": "confirmed"})).await;
    }
    assert_eq!(service.get(Caller::Admin, &path).await.expect(200), before);
    assert_eq!(service.outbox(order).await.len(), 1);
}

#[tokio::test]
async fn every_described_route_is_in_the_table() {
    let document = serde_json::to_value(Order::openapi(Vec::new)).unwrap();
    let rows = matrix();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let listed = rows.iter().any(|row| {
                let row_path = row.path.replace("{order}", "{id}").replace("{user}", "{user_id}");
                row_path == *path && row.method.as_str().eq_ignore_ascii_case(method)
            });
            assert!(listed, "{method} {path} is missing in the table");
        }
    }
}

#[tokio::test]
async fn who_may_not_learns_nothing_about_the_body() {
    let service = Service::start().await;
    let order = service.order(jane()).await;
    let unknown = uuid::Uuid::from_u128(1);
    let json = [("content-type", "application/json")];
    for (caller, method, path, status) in [
        (Caller::Nobody, Method::POST, "/orders".to_owned(), 401),
        (Caller::Nobody, Method::PUT, format!("/orders/{order}"), 401),
        (Caller::User(john()), Method::PUT, format!("/orders/{order}"), 403),
        (NOTIFICATION, Method::PUT, format!("/orders/{order}"), 403),
        (Caller::User(jane()), Method::PUT, format!("/orders/{unknown}"), 404),
        (Caller::User(jane()), Method::PATCH, format!("/orders/{order}/status"), 403),
        (Caller::Admin, Method::PATCH, format!("/orders/{unknown}/status"), 404),
        (Caller::User(jane()), Method::PUT, format!("/orders/{order}"), 400),
        (Caller::Admin, Method::PATCH, format!("/orders/{order}/status"), 400),
    ] {
        for (headers, body) in [(&json[..], "{"), (&json[..], r#"{"surprise": 1}"#)] {
            let answer = service.send(caller, method.clone(), &path, headers, Some(body.to_owned())).await;
            assert_eq!(answer.status.as_u16(), status, "{method} {path} by {caller:?}: {}", answer.text);
        }
    }
    let closed = service.order_in(jane(), "shipped").await;
    let answer = service.put(Caller::User(jane()), &format!("/orders/{closed}"), &json!({"notes": 1})).await;
    assert_eq!(answer.status.as_u16(), 400, "the body comes before the state");
}
