//! `POST /auth/refresh`: rotation, reuse, lost responses, races.

use chrono::Duration;
use http::StatusCode;
use rstest::rstest;
use serde_json::json;

use crate::service::{EMAIL, Service, Tokens, problem};

#[tokio::test]
async fn a_refresh_gives_a_new_pair_of_the_same_session() {
    let service = Service::start().await;
    let (_, first) = service.customer(EMAIL).await;
    let second = Tokens::of(&service.refresh(&first).await);
    assert_ne!(second.refresh, first.refresh);
    assert_ne!(second.access, first.access);
    assert_eq!(second.session(), first.session());
    for tokens in [&first, &second] {
        assert_eq!(service.validate(&tokens.access).await.status, StatusCode::OK);
    }
    let third = Tokens::of(&service.refresh(&second).await);
    assert_eq!(third.session(), first.session());
}

#[rstest]
#[case("")]
#[case("nonsense")]
#[case("sfr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
#[tokio::test]
async fn an_unknown_token_is_401(#[case] token: &str) {
    let service = Service::start().await;
    let answer = service.client.post("/auth/refresh", &json!({ "refresh_token": token })).await;
    problem(&answer, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
}

#[tokio::test]
async fn a_missing_token_is_400() {
    let service = Service::start().await;
    let body = problem(
        &service.client.post("/auth/refresh", &json!({})).await,
        StatusCode::BAD_REQUEST,
        "validation",
    );
    assert_eq!(body["errors"][0]["field"], "refresh_token");
}

#[tokio::test]
async fn an_access_token_does_not_refresh_and_a_refresh_token_does_not_validate() {
    let service = Service::start().await;
    let (_, tokens) = service.customer(EMAIL).await;
    let answer = service.client.post("/auth/refresh", &json!({ "refresh_token": tokens.access })).await;
    problem(&answer, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
    problem(&service.validate(&tokens.refresh).await, StatusCode::UNAUTHORIZED, "unauthorized");
}

#[tokio::test]
async fn a_token_expires_after_thirty_days_without_use() {
    let service = Service::start().await;
    let (_, first) = service.customer(EMAIL).await;
    service.clock.advance(Duration::days(29));
    let second = Tokens::of(&service.refresh(&first).await);
    service.clock.advance(Duration::days(30));
    problem(&service.refresh(&second).await, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
}

#[tokio::test]
async fn a_lost_response_can_be_asked_for_again_for_ten_seconds() {
    let service = Service::start().await;
    let (_, first) = service.customer(EMAIL).await;
    let lost = Tokens::of(&service.refresh(&first).await);
    service.clock.advance(Duration::seconds(10));
    let again = Tokens::of(&service.refresh(&first).await);
    assert_eq!(again.refresh, lost.refresh, "the same successor");
    assert_eq!(service.validate(&again.access).await.status, StatusCode::OK);
    Tokens::of(&service.refresh(&again).await);
}

#[tokio::test]
async fn reuse_after_ten_seconds_ends_the_session() {
    let service = Service::start().await;
    let (_, first) = service.customer(EMAIL).await;
    let other = service.login(EMAIL).await;
    let second = Tokens::of(&service.refresh(&first).await);
    service.clock.advance(Duration::seconds(11));

    problem(&service.refresh(&first).await, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
    problem(&service.refresh(&second).await, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
    for tokens in [&first, &second] {
        problem(&service.validate(&tokens.access).await, StatusCode::UNAUTHORIZED, "unauthorized");
    }
    assert_eq!(service.validate(&other.access).await.status, StatusCode::OK, "other sessions go on");
    let reason: String = sqlx::query_scalar("SELECT end_reason FROM sessions WHERE ended_at IS NOT NULL")
        .fetch_one(&service.pool)
        .await
        .unwrap();
    assert_eq!(reason, "reuse");
    for (outcome, expected) in [("rotated", 1), ("reused", 1), ("refused", 1)] {
        let series = format!(r#"refreshes_total{{service="auth",outcome="{outcome}"}}"#);
        assert_eq!(service.metric(&series).await, expected, "{outcome}");
    }
}

#[tokio::test]
async fn reuse_of_an_earlier_token_ends_the_session_at_once() {
    let service = Service::start().await;
    let (_, first) = service.customer(EMAIL).await;
    let second = Tokens::of(&service.refresh(&first).await);
    let third = Tokens::of(&service.refresh(&second).await);
    problem(&service.refresh(&first).await, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
    problem(&service.refresh(&third).await, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
}

#[tokio::test]
async fn parallel_refreshes_get_one_successor() {
    let service = Service::start().await;
    let (_, first) = service.customer(EMAIL).await;
    let answers = futures::future::join_all((0..16).map(|_| service.refresh(&first))).await;
    let pairs: Vec<Tokens> = answers.iter().map(Tokens::of).collect();
    assert!(pairs.iter().all(|pair| pair.refresh == pairs[0].refresh));
    let stored: i64 =
        sqlx::query_scalar("SELECT count(*) FROM refresh_tokens").fetch_one(&service.pool).await.unwrap();
    assert_eq!(stored, 2);
    Tokens::of(&service.refresh(&pairs[7]).await);
}

#[tokio::test]
async fn a_deactivated_account_does_not_refresh() {
    let service = Service::start().await;
    let (id, tokens) = service.customer(EMAIL).await;
    sqlx::query("UPDATE users SET is_active = false WHERE id = $1")
        .bind(id)
        .execute(&service.pool)
        .await
        .unwrap();
    problem(&service.refresh(&tokens).await, StatusCode::UNAUTHORIZED, "invalid_refresh_token");
}

#[tokio::test]
async fn a_refresh_states_the_role_of_now() {
    let service = Service::start().await;
    let (id, first) = service.customer(EMAIL).await;
    sqlx::query("UPDATE users SET role = 'vendor' WHERE id = $1")
        .bind(id)
        .execute(&service.pool)
        .await
        .unwrap();
    assert_eq!(Tokens::of(&service.refresh(&first).await).claims()["role"], "vendor");
}
