//! `/auth/sessions`.

use chrono::Duration;
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{EMAIL, PASSWORD, Shop, Tokens, is_documented_time, keys, problem};

#[tokio::test]
async fn somebody_sees_where_they_are_signed_in() {
    let shop = Shop::open().await;
    shop.register(EMAIL).await;
    let phone = shop
        .client
        .with_header("user-agent", "ShopFlow/2 (phone)")
        .with_header("x-forwarded-for", "203.0.113.9");
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    let phone = Tokens::of(&phone.post("/auth/login", &login).await);
    shop.clock.advance(Duration::seconds(5));
    let desk = shop.login(EMAIL).await;
    shop.customer("other@example.com").await;

    let answer = shop.signed_in(&desk).get("/auth/sessions").await;
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.value();
    assert_eq!(body["pagination"], json!({ "page": 1, "limit": 20, "total_items": 2, "total_pages": 1 }));
    let [newest, oldest] = body["data"].as_array().unwrap().as_slice() else { panic!("{body}") };
    assert_eq!(keys(newest), ["created_at", "current", "device", "expires_at", "id", "ip", "last_used_at"]);
    assert_eq!((&newest["id"], &newest["current"]), (&json!(desk.session()), &json!(true)));
    assert_eq!((&oldest["id"], &oldest["current"]), (&json!(phone.session()), &json!(false)));
    assert_eq!((&oldest["device"], &oldest["ip"]), (&json!("ShopFlow/2 (phone)"), &json!("203.0.113.9")));
    assert!(is_documented_time(&oldest["last_used_at"]));

    shop.clock.advance(Duration::seconds(5));
    Tokens::of(&shop.refresh(&phone).await);
    let body = shop.signed_in(&desk).get("/auth/sessions").await.value();
    assert_eq!(body["data"][0]["id"], json!(phone.session()), "latest use first");
    assert_eq!(body["data"][0]["device"], "ShopFlow/2 (phone)", "a client that says nothing changes nothing");
}

#[tokio::test]
async fn one_session_can_be_ended_from_another() {
    let shop = Shop::open().await;
    let (_, lost) = shop.customer(EMAIL).await;
    let mine = shop.login(EMAIL).await;
    let path = format!("/auth/sessions/{}", lost.session());
    let answer = shop.signed_in(&mine).delete(&path).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0));
    problem(&shop.validate(&lost.access).await, StatusCode::UNAUTHORIZED, "unauthorized");
    problem(&shop.refresh(&lost).await, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
    assert_eq!(shop.validate(&mine.access).await.status, StatusCode::OK);

    problem(&shop.signed_in(&mine).delete(&path).await, StatusCode::NOT_FOUND, "not_found");
    let body: Value = shop.signed_in(&mine).get("/auth/sessions").await.value();
    assert_eq!(body["pagination"]["total_items"], 1);
}

#[tokio::test]
async fn nobody_ends_somebody_elses_session() {
    let shop = Shop::open().await;
    let (_, mine) = shop.customer(EMAIL).await;
    let (_, others) = shop.customer("other@example.com").await;
    for id in [others.session(), Uuid::now_v7()] {
        let answer = shop.signed_in(&mine).delete(&format!("/auth/sessions/{id}")).await;
        problem(&answer, StatusCode::NOT_FOUND, "not_found");
    }
    assert_eq!(shop.validate(&others.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn sessions_need_a_token_and_a_page_within_bounds() {
    let shop = Shop::open().await;
    let (_, tokens) = shop.customer(EMAIL).await;
    problem(&shop.client.get("/auth/sessions").await, StatusCode::UNAUTHORIZED, "unauthorized");
    let delete = shop.client.delete(&format!("/auth/sessions/{}", tokens.session())).await;
    problem(&delete, StatusCode::UNAUTHORIZED, "unauthorized");
    for query in ["limit=0", "limit=101", "page=0", "page=x"] {
        let answer = shop.signed_in(&tokens).get(&format!("/auth/sessions?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
    let answer = shop.signed_in(&tokens).delete("/auth/sessions/not-a-uuid").await;
    problem(&answer, StatusCode::BAD_REQUEST, "validation");
}

#[tokio::test]
async fn a_session_ends_after_its_absolute_life_however_often_it_is_used() {
    let shop = Shop::open().await;
    let (_, mut tokens) = shop.customer(EMAIL).await;
    for _ in 0..12 {
        shop.clock.advance(Duration::days(29));
        tokens = Tokens::of(&shop.refresh(&tokens).await);
    }
    let body: Value = shop.signed_in(&tokens).get("/auth/sessions").await.value();
    let time =
        |field: &str| body["data"][0][field].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>();
    assert_eq!(time("expires_at").unwrap() - time("created_at").unwrap(), Duration::days(365));
    shop.clock.advance(Duration::days(17));
    problem(&shop.refresh(&tokens).await, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
}

#[tokio::test]
async fn one_session_too_many_ends_the_one_that_was_unused_for_longest() {
    let shop = Shop::open().await;
    let (_, unused) = shop.customer(EMAIL).await;
    shop.clock.advance(Duration::seconds(1));
    let oldest = shop.login(EMAIL).await;
    for _ in 0..48 {
        shop.clock.advance(Duration::seconds(1));
        shop.login(EMAIL).await;
    }
    // Used last, the oldest but one is not the one to end.
    let oldest = Tokens::of(&shop.refresh(&oldest).await);
    let newest = shop.login(EMAIL).await;
    let body: Value = shop.signed_in(&newest).get("/auth/sessions").await.value();
    assert_eq!(body["pagination"]["total_items"], 50);
    problem(&shop.validate(&unused.access).await, StatusCode::UNAUTHORIZED, "unauthorized");
    problem(&shop.refresh(&unused).await, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
    Tokens::of(&shop.refresh(&oldest).await);

    let other = shop.replica(|_| {}, None);
    let sign_ins = (0..8).map(|number| if number % 2 == 0 { shop.login(EMAIL) } else { other.login(EMAIL) });
    futures::future::join_all(sign_ins).await;
    shop.until("no more at the same moment", "SELECT count(*) = 50 FROM sessions WHERE ended_at IS NULL")
        .await;
}

#[tokio::test]
async fn a_session_that_was_unused_for_long_ends_without_a_revocation() {
    let shop = Shop::open().await;
    shop.register(EMAIL).await;
    for _ in 0..50 {
        shop.login(EMAIL).await;
    }
    shop.clock.advance(Duration::hours(2));
    shop.login(EMAIL).await;
    shop.until(
        "its tokens have expired by themselves",
        "SELECT (SELECT count(*) FROM sessions WHERE end_reason = 'limit') = 1
            AND NOT EXISTS (SELECT FROM revocations)",
    )
    .await;
}
