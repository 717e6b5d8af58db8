//! `/auth/sessions`.

use chrono::Duration;
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::service::{EMAIL, PASSWORD, Service, Tokens, is_documented_time, keys, problem};

#[tokio::test]
async fn somebody_sees_where_they_are_signed_in() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    let phone = service
        .client
        .with_header("user-agent", "ShopFlow/2 (phone)")
        .with_header("x-forwarded-for", "203.0.113.9");
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    let phone = Tokens::of(&phone.post("/auth/login", &login).await);
    service.clock.advance(Duration::seconds(5));
    let desk = service.login(EMAIL).await;
    service.customer("other@example.com").await;

    let answer = service.signed_in(&desk).get("/auth/sessions").await;
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.json();
    assert_eq!(body["pagination"], json!({ "page": 1, "limit": 20, "total_items": 2, "total_pages": 1 }));
    let [newest, oldest] = body["data"].as_array().unwrap().as_slice() else { panic!("{body}") };
    assert_eq!(keys(newest), ["created_at", "current", "device", "expires_at", "id", "ip", "last_used_at"]);
    assert_eq!((&newest["id"], &newest["current"]), (&json!(desk.session()), &json!(true)));
    assert_eq!((&oldest["id"], &oldest["current"]), (&json!(phone.session()), &json!(false)));
    assert_eq!((&oldest["device"], &oldest["ip"]), (&json!("ShopFlow/2 (phone)"), &json!("203.0.113.9")));
    assert!(is_documented_time(&oldest["last_used_at"]));

    service.clock.advance(Duration::seconds(5));
    Tokens::of(&service.refresh(&phone).await);
    let body = service.signed_in(&desk).get("/auth/sessions").await.json();
    assert_eq!(body["data"][0]["id"], json!(phone.session()), "latest use first");
    assert_eq!(body["data"][0]["device"], "ShopFlow/2 (phone)", "a client that says nothing changes nothing");
}

#[tokio::test]
async fn one_session_can_be_ended_from_another() {
    let service = Service::start().await;
    let (_, lost) = service.customer(EMAIL).await;
    let mine = service.login(EMAIL).await;
    let path = format!("/auth/sessions/{}", lost.session());
    let answer = service.signed_in(&mine).delete(&path).await;
    assert_eq!((answer.status, answer.text.len()), (StatusCode::NO_CONTENT, 0));
    problem(&service.validate(&lost.access).await, StatusCode::UNAUTHORIZED, "unauthorized");
    problem(&service.refresh(&lost).await, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
    assert_eq!(service.validate(&mine.access).await.status, StatusCode::OK);

    problem(&service.signed_in(&mine).delete(&path).await, StatusCode::NOT_FOUND, "not_found");
    let body: Value = service.signed_in(&mine).get("/auth/sessions").await.json();
    assert_eq!(body["pagination"]["total_items"], 1);
}

#[tokio::test]
async fn nobody_ends_somebody_elses_session() {
    let service = Service::start().await;
    let (_, mine) = service.customer(EMAIL).await;
    let (_, others) = service.customer("other@example.com").await;
    for id in [others.session(), Uuid::now_v7()] {
        let answer = service.signed_in(&mine).delete(&format!("/auth/sessions/{id}")).await;
        problem(&answer, StatusCode::NOT_FOUND, "not_found");
    }
    assert_eq!(service.validate(&others.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn sessions_need_a_token_and_a_page_within_bounds() {
    let service = Service::start().await;
    let (_, tokens) = service.customer(EMAIL).await;
    problem(&service.client.get("/auth/sessions").await, StatusCode::UNAUTHORIZED, "unauthorized");
    let delete = service.client.delete(&format!("/auth/sessions/{}", tokens.session())).await;
    problem(&delete, StatusCode::UNAUTHORIZED, "unauthorized");
    for query in ["limit=0", "limit=101", "page=0", "page=x"] {
        let answer = service.signed_in(&tokens).get(&format!("/auth/sessions?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
    let answer = service.signed_in(&tokens).delete("/auth/sessions/not-a-uuid").await;
    problem(&answer, StatusCode::BAD_REQUEST, "validation");
}

#[tokio::test]
async fn a_session_ends_after_its_absolute_life_however_often_it_is_used() {
    let service = Service::start().await;
    let (_, mut tokens) = service.customer(EMAIL).await;
    for _ in 0..12 {
        service.clock.advance(Duration::days(29));
        tokens = Tokens::of(&service.refresh(&tokens).await);
    }
    let body: Value = service.signed_in(&tokens).get("/auth/sessions").await.json();
    let time =
        |field: &str| body["data"][0][field].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>();
    assert_eq!(time("expires_at").unwrap() - time("created_at").unwrap(), Duration::days(365));
    service.clock.advance(Duration::days(17));
    problem(&service.refresh(&tokens).await, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
}

#[tokio::test]
async fn one_session_too_many_ends_the_one_that_was_unused_for_longest() {
    let service = Service::start().await;
    let (_, unused) = service.customer(EMAIL).await;
    service.clock.advance(Duration::seconds(1));
    let oldest = service.login(EMAIL).await;
    for _ in 0..48 {
        service.clock.advance(Duration::seconds(1));
        service.login(EMAIL).await;
    }
    // Used last, the oldest but one is not the one to end.
    let oldest = Tokens::of(&service.refresh(&oldest).await);
    let newest = service.login(EMAIL).await;
    let body: Value = service.signed_in(&newest).get("/auth/sessions").await.json();
    assert_eq!(body["pagination"]["total_items"], 50);
    problem(&service.validate(&unused.access).await, StatusCode::UNAUTHORIZED, "unauthorized");
    problem(&service.refresh(&unused).await, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
    Tokens::of(&service.refresh(&oldest).await);

    let other = service.replica(|_| {}, None).await;
    let sign_ins =
        (0..8).map(|number| if number % 2 == 0 { service.login(EMAIL) } else { other.login(EMAIL) });
    futures::future::join_all(sign_ins).await;
    service
        .until("no more at the same moment", "SELECT count(*) = 50 FROM sessions WHERE ended_at IS NULL")
        .await;
}

#[tokio::test]
async fn a_session_that_was_unused_for_long_ends_without_a_revocation() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    for _ in 0..50 {
        service.login(EMAIL).await;
    }
    service.clock.advance(Duration::hours(2));
    service.login(EMAIL).await;
    service
        .until(
            "its tokens have expired by themselves",
            "SELECT (SELECT count(*) FROM sessions WHERE end_reason = 'limit') = 1
            AND NOT EXISTS (SELECT FROM revocations)",
        )
        .await;
}
