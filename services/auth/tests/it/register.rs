//! `POST /auth/register`.

use auth::config::PasswordPolicy;
use http::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};

use crate::service::{EMAIL, Service, id_of, is_documented_time, keys, problem, registration};

#[tokio::test]
async fn an_account_is_opened_and_announced() {
    let service = Service::start().await;
    let answer = service.client.post("/auth/register", &registration(EMAIL)).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let body = answer.json();
    assert_eq!(keys(&body), ["created_at", "email", "first_name", "id", "last_name", "phone", "role"]);
    assert_eq!(body["email"], EMAIL);
    assert_eq!((&body["first_name"], &body["last_name"]), (&json!("Jane"), &json!("Doe")));
    assert_eq!(body["phone"], "+15551234567");
    assert_eq!(body["role"], "customer");
    assert!(is_documented_time(&body["created_at"]));
    assert_eq!(id_of(&body).get_version_num(), 7);
    assert_eq!(answer.header("location"), Some(format!("/auth/users/{}", id_of(&body)).as_str()));

    let events = service.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["event_type"], "UserRegistered");
    assert_eq!(events[0]["payload"]["user_id"], body["id"]);
    let members: Vec<&String> = events[0]["payload"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["registered_at", "role", "user_id"], "who needs more asks");
}

#[tokio::test]
async fn the_phone_is_optional() {
    let service = Service::start().await;
    for (email, phone) in [("a@example.com", None), ("b@example.com", Some(Value::Null))] {
        let mut request = registration(email);
        match phone {
            None => drop(request.as_object_mut().unwrap().remove("phone")),
            Some(phone) => request["phone"] = phone,
        }
        let answer = service.client.post("/auth/register", &request).await;
        assert_eq!(answer.status, StatusCode::CREATED);
        assert_eq!(answer.json()["phone"], Value::Null);
    }
}

#[rstest]
#[case::email("email", json!("jane"), "invalid_email")]
#[case::long_email("email", json!(format!("j@{}.example", "a.".repeat(130))), "too_long")]
#[case::email_with_zero("email", json!("jane\u{0}@example.com"), "invalid_email")]
#[case::short("password", json!("S3cur!a"), "too_short")]
#[case::no_upper("password", json!("s3cur3p@ssw0rd!"), "missing_uppercase")]
#[case::no_lower("password", json!("S3CUR3P@SSW0RD!"), "missing_lowercase")]
#[case::no_digit("password", json!("SecureP@ssword!"), "missing_digit")]
#[case::no_special("password", json!("S3cur3Passw0rd"), "missing_special")]
#[case::long_password("password", json!(format!("Aa1!{}", "a".repeat(1021))), "too_long")]
#[case::no_first_name("first_name", json!(""), "required")]
#[case::long_first_name("first_name", json!("x".repeat(101)), "too_long")]
#[case::zero_in_name("last_name", json!("Do\u{0}e"), "control_character")]
#[case::long_last_name("last_name", json!("x".repeat(101)), "too_long")]
#[case::phone("phone", json!("555-1234"), "invalid_phone")]
#[case::wrong_type("email", json!(7), "invalid")]
#[case::null_name("first_name", Value::Null, "invalid")]
#[tokio::test]
async fn a_broken_rule_is_400_and_names_the_field(
    #[case] field: &str,
    #[case] value: Value,
    #[case] code: &str,
) {
    let service = Service::start().await;
    let mut request = registration(EMAIL);
    request[field] = value;
    let answer = service.client.post("/auth/register", &request).await;
    let body = problem(&answer, StatusCode::BAD_REQUEST, "validation");
    assert_eq!(body["errors"].as_array().unwrap().len(), 1, "{body}");
    assert_eq!((&body["errors"][0]["field"], &body["errors"][0]["code"]), (&json!(field), &json!(code)));
    assert!(service.events().await.is_empty());
}

