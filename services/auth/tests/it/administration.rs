//! Administrators' routes.

use http::{Method, StatusCode};
use kit::clock::Clock;
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::service::{EMAIL, PASSWORD, Service, Tokens, problem};

#[tokio::test]
async fn accounts_are_listed_newest_first_in_pages() {
    let service = Service::start().await;
    let (_, admin) = service.administrator("admin@example.com").await;
    for number in 0..4 {
        service.clock.advance(chrono::Duration::seconds(1));
        service.register(&format!("c{number}@example.com")).await;
    }
    let emails = async |query: &str| -> (Vec<String>, Value) {
        let body = service.signed_in(&admin).get(&format!("/auth/users?{query}")).await.json();
        let email = |user: &Value| user["email"].as_str().unwrap().to_owned();
        (body["data"].as_array().unwrap().iter().map(email).collect(), body["pagination"].clone())
    };
    let (first, pagination) = emails("limit=3").await;
    assert_eq!(first, ["c3@example.com", "c2@example.com", "c1@example.com"]);
    assert_eq!(pagination, json!({ "page": 1, "limit": 3, "total_items": 5, "total_pages": 2 }));
    assert_eq!(emails("limit=3&page=2").await.0, ["c0@example.com", "admin@example.com"]);
    assert_eq!(emails("role=admin").await.0, ["admin@example.com"]);
    assert_eq!(emails("is_active=false").await.0, Vec::<String>::new());
    assert_eq!(emails("is_active=true&role=customer&limit=1").await.1["total_items"], 4);
    for query in ["limit=101", "page=0", "role=root", "is_active=maybe"] {
        let answer = service.signed_in(&admin).get(&format!("/auth/users?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn a_cursor_walks_the_whole_list_once() {
    let service = Service::start().await;
    let (_, admin) = service.administrator("admin@example.com").await;
    // All at the same time: the identifier decides.
    for number in 0..6 {
        service.register(&format!("c{number}@example.com")).await;
    }
    let all = service.signed_in(&admin).get("/auth/users").await.json();
    assert!(all.get("next_cursor").is_none());
    let mut walked = Vec::new();
    let mut path = "/auth/users?limit=3".to_owned();
    for page in 0..3 {
        let body = service.signed_in(&admin).get(&path).await.json();
        walked.extend(body["data"].as_array().unwrap().clone());
        match body.get("next_cursor").and_then(Value::as_str) {
            Some(cursor) => path = format!("/auth/users?limit=3&cursor={cursor}"),
            None => assert_eq!(page, 2),
        }
        // Who comes later does not move what is still to be read.
        service.clock.advance(chrono::Duration::seconds(1));
        service.register(&format!("late{page}@example.com")).await;
    }
    assert_eq!(&walked, all["data"].as_array().unwrap());
    let answer = service.signed_in(&admin).get("/auth/users?cursor=nonsense").await;
    problem(&answer, StatusCode::BAD_REQUEST, "validation");
}

#[tokio::test]
async fn a_role_takes_effect_at_once() {
    let service = Service::start().await;
    let (_, admin) = service.administrator("admin@example.com").await;
    let (id, old) = service.customer(EMAIL).await;
    let answer = service
        .signed_in(&admin)
        .patch(&format!("/auth/users/{id}/role"), &json!({ "role": "vendor" }))
        .await;
    assert_eq!((answer.status, &answer.json()["role"]), (StatusCode::OK, &json!("vendor")));

    problem(&service.validate(&old.access).await, StatusCode::UNAUTHORIZED, "unauthorized");
    // In the very second of the change.
    let new = Tokens::of(&service.refresh(&old).await);
    assert_eq!(service.validate(&new.access).await.json()["user"]["role"], "vendor");

    let event = service.events().await.pop().unwrap();
    assert_eq!(event["event_type"], "UserUpdated");
    assert_eq!((&event["payload"]["user_id"], &event["payload"]["role"]), (&json!(id), &json!("vendor")));
}

#[tokio::test]
async fn deactivation_ends_everything_and_can_be_undone() {
    let service = Service::start().await;
    let (_, admin) = service.administrator("admin@example.com").await;
    let (id, tokens) = service.customer(EMAIL).await;
    let other = service.login(EMAIL).await;
    let path = format!("/auth/users/{id}/active");
    let answer = service.signed_in(&admin).patch(&path, &json!({ "is_active": false })).await;
    assert_eq!((answer.status, &answer.json()["is_active"]), (StatusCode::OK, &json!(false)));
    for tokens in [&tokens, &other] {
        problem(&service.validate(&tokens.access).await, StatusCode::UNAUTHORIZED, "unauthorized");
        problem(&service.refresh(tokens).await, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
    }
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    problem(&service.client.post("/auth/login", &login).await, StatusCode::FORBIDDEN, "account_deactivated");
    assert_eq!(service.events().await.pop().unwrap()["payload"]["is_active"], false);

    let answer = service.signed_in(&admin).patch(&path, &json!({ "is_active": true })).await;
    assert_eq!(answer.json()["is_active"], true);
    let again = service.login(EMAIL).await;
    assert_eq!(service.validate(&again.access).await.status, StatusCode::OK);
    problem(&service.refresh(&tokens).await, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
}

#[tokio::test]
async fn what_is_already_so_changes_nothing() {
    let service = Service::start().await;
    let (_, admin) = service.administrator("admin@example.com").await;
    let (id, tokens) = service.customer(EMAIL).await;
    let events = service.events().await.len();
    let client = service.signed_in(&admin);
    let role = client.patch(&format!("/auth/users/{id}/role"), &json!({ "role": "customer" })).await;
    let active = client.patch(&format!("/auth/users/{id}/active"), &json!({ "is_active": true })).await;
    assert_eq!((role.status, active.status), (StatusCode::OK, StatusCode::OK));
    assert_eq!(service.events().await.len(), events);
    assert_eq!(service.validate(&tokens.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let service = Service::start().await;
    let (id, admin) = service.administrator("admin@example.com").await;
    let client = service.signed_in(&admin);
    let role = client.patch(&format!("/auth/users/{id}/role"), &json!({ "role": "customer" })).await;
    problem(&role, StatusCode::CONFLICT, "last_administrator");
    let active = client.patch(&format!("/auth/users/{id}/active"), &json!({ "is_active": false })).await;
    problem(&active, StatusCode::CONFLICT, "last_administrator");
}

#[tokio::test]
async fn two_administrators_who_remove_each_other_leave_one() {
    let service = Service::start().await;
    let (first, first_tokens) = service.administrator("first@example.com").await;
    let (second, second_tokens) = service.administrator("second@example.com").await;
    let demotion = json!({ "role": "customer" });
    let (one, other) = (service.signed_in(&first_tokens), service.signed_in(&second_tokens));
    let (paths, body) = ([second, first].map(|id| format!("/auth/users/{id}/role")), &demotion);
    let answers = tokio::join!(one.patch(&paths[0], body), other.patch(&paths[1], body));
    let mut statuses = [answers.0.status, answers.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses[0], StatusCode::OK);
    assert!([StatusCode::CONFLICT, StatusCode::UNAUTHORIZED].contains(&statuses[1]), "{statuses:?}");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM users WHERE role = 'admin'")
        .fetch_one(&service.pool)
        .await
        .unwrap();
    assert_eq!(left, 1);
}

#[rstest]
#[case(Method::GET, "", None)]
#[case(Method::PATCH, "/{id}/role", Some(json!({ "role": "admin" })))]
#[case(Method::PATCH, "/{id}/active", Some(json!({ "is_active": false })))]
#[tokio::test]
async fn only_administrators_may(#[case] method: Method, #[case] path: &str, #[case] body: Option<Value>) {
    let service = Service::start().await;
    let (id, customer) = service.customer(EMAIL).await;
    let path = format!("/auth/users{}", path.replace("{id}", &id.to_string()));
    let by_service = service.key.service_token("order", "auth", service.clock.now().timestamp());
    for client in [service.signed_in(&customer), service.client.with_token(&by_service)] {
        let answer = client.json(method.clone(), &path, &body).await;
        problem(&answer, StatusCode::FORBIDDEN, "forbidden");
    }
    let answer = service.client.json(method, &path, &body).await;
    problem(&answer, StatusCode::UNAUTHORIZED, "unauthorized");
    let profile = service.signed_in(&customer).get(&format!("/auth/users/{id}")).await.json();
    assert_eq!((&profile["role"], &profile["is_active"]), (&json!("customer"), &json!(true)));
}

#[tokio::test]
async fn bad_changes_are_refused() {
    let service = Service::start().await;
    let (id, admin) = service.administrator("admin@example.com").await;
    let client = service.signed_in(&admin);
    for (path, body) in [
        ("role", json!({ "role": "service" })),
        ("role", json!({ "role": "root" })),
        ("role", json!({})),
        ("role", json!({ "role": "vendor", "email": "x@example.com" })),
        ("active", json!({ "is_active": "no" })),
        ("active", json!({})),
    ] {
        let answer = client.patch(&format!("/auth/users/{id}/{path}"), &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let nobody = Uuid::now_v7();
    let answer = client.patch(&format!("/auth/users/{nobody}/role"), &json!({ "role": "vendor" })).await;
    problem(&answer, StatusCode::NOT_FOUND, "not_found");
}

#[tokio::test]
async fn a_change_ends_the_tokens_of_a_replica_whose_clock_is_ahead() {
    let service = Service::start().await;
    let (_, admin) = service.administrator("admin@example.com").await;
    let id = service.register(EMAIL).await;
    let ahead = service.replica(|_| {}, None).await;
    service.clock.advance(chrono::Duration::seconds(5));
    let tokens = ahead.login(EMAIL).await;
    service.clock.advance(chrono::Duration::seconds(-5));
    let path = format!("/auth/users/{id}/role");
    let answer = service.signed_in(&admin).patch(&path, &json!({ "role": "vendor" })).await;
    assert_eq!(answer.status, StatusCode::OK);
    problem(&service.validate(&tokens.access).await, StatusCode::UNAUTHORIZED, "unauthorized");
    // One issued afterwards by a clock that is behind is good.
    let new = Tokens::of(&service.refresh(&tokens).await);
    assert_eq!(service.validate(&new.access).await.json()["user"]["role"], "vendor");
}
