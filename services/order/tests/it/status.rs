//! `GET`, `PATCH` and `PUT /orders/{id}/status`, and the history.

use futures::FutureExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::service::{Caller, Service, jane};

const STATES: [&str; 5] = ["pending", "confirmed", "shipped", "delivered", "cancelled"];

#[tokio::test]
async fn each_step_answers_the_documented_body_with_its_own_timestamp() {
    let service = Service::start().await;
    let order = service.order(jane()).await;
    for (status, at) in [
        ("confirmed", "2026-02-17T14:00:00.000Z"),
        ("shipped", "2026-02-18T09:30:00.000Z"),
        ("delivered", "2026-02-19T10:00:00.250Z"),
    ] {
        service.clock.set(at.parse().unwrap());
        let answer = service.step(order, status).await;
        answer.expect(200);
        let expected =
            format!(r#"{{"id":"{order}","status":"{status}","{status}_at":"{at}","updated_at":"{at}"}}"#);
        assert_eq!(answer.text, expected);
    }
    let path = format!("/orders/{order}");
    let full = service.get(Caller::User(jane()), &path).await.expect(200);
    assert_eq!(full["status"], "delivered");
    assert_eq!(full["confirmed_at"], "2026-02-17T14:00:00.000Z");
    assert_eq!(full["shipped_at"], "2026-02-18T09:30:00.000Z");
    assert_eq!(full["delivered_at"], "2026-02-19T10:00:00.250Z");
    assert_eq!(full["created_at"], "2026-02-17T11:00:00.000Z");
    assert_eq!(full["updated_at"], "2026-02-19T10:00:00.250Z");
}

#[tokio::test]
async fn every_pair_of_states_answers_as_the_state_machine_says() {
    let service = Service::start().await;
    let allowed = [
        ("pending", "confirmed"),
        ("confirmed", "shipped"),
        ("shipped", "delivered"),
        ("pending", "cancelled"),
        ("confirmed", "cancelled"),
    ];
    for from in STATES {
        for to in STATES {
            let order = service.order_in(jane(), from).await;
            let events = service.outbox(order).await.len();
            let answer = service.step(order, to).await;
            if allowed.contains(&(from, to)) {
                assert_eq!(answer.expect(200)["status"], to);
                continue;
            }
            let expected = if from == to { (409, "same_status") } else { (400, "invalid_transition") };
            let (code, _) = answer.problem(expected.0);
            assert_eq!(code, expected.1, "{from} to {to}");
            let path = format!("/orders/{order}/status");
            let now = service.get(Caller::Admin, &path).await.expect(200);
            assert_eq!(now["status"], from);
            assert_eq!(service.outbox(order).await.len(), events);
        }
    }
}

#[tokio::test]
async fn processing_is_read_as_confirmed() {
    let service = Service::start().await;
    let order = service.order(jane()).await;
    let body = service.step(order, "processing").await.expect(200);
    assert_eq!(body["status"], "confirmed");
    service.step(order, "processing").await.problem(409);
}

#[tokio::test]
async fn put_is_patch() {
    let service = Service::start().await;
    let order = service.order(jane()).await;
    let path = format!("/orders/{order}/status");
    let body = json!({"status": "confirmed"});
    assert_eq!(service.put(Caller::Admin, &path, &body).await.expect(200)["status"], "confirmed");
    service.put(Caller::Admin, &path, &body).await.problem(409);
}

#[tokio::test]
async fn requests_that_name_no_state_are_400() {
    let service = Service::start().await;
    let order = service.order(jane()).await;
    let path = format!("/orders/{order}/status");
    for (body, field) in [
        (json!({"status": "lost"}), "status"),
        (json!({"status": ""}), "status"),
        (json!({"status": "Confirmed"}), "status"),
        (json!({"status": 1}), "status"),
        (json!({}), "status"),
        (json!({"status": "confirmed", "confirmed_at": "2020-01-01T00:00:00Z"}), "confirmed_at"),
    ] {
        let (_, refused) = service.patch(Caller::Admin, &path, &body).await.problem(400);
        assert_eq!(refused.as_deref(), Some(field), "{body}");
    }
    assert_eq!(service.get(Caller::Admin, &path).await.expect(200)["status"], "pending");
}

#[tokio::test]
async fn an_unknown_order_is_404() {
    let service = Service::start().await;
    let unknown = Uuid::from_u128(1);
    service.step(unknown, "confirmed").await.problem(404);
    for rest in ["status", "history"] {
        let path = format!("/orders/{unknown}/{rest}");
        service.get(Caller::Admin, &path).await.problem(404);
    }
}

#[tokio::test]
async fn the_status_tells_when_each_state_was_reached() {
    let service = Service::start().await;
    let order = service.order_in(jane(), "confirmed").await;
    let path = format!("/orders/{order}/status");
    let body = service.get(Caller::User(jane()), &path).await.expect(200);
    assert_eq!(
        body,
        json!({
            "id": order,
            "status": "confirmed",
            "confirmed_at": "2026-02-17T11:01:00.000Z",
            "shipped_at": null,
            "delivered_at": null,
            "updated_at": "2026-02-17T11:01:00.000Z"
        })
    );
}

#[tokio::test]
async fn the_history_tells_every_step_and_who_took_it() {
    let service = Service::start().await;
    let order = service.order_in(jane(), "confirmed").await;
    service.tick(60);
    service.delete(Caller::User(jane()), &format!("/orders/{order}")).await.expect(200);
    let path = format!("/orders/{order}/history");
    let body = service.get(Caller::User(jane()), &path).await.expect(200);
    let entry = |from: Value, to: &str, by: &str, at: &str| json!({"previous_status": from, "status": to, "changed_by": by, "changed_at": at});
    assert_eq!(
        body["data"],
        json!([
            entry(Value::Null, "pending", "customer", "2026-02-17T11:00:00.000Z"),
            entry(json!("pending"), "confirmed", "admin", "2026-02-17T11:01:00.000Z"),
            entry(json!("confirmed"), "cancelled", "customer", "2026-02-17T11:02:00.000Z"),
        ])
    );
}

#[tokio::test]
async fn of_parallel_equal_steps_exactly_one_succeeds() {
    let service = Service::start().await;
    let order = service.order(jane()).await;
    let steps = (0..8).map(|_| service.step(order, "confirmed")).collect();
    let answers = service.at_once(order, steps).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status.as_u16() == status).count();
    assert_eq!((count(200), count(409)), (1, 7));
    // Placed, then confirmed once: its own event and the shared one.
    assert_eq!(service.outbox(order).await.len(), 3);
}

