//! A key takes effect once, however often the request is sent.

use axum::response::IntoResponse;
use http::StatusCode;
use http_body_util::BodyExt;
use kit::clock::{ManualClock, SharedClock};
use kit::database::Database;
use kit::idempotency::{self, Answer, Begin, IdempotencyKey, Request};
use kit::problem::{Code, Problem};
use serde_json::json;

use crate::world::{LIMIT, database, eventually};

async fn key(text: &str) -> IdempotencyKey {
    use axum::extract::FromRequestParts;
    let request = http::Request::builder().header("Idempotency-Key", text).body(()).unwrap();
    IdempotencyKey::from_request_parts(&mut request.into_parts().0, &()).await.unwrap()
}

async fn request(owner: &str, text: &str, quantity: u32) -> Request {
    Request::new(owner, &key(text).await, "POST /orders", &json!({ "quantity": quantity })).unwrap()
}

/// A whole request: the status and body that it answers, and whether it took effect.
async fn post(
    database: &Database,
    clock: &SharedClock,
    request: &Request,
) -> Result<(StatusCode, Vec<u8>, bool), Problem> {
    let (answer, effect) = match idempotency::begin(database, clock, Some(request.clone())).await? {
        Begin::Repeated(answer) => (answer, false),
        Begin::Fresh(work) => {
            // Not in the order in which a database would sort them.
            let answer = Answer::created("/orders/1".to_owned(), &json!({ "total": 112.97, "id": 1 }))?;
            (work.commit(answer).await?, true)
        }
    };
    let response = answer.into_response();
    assert_eq!(response.headers()["location"], "/orders/1");
    let (status, body) = (response.status(), response.into_body().collect().await.unwrap().to_bytes());
    Ok((status, body.to_vec(), effect))
}

fn clock() -> (ManualClock, SharedClock) {
    let clock = ManualClock::at(chrono::Utc::now());
    (clock.clone(), clock.shared())
}

#[tokio::test]
async fn the_stored_answer_is_given_again_for_24_hours() {
    let (database, (manual, clock)) = (database().await, clock());
    let request = request("jane", "k1", 2).await;
    let first = post(&database, &clock, &request).await.unwrap();
    assert!(first.2);
    manual.advance(chrono::TimeDelta::hours(23));
    let second = post(&database, &clock, &request).await.unwrap();
    assert!(!second.2);
    // A replay holds no lock, so any number of them can be under way.
    for result in futures::future::join_all((0..20).map(|_| post(&database, &clock, &request))).await {
        assert_eq!(result.unwrap(), second);
    }
    assert_eq!(second.0, StatusCode::CREATED);
    assert_eq!(second.1, first.1, "byte for byte");
    manual.advance(chrono::TimeDelta::hours(2));
    assert!(post(&database, &clock, &request).await.unwrap().2, "a day later the key is free");
}

#[tokio::test]
async fn another_body_under_the_same_key_is_422_and_another_owner_is_free() {
    let (database, (_, clock)) = (database().await, clock());
    post(&database, &clock, &request("jane", "k1", 2).await).await.unwrap();
    let problem = post(&database, &clock, &request("jane", "k1", 3).await).await.unwrap_err();
    assert_eq!(
        (problem.status(), problem.code()),
        (StatusCode::UNPROCESSABLE_ENTITY, Code::IdempotencyKeyReused)
    );
    assert!(post(&database, &clock, &request("john", "k1", 3).await).await.unwrap().2);
}

#[tokio::test]
async fn while_one_is_in_flight_others_get_409() {
    let (database, (_, clock)) = (database().await, clock());
    let request = request("jane", "k1", 2).await;
    let first = idempotency::begin(&database, &clock, Some(request.clone())).await.unwrap();
    assert!(matches!(first, Begin::Fresh(_)));
    let second = tokio::time::timeout(LIMIT, post(&database, &clock, &request)).await;
    let problem = second.expect("it is answered without waiting").unwrap_err();
    assert_eq!((problem.status(), problem.code()), (StatusCode::CONFLICT, Code::IdempotencyInFlight));
    drop(first);
    eventually("what failed may be tried again", async || post(&database, &clock, &request).await.is_ok())
        .await;
}

#[tokio::test]
async fn of_100_parallel_requests_one_takes_effect() {
    let (database, (_, clock)) = (database().await, clock());
    let request = request("jane", "k1", 2).await;
    let all = (0..100).map(|_| post(&database, &clock, &request));
    let mut effects = 0;
    for result in futures::future::join_all(all).await {
        match result {
            Ok((status, _, effect)) => {
                assert_eq!(status, StatusCode::CREATED);
                effects += u32::from(effect);
            }
            Err(problem) => assert_eq!(problem.code(), Code::IdempotencyInFlight, "{problem}"),
        }
    }
    assert_eq!(effects, 1);
}
