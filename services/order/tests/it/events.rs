//! What is announced, as it lies in the outbox.

use std::time::Duration;

use futures::StreamExt as _;
use kit::Service as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::service::{Caller, Service, example_with, jane};

#[tokio::test]
async fn a_placed_order_is_announced_in_the_published_form() {
    let service = Service::start().await;
    let order = service.order(jane()).await;
    let events = service.outbox(order).await;
    assert_eq!(events.len(), 1);
    let (subject, event) = &events[0];
    assert_eq!(subject, "order.created");
    let event_id: Uuid = event["event_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        *event,
        json!({
            "event_id": event_id,
            "event_type": "OrderCreated",
            "timestamp": "2026-02-17T11:00:00.000Z",
            "version": "1.0",
            "payload": {
                "order_id": order,
                "user_id": jane(),
                "status": "pending",
                "total_amount": 112.97,
                "currency": "USD",
                "items_count": 2,
                "shipping_address": {"city": "Springfield", "state": "IL", "country": "US"}
            }
        })
    );
}

#[tokio::test]
async fn a_shipped_order_is_announced_in_the_published_form() {
    let service = Service::start().await;
    let order = service.order_in(jane(), "confirmed").await;
    service.clock.set("2026-02-18T09:30:00.000Z".parse().unwrap());
    service.step(order, "shipped").await.expect(200);
    let events = service.outbox(order).await;
    let (_, event) = events.iter().find(|(subject, _)| subject == "order.shipped").unwrap();
    assert_eq!(
        *event,
        json!({
            "event_id": event["event_id"],
            "event_type": "OrderShipped",
            "timestamp": "2026-02-18T09:30:00.000Z",
            "version": "1.0",
            "payload": {
                "order_id": order,
                "user_id": jane(),
                "status": "shipped",
                "shipped_at": "2026-02-18T09:30:00.000Z",
                "shipping_address": {"city": "Springfield", "state": "IL", "country": "US"}
            }
        })
    );
}

#[tokio::test]
async fn every_step_announces_itself_and_the_shared_event_in_order() {
    let service = Service::start().await;
    let order = service.order_in(jane(), "delivered").await;
    let events = service.outbox(order).await;
    let subjects: Vec<&str> = events.iter().map(|(subject, _)| subject.as_str()).collect();
    assert_eq!(
        subjects,
        [
            "order.created",
            "order.confirmed",
            "order.status_updated",
            "order.shipped",
            "order.status_updated",
            "order.delivered",
            "order.status_updated",
        ]
    );
    assert_eq!(
        events[6].1["payload"],
        json!({
            "order_id": order,
            "user_id": jane(),
            "previous_status": "shipped",
            "status": "delivered",
            "updated_at": "2026-02-17T11:03:00.000Z"
        })
    );
    for subject in subjects {
        let published = topology::service(order::Order::NAME).unwrap().publishes;
        assert!(published.contains(&subject), "{subject}");
    }
}

#[tokio::test]
async fn a_cancelled_order_announces_it() {
    let service = Service::start().await;
    let order = service.order(jane()).await;
    service.tick(60);
    service.delete(Caller::User(jane()), &format!("/orders/{order}")).await.expect(200);
    let events = service.outbox(order).await;
    assert_eq!(events[1].0, "order.cancelled");
    assert_eq!(events[1].1["payload"]["cancelled_at"], "2026-02-17T11:01:00.000Z");
    assert_eq!(events[2].0, "order.status_updated");
    assert_eq!(events[2].1["payload"]["previous_status"], "pending");
}

#[tokio::test]
async fn what_fails_announces_nothing() {
    let service = Service::start().await;
    let refused = example_with("/items/0/quantity", json!(0));
    service.post(Caller::User(jane()), "/orders", &refused).await.problem(400);
    let order = service.order(jane()).await;
    service.step(order, "delivered").await.problem(400);
    service.step(order, "pending").await.problem(409);
    service
        .put(Caller::User(jane()), &format!("/orders/{order}"), &json!({"notes": "quiet"}))
        .await
        .expect(200);
    assert_eq!(service.count("outbox").await, 1);
}

#[tokio::test]
async fn the_service_publishes_its_outbox() {
    let nats = testbed::Nats::start().await.unwrap();
    let jetstream = nats.provision().await.unwrap();
    let service = Service::start().await;
    let order = service.order(jane()).await;

    let mut context = service.context.clone();
    context.jetstream = Some(jetstream.clone());
    let shutdown = context.shutdown.clone();
    let app = kit::service::assemble::<order::Order>(context, order::Config::default(), Vec::new).unwrap();
    for task in app.background {
        tokio::spawn(task.supervise(shutdown.clone()));
    }

    let stream = jetstream.get_stream("ORDERS").await.unwrap();
    let consumer =
        stream.create_consumer(async_nats::jetstream::consumer::pull::Config::default()).await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    // Placed before the relay started, and after.
    let later = service.order(jane()).await;
    for expected in [order, later] {
        let message = tokio::time::timeout(Duration::from_secs(10), messages.next())
            .await
            .expect("the event arrives")
            .unwrap()
            .unwrap();
        message.ack().await.unwrap();
        assert_eq!(message.subject.as_str(), "order.created");
        let event: Value = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(event["payload"]["order_id"], json!(expected));
        let id = message.headers.as_ref().unwrap().get("Nats-Msg-Id").unwrap();
        assert_eq!(event["event_id"], id.as_str());
    }
    shutdown.trigger();
}
