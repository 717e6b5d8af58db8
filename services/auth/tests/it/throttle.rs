//! Slowing down whoever guesses passwords.

use chrono::Duration;
use futures::future::join_all;
use http::StatusCode;
use serde_json::json;
use testing::{Answer, Client};

use crate::service::{EMAIL, PASSWORD, Service, problem};

const WRONG: &str = "Wr0ng!Password";

async fn guess(client: &Client, password: &str) -> Answer {
    client.post("/auth/login", &json!({ "email": EMAIL, "password": password })).await
}

async fn guess_wrong(client: &Client, times: u32) {
    for _ in 0..times {
        assert_eq!(guess(client, WRONG).await.status, StatusCode::UNAUTHORIZED);
    }
}

fn from(service: &Service, ip: &str) -> Client {
    service.client.with_header("x-forwarded-for", ip)
}

/// Guesses at the same moment, one with each client; how many of them were checked. The others have to wait.
async fn burst(clients: impl IntoIterator<Item = Client>) -> usize {
    let guesses = clients.into_iter().map(async |client| guess(&client, WRONG).await.status);
    let statuses = join_all(guesses).await;
    let is = |status| statuses.iter().filter(|answer| **answer == status).count();
    let (checked, waiting) = (is(StatusCode::UNAUTHORIZED), is(StatusCode::TOO_MANY_REQUESTS));
    assert_eq!(checked + waiting, statuses.len(), "{statuses:?}");
    checked
}

/// How many passwords these replicas hashed.
async fn hashed(replicas: &[&Service]) -> u64 {
    let series = r#"password_hash_duration_seconds_count{service="auth",algorithm="argon2"}"#;
    let mut total = 0;
    for replica in replicas {
        total += replica.metric(series).await;
    }
    total
}

#[tokio::test]
async fn a_guesser_waits_and_is_never_locked_out() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    let guesser = from(&service, "203.0.113.1");
    guess_wrong(&guesser, 10).await;

    let refused = guess(&guesser, PASSWORD).await;
    problem(&refused, StatusCode::TOO_MANY_REQUESTS, "too_many_requests");
    assert_eq!(refused.header("retry-after"), Some("1"));

    service.clock.advance(Duration::seconds(1));
    assert_eq!(guess(&guesser, PASSWORD).await.status, StatusCode::OK);
    guess_wrong(&guesser, 10).await;
}

#[tokio::test]
async fn of_fifty_guesses_at_the_same_moment_at_two_replicas_ten_are_checked() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    let other = service.replica(|_| {}, None).await;
    let before = hashed(&[&service, &other]).await;
    let clients = (0..50).map(|number| from(if number % 2 == 0 { &service } else { &other }, "203.0.113.1"));
    assert_eq!(burst(clients).await, 10);
    assert_eq!(hashed(&[&service, &other]).await - before, 10, "no other password was looked at");
    let answer = guess(&from(&other, "203.0.113.1"), PASSWORD).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn when_a_wait_ends_one_of_many_guesses_at_the_same_moment_is_checked() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    let other = service.replica(|_| {}, None).await;
    guess_wrong(&from(&service, "203.0.113.1"), 10).await;
    for wait in [1, 2, 4] {
        service.clock.advance(Duration::seconds(wait));
        let clients =
            (0..20).map(|number| from(if number % 2 == 0 { &service } else { &other }, "203.0.113.1"));
        assert_eq!(burst(clients).await, 1, "after {wait} s");
    }
}

#[tokio::test]
async fn guesses_from_many_addresses_at_the_same_moment_are_a_hundred_per_account() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    let other = service.replica(|_| {}, None).await;
    let mut checked = 0;
    for network in 0..6 {
        let clients = (0..24).map(|host| {
            from(if host % 2 == 0 { &service } else { &other }, &format!("203.0.{network}.{host}"))
        });
        checked += burst(clients).await;
    }
    assert_eq!(checked, 100);
}

#[tokio::test]
async fn a_right_password_is_no_guess() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    for _ in 0..30 {
        assert_eq!(guess(&service.client, PASSWORD).await.status, StatusCode::OK);
    }
    service.until("nothing is counted", "SELECT coalesce(sum(count), 0) = 0 FROM sign_in_failures").await;
}

#[tokio::test]
async fn a_sign_in_that_fails_for_another_reason_is_no_guess() {
    let nowhere = tempfile::tempdir().unwrap();
    let missing = nowhere.path().join("keyring.json");
    let service = Service::start_with(|config| config.signing_keys.clone_from(&missing), None).await;
    service.register(EMAIL).await;
    for _ in 0..12 {
        assert_eq!(guess(&service.client, PASSWORD).await.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    sqlx::query("UPDATE users SET is_active = false").execute(&service.pool).await.unwrap();
    for _ in 0..12 {
        assert_eq!(guess(&service.client, PASSWORD).await.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn the_wait_grows_to_a_minute_and_is_forgotten() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    let guesser = from(&service, "203.0.113.1");
    guess_wrong(&guesser, 10).await;
    for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(guess(&guesser, WRONG).await.header("retry-after"), Some(wait.to_string().as_str()));
        service.clock.advance(Duration::seconds(wait));
        guess_wrong(&guesser, 1).await;
    }
    service.clock.advance(Duration::minutes(16));
    guess_wrong(&guesser, 10).await;
}

#[tokio::test]
async fn one_guesser_keeps_nobody_else_out() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    guess_wrong(&from(&service, "203.0.113.1"), 10).await;
    assert_eq!(guess(&from(&service, "203.0.113.2"), PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn guesses_from_many_addresses_slow_strangers_but_not_the_owner() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    let owner = from(&service, "198.51.100.7");
    assert_eq!(guess(&owner, PASSWORD).await.status, StatusCode::OK);
    for host in 1..=20 {
        guess_wrong(&from(&service, &format!("203.0.113.{host}")), 5).await;
    }
    let stranger = guess(&from(&service, "203.0.113.99"), PASSWORD).await;
    problem(&stranger, StatusCode::TOO_MANY_REQUESTS, "too_many_requests");
    assert_eq!(guess(&owner, PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_case_of_an_address_makes_no_other_guesser() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    for email in ["jane.doe@example.com", "JANE.DOE@EXAMPLE.COM"] {
        for _ in 0..5 {
            let answer =
                service.client.post("/auth/login", &json!({ "email": email, "password": WRONG })).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        }
    }
    assert_eq!(guess(&service.client, PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn unknown_addresses_are_slowed_down_alike() {
    let service = Service::start().await;
    guess_wrong(&service.client, 10).await;
    assert_eq!(guess(&service.client, PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn outcomes_of_sign_ins_are_counted() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    guess(&service.client, PASSWORD).await;
    guess_wrong(&service.client, 10).await;
    guess(&service.client, WRONG).await;
    for (outcome, expected) in [("succeeded", 1), ("wrong_credentials", 10), ("throttled", 1)] {
        let series = format!(r#"sign_ins_total{{service="auth",outcome="{outcome}"}}"#);
        assert_eq!(service.metric(&series).await, expected, "{outcome}");
    }
}
