//! The standard routes and the description of the API.

use std::time::Duration;

use http::Method;
use serde_json::json;
use uuid::Uuid;

use crate::shop::{Caller, Shop};

#[tokio::test]
async fn the_standard_routes_answer_without_a_token() {
    let shop = Shop::open().await;
    let health = shop.get(Caller::Nobody, "/health").await;
    assert_eq!(health.expect(200), json!({"status": "ok"}));
    let ready = testbed::until(Duration::from_secs(20), "it is ready", async || {
        (shop.internal.get("/ready").await.status == 200).then_some(())
    });
    ready.await.unwrap();
    let metrics = shop.get(Caller::Nobody, "/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.text.contains("http_request_duration_seconds"));
    let described = shop.internal.get("/openapi.json").await.value();
    assert_eq!(described, serde_json::to_value(order::openapi()).unwrap());
}

#[tokio::test]
async fn every_route_is_described() {
    let document = serde_json::to_value(order::openapi()).unwrap();
    let mut routes: Vec<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    routes.sort();
    assert_eq!(
        routes,
        [
            "DELETE /orders/{id}",
            "GET /orders",
            "GET /orders/user/{user_id}",
            "GET /orders/{id}",
            "GET /orders/{id}/history",
            "GET /orders/{id}/status",
            "PATCH /orders/{id}/status",
            "POST /orders",
            "POST /orders/{id}/cancel",
            "PUT /orders/{id}",
            "PUT /orders/{id}/status",
        ]
    );
    let parameters: Vec<&str> = document["paths"]["/orders"]["get"]["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    assert_eq!(parameters, ["page", "limit", "cursor", "status", "sort_by", "sort_dir"]);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let shop = Shop::open().await;
    shop.get(Caller::Nobody, "/nothing").await.problem(404);
    let path = format!("/orders/{}", Uuid::from_u128(1));
    let answer = shop.send(Caller::Admin, Method::PATCH, &path, &[], None).await;
    answer.problem(405);
}
