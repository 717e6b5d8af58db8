//! `POST /auth/login`.

use auth::config::PasswordHash;
use http::StatusCode;
use rstest::rstest;
use serde_json::json;

use crate::service::{EMAIL, PASSWORD, SOON, Service, Tokens, problem};

#[tokio::test]
async fn the_right_password_gets_a_pair_of_tokens() {
    let service = Service::start().await;
    let id = service.register(EMAIL).await;
    let tokens = service.login(EMAIL).await;
    let claims = tokens.claims();
    assert_eq!(claims["sub"], id.to_string());
    assert_eq!(claims["email"], EMAIL);
    assert_eq!(claims["role"], "customer");
    assert_eq!(claims["aud"], "shopflow");
    assert_eq!(claims["iss"], testing::ISSUER);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    for claim in ["nbf", "jti", "sid"] {
        assert!(!claims[claim].is_null(), "{claim}");
    }
    let header = jsonwebtoken::decode_header(&tokens.access).unwrap();
    assert_eq!(
        (header.typ.as_deref(), header.kid.as_deref()),
        (Some("at+jwt"), Some(service.key.kid.as_str()))
    );
    assert_eq!(service.validate(&tokens.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn addresses_compare_without_case() {
    let service = Service::start().await;
    service.register("Jane.Doe@Example.com").await;
    let tokens = service.login("jane.doe@EXAMPLE.COM").await;
    assert_eq!(tokens.claims()["email"], "Jane.Doe@Example.com");
}

#[rstest]
#[case(json!({ "email": EMAIL }), "password")]
#[case(json!({ "password": PASSWORD }), "email")]
#[tokio::test]
async fn a_missing_field_is_400(#[case] request: serde_json::Value, #[case] field: &str) {
    let service = Service::start().await;
    let body =
        problem(&service.client.post("/auth/login", &request).await, StatusCode::BAD_REQUEST, "validation");
    assert_eq!(
        (&body["errors"][0]["field"], &body["errors"][0]["code"]),
        (&json!(field), &json!("required"))
    );
}

#[tokio::test]
async fn an_unknown_field_is_400() {
    let service = Service::start().await;
    let request = json!({ "email": EMAIL, "password": PASSWORD, "role": "admin" });
    problem(&service.client.post("/auth/login", &request).await, StatusCode::BAD_REQUEST, "validation");
}

#[tokio::test]
async fn unknown_address_and_wrong_password_get_the_same_401() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    let mut bodies = Vec::new();
    for (email, password) in [
        (EMAIL, "Wr0ng!Password"),
        ("nobody@example.com", PASSWORD),
        ("not an address", PASSWORD),
        ("zero\u{0}@example.com", PASSWORD),
        (EMAIL, ""),
        (EMAIL, &"x".repeat(2000)),
        (&"x".repeat(2000), PASSWORD),
    ] {
        let answer =
            service.client.post("/auth/login", &json!({ "email": email, "password": password })).await;
        let mut body = problem(&answer, StatusCode::UNAUTHORIZED, "invalid_credentials");
        body.as_object_mut().unwrap().remove("instance");
        bodies.push(body);
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
}

#[tokio::test]
async fn only_the_right_password_learns_that_the_account_is_deactivated() {
    let service = Service::start().await;
    let id = service.register(EMAIL).await;
    sqlx::query("UPDATE users SET is_active = false WHERE id = $1")
        .bind(id)
        .execute(&service.pool)
        .await
        .unwrap();
    let answer = service.client.post("/auth/login", &json!({ "email": EMAIL, "password": PASSWORD })).await;
    problem(&answer, StatusCode::FORBIDDEN, "account_deactivated");
    let answer =
        service.client.post("/auth/login", &json!({ "email": EMAIL, "password": "Wr0ng!Password" })).await;
    problem(&answer, StatusCode::UNAUTHORIZED, "invalid_credentials");
    let sessions: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sessions").fetch_one(&service.pool).await.unwrap();
    assert_eq!(sessions, 0);
}

#[tokio::test]
async fn the_refresh_token_is_stored_as_a_fingerprint_only() {
    let service = Service::start().await;
    let (_, tokens) = service.customer(EMAIL).await;
    let row: String = sqlx::query_scalar("SELECT row_to_json(t)::text FROM refresh_tokens t")
        .fetch_one(&service.pool)
        .await
        .unwrap();
    assert!(!row.contains(tokens.refresh.trim_start_matches("sfr_")));
    let decoded = {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(tokens.refresh.trim_start_matches("sfr_"))
            .unwrap()
    };
    let raw: i64 =
        sqlx::query_scalar("SELECT count(*) FROM refresh_tokens WHERE fingerprint = $1 OR salt = $1")
            .bind(decoded)
            .fetch_one(&service.pool)
            .await
            .unwrap();
    assert_eq!(raw, 0);
}

#[rstest]
#[case::other_cost(PasswordHash::Argon2id { memory_kib: 128, iterations: 1, parallelism: 1 }, "$argon2id$v=19$m=128,")]
#[case::other_algorithm(PasswordHash::Bcrypt { cost: 4 }, "bcrypt-sha256:$2b$04$")]
#[tokio::test]
async fn a_hash_with_other_parameters_is_renewed_at_sign_in(
    #[case] configured: PasswordHash,
    #[case] prefix: &str,
) {
    let before = Service::start().await;
    before.register(EMAIL).await;
    let after = before.replica(|config| config.password_hash = configured, None).await;
    let hash = async || -> String {
        sqlx::query_scalar("SELECT password_hash FROM users").fetch_one(&before.pool).await.unwrap()
    };

    let wrong =
        after.client.post("/auth/login", &json!({ "email": EMAIL, "password": "Wr0ng!Password" })).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(hash().await.starts_with("$argon2id$v=19$m=64,"), "a wrong password renews nothing");

    after.login(EMAIL).await;
    let renewed = hash().await;
    assert!(renewed.starts_with(prefix), "{renewed}");
    after.login(EMAIL).await;
    assert_eq!(hash().await, renewed, "a current hash stays");
    before.login(EMAIL).await;
}

#[tokio::test]
async fn accounts_of_a_system_with_plain_bcrypt_sign_in() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    sqlx::query("UPDATE users SET password_hash = $1")
        .bind(bcrypt::hash(PASSWORD, 4).unwrap())
        .execute(&service.pool)
        .await
        .unwrap();
    let tokens: Tokens = service.login(EMAIL).await;
    assert_eq!(service.validate(&tokens.access).await.status, StatusCode::OK);
    let hash: String =
        sqlx::query_scalar("SELECT password_hash FROM users").fetch_one(&service.pool).await.unwrap();
    assert!(hash.starts_with("$argon2id$"));
}

/// How often each algorithm is computed for a sign-in that is refused.
async fn computed(service: &Service, email: &str, password: &str) -> [u64; 2] {
    let count = async |algorithm: &str| {
        let name = "password_hash_duration_seconds_count";
        service.metric(&format!(r#"{name}{{service="auth",algorithm="{algorithm}"}}"#)).await
    };
    let before = [count("argon2").await, count("bcrypt").await];
    let answer = service.client.post("/auth/login", &json!({ "email": email, "password": password })).await;
    problem(&answer, StatusCode::UNAUTHORIZED, "invalid_credentials");
    [count("argon2").await - before[0], count("bcrypt").await - before[1]]
}

#[tokio::test]
async fn a_refused_sign_in_hashes_the_same_for_every_address() {
    let mut service = Service::start().await;
    for email in ["new@example.com", "old@example.com", "gone@example.com"] {
        service.register(email).await;
    }
    assert_eq!(computed(&service, "nobody@example.com", "Wr0ng!Password").await, [1, 0]);
    sqlx::query("UPDATE users SET password_hash = $1 WHERE email = 'old@example.com'")
        .bind(bcrypt::hash(PASSWORD, 4).unwrap())
        .execute(&service.pool)
        .await
        .unwrap();
    sqlx::query("UPDATE users SET is_active = false WHERE email = 'gone@example.com'")
        .execute(&service.pool)
        .await
        .unwrap();
    service.run_background();
    testbed::until(SOON, "the old scheme is known", async || {
        (computed(&service, &format!("{}@example.com", uuid::Uuid::now_v7()), "x").await == [1, 1])
            .then_some(())
    })
    .await
    .unwrap();
    for email in
        ["nobody@example.com", "new@example.com", "old@example.com", "gone@example.com", "no address"]
    {
        assert_eq!(computed(&service, email, "Wr0ng!Password").await, [1, 1], "{email}");
    }
}

#[tokio::test]
async fn a_hash_that_cannot_be_read_is_a_wrong_password() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    sqlx::query("UPDATE users SET password_hash = 'imported'").execute(&service.pool).await.unwrap();
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    problem(
        &service.client.post("/auth/login", &login).await,
        StatusCode::UNAUTHORIZED,
        "invalid_credentials",
    );
}

#[tokio::test]
async fn a_password_that_is_changed_while_it_is_checked_opens_no_session() {
    let service = Service::start().await;
    let id = service.register(EMAIL).await;
    let mut change = service.pool.begin().await.unwrap();
    // Holds the account, as a change of its password does, while the sign-in still finds the old hash.
    sqlx::query("UPDATE users SET password_hash = $2 WHERE id = $1")
        .bind(id)
        .bind(bcrypt::hash("An0ther!Password", 4).unwrap())
        .execute(&mut *change)
        .await
        .unwrap();
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    let client = service.client.clone();
    let sign_in = tokio::spawn(async move { client.post("/auth/login", &login).await });
    service.until(
        "the password was right and the sign-in waits for the account",
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')",
    )
    .await;
    change.commit().await.unwrap();
    problem(&sign_in.await.unwrap(), StatusCode::UNAUTHORIZED, "invalid_credentials");
    let sessions: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sessions").fetch_one(&service.pool).await.unwrap();
    assert_eq!(sessions, 0);
}

#[tokio::test]
async fn sign_ins_that_renew_a_hash_at_the_same_moment_all_succeed() {
    let before = Service::start().await;
    before.register(EMAIL).await;
    let after = before.replica(|config| config.password_hash = PasswordHash::Bcrypt { cost: 4 }, None).await;
    let answers = futures::future::join_all((0..6).map(|_| after.login(EMAIL))).await;
    assert_eq!(answers.len(), 6);
}

#[tokio::test]
async fn registrations_without_end_refuse_registrations_and_no_sign_in() {
    // Each hash takes long enough that the queue fills.
    let service =
        Service::start_with(|config| config.password_hash = PasswordHash::Bcrypt { cost: 10 }, None).await;
    service.register(EMAIL).await;
    let cores = std::thread::available_parallelism().unwrap().get();
    let flood = (0..16 * cores).map(|number| {
        let (client, body) =
            (service.client.clone(), crate::service::registration(&format!("{number}@example.com")));
        tokio::spawn(async move { client.post("/auth/register", &body).await })
    });
    let flood: Vec<_> = flood.collect();
    let refused = async || flood.iter().any(tokio::task::JoinHandle::is_finished).then_some(());
    testbed::until(SOON, "some registration has an answer", refused).await.unwrap();
    service.login(EMAIL).await;
    let answers = futures::future::join_all(flood).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.as_ref().unwrap().status).collect();
    let busy = answers.iter().flatten().find(|answer| answer.status == StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(busy.expect("a queue has an end").header("retry-after"), Some("1"), "{statuses:?}");
    assert!(statuses.contains(&StatusCode::CREATED));
}
