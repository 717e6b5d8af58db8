//! The first administrator: opened once, and again only when an operator asks for it.

use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::support::{PASSWORD, Shop, Tokens, problem};

const ADMIN: &str = "admin@shop.example";
const SECRET: &str = "correct horse battery staple";

fn configure(shop: &Shop, email: &str, password: &str) {
    let directory = shop.directory().join("admin");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("email"), format!("{email}\n")).unwrap();
    std::fs::write(directory.join("password"), password).unwrap();
}

/// A platform whose first administrator was opened.
async fn bootstrapped() -> Shop {
    let mut shop = Shop::open().await;
    configure(&shop, ADMIN, SECRET);
    shop.run_bootstrap().await;
    shop
}

/// Starts another process of the service with these files, and waits until it has looked at them.
async fn restart(shop: &Shop, email: &str, password: &str) -> Shop {
    let mut restarted = shop.replica(|_| {}, None);
    configure(&restarted, email, password);
    restarted.run_bootstrap().await;
    restarted
}

async fn sign_in(shop: &Shop, email: &str, password: &str) -> Tokens {
    Tokens::of(&shop.client.post("/auth/login", &json!({ "email": email, "password": password })).await)
}

async fn is_refused(shop: &Shop, email: &str, password: &str) {
    let answer = shop.client.post("/auth/login", &json!({ "email": email, "password": password })).await;
    problem(&answer, StatusCode::UNAUTHORIZED, "invalid_credentials");
}

async fn execute(shop: &Shop, sql: &'static str) {
    sqlx::query(sql).execute(&shop.pool).await.unwrap();
}

async fn accounts(shop: &Shop) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(&shop.pool).await.unwrap()
}

#[tokio::test]
async fn the_first_administrator_comes_from_files() {
    let shop = bootstrapped().await;
    let tokens = sign_in(&shop, ADMIN, SECRET).await;
    assert_eq!(tokens.claims()["role"], "admin");
    assert_eq!(shop.signed_in(&tokens).get("/auth/users").await.status, StatusCode::OK);
    let events = shop.events().await;
    assert_eq!((events.len(), &events[0]["event_type"]), (1, &json!("UserRegistered")));
    let remembered: Uuid =
        sqlx::query_scalar("SELECT user_id FROM bootstrap").fetch_one(&shop.pool).await.unwrap();
    assert_eq!(tokens.claims()["sub"], remembered.to_string());
}

#[tokio::test]
async fn replicas_that_start_at_once_open_one() {
    let mut one = Shop::open().await;
    let mut other = one.replica(|_| {}, None);
    configure(&one, ADMIN, SECRET);
    configure(&other, "other@shop.example", SECRET);
    tokio::join!(one.run_bootstrap(), other.run_bootstrap());
    assert_eq!(accounts(&one).await, 1);
}

#[tokio::test]
async fn a_deactivated_administrator_does_not_come_back_after_being_purged() {
    let mut shop = bootstrapped().await;
    let (_, personal) = shop.administrator("jane@shop.example").await;
    let id: Uuid = sqlx::query_scalar("SELECT id FROM users WHERE email = $1")
        .bind(ADMIN)
        .fetch_one(&shop.pool)
        .await
        .unwrap();
    let path = format!("/auth/users/{id}/active");
    let answer = shop.signed_in(&personal).patch(&path, &json!({ "is_active": false })).await;
    assert_eq!(answer.status, StatusCode::OK);
    shop.clock.advance(chrono::Duration::days(91));

    shop = restart(&shop, ADMIN, SECRET).await;
    shop.until("the account is purged", "SELECT count(*) = 1 FROM users").await;
    for email in [ADMIN, "admin2@shop.example"] {
        let again = restart(&shop, email, SECRET).await;
        is_refused(&again, email, SECRET).await;
        assert_eq!(accounts(&again).await, 1, "{email}");
    }
}

#[tokio::test]
async fn a_restart_resets_nothing() {
    let shop = bootstrapped().await;
    let other = shop.register("other@example.com").await;
    sqlx::query(
        "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE id = $1) WHERE email = $2",
    )
    .bind(other)
    .bind(ADMIN)
    .execute(&shop.pool)
    .await
    .unwrap();
    let restarted = restart(&shop, ADMIN, SECRET).await;
    sign_in(&restarted, ADMIN, PASSWORD).await;
    is_refused(&restarted, ADMIN, SECRET).await;
    assert_eq!(accounts(&restarted).await, 2);
}

#[tokio::test]
async fn an_operator_who_deletes_the_row_gets_a_lost_administrator_again() {
    let shop = bootstrapped().await;
    execute(&shop, "DELETE FROM users").await;
    execute(&shop, "DELETE FROM bootstrap").await;
    let restarted = restart(&shop, ADMIN, SECRET).await;
    assert_eq!(sign_in(&restarted, ADMIN, SECRET).await.claims()["role"], "admin");
    // And once only.
    execute(&shop, "DELETE FROM users").await;
    let again = restart(&shop, ADMIN, SECRET).await;
    is_refused(&again, ADMIN, SECRET).await;
}

#[tokio::test]
async fn an_operator_who_deletes_the_row_gets_into_an_account_that_nobody_can_use() {
    let shop = bootstrapped().await;
    let stolen = sign_in(&shop, ADMIN, SECRET).await;
    execute(&shop, "UPDATE users SET is_active = false, deactivated_at = now()").await;
    execute(&shop, "DELETE FROM bootstrap").await;
    let restarted = restart(&shop, ADMIN, "another long password").await;
    problem(&restarted.validate(&stolen.access).await, StatusCode::UNAUTHORIZED, "unauthorized");
    problem(&restarted.refresh(&stolen).await, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
    is_refused(&restarted, ADMIN, SECRET).await;
    let tokens = sign_in(&restarted, ADMIN, "another long password").await;
    assert_eq!(restarted.validate(&tokens.access).await.status, StatusCode::OK);
    let event = restarted.events().await.pop().unwrap();
    assert_eq!((&event["event_type"], &event["payload"]["is_active"]), (&json!("UserUpdated"), &json!(true)));
}

#[tokio::test]
async fn whoever_registered_the_address_before_is_not_promoted() {
    let mut shop = Shop::open().await;
    shop.register(ADMIN).await;
    configure(&shop, ADMIN, SECRET);
    shop.run_bootstrap().await;
    assert_eq!(sign_in(&shop, ADMIN, PASSWORD).await.claims()["role"], "customer");
    assert_eq!(shop.events().await.len(), 1);
    // Another address in the files still opens the first administrator.
    let corrected = restart(&shop, "chief@shop.example", SECRET).await;
    assert_eq!(sign_in(&corrected, "chief@shop.example", SECRET).await.claims()["role"], "admin");
}
