//! `POST /auth/validate`, and attacks on it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use http::{Method, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kit::clock::Clock;
use serde_json::{Value, json};

use crate::support::{EMAIL, Shop, TestKey, keys, problem};

#[tokio::test]
async fn a_valid_token_says_whose_it_is() {
    let shop = Shop::open().await;
    let (id, tokens) = shop.customer(EMAIL).await;
    let expected = json!({ "valid": true, "user": { "id": id, "email": EMAIL, "role": "customer" } });
    let answer = shop.validate(&tokens.access).await;
    assert_eq!((answer.status, answer.value()), (StatusCode::OK, expected.clone()));
    let answer = shop.client.post("/auth/validate", &json!({ "token": tokens.access })).await;
    assert_eq!((answer.status, answer.value()), (StatusCode::OK, expected));
}

#[tokio::test]
async fn a_service_token_for_auth_is_valid_and_for_another_service_is_not() {
    let shop = Shop::open().await;
    let now = shop.clock.now().timestamp();
    let answer = shop.validate(&shop.key.service_token("order", "auth", now)).await;
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.value();
    assert_eq!(keys(&body["user"]), ["id", "role"]);
    assert_eq!((&body["user"]["id"], &body["user"]["role"]), (&json!("service:order"), &json!("service")));
    refused(&shop, &shop.key.service_token("order", "notification", now)).await;
}

#[tokio::test]
async fn no_token_is_401() {
    let shop = Shop::open().await;
    let answer = shop.client.send(Method::POST, "/auth/validate", None::<&()>).await;
    problem(&answer, StatusCode::UNAUTHORIZED, "unauthorized");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    for body in [json!({}), json!({ "token": 7 }), json!("x"), json!({ "token": "" })] {
        problem(&shop.client.post("/auth/validate", &body).await, StatusCode::UNAUTHORIZED, "unauthorized");
    }
    for header in ["", "Bearer", "Bearer ", "Basic amFuZTpkb2U=", "bearer x.y.z", "Bearer a.b"] {
        let client = shop.client.with_header("authorization", header);
        let answer = client.send(Method::POST, "/auth/validate", None::<&()>).await;
        problem(&answer, StatusCode::UNAUTHORIZED, "unauthorized");
    }
}

#[tokio::test]
async fn a_token_expires_after_an_hour() {
    let shop = Shop::open().await;
    let (_, tokens) = shop.customer(EMAIL).await;
    shop.clock.advance(Duration::minutes(59));
    assert_eq!(shop.validate(&tokens.access).await.status, StatusCode::OK);
    // Clocks may differ by a few seconds.
    shop.clock.advance(Duration::minutes(2));
    refused(&shop, &tokens.access).await;
}

async fn refused(shop: &Shop, token: &str) {
    problem(&shop.validate(token).await, StatusCode::UNAUTHORIZED, "unauthorized");
    let body = shop.client.post("/auth/validate", &json!({ "token": token })).await;
    problem(&body, StatusCode::UNAUTHORIZED, "unauthorized");
}

/// A shop, and the claims of a token that it accepts.
async fn shop_and_claims() -> (Shop, Value) {
    let shop = Shop::open().await;
    let (_, tokens) = shop.customer(EMAIL).await;
    let claims = tokens.claims();
    let token = shop.key.sign(&shop.key.header(), &claims);
    assert_eq!(
        shop.validate(&token).await.status,
        StatusCode::OK,
        "the attacks below fail for their own reason"
    );
    (shop, claims)
}

fn unsigned(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

#[tokio::test]
async fn unsigned_tokens_are_refused() {
    let (shop, claims) = shop_and_claims().await;
    for algorithm in ["none", "None", "NONE", ""] {
        let header = json!({ "typ": "at+jwt", "alg": algorithm, "kid": shop.key.kid });
        for signature in ["", "AAAA"] {
            refused(&shop, &unsigned(&header, &claims, signature)).await;
        }
    }
}

#[tokio::test]
async fn the_public_key_is_no_shared_secret() {
    let (shop, claims) = shop_and_claims().await;
    let header = Header { alg: Algorithm::HS256, ..shop.key.header() };
    let jwk = shop.key.jwk();
    let secrets = [shop.key.public.clone(), jwk["x"].as_str().unwrap().into(), jwk.to_string().into_bytes()];
    for secret in secrets {
        let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&secret)).unwrap();
        refused(&shop, &token).await;
    }
}

#[tokio::test]
async fn keys_that_are_not_ours_are_refused_wherever_the_header_points() {
    let (shop, claims) = shop_and_claims().await;
    let foreign = TestKey::generate();
    refused(&shop, &foreign.sign(&foreign.header(), &claims)).await;
    refused(&shop, &foreign.sign(&shop.key.header(), &claims)).await;
    let pointed = Header {
        jku: Some("https://attacker.example/jwks.json".into()),
        x5u: Some("https://attacker.example/cert.pem".into()),
        jwk: Some(serde_json::from_value(foreign.jwk()).unwrap()),
        ..shop.key.header()
    };
    refused(&shop, &foreign.sign(&pointed, &claims)).await;
    refused(&shop, &shop.key.sign(&Header { kid: None, ..shop.key.header() }, &claims)).await;
    let traversal = Header { kid: Some("../../../../dev/null".into()), ..shop.key.header() };
    refused(&shop, &shop.key.sign(&traversal, &claims)).await;
}

#[tokio::test]
async fn claims_for_somebody_else_are_refused() {
    let (shop, claims) = shop_and_claims().await;
    let now = shop.clock.now().timestamp();
    for (claim, value) in [
        ("iss", json!("https://other.example")),
        ("aud", json!("order")),
        ("aud", json!("auth")),
        ("exp", json!(now - 60)),
        ("nbf", json!(now + 600)),
        ("iat", json!(now + 600)),
        ("sub", json!("service:order")),
        ("sub", json!("not a user")),
        ("role", json!("root")),
        ("role", json!("service")),
        ("exp", json!(i64::MAX)),
    ] {
        let mut changed = claims.clone();
        changed[claim] = value;
        refused(&shop, &shop.key.sign(&shop.key.header(), &changed)).await;
    }
    for claim in ["iss", "aud", "exp", "sub", "role", "iat"] {
        let mut changed = claims.clone();
        changed.as_object_mut().unwrap().remove(claim);
        refused(&shop, &shop.key.sign(&shop.key.header(), &changed)).await;
    }
}

#[tokio::test]
async fn tokens_of_another_type_are_refused() {
    let (shop, claims) = shop_and_claims().await;
    for kind in [Some("JWT"), Some("id+jwt"), None] {
        let header = Header { typ: kind.map(str::to_owned), ..shop.key.header() };
        refused(&shop, &shop.key.sign(&header, &claims)).await;
    }
}

#[tokio::test]
async fn changed_tokens_are_refused() {
    let (shop, claims) = shop_and_claims().await;
    let token = shop.key.sign(&shop.key.header(), &claims);
    let parts: Vec<&str> = token.split('.').collect();
    let mut promoted = claims.clone();
    promoted["role"] = json!("admin");
    let promoted = URL_SAFE_NO_PAD.encode(promoted.to_string());
    refused(&shop, &format!("{}.{promoted}.{}", parts[0], parts[2])).await;
    refused(&shop, &format!("{}.{}.", parts[0], parts[1])).await;
    refused(&shop, &format!("{}.{}", parts[0], parts[1])).await;
    refused(&shop, &format!("{token}.{}", parts[2])).await;
    refused(&shop, &"a".repeat(100_000)).await;
}
