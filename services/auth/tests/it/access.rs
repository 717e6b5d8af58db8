//! Every route × owner, other user, vendor, admin, service, nobody.

use http::Method;
use kit::clock::Clock;
use kit::testing::TestClient;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Shop, Tokens};

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

async fn person(shop: &Shop, email: &str, role: &str) -> (Uuid, Tokens) {
    let id = shop.register(email).await;
    sqlx::query("UPDATE users SET role = $2 WHERE id = $1")
        .bind(id)
        .bind(role)
        .execute(&shop.pool)
        .await
        .unwrap();
    (id, shop.login(email).await)
}

#[tokio::test]
async fn every_route_answers_every_caller_as_the_table_says() {
    for row in matrix() {
        for position in 0..row.expected.len() {
            let shop = Shop::open().await;
            let (jane, owner) = person(&shop, "jane@example.com", "customer").await;
            let service = shop.key.service_token("order", "auth", shop.clock.now().timestamp());
            let client: TestClient = match position {
                0 => shop.signed_in(&owner),
                1 => shop.signed_in(&person(&shop, "john@example.com", "customer").await.1),
                2 => shop.signed_in(&person(&shop, "vendor@example.com", "vendor").await.1),
                3 => shop.signed_in(&person(&shop, "admin@example.com", "admin").await.1),
                4 => shop.client.with_token(&service),
                _ => shop.client.clone(),
            };
            let path = row.path.replace("{user}", &jane.to_string());
            let path = path.replace("{session}", &owner.session().to_string());
            let answer = client.send(row.method.clone(), &path, row.body.as_ref()).await;
            let expected = row.expected[position];
            assert_eq!(answer.status.as_u16(), expected, "{} {} by {position}", row.method, row.path);
        }
    }
}

#[tokio::test]
async fn who_may_not_learns_nothing_about_the_body() {
    let shop = Shop::open().await;
    let (jane, tokens) = person(&shop, "jane@example.com", "customer").await;
    for path in ["role", "active"] {
        let path = format!("/auth/users/{jane}/{path}");
        let nonsense = json!({ "surprise": 1 });
        assert_eq!(shop.signed_in(&tokens).patch(&path, &nonsense).await.status.as_u16(), 403);
        assert_eq!(shop.client.patch(&path, &nonsense).await.status.as_u16(), 401);
    }
}

#[test]
fn every_described_route_has_a_rule_and_every_rule_a_route() {
    let document = serde_json::to_value(auth::openapi()).unwrap();
    let mut described: Vec<String> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let methods = methods.as_object().unwrap().keys();
        described.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    let mut ruled: Vec<&str> = auth::access().rules().map(kit::access::Rule::route).collect();
    described.sort_unstable();
    ruled.sort_unstable();
    assert_eq!(described, ruled);
}

#[test]
fn what_is_internal_is_not_described() {
    let document = serde_json::to_value(auth::openapi()).unwrap();
    let mut paths = document["paths"].as_object().unwrap().keys();
    assert!(paths.all(|path| !path.contains("internal")));
}
