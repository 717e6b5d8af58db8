//! *Between services*: the events, as the stream holds them.

use serde_json::json;

use crate::shape::assert_shape;
use crate::world::{EVENTUALLY, World, example_order, place_order};

#[tokio::test(flavor = "multi_thread")]
async fn a_placed_order_is_announced() {
    let world = World::shared();
    let jane = world.customer().await;
    let order = jane.client.post("/orders", &example_order()).await.ok(201);
    let event = world.event("order.created", order["id"].as_str().unwrap()).await;
    let expected = json!({
      "event_id": "<uuid>",
      "event_type": "OrderCreated",
      "timestamp": order["created_at"],
      "version": "1.0",
      "payload": {
        "order_id": order["id"],
        "user_id": jane.id,
        "status": "pending",
        "total_amount": 112.97,
        "currency": "USD",
        "items_count": 2,
        "shipping_address": {
          "city": "Springfield",
          "state": "IL",
          "country": "US"
        }
      }
    });
    assert_shape(&event, &expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shipped_order_is_announced() {
    let world = World::shared();
    let jane = world.customer().await;
    let admin = world.admin().await;
    let id = place_order(&jane.client).await;
    let path = format!("/orders/{id}/status");
    admin.patch(&path, &json!({ "status": "confirmed" })).await.ok(200);
    let step = admin.patch(&path, &json!({ "status": "shipped" })).await.ok(200);
    let event = world.event("order.shipped", &id).await;
    let expected = json!({
      "event_id": "<uuid>",
      "event_type": "OrderShipped",
      "timestamp": step["shipped_at"],
      "version": "1.0",
      "payload": {
        "order_id": id,
        "user_id": jane.id,
        "status": "shipped",
        "shipped_at": step["shipped_at"],
        "shipping_address": {
          "city": "Springfield",
          "state": "IL",
          "country": "US"
        }
      }
    });
    assert_shape(&event, &expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_announced_once_and_a_refused_one_never() {
    let world = World::shared();
    let jane = world.customer().await;
    let admin = world.admin().await;
    let id = place_order(&jane.client).await;
    let path = format!("/orders/{id}/status");
    for (status, answer) in [
        ("shipped", 400),
        ("confirmed", 200),
        ("confirmed", 409),
        ("shipped", 200),
        ("pending", 400),
        ("delivered", 200),
    ] {
        assert_eq!(admin.patch(&path, &json!({ "status": status })).await.status, answer, "{status}");
    }
    // Announced in order, so once the last is there none is still to come.
    let last = async || {
        let events = world.events_of(&id).await;
        events.iter().any(|(subject, _)| subject == "order.delivered").then_some(events)
    };
    let events = testbed::until(EVENTUALLY, "the last step is announced", last).await.unwrap();
    let subjects: Vec<&str> = events.iter().map(|(subject, _)| subject.as_str()).collect();
    for subject in ["order.created", "order.confirmed", "order.shipped", "order.delivered"] {
        assert_eq!(
            subjects.iter().filter(|found| **found == subject).count(),
            1,
            "{subject} in {subjects:?}"
        );
    }
}
