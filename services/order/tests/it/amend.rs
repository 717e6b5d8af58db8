//! `PUT /orders/{id}`.

use serde_json::{Value, json};

use crate::service::{Caller, Service, example, jane};

#[tokio::test]
async fn a_pending_order_takes_a_new_address_and_new_notes() {
    let service = Service::start().await;
    let order = service.order(jane()).await;
    let path = format!("/orders/{order}");
    service.tick(60);
    let berlin = json!({"street": "Unter den Linden 1", "city": "Berlin", "state": null, "zip_code": "10117", "country": "DE"});
    let body = json!({"shipping_address": berlin, "notes": "Ring twice.\nThank you."});
    let changed = service.put(Caller::User(jane()), &path, &body).await.expect(200);
    assert_eq!(changed["shipping_address"], berlin);
    assert_eq!(changed["notes"], "Ring twice.\nThank you.");
    assert_eq!(changed["created_at"], "2026-02-17T11:00:00.000Z");
    assert_eq!(changed["updated_at"], "2026-02-17T11:01:00.000Z");
    assert_eq!(changed["total_amount"], json!(112.97));
    assert_eq!(service.get(Caller::User(jane()), &path).await.expect(200), changed);
}

#[tokio::test]
async fn what_is_absent_stays_and_null_notes_are_removed() {
    let service = Service::start().await;
    let order = service.order(jane()).await;
    let path = format!("/orders/{order}");
    let body = json!({"notes": null});
    let changed = service.put(Caller::User(jane()), &path, &body).await.expect(200);
    assert_eq!(changed["notes"], Value::Null);
    assert_eq!(changed["shipping_address"], example()["shipping_address"]);

    let body = json!({"shipping_address": example()["shipping_address"]});
    service.put(Caller::User(jane()), &path, &json!({"notes": "again"})).await.expect(200);
    let changed = service.put(Caller::User(jane()), &path, &body).await.expect(200);
    assert_eq!(changed["notes"], "again");
}

#[tokio::test]
async fn after_pending_nothing_changes() {
    let service = Service::start().await;
    for status in ["confirmed", "shipped", "delivered", "cancelled"] {
        let order = service.order_in(jane(), status).await;
        let path = format!("/orders/{order}");
        let before = service.get(Caller::User(jane()), &path).await.expect(200);
        let answer = service.put(Caller::User(jane()), &path, &json!({"notes": "late"})).await;
        assert_eq!(answer.problem(409).0, "not_pending");
        assert_eq!(service.get(Caller::User(jane()), &path).await.expect(200), before);
    }
}

#[tokio::test]
async fn broken_rules_are_400() {
    let service = Service::start().await;
    let order = service.order(jane()).await;
    let path = format!("/orders/{order}");
    let mut without_state = example()["shipping_address"].clone();
    without_state.as_object_mut().unwrap().remove("state");
    for (body, field) in [
        (json!({}), "shipping_address"),
        (json!({"notes": "x".repeat(501)}), "notes"),
        (json!({"notes": 1}), "notes"),
        (json!({"shipping_address": without_state}), "shipping_address.state"),
        (json!({"notes": "x", "status": "delivered"}), "status"),
        (json!({"notes": "x", "user_id": jane()}), "user_id"),
        (json!({"notes": "x", "total_amount": 1}), "total_amount"),
    ] {
        let (_, refused) = service.put(Caller::User(jane()), &path, &body).await.problem(400);
        assert_eq!(refused.as_deref(), Some(field), "{body}");
    }
}
