//! `POST /auth/login`.

use auth::config::PasswordHash;
use http::StatusCode;
use rstest::rstest;
use serde_json::json;

use crate::support::{EMAIL, PASSWORD, Shop, Tokens, problem};

#[tokio::test]
async fn the_right_password_gets_a_pair_of_tokens() {
    let shop = Shop::open().await;
    let id = shop.register(EMAIL).await;
    let tokens = shop.login(EMAIL).await;
    let claims = tokens.claims();
    assert_eq!(claims["sub"], id.to_string());
    assert_eq!(claims["email"], EMAIL);
    assert_eq!(claims["role"], "customer");
    assert_eq!(claims["aud"], "shopflow");
    assert_eq!(claims["iss"], kit::testing::ISSUER);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    for claim in ["nbf", "jti", "sid"] {
        assert!(!claims[claim].is_null(), "{claim}");
    }
    let header = jsonwebtoken::decode_header(&tokens.access).unwrap();
    assert_eq!((header.typ.as_deref(), header.kid.as_deref()), (Some("at+jwt"), Some(shop.key.kid.as_str())));
    assert_eq!(shop.validate(&tokens.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn addresses_compare_without_case() {
    let shop = Shop::open().await;
    shop.register("Jane.Doe@Example.com").await;
    let tokens = shop.login("jane.doe@EXAMPLE.COM").await;
    assert_eq!(tokens.claims()["email"], "Jane.Doe@Example.com");
}

#[rstest]
#[case(json!({ "email": EMAIL }), "password")]
#[case(json!({ "password": PASSWORD }), "email")]
#[tokio::test]
async fn a_missing_field_is_400(#[case] request: serde_json::Value, #[case] field: &str) {
    let shop = Shop::open().await;
    let body =
        problem(&shop.client.post("/auth/login", &request).await, StatusCode::BAD_REQUEST, "validation");
    assert_eq!(
        (&body["errors"][0]["field"], &body["errors"][0]["code"]),
        (&json!(field), &json!("required"))
    );
}

#[tokio::test]
async fn an_unknown_field_is_400() {
    let shop = Shop::open().await;
    let request = json!({ "email": EMAIL, "password": PASSWORD, "role": "admin" });
    problem(&shop.client.post("/auth/login", &request).await, StatusCode::BAD_REQUEST, "validation");
}

#[tokio::test]
async fn unknown_address_and_wrong_password_get_the_same_401() {
    let shop = Shop::open().await;
    shop.register(EMAIL).await;
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
        let answer = shop.client.post("/auth/login", &json!({ "email": email, "password": password })).await;
        let mut body = problem(&answer, StatusCode::UNAUTHORIZED, "invalid_credentials");
        body.as_object_mut().unwrap().remove("instance");
        bodies.push(body);
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
}

#[tokio::test]
async fn only_the_right_password_learns_that_the_account_is_deactivated() {
    let shop = Shop::open().await;
    let id = shop.register(EMAIL).await;
    sqlx::query("UPDATE users SET is_active = false WHERE id = $1")
        .bind(id)
        .execute(&shop.pool)
        .await
        .unwrap();
    let answer = shop.client.post("/auth/login", &json!({ "email": EMAIL, "password": PASSWORD })).await;
    problem(&answer, StatusCode::FORBIDDEN, "account_deactivated");
    let answer =
        shop.client.post("/auth/login", &json!({ "email": EMAIL, "password": "Wr0ng!Password" })).await;
    problem(&answer, StatusCode::UNAUTHORIZED, "invalid_credentials");
    let sessions: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sessions").fetch_one(&shop.pool).await.unwrap();
    assert_eq!(sessions, 0);
}

#[tokio::test]
async fn the_refresh_token_is_stored_as_a_fingerprint_only() {
    let shop = Shop::open().await;
    let (_, tokens) = shop.customer(EMAIL).await;
    let row: String = sqlx::query_scalar("SELECT row_to_json(t)::text FROM refresh_tokens t")
        .fetch_one(&shop.pool)
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
            .fetch_one(&shop.pool)
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
    let before = Shop::open().await;
    before.register(EMAIL).await;
    let after = Shop::open_on(before.pool.clone(), |config| config.password_hash = configured, None);
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
    let shop = Shop::open().await;
    shop.register(EMAIL).await;
    sqlx::query("UPDATE users SET password_hash = $1")
        .bind(bcrypt::hash(PASSWORD, 4).unwrap())
        .execute(&shop.pool)
        .await
        .unwrap();
    let tokens: Tokens = shop.login(EMAIL).await;
    assert_eq!(shop.validate(&tokens.access).await.status, StatusCode::OK);
    let hash: String =
        sqlx::query_scalar("SELECT password_hash FROM users").fetch_one(&shop.pool).await.unwrap();
    assert!(hash.starts_with("$argon2id$"));
}