#[tokio::test]
async fn of_parallel_rival_steps_exactly_one_succeeds() {
    let service = Service::start().await;
    let order = service.order_in(jane(), "confirmed").await;
    let path = format!("/orders/{order}");
    let shipping = service.step(order, "shipped").left_future();
    let cancelling = service.delete(Caller::User(jane()), &path).right_future();
    let answers = service.at_once(order, vec![shipping, cancelling]).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert!(statuses == [200, 409] || statuses == [400, 200], "{statuses:?}");
}

#[tokio::test]
async fn the_database_itself_refuses_states_without_their_timestamps() {
    let service = Service::start().await;
    let order = service.order(jane()).await;
    for broken in [
        "UPDATE orders SET status = 'confirmed' WHERE id = $1",
        "UPDATE orders SET confirmed_at = now() WHERE id = $1",
        "UPDATE orders SET status = 'shipped', shipped_at = now() WHERE id = $1",
        "UPDATE orders SET status = 'delivered', confirmed_at = now(), shipped_at = now() WHERE id = $1",
        "UPDATE orders SET status = 'cancelled' WHERE id = $1",
        "UPDATE orders SET status = 'cancelled', cancelled_at = now(), shipped_at = now() WHERE id = $1",
    ] {
        let error = sqlx::query(broken).bind(order).execute(service.pool()).await.unwrap_err();
        let constraint = error.as_database_error().and_then(|error| error.constraint().map(str::to_owned));
        assert_eq!(constraint.as_deref(), Some("orders_timestamps_match_status"), "{broken}");
    }
}
