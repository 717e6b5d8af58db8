//! The first administrator: opened once, and again only when an operator asks for it.

use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::service::{PASSWORD, Service, Tokens, problem};

const ADMIN: &str = "admin@service.example";
const SECRET: &str = "correct horse battery staple";

fn configure(service: &Service, email: &str, password: &str) {
    let directory = service.directory().join("admin");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("email"), format!("{email}\n")).unwrap();
    std::fs::write(directory.join("password"), password).unwrap();
}

/// A platform whose first administrator was opened.
async fn bootstrapped() -> Service {
    let mut service = Service::start().await;
    configure(&service, ADMIN, SECRET);
    service.run_bootstrap().await;
    service
}

/// Starts another process of the service with these files, and waits until it has looked at them.
async fn restart(service: &Service, email: &str, password: &str) -> Service {
    let mut restarted = service.replica(|_| {}, None).await;
    configure(&restarted, email, password);
    restarted.run_bootstrap().await;
    restarted
}

async fn sign_in(service: &Service, email: &str, password: &str) -> Tokens {
    Tokens::of(&service.client.post("/auth/login", &json!({ "email": email, "password": password })).await)
}

async fn is_refused(service: &Service, email: &str, password: &str) {
    let answer = service.client.post("/auth/login", &json!({ "email": email, "password": password })).await;
    problem(&answer, StatusCode::UNAUTHORIZED, "invalid_credentials");
}

async fn execute(service: &Service, sql: &'static str) {
    sqlx::query(sql).execute(&service.pool).await.unwrap();
}

async fn accounts(service: &Service) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(&service.pool).await.unwrap()
}

#[tokio::test]
async fn the_first_administrator_comes_from_files() {
    let service = bootstrapped().await;
    let tokens = sign_in(&service, ADMIN, SECRET).await;
    assert_eq!(tokens.claims()["role"], "admin");
    assert_eq!(service.signed_in(&tokens).get("/auth/users").await.status, StatusCode::OK);
    let events = service.events().await;
    assert_eq!((events.len(), &events[0]["event_type"]), (1, &json!("UserRegistered")));
    let remembered: Uuid =
        sqlx::query_scalar("SELECT user_id FROM bootstrap").fetch_one(&service.pool).await.unwrap();
    assert_eq!(tokens.claims()["sub"], remembered.to_string());
}

#[tokio::test]
async fn replicas_that_start_at_once_open_one() {
    let mut one = Service::start().await;
    let mut other = one.replica(|_| {}, None).await;
    configure(&one, ADMIN, SECRET);
    configure(&other, "other@service.example", SECRET);
    tokio::join!(one.run_bootstrap(), other.run_bootstrap());
    assert_eq!(accounts(&one).await, 1);
}

#[tokio::test]
async fn a_deactivated_administrator_does_not_come_back_after_being_purged() {
    let mut service = bootstrapped().await;
    let (_, personal) = service.administrator("jane@service.example").await;
    let id: Uuid = sqlx::query_scalar("SELECT id FROM users WHERE email = $1")
        .bind(ADMIN)
        .fetch_one(&service.pool)
        .await
        .unwrap();
    let path = format!("/auth/users/{id}/active");
    let answer = service.signed_in(&personal).patch(&path, &json!({ "is_active": false })).await;
    assert_eq!(answer.status, StatusCode::OK);
    service.clock.advance(chrono::Duration::days(91));

    service = restart(&service, ADMIN, SECRET).await;
    service.until("the account is purged", "SELECT count(*) = 1 FROM users").await;
    for email in [ADMIN, "admin2@service.example"] {
        let again = restart(&service, email, SECRET).await;
        is_refused(&again, email, SECRET).await;
        assert_eq!(accounts(&again).await, 1, "{email}");
    }
}

#[tokio::test]
async fn a_restart_resets_nothing() {
    let service = bootstrapped().await;
    let other = service.register("other@example.com").await;
    sqlx::query(
        "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE id = $1) WHERE email = $2",
    )
    .bind(other)
    .bind(ADMIN)
    .execute(&service.pool)
    .await
    .unwrap();
    let restarted = restart(&service, ADMIN, SECRET).await;
    sign_in(&restarted, ADMIN, PASSWORD).await;
    is_refused(&restarted, ADMIN, SECRET).await;
    assert_eq!(accounts(&restarted).await, 2);
}

#[tokio::test]
async fn an_operator_who_deletes_the_row_gets_a_lost_administrator_again() {
    let service = bootstrapped().await;
    execute(&service, "DELETE FROM users").await;
    execute(&service, "DELETE FROM bootstrap").await;
    let restarted = restart(&service, ADMIN, SECRET).await;
    assert_eq!(sign_in(&restarted, ADMIN, SECRET).await.claims()["role"], "admin");
    // And once only.
    execute(&service, "DELETE FROM users").await;
    let again = restart(&service, ADMIN, SECRET).await;
    is_refused(&again, ADMIN, SECRET).await;
}

#[tokio::test]
async fn an_operator_who_deletes_the_row_gets_into_an_account_that_nobody_can_use() {
    let service = bootstrapped().await;
    let stolen = sign_in(&service, ADMIN, SECRET).await;
    execute(&service, "UPDATE users SET is_active = false, deactivated_at = now()").await;
    execute(&service, "DELETE FROM bootstrap").await;
    let restarted = restart(&service, ADMIN, "another long password").await;
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
    let mut service = Service::start().await;
    service.register(ADMIN).await;
    configure(&service, ADMIN, SECRET);
    service.run_bootstrap().await;
    assert_eq!(sign_in(&service, ADMIN, PASSWORD).await.claims()["role"], "customer");
    assert_eq!(service.events().await.len(), 1);
    // Another address in the files still opens the first administrator.
    let corrected = restart(&service, "chief@service.example", SECRET).await;
    assert_eq!(sign_in(&corrected, "chief@service.example", SECRET).await.claims()["role"], "admin");
}
