//! `GET /auth/users/{id}`.

use http::StatusCode;
use kit::clock::Clock;
use serde_json::json;
use uuid::Uuid;

use crate::support::{EMAIL, Shop, is_documented_time, keys, problem};

#[tokio::test]
async fn somebody_reads_their_own_account() {
    let shop = Shop::open().await;
    let (id, tokens) = shop.customer(EMAIL).await;
    let answer = shop.signed_in(&tokens).get(&format!("/auth/users/{id}")).await;
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.value();
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
    let shop = Shop::open().await;
    let id = shop.register(EMAIL).await;
    let (_, admin) = shop.administrator("admin@example.com").await;
    let service = shop.key.service_token("notification", "auth", shop.clock.now().timestamp());
    for client in [shop.signed_in(&admin), shop.client.with_token(&service)] {
        let answer = client.get(&format!("/auth/users/{id}")).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.value()["email"], EMAIL);
        let missing = client.get(&format!("/auth/users/{}", Uuid::now_v7())).await;
        problem(&missing, StatusCode::NOT_FOUND, "not_found");
        problem(&client.get("/auth/users/42").await, StatusCode::BAD_REQUEST, "validation");
    }
}

#[tokio::test]
async fn others_get_403_whether_the_account_exists_or_not() {
    let shop = Shop::open().await;
    let id = shop.register(EMAIL).await;
    let (other, tokens) = shop.customer("other@example.com").await;
    sqlx::query("UPDATE users SET role = 'vendor' WHERE id = $1")
        .bind(other)
        .execute(&shop.pool)
        .await
        .unwrap();
    let vendor = shop.login("other@example.com").await;
    for client in [shop.signed_in(&tokens), shop.signed_in(&vendor)] {
        for id in [id, Uuid::now_v7()] {
            problem(&client.get(&format!("/auth/users/{id}")).await, StatusCode::FORBIDDEN, "forbidden");
        }
    }
}

#[tokio::test]
async fn nobody_reads_without_a_token_or_with_one_for_another_service() {
    let shop = Shop::open().await;
    let id = shop.register(EMAIL).await;
    let path = format!("/auth/users/{id}");
    problem(&shop.client.get(&path).await, StatusCode::UNAUTHORIZED, "unauthorized");
    problem(&shop.client.with_token("nonsense").get(&path).await, StatusCode::UNAUTHORIZED, "unauthorized");
    let misdirected = shop.key.service_token("notification", "order", shop.clock.now().timestamp());
    problem(&shop.client.with_token(&misdirected).get(&path).await, StatusCode::UNAUTHORIZED, "unauthorized");
}
