//! `POST /orders/{id}/cancel` and `DELETE /orders/{id}`.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::service::{Answer, Caller, NOTIFICATION, Service, jane, john};

/// Both ways to cancel.
const WAYS: [(Method, &str); 2] = [(Method::POST, "/cancel"), (Method::DELETE, "")];

async fn cancel(service: &Service, caller: Caller, order: Uuid, way: &(Method, &str)) -> Answer {
    let path = format!("/orders/{order}{}", way.1);
    service.send(caller, way.0.clone(), &path, &[], None).await
}

#[tokio::test]
async fn an_order_is_cancelled_until_it_is_shipped_and_kept() {
    let service = Service::start().await;
    for way in &WAYS {
        for from in ["pending", "confirmed"] {
            let order = service.order_in(jane(), from).await;
            service.tick(60);
            let body = cancel(&service, Caller::User(jane()), order, way).await.expect(200);
            assert_eq!(body["id"], json!(order));
            assert_eq!(body["status"], "cancelled");
            assert_eq!(body["cancelled_at"], body["updated_at"]);
            assert_eq!(body["confirmed_at"] == Value::Null, from == "pending");
            let kept = service.get(Caller::User(jane()), &format!("/orders/{order}")).await;
            assert_eq!(kept.expect(200), body);
        }
    }
}

#[tokio::test]
async fn a_shipped_order_is_not_cancelled() {
    let service = Service::start().await;
    for way in &WAYS {
        for from in ["shipped", "delivered"] {
            let order = service.order_in(jane(), from).await;
            let (code, _) = cancel(&service, Caller::User(jane()), order, way).await.problem(409);
            assert_eq!(code, "not_cancellable");
        }
        let order = service.order_in(jane(), "cancelled").await;
        let (code, _) = cancel(&service, Caller::Admin, order, way).await.problem(409);
        assert_eq!(code, "same_status");
    }
}

#[tokio::test]
async fn only_the_customer_and_admins_cancel() {
    let service = Service::start().await;
    for way in &WAYS {
        for (caller, status) in [
            (Caller::Nobody, 401),
            (Caller::User(john()), 403),
            (Caller::Vendor(john()), 403),
            (NOTIFICATION, 403),
        ] {
            let order = service.order(jane()).await;
            cancel(&service, caller, order, way).await.problem(status);
        }
        let order = service.order(jane()).await;
        cancel(&service, Caller::Admin, order, way).await.expect(200);
        let unknown = Uuid::from_u128(1);
        cancel(&service, Caller::Admin, unknown, way).await.problem(404);
    }
}