#[rstest]
#[case("email")]
#[case("password")]
#[case("first_name")]
#[case("last_name")]
#[tokio::test]
async fn a_missing_field_is_400(#[case] field: &str) {
    let service = Service::start().await;
    let mut request = registration(EMAIL);
    request.as_object_mut().unwrap().remove(field);
    let body = problem(
        &service.client.post("/auth/register", &request).await,
        StatusCode::BAD_REQUEST,
        "validation",
    );
    assert_eq!(
        (&body["errors"][0]["field"], &body["errors"][0]["code"]),
        (&json!(field), &json!("required"))
    );
}

#[rstest]
#[case("role", json!("admin"))]
#[case("is_active", json!(true))]
#[case("id", json!("0192f0c1-2345-7890-abcd-ef1234567890"))]
#[tokio::test]
async fn nobody_gives_himself_a_role(#[case] field: &str, #[case] value: Value) {
    let service = Service::start().await;
    let mut request = registration(EMAIL);
    request[field] = value;
    let body = problem(
        &service.client.post("/auth/register", &request).await,
        StatusCode::BAD_REQUEST,
        "validation",
    );
    assert_eq!(body["errors"][0]["code"], "unknown_field");
}

#[tokio::test]
async fn a_known_address_is_409_whatever_its_case() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    for email in [EMAIL, "JANE.DOE@Example.COM"] {
        let answer = service.client.post("/auth/register", &registration(email)).await;
        problem(&answer, StatusCode::CONFLICT, "email_taken");
    }
    assert_eq!(service.events().await.len(), 1);
}

#[tokio::test]
async fn of_many_at_once_one_opens_the_account() {
    let service = Service::start().await;
    let request = registration(EMAIL);
    let answers =
        futures::future::join_all((0..8).map(|_| service.client.post("/auth/register", &request))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::CREATED).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::CONFLICT).count(), 7, "{statuses:?}");
    assert_eq!(service.events().await.len(), 1);
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_answer() {
    let service = Service::start().await;
    let client = service.client.with_header("idempotency-key", "k1");
    let first = client.post("/auth/register", &registration(EMAIL)).await;
    let again = client.post("/auth/register", &registration(EMAIL)).await;
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!((&first.text, first.header("location")), (&again.text, again.header("location")));
    let owner: String =
        sqlx::query_scalar("SELECT owner FROM idempotency_keys").fetch_one(&service.pool).await.unwrap();
    assert!(!owner.contains("jane") && !owner.contains('@'), "{owner}");
    assert_eq!(service.events().await.len(), 1);

    let mut other = registration(EMAIL);
    other["first_name"] = json!("Joan");
    let answer = client.post("/auth/register", &other).await;
    problem(&answer, StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused");
    let elsewhere = client.post("/auth/register", &registration("john@example.com")).await;
    assert_eq!(elsewhere.status, StatusCode::CREATED, "a key of another address is another key");
}

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let service = Service::start().await;
    let send = |kind: &'static str, body: &'static str| {
        let request =
            http::Request::post("/auth/register").header("content-type", kind).body(body.into()).unwrap();
        service.client.request(request)
    };
    problem(&send("application/json", "{").await, StatusCode::BAD_REQUEST, "bad_request");
    problem(&send("text/plain", "{}").await, StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
}

#[tokio::test]
async fn the_length_policy_asks_for_uncommon_passwords_only() {
    let service = Service::start_with(|config| config.password_policy = PasswordPolicy::Length, None).await;
    let mut request = registration(EMAIL);
    request["password"] = json!("Password123");
    let body = problem(
        &service.client.post("/auth/register", &request).await,
        StatusCode::BAD_REQUEST,
        "validation",
    );
    assert_eq!(body["errors"][0]["code"], "too_common");
    request["password"] = json!("correct horse battery staple");
    assert_eq!(service.client.post("/auth/register", &request).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn the_password_is_stored_as_a_hash_only() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    let row: String = sqlx::query_scalar("SELECT row_to_json(u)::text FROM users u")
        .fetch_one(&service.pool)
        .await
        .unwrap();
    assert!(row.contains("$argon2id$v=19$m=64,t=1,p=1$"));
    assert!(!row.contains(crate::service::PASSWORD));
    assert!(!service.events().await[0].to_string().contains("argon2"));
}
