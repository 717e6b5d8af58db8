//! Every route × owner, other user, vendor, admin, service, nobody.

use auth::Auth;
use http::Method;
use kit::Service as _;
use kit::clock::Clock;
use serde_json::{Value, json};
use testing::Client;
use uuid::Uuid;

use crate::service::{Service, Tokens};

/// A route about Jane's account, and what each caller gets.
struct Row {
    method: Method,
    path: &'static str,
    body: Option<Value>,
    /// Jane, another customer, a vendor, an admin, a service, nobody.
    expected: [u16; 6],
}

#[rustfmt::skip]
fn matrix() -> Vec<Row> {
    let row = |method, path, body, expected| Row { method, path, body, expected };
    let vendor = || Some(json!({ "role": "vendor" }));
    let inactive = || Some(json!({ "is_active": false }));
    vec![
        //  method          path                         body         owner other vendor admin service nobody
        row(Method::GET,    "/auth/sessions",            None,       [200, 200, 200, 200, 403, 401]),
        row(Method::GET,    "/auth/users",               None,       [403, 403, 403, 200, 403, 401]),
        row(Method::GET,    "/auth/users/{user}",        None,       [200, 403, 403, 200, 200, 401]),
        row(Method::GET,    "/users/{user}",             None,       [200, 403, 403, 200, 200, 401]),
        row(Method::GET,    "/api/users/{user}",         None,       [200, 403, 403, 200, 200, 401]),
        row(Method::GET,    "/internal/revocations",     None,       [403, 403, 403, 403, 200, 401]),
        row(Method::DELETE, "/auth/sessions/{session}",  None,       [204, 404, 404, 404, 403, 401]),
        row(Method::PATCH,  "/auth/users/{user}/role",   vendor(),   [403, 403, 403, 200, 403, 401]),
        row(Method::PATCH,  "/auth/users/{user}/active", inactive(), [403, 403, 403, 200, 403, 401]),
        row(Method::POST,   "/auth/logout",              None,       [204, 204, 204, 204, 403, 401]),
    ]
}

async fn person(service: &Service, email: &str, role: &str) -> (Uuid, Tokens) {
    let id = service.register(email).await;
    sqlx::query("UPDATE users SET role = $2 WHERE id = $1")
        .bind(id)
        .bind(role)
        .execute(&service.pool)
        .await
        .unwrap();
    (id, service.login(email).await)
}

#[tokio::test]
async fn every_route_answers_every_caller_as_the_table_says() {
    for row in matrix() {
        for position in 0..row.expected.len() {
            let service = Service::start().await;
            let (jane, owner) = person(&service, "jane@example.com", "customer").await;
            let by_service = service.key.service_token("order", "auth", service.clock.now().timestamp());
            let client: Client = match position {
                0 => service.signed_in(&owner),
                1 => service.signed_in(&person(&service, "john@example.com", "customer").await.1),
                2 => service.signed_in(&person(&service, "vendor@example.com", "vendor").await.1),
                3 => service.signed_in(&person(&service, "admin@example.com", "admin").await.1),
                4 => service.client.with_token(&by_service),
                _ => service.client.clone(),
            };
            let path = row.path.replace("{user}", &jane.to_string());
            let path = path.replace("{session}", &owner.session().to_string());
            let answer = match &row.body {
                Some(body) => client.json(row.method.clone(), &path, body).await,
                None => client.send(row.method.clone(), &path, None).await,
            };
            let expected = row.expected[position];
            assert_eq!(answer.status.as_u16(), expected, "{} {} by {position}", row.method, row.path);
        }
    }
}

#[tokio::test]
async fn who_may_not_learns_nothing_about_the_body() {
    let service = Service::start().await;
    let (jane, tokens) = person(&service, "jane@example.com", "customer").await;
    for path in ["role", "active"] {
        let path = format!("/auth/users/{jane}/{path}");
        let nonsense = json!({ "surprise": 1 });
        assert_eq!(service.signed_in(&tokens).patch(&path, &nonsense).await.status.as_u16(), 403);
        assert_eq!(service.client.patch(&path, &nonsense).await.status.as_u16(), 401);
    }
}

#[test]
fn what_is_internal_is_not_described() {
    let document = serde_json::to_value(Auth::openapi(Vec::new)).unwrap();
    let mut paths = document["paths"].as_object().unwrap().keys();
    assert!(paths.all(|path| !path.contains("internal")));
}
