//! `GET /auth/users/{id}`.

use http::StatusCode;
use kit::clock::Clock;
use serde_json::json;
use uuid::Uuid;

use crate::service::{EMAIL, Service, is_documented_time, keys, problem};

#[tokio::test]
async fn somebody_reads_their_own_account() {
    let service = Service::start().await;
    let (id, tokens) = service.customer(EMAIL).await;
    let answer = service.signed_in(&tokens).get(&format!("/auth/users/{id}")).await;
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.json();
    let names =
        ["created_at", "email", "first_name", "id", "is_active", "last_name", "phone", "role", "updated_at"];
    assert_eq!(keys(&body), names);
    assert_eq!((&body["id"], &body["email"]), (&json!(id), &json!(EMAIL)));
    assert_eq!((&body["role"], &body["is_active"]), (&json!("customer"), &json!(true)));
    assert_eq!(body["phone"], "+15551234567");
    assert!(is_documented_time(&body["created_at"]) && is_documented_time(&body["updated_at"]));
}

#[tokio::test]
async fn administrators_and_services_read_any_account_and_learn_what_does_not_exist() {
    let service = Service::start().await;
    let id = service.register(EMAIL).await;
    let (_, admin) = service.administrator("admin@example.com").await;
    let by_service = service.key.service_token("notification", "auth", service.clock.now().timestamp());
    for client in [service.signed_in(&admin), service.client.with_token(&by_service)] {
        let answer = client.get(&format!("/auth/users/{id}")).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.json()["email"], EMAIL);
        let missing = client.get(&format!("/auth/users/{}", Uuid::now_v7())).await;
        problem(&missing, StatusCode::NOT_FOUND, "not_found");
        problem(&client.get("/auth/users/42").await, StatusCode::BAD_REQUEST, "validation");
    }
}

#[tokio::test]
async fn others_get_403_whether_the_account_exists_or_not() {
    let service = Service::start().await;
    let id = service.register(EMAIL).await;
    let (other, tokens) = service.customer("other@example.com").await;
    sqlx::query("UPDATE users SET role = 'vendor' WHERE id = $1")
        .bind(other)
        .execute(&service.pool)
        .await
        .unwrap();
    let vendor = service.login("other@example.com").await;
    for client in [service.signed_in(&tokens), service.signed_in(&vendor)] {
        for id in [id, Uuid::now_v7()] {
            problem(&client.get(&format!("/auth/users/{id}")).await, StatusCode::FORBIDDEN, "forbidden");
        }
    }
}

#[tokio::test]
async fn nobody_reads_without_a_token_or_with_one_for_another_service() {
    let service = Service::start().await;
    let id = service.register(EMAIL).await;
    let path = format!("/auth/users/{id}");
    problem(&service.client.get(&path).await, StatusCode::UNAUTHORIZED, "unauthorized");
    problem(
        &service.client.with_token("nonsense").get(&path).await,
        StatusCode::UNAUTHORIZED,
        "unauthorized",
    );
    let misdirected = service.key.service_token("notification", "order", service.clock.now().timestamp());
    problem(
        &service.client.with_token(&misdirected).get(&path).await,
        StatusCode::UNAUTHORIZED,
        "unauthorized",
    );
}
