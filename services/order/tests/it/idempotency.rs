//! `Idempotency-Key` on `POST /orders`.

use std::time::Duration;

use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};

use crate::service::{Answer, Caller, Service, example, example_with, id, jane, john};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

async fn place(service: &Service, caller: Caller, key: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    service.send(caller, Method::POST, "/orders", &headers, Some(body.to_string())).await
}

#[tokio::test]
async fn the_same_key_and_body_get_the_stored_answer() {
    let service = Service::start().await;
    let first = place(&service, Caller::User(jane()), "k-1", &example()).await.expect(201);
    service.tick(60);
    let second = place(&service, Caller::User(jane()), "k-1", &example()).await.expect(201);
    assert_eq!(first, second);
    assert_eq!(service.count("orders").await, 1);
    assert_eq!(service.outbox(id(&first)).await.len(), 1);
}

#[tokio::test]
async fn a_hundred_parallel_requests_place_one_order() {
    let service = Service::start().await;
    let body = example();
    let answers = join_all((0..100).map(|_| place(&service, Caller::User(jane()), "k-1", &body))).await;
    let mut placed = Vec::new();
    for answer in &answers {
        match answer.status.as_u16() {
            201 => placed.push(id(&answer.json())),
            // PostgreSQL was not asked in time, on a machine that is busy with other things.
            503 => assert_eq!(answer.problem(503).0, "unavailable"),
            _ => assert_eq!(answer.problem(409).0, "idempotency_in_flight"),
        }
    }
    let last = testbed::until(PATIENCE, "the order is answered", async || {
        let answer = place(&service, Caller::User(jane()), "k-1", &body).await;
        (answer.status == 201).then(|| id(&answer.json()))
    });
    placed.push(last.await.unwrap());
    placed.dedup();
    assert_eq!(placed.len(), 1);
    assert_eq!(service.count("orders").await, 1);
    assert_eq!(service.count("outbox").await, 1);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_422() {
    let service = Service::start().await;
    place(&service, Caller::User(jane()), "k-1", &example()).await.expect(201);
    let other = example_with("/items/0/quantity", json!(3));
    let answer = place(&service, Caller::User(jane()), "k-1", &other).await;
    assert_eq!(answer.problem(422).0, "idempotency_key_reused");
    assert_eq!(service.count("orders").await, 1);
}

#[tokio::test]
async fn keys_belong_to_their_owner() {
    let service = Service::start().await;
    for user in [jane(), john()] {
        let order = place(&service, Caller::User(user), "k-1", &example()).await.expect(201);
        assert_eq!(order["user_id"], json!(user));
    }
    assert_eq!(service.count("orders").await, 2);
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let service = Service::start().await;
    let refused = example_with("/items/0/quantity", json!(0));
    place(&service, Caller::User(jane()), "k-1", &refused).await.problem(400);
    place(&service, Caller::User(jane()), "k-1", &example()).await.expect(201);
}

#[tokio::test]
async fn after_a_day_the_key_is_free_again() {
    let service = Service::start().await;
    let first = place(&service, Caller::User(jane()), "k-1", &example()).await.expect(201);
    service.tick(24 * 60 * 60 + 1);
    let second = place(&service, Caller::User(jane()), "k-1", &example()).await.expect(201);
    assert_ne!(id(&first), id(&second));
}

#[tokio::test]
async fn an_unreadable_key_is_400() {
    let service = Service::start().await;
    for key in ["", "é", &"x".repeat(256)] {
        let answer = place(&service, Caller::User(jane()), key, &example()).await;
        assert_eq!(answer.problem(400).1.as_deref(), Some("Idempotency-Key"));
    }
}
