//! `POST /auth/validate`, and attacks on it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use http::{Method, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kit::clock::Clock;
use serde_json::{Value, json};

use crate::service::{EMAIL, Service, TestKey, keys, problem};

#[tokio::test]
async fn a_valid_token_says_whose_it_is() {
    let service = Service::start().await;
    let (id, tokens) = service.customer(EMAIL).await;
    let expected = json!({ "valid": true, "user": { "id": id, "email": EMAIL, "role": "customer" } });
    let answer = service.validate(&tokens.access).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, expected.clone()));
    let answer = service.client.post("/auth/validate", &json!({ "token": tokens.access })).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, expected));
}

#[tokio::test]
async fn a_service_token_for_auth_is_valid_and_for_another_service_is_not() {
    let service = Service::start().await;
    let now = service.clock.now().timestamp();
    let answer = service.validate(&service.key.service_token("order", "auth", now)).await;
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.json();
    assert_eq!(keys(&body["user"]), ["id", "role"]);
    assert_eq!((&body["user"]["id"], &body["user"]["role"]), (&json!("service:order"), &json!("service")));
    refused(&service, &service.key.service_token("order", "notification", now)).await;
}

#[tokio::test]
async fn no_token_is_401() {
    let service = Service::start().await;
    let answer = service.client.send(Method::POST, "/auth/validate", None).await;
    problem(&answer, StatusCode::UNAUTHORIZED, "unauthorized");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    for body in [json!({}), json!({ "token": 7 }), json!("x"), json!({ "token": "" })] {
        problem(
            &service.client.post("/auth/validate", &body).await,
            StatusCode::UNAUTHORIZED,
            "unauthorized",
        );
    }
    for header in ["", "Bearer", "Bearer ", "Basic amFuZTpkb2U=", "bearer x.y.z", "Bearer a.b"] {
        let client = service.client.with_header("authorization", header);
        let answer = client.send(Method::POST, "/auth/validate", None).await;
        problem(&answer, StatusCode::UNAUTHORIZED, "unauthorized");
    }
}

#[tokio::test]
async fn a_token_expires_after_an_hour() {
    let service = Service::start().await;
    let (_, tokens) = service.customer(EMAIL).await;
    service.clock.advance(Duration::minutes(59));
    assert_eq!(service.validate(&tokens.access).await.status, StatusCode::OK);
    // Clocks may differ by a few seconds.
    service.clock.advance(Duration::minutes(2));
    refused(&service, &tokens.access).await;
}

async fn refused(service: &Service, token: &str) {
    problem(&service.validate(token).await, StatusCode::UNAUTHORIZED, "unauthorized");
    let body = service.client.post("/auth/validate", &json!({ "token": token })).await;
    problem(&body, StatusCode::UNAUTHORIZED, "unauthorized");
}

/// A service, and the claims of a token that it accepts.
async fn shop_and_claims() -> (Service, Value) {
    let service = Service::start().await;
    let (_, tokens) = service.customer(EMAIL).await;
    let claims = tokens.claims();
    let token = service.key.sign(&service.key.header(), &claims);
    assert_eq!(
        service.validate(&token).await.status,
        StatusCode::OK,
        "the attacks below fail for their own reason"
    );
    (service, claims)
}

fn unsigned(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

#[tokio::test]
async fn unsigned_tokens_are_refused() {
    let (service, claims) = shop_and_claims().await;
    for algorithm in ["none", "None", "NONE", ""] {
        let header = json!({ "typ": "at+jwt", "alg": algorithm, "kid": service.key.kid });
        for signature in ["", "AAAA"] {
            refused(&service, &unsigned(&header, &claims, signature)).await;
        }
    }
}

#[tokio::test]
async fn the_public_key_is_no_shared_secret() {
    let (service, claims) = shop_and_claims().await;
    let header = Header { alg: Algorithm::HS256, ..service.key.header() };
    let jwk = service.key.jwk();
    let secrets =
        [service.key.public.clone(), jwk["x"].as_str().unwrap().into(), jwk.to_string().into_bytes()];
    for secret in secrets {
        let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&secret)).unwrap();
        refused(&service, &token).await;
    }
}

#[tokio::test]
async fn keys_that_are_not_ours_are_refused_wherever_the_header_points() {
    let (service, claims) = shop_and_claims().await;
    let foreign = TestKey::generate();
    refused(&service, &foreign.sign(&foreign.header(), &claims)).await;
    refused(&service, &foreign.sign(&service.key.header(), &claims)).await;
    let pointed = Header {
        jku: Some("https://attacker.example/jwks.json".into()),
        x5u: Some("https://attacker.example/cert.pem".into()),
        jwk: Some(serde_json::from_value(foreign.jwk()).unwrap()),
        ..service.key.header()
    };
    refused(&service, &foreign.sign(&pointed, &claims)).await;
    refused(&service, &service.key.sign(&Header { kid: None, ..service.key.header() }, &claims)).await;
    let traversal = Header { kid: Some("../../../../dev/null".into()), ..service.key.header() };
    refused(&service, &service.key.sign(&traversal, &claims)).await;
}

#[tokio::test]
async fn claims_for_somebody_else_are_refused() {
    let (service, claims) = shop_and_claims().await;
    let now = service.clock.now().timestamp();
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
        refused(&service, &service.key.sign(&service.key.header(), &changed)).await;
    }
    for claim in ["iss", "aud", "exp", "sub", "role", "iat"] {
        let mut changed = claims.clone();
        changed.as_object_mut().unwrap().remove(claim);
        refused(&service, &service.key.sign(&service.key.header(), &changed)).await;
    }
}

#[tokio::test]
async fn tokens_of_another_type_are_refused() {
    let (service, claims) = shop_and_claims().await;
    for kind in [Some("JWT"), Some("id+jwt"), None] {
        let header = Header { typ: kind.map(str::to_owned), ..service.key.header() };
        refused(&service, &service.key.sign(&header, &claims)).await;
    }
}

#[tokio::test]
async fn changed_tokens_are_refused() {
    let (service, claims) = shop_and_claims().await;
    let token = service.key.sign(&service.key.header(), &claims);
    let parts: Vec<&str> = token.split('.').collect();
    let mut promoted = claims.clone();
    promoted["role"] = json!("admin");
    let promoted = URL_SAFE_NO_PAD.encode(promoted.to_string());
    refused(&service, &format!("{}.{promoted}.{}", parts[0], parts[2])).await;
    refused(&service, &format!("{}.{}.", parts[0], parts[1])).await;
    refused(&service, &format!("{}.{}", parts[0], parts[1])).await;
    refused(&service, &format!("{token}.{}", parts[2])).await;
    refused(&service, &"a".repeat(100_000)).await;
}
